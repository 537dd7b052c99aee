"""Pins over libgpiod: what gpiozero asks of any factory, and what only this one does."""

import asyncio
import errno
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpiozero import DigitalInputDevice, InputDevice, OutputDevice, PWMOutputDevice
from gpiozero.exc import (
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPin,
    PinInvalidPull,
    PinPWMUnsupported,
    PinSetInput,
    PinSPIUnsupported,
    PinUnknownPi,
)

from offhook.hardware.board import GpioBoard
from offhook.hardware.chips import GpioChip
from offhook.hardware.edges import EdgeReader
from offhook.hardware.gpiodpin import EVENTS
from offhook.hardware.gpiodpins import GpiodFactory
from offhook.hardware.pins import EdgeInput
from offhook.hardware.settings import BoardSettings, HookWiring, Wire
from offhook.power.reading import PowerReading
from tests.support.fake_gpiod import Requests, fake_gpiod
from tests.support.fake_lgpio import Chip
from tests.support.listener import Notebook

CHIP = GpioChip(Path("/dev/gpiochip3"), 3, "pinctrl-rp1", 54)


@pytest.fixture
def chip() -> Chip:
    return Chip()


@pytest.fixture
def requests(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Requests:
    return fake_gpiod(monkeypatch, chip)


@pytest.fixture
def factory(requests: Requests) -> Iterator[GpiodFactory]:
    factory = GpiodFactory(CHIP)
    yield factory
    factory.close()


class Calls:
    """Notes what a pin calls."""

    def __init__(self) -> None:
        self.made: list[tuple[float, bool]] = []
        self.news = threading.Semaphore(0)

    def changed(self, ticks: float, state: bool) -> None:
        self.made.append((ticks, state))
        self.news.release()

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.news.acquire(timeout=5)


def test_the_chip_is_opened_by_its_path(requests: Requests, factory: GpiodFactory) -> None:
    assert requests.opened == ["/dev/gpiochip3"]


def test_a_pin_is_one_object_until_it_is_closed(factory: GpiodFactory) -> None:
    pin = factory.pin(17)
    assert factory.pin("GPIO17") is pin
    assert factory.pin("BOARD11") is pin
    pin.close()
    pin.close()
    assert factory.pin(17) is not pin


def test_a_pin_begins_as_an_input_without_pull_and_ends_so(factory: GpiodFactory, chip: Chip) -> None:
    pin = factory.pin(5)
    assert (pin.function, pin.pull, pin.bounce, pin.edges, pin.frequency) == ("input", "floating", None, "both", None)
    pin.output_with_state(True)
    assert chip.out == {5: True}
    pin.close()
    assert chip.out == {}


def test_an_output_begins_with_its_level_and_nothing_in_between(
    factory: GpiodFactory, chip: Chip, requests: Requests
) -> None:
    lamp = OutputDevice(24, active_high=False, pin_factory=factory)
    assert chip.out[24] is True
    lamp.on()
    assert (chip.out[24], lamp.value, lamp.pin.state) == (False, 1, False)
    lamp.close()
    assert 24 not in requests.held


def test_pulls_are_set_and_read(factory: GpiodFactory, chip: Chip) -> None:
    pin = factory.pin(17)
    for pull, level in (("up", True), ("down", False), ("floating", False)):
        pin.pull = pull
        assert (pin.pull, bool(pin.state)) == (pull, level)
    pulled = InputDevice(22, pull_up=True, pin_factory=factory)
    assert (pulled.pull_up, pulled.value, pulled.pin.state) == (True, 0, True)
    pulled.close()


def test_a_pins_own_resistor_is_respected(factory: GpiodFactory) -> None:
    pin = factory.pin(2)
    assert pin.pull == "up"
    pin.pull = "up"
    with pytest.raises(PinFixedPull, match="physical pull-up"):
        pin.pull = "down"


def refused(act: Callable[[], object]) -> type[Exception]:
    with pytest.raises(Exception) as caught:
        act()
    return caught.type


def test_what_a_pin_cannot_do_is_refused_in_gpiozeros_own_words(factory: GpiodFactory) -> None:
    pin, out = factory.pin(17), factory.pin(24)
    out.function = "output"
    assert refused(lambda: setattr(pin, "state", True)) is PinSetInput
    assert refused(lambda: setattr(pin, "function", "alt0")) is PinInvalidFunction
    assert refused(lambda: setattr(pin, "pull", "sideways")) is PinInvalidPull
    assert refused(lambda: setattr(pin, "edges", "sometimes")) is PinInvalidEdges
    assert refused(lambda: setattr(pin, "bounce", -1.0)) is PinInvalidBounce
    assert refused(lambda: setattr(out, "pull", "up")) is PinFixedPull
    assert refused(lambda: factory.pin("GND")) is PinInvalidPin
    assert refused(lambda: factory.spi(port=0, device=0)) is PinSPIUnsupported
    assert refused(lambda: PWMOutputDevice(25, pin_factory=factory)) is PinPWMUnsupported
    assert (pin.function, out.function, out.pull) == ("input", "output", "floating")


def test_an_edge_carries_the_kernels_stamp_in_seconds_of_the_monotonic_clock(factory: GpiodFactory, chip: Chip) -> None:
    calls, pin = Calls(), factory.pin(17)
    pin.input_with_pull("up")
    pin.when_changed = calls.changed
    assert pin.when_changed == calls.changed
    for stamp, level in ((5_000_000_001, 0), (5_250_000_000, 1)):
        chip.callbacks[17](0, 17, level, stamp)
    calls.wait(2)
    assert calls.made == [(pytest.approx(5.000000001), False), (5.25, True)]
    assert factory.ticks_diff(factory.ticks(), time.monotonic()) == pytest.approx(0, abs=5)


@pytest.mark.parametrize(("edges", "levels"), [("both", [0, 1, 0, 1]), ("rising", [1, 1]), ("falling", [0, 0])])
def test_only_the_edges_that_are_asked_for_are_called(
    factory: GpiodFactory, chip: Chip, edges: str, levels: list[int]
) -> None:
    calls, pin = Calls(), factory.pin(17)
    pin.when_changed = calls.changed
    pin.edges = edges
    for level in (0, 1, 0, 1):
        chip.callbacks[17](0, 17, level, 10**9)
    calls.wait(len(levels))
    assert [state for _, state in calls.made] == [bool(level) for level in levels]


def test_edges_none_calls_nothing_and_both_calls_again(factory: GpiodFactory, chip: Chip) -> None:
    calls, pin = Calls(), factory.pin(17)
    pin.when_changed = calls.changed
    pin.edges = "none"
    assert 17 not in chip.callbacks
    pin.edges = "both"
    chip.callbacks[17](0, 17, 0, 10**9)
    calls.wait()


def test_debouncing_by_the_kernel_is_asked_for_in_microseconds(factory: GpiodFactory, requests: Requests) -> None:
    device = DigitalInputDevice(17, pull_up=True, bounce_time=0.005, pin_factory=factory)
    assert (device.pin.bounce, requests.held[17].settings[17].debounce_period) == (0.005, 5000)
    device.pin.bounce = None
    assert requests.held[17].settings[17].debounce_period == 0
    device.close()


def test_one_thread_reads_every_line(factory: GpiodFactory, chip: Chip) -> None:
    idents, calls = set[int](), Calls()

    def changed(ticks: float, state: bool) -> None:
        idents.add(threading.get_ident())
        calls.changed(ticks, state)

    for bcm in range(4, 20):
        factory.pin(bcm).when_changed = changed
    for bcm in range(4, 20):
        chip.callbacks[bcm](0, bcm, 0, 10**9)
    calls.wait(16)
    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_a_listener_is_not_kept_alive_and_its_pin_stops_to_listen(factory: GpiodFactory, chip: Chip) -> None:
    calls, other, pin = Calls(), Calls(), factory.pin(17)
    pin.when_changed = calls.changed
    factory.pin(18).when_changed = other.changed
    del calls
    gc.collect()
    assert pin.when_changed is None
    chip.callbacks[17](0, 17, 0, 10**9)
    chip.callbacks[18](0, 18, 0, 10**9)
    other.wait()
    assert 17 not in chip.callbacks


def test_an_edge_from_before_is_not_news_to_the_next_listener(factory: GpiodFactory, chip: Chip) -> None:
    class Slow(Calls):
        def changed(self, ticks: float, state: bool) -> None:
            super().changed(ticks, state)
            assert resume.wait(5)

    resume, slow, late, pin = threading.Event(), Slow(), Calls(), factory.pin(17)
    factory.pin(5).when_changed = slow.changed
    pin.when_changed = late.changed
    chip.callbacks[5](0, 5, 0, 10**9)
    slow.wait()  # now the reader is busy, and the next edge waits in the kernel
    chip.callbacks[17](0, 17, 0, 2 * 10**9)
    pin.when_changed = None
    pin.when_changed = late.changed
    resume.set()
    chip.callbacks[17](0, 17, 1, 3 * 10**9)
    late.wait()
    assert late.made == [(3.0, True)]


def test_a_listener_that_fails_takes_no_other_edge_with_it(
    factory: GpiodFactory, chip: Chip, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(ticks: float, state: bool) -> None:
        raise KeyError("x")

    calls = Calls()
    factory.pin(5).when_changed = broken
    factory.pin(17).when_changed = calls.changed
    chip.callbacks[5](0, 5, 0, 10**9)
    chip.callbacks[17](0, 17, 0, 10**9)
    calls.wait()
    assert "an edge was not passed on" in caplog.text


def test_of_a_burst_that_is_too_long_the_newest_edges_are_there(factory: GpiodFactory, chip: Chip) -> None:
    class Slow(Calls):
        def changed(self, ticks: float, state: bool) -> None:
            super().changed(ticks, state)
            assert resume.wait(5)

    resume, slow, calls = threading.Event(), Slow(), Calls()
    factory.pin(5).when_changed = slow.changed
    factory.pin(17).when_changed = calls.changed
    chip.callbacks[5](0, 5, 0, 10**9)
    slow.wait()
    for n in range(EVENTS + 11):
        chip.callbacks[17](0, 17, n % 2, n * 10**9)
    resume.set()
    calls.wait(EVENTS)
    assert [ticks for ticks, _ in calls.made] == [float(n) for n in range(11, EVENTS + 11)]


def test_a_pin_that_becomes_an_output_is_not_listened_to_until_it_is_an_input_again(
    factory: GpiodFactory, chip: Chip
) -> None:
    calls, pin = Calls(), factory.pin(17)
    pin.input_with_pull("up")
    pin.when_changed = calls.changed
    pin.function = "output"
    assert (chip.out[17], 17 in chip.callbacks, bool(pin.state)) == (False, False, False)
    pin.state = True
    pin.function = "output"
    assert chip.out[17] is True
    pin.function = "input"
    assert (pin.pull, 17 in chip.callbacks) == ("up", True)


def test_closing_releases_every_line_and_ends_the_thread(requests: Requests, chip: Chip) -> None:
    before = threading.active_count()
    factory = GpiodFactory(CHIP)
    calls = Calls()
    for bcm in (4, 5, 6):
        factory.pin(bcm).when_changed = calls.changed
    factory.pin(24).output_with_state(True)
    assert threading.active_count() == before + 1
    factory.close()
    factory.close()
    assert (requests.held, chip.out, chip.callbacks) == ({}, {}, {})
    assert threading.active_count() == before
    with pytest.raises(PinInvalidPin):
        factory.pin(4)


def test_no_descriptor_is_left_open(requests: Requests) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(3):
        factory = GpiodFactory(CHIP)
        calls = Calls()
        factory.pin(17).when_changed = calls.changed
        factory.close()
    assert descriptors() == before


@pytest.mark.parametrize("fault", [PinUnknownPi("no revision"), PermissionError(13, "denied"), ValueError("garbage")])
def test_a_machine_without_a_revision_has_the_forty_pin_header(
    requests: Requests, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def unknown() -> int:
        raise fault

    monkeypatch.setattr("offhook.hardware.gpiodpins.get_pi_revision", unknown)
    factory = GpiodFactory(CHIP)
    assert {pin.bcm for pin in map(factory.pin, range(28))} == set(range(28))
    assert "no Raspberry Pi's revision" in factory.machine
    factory.close()


def test_a_revision_that_gpiozero_does_not_know_has_the_forty_pin_header(
    requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.hardware.gpiodpins.get_pi_revision", lambda: 0x7FFF)
    factory = GpiodFactory(CHIP)
    assert factory.pin(27).bcm == 27
    factory.close()


def test_a_machine_that_says_what_it_is_is_believed(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.hardware.gpiodpins.get_pi_revision", lambda: 0xC04170)
    factory = GpiodFactory(CHIP)
    assert factory.board_info.model == "5B"
    assert factory.machine == "Raspberry Pi 5B rev 1.0"
    factory.close()


def test_a_chip_that_is_removed_leaves_a_phone_that_lives_on(
    factory: GpiodFactory, requests: Requests, chip: Chip, caplog: pytest.LogCaptureFixture
) -> None:
    calls, pin, lamp = Calls(), factory.pin(17), OutputDevice(24, pin_factory=factory)
    pin.input_with_pull("up")
    pin.when_changed = calls.changed
    assert pin.state
    lost = threading.Event()
    lose, pin.lose = pin.lose, lambda reason: (lose(reason), lost.set())
    requests.remove()
    assert lost.wait(5)
    for _ in range(3):
        assert pin.state
        lamp.on()
        lamp.off()
        pin.function = "input"
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert sorted(told) == [
        "GPIO17 is lost (its chip was removed): it stays as it is until the phone restarts",
        "GPIO24 is lost (No such device): it stays as it is until the phone restarts",
    ]
    factory.close()
    assert requests.held == {}


def test_an_error_of_the_kernel_that_is_no_loss_is_raised(factory: GpiodFactory, requests: Requests) -> None:
    pin = factory.pin(17)
    requests.check = lambda: (_ for _ in ()).throw(OSError(errno.EPERM, "not you"))  # type: ignore[method-assign]
    with pytest.raises(PermissionError):
        _ = pin.state


def test_a_board_whose_chip_is_removed_raises_nothing_in_the_loop(
    factory: GpiodFactory, requests: Requests, chip: Chip
) -> None:
    async def scenario() -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        board = GpioBoard(BoardSettings("gpio", "none", HookWiring(Wire(17))), factory, (0.3, 1.0), PowerReading)
        board.start(Notebook())
        chip.change(lambda: chip.grounded.add(17))
        requests.remove()
        await asyncio.sleep(0.1)  # the hook looks at its pin once more, after the bounce
        assert faults == []
        board.close()

    asyncio.run(scenario())


def test_an_input_of_ours_reads_and_closes(factory: GpiodFactory, chip: Chip) -> None:
    async def scenario() -> None:
        contact = EdgeInput(Wire(17), factory, asyncio.get_running_loop(), lambda closed, t: None)
        assert not contact.closed_now
        chip.grounded.add(17)
        assert contact.closed_now
        contact.close()
        assert contact.closed

    asyncio.run(scenario())


def test_a_line_that_the_other_thread_has_closed_is_forgotten() -> None:
    reader = EdgeReader()
    end, other = os.pipe()
    reader.watch(end, Deaf())
    os.close(end)
    reader.forget(end)
    os.close(other)
    reader.close()


class Deaf:
    """Implements :class:`offhook.hardware.edges.EdgeSource`: hears nothing."""

    def read_edges(self) -> None:
        pass

    def lose(self, reason: str) -> None:
        pass
