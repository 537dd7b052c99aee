"""What a registrar says of bindings (:rfc:`3680`), and what we do when it took ours away."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.subscriptions.reg_info import parse_reg_info
from tests.support.sip_alone import Alone, answer, message


def document(*contacts: tuple[str, str, str], state: str = "full", version: int = 0, more: str = "") -> bytes:
    inside = "".join(
        f'<contact id="{n}" state="{word}" event="{event}" {more}><uri>{uri}</uri></contact>'
        for n, (uri, word, event) in enumerate(contacts)
    )
    return (
        f'<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" state="{state}">'
        f'<registration aor="sip:1001@pbx.test" id="a7" state="active">{inside}</registration></reginfo>'
    ).encode()


def contact(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


OURS = "sip:1001@10.0.0.1:5060"


def test_the_word_on_our_binding_is_found() -> None:
    info = parse_reg_info(
        document(
            ("sip:1001@10.0.0.7", "active", "registered"), (OURS, "terminated", "probation"), more='retry-after="9"'
        )
    )
    binding = info.of(contact(OURS))
    assert binding is not None
    assert (binding.state, binding.event, binding.retry_after) == ("terminated", "probation", 9)


def test_a_binding_that_a_full_document_does_not_name_is_gone() -> None:
    binding = parse_reg_info(document(("sip:1001@10.0.0.7", "active", "created"))).of(contact(OURS))
    assert binding is not None
    assert (binding.state, binding.event) == ("terminated", "expired")
    assert parse_reg_info(document(("sip:1001@10.0.0.7", "active", "x"), state="partial")).of(contact(OURS)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"<x/>",
        b"",
        document((OURS, "lost", "x")),
        document(("", "active", "x")),
        document(state="some"),
        document().replace(b'version="0"', b""),
        b'<!DOCTYPE x SYSTEM "http://x/">' + document(),
    ],
)
def test_what_is_no_such_document_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_reg_info(data)
    assert caught.value.status == 400


WHOLE = document((OURS, "active", "registered"), ("sip:x@y", "terminated", "rejected"))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(max_size=6)), max_size=5))
def test_any_document_is_read_or_refused(changes: list[tuple[int, bytes]]) -> None:
    damaged = WHOLE
    for place, bytes_ in changes:
        damaged = damaged[:place] + bytes_ + damaged[place + len(bytes_) :]
    with suppress(RemoteError):
        parse_reg_info(damaged).of(contact(OURS))


# -- and what we do ------------------------------------------------------------------------------------------------


def registered() -> tuple[Alone, Request]:
    """A phone that is registered and has subscribed to its own registration; return its SUBSCRIBE too."""
    alone = Alone(register=True, watch_registration=True, keepalive=0.0)
    (register,) = alone.heard()
    assert isinstance(register, Request)
    alone.say(answer(register, 200, more=f"Contact: <{OURS}>;expires=3600\n"))
    (subscribe,) = alone.pass_time(0)
    assert isinstance(subscribe, Request)
    alone.say(answer(subscribe, 200, tag="n1", more="Expires: 3600\n"))
    return alone, subscribe


def told(alone: Alone, subscribe: Request, body: bytes, cseq: int = 1) -> list[str]:
    """The registrar notifies; return the methods of what we send within a second."""
    text = message(
        "NOTIFY",
        branch=f"z9hG4bKr{cseq}",
        to=subscribe.headers.get("From") or "",
        caller="<sip:1001@pbx.test>;tag=n1",
        call_id=subscribe.call_id,
        cseq=cseq,
        more="Event: reg\nSubscription-State: active;expires=3600\nContent-Type: application/reginfo+xml\n",
        body=body.decode(),
    )
    sent = alone.say(text)
    assert isinstance(sent[0], Response)
    assert sent[0].status == 200
    return methods(alone.pass_time(0.3))


def methods(messages: list[Request | Response]) -> list[str]:
    return [m.method for m in messages if isinstance(m, Request)]


def test_a_registered_phone_subscribes_to_its_registration() -> None:
    _, subscribe = registered()
    assert (subscribe.method, subscribe.headers.get("Event")) == ("SUBSCRIBE", "reg")
    assert str(subscribe.uri) == "sip:1001@pbx.test"
    assert subscribe.headers.get("Accept") == "application/reginfo+xml"


@pytest.mark.parametrize("event", ["deactivated", "expired", "unregistered"])
def test_a_binding_that_was_taken_away_is_made_anew_at_once(event: str) -> None:
    alone, subscribe = registered()
    assert told(alone, subscribe, document((OURS, "terminated", event))) == ["REGISTER"]


def test_a_binding_that_is_no_longer_named_is_made_anew() -> None:
    alone, subscribe = registered()
    assert told(alone, subscribe, document()) == ["REGISTER"]


def test_on_probation_the_phone_waits_as_long_as_it_is_told() -> None:
    alone, subscribe = registered()
    document_ = document((OURS, "terminated", "probation"), more='retry-after="90"')
    assert told(alone, subscribe, document_) == []
    assert methods(alone.pass_time(89)) == []
    assert methods(alone.pass_time(1)) == ["REGISTER"]


@pytest.mark.parametrize(
    "contact_",
    [(OURS, "active", "refreshed"), (OURS, "terminated", "rejected")],
)
def test_otherwise_nothing_is_done(contact_: tuple[str, str, str]) -> None:
    alone, subscribe = registered()
    assert told(alone, subscribe, document(contact_)) == []


def test_another_phones_binding_does_not_matter() -> None:
    alone, subscribe = registered()
    gone = document(("sip:1001@10.0.0.7", "terminated", "deactivated"), state="partial")
    assert told(alone, subscribe, gone) == []


def test_registrar_and_phone_do_not_chase_each_other() -> None:
    alone, subscribe = registered()
    alone.now += 100
    gone = document((OURS, "terminated", "deactivated"))
    count = 0
    for cseq in range(1, 9):
        count += told(alone, subscribe, gone, cseq).count("REGISTER")
        register = next(t for _, t in reversed(alone.sent) if t.data.startswith(b"REGISTER"))
        request = parse_datagram(register.data)
        alone.say(answer(request, 200, more=f"Contact: <{OURS}>;expires=3600\n"))
    assert count == 1
    assert methods(alone.pass_time(31)).count("REGISTER") >= 1


def test_a_document_that_cannot_be_read_is_passed_over() -> None:
    alone, subscribe = registered()
    assert told(alone, subscribe, b"<nonsense") == []


def test_an_account_that_does_not_want_it_does_not_ask() -> None:
    alone = Alone(register=True)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more=f"Contact: <{OURS}>;expires=3600\n"))
    assert alone.pass_time(1) == []
