"""The C part of the package ``gpiod`` in memory; its Python part, enumerations and all, runs as it is.

What the kernel refuses is refused with its error numbers: EBUSY for a line that is held, EPERM for a level set on an
input, EINVAL for edges of an output, ENODEV once the chip was removed, when every descriptor reports a hang-up too.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gpiod._ext as ext
import pytest
from gpiod import ChipInfo, EdgeEvent
from gpiod.line import Value

from tests.support.fake_lgpio import Chip


def _refuse(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@dataclass
class _Settings:
    direction: int
    edge_detection: int
    bias: int
    drive: int
    active_low: bool
    debounce_period: int
    event_clock: int
    output_value: int


class _Config:
    def __init__(self) -> None:
        self.lines: dict[int, _Settings] = {}

    def add_line_settings(self, offsets: list[int], settings: _Settings) -> None:
        self.lines.update(dict.fromkeys(offsets, settings))


class Requests:
    """The requests that were made of one :class:`Chip`, and what a test does to all of them."""

    def __init__(self, chip: Chip, lines: int = 54) -> None:
        self.chip, self.lines = chip, lines
        self.held: dict[int, _Request] = {}
        self.removed = False
        self.opened: list[str] = []
        self.refused: int | None = None

    def remove(self) -> None:
        """Take the chip away, as an unbound driver does."""
        self.removed = True
        for request in list(self.held.values()):
            os.close(request.write_end)
            request.write_end = -1

    def check(self) -> None:
        """Refuse where the chip is gone."""
        if self.removed:
            raise _refuse(errno.ENODEV)


class _Request:
    def __init__(self, requests: Requests, config: _Config, buffer: int | None) -> None:
        self._requests, self._chip = requests, requests.chip
        self.offsets = list(config.lines)
        self.chip_name = "gpiochip0"
        self.num_lines = len(self.offsets)
        self._lock = threading.Lock()
        self._events: deque[EdgeEvent] = deque()
        self._room = buffer or 16
        self.fd, self.write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.settings: dict[int, _Settings] = {}
        try:
            self._apply(config)
        except OSError:
            self._close()
            raise
        for offset in self.offsets:
            requests.held[offset] = self

    def _close(self) -> None:
        os.close(self.fd)
        if self.write_end >= 0:
            os.close(self.write_end)

    def release(self) -> None:
        for offset in self.offsets:
            self._chip.callbacks.pop(offset, None)
            self._requests.held.pop(offset, None)
        self._close()

    def get_values(self, offsets: list[int], values: list[Value]) -> None:
        self._requests.check()
        values[:] = [Value(self._chip.level(offset)) for offset in offsets]

    def set_values(self, values: dict[int, Value]) -> None:
        self._requests.check()
        for offset, value in values.items():
            if offset not in self._chip.out:
                raise _refuse(errno.EPERM)
            self._chip.out[offset] = bool(value)

    def reconfigure_lines(self, config: _Config) -> None:
        self._requests.check()
        self._apply(config)

    def read_edge_events(self, max_events: int | None) -> list[EdgeEvent]:
        self._requests.check()
        assert self._events, "this read would block"
        with self._lock:
            count = min(len(self._events), max_events or 64)
            os.read(self.fd, count)
            return [self._events.popleft() for _ in range(count)]

    def _apply(self, config: _Config) -> None:
        for offset, settings in config.lines.items():
            output = settings.direction == ext.DIRECTION_OUTPUT
            if output and settings.edge_detection != ext.EDGE_NONE:
                raise _refuse(errno.EINVAL)
            self.settings[offset] = settings
            if output:
                self._chip.out[offset] = settings.output_value == ext.VALUE_ACTIVE
            elif settings.direction == ext.DIRECTION_INPUT:
                self._chip.out.pop(offset, None)
            if settings.bias == ext.BIAS_PULL_UP:
                self._chip.pull_up.add(offset)
            elif settings.bias in (ext.BIAS_PULL_DOWN, ext.BIAS_DISABLED):
                self._chip.pull_up.discard(offset)
            if settings.edge_detection == ext.EDGE_NONE:
                self._chip.callbacks.pop(offset, None)
            elif offset not in self._chip.callbacks:
                self._chip.listen(offset, self._tell)

    def _tell(self, chip: int, gpio: int, level: int, stamp: int) -> None:
        wanted = (ext.EDGE_BOTH, ext.EDGE_RISING if level else ext.EDGE_FALLING)
        if self.settings[gpio].edge_detection not in wanted:
            return
        kind = ext.EDGE_EVENT_TYPE_RISING if level else ext.EDGE_EVENT_TYPE_FALLING
        with self._lock:
            self._events.append(EdgeEvent(kind, stamp, gpio, 0, 0))
            if len(self._events) > self._room:  # the kernel drops the oldest
                self._events.popleft()
            else:
                os.write(self.write_end, b"e")


def fake_gpiod(patch: pytest.MonkeyPatch, chip: Chip, lines: int = 54) -> Requests:
    """Put ``chip`` behind the package ``gpiod``, under any path."""
    requests = Requests(chip, lines)

    class FakeChip:
        def __init__(self, path: str) -> None:
            if requests.refused is not None:
                raise _refuse(requests.refused)
            requests.opened.append(path)
            self.path = path

        def close(self) -> None:
            pass

        def get_info(self) -> ChipInfo:
            return ChipInfo(Path(self.path).name, "pinctrl-bcm2835", requests.lines)

        def get_line_name(self, offset: int) -> str | None:
            return f"GPIO{offset}"

        def request_lines(self, config: _Config, consumer: str | None, buffer: int | None) -> _Request:
            requests.check()
            for offset in config.lines:
                if offset >= requests.lines:
                    raise _refuse(errno.EINVAL)
                if offset in requests.held or offset in chip.held_by_others:
                    raise _refuse(errno.EBUSY)
            return _Request(requests, config, buffer)

    fakes: dict[str, Callable[..., Any]] = {"Chip": FakeChip, "LineConfig": _Config, "LineSettings": _Settings}
    for name, fake in fakes.items():
        patch.setattr(ext, name, fake)
    return requests
