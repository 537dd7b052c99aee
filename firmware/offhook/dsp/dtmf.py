"""The sound of keys: DTMF tone pairs (ITU-T Q.23) for the ear, and for lines without telephone events."""

from offhook.dsp.errors import ToneError
from offhook.dsp.tonespec import Element, Tone

LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
FREQUENCIES = {key: (LOW[row], HIGH[column]) for row, keys in enumerate(_KEYS) for column, key in enumerate(keys)}


def key_tone(digit: str, dbm0: float = -13.0) -> Tone:
    """Return the continuous tone of a key at ``dbm0`` for each frequency. Raises :class:`ToneError`."""
    pair = FREQUENCIES.get(digit)
    if pair is None:
        raise ToneError(f"{digit!r} is not a DTMF digit: choose one of {''.join(_KEYS)}")
    return Tone((Element(pair),), dbm0)
