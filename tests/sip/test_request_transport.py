"""Which transport a request takes: size, wish, refusal, silence (:rfc:`3261#section-18.1.1`)."""

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Body, Flow, Target
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import HERE, THERE, Alone, answer
from tests.support.sip_calls import kinds, ready
from tests.support.sip_pair import A, B, Link

LARGE = Body("application/sdp", b"v" * 1400)
OFFER = Body("application/sdp", b"v=0\r\n")


def invite(alone: Alone, body: Body | None = OFFER, **more: object) -> None:
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", body, alone.now, **more)  # type: ignore[arg-type]


def test_a_large_invite_goes_over_tcp_with_via_and_contact_following() -> None:
    pair = ready()
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", LARGE, pair.now)
    pair.run(0.1)
    (sent,) = pair.requests("INVITE")
    assert sent.via.transport == "TCP"
    assert "transport=tcp" in (sent.headers.get("Contact") or "")
    assert pair.a.sent[0].transport == "tcp"
    pair.b.endpoint.answer("i1", OFFER, pair.now)
    pair.run(0.1)
    pair.b.endpoint.hang_up("i1", pair.now)
    pair.run(0.1)
    assert kinds(pair.a)[-1] == "CallOver"
    assert {transmit.transport for transmit in pair.b.sent} == {"tcp"}


def test_the_limit_is_1300_bytes_of_the_message_as_sent() -> None:
    sizes = {}
    for extra in range(0, 1000, 20):
        alone = Alone()
        invite(alone, Body("application/sdp", b"v" * extra))
        alone.heard()
        transmit = alone.sent[-1][1]
        sizes[len(transmit.data)] = transmit.transport
    assert all(transport == ("udp" if size <= 1300 else "tcp") for size, transport in sizes.items() if size < 1300)
    assert {"udp", "tcp"} == set(sizes.values())
    assert max(size for size, transport in sizes.items() if transport == "udp") > 1280


def test_a_refused_tcp_connection_falls_back_to_udp_at_once() -> None:
    pair = ready(link=Link(tcp=False))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", LARGE, pair.now)
    pair.run(0.1)
    first, second = pair.requests("INVITE")
    assert (first.via.transport, second.via.transport) == ("TCP", "UDP")
    assert first.via.branch != second.via.branch
    assert "transport" not in (second.headers.get("Contact") or "")
    assert pair.b.of_type(ev.IncomingCall)


def test_the_refusal_is_remembered_for_an_hour() -> None:
    pair = ready(link=Link(tcp=False))
    for number, wait in ((1, 3500.0), (2, 200.0), (3, 0.1)):
        pair.a.endpoint.call(f"o{number}", "1001", "sip:1002@pbx.test", LARGE, pair.now)
        pair.run(0.1)
        pair.b.endpoint.reject(f"i{number}", 486, "", pair.now)
        pair.run(wait)
    assert [sent.via.transport for sent in pair.requests("INVITE")] == ["TCP", "UDP", "UDP", "TCP", "UDP"]


def test_a_tcp_connection_that_is_not_up_within_three_seconds_falls_back_to_udp() -> None:
    alone = Alone()
    invite(alone, LARGE)
    alone.heard()
    assert alone.pass_time(2.9) == []
    (second,) = alone.pass_time(0.2)
    assert second.via.transport == "UDP"
    alone.say(answer(second, 100))
    alone.say(answer(second, 180))
    assert [type(event).__name__ for event in alone.events()] == ["CallTrying", "CallProgress"]


def test_a_connection_that_is_up_is_given_the_time_that_the_server_takes() -> None:
    alone = Alone()
    invite(alone, LARGE)
    alone.heard()
    alone.endpoint.flow_opened(Flow("tcp", HERE, THERE, 1), alone.now)
    assert alone.pass_time(20) == []


def test_a_late_answer_over_the_abandoned_connection_is_ended() -> None:
    alone = Alone()
    invite(alone, LARGE)
    (first,) = alone.heard()
    (second,) = alone.pass_time(3.1)
    alone.say(answer(second, 180, tag="udp"))
    (cancel,) = alone.say(answer(first, 180, tag="tcp"), "tcp")
    assert str(cancel.via) == str(first.via)
    out = alone.say(answer(first, 200, tag="tcp", more="Contact: <sip:x@10.0.0.9>\n"), "tcp")
    assert [request.cseq.method for request in out] == ["ACK", "BYE"]


def test_an_emergency_call_prefers_tcp_whatever_its_size() -> None:
    alone = Alone()
    invite(alone, None, transport="tcp")
    (sent,) = alone.heard()
    assert sent.via.transport == "TCP"
    alone.endpoint.send_failed("tcp", THERE, "refused", alone.now)
    (again,) = alone.heard()
    assert again.via.transport == "UDP"
    assert alone.events() == []


