"""The line that tells whether mains is there."""

import pytest

from offhook.config.board_schema import BoardConfig
from offhook.daemon.boardfile import board_settings
from offhook.errors import DeviceError
from offhook.hardware.mains import MainsLine
from offhook.hardware.settings import MainsWiring, Wire
from offhook.power.reading import PowerReading
from offhook.sim.pins import WiredFactory


@pytest.mark.parametrize("active_high", [True, False])
def test_the_line_says_whether_mains_is_there_in_either_sense(active_high: bool) -> None:
    factory = WiredFactory(lambda: 0.0)
    line = MainsLine(MainsWiring(Wire(6), active_high), factory)
    assert line.present is active_high  # pulled up while nothing drives it
    factory.ground(6, True)
    assert line.present is not active_high
    line.close()


def test_the_line_is_believed_before_the_gauge_which_tells_the_rest() -> None:
    factory = WiredFactory(lambda: 0.0)
    line = MainsLine(MainsWiring(Wire(6)), factory)
    factory.ground(6, True)
    seen = line.merged(lambda: PowerReading(ac=True, percent=70.0, volts=3.9))
    assert seen == PowerReading(ac=False, percent=70.0, volts=3.9)
    line.close()


def test_without_a_gauge_the_line_still_tells() -> None:
    def read() -> PowerReading:
        raise DeviceError("no power supply")

    line = MainsLine(MainsWiring(Wire(6)), WiredFactory(lambda: 0.0))
    assert line.merged(read) == PowerReading(ac=True, gauge_ok=False)
    line.close()


def test_the_board_file_names_the_line_and_its_sense() -> None:
    board = BoardConfig.model_validate({"kind": "gpio", "mains": {"pin": 6, "active": "low"}})
    assert board_settings(board, {"mains.pin": "b.yaml:3: mains.pin"}).mains == MainsWiring(
        Wire(6, "b.yaml:3: mains.pin"), active_high=False
    )
