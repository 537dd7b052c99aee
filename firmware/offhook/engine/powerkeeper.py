"""Watches the supply: reads the board, runs the power machine, tells the person, and switches off in time.

An emergency call, and the time in which the desk may call back, are never cut: the shutdown waits for their end,
whatever the battery says. Whether to go on then is the cells' own protection's business.
"""

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from offhook.engine.observations import Json, LampSeen, Observation, PowerSeen, SaySeen
from offhook.engine.ports import LampState
from offhook.errors import DeviceError
from offhook.phone.events import NoticeRaised
from offhook.power import words
from offhook.power.reading import PowerReading
from offhook.power.settings import PowerSettings
from offhook.power.state import PowerEvent, PowerMachine, PowerState, ShutdownCalledOff, ShutdownDue, StateEntered

_log = logging.getLogger(__name__)
_TOPIC = "power"
_LAMPS: dict[PowerState, LampState] = {
    PowerState.MAINS: "off",
    PowerState.OUTAGE: "on",
    PowerState.LOW: "blink",
    PowerState.CRITICAL: "blink",
}
_TOLD_AT_EVERY_LIFT = (PowerState.LOW, PowerState.CRITICAL)


class PowerBoard(Protocol):
    """What the keeper uses of :class:`offhook.engine.ports.Board`."""

    def read_power(self) -> PowerReading: ...
    def set_lamp(self, name: str, state: LampState) -> None: ...
    def power_off(self) -> None: ...


class PowerListener(Protocol):
    """Who is told; called in the loop's thread. Where the line changes under the keeper, this is what points to it."""

    def post(self, event: NoticeRaised) -> None:
        """Give the phone machine words for the next lift, or take them back (empty text)."""

    def speak(self, text: str) -> None:
        """Say this now, to whoever has the handset off hook."""

    def note(self, observation: Observation) -> None:
        """Tell the watchers."""

    def emergency_holds(self) -> bool:
        """Whether an emergency call is up or its callback window open."""


@dataclass(frozen=True, slots=True)
class PowerKeeperSettings:
    """Times in seconds.

    Attributes:
        poll: between readings.
        read_limit: a gauge that takes longer has not answered; its thread is not asked again before it returns.
        refresh: how often words that wait for the next lift are brought up to date.
    """

    machine: PowerSettings = field(default_factory=PowerSettings)
    poll: float = 1.0
    read_limit: float = 3.0
    refresh: float = 60.0


class PowerKeeper:
    """Run :meth:`run` as a task until cancelled. Add the keeper to the watchers: it hears its own words there."""

    def __init__(self, board: PowerBoard, listener: PowerListener, settings: PowerKeeperSettings | None = None) -> None:
        self._board = board
        self._listener = listener
        self._settings = settings or PowerKeeperSettings()
        self._machine = PowerMachine(self._settings.machine)
        self._reading = PowerReading()
        self._pending: asyncio.Future[PowerReading] | None = None
        self._complaint = ""
        self._texts: deque[str] = deque(maxlen=3)  # the last ones: what is heard may be one refresh behind
        self._text_at = 0.0
        self._heard = False
        self._off_at: float | None = None
        self._held = False

    @property
    def state(self) -> PowerState:
        """The power machine's state."""
        return self._machine.state

    def status(self) -> dict[str, Json]:
        """Return the ``power`` part of the status object."""
        reading, percent = self._reading, self._machine.percent
        runtime = self._machine.runtime(self._now())
        source = "unknown" if reading.ac is None else "mains" if reading.ac else "battery"
        return {
            "state": self._machine.state.value,
            "source": source,
            "percent": None if percent is None else round(percent, 1),
            "runtime_s": None if runtime is None else round(runtime),
            "gauge_ok": reading.gauge_ok,
        }

    def note(self, observation: Observation) -> None:
        """Notice that our words were spoken (:class:`offhook.engine.ports.Observer`)."""
        if isinstance(observation, SaySeen) and observation.text in self._texts:
            self._heard = True

    async def run(self) -> None:
        """Poll until cancelled."""
        executor = ThreadPoolExecutor(1, "offhook-power")
        self._board.set_lamp("battery", _LAMPS[self._machine.state])
        try:
            while True:
                reading = await self._read(executor)
                self._take(reading)
                await asyncio.sleep(self._settings.poll)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    async def _read(self, executor: ThreadPoolExecutor) -> PowerReading:
        if self._pending is None:
            self._pending = asyncio.get_running_loop().run_in_executor(executor, self._board.read_power)
        done, _ = await asyncio.wait({self._pending}, timeout=self._settings.read_limit)
        if not done:
            self._complain(
                f"the power gauge has not answered for {self._settings.read_limit:g} s: check its bus and wiring"
            )
            return PowerReading(gauge_ok=False)
        pending, self._pending = self._pending, None
        try:
            reading = pending.result()
        except DeviceError as error:
            self._complain(str(error))
            return PowerReading(gauge_ok=False)
        self._complain("" if reading.gauge_ok else "the power gauge does not answer: check its bus and wiring")
        return reading

    def _take(self, reading: PowerReading) -> None:
        self._reading = reading
        now = self._now()
        for event in self._machine.observe(reading, now):
            self._tell(event, now)
        if now - self._text_at >= self._settings.refresh:
            self._refresh_words(now)
        self._shut_down_when_due(now)

    def _tell(self, event: PowerEvent, now: float) -> None:
        match event:
            case StateEntered(state, percent, _):
                charge = "" if percent is None else f", battery at {percent:.0f} %"
                level = logging.INFO if state is PowerState.MAINS else logging.WARNING
                _log.log(level, "power: %s%s", state.value, charge)
                self._board.set_lamp("battery", _LAMPS[state])
                self._listener.note(LampSeen("battery", _LAMPS[state]))
                self._listener.note(PowerSeen(state.value))
                self._heard = False
                self._post_words(now)
            case ShutdownDue(seconds):
                self._announce(seconds, now)
            case ShutdownCalledOff():
                _log.warning("power: the shutdown is called off")
                self._off_at = None
                self._held = False

    def _refresh_words(self, now: float) -> None:
        state = self._machine.state
        if state in _TOLD_AT_EVERY_LIFT or (state is PowerState.OUTAGE and not self._heard):
            self._post_words(now)

    def _post_words(self, now: float) -> None:
        text = words.notice(self._machine.state, self._machine.percent, self._machine.runtime(now))
        self._texts.append(text)
        self._text_at = now
        self._listener.post(NoticeRaised(_TOPIC, text))

    def _announce(self, seconds: float, now: float) -> None:
        _log.warning("power: the battery is empty, switching off in %.0f s unless mains returns", seconds)
        self._off_at = now + seconds
        if not self._listener.emergency_holds():
            self._listener.speak(words.shutdown(seconds))

    def _shut_down_when_due(self, now: float) -> None:
        if self._off_at is None or now < self._off_at:
            return
        if self._listener.emergency_holds():
            if not self._held:
                _log.warning("power: the shutdown waits for the emergency call and its callback window")
            self._held = True
        elif self._held:
            self._held = False
            self._announce(self._settings.machine.shutdown_after, now)
        else:
            self._off_at = None
            _log.warning("power: switching off")
            try:
                self._board.power_off()
            except DeviceError as error:
                _log.error("power: %s", error)
                self._off_at = now + self._settings.machine.shutdown_after

    def _complain(self, complaint: str) -> None:
        """Log a fault when it comes, when it changes and when it has gone; not with every reading."""
        if complaint == self._complaint:
            return
        self._complaint = complaint
        if complaint:
            _log.warning("%s", complaint)
        else:
            _log.info("the power gauge answers again")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