def test_an_account_on_tcp_does_not_fall_back() -> None:
    alone = Alone(transport="tcp")
    invite(alone)
    alone.heard()
    alone.endpoint.send_failed("tcp", THERE, "refused", alone.now)
    assert alone.heard() == []
    (refused,) = alone.events()
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 0


def test_a_connection_that_breaks_while_it_rings_is_told() -> None:
    alone = Alone(transport="tcp")
    invite(alone)
    (sent,) = alone.heard()
    alone.say(answer(sent, 180), "tcp")
    alone.endpoint.flow_closed(alone.flow("tcp"), alone.now)
    assert [type(event).__name__ for event in alone.events()] == ["CallTrying", "CallProgress", "CallRefused"]


def test_nothing_is_repeated_over_tcp() -> None:
    alone = Alone(transport="tcp")
    invite(alone)
    alone.heard()
    assert alone.pass_time(31) == []


@pytest.mark.parametrize("cut", [1, 7, 100, 10_000])
def test_a_stream_may_be_cut_anywhere(cut: int) -> None:
    pair = ready()
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", LARGE, pair.now)
    data = b"".join(transmit.data for transmit in pair.a.endpoint.to_send(pair.now))
    flow = Flow("tcp", B, A, 7)
    for start in range(0, len(data), cut):
        pair.b.endpoint.receive(data[start : start + cut], flow, pair.now)
    pair.run(0.01)
    assert len(pair.b.of_type(ev.IncomingCall)) == 1


def test_a_ping_on_a_stream_gets_its_pong() -> None:
    alone = Alone()
    alone.endpoint.receive(b"\r\n\r\n", alone.flow("tcp"), alone.now)
    assert [transmit.data for transmit in alone.endpoint.to_send(alone.now)] == [b"\r\n"]


def test_a_stream_that_lost_its_framing_is_closed() -> None:
    alone = Alone()
    alone.endpoint.receive(b"x" * 40_000 + b"\r\n\r\n", alone.flow("tcp"), alone.now)
    assert alone.events() == [ev.CloseFlow(alone.flow("tcp"))]


def test_a_response_leaves_by_the_stream_that_brought_the_request() -> None:
    pair = ready()
    pair.account(pair.a, "1001t", B, transport="tcp")
    pair.a.endpoint.call("o1", "1001t", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.1)
    assert all(transmit.flow is not None and transmit.flow.number == 1 for transmit in pair.b.sent)


def test_all_targets_failed_is_one_refusal() -> None:
    alone = Alone(server="pbx.test")
    invite(alone)
    alone.endpoint.resolved("udp:pbx.test:", [Target("udp", f"10.0.0.{n}", 5060) for n in (7, 8)], alone.now)
    alone.heard()
    for n in (7, 8):
        alone.endpoint.send_failed("udp", (f"10.0.0.{n}", 5060), "refused", alone.now)
        alone.heard()
    assert [type(event).__name__ for event in alone.events()] == ["Lookup", "CallRefused"]


def test_a_503_moves_the_call_to_the_next_target() -> None:
    alone = Alone(server="pbx.test")
    invite(alone)
    alone.endpoint.resolved("udp:pbx.test:", [Target("udp", f"10.0.0.{n}", 5060) for n in (7, 8)], alone.now)
    (first,) = alone.heard()
    ack, second = alone.say(answer(first, 503), remote=("10.0.0.7", 5060))
    assert (ack.via.branch, ack.cseq.method) == (first.via.branch, "ACK")
    assert second.via.branch != first.via.branch
    alone.say(answer(second, 486), remote=("10.0.0.8", 5060))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 486


