"""Supply and fuel gauge as the kernel shows them: ``/sys/class/power_supply`` (kernel ABI ``sysfs-class-power``).

Whether mains is there is told by the ``online`` of a supply of type Mains or USB, and by the ``status`` of the
battery where there is no such supply. The ``online`` of a battery is never believed: the driver of the commonest
gauge chips (max17040) holds it at 1 whatever happens.
"""

from pathlib import Path

from msgspec import Struct

from offhook.errors import DeviceError
from offhook.power.reading import PowerReading

POWER_SUPPLY = Path("/sys/class/power_supply")
_BATTERY_TYPES = frozenset({"Battery", "UPS"})
_ONLINE: dict[str | None, bool] = {"0": False, "1": True, "2": True}  # 2: online at a programmable voltage
_LONGEST = 256
_PAIRS = (("charge_now", "charge_full"), ("energy_now", "energy_full"))


class _Gauge(Struct):
    """What one battery tells; ``faults`` counts attributes that are there and cannot be read or understood."""

    status: str | None = None
    percent: float | None = None
    volts: float | None = None
    amps: float | None = None
    faults: int = 0


class KernelBattery:
    """Reads the whole class at once; reading may take as long as the gauge's bus does, so call it in a thread."""

    def __init__(self, root: Path = POWER_SUPPLY) -> None:
        self._root = root
        self._had_battery = False

    def read(self) -> PowerReading:
        """Take one reading.

        A gauge that is there but does not answer, or was there and is gone, gives ``gauge_ok`` False beside whatever
        else is known. Raises :class:`DeviceError` where the kernel shows no supply at all.
        """
        online: list[bool] = []
        gauges: list[_Gauge] = []
        seen = 0
        for supply in self._supplies():
            kind = _text(supply / "type")
            if kind is None or _text(supply / "scope") == "Device":  # a mouse's battery, say
                continue
            seen += 1
            if kind in _BATTERY_TYPES:
                gauges.append(_read_gauge(supply))
            elif (state := _text(supply / "online")) in _ONLINE:
                online.append(_ONLINE[state])
        if not seen and not self._had_battery:
            raise DeviceError(
                f"no power supply under {self._root}: load the gauge's overlay, or set power: none on the board"
            )
        self._had_battery = self._had_battery or bool(gauges)
        return PowerReading(
            ac=any(online) if online else _mains_by_status(gauges),
            percent=_mean([gauge.percent for gauge in gauges]),
            volts=_mean([gauge.volts for gauge in gauges]),
            amps=_total([gauge.amps for gauge in gauges]),
            gauge_ok=not any(gauge.faults for gauge in gauges) and (bool(gauges) or not self._had_battery),
        )

    def _supplies(self) -> list[Path]:
        try:
            return sorted(self._root.iterdir())
        except OSError as error:
            raise DeviceError(
                f"cannot read {self._root} ({error.strerror}): check power on the board file, or set power: none"
            ) from None


def _read_gauge(supply: Path) -> _Gauge:
    gauge = _Gauge()
    gauge.status = _text(supply / "status")
    if _number(gauge, supply, "present") == 0.0:
        gauge.faults += 1
        return gauge
    percent = _number(gauge, supply, "capacity")
    for now_name, full_name in _PAIRS:
        if percent is None:
            now, full = _number(gauge, supply, now_name), _number(gauge, supply, full_name)
            percent = now / full * 100.0 if now is not None and full else None
    gauge.percent = None if percent is None else min(100.0, max(0.0, percent))
    volts = _number(gauge, supply, "voltage_now")
    gauge.volts = None if volts is None else volts / 1e6
    amps = _number(gauge, supply, "current_now")
    gauge.amps = None if amps is None else _signed(amps / 1e6, gauge.status)
    return gauge


def _signed(amps: float, status: str | None) -> float:
    """Return the current negative while it discharges: drivers differ in the sign, ``status`` does not."""
    if status == "Discharging":
        return -abs(amps)
    return abs(amps) if status == "Charging" else amps


def _mains_by_status(gauges: list[_Gauge]) -> bool | None:
    told = [gauge.status for gauge in gauges if gauge.status not in (None, "Unknown")]
    return "Discharging" not in told if told else None


def _number(gauge: _Gauge, supply: Path, name: str) -> float | None:
    """Read one attribute; a missing file is an attribute that the driver does not have, all else counts as a fault."""
    try:
        with (supply / name).open("rb") as file:
            return float(int(file.read(_LONGEST).decode("ascii").strip()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        gauge.faults += 1
        return None


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _total(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
