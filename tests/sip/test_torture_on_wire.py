"""The torture messages given to a live endpoint: each gets the right status or silence, and it is alive after each.

With ``OFFHOOK_TORTURE_DIR`` set, every ``NAME.dat`` below that directory is sent as well and must get what our case of
that name gets, where the phone owns the user that it calls.
"""

import os
from pathlib import Path

import pytest

from offhook.sip.events import Flow, IncomingCall
from offhook.sip.messages.message import Response
from tests.support.sip_alone import HERE, Alone, message
from tests.vectors.torture import BY_NAME, CASES, Case

SENDER = ("203.0.113.50", 5060)


def given_files() -> list[Path]:
    """The files that the environment asks for."""
    directory = os.environ.get("OFFHOOK_TORTURE_DIR")
    return sorted(Path(directory).rglob("*.dat")) if directory else []


MESSAGES = [pytest.param(case, case.data, "2044", id=case.name) for case in CASES]
MESSAGES += [
    pytest.param(BY_NAME[path.stem], path.read_bytes(), "user", id=f"{path.parent.name}/{path.name}")
    for path in given_files()
    if path.stem in BY_NAME
]


def first_status(alone: Alone, data: bytes) -> int | None:
    """Send a datagram, and again as a retransmission; return the status of the first answer."""
    statuses = []
    for _ in range(2):
        alone.endpoint.receive(data, Flow("udp", HERE, SENDER), alone.now)
        statuses += [m.status for m in alone.heard() if isinstance(m, Response)]
    return statuses[0] if statuses else None


def probe(alone: Alone, name: str) -> None:
    """See that the endpoint answers OPTIONS and still takes a call."""
    ours = f"sip:{alone.account.name}@x"
    options = alone.say(message("OPTIONS", ours, branch=f"z9hG4bKprobe{name}", call_id=f"probe{name}"))
    assert [m.status for m in options if isinstance(m, Response)] == [200]
    alone.events()
    invite = message(uri=ours, branch=f"z9hG4bKring{name}", call_id=f"ring{name}", body="v=0")
    assert [m.status for m in alone.say(invite) if isinstance(m, Response)] == [100]
    (incoming,) = alone.events()
    assert isinstance(incoming, IncomingCall)
    alone.endpoint.reject(incoming.call, 486, "", alone.now)
    alone.heard()


@pytest.mark.parametrize(("case", "data", "user"), MESSAGES)
def test_each_message_gets_its_status_or_silence(case: Case, data: bytes, user: str) -> None:
    alone = Alone(name=user, uri=f"sip:{user}@phone.test")
    status = first_status(alone, data)
    if user == "2044":
        assert status in (*case.on_wire, *case.tolerated) or (status is None and not case.on_wire)
    else:
        # The files call many users; a phone that does not own one says 404.
        assert status in (*case.on_wire, *case.tolerated, 404) or (status is None and not case.on_wire)
    probe(alone, case.name)


def test_all_of_them_one_after_another_leave_the_endpoint_as_it_was() -> None:
    alone = Alone(name="2044", uri="sip:2044@phone.test")
    for case in CASES:
        alone.endpoint.receive(case.data, Flow("udp", HERE, SENDER), alone.now)
        alone.heard()
        for event in alone.events():
            if isinstance(event, IncomingCall):
                alone.endpoint.reject(event.call, 486, "", alone.now)
        alone.heard()
    probe(alone, "end")
    alone.pass_time(100)
    assert alone.endpoint.settled
    assert alone.endpoint.deadline() is None
    assert alone.events() == []


def test_each_message_over_a_stream_is_answered_or_the_stream_is_closed() -> None:
    for case in CASES:
        alone = Alone(name="2044", uri="sip:2044@phone.test")
        for start in range(0, len(case.data), 97):
            alone.endpoint.receive(case.data[start : start + 97], Flow("tcp", HERE, SENDER, 1), alone.now)
        alone.heard()
        alone.events()
        probe(alone, case.name)
