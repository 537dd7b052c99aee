"""The power machine: MAINS, OUTAGE, LOW, CRITICAL, from readings and nothing else.

Each reading is reduced to a :class:`Supply` (with the hysteresis of the state that the machine is in), the table
:data:`NEXT` names the state that this calls for, and that state is entered once it has been called for without a
break for the time of that step. ``UNKNOWN`` (a gauge or supply that does not tell) never moves anything: a dead gauge
must neither end an outage nor switch the phone off.
"""

from dataclasses import dataclass
from enum import Enum

from offhook.power.predictor import RuntimePredictor
from offhook.power.reading import PowerReading
from offhook.power.settings import PowerSettings


class PowerState(Enum):
    """What the supply means for the phone."""

    MAINS = "MAINS"
    OUTAGE = "OUTAGE"
    LOW = "LOW"
    CRITICAL = "CRITICAL"


class Supply(Enum):
    """What one reading says."""

    MAINS = "mains"
    BATTERY = "battery"
    BATTERY_LOW = "battery low"
    BATTERY_CRITICAL = "battery critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StateEntered:
    """A new state. ``runtime`` in seconds, None where it cannot be told."""

    state: PowerState
    percent: float | None
    runtime: float | None


@dataclass(frozen=True, slots=True)
class ShutdownDue:
    """The battery is about to end: switch off in ``seconds``, unless an emergency call needs what is left."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ShutdownCalledOff:
    """Mains, or enough charge, came back before the shutdown."""


PowerEvent = StateEntered | ShutdownDue | ShutdownCalledOff

_S, _R = PowerState, Supply
NEXT: dict[tuple[PowerState, Supply], PowerState] = {
    (_S.MAINS, _R.MAINS): _S.MAINS,
    (_S.MAINS, _R.BATTERY): _S.OUTAGE,
    (_S.MAINS, _R.BATTERY_LOW): _S.OUTAGE,
    (_S.MAINS, _R.BATTERY_CRITICAL): _S.OUTAGE,
    (_S.MAINS, _R.UNKNOWN): _S.MAINS,
    (_S.OUTAGE, _R.MAINS): _S.MAINS,
    (_S.OUTAGE, _R.BATTERY): _S.OUTAGE,
    (_S.OUTAGE, _R.BATTERY_LOW): _S.LOW,
    (_S.OUTAGE, _R.BATTERY_CRITICAL): _S.CRITICAL,
    (_S.OUTAGE, _R.UNKNOWN): _S.OUTAGE,
    (_S.LOW, _R.MAINS): _S.MAINS,
    (_S.LOW, _R.BATTERY): _S.OUTAGE,
    (_S.LOW, _R.BATTERY_LOW): _S.LOW,
    (_S.LOW, _R.BATTERY_CRITICAL): _S.CRITICAL,
    (_S.LOW, _R.UNKNOWN): _S.LOW,
    (_S.CRITICAL, _R.MAINS): _S.MAINS,
    (_S.CRITICAL, _R.BATTERY): _S.OUTAGE,
    (_S.CRITICAL, _R.BATTERY_LOW): _S.LOW,
    (_S.CRITICAL, _R.BATTERY_CRITICAL): _S.CRITICAL,
    (_S.CRITICAL, _R.UNKNOWN): _S.CRITICAL,
}


class PowerMachine:
    """Turns readings into states. Pure: feed it a reading every few seconds."""

    def __init__(self, settings: PowerSettings | None = None) -> None:
        self._settings = settings or PowerSettings()
        self._predictor = RuntimePredictor(self._settings)
        self._state = PowerState.MAINS
        self._wanted: PowerState | None = None
        self._wanted_since = 0.0
        self._percent: float | None = None

    @property
    def state(self) -> PowerState:
        """The state that the machine is in."""
        return self._state

    @property
    def percent(self) -> float | None:
        """The last charge that a gauge told."""
        return self._percent

    def runtime(self, now: float) -> float | None:
        """Return how many seconds the battery will last at the least; None on mains or where nothing tells."""
        return None if self._state is PowerState.MAINS else self._predictor.runtime(now)

    def observe(self, reading: PowerReading, now: float) -> list[PowerEvent]:
        """Take a reading; returns what follows from it, mostly nothing."""
        if reading.percent is not None:
            self._percent = min(100.0, max(0.0, reading.percent))
        if mains_is_off(reading):
            self._predictor.observe(reading, now)
        supply = self._judge(reading, now)
        if supply is Supply.UNKNOWN:
            return []
        wanted = NEXT[self._state, supply]
        if wanted is self._state:
            self._wanted = None
            return []
        if wanted is not self._wanted:
            self._wanted, self._wanted_since = wanted, now
        if now - self._wanted_since < self._patience(wanted):
            return []
        return self._enter(wanted, now)

    def _judge(self, reading: PowerReading, now: float) -> Supply:
        if reading.ac or (reading.ac is None and reading.amps is not None and reading.amps > 0.0):
            return Supply.MAINS
        if not mains_is_off(reading):
            return Supply.UNKNOWN
        if not reading.gauge_ok and reading.percent is None and reading.volts is None:
            return Supply.BATTERY if self._state is PowerState.MAINS else Supply.UNKNOWN
        if self._is_critical(reading, now):
            return Supply.BATTERY_CRITICAL
        return Supply.BATTERY_LOW if self._is_low(reading, now) else Supply.BATTERY

    def _is_critical(self, reading: PowerReading, now: float) -> bool:
        """Judge by charge, voltage and predicted time; a short time with much charge left is a gauge that jumped."""
        limits, inside = self._settings, self._state is PowerState.CRITICAL
        has_much = reading.percent is not None and reading.percent > limits.low_percent
        runtime = None if has_much else self._predictor.runtime(now)
        return (
            _below(reading.percent, limits.critical_percent, limits.percent_back, inside)
            or _below(runtime, limits.critical_runtime, limits.critical_runtime * limits.runtime_back, inside)
            or _below(reading.volts, limits.critical_volts, limits.volts_back, inside)
        )

    def _is_low(self, reading: PowerReading, now: float) -> bool:
        limits, inside = self._settings, self._state in (PowerState.LOW, PowerState.CRITICAL)
        runtime = self._predictor.runtime(now)
        return _below(reading.percent, limits.low_percent, limits.percent_back, inside) or _below(
            runtime, limits.low_runtime, limits.low_runtime * limits.runtime_back, inside
        )

    def _patience(self, wanted: PowerState) -> float:
        """Return how long a state must be called for before it is entered."""
        if wanted is PowerState.MAINS:
            return self._settings.restore_debounce
        return self._settings.outage_debounce if self._state is PowerState.MAINS else self._settings.settle

    def _enter(self, state: PowerState, now: float) -> list[PowerEvent]:
        left, self._state, self._wanted = self._state, state, None
        if state is PowerState.MAINS:
            self._predictor.reset()
        events: list[PowerEvent] = [StateEntered(state, self._percent, self.runtime(now))]
        if state is PowerState.CRITICAL:
            events.append(ShutdownDue(self._settings.shutdown_after))
        elif left is PowerState.CRITICAL:
            events.append(ShutdownCalledOff())
        return events


def mains_is_off(reading: PowerReading) -> bool:
    """Whether the battery feeds the phone: said by the supply, or shown by the current where no supply tells."""
    return reading.ac is False or (reading.ac is None and reading.amps is not None and reading.amps < 0.0)


def _below(value: float | None, limit: float | None, back: float, inside: bool) -> bool:
    """Whether ``value`` is at or below ``limit``, or, once inside, not yet ``back`` above it."""
    if value is None or limit is None:
        return False
    return value < limit + back if inside else value <= limit
