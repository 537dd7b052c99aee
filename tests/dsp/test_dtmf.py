"""Key tones: the pairs of ITU-T Q.23."""

import numpy as np
import pytest

from offhook.dsp.dtmf import FREQUENCIES, HIGH, LOW, key_tone
from offhook.dsp.errors import ToneError
from offhook.dsp.level import amplitude
from offhook.dsp.tones import ToneGenerator


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_key_sounds_at_its_two_frequencies_and_no_other(digit: str, rate: int) -> None:
    samples = ToneGenerator(key_tone(digit, -13.0), rate).read(rate // 2)[rate // 10 :].astype(float)
    t = np.arange(len(samples)) / rate
    found = {f: 2 * abs(samples @ np.exp(-2j * np.pi * f * t)) / len(samples) for f in (*LOW, *HIGH)}
    strong = {f for f, size in found.items() if size > amplitude(-13) / 2}
    assert strong == set(FREQUENCIES[digit])


def test_there_are_sixteen_keys() -> None:
    assert len(FREQUENCIES) == len(set(FREQUENCIES.values())) == 16
    assert FREQUENCIES["5"] == (770, 1336)
    with pytest.raises(ToneError, match="not a DTMF digit"):
        key_tone("x")
