"""The phone as a program: fixtures that stay, a line that a new config replaces, and an orderly end."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine

from offhook import __version__
from offhook.daemon import settings
from offhook.daemon.build import Fixtures, build
from offhook.daemon.early import EarlyPhone
from offhook.daemon.handset import Handset
from offhook.daemon.journal import Notifier
from offhook.daemon.line import Line
from offhook.daemon.updating import UpdateWatch
from offhook.daemon.watchdog import Watchdog
from offhook.device.data.remade import read_remade
from offhook.device.update.updateview import UpdateView
from offhook.engine.observations import ConfigSeen, Observation
from offhook.engine.powerkeeper import PowerKeeper, PowerKeeperSettings
from offhook.phone.events import Event, NoticeRaised
from offhook.provisioning.service import ProvisioningService, Report
from offhook.provisioning.start import Running
from offhook.status.place import summary
from offhook.status.report import Json, StatusReport

_log = logging.getLogger(__name__)
_LOOK_S = 0.2
_LOOSE_ENDS_S = 0.5


class Daemon:
    """Runs one phone until it is told to stop.

    It is the board's listener and the power keeper's: both outlive a line, and reach the present one through here.
    """

    def __init__(self, running: Running, fixtures: Fixtures, notify: Notifier, early: EarlyPhone | None = None) -> None:
        """``early``: the handset of this config and the fixtures' board, which work already."""
        self.fixtures = fixtures
        self.running = running
        self.provisioning: ProvisioningService | None = None
        self.updated = UpdateView()
        self.updates = UpdateWatch(self.updated, self.spawn, self.on_trial)
        self._remade = read_remade()
        self._notify = notify
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = asyncio.get_running_loop().time()
        self._network_up = True
        self._held: list[tuple[Event, float]] | None = None
        self._restarting = False
        self._switching = asyncio.Lock()
        self.on_kept: Callable[[], None] = lambda: None
        self._early = early
        self.line = self._built(running, early.handset if early else None)
        self.power = PowerKeeper(fixtures.board, self, PowerKeeperSettings(settings.power(running.config)))
        fixtures.watchers.add(self.power)
        self._power_task: asyncio.Task[None] | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Sound first, then pins, then the network: dial tone waits for no server."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self.line.start_sound()
        if self._early is None:
            self.fixtures.board.start(self)
        else:
            self._early.relay.listener = self
        self.line.start_sip()
        self._power_task = self.spawn(self.power.run())
        self.spawn(Watchdog(self._notify, self._healthy, self._one_line).run())
        self._notify("READY=1")
        _log.info("offhook %s is up, config: %s", __version__, self.running.origin)

    async def wait(self) -> None:
        """Return when a signal asks the phone to stop."""
        await self._stop.wait()

    def stop(self) -> None:
        """Ask the phone to stop, as SIGTERM does."""
        self._stop.set()

    async def close(self) -> None:
        """End calls, remove registrations, release everything."""
        self._notify("STOPPING=1")
        _log.info("offhook stops")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LOOSE_ENDS_S)  # a change of config that is under way lets go of its line
        await self.line.stop()
        self.fixtures.board.close()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run ``work`` beside the phone; where it fails, the phone goes on and the journal says so."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def set_network(self, up: bool) -> None:
        """Pull the simulated link, or plug it in again; a line that comes later begins with the link as it is."""
        _log.warning("the simulated network link is %s", "up" if up else "down")
        self._network_up = up
        self.line.set_network(up)

    # -- what provisioning asks (PhoneControl) ----------------------------------------------------------------------

    def idle(self) -> bool:
        """Whether a restart of the line would cut nothing and nobody may be calling back about an emergency."""
        return self.line.idle and not self.emergency_holds()

    def in_service(self) -> bool:
        """Whether the line has an account in service."""
        return self.line.book.any_in_service()

    def on_trial(self) -> bool:
        """Whether the config is one from afar that is not kept yet."""
        return self._config_status()["origin"] == "candidate"

    async def switch(self, running: Running | None = None) -> None:
        """Go over to another config (None: begin anew with the same), once nobody would notice.

        The old line ends, the new one registers. What the person does meanwhile is kept for the new line: who lifts and
        dials in these seconds is served.
        """
        async with self._switching:
            while not self.idle():  # somebody lifted since provisioning looked: no call is cut for a config
                await asyncio.sleep(_LOOK_S)
            self._held = []
            try:
                await self._switch(running or self.running)
            finally:
                held, self._held = self._held, None
                for event, t in held if not self._stop.is_set() else ():
                    self.line.switchboard.phone_event(event, t)

    def check_sync(self, reboot: bool) -> None:
        """Do what an account's server asks for: fetch the config; where there is none to fetch, or with ``reboot``,
        begin anew with sockets and registrations, once nobody would notice.
        """
        if self.provisioning is not None:
            self.provisioning.poll_now()
        if (reboot or self.provisioning is None) and not self._restarting:
            self._restarting = True
            self.spawn(self._restart())

    async def _restart(self) -> None:
        try:
            await self.switch()
        finally:
            self._restarting = False

    def _built(self, running: Running, handset: Handset | None = None) -> Line:
        line = build(running.config, self.fixtures, handset)
        line.on_check_sync = self.check_sync
        return line

    async def _switch(self, running: Running) -> None:
        line = self._built(running)
        line.set_network(self._network_up)
        await self.line.stop()
        if settings.power(running.config) != settings.power(self.running.config):
            self._keep_power(running)
        self.running, self.line = running, line
        await line.start_sound()
        line.start_sip()
        self.updates.follow(running.config.update)
        _log.info("config %s (%s) is in use", running.config.serial or "without serial", running.origin)

    def _keep_power(self, running: Running) -> None:
        """Watch the battery by another config's thresholds from now on."""
        if self._power_task is not None:
            self._power_task.cancel()
        self.fixtures.watchers.remove(self.power)
        self.power = PowerKeeper(self.fixtures.board, self, PowerKeeperSettings(settings.power(running.config)))
        self.fixtures.watchers.add(self.power)
        self._power_task = self.spawn(self.power.run())

    def provisioning_report(self, report: Report) -> None:
        """Take what provisioning says into journal and watchers."""
        level = logging.INFO if report.state in ("fetched", "applied", "kept") else logging.WARNING
        _log.log(level, "provisioned config %s: %s %s", report.serial, report.state, report.detail)
        self.fixtures.watchers.note(ConfigSeen(report.state, report.serial, report.detail))
        if report.state == "kept":
            self.on_kept()

    # -- the board's listener ---------------------------------------------------------------------------------------

    def phone_event(self, event: Event, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`."""
        if self._held is not None:
            self._held.append((event, t))
        else:
            self.line.switchboard.phone_event(event, t)

    def button(self, name: str, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`."""
        self.line.switchboard.button(name, t)

    # -- the power keeper's listener --------------------------------------------------------------------------------

    def post(self, event: NoticeRaised) -> None:
        """See :class:`offhook.engine.powerkeeper.PowerListener`."""
        self.line.speaker.prepare(event.text)
        self.line.switchboard.post(event)

    def speak(self, text: str) -> None:
        """See :class:`offhook.engine.powerkeeper.PowerListener`."""
        self.line.speaker(text)

    def note(self, observation: Observation) -> None:
        """See :class:`offhook.engine.powerkeeper.PowerListener`."""
        self.fixtures.watchers.note(observation)

    def emergency_holds(self) -> bool:
        """See :class:`offhook.engine.powerkeeper.PowerListener`."""
        return self.fixtures.callback.holds(asyncio.get_running_loop().time())

    # -- status -----------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Json]:
        """Return the status object."""
        line = self.line
        transport = line.shell.transport
        return StatusReport(
            version=__version__,
            started=self._started,
            phone=lambda: line.switchboard.machine.state.name,
            legs=lambda: list(line.legs),
            addresses=transport.addresses,
            power=lambda: dict(self.power.status()),
            emergency=self._emergency_status,
            config=self._config_status,
            accounts=line.book,
            audio=line.audio,
            streams=line.streams,
            mailbox=line.mailbox.to_json,
            watched=line.watchlist.to_json,
            texts=line.texts.to_json,
            beats=lambda: line.media.beats(asyncio.get_running_loop().time()),
            faults=lambda: self.fixtures.board.faults,
            update=self._update_status,
            data=lambda: {"made_anew": self._remade},
        )(asyncio.get_running_loop().time())

    def _config_status(self) -> dict[str, Json]:
        if self.provisioning is None:
            return {"serial": self.running.config.serial or "", "origin": self.running.origin, "pending": None}
        status = self.provisioning.status()  # knows when a candidate became the config that is kept
        return {"serial": status.serial or "", "origin": status.origin, "pending": status.pending}

    def _update_status(self) -> dict[str, Json]:
        return {**self.updated.to_json(), "offered": self.updates.offered}

    def _emergency_status(self) -> dict[str, Json]:
        place = self.running.config.location
        return {
            "location": summary(settings.location(place)) if place else "",
            "source": "config" if place else "none",
            "age_s": 0,
            "stale": place is None,
            "callback_window_s": round(self.fixtures.callback.remaining(asyncio.get_running_loop().time())),
            "up": self.line.caller.up,
        }

    def _healthy(self) -> bool:
        return self.line.media.healthy(asyncio.get_running_loop().time())

    def _one_line(self) -> str:
        book = self.line.book
        service = "in service" if book.any_in_service() else "no account in service"
        sound = "" if self.line.audio.state in ("open", "closed") else f", sound card {self.line.audio.state}"
        return f"{self.line.switchboard.machine.state.name.lower()}, {service}{sound}"

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            error = task.exception()
            if error is not None:
                _log.error("a part of the phone failed and is left out: %s", error, exc_info=error)
