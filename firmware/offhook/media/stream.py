"""One RTP session: sender, receiver and RTCP on two channels."""

from collections.abc import Callable

from offhook.media.channel import Channel
from offhook.media.device import Samples
from offhook.media.messages import StreamReport
from offhook.media.receiver import Receiver
from offhook.media.sender import Sender
from offhook.media.settings import Address, StreamSettings
from offhook.rtp.errors import RtpError
from offhook.rtp.packet import RtpPacket


class Stream:
    """Driven by :class:`offhook.media.line.MediaLine`: each tick drain, capture, play."""

    def __init__(
        self,
        number: int,
        plan: StreamSettings,
        rtp: Channel,
        rtcp: Channel,
        random: Callable[[int], bytes],
        now: float,
    ) -> None:
        self.number = number
        self._plan = plan
        self._rtp = rtp
        self._rtcp = rtcp
        self._receiver = Receiver(plan)
        self._sender = Sender(plan, random, self._emit)

    def update(self, plan: StreamSettings) -> None:
        """Take a new offer and answer."""
        self._plan = plan
        self._receiver.update(plan)
        self._sender.update(plan)

    def drain(self, now: float) -> None:
        """Take what the network delivered."""
        for data, address, arrival in self._rtp.receive():
            try:
                packet = RtpPacket.parse(data)
            except RtpError:
                continue
            if self._receiver.admit(address, arrival):
                self._receiver.take(packet, arrival)

    def capture(self, mic: Samples) -> None:
        """Take what the microphone heard."""
        self._sender.take(mic)

    def play(self, count: int, now: float) -> Samples | None:
        """Return ``count`` samples for the ear, None on hold."""
        return self._receiver.read(count, now)

    def report(self) -> StreamReport:
        """Return how it goes."""
        receiver = self._receiver
        return StreamReport(
            self.number, receiver.packets, self._sender.packets, 0, receiver.concealed, 0.0, receiver.delay_ms, 0.0
        )

    def close(self, now: float) -> None:
        """Say goodbye and release both sockets."""
        self._rtp.close()
        self._rtcp.close()

    @property
    def _remote(self) -> Address | None:
        return self._receiver.source or self._plan.remote

    def _emit(self, data: bytes) -> None:
        remote = self._remote
        if remote is not None:
            self._rtp.send(data, remote)
