"""The phone with each soft phone of Debian, feature by feature, over each transport, directly and through Kamailio.

Everything that a peer can do is met at least once, over each transport at least once; with ``--soak`` every way is
gone. docs/interop.md says which test shows what, and what a peer cannot do.
"""

from collections.abc import Iterator

import pytest

from tests.support.linphone import Linphone
from tests.support.meeting import Meeting, Way
from tests.support.phone import Phone
from tests.support.shell import Shell

pytestmark = pytest.mark.peer

WAYS = [
    Way("baresip", "udp"),
    Way("baresip", "tcp", direct=True),
    Way("baresip", "tls", srtp=True),
    Way("baresip", "tls", direct=True),
    Way("linphonec", "udp", direct=True),
    Way("linphonec", "tcp"),
    Way("linphonec", "tls", srtp=True),
    Way("linphonec", "tls", direct=True),
]
EVERY_WAY = [
    *WAYS,
    Way("baresip", "udp", direct=True, srtp=True),
    Way("baresip", "tcp"),
    Way("baresip", "tls"),
    Way("linphonec", "udp"),
    Way("linphonec", "tcp", direct=True),
    Way("linphonec", "tls"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Few ways in the suite, all in a soak; one meeting serves all tests of its way."""
    if "meeting" in metafunc.fixturenames:
        ways = EVERY_WAY if metafunc.config.getoption("--soak") else WAYS
        if "third" in metafunc.function.__name__:  # there must be somebody who knows all three
            ways = [way for way in ways if not way.direct]
        if "joins" in metafunc.function.__name__:  # baresip 1.0.0 knows blind transfer only
            ways = [way for way in ways if way.peer == "linphonec"]
        if "is_called" not in metafunc.function.__name__:  # linphonec takes no TLS connection from anybody
            ways = [way for way in ways if way != Way("linphonec", "tls", direct=True)]
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


def test_holds_by_a_flash_and_takes_back_by_another(meeting: Meeting) -> None:
    phone, peer = meeting.phone, meeting.peer
    call_out(meeting)
    hear_each_other(phone, 10)
    phone.flash()
    peer.wait_held()
    phone.wait_for("tone", name="dial")
    phone.flash()
    peer.wait_taken_back()
    hear_each_other(phone)
    phone.hang_up()
    peer.wait_ended()


def test_is_sent_to_a_third_by_the_peer(meeting: Meeting) -> None:
    phone, peer, third = meeting.phone, meeting.peer, meeting.third
    call_out(meeting)
    hear_each_other(phone, 10)
    peer.transfer(third.uri)
    third.wait_incoming()
    third.wait_talking()
    peer.wait_ended()
    phone.wait_status(lambda status: len(status["calls"]) == 1, "one call left")
    hear_each_other(phone)
    phone.hang_up()
    third.wait_ended()


def test_sends_the_peer_to_a_third_from_a_shell(meeting: Meeting) -> None:
    phone, peer, third = meeting.phone, meeting.peer, meeting.third
    call_out(meeting)
    hear_each_other(phone, 10)
    done = Shell(phone.control_socket).run("transfer", "1004")
    assert done.status == 0, done
    third.wait_incoming()
    third.wait_talking()
    phone.wait_status(lambda status: status["calls"] == [], "end of the call")
    third.hang_up()
    peer.wait_ended()


def test_the_peer_joins_the_phone_and_a_third(meeting: Meeting) -> None:
    phone, peer, third = meeting.phone, meeting.peer, meeting.third
    assert isinstance(peer, Linphone)
    call_out(meeting)
    hear_each_other(phone, 10)
    peer.join(third.uri)
    third.wait_talking()  # with the peer
    third.wait_talking()  # with the phone
    phone.wait_status(lambda status: [call["state"] for call in status["calls"]] == ["talking"], "one call left")
    hear_each_other(phone)
    phone.hang_up()
    third.wait_ended()


def test_joins_the_peer_and_a_third_by_hanging_up(meeting: Meeting) -> None:
    phone, peer, third = meeting.phone, meeting.peer, meeting.third
    call_out(meeting)
    hear_each_other(phone, 10)
    phone.flash()
    peer.wait_held()
    phone.wait_for("tone", name="dial")
    phone.dial("1004")
    third.wait_talking()
    phone.wait_status(lambda status: {call["state"] for call in status["calls"]} == {"held", "talking"}, "two calls")
    phone.hang_up()
    peer.wait_talking()
    third.wait_talking()
    phone.wait_status(lambda status: status["calls"] == [], "end of both calls")
    third.hang_up()
    peer.wait_ended()
