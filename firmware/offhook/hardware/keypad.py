"""Keypads: a matrix that is scanned only while a key is pressed, and keys with a pin each.

A matrix at rest: every row is driven low, every column pulled up, so any key pulls its column down and that edge wakes
the scan. During a scan one row at a time is low and the others are inputs: two keys in one column must never join a row
that is driven high to one that is driven low. Those inputs are pulled up as the columns are: most pins of the chip wake
up with a pull-down, and a pull-down against a pull-up is no level. Edges that the scan causes come while it runs and
are not listened to.
"""

import asyncio
from typing import Protocol, cast

from gpiozero import OutputDevice
from gpiozero.pins import Factory

from offhook.hardware.pacer import Pacer, Report
from offhook.hardware.pins import EdgeInput, OnEdge, open_output
from offhook.hardware.settings import KeyWiring, MatrixWiring
from offhook.phone.events import Key
from offhook.phone.keys import Cell, KeyContacts, KeyMatrix

_SCAN_PERIOD = 0.005


class Keypad(Protocol):
    """Any source of keys."""

    def close(self) -> None:
        """Release the pins."""


class MatrixKeypad:
    """Rows and columns."""

    def __init__(self, wiring: MatrixWiring, factory: Factory, loop: asyncio.AbstractEventLoop, report: Report) -> None:
        """Raises DeviceError."""
        self._loop = loop
        self._report = report
        self._matrix = KeyMatrix(cast(tuple[tuple[Key, ...], ...], wiring.layout))
        self._timer: asyncio.TimerHandle | None = None
        self._rows: list[OutputDevice] = []
        self._columns: list[EdgeInput] = []
        self.scans = 0
        try:
            for wire in wiring.rows:
                self._rows.append(open_output(wire, factory))
                # Set once: the chip keeps the pull while the pin changes between input and output.
                self._rows[-1].pin.input_with_pull("up")
                _drive_low(self._rows[-1])
            for wire in wiring.columns:
                self._columns.append(EdgeInput(wire, factory, loop, self._edge))
        except Exception:
            self.close()
            raise
        if any(column.closed_now for column in self._columns):
            self._scan(loop.time())

    def close(self) -> None:
        """Release the pins."""
        if self._timer is not None:
            self._timer.cancel()
        for device in (*self._rows, *self._columns):
            device.close()

    def _edge(self, closed: bool, t: float) -> None:
        if self._timer is None and closed and any(column.closed_now for column in self._columns):
            self._scan(t)

    def _poll(self) -> None:
        self._timer = None
        self._scan(self._loop.time())

    def _scan(self, t: float) -> None:
        for timed in self._matrix.scan(self._read(), t):
            self._report(timed.event, timed.t)
        if self._matrix.at_rest:
            for row in self._rows:
                _drive_low(row)
            if not any(column.closed_now for column in self._columns):
                return
        self._timer = self._loop.call_later(_SCAN_PERIOD, self._poll)

    def _read(self) -> frozenset[Cell]:
        """Return the cells that are closed; leaves every row floating."""
        self.scans += 1
        for row in self._rows:
            _float(row)
        closed: set[Cell] = set()
        for r, row in enumerate(self._rows):
            _drive_low(row)
            closed |= {(r, c) for c, column in enumerate(self._columns) if column.closed_now}
            _float(row)
        return frozenset(closed)


class DirectKeypad:
    """Keys with a pin each, all to a common ground."""

    def __init__(
        self, keys: tuple[KeyWiring, ...], factory: Factory, loop: asyncio.AbstractEventLoop, report: Report
    ) -> None:
        """Raises DeviceError."""
        self._loop = loop
        self._contacts = KeyContacts(cast(Key, key.key) for key in keys)
        self._pacer = Pacer(self._contacts, loop, report, self._look)
        self._inputs: dict[Key, EdgeInput] = {}
        try:
            for wiring in keys:
                key = cast(Key, wiring.key)
                self._inputs[key] = EdgeInput(wiring.pin, factory, loop, self._listener(key))
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Release the pins."""
        self._pacer.close()
        for contact in self._inputs.values():
            contact.close()

    def _listener(self, key: Key) -> OnEdge:
        def edge(closed: bool, t: float) -> None:
            self._pacer.report(self._contacts.edge(key, closed, t))

        return edge

    def _look(self) -> None:
        now = self._loop.time()
        for key, contact in self._inputs.items():
            self._pacer.report(self._contacts.edge(key, contact.closed_now, now))


def _drive_low(row: OutputDevice) -> None:
    row.pin.output_with_state(False)


def _float(row: OutputDevice) -> None:
    row.pin.function = "input"
