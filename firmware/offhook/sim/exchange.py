"""The built-in exchange: a registrar and a handful of numbers on loopback, and a desk that plays the emergency service.

=====  =====================================================
100    echo: says what it hears a moment later
101    busy
102    rings and never answers
103    calls you back once you have hung up
104    milliwatt: 1004 Hz at 0 dBm0
105    talking clock
sos    a stub emergency desk; nothing here leaves this machine
=====  =====================================================
"""

import asyncio
import itertools
import logging
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field

from offhook.engine.bodies import SDP, session_description
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.sdp.description import SessionDescription
from offhook.sdp.negotiate import LocalMedia, accept_answer, accept_offer, make_offer
from offhook.sim.clock import Speaker, tell_time
from offhook.sim.registrar import Registrar
from offhook.sim.rtpend import RtpEnd, Samples, Voice
from offhook.sim.voices import Echo, Loop, Script, beep, milliwatt, spoken
from offhook.sip import events as sip
from offhook.sip.errors import RemoteError
from offhook.sip.events import Body
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import OtherUri, SipUri
from offhook.sip.settings import AccountSettings, EndpointSettings

_log = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_CALL_BACK_S = 3.0
_CALL_BACK_TRIES = 10
_LISTENS_S = 8.0
_RING_S = 1.5
_RINGS_S = 60.0
_NO_TRANSFERS = 603
_UNKNOWN = "there is no such number here"


