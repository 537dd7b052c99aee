"""The card's mixer, set by ALSA's own library on a control plug-in whose values lie in a file."""

import shutil
from collections.abc import Iterator

import pytest

from offhook.media.mixer import CardMixer, split_name
from offhook.media.pcm import quiet_alsa
from offhook.media.settings import ElementSetting, Level
from tests.support.media_phone import environment, memory_directory
from tests.support.virtual_card import VirtualCard, write_asound_conf
from tests.support.virtual_mixer import CONTROLS, VirtualMixer

pytestmark = pytest.mark.peer


@pytest.fixture
def mixer() -> Iterator[VirtualMixer]:
    """The mixer of a card that came up muted."""
    folder = memory_directory()
    quiet_alsa()
    with VirtualCard(folder) as card, environment(write_asound_conf(folder / "asound.conf", [card])):
        yield card.mixer
    shutil.rmtree(folder, ignore_errors=True)


def apply(*wanted: ElementSetting, controls: tuple[str, ...] = ("phone_mic",)) -> str:
    return CardMixer(wanted).apply(controls)


@pytest.mark.parametrize(
    ("element", "level", "control", "value"),
    [
        ("Left Output Mixer PCM", "on", "Left Output Mixer PCM Playback Switch", (1, 0)),
        ("Left Boost Mixer LINPUT1", "on", "Left Boost Mixer LINPUT1 Switch", (1, 0)),
        ("Left Input Boost Mixer LINPUT1", 33, "Left Input Boost Mixer LINPUT1 Volume", (1, 0)),
        ("Headphone", 80, "Headphone Playback Volume", (102, 102)),
        ("Headphone", 0, "Headphone Playback Volume", (0, 0)),
        ("Headphone", 100, "Headphone Playback Volume", (127, 127)),
        ("Capture", "on", "Capture Switch", (1, 1)),
        ("Auto Gain Control", "off", "Auto Gain Control", (0, 0)),
    ],
)
def test_an_element_becomes_what_the_board_file_says(
    mixer: VirtualMixer, element: str, level: Level, control: str, value: tuple[int, int]
) -> None:
    mixer["Auto Gain Control"] = (1, 0)
    assert apply(ElementSetting(element, level)) == ""
    assert mixer[control] == value


def test_a_volume_is_switched_on_too(mixer: VirtualMixer) -> None:
    assert apply(ElementSetting("Capture", 60)) == ""
    assert (mixer["Capture Volume"], mixer["Capture Switch"]) == ((38, 38), (1, 1))


def test_a_bare_level_of_a_microphone_is_not_heard_in_the_ear(mixer: VirtualMixer) -> None:
    assert apply(ElementSetting("Mic", 100)) == ""
    assert (mixer["Mic Capture Volume"], mixer["Mic Capture Switch"]) == ((35, 0), (1, 0))
    assert (mixer["Mic Playback Volume"], mixer["Mic Playback Switch"]) == ((0, 0), (0, 0))


def test_both_sides_of_an_element_are_set_apart(mixer: VirtualMixer) -> None:
    mixer["Mic Playback Switch"] = mixer["Mic Playback Volume"] = (1, 0)
    assert apply(ElementSetting("Mic", playback="off", capture="on")) == ""
    assert (mixer["Mic Playback Switch"], mixer["Mic Playback Volume"]) == ((0, 0), (1, 0))
    assert (mixer["Mic Capture Switch"], mixer["Mic Capture Volume"]) == ((1, 0), (0, 0))


def test_an_item_is_chosen(mixer: VirtualMixer) -> None:
    assert apply(ElementSetting("Input Source", choice="Mic")) == ""
    assert mixer["Input Source"] == (1, 0)


def test_what_nobody_asked_for_is_left_alone(mixer: VirtualMixer) -> None:
    for control in CONTROLS:
        mixer[control] = (1, 1)
    assert apply(ElementSetting("Capture", "off")) == ""
    assert {control for control in CONTROLS if mixer[control] != (1, 1)} == {"Capture Switch"}
    assert apply(controls=("nowhere",)) == ""


def test_an_element_that_the_card_lacks_is_told_with_those_that_it_has(mixer: VirtualMixer) -> None:
    said = apply(ElementSetting("Capture", "on"), ElementSetting("Master", 80), ElementSetting("Mic,1", "on"))
    assert said.startswith('audio.mixer: the card has no "Master", "Mic,1"; it has Headphone, Mic, Capture, ')
    assert said.endswith(": see `amixer -D phone_mic scontents`")
    assert "\n" not in said
    assert mixer["Capture Switch"] == (1, 1)


def test_an_optional_element_may_be_missing_and_is_set_where_it_is_not(mixer: VirtualMixer) -> None:
    assert apply(ElementSetting("Master", 80, optional=True), ElementSetting("Mic", "on", optional=True)) == ""
    assert mixer["Mic Capture Switch"] == (1, 0)


def test_a_value_that_the_card_does_not_keep_is_told(mixer: VirtualMixer) -> None:
    assert '"Stuck" did not take: playback switch on: ' in apply(ElementSetting("Stuck", "on"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (ElementSetting("Headphone", "off"), '"Headphone" has no playback switch'),
        (ElementSetting("Headphone", capture=60), '"Headphone" has no capture volume'),
        (ElementSetting("Left Output Mixer PCM", 60), '"Left Output Mixer PCM" has no playback volume'),
        (ElementSetting("Headphone", choice="Mic"), '"Headphone" offers no choice, and not Mic'),
        (ElementSetting("Input Source", choice="Aux"), '"Input Source" offers Line, Mic, and not Aux'),
        (ElementSetting("Input Source", "on"), '"Input Source" has no playback switch'),
    ],
)
def test_what_an_element_cannot_be_is_told(mixer: VirtualMixer, setting: ElementSetting, words: str) -> None:
    assert words in apply(setting, ElementSetting("Capture", 60))
    assert mixer["Capture Switch"] == (1, 1)


def test_of_two_cards_each_element_is_set_where_it_is(mixer: VirtualMixer) -> None:
    said = apply(ElementSetting("Capture", 60), controls=("nowhere", "phone_mic"))
    assert said.startswith("audio.mixer: the mixer of nowhere cannot be opened (")
    assert "`amixer -D nowhere scontents` and `amixer -D phone_mic scontents`" in said
    assert mixer["Capture Volume"] == (38, 38)


def test_a_card_of_the_kernel_is_named_as_amixer_wants_it(mixer: VirtualMixer) -> None:
    said = apply(ElementSetting("Capture", 60), controls=("hw:29",))
    assert said.startswith("audio.mixer: the mixer of hw:29 cannot be opened (")
    assert "`amixer -c 29 scontents`" in said


@pytest.mark.parametrize(
    ("name", "parts"), [("Mic", ("Mic", 0)), ("Headset,1", ("Headset", 1)), ("A,b", ("A,b", 0)), (",1", (",1", 0))]
)
def test_an_index_may_follow_a_name(name: str, parts: tuple[str, int]) -> None:
    assert split_name(name) == parts
