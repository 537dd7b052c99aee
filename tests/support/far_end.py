"""The other side of an RTP stream, for tests of the media process: talks at its own pace, keeps what it hears."""

import asyncio
import socket
import time

import numpy as np
from numpy.typing import NDArray

from offhook.dsp.codecs.g711 import PCMU
from offhook.rtp.errors import RtpError
from offhook.rtp.packet import RtpPacket

Samples = NDArray[np.int16]
_PACKET = 160
_PACKET_S = 0.02


class FarEnd:
    """A PCMU sender and receiver on loopback, on the running loop."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.packets: list[RtpPacket] = []
        self.times: list[float] = []
        self._sender: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(self.sock, self._receive)

    @property
    def address(self) -> tuple[str, int]:
        """Where it is."""
        name = self.sock.getsockname()
        return name[0], name[1]

    def talk(self, samples: Samples, remote: tuple[str, int], lose: frozenset[int] = frozenset()) -> None:
        """Send ``samples`` packet by packet in real time, without those whose number is in ``lose``."""
        self._sender = asyncio.get_running_loop().create_task(self._talk(samples, remote, lose))

    async def finished(self) -> None:
        """Wait until everything was sent."""
        if self._sender is not None:
            await self._sender

    def heard(self) -> Samples:
        """What came in, in the order of its sequence numbers; what was lost is silence."""
        if not self.packets:
            return np.zeros(0, np.int16)
        first = self.packets[0]
        length = max((p.timestamp - first.timestamp) % (1 << 32) for p in self.packets) + _PACKET
        out = np.zeros(length, np.int16)
        for packet in self.packets:
            at = (packet.timestamp - first.timestamp) % (1 << 32)
            samples = PCMU.decode(packet.payload)
            out[at : at + len(samples)] = samples
        return out

    def close(self) -> None:
        """Fall silent."""
        asyncio.get_running_loop().remove_reader(self.sock)
        if self._sender is not None:
            self._sender.cancel()
        self.sock.close()

    async def _talk(self, samples: Samples, remote: tuple[str, int], lose: frozenset[int]) -> None:
        begin = time.monotonic()
        for number in range(len(samples) // _PACKET):
            await asyncio.sleep(max(0.0, begin + number * _PACKET_S - time.monotonic()))
            if number in lose:
                continue
            payload = PCMU.encode(samples[number * _PACKET : (number + 1) * _PACKET]).tobytes()
            packet = RtpPacket(0, number & 0xFFFF, number * _PACKET, 0x0FFB00C, payload, marker=number == 0)
            self.sock.sendto(packet.serialize(), remote)

    def _receive(self) -> None:
        while True:
            try:
                data = self.sock.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            try:
                packet = RtpPacket.parse(data)
            except RtpError:
                continue
            if packet.payload_type == 0:
                self.packets.append(packet)
                self.times.append(time.monotonic())