@dataclass(slots=True)
class _Leg:
    """A call that has sound: ``offer`` is ours while its answer is awaited."""

    end: RtpEnd
    media: LocalMedia
    session: int
    version: int = 0
    offer: SessionDescription | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Exchange:
    """Runs on the phone's own loop, on a loopback port of its own; start with :meth:`open`."""

    def __init__(self, speak: Speaker) -> None:
        """``speak`` renders a text to a sound file, or returns None."""
        settings = EndpointSettings(any_user=True, deliver=frozenset({"REGISTER"}), accept=(SDP, "multipart/mixed"))
        self._shell = EndpointShell(settings, os.urandom, self._take, Resolver())
        self._speak = speak
        self._registrar = Registrar()
        self._legs: dict[str, _Leg] = {}
        self._dialled: dict[str, asyncio.Future[bool]] = {}
        self._at_work: dict[str, set[asyncio.Task[None]]] = {}
        self._numbers = itertools.count(1)

    async def open(self, port: int = 0) -> tuple[str, int]:
        """Listen on loopback; return the address. Raises NetworkError."""
        await self._shell.open(_LOOPBACK, port)
        return self._shell.transport.udp

    async def close(self) -> None:
        """End every call and release the ports."""
        tasks = [task for tasks in self._at_work.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._shell.endpoint.close(self._shell.now())
        self._shell.pump()
        for leg in self._legs.values():
            leg.end.close()
        await self._shell.close()

    # -- what happens -------------------------------------------------------------------------------------------------

    def _take(self, event: sip.Event) -> None:
        match event:
            case sip.RequestReceived(key, request):
                self._register(key, request)
            case sip.IncomingCall(call):
                self._start(call, self._serve(event))
            case sip.CallAccepted(call, body):
                self._answered(call, body)
                self._tell(call, True)
            case sip.CallConfirmed(call, body) if body is not None:
                self._answered(call, body)
            case sip.TransferRequested(key):
                self._shell.endpoint.refuse_transfer(key, _NO_TRANSFERS, self._shell.now())
            case sip.CallReoffer(call, body):
                self._reoffered(call, body)
            case sip.CallRefused(call) | sip.CallOver(call):
                self._tell(call, False)
                self._end(call)
            case _:
                pass

    def _register(self, key: str, request: Request) -> None:
        respond, now = self._shell.endpoint.respond, self._shell.now()
        try:
            respond(key, 200, "OK", now, headers=self._registrar.take(request, now))
        except RemoteError as error:
            respond(key, error.status or 400, error.reason, now)

    async def _serve(self, event: sip.IncomingCall) -> None:
        """Be the number that was called, to the end of the call."""
        call, endpoint, shell = event.call, self._shell.endpoint, self._shell
        number = _number(event)
        if number == "101":
            endpoint.reject(call, 486, "Busy Here", shell.now())
        elif number == "102":
            endpoint.ring(call, shell.now())
        elif number not in ("100", "103", "104", "105", "sos"):
            endpoint.reject(call, 404, "Not Found", shell.now())
        else:
            endpoint.ring(call, shell.now())
            shell.pump()
            # An emergency desk does not let anybody wait.
            await asyncio.sleep(0 if number == "sos" else _RING_S)
            leg = await self._answer(event, await self._voice(call, number))
            if number == "103" and leg is not None:
                self._start("", self._call_back(event, leg))
        shell.pump()

    async def _voice(self, call: str, number: str) -> Voice:
        match number:
            case "100":
                return Echo()
            case "103":
                return Loop(await self._words("Hang up. I will call you back.", beep(800, 200, 1800)))
            case "104":
                return Loop(milliwatt())
            case "105":
                script = Script()
                self._start(call, tell_time(script, self._speak))
                return script
            case _:
                text = "This is the emergency desk of the simulator. Nobody outside hears this call."
                return Loop(await self._words(text, beep(600, 400, 1600)))

    async def _words(self, text: str, otherwise: Samples) -> Samples:
        path = await self._speak(text)
        try:
            return otherwise if path is None else spoken(path, 1500)
        except OffhookError as error:
            _log.warning("%s", error)
            return otherwise

    # -- sound --------------------------------------------------------------------------------------------------------

    async def _open_leg(self, call: str, voice: Voice) -> _Leg:
        end = await RtpEnd.open(voice, _number32(), _LOOPBACK)
        leg = self._legs[call] = _Leg(end, LocalMedia(_LOOPBACK, end.port), _number32())
        return leg

    async def _answer(self, event: sip.IncomingCall, voice: Voice) -> _Leg | None:
        leg = await self._open_leg(event.call, voice)
        try:
            body = self._describe(leg, event.body)
        except OffhookError:
            self._shell.endpoint.reject(event.call, 488, "Not Acceptable Here", self._shell.now())
            self._end(event.call)
            return None
        self._shell.endpoint.answer(event.call, body, self._shell.now())
        return leg

    def _reoffered(self, call: str, body: Body | None) -> None:
        leg = self._legs.get(call)
        try:
            if leg is None:
                raise OffhookError(_UNKNOWN)
            self._shell.endpoint.accept_reoffer(call, self._describe(leg, body), self._shell.now())
        except OffhookError:
            self._shell.endpoint.reject_reoffer(call, 488, self._shell.now())

    def _describe(self, leg: _Leg, body: Body | None) -> Body:
        """Answer an offer and act by it; without one, make one. Raises OffhookError."""
        leg.version += 1
        if body is None:
            leg.offer = make_offer(leg.media, leg.session, leg.version)
            return Body(SDP, bytes(leg.offer))
        offer = SessionDescription.parse(session_description(body))
        answer, plan = accept_offer(offer, leg.media, leg.session, leg.version)
        leg.end.run(plan)
        return Body(SDP, bytes(answer))

    def _answered(self, call: str, body: Body | None) -> None:
        leg = self._legs.get(call)
        if leg is None or leg.offer is None or body is None:
            return
        offer, leg.offer = leg.offer, None
        try:
            leg.end.run(accept_answer(offer, SessionDescription.parse(session_description(body)), leg.media))
        except OffhookError:
            self._hang_up(call)

    # -- calling back -------------------------------------------------------------------------------------------------

    async def _call_back(self, event: sip.IncomingCall, leg: _Leg) -> None:
        """Wait for the end of a call, then call who called, again and again while they are busy."""
        try:
            async with asyncio.timeout(_LISTENS_S):
                await leg.over.wait()
        except TimeoutError:
            self._hang_up(event.call)
        for _ in range(_CALL_BACK_TRIES):
            await asyncio.sleep(_CALL_BACK_S)
            contact = self._contact(event)
            if contact is None or await self._dial(contact):
                return

    def _contact(self, event: sip.IncomingCall) -> SipUri | None:
        """Return where the caller is: where it registered, else where it called from."""
        caller = event.request.from_.uri
        called_from = [contact.uri for contact in event.request.contacts if isinstance(contact.uri, SipUri)]
        known = self._registrar.find((caller.user or "") if isinstance(caller, SipUri) else "", self._shell.now())
        here = [uri for uri in known if any((uri.host, uri.port) == (at.host, at.port) for at in called_from)]
        return next(iter(here or called_from or known), None)

    async def _dial(self, contact: SipUri) -> bool:
        """Call ``contact``; return whether it was answered, or not for so long that nobody wants to be called."""
        call = f"back{next(self._numbers)}"
        leg = await self._open_leg(call, Loop(await self._words("Hello. You called.", beep(800, 200, 800))))
        host = f"[{contact.host}]" if ":" in contact.host else contact.host
        server = f"{host}:{contact.port or 5060}"
        account = AccountSettings(server, f"sip:103@{_LOOPBACK}", "103", "", server, "udp", register=False)
        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._dialled[call] = answered
        try:
            now = self._shell.now()
            self._shell.endpoint.add_account(account)
            self._shell.endpoint.call(call, account.name, str(contact), self._describe(leg, None), now)
            self._shell.pump()
            async with asyncio.timeout(_RINGS_S):
                return await answered
        except TimeoutError:
            self._hang_up(call)
            return True
        finally:
            del self._dialled[call]

    def _tell(self, call: str, answered: bool) -> None:
        waiting = self._dialled.get(call)
        if waiting is not None and not waiting.done():
            waiting.set_result(answered)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _hang_up(self, call: str) -> None:
        self._shell.endpoint.hang_up(call, self._shell.now())
        self._shell.pump()
        self._end(call)

    def _end(self, call: str) -> None:
        for task in self._at_work.get(call, ()):
            if task is not asyncio.current_task():
                task.cancel()
        leg = self._legs.pop(call, None)
        if leg is not None:
            leg.end.close()
            leg.over.set()

    def _start(self, call: str, work: Coroutine[None, None, None]) -> None:
        """Run ``work`` for as long as ``call`` lasts (a call without a name: as long as the exchange)."""
        task = asyncio.get_running_loop().create_task(work)
        self._at_work.setdefault(call, set()).add(task)
        task.add_done_callback(lambda done: self._done(call, done))

    def _done(self, call: str, task: "asyncio.Task[None]") -> None:
        self._at_work[call].discard(task)
        if not self._at_work[call]:
            del self._at_work[call]
        if not task.cancelled() and task.exception() is not None:
            _log.error("the built-in exchange dropped a call: %s", task.exception())


def _number(event: sip.IncomingCall) -> str:
    uri = event.request.uri
    if isinstance(uri, SipUri):
        return uri.user or ""
    # urn:service:sos and its children (RFC 5031)
    return "sos" if isinstance(uri, OtherUri) and str(uri).lower().startswith("urn:service:sos") else ""


def _number32() -> int:
    return int.from_bytes(os.urandom(4), "big")
