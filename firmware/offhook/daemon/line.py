"""Everything that one config makes: the line that a phone has from one (re)start to the next."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from offhook.engine.agent import Agent
from offhook.engine.caller import EmergencyCaller
from offhook.engine.guard import EmergencyGuard
from offhook.engine.legs import Legs
from offhook.engine.mailbox import Mailbox
from offhook.engine.mediaclient import MediaClient
from offhook.engine.netlink import NetworkState
from offhook.engine.observations import DtmfSeen, RegistrationSeen, SaySeen, ToneSeen
from offhook.engine.programs import Programs
from offhook.engine.shell import EndpointShell
from offhook.engine.speaker import Speaker
from offhook.engine.switchboard import Switchboard
from offhook.engine.texts import Texts
from offhook.engine.transport import EVERYWHERE, is_free, source_ip
from offhook.engine.watchers import Watchers
from offhook.engine.watchlist import Watchlist
from offhook.errors import NetworkError, OffhookError
from offhook.media import messages as heard
from offhook.phone.events import Event, HookLifted
from offhook.phone.states import State
from offhook.sip import events as sip
from offhook.sip.settings import AccountSettings
from offhook.status.accounts import AccountBook
from offhook.status.report import AudioFigures, StreamFigures

_log = logging.getLogger(__name__)
_FAREWELL_S = 2.5
_RETURN_S = 60.0
_PATIENCE_S = 6.0
_MANY_REJECTED = 50  # a second of speech
_MOST_STREAMS = 64
# Any address that is routed will do: nothing is sent to it (RFC 5737, RFC 3849).
_ELSEWHERE = ("192.0.2.1", "2001:db8::1")


@dataclass(slots=True)
class Line:
    """The rooms of one config, joined; made by :func:`offhook.daemon.build.build`."""

    listen: tuple[str, int]
    accounts: tuple[AccountSettings, ...]
    guard: EmergencyGuard
    watchers: Watchers
    book: AccountBook
    audio: AudioFigures
    streams: dict[int, StreamFigures]
    words: tuple[str, ...]
    media: MediaClient = field(init=False)
    shell: EndpointShell = field(init=False)
    legs: Legs = field(init=False)
    switchboard: Switchboard = field(init=False)
    agent: Agent = field(init=False)
    caller: EmergencyCaller = field(init=False)
    speaker: Speaker = field(init=False)
    programs: Programs = field(init=False)
    mailbox: Mailbox = field(init=False)
    watchlist: Watchlist = field(init=False)
    texts: Texts = field(init=False)
    hearers: list[Callable[[sip.Event], None]] = field(default_factory=list)
    on_check_sync: Callable[[bool], None] = lambda reboot: None
    _wanted: tuple[str, int] | None = None
    _binding: asyncio.Task[None] | None = None
    _ending: asyncio.Task[None] | None = None
    _returning: asyncio.Task[None] | None = None
    _registering: frozenset[str] = frozenset()
    _failed: set[str] = field(default_factory=set)
    _patience: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether the handset rests and no call exists: nobody would notice a restart."""
        return self.switchboard.machine.state is State.ON_HOOK and not list(self.legs) and not self.caller.up

    async def start_sound(self) -> None:
        """Start the media process: from here on a lift is answered by a tone."""
        await self.media.start()
        for text in self.words:
            self.speaker.prepare(text)

    def start_sip(self) -> None:
        """Bind the SIP sockets and register, without holding anything up; from here on the network is watched."""
        self.switchboard.expect_network()
        self.shell.watch_network(self.network_changed)
        self._binding = asyncio.get_running_loop().create_task(self._bind())

    async def _bind(self) -> None:
        """Bind, and make the accounts known."""
        usable = [account for account in (*self.accounts, *self.guard.desk_accounts()) if self._knows(account)]
        self._wanted = self.listen
        try:
            await self._open(self.listen)
            for account in usable:
                self.shell.endpoint.register(account, self.shell.now())
            self.shell.pump()
        except Exception:
            _log.exception("the network was not joined in whole; the phone goes on with what there is")
        self.switchboard.place_kept()
        self._registering = frozenset(account.name for account in usable if account.register)
        if self.switchboard.expecting and self._registering and not self.book.any_in_service():
            self._patience = asyncio.get_running_loop().call_later(_PATIENCE_S, self._tell_service)
        else:
            self._tell_service()
        self.mailbox.start(self.book.in_service)
        self.watchlist.start(self.book.in_service)

    def _tell_service(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self.switchboard.service_known(self.book.any_in_service())

    async def _open(self, wanted: tuple[str, int]) -> None:
        """Bind where the config says, else anywhere: an emergency call must get out."""
        ip = wanted[0]
        for place in dict.fromkeys((wanted, (ip, 0), ("::" if ":" in ip else "0.0.0.0", 0))):
            try:
                await self.shell.transport.rebind(*place)
            except NetworkError as error:
                if place == wanted:
                    _log.error("%s; until that can be had another address or port serves", error)
                continue
            self.listen = place
            if place != wanted and (self._returning is None or self._returning.done()):
                self._returning = asyncio.get_running_loop().create_task(self._return(wanted))
            return

    async def _return(self, wanted: tuple[str, int]) -> None:
        """Take the port of the config once whoever has it lets it go, and when nobody would notice."""
        while self.listen != wanted:
            await asyncio.sleep(_RETURN_S)
            if self.idle and self.listen != wanted and is_free(*wanted):
                self._binding = asyncio.get_running_loop().create_task(self._take(wanted, self._binding))
                await asyncio.wait({self._binding})

    async def _take(self, wanted: tuple[str, int], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        await self._open(wanted)
        self.shell.endpoint.network_changed(self.shell.now())
        self.shell.pump()

    def network_changed(self, state: NetworkState) -> None:
        """Go on from the addresses that this device has now: sockets, registrations, and calls that are up."""
        if self._ending is None:
            self._binding = asyncio.get_running_loop().create_task(self._move(state, self._binding))

    async def _move(self, state: NetworkState, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})  # two that bind at once would take the port from one another
        wanted = self._wanted or self.listen
        ip = wanted[0]
        own = ip not in EVERYWHERE and not ip_address(ip.partition("%")[0]).is_loopback
        if own and (ip in state.addresses) is not (self.listen[0] == ip):
            await self._open(wanted)  # an address that is gone took its sockets with it; back again, it gets them back
        self.shell.transport.keep_streams(state.addresses)
        self.shell.endpoint.network_changed(self.shell.now())
        self.shell.pump()
        if state.connected:
            self.legs.move()

    def _knows(self, account: AccountSettings) -> bool:
        """Make an account known before any socket is open: a call that comes at once finds its user."""
        try:
            self.shell.endpoint.add_account(account)
        except OffhookError as error:
            _log.error("account %s cannot be used: %s", account.name, error, extra={"account": account.name})
            return False
        return True

    async def stop(self) -> None:
        """End calls with BYE or CANCEL, remove registrations, release sockets and sound; within 4 s.

        Done once and to its end: who asks again waits for the same, and who is cancelled meanwhile changes nothing.
        """
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        for task in (self._binding, self._returning):
            if task is not None:
                task.cancel()
        if self._patience is not None:
            self._patience.cancel()
        try:
            await self._farewell()
        except Exception:
            _log.exception("the end of calls and registrations failed; the phone stops all the same")
        finally:
            self.watchers.remove(self.programs)
            self.programs.close()
            self.speaker.close()
            await self.shell.close()
            await self.media.stop()

    async def _farewell(self) -> None:
        self.switchboard.close()
        self.caller.close()
        for leg in self.legs:
            self.legs.end(leg)
        self.shell.endpoint.close(self.shell.now())
        self.shell.pump()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                while not self.shell.endpoint.settled:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            _log.warning("a server did not confirm the end of a call or registration in %g s", _FAREWELL_S)

    def set_network(self, up: bool) -> None:
        """Pull the simulated link out of SIP and media, or plug it in: nobody tells the phone, it has to notice."""
        self.shell.transport.set_link(up)
        self.legs.set_link(up)

    def sip_event(self, event: sip.Event) -> None:
        """Take what the endpoint says."""
        before = self.book.any_in_service()
        change = self.book.take(event)
        if change is not None:
            account, state, reason = change
            level = logging.WARNING if state == "failed" else logging.INFO
            _log.log(level, "account %s: %s", account, f"{state} {reason}".rstrip(), extra={"account": account})
            self.watchers.note(RegistrationSeen(account, state, reason))
            self.caller.accounts_changed()
            if state == "failed":
                self._failed.add(account)
        # A phone that has just started gives dial tone until an account is in service, or none of them can be.
        if self.book.any_in_service() is not before or (
            self._patience is not None and self._registering <= self._failed
        ):
            self._tell_service()
        if isinstance(event, sip.CheckSync):
            _log.warning(
                "the server of account %s asks for check-sync", event.account, extra={"account": event.account}
            )
            self.on_check_sync(event.reboot)
        elif isinstance(event, sip.IncomingCall):
            self.agent.incoming(event)
        else:
            self.legs.take(event)
        for hear in self.hearers:
            hear(event)

    def follow(self, event: Event) -> None:
        """Hear what the phone machine was told, once it is done: a lift tries to register what is not registered."""
        self.programs.follow(event)
        if isinstance(event, HookLifted):
            self.shell.endpoint.retry(self.shell.now())
            self.shell.pump()

    def media_message(self, message: heard.FromMedia) -> None:
        """Take what the media process says."""
        match message:
            case heard.ToneStarted(name, t):
                self.watchers.note(ToneSeen(name, t))
            case heard.SayStarted(text):
                self.watchers.note(SaySeen(text))
            case heard.DtmfReceived(_, digit):
                self.watchers.note(DtmfSeen(digit, "in"))
            case heard.StreamReport():
                self._note_rejected(message)
                self.legs.heard(message.stream, message.rx)
                self.legs.count(message.stream, message.tx, message.rx)
                while len(self.streams) >= _MOST_STREAMS and message.stream not in self.streams:
                    del self.streams[next(iter(self.streams))]  # one that still runs will report anew
                self.streams[message.stream] = StreamFigures(
                    message.rx,
                    message.tx,
                    message.lost,
                    message.concealed,
                    message.jitter_ms,
                    message.buffer_ms,
                    message.mos,
                    message.rejected,
                )
            case heard.StreamSilent(stream, seconds):
                self.legs.fell_silent(stream, seconds)
            case heard.DeviceChanged(state, capture, playback, detail, mixer):
                self.audio.state, self.audio.capture, self.audio.playback = state, capture, playback
                self.audio.detail = detail
                if state in ("missing", "busy"):
                    _log.error("%s", detail, extra={"device": capture or playback})
                if mixer and mixer != self.audio.mixer:
                    _log.warning("%s", mixer, extra={"device": capture or playback})
                self.audio.mixer = mixer
            case heard.Heartbeat():
                self.audio.xruns, self.audio.realtime = message.xruns, message.realtime
                self.audio.late_p50_ms, self.audio.late_p99_ms = message.late_p50_ms, message.late_p99_ms
                self.audio.late_p999_ms, self.audio.late_max_ms = message.late_p999_ms, message.late_max_ms
            case _:
                pass

    def _note_rejected(self, report: heard.StreamReport) -> None:
        """Say once in a call that the other side's packets are not what its keys say."""
        before = self.streams.get(report.stream, StreamFigures()).rejected
        if before < _MANY_REJECTED <= report.rejected:
            _log.warning("SRTP: %d packets failed authentication or came twice, and are not played", report.rejected)

    def start_dtmf(self, call: str, digit: str) -> None:
        """Begin a telephone event in a call (:class:`offhook.engine.switchboard.Keys`)."""
        leg = self.legs.by_call(call)
        if leg is not None:
            self.legs.press(leg, digit)

    def stop_dtmf(self, call: str, digit: str) -> None:
        """End it."""
        leg = self.legs.by_call(call)
        if leg is not None:
            self.legs.release(leg, digit)

    def rtp_ip(self, account: str) -> str:
        """Return the address of ours for media with an account's server."""
        ip = self.listen[0]
        if ip not in EVERYWHERE:
            return ip
        server = self.shell.endpoint.server_ip(account)
        places = (server,) if server else _ELSEWHERE[: 1 if ip == "0.0.0.0" else 2]
        return next((own for place in places if (own := source_ip(place, ""))), "127.0.0.1")
