"""The mixer of a card, set as the config says when the card is opened: many a card comes up muted.

A handle of the mixer shows what was asked of it, whether the card took it or not (alsa-lib, src/mixer/simple_none.c:
values are kept in the element). So what is not as wanted is written, and read back by a handle of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import alsaaudio

from offhook.errors import DeviceError
from offhook.media.settings import ElementSetting, Level

Side = Literal["playback", "capture"]
_MOST_NAMES = 60


class ElementError(DeviceError):
    """An element cannot be what is wanted of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One value of an element: how it is read (of each channel) and written."""

    what: str
    wanted: object
    read: Callable[[], Sequence[object]]
    write: Callable[[], object]

    @property
    def done(self) -> bool:
        """Whether every channel is as wanted."""
        return all(value == self.wanted for value in self.read())


class CardMixer:
    """Sets what the config wants of the cards' elements; never raises, for a phone without a mixer is a phone."""

    def __init__(self, wanted: Sequence[ElementSetting]) -> None:
        self._wanted = wanted

    def apply(self, controls: Sequence[str]) -> str:
        """Set every element on each card that has it; return in one line what is wrong, "" for nothing.

        ``controls``: names of ALSA control devices, as ``hw:1``.
        """
        if not self._wanted:
            return ""
        elements: dict[str, list[str]] = {}
        faults: list[str] = []
        for control in controls:
            try:
                elements[control] = [str(name) for name in alsaaudio.mixers(device=control)]
            except alsaaudio.ALSAAudioError as error:
                faults.append(f"the mixer of {control} cannot be opened ({_reason(error)})")
        missing: list[str] = []
        for setting in self._wanted:
            name, index = split_name(setting.name)
            homes = [control for control, names in elements.items() if names.count(name) > index]
            faults += [fault for control in homes if (fault := _set(control, setting))]
            if not homes and not setting.optional:
                missing.append(setting.name)
        if missing and not faults:  # of a mixer that cannot be opened nothing is known
            faults.append(_lack(missing, elements))
        look = " and ".join(f"`{_look(control)}`" for control in controls)
        return f"audio.mixer: {'; '.join(faults)}: see {look}" if faults else ""


def split_name(name: str) -> tuple[str, int]:
    """Return an element's name and index, 0 where none is said: ``Headset,1``."""
    bare, comma, index = name.rpartition(",")
    return (bare, int(index)) if comma and bare and index.isascii() and index.isdigit() else (name, 0)


def _set(control: str, setting: ElementSetting) -> str:
    """Set one element; return what is wrong."""
    try:
        with _opened(control, setting.name) as handle:
            todo = [step for step in _steps(handle, setting) if not step.done]
            for step in todo:
                # pyalsaaudio takes a plug-in's 1, "changed", for an error; whether it is one is read below.
                with suppress(alsaaudio.ALSAAudioError):
                    step.write()
        if not todo:
            return ""
        with _opened(control, setting.name) as handle:
            refused = [step.what for step in _steps(handle, setting) if not step.done]
    except ElementError as error:
        return str(error)
    except alsaaudio.ALSAAudioError as error:
        return f'"{setting.name}" cannot be set ({_reason(error)})'
    return f'"{setting.name}" did not take: {" and ".join(refused)}' if refused else ""


@contextmanager
def _opened(control: str, name: str) -> "Iterator[alsaaudio.Mixer]":
    bare, index = split_name(name)
    handle = alsaaudio.Mixer(control=bare, id=index, device=control)
    try:
        yield handle
    finally:
        handle.close()


def _steps(handle: "alsaaudio.Mixer", setting: ElementSetting) -> list[Step]:
    """Return what makes the element as it is wanted. Raises ElementError where it cannot be that."""
    if setting.choice is not None:
        return [_choice(handle, setting.name, setting.choice)]
    steps: list[Step] = []
    if setting.either is not None:
        side: Side = "capture" if _has(handle, "capture") else "playback"
        steps += _side(handle, setting.name, side, setting.either)
    if setting.playback is not None:
        steps += _side(handle, setting.name, "playback", setting.playback)
    if setting.capture is not None:
        steps += _side(handle, setting.name, "capture", setting.capture)
    return steps


def _has(handle: "alsaaudio.Mixer", side: Side) -> bool:
    return _volume(handle, side) or _switch(handle, side)


def _volume(handle: "alsaaudio.Mixer", side: Side) -> bool:
    """Whether this side has a volume; one that both have in common counts as playback's."""
    names = {"playback": {"Volume", "Playback Volume"}, "capture": {"Capture Volume"}}[side]
    return not names.isdisjoint(handle.volumecap())


def _switch(handle: "alsaaudio.Mixer", side: Side) -> bool:
    names = {"playback": {"Mute", "Playback Mute"}, "capture": {"Capture Mute"}}[side]
    return not names.isdisjoint(handle.switchcap())


def _side(handle: "alsaaudio.Mixer", name: str, side: Side, level: Level) -> list[Step]:
    steps: list[Step] = []
    if isinstance(level, int):
        if not _volume(handle, side):
            raise ElementError(f'"{name}" has no {side} volume')
        kind = alsaaudio.PCM_CAPTURE if side == "capture" else alsaaudio.PCM_PLAYBACK
        least, most = handle.getrange(pcmtype=kind, units=alsaaudio.VOLUME_UNITS_RAW)
        raw = least + round((most - least) * level / 100)
        steps.append(
            Step(
                f"{side} volume of {level}%",
                raw,
                lambda: list(handle.getvolume(pcmtype=kind, units=alsaaudio.VOLUME_UNITS_RAW)),
                lambda: handle.setvolume(raw, pcmtype=kind, units=alsaaudio.VOLUME_UNITS_RAW),
            )
        )
        if not _switch(handle, side):
            return steps
    elif not _switch(handle, side):
        raise ElementError(f'"{name}" has no {side} switch')
    on = int(level != "off")
    words = f"{side} switch {'on' if on else 'off'}"
    if side == "capture":
        return [*steps, Step(words, on, handle.getrec, lambda: handle.setrec(on))]
    return [*steps, Step(words, 1 - on, handle.getmute, lambda: handle.setmute(1 - on))]


def _choice(handle: "alsaaudio.Mixer", name: str, choice: str) -> Step:
    found = handle.getenum()
    items = [str(item) for item in found[1]] if found else []
    if choice not in items:
        offers = f"offers {', '.join(items)}" if items else "offers no choice"
        raise ElementError(f'"{name}" {offers}, and not {choice}')
    return Step(f"choice {choice}", choice, lambda: [handle.getenum()[0]], lambda: handle.setenum(items.index(choice)))


def _lack(missing: Sequence[str], elements: dict[str, list[str]]) -> str:
    named = ", ".join(f'"{name}"' for name in missing)
    there = list(dict.fromkeys(name for names in elements.values() for name in names))
    more = ", ..." if len(there) > _MOST_NAMES else ""
    return f"the card has no {named}; it has {', '.join(there[:_MOST_NAMES]) or 'no mixer at all'}{more}"


def _look(control: str) -> str:
    """Return the command that shows a card's elements."""
    card = control.removeprefix("hw:")
    return f"amixer -c {card} scontents" if card != control else f"amixer -D {control} scontents"


def _reason(error: Exception) -> str:
    return str(error).rpartition(" [")[0] or str(error)
