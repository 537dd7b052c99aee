"""Which device the media loop is served by, while cards come and go."""

from pathlib import Path

import pytest

from offhook.errors import DeviceError
from offhook.media import alsa, mixer
from offhook.media.cards import Cards, sound_nodes
from offhook.media.form import CardMissingError, CardRefusedError, PcmForm
from offhook.media.messages import DeviceChanged, FromMedia
from offhook.media.settings import ElementSetting, MediaSettings


class FakeCard:
    """Opens when there is a card."""

    fault: DeviceError | None = None
    tried = 0

    def __init__(self, *_arguments: object) -> None:
        FakeCard.tried += 1
        if FakeCard.fault is not None:
            raise FakeCard.fault
        self.forms = (PcmForm(8000, 1, 2, 80, 320), PcmForm(8000, 1, 2, 80, 320))
        self.xruns = 0
        self.controls = ("hw:1",)

    def close(self) -> None:
        pass


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(alsa, "AlsaDevice", FakeCard)
    FakeCard.fault, FakeCard.tried = CardMissingError("gone"), 0
    return []


def make(said: list[str], nodes: list[object]) -> Cards:
    def post(message: FromMedia) -> None:
        assert isinstance(message, DeviceChanged)
        said.append(message.state)

    return Cards(MediaSettings("NO", capture="mic", playback="ear"), False, post, 0.0, lambda: nodes[0])


def test_a_card_that_comes_is_opened_at_once_not_after_two_seconds(said: list[str]) -> None:
    nodes: list[object] = ["none"]
    cards = make(said, nodes)
    cards.device(0.0, True)
    assert said == ["missing"]
    FakeCard.fault = None
    nodes[0] = "a card"
    cards.device(0.15, True)
    assert said == ["missing", "open"]


def test_while_nothing_comes_the_card_is_tried_every_two_seconds_only(said: list[str]) -> None:
    cards = make(said, ["none"])
    for tick in range(500):
        cards.device(tick / 100, True)
    assert FakeCard.tried == 3


def test_a_device_that_udev_gives_us_later_is_tried_again(said: list[str]) -> None:
    nodes: list[object] = ["none"]
    cards = make(said, nodes)
    cards.device(0.0, True)
    nodes[0] = "root's"
    cards.device(0.2, True)
    FakeCard.fault = None
    nodes[0] = "group audio's"
    cards.device(0.4, True)
    assert said == ["missing", "open"]
    assert FakeCard.tried == 3


def test_a_card_that_was_refused_stays_refused_whatever_is_plugged_in(said: list[str]) -> None:
    nodes: list[object] = ["none"]
    FakeCard.fault = CardRefusedError("no")
    cards = make(said, nodes)
    cards.device(0.0, True)
    nodes[0] = "another"
    cards.device(5.0, True)
    assert FakeCard.tried == 1


def test_the_sound_devices_are_told_by_name_and_rights(tmp_path: Path) -> None:
    assert sound_nodes(str(tmp_path / "snd")) is None
    (tmp_path / "pcmC0D0p").touch(mode=0o600)
    before = sound_nodes(str(tmp_path))
    assert sound_nodes(str(tmp_path)) == before
    (tmp_path / "pcmC0D0p").chmod(0o660)
    changed = sound_nodes(str(tmp_path))
    assert changed != before
    (tmp_path / "pcmC1D0c").touch()
    assert sound_nodes(str(tmp_path)) != changed


def test_the_mixer_is_set_at_each_opening_and_once_more_when_a_card_has_just_come(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, applied, faults = [0.0], [], [""]

    class FakeMixer:
        def __init__(self, wanted: tuple[ElementSetting, ...]) -> None:
            assert wanted == (ElementSetting("Mic", "on"),)

        def apply(self, controls: tuple[str, ...]) -> str:
            applied.append((clock[0], controls))
            return faults[0]

    told: list[FromMedia] = []
    monkeypatch.setattr(mixer, "CardMixer", FakeMixer)
    settings = MediaSettings("NO", capture="mic", playback="ear", mixer=(ElementSetting("Mic", "on"),))
    cards = Cards(settings, False, told.append, 0.0, lambda: None)
    FakeCard.fault = None

    def tick(t: float, needed: bool = True) -> None:
        clock[0] = t
        cards.device(t, needed)

    for hundredths in range(500):
        tick(hundredths / 100)
    assert applied == [(0.0, ("hw:1",)), (2.0, ("hw:1",))]
    tick(5.0, needed=False)
    faults[0] = "no Mic"
    for hundredths in range(600, 1000):
        tick(hundredths / 100)
    assert [at for at, _ in applied] == [0.0, 2.0, 6.0]
    cards.lost(CardMissingError("pulled out"), 10.0)
    for hundredths in range(1000, 2000):
        tick(hundredths / 100)
    assert [at for at, _ in applied] == [0.0, 2.0, 6.0, 12.0, 14.0]
    seen = [(message.state, message.mixer) for message in told if isinstance(message, DeviceChanged)]
    assert seen == [("open", ""), ("closed", ""), ("open", "no Mic"), ("missing", "no Mic"), ("open", "no Mic")]
