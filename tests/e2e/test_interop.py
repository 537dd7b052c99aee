"""The phone with each soft phone of Debian, feature by feature, over each transport, directly and through Kamailio.

Everything that a peer can do is met at least once, over each transport at least once; with ``--soak`` every way is
gone. docs/interop.md says which test shows what, and what a peer cannot do.
"""

from collections.abc import Iterator

import pytest

from tests.support.meeting import Meeting, Way
from tests.support.phone import Phone

pytestmark = pytest.mark.peer

WAYS = [
    Way("baresip", "udp"),
    Way("baresip", "tcp", direct=True),
    Way("linphonec", "udp", direct=True),
    Way("linphonec", "tcp"),
]
EVERY_WAY = [
    *WAYS,
    Way("baresip", "udp", direct=True),
    Way("baresip", "tcp"),
    Way("linphonec", "udp"),
    Way("linphonec", "tcp", direct=True),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Few ways in the suite, all in a soak; one meeting serves all tests of its way."""
    if "meeting" in metafunc.fixturenames:
        ways = EVERY_WAY if metafunc.config.getoption("--soak") else WAYS
        if "third" in metafunc.function.__name__:
            ways = [way for way in ways if not way.direct]
        metafunc.parametrize("meeting", ways, ids=str, indirect=True, scope="module")


@pytest.fixture(scope="module")
def meeting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meeting]:
    """Phone, peer and server."""
    with Meeting(tmp_path_factory.mktemp("meeting"), request.param) as meeting:
        yield meeting


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with everybody on hook, whatever became of the one before."""
    yield
    if "meeting" in request.fixturenames:
        request.getfixturevalue("meeting").clear()


def hear_each_other(phone: Phone, packets: int = 25) -> None:
    """Wait until that many packets more went both ways."""
    (before,) = phone.status()["calls"]

    def heard(status: dict[str, object]) -> bool:
        calls = status["calls"]
        assert isinstance(calls, list)
        return bool(calls) and all(calls[0][way] >= before[way] + packets for way in ("rx", "tx"))

    phone.wait_status(heard, f"{packets} packets each way")


def call_out(meeting: Meeting) -> None:
    """The phone calls the peer, who answers."""
    phone, peer = meeting.phone, meeting.peer
    phone.call("1002")
    peer.wait_incoming()
    phone.wait_for("tone", name="ringback")
    peer.accept()
    peer.wait_talking()
    phone.wait_for("call", state="talking", direction="out")


def test_calls_out_and_hangs_up(meeting: Meeting) -> None:
    phone, peer = meeting.phone, meeting.peer
    call_out(meeting)
    hear_each_other(phone)
    (call,) = phone.status()["calls"]
    assert (call["direction"], call["codec"], call["srtp"]) == ("out", "PCMU", meeting.way.srtp)
    phone.hang_up()
    peer.wait_ended()
    phone.wait_state("ON_HOOK")
    phone.wait_status(lambda status: status["calls"] == [], "end of the call")


def test_is_called_and_the_peer_hangs_up(meeting: Meeting) -> None:
    phone, peer = meeting.phone, meeting.peer
    peer.dial(meeting.phone_uri)
    phone.wait_for("ringer", on=True)
    peer.wait_ringing()
    phone.lift()
    peer.wait_talking()
    phone.wait_for("call", state="talking", direction="in")
    hear_each_other(phone)
    assert phone.status()["calls"][0]["srtp"] is meeting.way.srtp
    peer.hang_up()
    phone.wait_state("REORDER")
    phone.hang_up()
    phone.wait_state("ON_HOOK")


def test_digits_go_both_ways(meeting: Meeting) -> None:
    phone, peer = meeting.phone, meeting.peer
    call_out(meeting)
    phone.dial("5*0#", on_ms=90, off_ms=90)
    for digit in "5*0#":
        peer.wait_digit(digit)
    for digit in "48":
        peer.send_digit(digit)
        phone.wait_for("dtmf", digit=digit, direction="in")
    phone.hang_up()
    peer.wait_ended()


def test_is_held_by_the_peer_and_taken_back(meeting: Meeting) -> None:
    phone, peer = meeting.phone, meeting.peer
    call_out(meeting)
    hear_each_other(phone, 10)
    peer.hold()
    phone.wait_for("call", state="held")
    peer.resume()
    phone.wait_status(lambda status: status["calls"][0]["state"] == "talking", "end of hold")
    hear_each_other(phone)
    phone.hang_up()
    peer.wait_ended()
