"""Calls between two endpoints on a link that behaves."""

import pytest

from offhook.sip import events as ev
from offhook.sip.errors import LocalError
from offhook.sip.events import Target
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer
from tests.support.sip_calls import ANSWER, OFFER, connect, kinds, place, ready
from tests.support.sip_pair import A, B, Link, Pair


def test_a_call_is_placed_rings_is_answered_and_ended() -> None:
    pair = ready()
    handle = place(pair)
    incoming = pair.b.events[0]
    assert isinstance(incoming, ev.IncomingCall)
    assert (incoming.account, incoming.body, str(incoming.peer.uri)) == ("1002", OFFER, "sip:1001@pbx.test")
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(0.1)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallTrying", "CallProgress", "CallAccepted"]
    accepted = pair.a.events[-1]
    assert isinstance(accepted, ev.CallAccepted)
    assert accepted.body == ANSWER
    assert kinds(pair.b) == ["IncomingCall", "CallConfirmed"]
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(40)
    assert kinds(pair.a) == ["CallTrying", "CallProgress", "CallAccepted"]
    assert kinds(pair.b) == ["IncomingCall", "CallConfirmed", "CallOver"]
    assert pair.statuses() == [100, 180, 200, 200]
    assert [len(pair.requests(method)) for method in ("INVITE", "ACK", "BYE")] == [1, 1, 1]
    assert pair.a.endpoint.settled
    assert pair.b.endpoint.settled
    pair.run(100)
    assert pair.a.endpoint.deadline() is None
    assert pair.b.endpoint.deadline() is None


def test_requests_say_who_we_are() -> None:
    pair = ready()
    place(pair)
    invite = pair.requests("INVITE")[0]
    assert (invite.headers.get("User-Agent") or "").startswith("offhook/")
    assert invite.max_forwards == 70
    assert "BYE" in invite.allow
    assert [str(contact.uri) for contact in invite.contacts] == ["sip:1001@10.0.0.1:5060"]
    assert str(invite.uri) == "sip:1002@pbx.test"
    assert invite.via.wants_rport


def test_digits_alone_get_the_domain_of_the_account() -> None:
    pair = ready()
    place(pair, "1002")
    assert str(pair.requests("INVITE")[0].uri) == "sip:1002@pbx.test"


def test_the_called_side_hangs_up() -> None:
    pair = ready()
    handle = connect(pair)
    pair.b.endpoint.hang_up(handle, pair.now)
    pair.run(0.1)
    assert kinds(pair.a)[-1] == "CallOver"
    assert "CallOver" not in kinds(pair.b)
    assert pair.statuses(pair.a) == [200]


def test_a_busy_phone_says_486_and_the_failure_is_acknowledged() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.reject(handle, 486, "", pair.now)
    pair.run(0.1)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert (refused.status, refused.reason) == (486, "Busy Here")
    assert len(pair.requests("ACK")) == 1
    assert pair.a.endpoint.settled
    pair.run(60)
    assert pair.statuses() == [100, 486]


def test_hanging_up_while_it_rings_here_says_486() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.hang_up(handle, pair.now)
    pair.run(0.1)
    assert pair.statuses() == [100, 486]


def test_a_call_that_rings_is_cancelled() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(0.1)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallTrying", "CallProgress"]
    over = pair.b.events[-1]
    assert isinstance(over, ev.CallOver)
    assert not over.elsewhere
    assert pair.statuses(pair.b) == [100, 180, 200, 487]
    assert len(pair.requests("ACK")) == 1
    cancel, invite = pair.requests("CANCEL")[0], pair.requests("INVITE")[0]
    assert str(cancel.via) == str(invite.via)
    assert cancel.cseq.number == invite.cseq.number
    assert str(cancel.uri) == str(invite.uri)
    assert not cancel.to.tag
    assert pair.a.endpoint.settled


