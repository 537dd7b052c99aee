"""One INVITE, several answers: forks kept apart, losers ended (:rfc:`3261#section-13.2.2.4`)."""

from offhook.sip import events as ev
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message


def contact(tag: str) -> str:
    return f"Contact: <sip:{tag}@10.0.0.9:5060>\n"


def calling(alone: Alone) -> Request | Response:
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", ev.Body("application/sdp", b"v=0\r\n"), alone.now)
    (invite,) = alone.heard()
    return invite


def lines(messages: list[Request | Response]) -> list[str]:
    return [f"{m.method} {m.uri}" for m in messages if isinstance(m, Request)]


def test_early_dialogs_are_told_apart() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 180, tag="p"))
    alone.say(answer(invite, 183, tag="q", body="v=0 early"))
    progress = [event for event in alone.events() if isinstance(event, ev.CallProgress)]
    assert [(event.fork, event.status) for event in progress] == [("p", 180), ("q", 183)]


def test_the_first_fork_wins_and_the_others_are_acknowledged_and_ended() -> None:
    alone = Alone()
    invite = calling(alone)
    assert lines(alone.say(answer(invite, 200, tag="p", more=contact("p"), body="v=0"))) == ["ACK sip:p@10.0.0.9:5060"]
    late = alone.say(answer(invite, 200, tag="q", more=contact("q"), body="v=0"))
    assert lines(late) == ["ACK sip:q@10.0.0.9:5060", "BYE sip:q@10.0.0.9:5060"]
    assert [m.to.tag for m in late] == ["q", "q"]
    assert [type(event).__name__ for event in alone.events()] == ["CallTrying", "CallAccepted"]
    alone.say(answer(late[1], 200))
    assert not alone.endpoint.settled
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = alone.heard()
    assert lines([bye]) == ["BYE sip:p@10.0.0.9:5060"]
    alone.say(answer(bye, 481))
    assert alone.endpoint.settled


def test_a_repeated_2xx_of_each_fork_gets_its_own_ack_again() -> None:
    alone = Alone()
    invite = calling(alone)
    for _ in range(2):
        for tag in ("p", "q"):
            out = alone.say(answer(invite, 200, tag=tag, more=contact(tag)))
            assert lines(out)[0] == f"ACK sip:{tag}@10.0.0.9:5060"
    byes = [transmit for _, transmit in alone.sent if transmit.data.startswith(b"BYE")]
    assert len(byes) == 1


def test_a_2xx_after_hanging_up_is_acknowledged_and_ended() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 180))
    alone.endpoint.hang_up("o1", alone.now)
    alone.heard()
    alone.events()
    out = alone.say(answer(invite, 200, tag="p", more=contact("p")))
    assert lines(out) == ["ACK sip:p@10.0.0.9:5060", "BYE sip:p@10.0.0.9:5060"]
    assert alone.events() == []


def test_a_2xx_that_follows_a_failure_is_acknowledged_and_ended() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 486, tag="p"))
    out = alone.say(answer(invite, 200, tag="q", more=contact("q")))
    assert lines(out) == ["ACK sip:q@10.0.0.9:5060", "BYE sip:q@10.0.0.9:5060"]
    assert [type(event).__name__ for event in alone.events()] == ["CallTrying", "CallRefused"]


def test_more_forks_than_anybody_has_are_left_alone() -> None:
    alone = Alone()
    invite = calling(alone)
    for number in range(40):
        alone.say(answer(invite, 200, tag=f"t{number}", more=contact("x")))
    acks = [transmit for _, transmit in alone.sent if transmit.data.startswith(b"ACK")]
    assert len(acks) == 16


def test_a_cancelled_invite_without_final_response_is_given_up_after_64_t1() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 180))
    alone.endpoint.hang_up("o1", alone.now)
    (cancel,) = alone.heard()
    alone.say(answer(cancel, 200))
    alone.pass_time(31)
    assert not alone.endpoint.settled
    alone.pass_time(2)
    assert alone.endpoint.settled


