"""Waits between tries: doubling with jitter, wishes of the server, and who may cut them short."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.messages.message import Request
from offhook.sip.registrations.back_off import LEAST_GAP, RetryClock
from offhook.sip.settings import BackOff
from tests.support.sip_alone import THERE, Alone, message
from tests.support.sip_pair import Link, Pair
from tests.support.sip_registrar import Answer, Registrar, registering


@given(st.lists(st.sampled_from([0, 408, 500, 503]), min_size=1, max_size=40), st.integers(0, 2**32))
def test_waits_double_from_thirty_seconds_to_two_minutes_with_half_of_it_at_random(
    statuses: list[int], seed: int
) -> None:
    clock = RetryClock(BackOff(), Random(seed).random)
    for number, status in enumerate(statuses):
        upper = min(120.0, 30.0 * 2**number)
        assert upper / 2 <= clock.failed(status, 0, 0.0) <= upper


def test_a_success_begins_anew() -> None:
    clock = RetryClock(BackOff(), lambda: 0.999)
    for _ in range(5):
        clock.failed(500, 0, 0.0)
    clock.succeeded()
    assert 29 < clock.failed(500, 0, 0.0) <= 30


def test_retry_after_counts_up_to_an_hour_and_no_one_cuts_it_short() -> None:
    clock = RetryClock(BackOff(), lambda: 0.0)
    assert clock.failed(503, 100, 1000.0) == 100
    assert not clock.may_hurry(900.0, 1099.0)
    assert not clock.may_answer(900.0, 1099.0)
    assert clock.may_hurry(900.0, 1100.0)
    assert clock.failed(503, 10**9, 0.0) == 3600


def test_a_server_that_refused_us_is_not_asked_again_because_it_speaks_but_for_somebody_at_the_phone() -> None:
    clock = RetryClock(BackOff(), lambda: 0.5)
    assert clock.failed(403, 0, 0.0) == 450
    assert not clock.may_answer(0.0, 400.0)
    assert clock.may_hurry(0.0, LEAST_GAP)


@given(st.lists(st.sampled_from([401, 404, 407]), min_size=1, max_size=10), st.integers(0, 2**32))
def test_a_server_that_does_not_know_us_is_asked_slowly_but_within_two_minutes(statuses: list[int], seed: int) -> None:
    clock = RetryClock(BackOff(), Random(seed).random)
    for status in statuses:
        assert 60.0 <= clock.failed(status, 0, 0.0) <= 120.0
        assert clock.may_answer(0.0, 200.0), "it may have got its users by now"


def refusing(pair: Pair) -> Registrar:
    registrar = Registrar(pair)

    def behave(request: Request) -> Answer:
        return 500, ()

    registrar.behave = behave
    return registering(pair, registrar)


def test_a_lift_registers_at_once_and_lifting_often_is_not_registering_often() -> None:
    pair = Pair()
    registrar = refusing(pair)
    pair.run(5)
    for _ in range(100):
        pair.a.endpoint.retry(pair.now)
        pair.run(0.1)
    assert 2 <= len(registrar.requests) <= 4
    registrar.behave = lambda request: None
    pair.run(LEAST_GAP)
    pair.a.endpoint.retry(pair.now)
    pair.run(0.1)
    assert isinstance(pair.a.events[-1], ev.Registered)
    count = len(registrar.requests)
    pair.run(5)
    pair.a.endpoint.retry(pair.now)
    pair.run(1)
    assert len(registrar.requests) == count, "what is registered is left alone"


def test_a_packet_from_the_server_retries_at_once_but_a_storm_of_them_makes_no_storm_of_registers() -> None:
    alone = Alone(register=True)
    alone.heard()
    alone.endpoint.send_failed("udp", THERE, "refused", alone.now)
    alone.pass_time(5)
    before = len(alone.sent)
    registers: list[float] = []
    for number in range(600):
        alone.say(message("OPTIONS", "sip:10.0.0.1", branch=f"z9hG4bK{number}", call_id=f"o{number}"))
        fresh = [at for at, t in alone.sent[before:] if t.data.startswith(b"REGISTER")]
        if len(fresh) > len(registers):
            registers = fresh
            alone.endpoint.send_failed("udp", THERE, "refused", alone.now)
        alone.pass_time(0.5)
    assert registers[0] == 1005.0, "the first packet is enough"
    assert len(registers) <= 9
    assert all(later - earlier >= LEAST_GAP for earlier, later in pairwise(registers))


def test_packets_from_anywhere_else_change_nothing() -> None:
    alone = Alone(register=True)
    alone.heard()
    alone.endpoint.send_failed("udp", THERE, "refused", alone.now)
    alone.pass_time(10)
    out = alone.say(message("OPTIONS", "sip:10.0.0.1"), remote=("10.9.9.9", 5060))
    assert not any(isinstance(m, Request) for m in out)


def test_a_change_of_network_registers_anew_from_the_new_address() -> None:
    pair = Pair()
    registrar = registering(pair)
    pair.run(1)
    pair.a.endpoint.network_changed(pair.now)
    pair.run(1)
    assert len(registrar.requests) == 2
    assert registrar.requests[1][1].cseq.number == registrar.requests[0][1].cseq.number + 1


def test_a_change_of_network_does_not_wait_for_a_request_that_went_nowhere_nor_for_retry_after() -> None:
    pair = Pair()
    registrar = Registrar(pair)
    registrar.behave = lambda request: (503, (("Retry-After", "3000"),))
    registering(pair, registrar)
    pair.run(1)
    registrar.behave = lambda request: None
    pair.a.endpoint.network_changed(pair.now)
    pair.run(0.1)
    assert isinstance(pair.a.events[-1], ev.Registered)


def test_several_changes_at_one_moment_are_one_register() -> None:
    pair = Pair()
    registrar = registering(pair)
    pair.run(1)
    for _ in range(10):
        pair.a.endpoint.network_changed(pair.now)
    pair.run(1)
    assert len(registrar.requests) == 2


def test_a_server_killed_and_back_is_registered_within_thirty_five_seconds() -> None:
    for seed in range(20):
        pair = Pair(seed=seed)
        registrar = registering(pair)
        pair.run(100 + seed)
        pair.link.drop = lambda data: b"10.0.0.3" in data or data.startswith(b"SIP/2.0")
        lost_at = pair.now
        pair.run(10)
        registrar.bindings.clear()
        pair.link.drop = lambda data: False
        back_at = pair.now
        pair.run(35)
        assert lost_at < back_at
        late = [at for at, _ in registrar.requests if at >= back_at]
        assert registrar.bindings or not late, (
            "noticed, registered again; or the outage passed between two signs of life"
        )


def test_after_an_hour_of_outage_it_is_registered_within_two_minutes_and_a_half() -> None:
    for seed in range(5):
        pair = Pair(seed=seed, link=Link(loss=1.0))
        registrar = registering(pair)
        pair.run(3600)
        pair.link.loss = 0.0
        pair.run(120)
        assert registrar.bindings


def test_a_link_that_has_just_come_up_is_tried_again_within_seconds_a_few_times() -> None:
    alone = Alone(register=True)
    alone.heard()
    alone.endpoint.network_changed(alone.now + 1)
    alone.now += 1
    times = []
    for _ in range(6):
        alone.heard()
        times.append(alone.now)
        alone.endpoint.send_failed("udp", THERE, "no route to host", alone.now)
        failed = alone.events()[-1]
        assert isinstance(failed, ev.RegistrationFailed)
        alone.now += failed.retry_in
        alone.endpoint.tick(alone.now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert [gap <= upper for gap, upper in zip(gaps, (1, 2, 4, 8), strict=False)] == [True] * 4
    assert gaps[4] >= 15
