"""A module ``lgpio`` in memory: claims, pulls and edges as the library and the kernel do them.

Lines keep their pull when a claim names none; an output begins low; a line that is an input already is not claimed
anew; edges come from a thread of their own, stamped in nanoseconds.
"""

import threading
import time
from collections.abc import Callable
from types import ModuleType

_IS_OUT, _PULL_UP, _PULL_DOWN = 1 << 1, 1 << 5, 1 << 6


class Chip:
    """What stands behind the module: lines, and the wires that a test lays between them."""

    def __init__(self) -> None:
        self.out: dict[int, bool] = {}
        self.flags: dict[int, int] = {}
        self.pull_up: set[int] = set(range(9))
        self.callbacks: dict[int, Callable[[int, int, int, int], None]] = {}
        self.grounded: set[int] = set()
        self.joined: set[tuple[int, int]] = set()
        self.held_by_others: set[int] = set()
        self.short_circuits = 0
        self._levels: dict[int, int] = {}

    def listen(self, gpio: int, callback: Callable[[int, int, int, int], None]) -> None:
        """Tell the edges of a line from now on."""
        self._levels[gpio] = self.level(gpio)
        self.callbacks[gpio] = callback

    def level(self, gpio: int) -> int:
        """What a line reads."""
        net = {gpio}
        while more := {pin for contact in self.joined if net & set(contact) for pin in contact} - net:
            net |= more
        driven = {self.out[pin] for pin in net if pin in self.out}
        if len(driven) > 1:
            self.short_circuits += 1
        if net & self.grounded or False in driven:
            return 0
        return int(bool(driven) or all(pin in self.pull_up for pin in net))

    def change(self, act: Callable[[], None]) -> None:
        """Change the wiring and let the edges that it makes be told by another thread."""
        act()
        thread = threading.Thread(target=self.tell)
        thread.start()
        thread.join()

    def tell(self) -> None:
        """Tell the edges since the last time."""
        for gpio, callback in list(self.callbacks.items()):
            level = self.level(gpio)
            if self._levels.get(gpio, 1) != level:
                self._levels[gpio] = level
                callback(0, gpio, level, time.monotonic_ns())


def fake_lgpio(chip: Chip) -> ModuleType:
    """Return a module that gpiozero takes for lgpio."""
    module = ModuleType("lgpio")
    error = type("error", (Exception,), {"__module__": "lgpio"})

    def claim_input(handle: int, gpio: int, flags: int = 0) -> int:
        if gpio in chip.held_by_others:
            raise error("GPIO busy")
        if gpio in chip.flags and gpio not in chip.out:
            return 0
        chip.out.pop(gpio, None)
        return claim(gpio, flags)

    def claim(gpio: int, flags: int) -> int:
        chip.flags[gpio] = flags & (_PULL_UP | _PULL_DOWN)
        if flags & _PULL_UP:
            chip.pull_up.add(gpio)
        if flags & _PULL_DOWN:
            chip.pull_up.discard(gpio)
        return 0

    def claim_output(handle: int, gpio: int, level: int = 0, flags: int = 0) -> int:
        chip.flags[gpio] = 0
        chip.out.setdefault(gpio, bool(level))
        return 0

    class Callback:
        def __init__(self, handle: int, gpio: int, edge: int, func: Callable[[int, int, int, int], None]) -> None:
            self._gpio = gpio
            chip.listen(gpio, func)

        def cancel(self) -> None:
            chip.callbacks.pop(self._gpio, None)

    module.__dict__.update(
        error=error,
        RISING_EDGE=1,
        FALLING_EDGE=2,
        BOTH_EDGES=3,
        SET_PULL_UP=_PULL_UP,
        SET_PULL_DOWN=_PULL_DOWN,
        SET_PULL_NONE=1 << 7,
        gpiochip_open=lambda number: 0,
        gpiochip_close=lambda handle: 0,
        gpio_claim_input=claim_input,
        gpio_claim_output=claim_output,
        gpio_claim_alert=lambda handle, gpio, edges, flags=0: claim(gpio, flags),
        gpio_free=lambda handle, gpio: (chip.flags.pop(gpio, None), chip.out.pop(gpio, None), 0)[-1],
        gpio_get_mode=lambda handle, gpio: chip.flags.get(gpio, 0) | (_IS_OUT if gpio in chip.out else 0),
        gpio_read=lambda handle, gpio: chip.level(gpio),
        gpio_write=lambda handle, gpio, level: chip.out.__setitem__(gpio, bool(level)),
        gpio_set_debounce_micros=lambda handle, gpio, micros: 0,
        callback=Callback,
    )
    return module
