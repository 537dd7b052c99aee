"""All legs of this phone: the endpoint's call events joined with offer/answer and media."""

import logging
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from offhook.engine.dtmf import DtmfKeys
from offhook.engine.keywear import Wear
from offhook.engine.leg import Leg
from offhook.engine.observations import CallSeen, DtmfSeen, Observation
from offhook.engine.reoffers import NOT_ACCEPTABLE_HERE, Reoffers, take_answer
from offhook.engine.sessions import Sessions
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.sdp.errors import NotAcceptable
from offhook.sip import events as sip
from offhook.sip.calls.info import read_dtmf
from offhook.sip.events import Body, Transport
from offhook.sip.messages.headers import NameAddr

_log = logging.getLogger(__name__)
SERVER_INTERNAL_ERROR = 500
RINGING = 180


class Legs:
    """Opens, follows and ends legs. ``rtp_ip(account)`` says on which address of ours media shall be."""

    def __init__(
        self,
        shell: EndpointShell,
        sessions: Sessions,
        rtp_ip: Callable[[str], str],
        observe: Callable[[Observation], None],
    ) -> None:
        self._shell = shell
        self._sessions = sessions
        self._rtp_ip = rtp_ip
        self._observe = observe
        self._legs: dict[str, Leg] = {}
        self._keys = DtmfKeys(shell)
        self._reoffers = Reoffers(shell, self._seen)

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._legs.values()))

    def by_call(self, call: str) -> Leg | None:
        """Return the leg that serves a call of the phone machine; an answered one first."""
        found = [leg for leg in self._legs.values() if leg.call == call]
        return min(found, key=lambda leg: not leg.answered, default=None)

    def by_handle(self, handle: str) -> Leg | None:
        """Return the leg that is this call of the endpoint."""
        return self._legs.get(handle)

    def transport_of(self, account: str) -> Transport | None:
        """Return what an account speaks with its server by now; None: it is not known to the endpoint."""
        return self._shell.endpoint.transport_of(account)

    def set_emergency(self, on: bool) -> None:
        """Let no TLS certificate stand in the way as long as an emergency call wants to get out."""
        self._shell.transport.security.emergency = on

    def set_link(self, up: bool) -> None:
        """Unplug a simulated link under the media of every leg, or plug it in."""
        self._sessions.set_link(up)
        for leg in self:
            if leg.session is not None:
                leg.session.set_link(up)

    def place(
        self,
        leg: Leg,
        target: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        wrap: Callable[[Body], Body] | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Send an INVITE for ``leg``; ``wrap`` may put the offer into a larger body.

        Raises OffhookError where no call can be made; the leg is gone then, and its listener hears nothing.
        """
        rules = self._sessions.rules(leg.account, leg.emergency)
        leg.session = self._sessions.open(self._rtp_ip(leg.account), any_port=leg.emergency, rules=rules)
        self._legs[leg.handle] = leg
        self._seen(leg, "calling")
        try:
            body = leg.session.offer()
            self._shell.endpoint.call(
                leg.handle,
                leg.account,
                target,
                wrap(body) if wrap else body,
                self._shell.now(),
                headers=headers,
                transport=transport,
            )
        except Exception as error:
            self._drop(leg, "failed", reason=str(error))
            raise
        self._shell.pump()

    def admit(self, leg: Leg) -> bool:
        """Follow an incoming leg from here on; return False where its offer cannot be answered and it was refused."""
        self._legs[leg.handle] = leg
        status = self._sessions.refusal(leg.offered, self._sessions.rules(leg.account, leg.vital))
        if status is not None:
            self.reject(leg, status)
        return status is None

    def ring(self, leg: Leg, waiting: bool = False) -> None:
        """Tell the caller that the phone rings, or that its call is announced during another."""
        leg.state = "waiting" if waiting else "ringing"
        self._seen(leg, leg.state)
        self._shell.endpoint.ring(leg.handle, self._shell.now())
        self._shell.pump()

    def answer(self, leg: Leg) -> None:
        """Answer an incoming leg; its media runs from here on. Raises OffhookError, after refusing the call."""
        try:
            leg.session = self._sessions.open(
                self._rtp_ip(leg.account), rules=self._sessions.rules(leg.account, leg.vital)
            )
            body = leg.session.answer_to(leg.offered) if leg.offered else leg.session.offer()
        except OffhookError as error:
            self.reject(leg, error.status if isinstance(error, NotAcceptable) else SERVER_INTERNAL_ERROR)
            raise
        leg.answered = True
        self._shell.endpoint.answer(leg.handle, body, self._shell.now())
        self._up(leg)
        self._shell.pump()

    def reject(self, leg: Leg, status: int) -> None:
        """Refuse an incoming leg."""
        self._drop(leg, "ended")
        self._shell.endpoint.reject(leg.handle, status, "", self._shell.now())
        self._shell.pump()

    def end(self, leg: Leg, reason: str = "") -> None:
        """End a leg in whatever state; its media stops now, the other side's answer is not waited for.

        ``reason`` is a Reason header's value (:rfc:`3326`).
        """
        self._drop(leg, "ended")
        self._shell.endpoint.hang_up(leg.handle, self._shell.now(), reason)
        self._shell.pump()

    def fell_silent(self, stream: int, seconds: float) -> None:
        """End the leg on whose stream neither RTP nor RTCP came any more; an emergency call stays up."""
        for leg in self:
            if leg.session is not None and leg.session.stream == stream and leg.answered and not leg.vital:
                _log.warning(
                    "call %s: no sound for %.0f s, it is ended", leg.direction, seconds, extra={"call": leg.handle}
                )
                self.end(leg, f'Q.850;cause=102;text="no RTP for {seconds:.0f} s"')
                leg.listener.leg_over(leg, False)

    def count(self, stream: int, sent: int, received: int) -> None:
        """Take the packets of a stream so far: keys that near the end of their life are renewed by an offer.

        Where the other side goes on with a key that is spent the call ends; an emergency call does not.
        """
        for leg in self:
            if leg.session is None or leg.session.stream != stream or not leg.answered:
                continue
            wear = leg.session.count(sent, received)
            if wear is Wear.NEAR_END:
                leg.session.renew_keys()
                self._reoffers.offer(leg)
            elif wear is Wear.SPENT and not leg.vital:
                _log.warning("call %s: its SRTP keys are spent, it is ended", leg.direction, extra={"call": leg.handle})
                self.end(leg, 'SIP;cause=488;text="the lifetime of an SRTP key is over"')
                leg.listener.leg_over(leg, False)

    def move(self) -> None:
        """Our address may have changed: let media go on from the one that is ours now, and tell every other side."""
        for leg in self:
            ip = self._rtp_ip(leg.account)
            if leg.session is None or leg.session.address == ip:
                continue
            if ip_address(ip).is_loopback and not ip_address(leg.session.address).is_loopback:
                continue  # loopback is what we have while there is no way to the server
            try:
                leg.session.move(ip)
            except OffhookError as error:
                _log.error("call %s: %s", leg.direction, error, extra={"call": leg.handle})
                continue
            if leg.answered:
                self._reoffers.offer(leg)

    def hold(self, leg: Leg) -> None:
        """Put a leg on hold: it is silent both ways at once, and the other side is told by re-INVITE."""
        self._reoffers.hold(leg, True)

    def resume(self, leg: Leg) -> None:
        """Take a leg back from hold."""
        self._reoffers.hold(leg, False)

    def transfer(self, leg: Leg, target: str) -> None:
        """Ask the other side to call ``target`` in our place; its listener hears how that goes."""
        self._shell.endpoint.refer(leg.handle, target, self._shell.now())
        self._shell.pump()

    def join_transfer(self, leg: Leg, other: Leg) -> None:
        """Ask the other side of ``leg`` to take our place in ``other``."""
        self._shell.endpoint.refer(leg.handle, "", self._shell.now(), replaces=other.handle)
        self._shell.pump()

    def press(self, leg: Leg, digit: str) -> None:
        """Begin to send a DTMF digit."""
        self._keys.press(leg, digit)

    def release(self, leg: Leg, digit: str) -> None:
        """End it."""
        self._keys.release(leg, digit)

    def take(self, event: sip.Event) -> None:
        """Take one call event of the endpoint; events of legs that are gone are ignored."""
        match event:
            case sip.CallTrying(handle) if leg := self._legs.get(handle):
                leg.listener.leg_trying(leg)
            case sip.CallProgress(handle, status, _, body) if leg := self._legs.get(handle):
                self._progress(leg, status, body)
            case sip.CallAccepted(handle, body) if leg := self._legs.get(handle):
                self._accepted(leg, body)
            case sip.CallConfirmed(handle, body) if leg := self._legs.get(handle):
                self._confirmed(leg, body)
            case sip.CallReoffer(handle, body) if leg := self._legs.get(handle):
                self._reoffers.offered(leg, body)
            case sip.ReofferAccepted(handle, body) if leg := self._legs.get(handle):
                self._reoffers.taken(leg, body)
            case sip.ReofferRefused(handle, status) if leg := self._legs.get(handle):
                self._reoffers.refused(leg, status)
            case sip.ReofferStale(handle) if leg := self._legs.get(handle):
                self._reoffers.overtaken(leg)
            case sip.CallInfo(handle, body) if handle in self._legs and (key := read_dtmf(body)) is not None:
                self._observe(DtmfSeen(key.digit, "in"))
            case sip.PeerChanged(handle, peer) if leg := self._legs.get(handle):
                leg.peer = shown(peer)
                self._seen(leg, leg.state)
            case sip.TransferProgress(handle, status, reason, final) if leg := self._legs.get(handle):
                leg.listener.leg_transfer(leg, status, reason, final)
            case sip.CallRefused(handle, status, reason) if leg := self._legs.get(handle):
                self._drop(leg, "failed", status, reason)
                leg.listener.leg_refused(leg, status, reason)
            case sip.CallOver(handle, reason, elsewhere) if leg := self._legs.get(handle):
                self._drop(leg, "ended", reason=reason)
                leg.listener.leg_over(leg, elsewhere)
            case _:
                pass

    def _progress(self, leg: Leg, status: int, body: Body | None) -> None:
        if body is not None and leg.session is not None and take_answer(leg.session, body):
            leg.session.run()
            # Who says that it rings may well send no sound: we make the ringing until some comes (RFC 3960).
            leg.state = "early" if status != RINGING or leg.state == "early" else "ringing"
        elif leg.state == "calling":
            leg.state = "ringing"
        self._seen(leg, leg.state)
        leg.listener.leg_progress(leg)

    def heard(self, stream: int, packets: int) -> None:
        """Take the count of packets that came on a stream: where it only rang so far, that is what to listen to."""
        for leg in self:
            if leg.session is None or leg.session.stream != stream or not packets:
                continue
            if leg.direction == "out" and leg.state == "ringing":
                leg.state = "early"
                self._seen(leg, leg.state)
                leg.listener.leg_progress(leg)

    def _accepted(self, leg: Leg, body: Body | None) -> None:
        session = leg.session
        if session is None:
            return
        if (body is not None and not take_answer(session, body)) or session.plan is None:
            # The 2xx carries nothing that we can talk with: the call is ended, as RFC 3261 section 13.2.2.4 allows.
            self.end(leg)
            leg.listener.leg_refused(leg, NOT_ACCEPTABLE_HERE, "no usable media in the answer")
            return
        leg.answered = True
        self._up(leg)
        leg.listener.leg_accepted(leg)
        if session.lock_codec() or session.owes_offer or leg.held_here:
            self._reoffers.offer(leg)

    def _confirmed(self, leg: Leg, body: Body | None) -> None:
        """Take the answer that an ACK carries: our 2xx had the offer, in the call's first INVITE or in a later one."""
        session = leg.session
        if session is None or not session.awaits_answer:
            return
        if body is not None and take_answer(session, body):
            session.run()
            self._reoffers.follow(leg)
        elif session.plan is None:
            self.end(leg)
            leg.listener.leg_over(leg, False)

    def _up(self, leg: Leg) -> None:
        leg.answered_at = self._shell.now()
        leg.held_there = leg.session is not None and leg.session.held
        leg.state = "held" if leg.held_there or leg.held_here else "talking"
        if leg.session is not None:
            leg.session.run()
        self._seen(leg, leg.state)

    def _drop(self, leg: Leg, seen: str, status: int = 0, reason: str = "") -> None:
        if self._legs.pop(leg.handle, None) is None:
            return
        leg.state = "ending"
        self._keys.forget(leg)
        if leg.session is not None:
            leg.session.close()
        self._seen(leg, seen, status, reason)

    def _seen(self, leg: Leg, state: str, status: int = 0, reason: str = "") -> None:
        fields = {"call": leg.handle, "account": leg.account} | ({"status": status} if status else {})
        _log.info("call %s: %s", leg.direction, state, extra=fields)
        _log.debug("call %s: %s with %s, %s", leg.direction, state, leg.peer, reason or "-", extra=fields)
        seen = CallSeen(state, leg.peer, leg.direction, leg.emergency, status, reason, leg.call, leg.account)
        self._observe(seen)


def shown(peer: NameAddr) -> str:
    """Return what a display would show for a party: its name, else its address."""
    return peer.display or str(peer.uri).removeprefix("sip:").split(";")[0]
