"""Mock pins that are wired to each other: switches to ground, and a keypad's contacts between rows and columns.

gpiozero's own mock pins couple nothing. Here a column reads what a wire would carry: it is low when some chain of
closed contacts joins it to a row that is driven low, so ghost keys happen as they do in copper. A row driven high that
is joined to one driven low is a short circuit, which is counted.
"""

from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin
from gpiozero.pins.pi import PiPin

Contact = tuple[int, int]
_LAST_PULLED_UP = 8
_MOST_STATES = 256


class WiredPin(MockPin):  # type: ignore[misc]  # gpiozero is not typed
    """A mock pin that tells its factory what it does, and whose edges are stamped by the factory's clock.

    Like the pins of a BCM283x it begins pulled up (GPIO0 to 8) or down (the rest), and an output begins low.
    """

    def __init__(self, factory: "WiredFactory", info: Any) -> None:
        super().__init__(factory, info)
        self.bcm = int(info.name[4:])
        if not info.pull:
            self._pull = "up" if self.bcm <= _LAST_PULLED_UP else "down"
            self._state = self._pull == "up"
            self.clear_states()
        factory.wired[self.bcm] = self

    def _set_function(self, value: str) -> None:
        if value == "output":
            self._state = False
        super()._set_function(value)
        self.factory.settle(self.bcm)

    def _change_state(self, value: bool) -> bool:
        del self.states[:-_MOST_STATES]  # gpiozero's mock keeps all that it ever was
        return bool(super()._change_state(value))

    def _set_state(self, value: bool) -> None:
        super()._set_state(value)
        self.factory.settle(self.bcm)

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self.factory.settle(self.bcm)

    def _call_when_changed(self, *_: Any) -> None:
        PiPin._call_when_changed(self, self.factory.clock(), self._state)


class WiredFactory(MockFactory):  # type: ignore[misc]  # gpiozero is not typed
    """Makes :class:`WiredPin` pins; keeps the contacts that are closed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` stamps the edges."""
        self.clock = clock
        self.wired: dict[int, WiredPin] = {}
        self.grounded: set[int] = set()
        self.joined: set[Contact] = set()
        self.short_circuits = 0
        super().__init__(pin_class=WiredPin)

    def ground(self, bcm: int, closed: bool) -> None:
        """Close or open a switch from a pin to ground."""
        (self.grounded.add if closed else self.grounded.discard)(bcm)
        self.settle(bcm)

    def join(self, contact: Contact, closed: bool) -> None:
        """Close or open a keypad contact between two pins."""
        (self.joined.add if closed else self.joined.discard)(contact)
        for bcm in contact:
            self.settle(bcm)

    def close(self) -> None:
        """Release every pin."""
        super().close()
        self.wired.clear()

    def settle(self, bcm: int) -> None:
        """Let every input that closed contacts join to a pin read what the wire carries."""
        net = self._net(bcm)
        pins = [self.wired[each] for each in net if each in self.wired]
        inputs = [pin for pin in pins if pin._function == "input"]
        driven = {bool(pin._state) for pin in pins if pin._function == "output"}
        low = bool(net & self.grounded) or False in driven
        if low and True in driven:
            self.short_circuits += 1
        pulls = {pin._pull for pin in inputs}
        for pin in inputs:
            # A pull-up against a pull-down is half the supply: taken for low, which is the worse of the two here.
            if low or (not driven and "down" in pulls):
                pin.drive_low()
            elif driven or "up" in pulls:
                pin.drive_high()

    def _net(self, bcm: int) -> set[int]:
        """Return the pins that closed contacts join to one."""
        net = {bcm}
        while more := {pin for contact in self.joined if not net.isdisjoint(contact) for pin in contact} - net:
            net |= more
        return net
