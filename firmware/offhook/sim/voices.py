"""What the numbers of the built-in exchange say: echo, milliwatt, words and beeps."""

import wave
from pathlib import Path

import numpy as np

from offhook.errors import OffhookError
from offhook.sim.rtpend import FRAME, Samples

RATE = 8000
_MILLIWATT_HZ = 1004  # ITU-T O.133 and North American practice: not a divisor of the sampling rate
_MILLIWATT_PEAK = 22_700  # 0 dBm0 is 3.14 dB below the peak sine of mu-law (ITU-T G.711 table 5, note)
_SILENCE = np.zeros(0, np.int16)
_FRAME_OF_SILENCE = np.zeros(FRAME, np.int16)


class Echo:
    """Says what it heard a moment later, so that a person can tell it from sidetone."""

    def __init__(self, delay_s: float = 0.4) -> None:
        self._wait = int(delay_s * RATE)
        self._heard = _SILENCE

    def heard(self, samples: Samples) -> None:
        """Keep what was said; of a burst the end."""
        self._heard = np.concatenate([self._heard, samples])[-4 * self._wait :]

    def speak(self) -> Samples | None:
        """Return what was heard ``delay_s`` ago."""
        if len(self._heard) < self._wait + FRAME:
            return None
        frame, self._heard = self._heard[:FRAME], self._heard[FRAME:]
        return frame


class Loop:
    """Says the same samples again and again."""

    def __init__(self, samples: Samples) -> None:
        """``samples`` must not be empty; they are padded to whole frames."""
        self._frames = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.int16)]).reshape(-1, FRAME)
        self._at = 0

    def heard(self, samples: Samples) -> None:
        """Listen to nothing."""

    def speak(self) -> Samples | None:
        """Return the next frame."""
        frame: Samples = self._frames[self._at]
        self._at = (self._at + 1) % len(self._frames)
        return frame


class Script:
    """Says what it is given to say, and silence meanwhile."""

    def __init__(self) -> None:
        self._words = _SILENCE

    def say(self, samples: Samples) -> None:
        """Say ``samples`` at once; what was being said is cut off."""
        self._words = samples

    def heard(self, samples: Samples) -> None:
        """Listen to nothing."""

    def speak(self) -> Samples | None:
        """Return the next frame."""
        frame, self._words = self._words[:FRAME], self._words[FRAME:]
        return np.concatenate([frame, _FRAME_OF_SILENCE])[:FRAME]


def milliwatt() -> Samples:
    """Return one second of 1004 Hz at 0 dBm0, which loops without a seam."""
    t = np.arange(RATE) / RATE
    return np.asarray(_MILLIWATT_PEAK * np.sin(2 * np.pi * _MILLIWATT_HZ * t), dtype=np.int16)


def beep(hz: int, on_ms: int, off_ms: int) -> Samples:
    """Return a soft beep followed by silence."""
    count = RATE * on_ms // 1000
    t = np.arange(count) / RATE
    edge = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / 80)
    tone = np.asarray(6000 * edge * np.sin(2 * np.pi * hz * t), dtype=np.int16)
    return np.concatenate([tone, np.zeros(RATE * off_ms // 1000, np.int16)])


def spoken(path: Path, pause_ms: int = 0) -> Samples:
    """Return a rendered prompt (8 kHz mono S16) followed by a pause. Raises OffhookError where it cannot be read."""
    try:
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    except (OSError, EOFError, wave.Error) as error:
        raise OffhookError(f"{path} holds no words: {error}; delete it") from error
    return np.concatenate([samples, np.zeros(RATE * pause_ms // 1000, np.int16)])
