"""Who gets through the door: servers and peers of live dialogs; all others hear one and the same."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.events import CloseFlow, Flow, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.policy.gate import IDLE_S, MAX_PER_STRANGER, MAX_STRANGERS
from offhook.sip.settings import EndpointSettings
from tests.support.sip_alone import HERE, THERE, Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER

STRANGER = ("203.0.113.9", 5060)
STRICT = EndpointSettings(accept_from="servers", rate_limit=20.0)
VIA = "SIP/2.0/UDP 203.0.113.9:5060"
METHODS = ["INVITE", "REGISTER", "BYE", "CANCEL", "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "UPDATE", "NONSENSE"]


def strange(method: str = "INVITE", uri: str = "sip:1001@10.0.0.1", **more: str) -> str:
    """Return a request from the stranger."""
    return message(method, uri, **({"via": VIA, "body": "v=0" if method == "INVITE" else ""} | more))  # type: ignore[arg-type]


def one(messages: list[Request | Response]) -> Response:
    (response,) = messages
    assert isinstance(response, Response)
    return response


def in_call(settings: EndpointSettings = STRICT) -> tuple[Alone, str, str]:
    """An endpoint with a call from its server that is up; its handle and our tag."""
    alone = Alone(settings)
    alone.say(message(body="v=0"))
    (incoming,) = alone.events()
    assert isinstance(incoming, ev.IncomingCall)
    alone.endpoint.answer(incoming.call, ANSWER, alone.now)
    ok = one(alone.heard())
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={ok.to.tag}"))
    alone.events()
    return alone, incoming.call, ok.to.tag or ""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("user", ["1001@", "9999@", ""])
def test_a_stranger_gets_403_whatever_he_asks_of_whom(method: str, user: str) -> None:
    alone = Alone(STRICT)
    assert one(alone.say(strange(method, f"sip:{user}10.0.0.1"), remote=STRANGER)).status == 403
    assert alone.events() == []
    assert len(alone.endpoint._core.transactions) == 0


def test_the_refusal_is_the_same_but_for_what_must_be_echoed() -> None:
    def refusal(method: str, user: str) -> bytes:
        alone = Alone(STRICT)
        alone.say(strange(method, f"sip:{user}@10.0.0.1", to="<sip:x@y>"), remote=STRANGER)
        (_, transmit) = alone.sent[-1]
        return transmit.data.replace(b"CSeq: 1 " + method.encode(), b"CSeq: 1 X")

    known = refusal("INVITE", "1001")
    assert known == refusal("INVITE", "4711")
    lines = [line.partition(b":")[0] for line in known.split(b"\r\n")]
    assert lines == [b"SIP/2.0 403 Forbidden", b"Via", b"To", b"From", b"Call-ID", b"CSeq", b"Content-Length", b"", b""]
    for method in ("REGISTER", "BYE"):
        kinds = [line.partition(b":")[0] for line in refusal(method, "1001").split(b"\r\n")]
        assert kinds == lines


@pytest.mark.parametrize("user", ["1001@", "9999@", ""])
def test_a_strangers_options_gets_a_200_that_says_nothing_of_us(user: str) -> None:
    response = one(Alone(STRICT).say(strange("OPTIONS", f"sip:{user}10.0.0.1"), remote=STRANGER))
    assert response.status == 200
    for name in ("Server", "User-Agent", "Allow", "Accept", "Supported", "Contact"):
        assert name not in response.headers


def test_404_is_for_those_who_are_trusted() -> None:
    alone = Alone(STRICT)
    assert one(alone.say(message(uri="sip:9999@10.0.0.1", body="v=0"))).status == 404
    assert one(alone.say(message("OPTIONS", "sip:9999@10.0.0.1"))).status == 404


def test_what_a_stranger_sends_that_cannot_be_read_gets_the_same_403() -> None:
    alone = Alone(STRICT)
    for broken in (("CSeq: 1 INVITE", "CSeq: x"), ("SIP/2.0\n", "SIP/3.0\n"), ("To: <", "To: <<")):
        response = one(alone.say(strange().replace(*broken), remote=STRANGER))
        assert (response.status, response.reason) == (403, "Forbidden")
        assert "Server" not in response.headers
    assert "Server" in one(alone.say(message().replace("CSeq: 1 INVITE", "CSeq: x"))).headers


def test_a_strangers_ack_and_responses_are_ignored() -> None:
    alone = Alone(STRICT)
    assert alone.say(strange("ACK"), remote=STRANGER) == []
    ok = f"SIP/2.0 200 OK\nVia: SIP/2.0/UDP {HERE[0]};branch=z9hG4bKno\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\n"
    assert alone.say(ok + "Call-ID: c\nCSeq: 1 INVITE\nContent-Length: 0\n\n", remote=STRANGER) == []
    assert alone.events() == []


def test_a_listed_network_is_let_in() -> None:
    listed = (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"))
    alone = Alone(replace(STRICT, accept_from="listed", listed=listed))
    assert one(alone.say(strange(), remote=STRANGER)).status == 100
    for number, ip in enumerate(("2001:db8::9", "198.51.100.1", "2001:db9::1")):
        text = strange(branch=f"z9hG4bKl{number}", call_id=f"l{number}")
        assert one(alone.say(text, remote=(ip, 5060))).status == (403 if number else 100)
    assert one(alone.say(message(branch="z9hG4bKs", call_id="s", body="v=0"))).status == 100


def test_a_list_counts_only_where_it_is_asked_for() -> None:
    alone = Alone(replace(STRICT, listed=(ip_network("203.0.113.0/24"),)))
    assert one(alone.say(strange(), remote=STRANGER)).status == 403


def test_a_server_that_has_a_name_is_trusted_once_it_was_resolved() -> None:
    alone = Alone(STRICT, server="proxy.pbx.test", register=True)
    lookups = [event for event in alone.events() if isinstance(event, ev.Lookup)]
    assert one(alone.say(strange(), remote=STRANGER)).status == 403
    alone.endpoint.resolved(lookups[0].key, [ev.Target("udp", STRANGER[0], 5060)], alone.now)
    alone.heard()
    again = strange(branch="z9hG4bKagain", call_id="again")
    assert one(alone.say(again, remote=STRANGER)).status == 100


def test_the_server_of_an_account_that_does_not_register_is_asked_for_before_it_calls() -> None:
    def lookups(alone: Alone) -> list[ev.Lookup]:
        return [event for event in alone.events() if isinstance(event, ev.Lookup)]

    alone = Alone(STRICT, server="proxy.pbx.test")
    (asked,) = lookups(alone)
    assert one(alone.say(strange(), remote=STRANGER)).status == 403
    alone.endpoint.unresolvable(asked.key, "no such name", alone.now)
    assert lookups(alone) == []
    alone.pass_time(31)
    (asked,) = lookups(alone)
    alone.endpoint.resolved(asked.key, [ev.Target("udp", STRANGER[0], 5060)], alone.now)
    assert one(alone.say(strange(branch="z9hG4bKagain", call_id="again"), remote=STRANGER)).status == 100
    alone.events()
    alone.pass_time(301)
    assert len(lookups(alone)) == 1
    alone.endpoint.register(replace(alone.account, expires=60), alone.now)
    assert lookups(alone) == []  # the name is being asked for already


def test_requests_of_a_dialog_are_matched_by_tags_wherever_they_come_from() -> None:
    alone, call, tag = in_call()
    to = f"<sip:1001@pbx.test>;tag={tag}"
    wrong = strange("BYE", to="<sip:1001@pbx.test>;tag=guess", cseq=2, branch="z9hG4bKguess")  # type: ignore[arg-type]
    assert one(alone.say(wrong, remote=STRANGER)).status == 403
    assert alone.events() == []
    assert one(alone.say(strange("BYE", to=to, cseq=2, branch="z9hG4bKbye"), remote=STRANGER)).status == 200  # type: ignore[arg-type]
    assert next(event for event in alone.events() if isinstance(event, ev.CallOver)).call == call


def test_a_bye_that_is_repeated_after_the_call_gets_its_200_again() -> None:
    alone, _, tag = in_call()
    bye = strange("BYE", to=f"<sip:1001@pbx.test>;tag={tag}", cseq=2, branch="z9hG4bKbye")  # type: ignore[arg-type]
    assert one(alone.say(bye, remote=STRANGER)).status == 200
    assert one(alone.say(bye, remote=STRANGER)).status == 200
    assert one(alone.say(bye, remote=("203.0.113.10", 5060))).status == 403


def test_who_a_dialog_is_up_with_is_trusted_while_it_is_up() -> None:
    alone = Alone(STRICT)
    alone.endpoint.call("o1", "desk", "sip:bob@203.0.113.9", OFFER, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    first = strange(branch="z9hG4bK1", call_id="1")
    assert one(alone.say(first, remote=STRANGER)).status == 403
    alone.say(answer(invite, 200, body="v=0", more="Contact: <sip:bob@203.0.113.9>\n"), remote=STRANGER)
    alone.events()
    second = strange(branch="z9hG4bK2", call_id="2")
    assert one(alone.say(second, remote=STRANGER)).status == 100
    alone.endpoint.hang_up("o1", alone.now)
    alone.pass_time(40)
    alone.endpoint.reject("i1", 486, "", alone.now)
    alone.pass_time(40)
    third = strange(branch="z9hG4bK3", call_id="3")
    assert one(alone.say(third, remote=STRANGER)).status == 403


def test_a_cancel_is_heard_from_where_the_invite_came_and_from_nobody_else() -> None:
    alone = Alone(STRICT)
    alone.say(message(body="v=0"))
    alone.events()
    assert one(alone.say(message("CANCEL"), remote=STRANGER)).status == 403
    assert alone.events() == []
    assert [m.status for m in alone.say(message("CANCEL")) if isinstance(m, Response)] == [200, 487]


def test_a_flood_gets_silence_and_a_place_in_time_again() -> None:
    alone = Alone(STRICT)
    answers = [alone.say(strange(branch=f"z9hG4bK{n}", call_id=str(n)), remote=STRANGER) for n in range(200)]
    assert [len(answer) for answer in answers] == [1] * 40 + [0] * 160
    assert alone.say("junk", remote=STRANGER) == []
    alone.pass_time(1)
    later = [alone.say(strange(branch=f"z9hG4bKl{n}", call_id=f"l{n}"), remote=STRANGER) for n in range(30)]
    assert sum(map(len, later)) == 20


def test_a_flood_of_strangers_does_not_shut_out_the_server() -> None:
    alone = Alone(STRICT)
    for n in range(3000):
        alone.say(strange(branch=f"z9hG4bK{n}"), remote=(f"10.9.{n >> 8}.{n & 255}", 5060))
    assert one(alone.say(message(body="v=0"))).status == 100


def test_a_flood_from_the_servers_address_ends_too_but_later() -> None:
    alone = Alone(STRICT)
    answers = [alone.say(message("OPTIONS", branch=f"z9hG4bK{n}")) for n in range(5000)]
    assert sum(map(len, answers)) == 4000


def test_who_pretends_to_be_the_server_does_not_keep_its_answers_from_us() -> None:
    alone = Alone(STRICT)
    alone.endpoint.call("o1", "desk", "urn:service:sos", OFFER, alone.now)
    (invite,) = alone.heard()
    for n in range(5000):
        alone.say(message("OPTIONS", branch=f"z9hG4bK{n}"))
    alone.events()
    alone.say(answer(invite, 180))
    assert ev.CallProgress in [type(event) for event in alone.events()], "help shall not wait for a flood to end"


def test_a_limit_of_less_than_one_lets_in_the_first_message() -> None:
    alone = Alone(replace(STRICT, rate_limit=0.001))
    assert one(alone.say(message("OPTIONS"))).status == 200
    assert one(alone.say(strange(), remote=STRANGER)).status == 403


def test_a_listed_network_may_say_as_much_as_a_server() -> None:
    alone = Alone(replace(STRICT, accept_from="listed", listed=(ip_network("203.0.113.0/24"),)))
    assert sum(len(alone.say(strange("OPTIONS", branch=f"z9hG4bK{n}"), remote=STRANGER)) for n in range(500)) == 500


def test_who_we_have_asked_is_heard_whatever_he_sent_before() -> None:
    alone = Alone(STRICT)
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 200, body="v=0", more="Contact: <sip:bob@203.0.113.9>\n"))
    for n in range(100):
        alone.say(strange(branch=f"z9hG4bK{n}", call_id=str(n)), remote=STRANGER)
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = alone.heard()
    assert bye.method == "BYE"  # type: ignore[union-attr]
    alone.say(answer(bye, 200), remote=STRANGER)
    assert alone.pass_time(10) == []


@pytest.mark.parametrize("rate", [0.001, 0.05])
def test_however_little_strangers_may_say_the_server_is_heard(rate: float) -> None:
    alone = Alone(EndpointSettings(accept_from="servers", rate_limit=rate))
    heard = sum(len(alone.say(message("OPTIONS", branch=f"z9hG4bK{n}"))) for n in range(80))
    assert heard == 80
    strangers = sum(len(alone.say(strange("OPTIONS", branch=f"z9hG4bKs{n}"), remote=STRANGER)) for n in range(80))
    assert strangers == 1


def test_calls_that_we_take_from_anybody_have_no_limit_where_none_is_set() -> None:
    alone = Alone(EndpointSettings())
    assert sum(len(alone.say(strange("OPTIONS", branch=f"z9hG4bK{n}"), remote=STRANGER)) for n in range(500)) == 500


@pytest.mark.parametrize(
    ("allowed", "remote", "answered"), [(True, THERE, True), (False, THERE, False), (True, STRANGER, False)]
)
def test_a_call_is_answered_by_itself_only_where_the_account_allows_it_and_from_its_server(
    allowed: bool, remote: tuple[str, int], answered: bool
) -> None:
    alone = Alone(EndpointSettings(), auto_answer=allowed)
    alone.say(message(body="v=0", more="Answer-Mode: Auto\n"), remote=remote)
    (incoming,) = alone.events()
    assert isinstance(incoming, ev.IncomingCall)
    assert incoming.caller is not None
    assert incoming.caller.auto_answer is answered


@pytest.mark.parametrize(
    ("header", "allowed", "remote", "status"),
    [
        ("Answer-Mode: Auto;require", True, THERE, None),
        ("Answer-Mode: Auto;require", False, THERE, 403),
        ("Answer-Mode: Auto;require", True, STRANGER, 403),
        ("Priv-Answer-Mode: Auto ; Require", False, THERE, 403),
        ("Answer-Mode: Manual;require", False, THERE, None),
        ("Answer-Mode: Manual;require", True, THERE, None),
        ("Answer-Mode: Later;require", True, THERE, 403),
        ("Answer-Mode: Auto", False, THERE, None),
        ("Require: answermode\nAnswer-Mode: Auto", False, THERE, None),
    ],
)
def test_a_way_of_answering_that_is_required_is_kept_to_or_the_call_is_refused(
    header: str, allowed: bool, remote: tuple[str, int], status: int | None
) -> None:
    alone = Alone(EndpointSettings(), auto_answer=allowed)
    (reply,) = alone.say(message(body="v=0", more=f"{header}\n"), remote=remote)
    assert isinstance(reply, Response)
    incoming = [event.caller for event in alone.events() if isinstance(event, ev.IncomingCall)]
    assert reply.status == (status or 100)
    assert [caller.auto_answer for caller in incoming] == ([] if status else ["Auto;require" in header])


def stream(number: int, ip: str = STRANGER[0], transport: Transport = "tcp", here: int = HERE[1]) -> Flow:
    return Flow(transport, (HERE[0], here), (ip, 40000 + number), number)


def closed(alone: Alone) -> list[Flow]:
    return [event.flow for event in alone.events() if isinstance(event, CloseFlow)]


def test_one_stranger_holds_few_connections() -> None:
    alone = Alone(STRICT)
    for n in range(1, 9):
        alone.endpoint.flow_opened(stream(n), alone.now)
    assert closed(alone) == [stream(n) for n in range(MAX_PER_STRANGER + 1, 9)]
    for n in range(20, 30):
        alone.endpoint.flow_opened(stream(n, THERE[0]), alone.now)
        alone.endpoint.flow_opened(stream(n + 20, here=45000), alone.now)  # those are ours
    assert closed(alone) == []


def test_a_connection_that_carries_a_request_of_ours_is_no_strangers() -> None:
    alone = Alone(STRICT)
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 200, body="v=0", more="Contact: <sip:bob@203.0.113.9;transport=tcp>\n"))
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = alone.heard()
    assert bye.method == "BYE"  # type: ignore[union-attr]
    for n in range(1, 9):
        alone.endpoint.flow_opened(stream(n), alone.now)
    assert closed(alone) == []


def test_all_strangers_together_leave_connections_for_the_server() -> None:
    alone = Alone(STRICT)
    for n in range(1, 100):
        alone.endpoint.flow_opened(stream(n, f"203.0.113.{n}"), alone.now)
    assert len(closed(alone)) == 99 - MAX_STRANGERS
    alone.endpoint.flow_closed(stream(1, "203.0.113.1"), alone.now)
    alone.endpoint.flow_opened(stream(100, "203.0.113.100"), alone.now)
    assert closed(alone) == []


def test_a_strangers_connection_is_closed_when_it_brings_nothing_whole() -> None:
    alone = Alone(STRICT)
    flow, servers = stream(1), stream(2, THERE[0])
    for opened in (flow, servers):
        alone.endpoint.flow_opened(opened, alone.now)
    whole = strange(via="SIP/2.0/TCP 203.0.113.9:5060").replace("\n", "\r\n").encode()
    alone.pass_time(IDLE_S - 2)
    alone.endpoint.receive(whole, flow, alone.now)
    assert one(alone.heard()).status == 403
    for _ in range(10):
        alone.pass_time(3)
        alone.endpoint.receive(b"I" if _ < 5 else b"\r\n\r\n", flow, alone.now)
        assert closed(alone) == []
    alone.pass_time(3)
    assert closed(alone) == [flow]
    alone.pass_time(1000)
    assert closed(alone) == []


def test_a_connection_that_floods_is_closed() -> None:
    alone = Alone(STRICT)
    alone.endpoint.flow_opened(stream(1), alone.now)
    many = strange("OPTIONS", via="SIP/2.0/TCP 203.0.113.9:5060").replace("\n", "\r\n").encode() * 60
    alone.endpoint.receive(many, stream(1), alone.now)
    assert len(alone.heard()) == 40
    assert closed(alone) == [stream(1)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 4), st.booleans())
def test_whatever_a_stranger_sends_nothing_rings_and_nothing_stays(data: bytes, cut: int, over_tcp: bool) -> None:
    alone = Alone(STRICT)
    whole = strange().replace("\n", "\r\n").encode()
    text = whole[: len(whole) * cut // 4] + data
    alone.say(text, "tcp" if over_tcp else "udp", remote=STRANGER)
    assert not any(isinstance(event, ev.IncomingCall) for event in alone.events())
    assert len(alone.endpoint._core.transactions) == 0
    assert not alone.endpoint._core.dialogs
