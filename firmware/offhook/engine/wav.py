"""Makes a spoken WAV file fit the telephone: any rate in, 8 kHz mono 16 bit out, at a fixed peak.

Without numpy on purpose: a few seconds of speech are converted once in the life of a prompt, and the signalling process
shall not carry 20 MB for that.
"""

import math
import sys
import wave
from array import array
from operator import mul
from pathlib import Path

from offhook.errors import DeviceError

RATE = 8000
_CUTOFF = 3600.0  # Hz, below half the rate by the width of the filter's slope
_ZERO_CROSSINGS = 8
_PEAK = 0.5  # of full scale: about the loudness of a voice call
_LONGEST_S = 60


def to_telephone(source: Path, target: Path) -> None:
    """Write ``source`` (PCM, 16 bit, mono) to ``target`` at 8 kHz; raises :class:`DeviceError` where it is not that.

    Takes about 0.05 s per second of speech here: call it in a thread.
    """
    try:
        with wave.open(str(source), "rb") as file:
            rate = file.getframerate()
            if (file.getnchannels(), file.getsampwidth()) != (1, 2) or not RATE <= rate <= 96_000:
                raise DeviceError(f"{source.name}: the speech program made no mono 16 bit sound; is it espeak-ng?")
            samples = array("h", file.readframes(rate * _LONGEST_S))
    except (wave.Error, EOFError, FileNotFoundError) as error:
        raise DeviceError(f"{source.name}: the speech program made no sound file ({error})") from None
    if not samples:
        raise DeviceError(f"{source.name}: the speech program made an empty file")
    if sys.byteorder == "big":
        samples.byteswap()
    sound = list(map(float, samples)) if rate == RATE else _resample(samples, rate)
    loudest = max(map(abs, sound), default=0.0)
    gain = _PEAK * 32767.0 / loudest if loudest > 0.0 else 0.0
    result = array("h", (round(sample * gain) for sample in sound))
    if sys.byteorder == "big":
        result.byteswap()
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(result.tobytes())


def _resample(samples: "array[int]", rate: int) -> list[float]:
    """Interpolate with a windowed sinc that is also the low-pass filter: one kernel per phase of the two clocks."""
    shared = math.gcd(rate, RATE)
    step, phases = rate // shared, RATE // shared
    half = math.ceil(_ZERO_CROSSINGS * rate / (2.0 * _CUTOFF))
    kernels = [_kernel(phase / phases, half, rate) for phase in range(phases)]
    padding = array("h", bytes(2 * (half + 1)))
    padded = (padding + samples + padding).tolist()
    out = []
    for n in range(len(samples) * phases // step):
        whole, phase = divmod(n * step, phases)
        out.append(sum(map(mul, kernels[phase], padded[whole + 1 : whole + 2 * half + 2])))
    return out


def _kernel(fraction: float, half: int, rate: int) -> list[float]:
    """Return the weights of the samples from ``half`` before to ``half`` after a place ``fraction`` past a sample."""
    width = 2.0 * _CUTOFF / rate
    weights = []
    for tap in range(-half, half + 1):
        distance = tap - fraction
        angle = math.pi * distance * width
        sinc = math.sin(angle) / angle if angle else 1.0
        weights.append(width * sinc * (0.5 + 0.5 * math.cos(math.pi * distance / (half + 1))))
    return weights