def test_cancel_waits_for_the_first_provisional_response() -> None:
    pair = ready(link=Link(delay=0.2))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(0.3)
    assert not pair.requests("CANCEL")
    pair.run(0.5)
    assert len(pair.requests("CANCEL")) == 1
    pair.run(1)
    assert kinds(pair.a) == []
    assert pair.a.endpoint.settled


def test_a_2xx_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    pair = ready(link=Link(delay=0.2))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.45)
    incoming = pair.b.events[0]
    assert isinstance(incoming, ev.IncomingCall)
    pair.b.endpoint.answer(incoming.call, ANSWER, pair.now)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(2)
    assert len(pair.requests("CANCEL")) == 1
    assert len(pair.requests("ACK")) == 1
    assert len(pair.requests("BYE")) == 1
    assert kinds(pair.a) == ["CallTrying"]
    assert kinds(pair.b) == ["IncomingCall", "CallConfirmed", "CallOver"]
    assert pair.a.endpoint.settled
    assert pair.b.endpoint.settled


def test_a_call_answered_elsewhere_is_no_missed_call() -> None:
    pair = ready()
    place(pair)
    invite = pair.requests("INVITE")[0]
    text = bytes(invite).replace(b"INVITE sip", b"CANCEL sip").replace(b" INVITE\r\n", b" CANCEL\r\n")
    text = text.split(b"\r\n\r\n")[0].replace(b"Content-Length: 11", b"Content-Length: 0")
    text += b'\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n\r\n'
    pair.b.endpoint.receive(text, ev.Flow("udp", B, A), pair.now)
    pair.run(0.1)
    over = pair.b.events[-1]
    assert over == ev.CallOver("i1", "Call completed elsewhere", True)


def test_nobody_there_is_told_after_timer_b() -> None:
    pair = ready(link=Link(loss=1.0))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(31)
    assert pair.a.events == []
    pair.run(2)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 0


