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
        if self.phone is None:
            self.starts += 1
            self.phone = Phone(self.folder / f"phone{self.starts}", CONFIG)
        return self.phone

    def close(self) -> None:
        """End everything."""
        if self.phone is not None:
            self.phone.stop()
        for sock in self.sockets:
            sock.close()

    def exchange(self, data: bytes, target: str, number: int) -> list[int]:
        """Send a case and then OPTIONS; returns the statuses that the case got."""
        host, _, port = target.rpartition(":")
        self.sender.sendto(data, (host, int(port)))
        self.sender.sendto(options(number, target), (host, int(port)))
        statuses: list[int] = []
        end, probed = time.monotonic() + 3, False
        while (left := end - time.monotonic()) > 0:
            for sock in select.select(self.sockets, [], [], left)[0]:
                answer = sock.recv(65536)
                if b"torture-probe" in answer:
                    probed = True
                    end = min(end, time.monotonic() + 0.15)
                elif answer.startswith(b"SIP/2.0 "):
                    statuses.append(int(answer.split(b" ", 2)[1]))
        assert probed, "OPTIONS was not answered afterwards"
        return statuses


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


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One wire for all cases."""
    wire = Wire(tmp_path_factory.mktemp("torture"))
    yield wire
    wire.close()


@pytest.mark.parametrize(("number", "case"), enumerate(CASES), ids=[case.name for case in CASES])
def test_a_torture_message_gets_its_status_or_silence(number: int, case: Case, wire: Wire) -> None:
    # Cases share a branch and a Call-ID, which would make one the retransmission or the merged twin of another.
    data = case.data.replace(b"z9hG4bKanna1", b"z9hG4bKanna1x%d" % number)
    data = data.replace(b"call-77@", b"call-77-%d@" % number)
    phone = wire.ready_phone()
    statuses = wire.exchange(data, phone.address(), number)
    if case.on_wire:
        assert statuses, "no answer"
        assert statuses[0] in (*case.on_wire, *case.tolerated)
        if statuses[0] in RINGS:
            phone.wait_for("ringer", on=True)
    else:
        assert not statuses or statuses[0] in case.tolerated
    assert "Traceback" not in phone.log()
