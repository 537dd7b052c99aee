"""The media side of one call: RTP sockets, the offer/answer state and the stream in the media process."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from msgspec import structs

from offhook.engine.bodies import SDP, session_description
from offhook.engine.keywear import KeyWear, Wear
from offhook.engine.mediarules import MediaRules, crypto_pair
from offhook.engine.rtpports import RtpPorts, RtpSockets
from offhook.media.settings import StreamSettings
from offhook.sdp.crypto import own_crypto
from offhook.sdp.description import Direction, SessionDescription
from offhook.sdp.negotiate import LocalMedia, MediaPlan, accept_answer, accept_offer, make_offer
from offhook.sip.events import Body


class Streams(Protocol):
    """What calls use of the media process (:class:`offhook.engine.mediaclient.MediaClient`)."""

    def start_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None: ...
    def update_stream(self, stream: int, plan: StreamSettings) -> None: ...
    def move_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None: ...
    def stop_stream(self, stream: int) -> None: ...
    def start_dtmf(self, stream: int, digit: str) -> None: ...
    def stop_dtmf(self, stream: int, digit: str) -> None: ...


class MediaSession:
    """One call's session description, both ways, and its stream (:rfc:`3264`).

    Each of :meth:`offer`, :meth:`answer_to` and :meth:`take_answer` raises :class:`offhook.sdp.negotiate.NotAcceptable`
    or :class:`offhook.sip.errors.RemoteError` for descriptions that this phone cannot use; the session then goes on
    as it was.
    """

    def __init__(
        self,
        media: Streams,
        stream: int,
        ports: RtpPorts,
        sockets: RtpSockets,
        local: LocalMedia,
        session_id: int,
        cname: str,
        rules: MediaRules,
        random: Callable[[int], bytes],
    ) -> None:
        self.stream = stream
        self.plan: MediaPlan | None = None
        self.owes_offer = False
        """Whether our side has changed since the other side was told of it."""
        self._media = media
        self._ports = ports
        self._sockets = sockets
        self._local = local
        self._session_id = session_id
        self._version = session_id
        self._cname = cname
        self._rules = rules
        self._random = random
        self._wear = KeyWear()
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
    def address(self) -> str:
        """The address of ours that sound is to come to."""
        return self._local.address

    @property
    def secured(self) -> bool:
        """Whether what is said goes by SRTP."""
        return self.plan is not None and self.plan.crypto is not None

    @property
    def suite(self) -> str:
        """The crypto suite in use, an empty text for plain RTP."""
        return self.plan.crypto.send.suite if self.plan and self.plan.crypto else ""

    @property
    def awaits_answer(self) -> bool:
        """Whether an offer of ours has no answer yet."""
        return self._awaits_answer

    @property
    def dtmf_by_info(self) -> bool:
        """Whether keys go by SIP INFO: the rules say so, or the other side takes no telephone events."""
        mode = self._rules.dtmf
        return mode == "info" or (mode == "auto" and self.plan is not None and self.plan.dtmf_send_pt is None)

    def set_hold(self, on: bool) -> None:
        """Put the call on hold from here, or take it back.

        The stream neither sends nor plays from now on, and all offers and answers that follow say so; the offer that
        tells the other side is the caller's to send.
        """
        self._on_hold = on
        self._update()

    def offer(self) -> Body:
        """Return a fresh offer; one that has keys already goes on with them, so that nobody need start anew."""
        self._awaits_answer, self.owes_offer = True, False
        direction: Direction = "sendrecv"
        if self._on_hold:
            direction = "inactive" if self.held else "sendonly"  # RFC 3264 section 8.4
        protocol = self.plan.protocol if self.plan else None
        self._offered = make_offer(self._offerable(), self._session_id, self._take_version(), direction, protocol)
        return Body(SDP, bytes(self._offered))

    def _offerable(self) -> LocalMedia:
        """Return what to offer: plain where the call is plain, else the suite in use before others."""
        local, plan, offers = self._local, self.plan, self._rules.offers
        if plan is not None and plan.crypto is None:
            return replace(local, srtp="off")
        used = plan.crypto.send.suite if plan and plan.crypto else ""
        lines = [line for line in local.crypto if offers is None or line.suite in (used, *offers)]
        return replace(local, crypto=tuple(sorted(lines, key=lambda line: line.suite != used)))

    def answer_to(self, body: Body) -> Body:
        """Take the other side's offer; return our answer. Nothing plays before :meth:`run`."""
        offer = SessionDescription.parse(session_description(body))
        version = self._version + 1
        direction: Direction = "sendonly" if self._on_hold else "sendrecv"
        answer, plan = accept_offer(offer, self._local, self._session_id, version, direction)
        if self._is_somebody_else(plan):
            self._local = replace(self._local, crypto=own_crypto(self._random, self._rules.suites))
            answer, plan = accept_offer(offer, self._local, self._session_id, version, direction)
        self._version, self.plan, self.owes_offer = version, plan, False
        self._awaits_answer = False
        self._update()
        return Body(SDP, bytes(answer))

    def _is_somebody_else(self, plan: MediaPlan) -> bool:
        """Whether a secured stream now goes to another place, or by other keys, or was plain until now.

        Whoever is there cannot know how often our packet count has wrapped: he gets a key that starts from zero
        (:rfc:`4568#section-7.1.4`). So does who takes up SRTP again: its count was forgotten meanwhile.
        """
        before = self.plan
        if before is None or plan.crypto is None:
            return False
        if before.crypto is None:
            return True
        moved = plan.remote is not None and before.remote is not None and plan.remote != before.remote
        return moved or plan.crypto.receive != before.crypto.receive

    def take_answer(self, body: Body) -> None:
        """Take the answer to our last offer."""
        if self._offered is None:
            return
        self.plan = accept_answer(self._offered, SessionDescription.parse(session_description(body)), self._local)
        self._awaits_answer = False
        self._update()

    def lock_codec(self) -> bool:
        """Settle on the codec in use where an answer named more of them and the rules want one; True: offer again."""
        plan = self.plan
        if not self._rules.codec_lock or plan is None or plan.answered < 2 or len(self._local.codecs) < 2:
            return False
        self._local = replace(self._local, codecs=(plan.codec,))
        return True

    def move(self, ip: str) -> None:
        """Go on from another address of ours, by ports and keys of its own (:rfc:`4568#section-7.1.4`).

        The offer that tells the other side is the caller's to send. Raises NetworkError; nothing has changed then.
        """
        sockets = self._ports.take(ip, True)
        self._sockets.close()
        self._sockets, self.owes_offer = sockets, True
        crypto = own_crypto(self._random, self._rules.suites) if self._local.crypto else ()
        self._local = replace(self._local, address=ip, rtp_port=sockets.port, crypto=crypto)
        if self._running and self.plan is not None:
            self._media.move_stream(self.stream, self._settings(self.plan), sockets.rtp, sockets.rtcp)

    def count(self, sent: int, received: int) -> Wear:
        """Take the packets of the stream so far; return how worn the keys are that secure them."""
        return self._wear.count(sent, received)

    def renew_keys(self) -> None:
        """Have keys of our own from now on that nothing was sent with; the offer that says so is the caller's to send.

        Whoever takes it makes new ones of his own (:rfc:`4568#section-7.1.4`).
        """
        self.owes_offer = True
        self._local = replace(self._local, crypto=own_crypto(self._random, self._rules.suites))

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
        self._wear.use(self.plan.crypto if self.plan is not None else None)
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
            crypto=crypto_pair(plan.crypto) if plan.crypto else None,
            relays=self._rules.relays,
            silence_s=0.0 if plan.held or self._on_hold else self._rules.silence_s,
        )
        if not self._link_up:
            return structs.replace(settings, send=False, receive=False, remote_rtcp=None)
        return structs.replace(settings, send=False, receive=False) if self._on_hold else settings
