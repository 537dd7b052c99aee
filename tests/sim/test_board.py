import asyncio

import pytest

from offhook.errors import DeviceError
from offhook.hardware.settings import BoardSettings, HookWiring, KeypadKind, LampWiring, RotaryWiring, Wire
from offhook.phone.events import HookFlash, HookLifted, HookReplaced
from offhook.power.reading import PowerReading
from offhook.sim.board import SimulatedBoard
from offhook.sim.pins import WiredFactory
from tests.support.listener import Notebook, simulated
from tests.support.virtual_loop import run


def test_the_handset_is_lifted_flashed_and_put_back() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        begin = asyncio.get_running_loop().time()
        await board.lift()
        await asyncio.sleep(1)
        await board.flash(0.5)
        await asyncio.sleep(1)
        await board.hang_up()
        await asyncio.sleep(2)
        assert notes.events == [HookLifted(), HookFlash(), HookReplaced()]
        assert notes.times == pytest.approx([begin, begin + 1, begin + 2.5])
        board.close()

    run(scenario)


@pytest.mark.parametrize("bounce", [0.012, 0.030])
def test_a_bouncing_hook_is_one_lift_and_one_hang_up(bounce: float) -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        await board.lift(bounce)
        await asyncio.sleep(1)
        await board.hang_up(bounce)
        await asyncio.sleep(2)
        assert notes.events == [HookLifted(), HookReplaced()]

    run(scenario)


@pytest.mark.parametrize(
    ("keypad", "keys"), [("4x4", "123A456B789C*0#D"), ("4x3", "1234567890*#"), ("direct", "0#*987")]
)
def test_every_key_of_every_keypad_is_dialled(keypad: KeypadKind, keys: str) -> None:
    async def scenario() -> None:
        board, notes = simulated(keypad), Notebook()
        board.start(notes)
        await board.dial(keys, 0.07, 0.07)
        await asyncio.sleep(0.1)
        assert notes.keys == keys
        assert board.pins.short_circuits == 0

    run(scenario)


@pytest.mark.parametrize(("on", "off"), [(0.04, 0.04), (0.05, 0.045), (0.3, 0.05)])
def test_quick_fingers_lose_no_key(on: float, off: float) -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        await board.dial("5551234#", on, off)
        await asyncio.sleep(0.1)
        assert notes.keys == "5551234#"

    run(scenario)


def test_the_matrix_is_not_scanned_while_nothing_is_pressed() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        await board.press("5", 0.08)
        await asyncio.sleep(0.2)
        keypad = board.board.keypad
        scans = keypad.scans  # type: ignore[union-attr]
        assert 10 < scans < 40
        await asyncio.sleep(3600)
        assert keypad.scans == scans  # type: ignore[union-attr]

    run(scenario)


def test_two_keys_of_one_column_never_join_driven_rows() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        await asyncio.gather(board.press("1", 0.2), board.press("7", 0.2), board.press("8", 0.1))
        await asyncio.sleep(0.2)
        assert board.pins.short_circuits == 0

    run(scenario)


def test_three_corners_make_no_ghost() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)

        async def later(key: str, after: float, hold: float) -> None:
            await asyncio.sleep(after)
            await board.press(key, hold)

        await asyncio.gather(later("1", 0, 0.5), later("2", 0.1, 0.4), later("4", 0.2, 0.2))
        await asyncio.sleep(0.2)
        assert notes.keys == "12"

    run(scenario)


@pytest.mark.parametrize("digit", [1, 5, 0])
def test_the_rotary_dial_runs_back(digit: int) -> None:
    async def scenario() -> None:
        board, notes = simulated("rotary"), Notebook()
        board.start(notes)
        await board.rotary(digit)
        assert notes.keys == str(digit)

    run(scenario)


@pytest.mark.parametrize("off_normal", [None, Wire(23)])
def test_rotary_digits_follow_each_other(off_normal: Wire | None) -> None:
    async def scenario() -> None:
        wiring = RotaryWiring(Wire(22), off_normal=off_normal, normally_closed=off_normal is None)
        settings = BoardSettings("simulated", "rotary", rotary=wiring)
        board, notes = SimulatedBoard(settings, (0.3, 1.0), asyncio.get_running_loop(), lambda: None), Notebook()
        board.start(notes)
        for digit in (1, 1, 2):
            await board.rotary(digit)
        assert notes.keys == "112"

    run(scenario)


