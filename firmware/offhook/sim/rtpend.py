"""A small RTP end for the built-in exchange: G.711 in and out on a loopback port, 20 ms a packet (:rfc:`3551`)."""

import asyncio
import socket
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from offhook.dsp.codecs import g711
from offhook.errors import OffhookError
from offhook.rtp.packet import RtpPacket
from offhook.sdp.negotiate import MediaPlan

Samples = NDArray[np.int16]
FRAME = 160
FRAME_S = 0.02
CODECS = {"PCMU": g711.PCMU, "PCMA": g711.PCMA}
_LATE = 5  # frames: what the program slept through is not sent in a burst


class Voice(Protocol):
    """What the far end says: asked for one frame (160 int16 samples at 8 kHz) every 20 ms, told of what it hears."""

    def heard(self, samples: Samples) -> None:
        """Take the sound of a packet from the phone."""

    def speak(self) -> Samples | None:
        """Return the next frame, or None to say nothing."""


class RtpEnd(asyncio.DatagramProtocol):
    """Sends what a :class:`Voice` says to where the phone's packets come from, or its SDP points."""

    def __init__(self, voice: Voice, ssrc: int) -> None:
        self._voice = voice
        self._ssrc = ssrc
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: tuple[str, int] | None = None
        self._plan: MediaPlan | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._sequence = 0
        self._timestamp = 0
        self._spoke = False

    @classmethod
    async def open(cls, voice: Voice, ssrc: int, ip: str) -> "RtpEnd":
        """Bind a free port on ``ip``."""
        _, end = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(voice, ssrc), local_addr=(ip, 0), family=socket.AF_INET
        )
        return end

    @property
    def port(self) -> int:
        """The port for SDP."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def run(self, plan: MediaPlan) -> None:
        """Speak and listen by ``plan``, from now on; a phone that holds the call is not spoken to."""
        self._plan = plan
        self._remote = plan.remote or self._remote
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next = loop.time() + FRAME_S
            self._timer = loop.call_at(self._next, self._tick)

    def close(self) -> None:
        """Fall silent and release the port."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.DatagramProtocol`."""
        # Python 3.11's own transport is not declared to be a DatagramTransport, though it is one in all it does.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See :class:`asyncio.DatagramProtocol`."""
        try:
            packet = RtpPacket.parse(data)
        except OffhookError:
            return
        codec = self._plan.receive_payload_types.get(packet.payload_type) if self._plan is not None else None
        if codec is not None:  # telephone events and what else there may be are not sound
            self._remote = (addr[0], addr[1])
            self._voice.heard(CODECS[codec].decode(packet.payload))

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._next += FRAME_S
        missed = int((loop.time() - self._next) / FRAME_S)
        if missed > _LATE:  # the timestamp is that of the clock (RFC 3550 section 5.1): what comes after is not late
            self._next += missed * FRAME_S
            self._timestamp = (self._timestamp + missed * FRAME) & 0xFFFFFFFF
            self._spoke = False
        self._timer = loop.call_at(self._next, self._tick)
        samples = self._voice.speak()
        plan = self._plan
        speaks = samples is not None and plan is not None and plan.send
        if samples is not None and plan is not None and plan.send:
            self._sequence = (self._sequence + 1) & 0xFFFF
            payload = CODECS[plan.codec].encode(samples).tobytes()
            marker = not self._spoke  # a talkspurt begins (RFC 3551 section 4.1)
            self._send(RtpPacket(plan.payload_type, self._sequence, self._timestamp, self._ssrc, payload, marker))
        self._spoke = speaks
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF

    def _send(self, packet: RtpPacket) -> None:
        if self._transport is not None and self._remote is not None:
            self._transport.sendto(packet.serialize(), self._remote)
