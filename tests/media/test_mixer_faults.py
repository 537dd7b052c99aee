"""The card's mixer against a binding that fails: whatever it says, the phone goes on and no handle stays open."""

from collections.abc import Iterator
from typing import ClassVar

import alsaaudio
import pytest

from offhook.media.mixer import CardMixer
from offhook.media.settings import ElementSetting


class FakeMixer:
    """One element of a card, all of whose calls that are named in ``faults`` fail."""

    faults: ClassVar[set[str]] = set()
    value: int = 0
    open: int = 0

    def __init__(self, control: str, id: int, device: str) -> None:
        self._call("open")
        FakeMixer.open += 1

    def _call(self, name: str) -> None:
        if name in FakeMixer.faults:
            raise alsaaudio.ALSAAudioError("No such device [hw:1]")

    def volumecap(self) -> list[str]:
        return []

    def switchcap(self) -> list[str]:
        return ["Capture Mute"]

    def getrec(self) -> list[int]:
        self._call("read")
        return [FakeMixer.value, FakeMixer.value]

    def setrec(self, on: int) -> None:
        self._call("write")
        FakeMixer.value = on
        self._call("changed")

    def close(self) -> None:
        FakeMixer.open -= 1


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    FakeMixer.faults, FakeMixer.value, FakeMixer.open = set(), 0, 0
    monkeypatch.setattr(alsaaudio, "Mixer", FakeMixer)
    monkeypatch.setattr(alsaaudio, "mixers", lambda device: ["Mic"])
    yield
    assert FakeMixer.open == 0


def apply() -> str:
    return CardMixer([ElementSetting("Mic", "on")]).apply(["hw:1"])


def test_what_is_as_wanted_already_is_not_written() -> None:
    FakeMixer.value, FakeMixer.faults = 1, {"write"}
    assert apply() == ""


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_card_that_goes_away_meanwhile_is_told(where: str) -> None:
    FakeMixer.faults = {where}
    assert apply() == ('audio.mixer: "Mic" cannot be set (No such device): see `amixer -c 1 scontents`')


def test_a_write_that_fails_is_told() -> None:
    FakeMixer.faults = {"write"}
    assert '"Mic" did not take: capture switch on' in apply()


def test_a_write_that_worked_and_says_otherwise_is_none_the_worse() -> None:
    FakeMixer.faults = {"changed"}
    assert apply() == ""
    assert FakeMixer.value == 1


def test_a_card_without_elements_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsaaudio, "mixers", lambda device: [])
    assert 'the card has no "Mic"; it has no mixer at all' in apply()
