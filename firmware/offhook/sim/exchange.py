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
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from offhook.engine.bodies import SDP, session_description
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.sdp.description import SessionDescription
from offhook.sdp.negotiate import LocalMedia, accept_answer, accept_offer, make_offer
from offhook.sim.rtpend import Frame, RtpEnd, Voice
from offhook.sim.voices import Echo, Loop, beep, milliwatt, spoken
from offhook.sip import events as sip
from offhook.sip.events import Body
from offhook.sip.settings import AccountSettings, EndpointSettings
from offhook.sip.uri import OtherUri, SipUri

_log = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_CALL_BACK_S = 4.0
_CALL_BACK_TRIES = 5
_RING_S = 1.5

Speaker = Callable[[str], Awaitable[Path | None]]


class Exchange:
    """Runs on the phone's own loop, on a loopback port of its own; start with :meth:`open`."""

    def __init__(self, speak: Speaker) -> None:
        settings = EndpointSettings(any_user=True, deliver=frozenset({"REGISTER"}), accept=(SDP, "multipart/mixed"))
        self._shell = EndpointShell(settings, os.urandom, self._take, Resolver())
        self._speak = speak
        self._ends: dict[str, RtpEnd] = {}
        self._offers: dict[str, tuple[SessionDescription, LocalMedia]] = {}
        self._phone: tuple[str, int] | None = None
        self._contact = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls_back = 0

    async def open(self, port: int = 0) -> tuple[str, int]:
        """Listen on loopback; return the address. Raises NetworkError."""
        await self._shell.open(_LOOPBACK, port)
        return self._shell.transport.udp

    async def close(self) -> None:
        """End every call and release the ports."""
        for task in self._tasks:
            task.cancel()
        self._shell.endpoint.close(self._shell.now())
        self._shell.pump()
        for end in self._ends.values():
            end.close()
        await self._shell.close()

    def _take(self, event: sip.Event) -> None:
        match event:
            case sip.RequestReceived(key, request, flow):
                self._phone = flow.remote
                self._contact = str(request.contacts[0].uri) if request.contacts else ""
                headers = [("Contact", value) for value in request.headers.get_all("Contact")]
                headers.append(("Expires", request.headers.get("Expires") or "3600"))
                self._shell.endpoint.respond(key, 200, "OK", self._shell.now(), headers=tuple(headers))
            case sip.IncomingCall():
                self._start(self._serve(event))
            case sip.CallAccepted(call, body):
                self._answered(call, body)
            case sip.CallRefused(call) if call.startswith("back"):
                self._close(call)
                self._start(self._call_back())
            case sip.CallRefused(call) | sip.CallOver(call):
                self._close(call)
            case _:
                pass

    async def _serve(self, event: sip.IncomingCall) -> None:
        number = _number(event)
        endpoint, now = self._shell.endpoint, self._shell.now
        if number == "101":
            endpoint.reject(event.call, 486, "Busy Here", now())
        elif number == "102":
            endpoint.ring(event.call, now())
        else:
            voice = await self._voice(number)
            if voice is None:
                endpoint.reject(event.call, 404, "Not Found", now())
            else:
                endpoint.ring(event.call, now())
                self._shell.pump()
                await asyncio.sleep(0.0 if number == "sos" else _RING_S)
                await self._answer(event, voice)
        self._shell.pump()
        if number == "103":
            await asyncio.sleep(3.0)
            self._hang_up(event.call)
            self._calls_back = 0
            self._start(self._call_back())

    async def _voice(self, number: str) -> Voice | None:
        match number:
            case "100":
                return Echo()
            case "103":
                return Loop(await self._words("Hang up. I will call you back.", beep(800, 200, 1800)))
            case "104":
                return Loop(milliwatt())
            case "105":
                text = datetime.now().strftime("It is %H %M and %S seconds.")
                return Loop(await self._words(text, beep(1000, 100, 900)))
            case "sos":
                text = "This is the emergency desk of the simulator. Nobody outside hears this call."
                return Loop(await self._words(text, beep(600, 400, 1600)))
            case _:
                return None

    async def _words(self, text: str, otherwise: Frame) -> Frame:
        path = await self._speak(text)
        return otherwise if path is None else spoken(path, 1500)

    async def _answer(self, event: sip.IncomingCall, voice: Voice) -> None:
        end = await RtpEnd.open(voice, _number32(), _LOOPBACK)
        try:
            answer, plan = accept_offer(
                SessionDescription.parse(session_description(event.body or Body(SDP, b""))),
                LocalMedia(_LOOPBACK, end.port, ("PCMU",)),
                _number32(),
                1,
            )
        except OffhookError:
            end.close()
            self._shell.endpoint.reject(event.call, 488, "Not Acceptable Here", self._shell.now())
            return
        self._ends[event.call] = end
        end.run(plan.remote)
        self._shell.endpoint.answer(event.call, Body(SDP, bytes(answer)), self._shell.now())

    async def _call_back(self) -> None:
        self._calls_back += 1
        if self._phone is None or self._calls_back > _CALL_BACK_TRIES:
            return
        await asyncio.sleep(_CALL_BACK_S)
        host, port = self._phone
        call = f"back{self._calls_back}"
        account = AccountSettings("phone", f"sip:103@{_LOOPBACK}", "103", "", f"{host}:{port}", "udp", False)
        self._shell.endpoint.register(account, self._shell.now())
        voice = Loop(await self._words("Hello. You called.", beep(800, 200, 800)))
        end = await RtpEnd.open(voice, _number32(), _LOOPBACK)
        media = LocalMedia(_LOOPBACK, end.port, ("PCMU",))
        offer = make_offer(media, _number32(), 1)
        self._ends[call], self._offers[call] = end, (offer, media)
        self._shell.endpoint.call(call, "phone", self._contact, Body(SDP, bytes(offer)), self._shell.now())
        self._shell.pump()

    def _answered(self, call: str, body: Body | None) -> None:
        if call not in self._offers or body is None:
            return
        offer, media = self._offers[call]
        try:
            plan = accept_answer(offer, SessionDescription.parse(body.data), media)
        except OffhookError:
            self._hang_up(call)
            return
        self._ends[call].run(plan.remote)

    def _hang_up(self, call: str) -> None:
        self._shell.endpoint.hang_up(call, self._shell.now())
        self._shell.pump()
        self._close(call)

    def _close(self, call: str) -> None:
        self._offers.pop(call, None)
        end = self._ends.pop(call, None)
        if end is not None:
            end.close()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
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
