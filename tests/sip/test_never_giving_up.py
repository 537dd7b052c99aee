"""Whatever happens to the network, the server and the handset: once all is well the phone is registered again."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.messages.message import Request
from offhook.sip.registrations.registration import Stage
from tests.support.sip_pair import Link, Pair
from tests.support.sip_registrar import REGISTRAR, Answer, Registrar, registering

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["loss", "well", "refuse", "forbid", "busy", "challenge", "lift", "network", "icmp", "refresh", "close"]
        ),
        st.sampled_from([0.0, 0.3, 3.0, 40.0, 300.0]),
    ),
    max_size=12,
)
ANSWERS: dict[str, Answer] = {
    "refuse": (500, ()),
    "forbid": (403, ()),
    "busy": (503, (("Retry-After", "40"),)),
    "challenge": (401, (("WWW-Authenticate", 'Digest realm="pbx.test", nonce="n"'),)),
}


def disturb(pair: Pair, registrar: Registrar, what: str) -> None:
    endpoint = pair.a.endpoint
    if what == "loss":
        pair.link.loss = 1.0
    elif what == "well":
        pair.link.loss = 0.0
        registrar.behave = lambda request: None
    elif what in ANSWERS:
        said = ANSWERS[what]
        registrar.behave = lambda request: said
    elif what == "lift":
        endpoint.retry(pair.now)
    elif what == "network":
        endpoint.network_changed(pair.now)
    elif what == "icmp":
        endpoint.send_failed("udp", REGISTRAR, "connection refused", pair.now)
        endpoint.send_failed("tcp", REGISTRAR, "connection refused", pair.now)
    elif what == "refresh":
        endpoint.refresh_registration("1001", pair.now)
    else:
        for flow in list(endpoint._core.open_flows):
            endpoint.flow_closed(flow, pair.now)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.sampled_from(["udp", "tcp"]), st.integers(0, 99))
def test_after_any_disturbance_the_phone_is_registered_again(
    steps: list[tuple[str, float]], transport: str, seed: int
) -> None:
    pair = Pair(seed=seed, link=Link(duplicate=0.1, jitter=0.1))
    registrar = registering(pair, Registrar(pair), transport=transport)
    for what, seconds in steps:
        disturb(pair, registrar, what)
        pair.run(seconds)
        registration = pair.a.endpoint._registrations["1001"]
        assert registration.stage in (Stage.TRYING, Stage.REGISTERED, Stage.WAITING)
        assert pair.a.endpoint.deadline() is not None, "something is always going to happen"
    disturb(pair, registrar, "well")
    pair.run(700)
    assert pair.a.endpoint._registrations["1001"].stage is Stage.REGISTERED
    assert registrar.bindings


@settings(max_examples=25, deadline=None)
@given(STEPS, st.sampled_from(["udp", "tcp"]), st.integers(0, 99))
def test_no_disturbance_makes_a_storm_of_registers(steps: list[tuple[str, float]], transport: str, seed: int) -> None:
    pair = Pair(seed=seed)
    registrar = registering(pair, Registrar(pair), transport=transport)
    asked = sum(what in ("network", "refresh") for what, _ in steps)
    for what, seconds in steps:
        disturb(pair, registrar, what)
        pair.run(seconds)
    fresh = {request.cseq.number for request in pair.requests("REGISTER", pair.a)}
    spent = sum(seconds for _, seconds in steps)
    # Challenges double what is sent; a dead flow is tried at once; the rest is the back-off of 15 s and more.
    assert len(fresh) <= 4 + 8 * len(steps) + 5 * asked + spent / 15


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_bad_weather_never_leaves_us_unregistered_for_long(seed: int) -> None:
    chance = Random(seed)
    pair = Pair(seed=seed, link=Link(delay=0.03, jitter=0.2))
    registrar = registering(pair)
    well_since, longest = pair.now, 0.0
    for _ in range(100):
        if chance.random() < 0.2:
            pair.link.loss = 0.0 if pair.link.loss else 1.0
            well_since = pair.now
        pair.run(chance.uniform(1, 300))
        registered = pair.a.endpoint._registrations["1001"].stage is Stage.REGISTERED
        if not pair.link.loss and not registered:
            longest = max(longest, pair.now - well_since)
    assert longest <= 125
    assert isinstance(registrar.requests[0][1], Request)
    assert any(isinstance(event, ev.Registered) for event in pair.a.events)
