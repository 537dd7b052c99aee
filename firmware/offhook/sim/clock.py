"""The talking clock at 105: "at the tone it is ...", and the tone at that moment."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from offhook.errors import OffhookError
from offhook.sim.voices import RATE, Script, beep, spoken

_EVERY_S = 10
_LEAD_S = 5  # rendering the words, and saying them
_BREATH_S = 0.6
_TONE = beep(1000, 250, 0)

Speaker = Callable[[str], Awaitable[Path | None]]


def words(stroke: datetime) -> str:
    """Return what is said before the tone."""
    hour, minute, second = stroke.hour, stroke.minute, stroke.second
    hours = f"{hour} hour{'' if hour == 1 else 's'}"
    minutes = f"{minute} minute{'' if minute == 1 else 's'}"
    seconds = f"and {second} seconds" if second else "precisely"
    return f"At the tone it is {hours}, {minutes}, {seconds}."


def next_stroke(now: datetime) -> datetime:
    """Return the next full ten seconds that leave time for the words."""
    soon = now + timedelta(seconds=_LEAD_S)
    whole = soon.replace(microsecond=0, second=soon.second // _EVERY_S * _EVERY_S)
    return whole if whole == soon else whole + timedelta(seconds=_EVERY_S)


async def tell_time(voice: Script, speak: Speaker, clock: Callable[[], datetime] = datetime.now) -> None:
    """Tell the time until cancelled; without words the tones remain."""
    while True:
        stroke = next_stroke(clock())
        path = await speak(words(stroke))
        if path is not None:
            try:
                sentence = spoken(path)
            except OffhookError:
                sentence = None
            if sentence is not None:
                await _until(stroke - timedelta(seconds=len(sentence) / RATE + _BREATH_S), clock)
                voice.say(sentence)
        await _until(stroke, clock)
        voice.say(_TONE)


async def _until(moment: datetime, clock: Callable[[], datetime]) -> None:
    await asyncio.sleep(max(0.0, (moment - clock()).total_seconds()))