def test_a_stream_that_died_unheard_costs_a_call_two_seconds() -> None:
    pair = ready()
    pair.account(pair.a, "1001t", B, transport="tcp")
    pair.a.endpoint.call("o1", "1001t", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.1)
    pair.b.endpoint.reject("i1", 486, "", pair.now)
    pair.run(60)
    pair.link.dead_streams.add(1)
    pair.a.endpoint.call("o2", "1001t", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(1.9)
    assert len(pair.b.of_type(ev.IncomingCall)) == 1
    pair.run(0.2)
    assert len(pair.b.of_type(ev.IncomingCall)) == 2
    assert kinds(pair.a)[-2:] == ["CloseFlow", "CallTrying"]


def test_a_stream_that_speaks_is_not_doubted() -> None:
    alone = Alone(transport="tcp")
    alone.endpoint.flow_opened(alone.flow("tcp"), alone.now)
    invite(alone)
    alone.heard()
    alone.pass_time(1.0)
    alone.endpoint.receive(b"\r\n", alone.flow("tcp"), alone.now)
    assert alone.pass_time(20.0) == []
    assert alone.events() == []


def test_a_request_that_sees_an_old_stream_break_is_sent_once_more_over_a_new_one() -> None:
    alone = Alone(transport="tcp")
    alone.endpoint.flow_opened(alone.flow("tcp"), alone.now)
    invite(alone)
    (first,) = alone.heard()
    alone.endpoint.flow_closed(alone.flow("tcp"), alone.now)
    (second,) = alone.heard()
    assert second.via.branch != first.via.branch
    assert (second.call_id, second.cseq) == (first.call_id, first.cseq)
    alone.endpoint.send_failed("tcp", THERE, "refused", alone.now)
    assert alone.heard() == []
    (refused,) = alone.events()
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 0


def test_a_registration_finds_its_way_back_from_a_dead_stream_within_seconds() -> None:
    alone = Alone(transport="tcp", register=True)
    (request,) = alone.heard()
    alone.endpoint.flow_opened(alone.flow("tcp"), alone.now)
    alone.say(answer(request, 200), "tcp")
    (refresh,) = alone.pass_time(3241)
    assert alone.pass_time(3.0) == []
    assert alone.events()[-1] == ev.CloseFlow(alone.flow("tcp"))
    alone.endpoint.flow_closed(alone.flow("tcp"), alone.now)
    (again,) = alone.heard()
    assert (again.call_id, again.via.branch != refresh.via.branch) == (request.call_id, True)


# -- the Route follows ------------------------------------------------------------------------------------------------


def routes(message: Request | Response) -> list[str]:
    return [str(route) for route in message.routes] if isinstance(message, Request) else []


@pytest.mark.parametrize("proxy", ["10.0.0.9", "sip:10.0.0.9:5060;transport=udp"])
def test_our_own_route_to_the_proxy_follows_a_large_request_to_tcp_and_back(proxy: str) -> None:
    alone = Alone(outbound_proxy=proxy, server="pbx.test")
    invite(alone, LARGE)
    (first,) = alone.heard()
    (second,) = alone.pass_time(3.1)
    plain = "<sip:10.0.0.9:5060;lr>" if ":5060" in proxy else "<sip:10.0.0.9;lr>"
    assert (first.via.transport, routes(first)) == ("TCP", [plain.replace("lr>", "lr;transport=tcp>")])
    assert (second.via.transport, routes(second)) == ("UDP", [plain])


def test_the_ack_and_the_cancel_of_a_request_have_its_route() -> None:
    alone = Alone(outbound_proxy="10.0.0.9", server="pbx.test")
    invite(alone, LARGE)
    (sent,) = alone.heard()
    alone.say(answer(sent, 180), "tcp")
    alone.endpoint.hang_up("o1", alone.now)
    (cancel,) = alone.heard()
    (ack,) = alone.say(answer(sent, 487), "tcp")
    assert [routes(one) for one in (sent, cancel, ack)] == [["<sip:10.0.0.9;lr;transport=tcp>"]] * 3


@pytest.mark.parametrize(
    ("given", "over_tcp"),
    [
        ("<sip:e@10.0.0.20;transport=udp;lr;tok=7>", "<sip:e@10.0.0.20;transport=tcp;lr;tok=7>"),
        ("<sip:e@10.0.0.20;lr;tok=7>", "<sip:e@10.0.0.20;lr;tok=7>"),
    ],
)
def test_a_service_route_follows_only_where_it_names_another_transport(given: str, over_tcp: str) -> None:
    alone = Alone(register=True)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more=f"Expires: 600\nService-Route: {given}, <sip:home.test;transport=udp;lr>\n"))
    alone.events()
    invite(alone, LARGE)
    (first,) = alone.heard()
    (second,) = alone.pass_time(3.1)
    assert (first.via.transport, routes(first)) == ("TCP", [over_tcp, "<sip:home.test;transport=udp;lr>"])
    assert (second.via.transport, routes(second)) == ("UDP", [given, "<sip:home.test;transport=udp;lr>"])


@pytest.mark.parametrize("proxy", ["sip:10.0.0.9:5061;transport=tls", "sips:10.0.0.9"])
def test_the_route_of_an_emergency_call_in_the_clear_does_not_ask_for_tls(proxy: str) -> None:
    alone = Alone(outbound_proxy=proxy, server="pbx.test", transport="tls")
    invite(alone, None, transport="tcp")
    (sent,) = alone.heard()
    (route,) = routes(sent)
    assert (sent.via.transport, route.replace(";lr", "")) == ("TCP", "<sip:10.0.0.9;transport=tcp>")


def test_routes_that_a_proxy_recorded_are_left_as_they_are() -> None:
    alone = Alone()
    invite(alone)
    (sent,) = alone.heard()
    recorded = "Record-Route: <sip:10.0.0.9:5060;transport=udp;lr>\nContact: <sip:x@10.9.9.9>\n"
    alone.say(answer(sent, 200, more=recorded, body="v=0\n"))
    alone.endpoint.reinvite("o1", LARGE, alone.now)
    (again,) = alone.heard()
    assert isinstance(again, Request)
    assert (again.via.transport, routes(again)) == ("TCP", ["<sip:10.0.0.9:5060;transport=udp;lr>"])
