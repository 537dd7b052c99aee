"""The torture messages on the wire: each gets its status or silence, and the phone answers OPTIONS afterwards."""

import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.vectors.torture import CASES, RINGS, Case

pytestmark = pytest.mark.peer
CONFIG = config(account(f"{SERVER_IP}:5999", user="2044", register=False))


class Wire:
    """Sends from port 5060, and hears what is sent to any port that a case's Via names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.phone: Phone | None = None
        self.starts = 0
        ports = {5060} | {int(port) for case in CASES for port in re.findall(rb"[.\]\w]:(\d{4,5})\b", case.data[:4000])}
        self.sockets = [self.open(port) for port in sorted(ports) if 1024 < port < 65536]
        self.sender = next(sock for sock in self.sockets if sock.getsockname()[1] == 5060)

    @staticmethod
    def open(port: int) -> socket.socket:
        """A socket that hears answers."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((SERVER_IP, port))
        return sock

    def ready_phone(self) -> Phone:
        """A phone that is idle: the last one, or a new one after a case that rang."""
        if self.phone is not None and self.phone.status()["phone"] != "ON_HOOK":
            self.phone.stop()
            self.phone = None
        self.drain()
        if self.phone is None:
            self.starts += 1
            self.phone = Phone(self.folder / f"phone{self.starts}", CONFIG)
            self.phone.child.wait_for_output("is up")
            time.sleep(0.3)  # its sockets are open a moment before it knows which user it is
        return self.phone

    def drain(self) -> None:
        """Forget what comes late: final responses of the case before, goodbyes of a phone that was stopped."""
        while ready := select.select(self.sockets, [], [], 0)[0]:
            for sock in ready:
                sock.recv(65536)

    def close(self) -> None:
        """End everything."""
        if self.phone is not None:
            self.phone.stop()
        for sock in self.sockets:
            sock.close()

    def exchange(self, data: bytes, target: str, number: int) -> list[bytes]:
        """Send a case and then OPTIONS; returns what the case got as answers."""
        host, _, port = target.rpartition(":")
        self.sender.sendto(data, (host, int(port)))
        self.sender.sendto(options(number, target), (host, int(port)))
        answers: list[bytes] = []
        end, probed = time.monotonic() + 3, False
        while (left := end - time.monotonic()) > 0:
            for sock in select.select(self.sockets, [], [], left)[0]:
                answer = sock.recv(65536)
                if b"torture-probe" in answer:
                    probed = True
                    end = min(end, time.monotonic() + 0.15)
                elif answer.startswith(b"SIP/2.0 "):
                    answers.append(answer)
                    if status_of(answer) >= 300 and b"INVITE" in answer:
                        self.sender.sendto(acknowledgement(answer), (host, int(port)))
        assert probed, "OPTIONS was not answered afterwards"
        return answers


def status_of(response: bytes) -> int:
    """The status code."""
    return int(response.split(b" ", 2)[1])


def options(number: int, target: str) -> bytes:
    """A request that must be answered."""
    lines = (
        f"OPTIONS sip:2044@{target} SIP/2.0",
        f"Via: SIP/2.0/UDP {SERVER_IP}:5060;branch=z9hG4bKprobe{number};rport",
        f"From: <sip:probe@{SERVER_IP}>;tag=p{number}",
        "To: <sip:2044@phone.test>",
        f"Call-ID: torture-probe-{number}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def acknowledgement(response: bytes) -> bytes:
    """The ACK to a refusal, which would be sent again and again without it."""
    lines = response.partition(b"\r\n\r\n")[0].split(b"\r\n")
    vias = [line for line in lines if line.lower().startswith((b"via", b"v:"))][:1]
    others = [line for line in lines if line.lower().startswith((b"from", b"to", b"call-id"))]
    sequence = next(line for line in lines if line.lower().startswith(b"cseq"))
    head = [b"ACK sip:2044@phone.test SIP/2.0", *vias, *others, sequence.replace(b"INVITE", b"ACK")]
    return b"\r\n".join([*head, b"Max-Forwards: 70", b"Content-Length: 0", b"", b""])


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One wire for all cases."""
    wire = Wire(tmp_path_factory.mktemp("torture"))
    yield wire
    wire.close()


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case.name for case in CASES])
def test_a_torture_message_gets_its_status_or_silence(number: int, case: Case, wire: Wire) -> None:
    # Cases share a branch and a Call-ID, which would make one the retransmission or the merged twin of another.
    data = re.sub(rb"z9hG4bK(anna1|six)\b", rb"z9hG4bK\1x%d" % number, case.data)
    data = data.replace(b"call-77@", b"call-77-%d@" % number)
    phone = wire.ready_phone()
    answers = wire.exchange(data, phone.address(), number)
    statuses = [status_of(answer) for answer in answers]
    if case.on_wire:
        assert statuses, "no answer"
        assert statuses[0] in (*case.on_wire, *case.tolerated), answers[0].decode("utf-8", "replace")
        if statuses[-1] in RINGS:
            phone.wait_for("ringer", on=True)
    else:
        assert not statuses or statuses[0] in case.tolerated
    assert "Traceback" not in phone.log()
