"""One RTP session: sender, receiver and RTCP on two channels, secured where it has keys."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from offhook.media.channel import Channel
from offhook.media.device import Samples
from offhook.media.messages import StreamReport
from offhook.media.receiver import Receiver
from offhook.media.sender import Sender
from offhook.media.settings import Address, StreamSettings
from offhook.rtp.dtmf import TelephoneEventReceiver
from offhook.rtp.errors import RtpError
from offhook.rtp.packet import RtpPacket
from offhook.rtp.quality import mos, rating
from offhook.rtp.report import RtcpSession

if TYPE_CHECKING:
    from offhook.media.srtp import Srtp

_RTCP_TYPES = range(192, 224)  # of the second octet, where RTCP shares the RTP port (RFC 5761 section 4)
_RTCP_S = 0.1  # it is in no hurry: what arrives has the kernel's stamp
_KEEP_ALIVE_S = 15.0  # well below the 30 s after which a NAT may forget UDP (RFC 4787 section 4.3)
_ENDS_MS = 20.0  # what both cards add to the delay, about


class Stream:
    """Driven by :class:`offhook.media.line.MediaLine`: each tick drain, capture, play."""

    def __init__(
        self,
        number: int,
        plan: StreamSettings,
        rtp: Channel,
        rtcp: Channel,
        random: Callable[[int], bytes],
        wall_clock: Callable[[], float],
    ) -> None:
        self.number = number
        self._plan = plan
        self._rtp = rtp
        self._rtcp = rtcp
        self._wall_clock = wall_clock
        self._srtp: Srtp | None = None
        self._receiver = Receiver(plan)
        self._sender = Sender(plan, random, self._emit)
        self._events = TelephoneEventReceiver()
        self._session = RtcpSession(self._sender.ssrc, plan.cname, lambda: int.from_bytes(random(4), "big") / (1 << 32))
        self._rtcp_source: Address | None = None
        self._now = 0.0
        self._rtcp_at = 0.0
        self._sent_at = 0.0
        self._heard_at: float | None = None  # RTP or RTCP; None until the first tick, and once silence was told
        self._silence_told = False
        self._rivals: set[Address] = set()  # who had our SSRC as well
        self._reported = (0, 0)
        self._secure(plan)

    def update(self, plan: StreamSettings) -> None:
        """Take a new offer and answer."""
        if plan.silence_s and not self._plan.silence_s:
            self._heard_at = None  # taken back from hold: what was silent then does not count
        self._plan = plan
        self._receiver.update(plan)
        self._sender.update(plan)
        self._secure(plan)

    def move(self, plan: StreamSettings, rtp: Channel, rtcp: Channel) -> None:
        """Go on over other channels: our own address has changed, and nothing else."""
        for channel in (self._rtp, self._rtcp):
            channel.close()
        self._rtp, self._rtcp = rtp, rtcp
        self.update(plan)

    def _secure(self, plan: StreamSettings) -> None:
        if plan.crypto is None:
            self._srtp = None
        elif self._srtp is not None:
            self._srtp.update(plan.crypto, self._now)
        else:
            from offhook.media.srtp import Srtp  # not before it is needed: most phones never do

            self._srtp = Srtp(plan.crypto)

    def drain(self, now: float) -> list[str]:
        """Take what the network delivered, send a report if one is due; return the digits that were pressed."""
        self._now = now
        if self._heard_at is None:
            self._heard_at = now
        digits: list[str] = []
        for data, address, arrival in self._rtp.receive():
            try:
                digit = self._take(data, address, arrival)
            except RtpError:
                continue
            if digit is not None:
                digits.append(digit)
        if now >= self._rtcp_at:
            self._rtcp_at = now + _RTCP_S
            self._serve_rtcp(now)
        return digits

    def falls_silent(self, now: float) -> float | None:
        """Return the seconds without RTP or RTCP where they reach the settings' limit; once for each silence."""
        limit = self._plan.silence_s
        silent = now - self._heard_at if self._heard_at is not None else 0.0
        if not limit or silent < limit:
            self._silence_told = False
            return None
        told, self._silence_told = self._silence_told, True
        return None if told else silent

    def capture(self, mic: Samples) -> None:
        """Take what the microphone heard."""
        self._sender.take(mic)

    def play(self, count: int, now: float) -> Samples | None:
        """Return ``count`` samples for the ear, None on hold."""
        return self._receiver.read(count, now)

    def press(self, digit: str) -> None:
        """Begin a telephone event."""
        self._sender.press(digit)

    def release(self, digit: str) -> None:
        """End it."""
        self._sender.release(digit)

    def report(self, now: float) -> StreamReport:
        """Return how it goes; the score is of the time since the last report."""
        receiver, session = self._receiver, self._session
        played, missed = receiver.played, receiver.concealed
        new_played, new_missed = played - self._reported[0], missed - self._reported[1]
        self._reported = (played, missed)
        loss = 100 * new_missed / (new_played + new_missed) if new_missed > 0 else 0.0
        trip_ms = 1000 * session.round_trip if session.round_trip is not None else None
        delay = self._plan.ptime_ms + receiver.delay_ms + _ENDS_MS + (trip_ms or 0.0) / 2
        reception = session.reception
        return StreamReport(
            self.number,
            receiver.packets,
            self._sender.packets,
            max(0, reception.lost) if reception is not None else 0,
            missed,
            round(reception.jitter_ms, 2) if reception is not None else 0.0,
            round(receiver.delay_ms, 1),
            round(mos(rating(delay, loss)), 2),
            round(trip_ms, 1) if trip_ms is not None else None,
            self._srtp.unverified + self._srtp.replayed if self._srtp is not None else 0,
        )

    def close(self, now: float) -> None:
        """Say goodbye and release both sockets; nothing else may be asked of the stream after this."""
        self._send_rtcp(self._session.goodbye(now, self._wall_clock()))
        self._rtp.close()
        self._rtcp.close()
        del self._sender  # it refers to us, and nobody collects cycles while another call is up

    def _serve_rtcp(self, now: float) -> None:
        for data, address, arrival in self._rtcp.receive():
            self._take_rtcp(data, address, arrival)
        remote = self._remote
        only_listens = self._plan.receive and not self._plan.send
        if remote is not None and only_listens and now - self._sent_at >= _KEEP_ALIVE_S:
            # We only listen, to music on hold say: a NAT on the way shall know that (RFC 6263 section 4.1).
            self._sent_at = now
            self._rtp.send(b"", remote)
        if now >= self._session.deadline(now):
            self._send_rtcp(self._session.report(now, self._wall_clock()))

    def _take(self, data: bytes, address: Address, arrival: float) -> str | None:
        """Take a datagram of the RTP port; return a digit that begins with it. Raises RtpError."""
        if not _is_rtp(data):
            return None
        if len(data) > 1 and data[1] in _RTCP_TYPES:
            self._take_rtcp(data, address, arrival)
            return None
        if self._srtp is not None:
            opened = self._srtp.unprotect(data, self._now)
            if opened is None:
                return None
            data = opened
        packet = RtpPacket.parse(data)
        if not self._receiver.admit(packet, address, arrival):
            return None
        if packet.ssrc == self._sender.ssrc and not self._yields(address):
            return None
        self._heard_at = self._now
        self._session.received(packet, arrival)
        if packet.payload_type == self._plan.dtmf_receive_payload_type:
            digit = self._events.receive(packet.payload, packet.timestamp)
            self._receiver.pause(packet, arrival)
            return digit
        self._receiver.take(packet, arrival)
        return None

    def _take_rtcp(self, data: bytes, address: Address, arrival: float) -> None:
        remote = self._remote
        if remote is None or address[0] != remote[0] or not _is_rtp(data):
            return
        if self._srtp is not None:
            opened = self._srtp.unprotect_rtcp(data, self._now)
            if opened is None:
                return
            data = opened
        try:
            # It may have waited here for the next look: the round trip ends when it came.
            self._session.receive(data, arrival, self._wall_clock() - max(0.0, self._now - arrival))
        except RtpError:
            return
        if int.from_bytes(data[4:8], "big") == self._sender.ssrc and not self._yields(address):
            return
        self._heard_at = self._now
        self._rtcp_source = address

    def _yields(self, address: Address) -> bool:
        """Leave our SSRC to the other side, which has it too; False where it is our own packets that come back.

        A source that had our number once and has our new one as well is an echo (:rfc:`3550#section-8.2`).
        """
        if address in self._rivals:
            return False
        self._rivals.add(address)
        self._send_rtcp(self._session.goodbye(self._now, self._wall_clock()))
        self._sender.start_over()
        self._session.start_over(self._sender.ssrc)
        return True

    @property
    def _remote(self) -> Address | None:
        return self._receiver.source or self._plan.remote

    def _emit(self, packet: RtpPacket) -> None:
        remote = self._remote
        if remote is not None:
            data: bytes | None = packet.serialize()
            if self._srtp is not None and data is not None:
                data = self._srtp.protect(data)
            if data is not None:
                self._sent_at = self._now
                self._session.sent(packet, self._now)
                self._rtp.send(data, remote)

    def _send_rtcp(self, data: bytes) -> None:
        if self._srtp is not None:
            secured = self._srtp.protect_rtcp(data)
            if secured is None:
                return
            data = secured
        remote = self._remote
        if self._rtcp_source is not None:
            self._rtcp.send(data, self._rtcp_source)
        elif self._plan.remote_rtcp is not None and remote == self._plan.remote:
            self._rtcp.send(data, self._plan.remote_rtcp)
        elif remote is not None and remote[1] < 65535:
            self._rtcp.send(data, (remote[0], remote[1] + 1))


def _is_rtp(data: bytes) -> bool:
    """Tell RTP and RTCP from STUN, ZRTP and DTLS, which some send to the same port (:rfc:`7983`)."""
    return bool(data) and data[0] >> 6 == 2
