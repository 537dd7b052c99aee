"""Overlays that a board needs: their pins, and their lines in the boot firmware's file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.config.boottext import MARK, overlays_of, with_overlays
from offhook.config.faults import ConfigError
from offhook.config.load import load_board
from offhook.config.overlays import LINE, OVERLAYS, overlay_pins

BOARD = "kind: gpio\nkeypad: none\nhook: {pin: %d}\noverlays: [%s]\n"
LINES = st.lists(st.from_regex(LINE, fullmatch=True).filter(lambda line: len(line) < 80), max_size=3)
TEXTS = st.text(st.sampled_from("abc=# \n[]"), max_size=40)


def faults_of(pin: int, overlays: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_board(BOARD % (pin, overlays))
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("line", "pins"),
    [
        ("wm8960-soundcard", {2, 3, 18, 19, 20, 21}),
        ("googlevoicehat-soundcard", {16, 18, 19, 20, 21}),
        ("hifiberry-dac", {18, 19, 20, 21}),
        ("disable-bt", set()),
        ("max98357a", {4, 18, 19, 20, 21}),
        ("max98357a,sdmode-pin=5", {5, 18, 19, 20, 21}),
        ("max98357a,no-sdmode", {18, 19, 20, 21}),
        ("gpio-poweroff,gpiopin=22,active_low", {22}),
    ],
)
def test_an_overlay_takes_the_pins_of_its_source_and_parameters_move_them(line: str, pins: set[int]) -> None:
    assert overlay_pins(line) == pins


def test_the_pins_of_an_unknown_overlay_are_not_guessed() -> None:
    assert overlay_pins("my-own-hat") is None
    assert load_board(BOARD % (18, "my-own-hat")).overlays == ("my-own-hat",)


def test_every_known_overlay_takes_pins_of_the_header_only() -> None:
    for name in OVERLAYS:
        assert all(0 <= pin <= 27 for pin in overlay_pins(name) or ()), name


def test_a_pin_that_an_overlay_takes_is_a_fault_at_the_pin() -> None:
    (fault,) = faults_of(20, "wm8960-soundcard")
    assert fault.startswith("board.yaml:3:")
    assert "hook.pin: GPIO20 is taken by the overlay wm8960-soundcard: wire it to another pin" in fault


def test_the_same_pin_is_free_where_no_overlay_takes_it() -> None:
    assert load_board(BOARD % (20, "")).overlays == ()
    assert load_board(BOARD % (17, "dtoverlay=wm8960-soundcard")).overlays == ("wm8960-soundcard",)


@pytest.mark.parametrize("line", ["WM8960", '"a b"', '"a,=3"', '"hat\\ndtparam=spi=on"', '""', '"[all]"'])
def test_what_is_no_overlay_is_refused(line: str) -> None:
    assert any("overlays[0]" in fault for fault in faults_of(17, line))


def test_a_line_that_the_firmware_would_cut_is_refused() -> None:
    assert load_board(BOARD % (17, "a" * 88)).overlays == ("a" * 88,)
    (fault,) = faults_of(17, "a" * 89)
    assert "98 characters" in fault


@given(TEXTS, LINES, LINES)
def test_the_boards_part_is_replaced_and_what_stands_above_stays(text: str, old: list[str], new: list[str]) -> None:
    once = with_overlays(text, old)
    assert once.startswith(text.rstrip())
    assert overlays_of(once) == tuple(old)
    twice = with_overlays(once, new)
    assert overlays_of(twice) == tuple(new)
    assert twice.count(MARK) == 1
    assert with_overlays(twice, new) == twice


def test_the_boards_part_holds_on_every_model_and_keeps_the_line_ends_of_a_pc() -> None:
    text = with_overlays("arm_64bit=1\r\n[pi4]\r\nmax_usb_current=1\r\n", ["wm8960-soundcard"])
    assert text.split("\r\n") == [
        *("arm_64bit=1", "[pi4]", "max_usb_current=1", MARK, "[all]", "dtoverlay=wm8960-soundcard", "")
    ]


def test_a_file_without_the_boards_part_has_no_overlays_of_it() -> None:
    assert overlays_of("dtoverlay=disable-bt\n") == ()
