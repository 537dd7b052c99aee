"""Makes a spoken WAV file fit the telephone: any rate in, 8 kHz mono 16 bit out, at a fixed peak."""

import wave
from pathlib import Path
from typing import TYPE_CHECKING

from offhook.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 8000
_CUTOFF = 3600.0  # Hz, below half the rate by the width of the filter's slope
_ZERO_CROSSINGS = 16
_PEAK = 0.5  # of full scale: about the loudness of a voice call
_LONGEST_S = 60
_ROWS = 4000


def to_telephone(source: Path, target: Path) -> None:
    """Write ``source`` (PCM, 16 bit, mono) to ``target`` at 8 kHz; raises :class:`DeviceError` where it is not that."""
    import numpy as np  # only phones that speak pay for it

    try:
        with wave.open(str(source), "rb") as file:
            rate = file.getframerate()
            if (file.getnchannels(), file.getsampwidth()) != (1, 2) or not RATE <= rate <= 96_000:
                raise DeviceError(f"{source.name}: the speech program made no mono 16 bit sound; is it espeak-ng?")
            samples = np.frombuffer(file.readframes(rate * _LONGEST_S), dtype="<i2").astype(np.float32)
    except (wave.Error, EOFError, FileNotFoundError) as error:
        raise DeviceError(f"{source.name}: the speech program made no sound file ({error})") from None
    if not len(samples):
        raise DeviceError(f"{source.name}: the speech program made an empty file")
    if rate != RATE:
        samples = _resample(samples, rate)
    loudest = float(np.abs(samples).max())
    if loudest > 0.0:
        samples = samples * (_PEAK * 32767.0 / loudest)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(samples).astype("<i2").tobytes())


def _resample(samples: "NDArray[np.float32]", rate: int) -> "NDArray[np.float32]":
    """Interpolate with a windowed sinc that is also the low-pass filter; in blocks, to bound the memory."""
    import numpy as np

    half = int(_ZERO_CROSSINGS * rate / (2.0 * _CUTOFF))
    padded = np.pad(samples, half + 1)
    count = int(len(samples) * RATE / rate)
    taps = np.arange(-half, half + 1)
    blocks = []
    for first in range(0, count, _ROWS):
        times = np.arange(first, min(first + _ROWS, count)) * (rate / RATE)
        whole = np.floor(times).astype(np.int64)
        distance = taps[None, :] - (times - whole)[:, None]
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / (half + 1), -1.0, 1.0))
        kernel = np.sinc(distance * (2.0 * _CUTOFF / rate)) * window * (2.0 * _CUTOFF / rate)
        blocks.append((padded[whole[:, None] + taps[None, :] + half + 1] * kernel).sum(axis=1, dtype=np.float32))
    return np.concatenate(blocks) if blocks else samples[:0]