def test_a_lamp_that_blinks_for_days_leaves_no_memory_behind() -> None:
    pin = WiredFactory(lambda: 0.0).pin("GPIO17")
    pin.function = "output"
    for number in range(10_000):
        pin.state = bool(number % 2)
    assert pin.state
    assert len(pin.states) < 300


@pytest.mark.parametrize("normally_open", [True, False])
def test_a_handset_that_is_off_at_the_start_is_told(normally_open: bool) -> None:
    async def scenario() -> None:
        settings = BoardSettings("simulated", "4x3", hook=HookWiring(Wire(17), normally_open))
        board, notes = SimulatedBoard(settings, (0.3, 1.0), asyncio.get_running_loop(), lambda: None), Notebook()
        await board.lift()
        board.start(notes)
        await asyncio.sleep(0.1)
        assert notes.events == [HookLifted()]

    run(scenario)


def test_buttons_are_pressed() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        await board.press_button("volume_up", 0.08)
        await board.press_button("volume_down", 0.08)
        assert notes.buttons == ["volume_up", "volume_down"]

    run(scenario)


def test_what_the_board_does_not_have_is_said() -> None:
    async def scenario() -> None:
        board = simulated("4x3")
        with pytest.raises(DeviceError, match="no key 'A'"):
            await board.press("A", 0.1)
        with pytest.raises(DeviceError, match="no key 'x'"):
            await board.dial("12x", 0.1, 0.1)
        with pytest.raises(DeviceError, match="no button 'mute'"):
            await board.press_button("mute", 0.1)
        with pytest.raises(DeviceError, match="no rotary dial"):
            await board.rotary(5)
        with pytest.raises(DeviceError, match="does not own the network"):
            board.set_network(False)

    run(scenario)


def test_power_shows_what_was_set_and_a_silent_gauge_shows_nothing() -> None:
    async def scenario() -> None:
        board = simulated()
        board.set_power(ac=False, percent=42, volts=3.71, amps=-0.4)
        assert board.read_power() == PowerReading(False, 42, 3.71, -0.4)
        board.set_power(gauge_ok=False)
        assert board.read_power() == PowerReading(ac=False, gauge_ok=False)
        board.set_power(percent=41)
        assert not board.read_power().gauge_ok
        board.set_power(gauge_ok=True)
        assert board.read_power() == PowerReading(False, 41, 3.71, -0.4)

    run(scenario)


def test_power_off_only_says_so() -> None:
    async def scenario() -> None:
        said: list[str] = []
        settings = BoardSettings("simulated", "4x4")
        loop = asyncio.get_running_loop()
        board = SimulatedBoard(settings, (0.3, 1.0), loop, lambda: said.append("poweroff"))
        board.power_off()
        assert said == ["poweroff"]

    run(scenario)


def test_a_cancelled_press_lets_go_of_the_key() -> None:
    async def scenario() -> None:
        board, notes = simulated(), Notebook()
        board.start(notes)
        press = asyncio.create_task(board.press("5", 1000))
        await asyncio.sleep(0.1)
        press.cancel()
        await asyncio.sleep(0.1)
        assert notes.keys == "5"

    run(scenario)


def test_more_lamps_than_pins_are_refused() -> None:
    async def scenario() -> None:
        lamps = tuple(LampWiring(f"lamp {n}") for n in range(30))
        with pytest.raises(DeviceError, match="more lamps"):
            SimulatedBoard(
                BoardSettings("simulated", "4x4", lamps=lamps), (0.3, 1.0), asyncio.get_running_loop(), print
            )

    run(scenario)


def test_closing_releases_every_pin_and_leaves_nothing_running() -> None:
    async def scenario() -> None:
        board = simulated()
        board.start(Notebook())
        board.set_lamp("message", "blink")
        board.set_ringer(True, (1000, 4000))
        await board.press("5", 0.02)
        board.close()
        assert not board.pins.pins
        again = simulated()
        again.start(Notebook())
        again.close()

    run(scenario)
