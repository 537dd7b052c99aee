"""Hands on the virtual phone: lift, dial, look at lamps and bell, unplug the mains. All of it by the guest's kernel.

Pins are those of the virtual phone's board file. Times are seconds of the guest's clock, which under emulation runs
as real time does, only with less done in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from imagebuild.guest import Guest

BOARD_FILE = Path(__file__).resolve().parents[2] / "image-build" / "virt" / "overlay" / "etc" / "offhook" / "board.yaml"
LAYOUT = ("123A", "456B", "789C", "*0#D")
# Long for a finger: an emulated machine beside others can be away for a good part of a second.
HOLD, PAUSE = 0.5, 0.4


class VirtualHands:
    """One phone's hook, keys, lamps, bell and supply."""

    def __init__(self, guest: Guest, board: Path = BOARD_FILE) -> None:
        self._guest = guest
        self._board: dict[str, Any] = yaml.safe_load(board.read_text())

    def lift(self) -> None:
        """Take the handset off. The simulated chip forgets it when the phone's service starts anew: lift again."""
        self._pull(self._board["hook"]["pin"], 0)

    def put_back(self) -> None:
        """Put the handset back."""
        self._pull(self._board["hook"]["pin"], 1)

    def dial(self, keys: str, hold: float = HOLD, pause: float = PAUSE) -> None:
        """Press keys one after the other; returns when the last has been let go of."""
        cells = [self._cell(key) for key in keys]
        code = "import gpiosim; gpiosim.tap_keys(cells, hold, pause)"
        self._guest.python(code, 60 + 5 * len(keys) * (hold + pause), cells=cells, hold=hold, pause=pause)

    def press(self, key: str) -> None:
        """Press a key and hold it."""
        row, column = self._cell(key)
        self._guest.python("import gpiosim; gpiosim.close_key(row, column)", row=row, column=column)

    def release(self, key: str) -> None:
        """Let go of a key, and of every other in its column."""
        self._guest.python("import gpiosim; gpiosim.open_key(column)", column=self._cell(key)[1])

    def push(self, name: str, hold: float = HOLD) -> None:
        """Push a button of the board file, as ``volume_up``."""
        pin = self._pin("buttons", name)
        code = "import gpiosim, time; gpiosim.pull(pin, 0); time.sleep(hold); gpiosim.pull(pin, 1)"
        self._guest.python(code, pin=pin, hold=hold)

    def lamp(self, name: str) -> bool:
        """Whether a lamp is lit at this moment."""
        return self._level(self._pin("lamps", name))

    def ringing(self) -> bool:
        """Whether the bell is driven at this moment; in a cadence it pauses, so look again or :meth:`watch_bell`."""
        return self._level(self._board["ringer"]["pin"])

    def watch_bell(self, duration: float) -> list[tuple[float, bool]]:
        """When the bell was switched on and off within ``duration``; the first entry is how it began, at 0."""
        return [(t, on) for t, _pin, on in self.watch([self._board["ringer"]["pin"]], duration)]

    def watch(self, pins: Sequence[int], duration: float) -> list[tuple[float, int, bool]]:
        """The changes of some lines: seconds since the start, pin, level."""
        code = "import gpiosim; result = gpiosim.watch(pins, duration)"
        changes = self._guest.python(code, duration + 120, pins=list(pins), duration=duration)
        return [(t, pin, bool(level)) for t, pin, level in changes]

    # The UPS: its mains line, and the battery that the kernel simulates (test_power.ko)

    def mains(self, there: bool) -> None:
        """Plug the supply in or out, by line and battery."""
        self.mains_line(there)
        self.kernel_mains(there)

    def mains_line(self, there: bool) -> None:
        """What the UPS's line says. The simulated chip forgets it when the phone's service starts anew."""
        self._pull(self._board["mains"]["pin"], int(there))

    def kernel_mains(self, there: bool) -> None:
        """What the kernel says of supply and battery."""
        for supply in ("ac_online", "usb_online"):
            self._parameter(supply, "on" if there else "off")
        self._parameter("battery_status", "charging" if there else "discharging")

    def battery(self, percent: int) -> None:
        """What the battery says that is left in it."""
        self._parameter("battery_capacity", str(percent))

    def _parameter(self, name: str, value: str) -> None:
        self._guest.python(
            "open(path, 'w').write(value)", path=f"/sys/module/test_power/parameters/{name}", value=value
        )

    def _cell(self, key: str) -> tuple[int, int]:
        for row, line in zip(self._board["matrix"]["rows"], LAYOUT, strict=True):
            if key in line:
                return row, self._board["matrix"]["columns"][line.index(key)]
        raise ValueError(f"there is no key {key!r}")

    def _pin(self, kind: str, name: str) -> int:
        return next(int(part["pin"]) for part in self._board[kind] if part["name"] == name)

    def _pull(self, pin: int, level: int) -> None:
        self._guest.python("import gpiosim; gpiosim.pull(pin, level)", pin=pin, level=level)

    def _level(self, pin: int) -> bool:
        return bool(self._guest.python("import gpiosim; result = gpiosim.level(pin)", pin=pin))
