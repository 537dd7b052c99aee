"""What comes from the network without being asked for: junk in masses, one by one, in the middle of a call."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.figures import show
from tests.support.kamailio import Kamailio
from tests.support.memory import resident_kib
from tests.support.mutate import mutations
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.vectors.torture import CASES

pytestmark = pytest.mark.peer


class Prober:
    """A UDP socket that sends anything, and asks with OPTIONS whether the phone still answers."""

    def __init__(self, target: str, ip: str = SERVER_IP) -> None:
        host, _, port = target.rpartition(":")
        self.target = host, int(port)
        self.ip = ip
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 0))
        self.socket.settimeout(3)
        self.number = 0
        self.last = b""

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        self.socket.sendto(data, self.target)

    def request(self, method: str, *headers: str, body: str = "") -> bytes:
        """Make a request that is fine, plus these headers."""
        self.number += 1
        port = self.socket.getsockname()[1]
        lines = [
            f"{method} sip:1001@{self.target[0]}:{self.target[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{port};branch=z9hG4bKprobe{self.number};rport",
            f"From: <sip:probe@{self.ip}>;tag=p{self.number}",
            f"To: <sip:1001@{self.target[0]}>",
            f"Call-ID: probe-{self.number}@{self.ip}",
            f"CSeq: {self.number} {method}",
            "Max-Forwards: 70",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def answer(self, data: bytes) -> int:
        """Send a request; return the status of its answer (that to this request: others are passed over)."""
        self.drain()
        self.send(data)
        mark = f"probe-{self.number}@".encode()
        while True:
            answer = self.socket.recv(65536)
            if mark in answer:
                self.last = answer
                return int(answer.split(b" ", 2)[1])

    def drain(self) -> None:
        """Make room for an answer: a flood of junk gets a flood of 400s."""
        self.socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.socket.recv(65536)
        self.socket.settimeout(3)

    def alive(self) -> bool:
        """Whether OPTIONS is answered: 200, or what a call would get (404 without an account, 486 in a call)."""
        return self.answer(self.request("OPTIONS")) in (200, 404, 480, 486)


@contextmanager
def probing(phone: Phone, ip: str = SERVER_IP) -> Iterator[Prober]:
    """A prober of this phone, which is given time to learn whose user it is: its sockets are open a moment before."""
    phone.child.wait_for_output("is up")
    time.sleep(0.3)
    prober = Prober(phone.address(), ip)
    try:
        yield prober
    finally:
        prober.socket.close()


def junk(chance: random.Random, prober: Prober) -> bytes:
    """A datagram of some hostile kind."""
    good = prober.request("INVITE", "Contact: <sip:probe@10.77.0.1>")
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.randrange(1, 1400))
        case 1:
            return good[: chance.randrange(len(good))]
        case 2:
            broken = bytearray(good)
            for _ in range(10):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            return bytes(broken)
        case 3:
            return prober.request("OPTIONS", *("X-Junk: " + "a" * 60 for _ in range(20)))
        case 4:
            return b"SIP/2.0 200 OK\r\n" + good.split(b"\r\n", 1)[1]
        case _:
            return b"INVITE sip:1001@x SIP/2.0\r\n" + b"Via: " + b";" * 500 + b"\r\n\r\n"


def test_junk_of_every_kind_never_stops_the_phone(make_phone: MakePhone) -> None:
    phone = make_phone(config(sip="accept_from: any"))
    chance = random.Random(1)
    with probing(phone) as prober:
        assert prober.alive()
        for _ in range(40):
            for _ in range(10):
                prober.send(junk(chance, prober))
            assert prober.alive()
    assert "Traceback" not in phone.log()


def test_after_each_damaged_message_the_phone_still_answers(
    soak: bool, make_phone: MakePhone, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = make_phone(config(account("10.77.0.1:5999", user="2044", register=False), sip="accept_from: any"))
    count = 20_000 if soak else 2000
    with probing(phone) as prober:
        request = prober.request("INVITE", "Contact: <sip:probe@10.77.0.1>").replace(b"1001@", b"2044@")
        assert prober.alive()
        for number, data in enumerate(mutations([request, *(case.data for case in CASES)], count, seed=23)):
            prober.send(data[:65507])
            assert prober.alive(), f"after message {number}: {data!r}"
            if number == count // 2:  # from here on a heap that has grown to its size stays as it is
                early = resident_kib(phone.child.pid)
        grown = resident_kib(phone.child.pid) - early
    show(capsys, f"{count} damaged messages, an answer after each; memory {early} KiB, then {grown:+} KiB")
    assert grown < 2048
    assert "Traceback" not in phone.log()


def test_the_largest_datagram_and_the_emptiest(make_phone: MakePhone) -> None:
    phone = make_phone(config(sip="accept_from: any"))
    with probing(phone) as prober:
        for data in (b"", b"\0", b"\r\n\r\n", b"x" * 65507, prober.request("OPTIONS", "X: " + "y" * 65000)[:65507]):
            prober.send(data)
            assert prober.alive()
    host, _, port = phone.address("tcp").rpartition(":")
    with socket.create_connection((host, int(port))) as stream:
        with suppress(ConnectionError):
            stream.sendall(b"INVITE sip:1001@x SIP/2.0\r\nX: " + b"z" * (64 * 1024 + 1))
        stream.settimeout(5)
        with suppress(ConnectionResetError):
            stream.recv(65536)  # refused or closed, not waited for
    with probing(phone) as prober:
        assert prober.alive()
    assert "Traceback" not in phone.log()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", (), 200),
        ("NONSENSE", (), 501),
        ("REGISTER", (), 405),
        ("BYE", (), 481),
        ("INVITE", ("Require: nothing-we-know", "Contact: <sip:p@10.77.0.1>"), 420),
    ],
)
def test_each_request_gets_its_status(
    method: str, headers: tuple[str, ...], status: int, make_phone: MakePhone
) -> None:
    phone = make_phone(config(account("10.77.0.1:5999", register=False)))
    with probing(phone) as prober:
        assert prober.answer(prober.request(method, *headers)) == status


def test_a_call_for_somebody_else_is_404(make_phone: MakePhone) -> None:
    phone = make_phone(config(account("10.77.0.1:5999", register=False)))
    with probing(phone) as prober:
        request = prober.request("INVITE", "Contact: <sip:p@10.77.0.1>").replace(b"sip:1001@", b"sip:4711@", 1)
        assert prober.answer(request) == 404
    assert phone.status()["phone"] == "ON_HOOK"


def test_a_flood_is_not_heard(registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip) -> None:
    phone = make_phone(config(account(registrar.address)))
    phone.wait_registered()
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    phone.wait_status(lambda status: status["calls"][0]["rx"] > 50, "speech")
    chance = random.Random(2)
    before = phone.status()["calls"][0]
    with probing(phone) as prober:
        begin = time.monotonic()
        for index in range(2500):  # 500 a second for 5 s
            prober.send(junk(chance, prober))
            left = begin + index / 500 - time.monotonic()
            if left > 0:
                time.sleep(left)
                prober.drain()
        elapsed = time.monotonic() - begin
        time.sleep(1.2)  # the figures of a call are a second old at most
        after = phone.status()["calls"][0]
        assert prober.alive()
    assert after["state"] == "talking"
    assert after["rx"] - before["rx"] >= elapsed * 50 * 0.95
    assert after["tx"] - before["tx"] >= elapsed * 50 * 0.95
    assert after["lost"] - before["lost"] <= 2
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
    assert "Traceback" not in phone.log()
