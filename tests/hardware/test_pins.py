import asyncio
import errno
import threading

import pytest
from gpiozero.exc import PinFixedPull
from gpiozero.pins.mock import MockFactory

from offhook.errors import DeviceError
from offhook.hardware.pins import EdgeInput, open_output, wired
from offhook.hardware.settings import Wire
from offhook.phone.events import HookFlash, HookLifted
from tests.support.listener import Notebook, simulated
from tests.support.virtual_loop import run


def test_a_pin_that_is_not_there_is_named_with_its_line() -> None:
    with pytest.raises(
        DeviceError, match=r"^board.yaml:7: hook.pin: GPIO99 is no pin of this board: give a BCM number"
    ):
        open_output(Wire(99, "board.yaml:7: hook.pin"), MockFactory())


def test_a_pin_that_is_used_twice_is_named() -> None:
    factory = MockFactory()
    first = open_output(Wire(5), factory)
    with pytest.raises(DeviceError, match="GPIO5 is named twice"):
        open_output(Wire(5), factory)
    first.close()


def test_a_pin_that_cannot_do_what_it_should_is_named() -> None:
    with pytest.raises(DeviceError, match="GPIO2 cannot be used this way"), wired(Wire(2)):
        raise PinFixedPull("GPIO2 has a fixed pull resistor")


def test_a_pin_that_another_program_holds_is_named() -> None:
    busy = type("error", (Exception,), {"__module__": "lgpio"})
    with (
        pytest.raises(DeviceError, match=r"GPIO4 is held by another program or overlay \(GPIO busy\): see gpioinfo"),
        wired(Wire(4)),
    ):
        raise busy("GPIO busy")


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EBUSY, "is held by another program"), (errno.EINVAL, "cannot be used")]
)
def test_what_the_kernel_refuses_is_told_for_what_it_is(number: int, told: str) -> None:
    with pytest.raises(DeviceError, match=f"GPIO4 {told}"), wired(Wire(4)):
        raise OSError(number, "refused")


def test_a_fault_of_our_own_is_not_dressed_up() -> None:
    with pytest.raises(KeyError), wired(Wire(4)):
        raise KeyError("x")


def test_edges_from_another_thread_reach_the_loop() -> None:
    async def scenario() -> None:
        loop, factory = asyncio.get_running_loop(), MockFactory()
        came: asyncio.Queue[tuple[bool, float, int]] = asyncio.Queue()
        contact = EdgeInput(
            Wire(17), factory, loop, lambda closed, t: came.put_nowait((closed, t, threading.get_ident()))
        )
        before = loop.time()
        thread = threading.Thread(target=factory.pin(17).drive_low)
        thread.start()
        closed, t, ident = await asyncio.wait_for(came.get(), 5)
        thread.join()
        assert (closed, ident) == (True, threading.get_ident())
        assert before <= t <= loop.time()
        contact.close()

    asyncio.run(scenario())


def test_an_edge_after_the_loop_has_closed_is_no_error() -> None:
    factory = MockFactory()
    loop = asyncio.new_event_loop()
    contact = EdgeInput(Wire(17), factory, loop, lambda closed, t: None)
    loop.close()
    factory.pin(17).drive_low()
    contact.close()


@pytest.mark.parametrize(("age", "used"), [(0.0, True), (0.4, True), (-5.0, False), (50.0, False)])
def test_a_stamp_is_used_where_it_can_be_true(age: float, used: bool) -> None:
    async def scenario() -> None:
        loop, came = asyncio.get_running_loop(), []
        contact = EdgeInput(Wire(17), MockFactory(), loop, lambda closed, t: came.append(t))
        stamp = loop.time() - age
        contact._fire_events(stamp, True)
        await asyncio.sleep(0)
        assert came == [stamp if used else loop.time()]
        contact.close()

    run(scenario)


def test_a_flash_that_the_loop_was_too_busy_to_see_is_still_a_flash() -> None:
    async def scenario() -> None:
        loop, board, notes = asyncio.get_running_loop(), simulated(), Notebook()
        board.start(notes)
        await board.lift()
        await asyncio.sleep(1)
        hook = board.settings.hook
        assert hook is not None
        board.pins.ground(hook.pin.bcm, False)
        loop.advance(0.5)  # type: ignore[attr-defined]
        board.pins.ground(hook.pin.bcm, True)
        loop.advance(3.0)  # type: ignore[attr-defined]
        await asyncio.sleep(2)
        assert notes.events == [HookLifted(), HookFlash()]

    run(scenario)
