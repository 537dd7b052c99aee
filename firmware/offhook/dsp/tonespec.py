"""Call-progress tones in writing: the notation of the national plans.

A tone is a list of elements, ``frequencies:milliseconds`` each, in a notation near to that of ITU-T E.180:

======================  =============================================================
``425``                 continuous
``350+440``             a sum
``400*25``              400 Hz, amplitude modulated by 25 Hz
``425:500 -:500``       half a second on, half a second off, for ever
``3(425:100 -:100) 425``  three bursts once, then continuous
``!950:330 !1400:330``  each once, then silence
======================  =============================================================

Elements marked ``!``, or repeated by a number and brackets, are played once; the others loop.
Nothing here needs numpy: signalling reads the plans too.
"""

import re

from msgspec import Struct

from offhook.dsp.errors import ToneError

_TOKEN = re.compile(r"(\d+)\(([^()]*)\)|(\S+)")
_ELEMENT = re.compile(r"(!)?(?:(-)|(\d+(?:\+\d+)*)(?:\*(\d+))?)(?::(\d+))?")


class Element(Struct, frozen=True):
    """A stretch of one sound or of silence.

    Attributes:
        frequencies: Hz, all at the tone's level; empty for silence.
        modulation: Hz of amplitude modulation, 0 for none.
        ms: how long, None for ever.
        once: not part of the loop.
    """

    frequencies: tuple[int, ...]
    modulation: int = 0
    ms: int | None = None
    once: bool = False


class Tone(Struct, frozen=True):
    """What is to be heard.

    Attributes:
        elements: at least one.
        dbm0: level of each frequency.
        rise_db: how much softer than ``dbm0`` the tone begins; it rises evenly over ``rise_s`` seconds.
    """

    elements: tuple[Element, ...]
    dbm0: float = -13.0
    rise_db: float = 0.0
    rise_s: float = 0.0


def parse(text: str) -> tuple[Element, ...]:
    """Read the notation above. Raises :class:`ToneError`."""
    elements: list[Element] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if text[end : token.start()].strip():
            break
        end = token.end()
        count, group, single = token.groups()
        if single is None:
            elements += [_element(part, True) for part in group.split()] * int(count)
        else:
            elements.append(_element(single, False))
    if text[end:].strip() or not elements or len(elements) > 200:
        raise ToneError(f"{text!r} is not a tone: write elements like 425:500 -:500, or 3(425:100 -:100) 425")
    endless = [element.ms is None for element in elements]
    if any(endless[:-1]):
        raise ToneError(f"{text!r}: only the last element may go without a length, give the others one (425:500)")
    return tuple(elements)


def _element(text: str, once: bool) -> Element:
    match = _ELEMENT.fullmatch(text)
    if match is None:
        raise ToneError(f"{text!r} is not an element of a tone: write 425:500, 350+440:500, 400*25:500 or -:500")
    mark, silence, sum_, modulation, length = match.groups()
    frequencies = () if silence else tuple(int(frequency) for frequency in sum_.split("+"))
    if any(not 20 <= frequency <= 3900 for frequency in frequencies):
        raise ToneError(f"{text!r}: a telephone carries 20 to 3900 Hz, choose frequencies within")
    ms = int(length) if length else None
    if ms is not None and not 0 < ms <= 600_000:
        raise ToneError(f"{text!r}: an element lasts 1 ms to 10 minutes, or for ever if no length is given")
    return Element(frequencies, int(modulation or 0), ms, once or bool(mark))
