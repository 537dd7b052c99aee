"""Who calls (:rfc:`3325`, :rfc:`3323`, :rfc:`5806`, :rfc:`7044`, :rfc:`5373`), and who we say that we are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.identity import CallerIdentity, caller_identity
from offhook.sip.messages.message import Headers, Request
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.messages.uri import parse_uri
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import OFFER


def caller(more: str = "", *, name: str = "<sip:bob@pbx.test>", trusted: bool = True) -> CallerIdentity:
    text = message(more=more, caller=f"{name};tag=b1").replace("\n", "\r\n")
    request = parse_datagram(text.encode())
    assert isinstance(request, Request)
    return caller_identity(request, trusted)


# -- shown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('"Bob" <sip:bob@pbx.test>', "Bob"),
        ("<sip:+4512345678@pbx.test;user=phone>", "+4512345678"),
        ("<sip:1002@pbx.test>", "1002"),
        ("<sip:bob@pbx.test>", "bob@pbx.test"),
        ("<tel:+45-12-34-56-78>", "+4512345678"),
        ("<sip:pbx.test>", "pbx.test"),
        ('"  " <sip:1002@pbx.test>', "1002"),
        ('"evil\x07\x1b[2Jname" <sip:1002@pbx.test>', "evil\ufffd\ufffd[2Jname"),
        ('"' + "x" * 500 + '" <sip:1002@pbx.test>', "x" * 80),
    ],
)
def test_a_person_is_shown_the_name_or_else_the_number(name: str, shown: str) -> None:
    assert caller(name=name).display == shown


def test_what_the_server_asserts_goes_before_what_the_caller_says() -> None:
    identity = caller('P-Asserted-Identity: "Cullen" <sip:fluffy@pbx.test>\n', name='"Bank" <sip:bank@evil.test>')
    assert identity.display == "Cullen"
    assert identity.asserted is not None
    assert str(identity.asserted.uri) == "sip:fluffy@pbx.test"


def test_of_two_asserted_identities_the_first_counts() -> None:
    identity = caller("P-Asserted-Identity: tel:+4512345678, <sip:x@y>\n")
    assert identity.display == "+4512345678"


def test_a_stranger_asserts_nothing() -> None:
    more = 'P-Asserted-Identity: "Police" <sip:police@x>\nDiversion: <sip:a@b>\nAnswer-Mode: Auto\n'
    identity = caller(more, trusted=False)
    assert (identity.asserted, identity.display) == (None, "bob@pbx.test")
    assert (identity.diverted_from, identity.auto_answer, identity.verstat) == ("", False, "")


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("Privacy: id\n", '"Bob" <sip:bob@pbx.test>'),
        ("Privacy: header;id;critical\n", '"Bob" <sip:bob@pbx.test>'),
        ("Privacy: user\n", '"Bob" <sip:bob@pbx.test>'),
        ("", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ("", "<sip:anonymous@pbx.test>"),
    ],
)
def test_who_wants_to_be_anonymous_is(more: str, name: str) -> None:
    identity = caller(f"P-Asserted-Identity: <sip:bob@pbx.test>\n{more}", name=name)
    assert identity.privacy
    assert identity.display == "anonymous"


@pytest.mark.parametrize("more", ["Privacy: none\n", "Privacy: history\n", "Privacy: session\n", ""])
def test_other_privacy_is_no_wish_to_be_anonymous(more: str) -> None:
    identity = caller(more, name='"Bob" <sip:bob@pbx.test>')
    assert not identity.privacy
    assert identity.display == "Bob"


# -- diverted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('Diversion: "Ann" <sip:ann@x>;reason=user-busy;counter=1\n', ("Ann", "user-busy")),
        (
            "Diversion: <sip:1005@x>;reason=no-answer\nDiversion: <sip:1@x>;reason=away\n",
            ("1005", "no-answer"),
        ),
        ("Diversion: <tel:+4512345678>;privacy=full;reason=away\n", ("anonymous", "away")),
        ("Diversion: broken <\n", ("", "")),
        (
            "History-Info: <sip:UserA@ims.test?Reason=SIP%3Bcause%3D302>;index=1\n"
            "History-Info: <sip:UserB@x>;index=1.1\n",
            ("UserA@ims.test", "302"),
        ),
        (
            "History-Info: <sip:1001@x>;index=1, <sip:1002@x;cause=486>;index=1.1;mp=1,"
            "<sip:1002@10.0.0.1;cause=486>;index=1.1.1;rc=1.1\n",
            ("1001", "486"),
        ),
        ("History-Info: <sip:1001@x>;index=1, <sip:1002@y;cause=408>;index=1.1;mp=1\n", ("1001", "408")),
        ("History-Info: <sip:1001@x>;index=1, <sip:1001@10.0.0.1>;index=1.1;rc=1\n", ("", "")),
        (
            "History-Info: <sip:a@x?Reason=SIP%3Bcause%3D404&Privacy=history>;index=1, <sip:b@y>;index=1.1\n",
            ("anonymous", "404"),
        ),
        ("History-Info: <sip:1001@x>;index=1\n", ("", "")),
    ],
)
def test_who_passed_the_call_on_is_told(more: str, expected: tuple[str, str]) -> None:
    identity = caller(more)
    assert (identity.diverted_from, identity.diversion) == expected


# -- answer modes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("Answer-Mode: Auto\n", (True, 0.0)),
        ("Answer-Mode: auto;require\n", (True, 0.0)),
        ("Priv-Answer-Mode: Auto\n", (True, 0.0)),
        ("Answer-Mode: Manual\n", (False, 0.0)),
        ("Answer-Mode: Manual\nCall-Info: <sip:x>;answer-after=0\n", (False, 0.0)),
        ("Answer-Mode: Manual\nPriv-Answer-Mode: Auto\n", (True, 0.0)),
        ("Answer-Mode: Manual ; require\nPriv-Answer-Mode: Auto\n", (False, 0.0)),
        ("Answer-Mode: Later\nCall-Info: <sip:x>;answer-after=3\n", (True, 3.0)),
        ("Call-Info: <sip:x>;answer-after=0\n", (True, 0.0)),
        ("Call-Info: <http://x/p.png>;purpose=icon, <sip:x>; answer-after = 5\n", (True, 5.0)),
        ("Call-Info: <http://x/p.png>;purpose=icon\n", (False, 0.0)),
        ("Alert-Info: <http://127.0.0.1>;info=alert-autoanswer\n", (True, 0.0)),
        ('Alert-Info: <sip:x>;info="Auto Answer"\n', (True, 0.0)),
        ("Alert-Info: Ring-Answer\n", (True, 0.0)),
        ("Alert-Info: Auto Answer\n", (True, 0.0)),
        ("Alert-Info: <urn:alert:source:external>\n", (False, 0.0)),
        ("", (False, 0.0)),
    ],
)
def test_whether_the_phone_shall_answer_by_itself(more: str, expected: tuple[bool, float]) -> None:
    identity = caller(more)
    assert (identity.auto_answer, identity.answer_after) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("Alert-Info: <urn:alert:source:external>;x=1\n", "urn:alert:source:external"),
        ("Alert-Info: Bellcore-dr3\n", "Bellcore-dr3"),
        ("Alert-Info: ;info=x\n", ""),
        ("", ""),
    ],
)
def test_how_the_phone_shall_ring(more: str, expected: str) -> None:
    assert caller(more).alert_info == expected


@pytest.mark.parametrize(
    ("more", "style"),
    [
        ("Alert-Info: Bellcore-dr3\n", 3),
        ("Alert-Info: <http://127.0.0.1/Bellcore-dr2>\n", 2),
        ("Alert-Info: <http://10.0.0.9>;info=bellcore-dr4\n", 4),
        ("Alert-Info: <urn:alert:source:external>\nAlert-Info: <Bellcore-dr5>\n", 5),
        ("Alert-Info: Bellcore-dr12\n", 0),
        ("Alert-Info: Bellcore-dr6\n", 0),
        ("Subject: Bellcore-dr2\n", 0),
    ],
)
def test_kinds_of_calls_are_told_apart_by_their_ring(more: str, style: int) -> None:
    assert caller(more).ring_style == style


# -- verstat -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "name", "expected"),
    [
        ("P-Asserted-Identity: <tel:+1555;verstat=TN-Validation-Passed>\n", "<sip:b@x>", "TN-Validation-Passed"),
        ("", "<sip:+1555;verstat=TN-Validation-Failed@x;user=phone>", "TN-Validation-Failed"),
        ("", "<sip:+1555@x;verstat=No-TN-Validation>", "No-TN-Validation"),
        ("P-Asserted-Identity: <sip:+1555@x>;verstat=TN-Validation-Passed-A\n", "<sip:b@x>", "TN-Validation-Passed-A"),
        ("", "<sip:+1555;verstat=@x>", ""),
        ("", "<sip:+1555@x>", ""),
    ],
)
def test_what_the_network_found_out_about_the_number(more: str, name: str, expected: str) -> None:
    assert caller(more, name=name).verstat == expected


def test_a_number_with_verstat_in_it_is_shown_as_a_number() -> None:
    assert caller(name="<sip:+15551234;verstat=TN-Validation-Passed@x;user=phone>").display == "+15551234"


# -- in the endpoint -------------------------------------------------------------------------------------------------


def test_an_incoming_call_says_who_calls() -> None:
    alone = Alone(auto_answer=True)
    alone.say(message(more='P-Asserted-Identity: "Ann" <sip:ann@pbx.test>\nCall-Info: <sip:x>;answer-after=0\n'))
    (event,) = alone.events()
    assert isinstance(event, ev.IncomingCall)
    assert (event.caller.display, event.caller.auto_answer) == ("Ann", True)


def test_an_incoming_call_from_a_stranger_is_not_believed() -> None:
    alone = Alone()
    more = 'P-Asserted-Identity: "Ann" <sip:ann@pbx.test>\nCall-Info: <sip:x>;answer-after=0\n'
    alone.say(message(more=more), remote=("10.0.0.66", 5060))
    (event,) = alone.events()
    assert isinstance(event, ev.IncomingCall)
    assert (event.caller.display, event.caller.auto_answer) == ("bob@pbx.test", False)


def test_a_private_call_shows_us_to_the_server_alone() -> None:
    alone = Alone(privacy=True, display_name="Alice")
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert invite.from_.display == "Anonymous"
    assert invite.from_.tag
    assert invite.headers.get("Privacy") == "id"
    assert invite.headers.get("P-Preferred-Identity") == '"Alice" <sip:1001@pbx.test>'
    assert [str(contact.uri) for contact in invite.contacts] == ["sip:anonymous@10.0.0.1:5060"]
    shown = [value for name, value in invite.headers if name != "P-Preferred-Identity"]
    assert not any("1001" in value or "Alice" in value for value in shown)


def test_a_private_call_stays_so_within_its_dialog() -> None:
    alone = Alone(privacy=True)
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 200, more="Contact: <sip:bob@10.0.0.9:5060>\n", body="v=0"))
    alone.endpoint.reinvite("o1", OFFER, alone.now)
    (again,) = alone.heard()
    assert str(again.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert [str(contact.uri) for contact in again.contacts] == ["sip:anonymous@10.0.0.1:5060"]


@pytest.mark.parametrize(("target", "headers"), [("urn:service:sos", ()), ("112", (("Priority", "emergency"),))])
def test_an_emergency_call_always_says_who_calls(target: str, headers: tuple[tuple[str, str], ...]) -> None:
    alone = Alone(privacy=True)
    alone.endpoint.call("o1", "desk", target, OFFER, alone.now, headers=headers)
    (invite,) = alone.heard()
    assert str(invite.from_.uri) == "sip:1001@pbx.test"
    assert "Privacy" not in invite.headers


def test_a_private_account_still_registers_by_its_name() -> None:
    alone = Alone(privacy=True, register=True)
    (register,) = [m for m in alone.heard() if isinstance(m, Request) and m.method == "REGISTER"]
    assert str(register.from_.uri) == "sip:1001@pbx.test"


NAMES = ("P-Asserted-Identity", "Privacy", "Diversion", "History-Info", "Alert-Info", "Call-Info", "Answer-Mode")
PIECES = ("<sip:a@b>", ";index=1", ";mp=1", ",", "?Reason=SIP%3Bcause%3D302", '"', "tel:+1", ";verstat=x", ";cause=1")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=6).map("".join)),
        ),
        max_size=6,
    )
)
def test_whatever_the_headers_hold_somebody_calls(fields: list[tuple[str, str]]) -> None:
    headers = Headers()
    headers.add("From", "<sip:bob@pbx.test>;tag=1")
    for name, value in fields:
        if "\r" not in value and "\n" not in value:
            headers.add(name, value)
    identity = caller_identity(Request("INVITE", parse_uri("sip:x@y"), headers), True)
    for shown in (identity.display, identity.diverted_from, identity.alert_info, identity.verstat, identity.diversion):
        assert shown.isprintable()
        assert len(shown) <= 80
    assert identity.display
