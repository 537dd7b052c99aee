"""The mixer of a sound card: what each simple element of it shall be while the phone has the card open."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from offhook.config.faults import quoted
from offhook.config.scalars import filled, text, truth, wrong

Level = int | Literal["on", "off"]
"""A volume in percent, whose switch is on then, or the switch alone."""

_LONGEST_NAME = 50
_PERCENT = re.compile(r"(0|[1-9][0-9]?|100)%")
# The endings that ALSA's library takes off a control's name to get the element's: src/mixer/simple_none.c.
_CONTROL = re.compile(r"(.+?)(?: Playback| Capture)? (?:Volume|Switch)")
_ON = frozenset({"on", "true", "yes", "unmute", "cap", "open"})
_OFF = frozenset({"off", "false", "no", "mute", "nocap", "closed"})
_SETTINGS = ("playback", "capture", "choice", "optional")
_EXAMPLE = "on, off, a volume such as 60%, or {capture: 60%, playback: off}"


@dataclass(frozen=True, slots=True)
class MixerValue:
    """One element: a level for its capture side, or its playback side where it has no other, or one for each.

    ``choice``: the item of an element that offers some. ``optional``: a card without this element is none the worse.
    """

    either: Level | None = None
    playback: Level | None = None
    capture: Level | None = None
    choice: str | None = None
    optional: bool = False


def element_name(value: object) -> str:
    """Return the name of a simple mixer element, perhaps with its index: ``Mic``, ``Headset,1``."""
    source = filled(value)
    control = _CONTROL.fullmatch(source)
    if control is not None:
        raise wrong(f"{quoted(source)} is one control of an element; the element's name is shorter", control[1])
    if len(source) > _LONGEST_NAME:
        raise wrong("is no name of a mixer element: `amixer -c CARD scontents` shows them")
    return source


def level(value: object) -> Level:
    """Return what ``on``, ``off`` or ``60%`` says."""
    source = text(value)
    if source == "on":
        return "on"
    if source == "off":
        return "off"
    if _PERCENT.fullmatch(source):
        return int(source[:-1])
    low = source.strip().casefold()
    percent = f"{low.replace(' ', '').removesuffix('%')}%"
    meant = "on" if low in _ON else "off" if low in _OFF else percent if _PERCENT.fullmatch(percent) else None
    raise wrong(f"{quoted(source)} is not on, off or a volume from 0% to 100%", meant)


def mixer_value(value: object) -> MixerValue:
    """Return what is said of an element, in a word or as settings."""
    if isinstance(value, MixerValue):
        return value
    if value is None or isinstance(value, str):
        return MixerValue(either=level(value))
    if not isinstance(value, Mapping):
        raise wrong(f"must be {_EXAMPLE}")
    said = {key: each for key, each in value.items() if each is not None or key not in _SETTINGS}
    for key in said:
        if key not in _SETTINGS:
            hint = "the volume of a side switches it on" if key in ("volume", "switch") else ", ".join(_SETTINGS)
            near = difflib.get_close_matches(key, _SETTINGS, n=1)
            raise wrong(f"there is no such setting: write {_EXAMPLE} ({hint})", near[0] if near else None, field=key)
    result = MixerValue(
        playback=_side(said, "playback"),
        capture=_side(said, "capture"),
        choice=filled(said["choice"]) if "choice" in said else None,
        optional=truth(said.get("optional", False)),
    )
    if result.playback is result.capture is result.choice is None:
        raise wrong(f"says nothing of the element: write {_EXAMPLE}")
    if result.choice is not None and not (result.playback is result.capture is None):
        raise wrong("an element has a choice or levels, never both: leave one out", field="choice")
    return result


def _side(said: Mapping[str, object], side: str) -> Level | None:
    if side not in said:
        return None
    try:
        return level(said[side])
    except PydanticCustomError as error:
        words = error.context or {}
        raise wrong(str(words.get("message")), words.get("suggestion"), field=side) from None


def as_written(value: MixerValue) -> object:
    """Return an element's value as the file has it."""
    if value.either is not None:
        return _word(value.either)
    sides = {"playback": value.playback, "capture": value.capture}
    written: dict[str, object] = {side: _word(each) for side, each in sides.items() if each is not None}
    written |= {} if value.choice is None else {"choice": value.choice}
    return written | ({"optional": "true"} if value.optional else {})


def _word(value: Level) -> str:
    return f"{value}%" if isinstance(value, int) else value


_LEVEL_SHAPE = {"type": "string", "pattern": "^(on|off|[0-9]{1,3}%)$"}
_SHAPE = {
    "anyOf": [
        _LEVEL_SHAPE,
        {
            "type": "object",
            "properties": {
                "playback": _LEVEL_SHAPE,
                "capture": _LEVEL_SHAPE,
                "choice": {"type": "string"},
                "optional": {"type": "boolean"},
            },
            "additionalProperties": False,
        },
    ]
}
ElementName = Annotated[str, BeforeValidator(element_name)]
Mixer = dict[
    ElementName,
    Annotated[MixerValue, PlainValidator(mixer_value), PlainSerializer(as_written), WithJsonSchema(_SHAPE)],
]