def test_an_icmp_error_is_told_at_once() -> None:
    pair = ready(link=Link(loss=1.0))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.1)
    pair.a.endpoint.send_failed("udp", B, "refused", pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallRefused"]


def test_a_lost_ack_is_sent_again_for_each_repeated_2xx() -> None:
    lost = {"count": 0}

    def drop(data: bytes) -> bool:
        lost["count"] += data.startswith(b"ACK")
        return data.startswith(b"ACK") and lost["count"] <= 3

    pair = ready(link=Link(drop=drop))
    handle = place(pair)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(10)
    acks = pair.requests("ACK")
    assert len(acks) == 4
    assert len({bytes(ack) for ack in acks}) == 1
    assert kinds(pair.b) == ["IncomingCall", "CallConfirmed"]
    assert kinds(pair.a).count("CallAccepted") == 1


def test_without_any_ack_the_2xx_is_given_up_and_bye_is_sent() -> None:
    pair = ready(link=Link(drop=lambda data: data.startswith(b"ACK")))
    handle = place(pair)
    started = pair.now
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(33)
    times = [at - started for at, source, _, data in pair.log if source == B and b"SIP/2.0 200" in data[:12]]
    assert [round(t, 2) for t in times] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    over = pair.b.events[-1]
    assert isinstance(over, ev.CallOver)
    assert "ACK" in over.reason
    assert len(pair.requests("BYE", pair.b)) == 1
    assert kinds(pair.a)[-1] == "CallOver"


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    lost = {"count": 0}

    def drop(data: bytes) -> bool:
        lost["count"] += data.startswith(b"ACK")
        return data.startswith(b"ACK") and lost["count"] <= 1

    pair = ready(link=Link(drop=drop))
    handle = place(pair)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(0.1)
    pair.b.endpoint.hang_up(handle, pair.now)
    pair.run(0.1)
    assert not pair.requests("BYE")
    pair.run(1)
    assert len(pair.requests("BYE", pair.b)) == 1
    assert kinds(pair.a)[-1] == "CallOver"


def test_early_media_reaches_the_caller() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(0.1)
    progress = pair.a.events[-1]
    assert isinstance(progress, ev.CallProgress)
    assert (progress.status, progress.body) == (183, ANSWER)
    assert progress.fork


def test_an_invite_without_offer_is_answered_with_one() -> None:
    pair = ready()
    handle = place(pair, body=None)
    incoming = pair.b.events[0]
    assert isinstance(incoming, ev.IncomingCall)
    assert incoming.body is None
    pair.b.endpoint.answer(handle, OFFER, pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallTrying", "CallAccepted", "CallReoffer"]
    assert pair.a.events[-1] == ev.CallReoffer("o1", OFFER)
    assert not pair.requests("ACK")
    pair.a.endpoint.accept_reoffer("o1", ANSWER, pair.now)
    pair.run(0.1)
    assert [(ack.content_type and ack.content_type.name, ack.body) for ack in pair.requests("ACK")] == [
        ("application/sdp", ANSWER.data)
    ]
    assert pair.b.events[-1] == ev.CallConfirmed(handle, ANSWER)


def test_ringing_is_said_again_each_minute() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(130)
    assert pair.statuses(pair.b) == [100, 180, 180, 180]


def test_an_invite_that_expires_ends_with_487() -> None:
    pair = ready()
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now, headers=(("Expires", "20"),))
    pair.run(21)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 487
    assert kinds(pair.b) == ["IncomingCall", "CallOver"]


def test_several_calls_stand_side_by_side() -> None:
    pair = ready()
    for number in range(5):
        pair.a.endpoint.call(f"o{number}", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.1)
    for event in pair.b.of_type(ev.IncomingCall):
        assert isinstance(event, ev.IncomingCall)
        pair.b.endpoint.answer(event.call, ANSWER, pair.now)
    pair.run(0.1)
    assert len(pair.a.of_type(ev.CallAccepted)) == 5
    pair.a.endpoint.close(pair.now)
    pair.run(0.1)
    assert len(pair.b.of_type(ev.CallOver)) == 5
    assert pair.a.endpoint.settled


def test_calls_beyond_the_limit_are_told_that_we_are_busy() -> None:
    pair = ready()
    for number in range(40):
        pair.a.endpoint.call(f"o{number}", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.2)
    assert len(pair.b.of_type(ev.IncomingCall)) == 32
    assert pair.statuses(pair.b).count(486) == 8


def test_a_call_by_an_unknown_account_is_our_own_fault() -> None:
    pair = ready()
    with pytest.raises(LocalError, match="register it first"):
        pair.a.endpoint.call("o1", "nobody", "sip:1002@pbx.test", None, pair.now)


def test_a_target_that_is_no_uri_is_refused_as_an_event() -> None:
    pair = ready()
    pair.a.endpoint.call("o1", "1001", "sip:10 02@pbx test", None, pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallRefused"]


def test_handles_that_are_gone_are_no_fault() -> None:
    pair = ready()
    endpoint = pair.a.endpoint
    endpoint.ring("x", pair.now)
    endpoint.early_media("x", OFFER, pair.now)
    endpoint.answer("x", None, pair.now)
    endpoint.reject("x", 486, "", pair.now)
    endpoint.hang_up("x", pair.now)
    endpoint.reinvite("x", None, pair.now)
    endpoint.accept_reoffer("x", None, pair.now)
    endpoint.reject_reoffer("x", 488, pair.now)
    endpoint.respond("x", 200, "OK", pair.now)
    endpoint.resolved("x", [], pair.now)
    endpoint.unresolvable("x", "", pair.now)
    assert endpoint.to_send(pair.now) == []


def test_an_emergency_urn_goes_to_the_server_by_a_loose_route() -> None:
    pair = ready()
    pair.a.endpoint.call("o1", "1001", "urn:service:sos", OFFER, pair.now, transport="tcp")
    pair.run(0.1)
    invite = pair.requests("INVITE")[0]
    assert str(invite.uri) == "urn:service:sos"
    assert str(invite.to) == "<urn:service:sos>"
    assert [str(route) for route in invite.routes] == ["<sip:10.0.0.2:5060;lr;transport=tcp>"]
    assert invite.via.transport == "TCP"
    assert [str(contact.uri) for contact in invite.contacts] == ["sip:1001@10.0.0.1:5060;transport=tcp"]
    assert pair.a.sent[0].transport == "tcp"


@pytest.mark.parametrize(("server", "port"), [("10.0.0.9:5061", 5060), ("10.0.0.9:7000", 7000), ("10.0.0.9", 5060)])
def test_an_emergency_call_that_tls_keeps_from_its_server_goes_in_the_clear(server: str, port: int) -> None:
    alone = Alone(server=server, transport="tls")
    alone.endpoint.call("o1", "desk", "urn:service:sos", OFFER, alone.now, transport="tcp")
    (sent,) = alone.heard_raw()
    assert (sent.transport, sent.remote) == ("tcp", ("10.0.0.9", port))
    alone.endpoint.call("o2", "desk", "sip:1002@pbx.test", OFFER, alone.now)
    assert [item.transport for item in alone.heard_raw()] == ["tls"]


@pytest.mark.parametrize("registered", [True, False])
def test_an_emergency_call_in_the_clear_does_not_wait_for_dns_that_is_dead(registered: bool) -> None:
    alone = Alone(server="pbx.test", transport="tls", register=registered)
    alone.endpoint.call("o0", "desk", "urn:service:sos", OFFER, alone.now)
    alone.endpoint.resolved("tls:pbx.test:", [Target("tls", "10.0.0.9", 5061)], alone.now)
    for item in alone.heard():
        if isinstance(item, Request) and item.method == "REGISTER":
            alone.say(answer(item, 200, more="Expires: 600\n"), "tls", ("10.0.0.9", 5061))
    alone.endpoint.call("o1", "desk", "urn:service:sos", OFFER, alone.now, transport="tcp")
    alone.heard()
    alone.sent.clear()
    alone.pass_time(1.9)
    (sent,) = [item for _, item in alone.sent if item.transport == "tcp"]
    assert (sent.remote, sent.data.split()[0]) == (("10.0.0.9", 5060), b"INVITE")


def test_where_dns_chose_tls_an_emergency_call_goes_in_the_clear_just_the_same() -> None:
    alone = Alone(server="pbx.test", transport=None, register=True)
    assert alone.endpoint.transport_of("desk") == "udp"
    alone.endpoint.resolved("sip:pbx.test:", [Target("tls", "10.0.0.9", 5061)], alone.now)
    assert alone.endpoint.transport_of("desk") == "tls"
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 600\n"), "tls", ("10.0.0.9", 5061))
    assert alone.endpoint.transport_of("desk") == "tls"
    alone.endpoint.call("o1", "desk", "urn:service:sos", OFFER, alone.now)
    alone.endpoint.call("o2", "desk", "urn:service:sos", OFFER, alone.now, transport="tcp")
    alone.pass_time(1.9)
    sent = [(item.transport, item.remote) for _, item in alone.sent if item.data.startswith(b"INVITE")]
    assert sent == [("tls", ("10.0.0.9", 5061)), ("tcp", ("10.0.0.9", 5060))]
    assert alone.endpoint.transport_of("nobody") is None


def test_what_belongs_to_an_emergency_call_says_so_and_nothing_else() -> None:
    alone = Alone(server="10.0.0.9", transport="tls", register=True)
    contact = "Contact: <sip:desk@10.0.0.9:5061;transport=tls>\n"
    for handle, target in (("o1", "urn:service:sos"), ("o2", "sip:1002@pbx.test")):
        alone.endpoint.call(handle, "desk", target, OFFER, alone.now)
        (invite,) = [m for m in alone.heard() if m.cseq.method == "INVITE"]
        alone.say(answer(invite, 200, more=contact, body="v=0"), "tls", ("10.0.0.9", 5061))
        alone.endpoint.hang_up(handle, alone.now)
        alone.heard()
    told = [(item.data.split()[0], item.lenient) for _, item in alone.sent]
    assert [one for one in told if one[1]] == [(b"INVITE", True), (b"ACK", True), (b"BYE", True)]
    assert {name for name, lenient in told if not lenient} == {b"REGISTER", b"INVITE", b"ACK", b"BYE"}


def responses(pair: Pair, status: int) -> list[Response]:
    return [m for m in pair.messages() if isinstance(m, Response) and m.status == status]


def test_record_routes_of_the_invite_come_back_and_steer_the_bye() -> None:
    pair = ready()
    pair.a.endpoint.call(
        "o1", "1001", "sip:1002@pbx.test", OFFER, pair.now, headers=(("Record-Route", "<sip:10.0.0.2:5060;lr>"),)
    )
    pair.run(0.1)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(0.1)
    assert responses(pair, 200)[0].headers.get_all("Record-Route") == ["<sip:10.0.0.2:5060;lr>"]
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(0.1)
    ack, bye = pair.requests("ACK")[0], pair.requests("BYE")[0]
    for request in (ack, bye):
        assert isinstance(request, Request)
        assert str(request.uri) == "sip:1002@10.0.0.2:5060"
        assert [str(route) for route in request.routes] == ["<sip:10.0.0.2:5060;lr>"]


def test_a_challenge_shows_already_that_somebody_is_there() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    _, again = alone.say(answer(invite, 401, more='WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\n'))
    assert alone.events() == [ev.CallTrying("o1")]
    alone.say(answer(again, 100))
    assert alone.events() == []


def test_giving_up_while_the_server_is_looked_up_sends_nothing() -> None:
    alone = Alone(server="pbx.test")
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (lookup,) = alone.events()
    assert isinstance(lookup, ev.Lookup)
    alone.endpoint.hang_up("o1", alone.now)
    alone.endpoint.hang_up("o1", alone.now)
    alone.endpoint.resolved(lookup.key, [ev.Target("udp", "10.0.0.9", 5060)], alone.now)
    assert alone.heard() == []
    assert alone.events() == []
    assert alone.endpoint.settled


def test_a_server_without_address_is_told() -> None:
    alone = Alone(server="pbx.test")
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (lookup,) = alone.events()
    assert isinstance(lookup, ev.Lookup)
    alone.endpoint.unresolvable(lookup.key, "NXDOMAIN", alone.now)
    assert alone.events() == [ev.CallRefused("o1", 0, "pbx.test: NXDOMAIN", None)]


def test_a_handle_in_use_is_our_own_fault() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    with pytest.raises(LocalError, match="in use"):
        alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)


def test_a_refusal_may_say_more() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.reject(handle, 485, "", pair.now, (("Contact", "<sip:1003@pbx.test>"),))
    pair.run(0.1)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.response is not None
    assert str(refused.response.contacts[0].uri) == "sip:1003@pbx.test"


def test_cancelled_before_any_answer_and_never_answered_ends_with_timer_b() -> None:
    pair = ready(link=Link(loss=1.0))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(1)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(33)
    assert not pair.requests("CANCEL")
    assert pair.a.events == []
    assert pair.a.endpoint.settled


def test_a_reason_for_hanging_up_goes_into_cancel_and_bye() -> None:
    reason = 'Q.850;cause=102;text="no sound for 60 s"'
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(0.1)
    pair.a.endpoint.hang_up("o1", pair.now, reason)
    pair.run(0.1)
    assert pair.requests("CANCEL")[0].headers.get("Reason") == reason
    over = pair.b.events[-1]
    assert isinstance(over, ev.CallOver)
    assert over.reason == "no sound for 60 s"
    other = ready()
    connect(other)
    other.a.endpoint.hang_up("o1", other.now, reason)
    other.run(0.1)
    assert other.requests("BYE")[0].headers.get("Reason") == reason
    assert isinstance(other.b.events[-1], ev.CallOver)


def test_a_call_without_ack_ends_with_a_reason() -> None:
    pair = ready(link=Link(drop=lambda data: data.startswith(b"ACK")))
    handle = place(pair)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(33)
    assert pair.requests("BYE", pair.b)[0].headers.get("Reason") == 'SIP;cause=408;text="no ACK came"'