def test_the_ack_follows_the_route_set_in_reverse() -> None:
    alone = Alone()
    invite = calling(alone)
    routes = "Record-Route: <sip:10.0.0.20;lr>, <sip:10.0.0.21;lr>\nRecord-Route: <sip:10.0.0.22:5080;lr>\n"
    (ack,) = alone.say(answer(invite, 200, tag="p", more=contact("p") + routes))
    assert isinstance(ack, Request)
    assert [str(route) for route in ack.routes] == [
        "<sip:10.0.0.22:5080;lr>",
        "<sip:10.0.0.21;lr>",
        "<sip:10.0.0.20;lr>",
    ]
    assert str(ack.uri) == "sip:p@10.0.0.9:5060"
    assert alone.sent[-1][1].remote == ("10.0.0.22", 5080)


def test_a_strict_router_gets_the_request_uri_that_it_wants() -> None:
    alone = Alone()
    invite = calling(alone)
    routes = "Record-Route: <sip:10.0.0.20;lr>, <sip:10.0.0.21>\n"
    (ack,) = alone.say(answer(invite, 200, tag="p", more=contact("p") + routes))
    assert isinstance(ack, Request)
    assert str(ack.uri) == "sip:10.0.0.21"
    assert [str(route) for route in ack.routes] == ["<sip:10.0.0.20;lr>", "<sip:p@10.0.0.9:5060>"]
    assert alone.sent[-1][1].remote == ("10.0.0.21", 5060)


def test_a_route_by_name_is_looked_up_once_for_ack_and_bye() -> None:
    alone = Alone()
    invite = calling(alone)
    route = "Record-Route: <sip:edge.test;lr>\n"
    assert alone.say(answer(invite, 200, tag="p", more=contact("p") + route)) == []
    lookups = [event for event in alone.events() if isinstance(event, ev.Lookup)]
    assert [lookup.host for lookup in lookups] == ["edge.test"]
    alone.endpoint.resolved(lookups[0].key, [ev.Target("udp", "10.0.0.30", 5060)], alone.now)
    assert lines(alone.heard()) == ["ACK sip:p@10.0.0.9:5060"]
    alone.endpoint.hang_up("o1", alone.now)
    assert lines(alone.heard()) == ["BYE sip:p@10.0.0.9:5060"]
    assert alone.sent[-1][1].remote == ("10.0.0.30", 5060)
    assert alone.events() == []


def test_the_ack_carries_the_credentials_of_its_invite() -> None:
    alone = Alone()
    invite = calling(alone)
    _, again = alone.say(answer(invite, 407, more='Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"\n'))
    (ack,) = alone.say(answer(again, 200, tag="p", more=contact("p")))
    assert ack.headers.get("Proxy-Authorization") == again.headers.get("Proxy-Authorization")
    assert ack.cseq.number == again.cseq.number == invite.cseq.number + 1


def test_an_ack_that_goes_past_the_server_shows_no_credentials_to_the_callee() -> None:
    alone = Alone()
    invite = calling(alone)
    _, again = alone.say(answer(invite, 407, more='Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"\n'))
    (ack,) = alone.say(answer(again, 200, tag="p", more="Contact: <sip:p@203.0.113.9>\n"))
    assert alone.sent[-1][1].remote == ("203.0.113.9", 5060)
    assert not {"Authorization", "Proxy-Authorization"} & {name for name, _ in ack.headers}


def test_a_response_whose_sent_by_is_not_ours_is_dropped() -> None:
    alone = Alone()
    invite = calling(alone)
    text = answer(invite, 486).replace("SIP/2.0/UDP 10.0.0.1:5060", "SIP/2.0/UDP 10.0.0.77:5060")
    assert alone.say(text) == []
    assert alone.events() == []


def test_a_response_of_another_method_is_dropped() -> None:
    alone = Alone()
    invite = calling(alone)
    text = answer(invite, 200).replace(" INVITE\n", " BYE\n")
    assert alone.say(text) == []
    assert alone.events() == []


def test_a_bye_in_a_fork_that_lost_is_answered() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 200, tag="p", more=contact("p")))
    alone.say(answer(invite, 200, tag="q", more=contact("q")))
    bye = message(
        "BYE", to=str(invite.from_), caller="<sip:x@pbx.test>;tag=q", call_id=invite.call_id, branch="z9hG4bKbye"
    )
    (response,) = alone.say(bye)
    assert isinstance(response, Response)
    assert response.status == 200
