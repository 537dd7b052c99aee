"""The mixer in a board file and in a config."""

import pytest

from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board
from offhook.config.mixer import MixerValue, as_written
from offhook.daemon import settings
from offhook.daemon.files import with_board_audio
from offhook.media.settings import ElementSetting

BOARD = "kind: simulated\naudio:\n  capture: a\n  playback: b\n  mixer: %s\n"
CONFIG = "country: NO\naccounts: [{name: desk, uri: 'sip:1001@pbx.test', register: false}]\n"


def value_of(written: str) -> MixerValue:
    audio = load_board(BOARD % f"{{Mic: {written}}}").audio
    assert audio is not None
    return audio.mixer["Mic"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", MixerValue("on")),
        ("off", MixerValue("off")),
        ("60%", MixerValue(60)),
        ("0%", MixerValue(0)),
        ("{capture: 60%, playback: off}", MixerValue(capture=60, playback="off")),
        ("{capture: on, playback: }", MixerValue(capture="on")),
        ("{choice: Front Mic}", MixerValue(choice="Front Mic")),
        ("{playback: off, optional: true}", MixerValue(playback="off", optional=True)),
    ],
)
def test_each_form_of_a_value_is_read_and_written_back(written: str, value: MixerValue) -> None:
    assert value_of(written) == value
    assert load_board(BOARD % "{}").audio is not None
    again = as_written(value)
    text = again if isinstance(again, str) else str(again).replace("'", '"')
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("mixer", "fault"),
    [
        ("{Mic: 60}", 'audio.mixer.Mic: "60" is not on, off or a volume from 0% to 100% (did you mean "60%"?)'),
        ("{Mic: 101%}", 'audio.mixer.Mic: "101%" is not on, off or a volume from 0% to 100%'),
        ("{Mic: -3%}", 'audio.mixer.Mic: "-3%" is not on, off or a volume from 0% to 100%'),
        ("{Mic: yes}", 'audio.mixer.Mic: "yes" is not on, off or a volume from 0% to 100% (did you mean "on"?)'),
        ("{Mic: Off}", 'audio.mixer.Mic: "Off" is not on, off or a volume from 0% to 100% (did you mean "off"?)'),
        ("{Mic: }", "audio.mixer.Mic: is empty: write a value or remove it"),
        ("{Mic: [on]}", "audio.mixer.Mic: must be on, off, a volume such as 60%, or {capture: 60%, playback: off}"),
        ("{Mic: {}}", "audio.mixer.Mic: says nothing of the element: write on, off, a volume"),
        ("{Mic: {optional: true}}", "audio.mixer.Mic: says nothing of the element: write on, off, a volume"),
        ("{Mic: {optional: yes, capture: on}}", 'audio.mixer.Mic: must be true or false, not "yes"'),
        ("{Mic: {capture: loud}}", 'audio.mixer.Mic.capture: "loud" is not on, off or a volume'),
        ("{Mic: {capture: {}}}", "audio.mixer.Mic.capture: must be one text"),
        ("{Mic: {captur: on}}", "audio.mixer.Mic.captur: there is no such setting"),
        ("{Mic: {volume: 60%}}", "(the volume of a side switches it on)"),
        ("{Mic: {choice: A, capture: on}}", "audio.mixer.Mic.choice: an element has a choice or levels, never both"),
        ("{Mic: {choice: }, Line: on}", "audio.mixer.Mic: says nothing of the element"),
        ('{"": on}', "is empty"),
        (
            "{Left Output Mixer PCM Playback Switch: on}",
            'is one control of an element; the element\'s name is shorter (did you mean "Left Output Mixer PCM"?)',
        ),
        ("{Playback Volume: on}", '(did you mean "Playback"?)'),
        (f"{{{'x' * 51}: on}}", "is no name of a mixer element: `amixer -c CARD scontents` shows them"),
    ],
)
def test_each_fault_says_what_to_write(mixer: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_board(BOARD % mixer, "b.yaml")
    assert fault in str(caught.value)
    assert str(caught.value).startswith("b.yaml:5:")


def test_every_fault_of_a_mixer_comes_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_board(BOARD % "{Mic: 60, Line: {playback: loud}, Aux: on}", "b.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_the_configs_mixer_is_laid_over_the_boards() -> None:
    board = load_board(BOARD % "{Headphone: 80%, Capture: 60%}").audio
    config = with_board_audio(load(CONFIG + "audio: {mixer: {Headphone: 95%, Mic: {capture: on}}}\n"), board)
    assert settings.media(config, None).mixer == (
        ElementSetting("Headphone", 95),
        ElementSetting("Capture", 60),
        ElementSetting("Mic", capture="on"),
    )


def test_a_config_with_a_card_of_its_own_has_nothing_of_the_boards_mixer() -> None:
    board = load_board(BOARD % "{Headphone: 80%}").audio
    config = with_board_audio(load(CONFIG + "audio: {capture: x, playback: y, mixer: {Mic: on}}\n"), board)
    assert settings.media(config, None).mixer == (ElementSetting("Mic", "on"),)
