"""One target after another (RFC 3263 section 4.3): silence, refusal, reset, 503, and what comes too late."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Address, Body, Target
from offhook.sip.messages.message import Request, Response
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.sip_alone import Alone, answer
from tests.support.sip_pair import Link, Pair

OFFER = Body("application/sdp", b"v=0\r\n")
SEVEN, EIGHT, NINE = (("10.0.0.7", 5060), ("10.0.0.8", 5060), ("10.0.0.9", 5060))
TARGETS = [Target("udp", *SEVEN), Target("udp", *EIGHT), Target("udp", *NINE)]
CONTACT = "Contact: <sip:bob@10.0.0.8:5060>\n"


def calling(targets: list[Target] | None = None, **account: object) -> tuple[Alone, Request]:
    """Place a call by a server with several targets; return the INVITE to the first one."""
    alone = Alone(server="pbx.test", **account)
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    alone.endpoint.resolved("udp:pbx.test:", targets or TARGETS, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    return alone, invite


def named_account(pair: Pair) -> None:
    """Give ``pair.a`` an account whose server has a name."""
    pair.a.endpoint.register(
        AccountSettings("1001", "sip:1001@pbx.test", "1001", "secret", "pbx.test", "udp", register=False), pair.now
    )


def remotes(alone: Alone, method: bytes = b"INVITE") -> list[Address]:
    return [transmit.remote for _, transmit in alone.sent if transmit.data.startswith(method)]


def requests(messages: list[Request | Response], method: str) -> list[Request]:
    return [m for m in messages if isinstance(m, Request) and m.method == method]


def test_a_target_that_is_silent_for_six_seconds_is_left_for_the_next() -> None:
    alone, first = calling()
    alone.pass_time(5.9)
    assert set(remotes(alone)) == {SEVEN}
    (second, *_) = alone.pass_time(0.2)
    assert remotes(alone)[-1] == EIGHT
    assert second.via.branch != first.via.branch
    assert (second.call_id, second.cseq) == (first.call_id, first.cseq)
    alone.pass_time(5.0)
    assert set(remotes(alone)[-3:]) == {EIGHT}, "the first one is not asked any longer"


def test_a_provisional_response_keeps_the_target() -> None:
    alone, invite = calling()
    alone.say(answer(invite, 100), remote=SEVEN)
    alone.pass_time(60)
    assert remotes(alone) == [SEVEN]


def test_the_last_target_has_its_full_time() -> None:
    alone, _ = calling()
    alone.pass_time(12.1)
    assert remotes(alone)[-1] == NINE
    alone.pass_time(31.8)
    assert not any(isinstance(event, ev.CallRefused) for event in alone.events())
    alone.pass_time(0.2)
    (refused,) = alone.events()
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 0


def test_when_all_targets_failed_the_cause_names_each_and_what_it_said() -> None:
    alone, _ = calling()
    alone.pass_time(6.1)
    alone.endpoint.send_failed("udp", EIGHT, "connection refused", alone.now)
    (third,) = alone.heard()
    alone.say(answer(third, 503).replace("503 X", "503 Too Busy"), remote=NINE)
    (*_, refused) = alone.events()
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 503
    for words in (
        "10.0.0.7:5060 over UDP: no answer",
        "10.0.0.8:5060 over UDP: connection refused",
        "10.0.0.9:5060 over UDP: 503 Too Busy",
    ):
        assert words in refused.reason


def test_a_late_2xx_of_the_abandoned_branch_is_acknowledged_and_ended_with_bye() -> None:
    alone, first = calling()
    alone.pass_time(6.1)
    out = alone.say(answer(first, 200, tag="late", more=CONTACT), remote=SEVEN)
    assert [m.method for m in out if isinstance(m, Request)] == ["ACK", "BYE"]
    assert all(m.to.tag == "late" for m in out)
    assert not any(isinstance(event, ev.CallAccepted) for event in alone.events())


def test_a_late_ringing_of_the_abandoned_branch_gets_cancel() -> None:
    alone, first = calling()
    alone.pass_time(6.1)
    (cancel,) = alone.say(answer(first, 180), remote=SEVEN)
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.via.branch) == ("CANCEL", first.via.branch)
    assert alone.sent[-1][1].remote == SEVEN
    (ack,) = alone.say(answer(first, 487), remote=SEVEN)
    assert isinstance(ack, Request)
    assert ack.method == "ACK"
    assert not any(isinstance(event, ev.CallRefused | ev.CallProgress) for event in alone.events())


def test_both_branches_answered_leave_one_call() -> None:
    alone, first = calling()
    (second, *_) = requests(alone.pass_time(6.1), "INVITE")[-1:]
    alone.say(answer(second, 200, tag="good", more=CONTACT), remote=EIGHT)
    out = alone.say(answer(first, 200, tag="late", more=CONTACT), remote=SEVEN)
    assert [m.method for m in out if isinstance(m, Request)] == ["ACK", "BYE"]
    assert len([event for event in alone.events() if isinstance(event, ev.CallAccepted)]) == 1
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = requests(alone.heard(), "BYE")
    assert bye.to.tag == "good"


@pytest.mark.parametrize(
    "fail",
    [
        lambda alone, invite: alone.endpoint.send_failed("udp", SEVEN, "connection refused", alone.now),
        lambda alone, invite: alone.say(answer(invite, 503), remote=SEVEN),
        lambda alone, invite: alone.say(answer(invite, 430), remote=SEVEN),
    ],
)
def test_refusal_503_and_430_move_on_at_once(fail: Callable[[Alone, Request], object]) -> None:
    alone, invite = calling()
    before = alone.now
    fail(alone, invite)
    alone.heard()
    assert remotes(alone)[-1] == EIGHT
    assert alone.now == before


def test_a_reset_moves_on_at_once() -> None:
    targets = [Target("tcp", *SEVEN), Target("tcp", *EIGHT)]
    alone, _ = calling(targets)
    alone.endpoint.send_failed("tcp", SEVEN, "connection reset by peer", alone.now)
    alone.heard()
    assert remotes(alone) == [SEVEN, EIGHT]


def test_other_refusals_are_the_answer() -> None:
    for status in (404, 408, 486, 500, 603):
        alone, invite = calling()
        alone.say(answer(invite, status), remote=SEVEN)
        alone.heard()
        assert remotes(alone) == [SEVEN]
        refused = alone.events()[-1]
        assert isinstance(refused, ev.CallRefused)
        assert (refused.status, refused.reason) == (status, "X")


def test_a_failed_target_is_remembered_by_the_next_call_and_forgiven_later() -> None:
    alone, _ = calling()
    (*_, second) = alone.pass_time(6.1)
    alone.say(answer(second, 486), remote=EIGHT)
    alone.pass_time(40)
    alone.endpoint.call("o2", "desk", "sip:y@pbx.test", OFFER, alone.now)
    alone.endpoint.resolved("udp:pbx.test:", TARGETS, alone.now)
    (again,) = alone.heard()
    assert remotes(alone)[-1] == EIGHT
    alone.say(answer(again, 486), remote=EIGHT)
    alone.pass_time(60)
    alone.endpoint.call("o3", "desk", "sip:z@pbx.test", OFFER, alone.now)
    alone.endpoint.resolved("udp:pbx.test:", TARGETS, alone.now)
    alone.heard()
    assert remotes(alone)[-1] == SEVEN


def test_retry_after_bars_that_target_for_that_long() -> None:
    alone, invite = calling()
    (second,) = requests(alone.say(answer(invite, 503, more="Retry-After: 300\n"), remote=SEVEN), "INVITE")
    alone.say(answer(second, 486), remote=EIGHT)
    for wait, wanted in ((290, EIGHT), (15, SEVEN)):
        alone.pass_time(wait)
        alone.endpoint.call(f"c{wait}", "desk", "sip:y@pbx.test", OFFER, alone.now)
        alone.endpoint.resolved("udp:pbx.test:", TARGETS, alone.now)
        alone.heard()
        assert remotes(alone)[-1] == wanted
        alone.endpoint.send_failed("udp", wanted, "end of this call", alone.now)


def test_a_503_to_a_call_without_retry_after_bars_nobody() -> None:
    alone, invite = calling()
    (second,) = requests(alone.say(answer(invite, 503), remote=SEVEN), "INVITE")
    alone.say(answer(second, 486), remote=EIGHT)
    alone.endpoint.call("o2", "desk", "sip:y@pbx.test", OFFER, alone.now)
    alone.heard()
    assert remotes(alone)[-1] == SEVEN


def test_hanging_up_while_one_is_silent_asks_no_further_one() -> None:
    alone, _ = calling()
    alone.pass_time(3)
    alone.endpoint.hang_up("o1", alone.now)
    alone.pass_time(40)
    assert set(remotes(alone)) == {SEVEN}
    assert alone.endpoint.settled


def test_credentials_are_given_to_the_next_target_as_well() -> None:
    alone, invite = calling()
    (second,) = requests(alone.say(answer(invite, 503), remote=SEVEN), "INVITE")
    asked = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\n'
    out = alone.say(answer(second, 407, more=asked), remote=EIGHT)
    (signed,) = requests(out, "INVITE")
    assert alone.sent[-1][1].remote == EIGHT
    assert "Digest" in (signed.headers.get("Proxy-Authorization") or "")
    alone.pass_time(6.1)
    assert remotes(alone)[-1] == NINE, "silence after the challenge counts too"


def test_a_register_takes_the_next_target_and_stays_there() -> None:
    alone = Alone(register=True, server="pbx.test")
    ranked = [Target("udp", *SEVEN, rank=0), Target("udp", *EIGHT, rank=1)]
    alone.endpoint.resolved("udp:pbx.test:", ranked, alone.now, ttl=100_000)
    alone.heard()
    out = requests(alone.pass_time(6.1), "REGISTER")
    assert alone.sent[-1][1].remote == EIGHT
    alone.say(answer(out[-1], 200, more="Expires: 3600\n"), remote=EIGHT)
    assert isinstance(alone.events()[-1], ev.Registered)
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    alone.heard()
    assert remotes(alone) == [EIGHT], "a call goes where we are registered"


def test_back_to_the_primary_when_its_bar_ends_and_no_flapping_while_it_is_dead() -> None:
    alone = Alone(register=True, server="pbx.test", keepalive=0.0)
    ranked = [Target("udp", *SEVEN, rank=0), Target("udp", *EIGHT, rank=1)]
    alone.endpoint.resolved("udp:pbx.test:", ranked, alone.now, ttl=100_000)
    alone.heard()
    alive = {EIGHT}
    asked: list[tuple[float, Address]] = []

    def pass_time(seconds: float) -> None:
        end = alone.now + seconds
        while alone.now < end:
            seen = len(alone.sent)
            alone.pass_time(0.5)
            for at, transmit in alone.sent[seen:]:
                if transmit.data.startswith(b"REGISTER"):
                    asked.append((at, transmit.remote))
                if transmit.remote in alive:
                    request = _parsed(transmit.data)
                    alone.say(answer(request, 200, more="Expires: 3600\n"), remote=transmit.remote)

    pass_time(1800)
    tries = [at for at, remote in asked if remote == SEVEN]
    bursts = [at for n, at in enumerate(tries) if n == 0 or at - tries[n - 1] > 30]
    gaps = [later - earlier for earlier, later in pairwise(bursts)]
    assert all(later >= earlier for earlier, later in pairwise(gaps))
    assert gaps[0] >= 60
    assert len(bursts) <= 6
    alive.add(SEVEN)
    pass_time(700)
    assert asked[-1][1] == SEVEN
    count = len(asked)
    pass_time(2000)
    assert len(asked) == count, "home again, and nothing more to try"


def test_a_primary_that_is_up_but_does_not_know_us_costs_no_registration() -> None:
    alone = Alone(register=True, server="pbx.test", keepalive=0.0)
    ranked = [Target("udp", *SEVEN, rank=0), Target("udp", *EIGHT, rank=1)]
    alone.endpoint.resolved("udp:pbx.test:", ranked, alone.now, ttl=100_000)
    (first,) = alone.heard()
    (second,) = alone.say(answer(first, 503), remote=SEVEN)
    alone.say(answer(second, 200, more="Expires: 3600\n"), remote=EIGHT)
    (home,) = alone.pass_time(60.2)
    assert alone.sent[-1][1].remote == SEVEN
    (back,) = alone.say(answer(home, 404), remote=SEVEN)
    assert alone.sent[-1][1].remote == EIGHT
    alone.say(answer(back, 200, more="Expires: 3600\n"), remote=EIGHT)
    assert not any(isinstance(event, ev.RegistrationFailed) for event in alone.events())
    assert alone.pass_time(100) == [], "and it is not asked again at once"


@pytest.mark.parametrize("wish", ["0", "1"])
def test_a_primary_that_refuses_and_asks_for_no_bar_makes_no_storm(wish: str) -> None:
    alone = Alone(register=True, server="pbx.test", keepalive=0.0)
    ranked = [Target("udp", *SEVEN, rank=0), Target("udp", *EIGHT, rank=1)]
    alone.endpoint.resolved("udp:pbx.test:", ranked, alone.now, ttl=100_000)
    sent = alone.heard()
    registers = 0
    for _ in range(600):
        while sent:
            (request,) = requests(sent, "REGISTER")
            registers += 1
            if alone.sent[-1][1].remote == SEVEN:
                sent = alone.say(answer(request, 503, more=f"Retry-After: {wish}\n"), remote=SEVEN)
            else:
                sent = alone.say(answer(request, 200, more="Expires: 3600\n"), remote=EIGHT)
        sent = alone.pass_time(1.0)
    assert registers <= 12


def _parsed(data: bytes) -> Request:
    from offhook.sip.messages.parser import parse_datagram

    message = parse_datagram(data)
    assert isinstance(message, Request)
    return message


def test_requests_stick_to_the_server_that_registered_though_dns_names_others() -> None:
    alone = Alone(register=True, server="pbx.test")
    alone.endpoint.resolved("udp:pbx.test:", [Target("udp", *EIGHT)], alone.now, ttl=5)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 3600\n"), remote=EIGHT)
    alone.pass_time(10)
    alone.events()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    alone.endpoint.resolved("udp:pbx.test:", [Target("udp", *SEVEN), Target("udp", *NINE)], alone.now)
    alone.heard()
    assert remotes(alone) == [EIGHT]
    alone.pass_time(6.1)
    assert remotes(alone)[-1] == SEVEN


@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_link_the_second_server_is_found_and_no_call_is_left_over(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.2))
    dead: Address = ("10.0.0.77", 5060)
    settings = EndpointSettings(any_user=True)
    second = pair.add("second", EIGHT, settings)
    named_account(pair)
    second.on_event = lambda event: (
        second.endpoint.answer(event.call, OFFER, pair.now) if isinstance(event, ev.IncomingCall) else None
    )
    pair.a.endpoint.call("o1", "1001", "sip:x@pbx.test", OFFER, pair.now)
    pair.run(0)
    pair.a.endpoint.resolved("udp:pbx.test:", [Target("udp", *dead), Target("udp", *EIGHT)], pair.now)
    pair.run(12)
    assert len(pair.a.of_type(ev.CallAccepted)) == 1
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(70)
    assert pair.a.endpoint.settled
    assert second.endpoint.settled


@pytest.mark.parametrize("seed", range(8))
def test_a_server_that_answers_too_late_is_told_that_the_call_is_over(seed: int) -> None:
    """The first server's answers take seven seconds; the second one's come at once: one call stands, none is left."""
    pair = Pair(seed=seed, link=Link(loss=0.15, duplicate=0.2, delay=0.02, jitter=0.1))
    slow, quick = (
        pair.add("slow", SEVEN, EndpointSettings(any_user=True), 5),
        pair.add("quick", EIGHT, EndpointSettings(any_user=True), 6),
    )
    queue = pair._queue

    def delayed(at: float, to: Address, data: bytes, flow: ev.Flow) -> None:
        queue(at + (7.0 if flow.remote == SEVEN and pair.now < 108 else 0.0), to, data, flow)

    pair._queue = delayed  # type: ignore[method-assign]
    named_account(pair)
    for peer in (slow, quick):
        peer.on_event = lambda event, peer=peer: (  # type: ignore[misc]
            peer.endpoint.answer(event.call, OFFER, pair.now) if isinstance(event, ev.IncomingCall) else None
        )
    pair.a.endpoint.call("o1", "1001", "sip:x@pbx.test", OFFER, pair.now)
    pair.run(0)
    pair.a.endpoint.resolved("udp:pbx.test:", TARGETS[:2], pair.now)
    pair.run(60)
    assert len(pair.a.of_type(ev.CallAccepted)) == 1
    assert slow.endpoint.settled, "the late one was acknowledged and ended, or cancelled"
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(70)
    assert pair.a.endpoint.settled
    assert quick.endpoint.settled
