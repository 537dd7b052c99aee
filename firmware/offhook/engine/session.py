"""The media side of one call: RTP sockets, the offer/answer state and the stream in the media process."""

import itertools
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from offhook.engine.bodies import SDP, session_description
from offhook.engine.rtpports import RtpPorts, RtpSockets
from offhook.media.settings import StreamSettings
from offhook.sdp.description import Direction, SessionDescription
from offhook.sdp.errors import NotAcceptable
from offhook.sdp.negotiate import LocalMedia, MediaPlan, accept_answer, accept_offer, make_offer
from offhook.sip.events import Body


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """What this phone offers in every call: codec names in order, packet time in ms, payload type of events."""

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    ptime: int = 20
    dtmf_payload_type: int = 101


class Streams(Protocol):
    """What calls use of the media process (:class:`offhook.engine.mediaclient.MediaClient`)."""

    def start_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None: ...
    def update_stream(self, stream: int, plan: StreamSettings) -> None: ...
    def stop_stream(self, stream: int) -> None: ...
    def start_dtmf(self, stream: int, digit: str) -> None: ...
    def stop_dtmf(self, stream: int, digit: str) -> None: ...


class Sessions:
    """Makes :class:`MediaSession` objects with ports, stream numbers and session ids of their own."""

    def __init__(
        self, media: Streams, ports: RtpPorts, offer: MediaOffer, session_id: Callable[[], int], cname: str
    ) -> None:
        self._media = media
        self._ports = ports
        self._offer = offer
        self._session_id = session_id
        self._cname = cname
        self._numbers = itertools.count(1)
        self._link_up = True

    def set_link(self, up: bool) -> None:
        """Say whether the simulated link is up for sessions that are opened from now on."""
        self._link_up = up

    def open(self, ip: str, any_port: bool = False) -> "MediaSession":
        """Bind a port pair on ``ip`` and return a session without a stream. Raises NetworkError.

        ``any_port``: where the configured range is used up, take ports outside it rather than none.
        """
        sockets = self._ports.take(ip, any_port)
        local = LocalMedia(
            ip, sockets.port, self._offer.codecs, self._offer.ptime, dtmf_payload_type=self._offer.dtmf_payload_type
        )
        session = MediaSession(self._media, next(self._numbers), sockets, local, self._session_id(), self._cname)
        session.set_link(self._link_up)
        return session

    def refusal(self, body: Body | None) -> int | None:
        """Return the status to refuse an offer with, None where it can be answered (no offer at all can)."""
        if body is None:
            return None
        local = LocalMedia("127.0.0.1", 9, self._offer.codecs, self._offer.ptime)
        try:
            accept_offer(SessionDescription.parse(session_description(body)), local, 1, 1)
        except NotAcceptable as error:
            return error.status
        return None


class MediaSession:
    """One call's session description, both ways, and its stream (:rfc:`3264`).

    Each of :meth:`offer`, :meth:`answer_to` and :meth:`take_answer` raises :class:`offhook.sdp.negotiate.NotAcceptable`
    or :class:`offhook.sip.errors.RemoteError` for descriptions that this phone cannot use; the session then goes on
    as it was.
    """

    def __init__(
        self, media: Streams, stream: int, sockets: RtpSockets, local: LocalMedia, session_id: int, cname: str
    ) -> None:
        self.stream = stream
        self.plan: MediaPlan | None = None
        self._media = media
        self._sockets = sockets
        self._local = local
        self._session_id = session_id
        self._version = session_id
        self._cname = cname
        self._offered: SessionDescription | None = None
        self._awaits_answer = False
        self._link_up = True
        self._on_hold = False
        self._running = False
        self._closed = False

    @property
    def held(self) -> bool:
        """Whether the other side put this call on hold."""
        return self.plan is not None and self.plan.held

    @property
    def codec(self) -> str:
        """The codec in use, or an empty text before there is one."""
        return self.plan.codec if self.plan else ""

    @property
    def awaits_answer(self) -> bool:
        """Whether an offer of ours has no answer yet."""
        return self._awaits_answer

    def set_hold(self, on: bool) -> None:
        """Put the call on hold from here, or take it back.

        The stream neither sends nor plays from now on, and all offers and answers that follow say so; the offer that
        tells the other side is the caller's to send.
        """
        self._on_hold = on
        self._update()

    def offer(self) -> Body:
        """Return a fresh offer."""
        self._awaits_answer = True
        direction: Direction = "sendrecv"
        if self._on_hold:
            direction = "inactive" if self.held else "sendonly"  # RFC 3264 section 8.4
        self._offered = make_offer(self._local, self._session_id, self._take_version(), direction)
        return Body(SDP, bytes(self._offered))

    def answer_to(self, body: Body) -> Body:
        """Take the other side's offer; return our answer. Nothing plays before :meth:`run`."""
        answer, self.plan = accept_offer(
            SessionDescription.parse(session_description(body)),
            self._local,
            self._session_id,
            self._take_version(),
            "sendonly" if self._on_hold else "sendrecv",
        )
        self._awaits_answer = False
        self._update()
        return Body(SDP, bytes(answer))

    def take_answer(self, body: Body) -> None:
        """Take the answer to our last offer."""
        if self._offered is None:
            return
        self.plan = accept_answer(self._offered, SessionDescription.parse(session_description(body)), self._local)
        self._awaits_answer = False
        self._update()

    def run(self) -> None:
        """Start the stream, once there is a plan."""
        if self.plan is not None and not self._running and not self._closed:
            self._running = True
            self._media.start_stream(self.stream, self._settings(self.plan), self._sockets.rtp, self._sockets.rtcp)

    def set_link(self, up: bool) -> None:
        """Unplug a simulated link, or plug it in: while it is down the stream neither sends nor plays."""
        self._link_up = up
        self._update()

    def start_dtmf(self, digit: str) -> None:
        """Begin a telephone event (:rfc:`4733`)."""
        self._media.start_dtmf(self.stream, digit)

    def stop_dtmf(self, digit: str) -> None:
        """End it."""
        self._media.stop_dtmf(self.stream, digit)

    def close(self) -> None:
        """Stop the stream and release the ports; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._running:
            self._media.stop_stream(self.stream)
        self._sockets.close()

    def _take_version(self) -> int:
        self._version += 1
        return self._version

    def _update(self) -> None:
        if self._running and self.plan is not None:
            self._media.update_stream(self.stream, self._settings(self.plan))

    def _settings(self, plan: MediaPlan) -> StreamSettings:
        settings = StreamSettings(
            remote=plan.remote,
            remote_rtcp=plan.remote_rtcp,
            codec="PCMA" if plan.codec == "PCMA" else "PCMU",
            payload_type=plan.payload_type,
            receive_payload_types=plan.receive_payload_types,
            dtmf_payload_type=plan.dtmf_send_pt,
            dtmf_receive_payload_type=plan.dtmf_receive_pt,
            ptime_ms=plan.ptime,
            send=plan.send,
            receive=plan.receive,
            cname=self._cname,
        )
        if not self._link_up:
            return replace(settings, send=False, receive=False, remote_rtcp=None)
        return replace(settings, send=False, receive=False) if self._on_hold else settings
