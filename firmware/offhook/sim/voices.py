"""What the numbers of the built-in exchange say: echo, milliwatt, talking clock, a desk that answers."""

import wave
from collections import deque
from pathlib import Path

import numpy as np

from offhook.dsp.codecs import g711
from offhook.sim.rtpend import FRAME, Frame

_RATE = 8000
_MILLIWATT_HZ = 1004  # ITU-T O.133 and North American practice: not a divisor of the sampling rate
_MILLIWATT_PEAK = 22_700  # 0 dBm0 is 3.14 dB below the peak sine of mu-law (ITU-T G.711 table 5, note)


class Echo:
    """Says what it heard a moment later, so that a person can tell it from sidetone."""

    def __init__(self, delay_frames: int = 20) -> None:
        self._heard: deque[bytes] = deque(maxlen=4 * delay_frames)
        self._wait = delay_frames

    def heard(self, payload: bytes) -> None:
        """Keep a frame."""
        self._heard.append(payload)

    def speak(self) -> bytes | None:
        """Return the frame that was heard ``delay_frames`` ago."""
        return self._heard.popleft() if len(self._heard) > self._wait else None


class Loop:
    """Says the same samples again and again."""

    def __init__(self, samples: Frame) -> None:
        pad = -len(samples) % FRAME
        coded = g711.encode_ulaw(np.concatenate([samples, np.zeros(pad, np.int16)]))
        self._frames = deque(bytes(coded)[i : i + FRAME] for i in range(0, len(coded), FRAME))

    def heard(self, payload: bytes) -> None:
        """Listen to nothing."""

    def speak(self) -> bytes | None:
        """Return the next frame."""
        frame = self._frames[0]
        self._frames.rotate(-1)
        return frame


def milliwatt() -> Frame:
    """Return one second of 1004 Hz at 0 dBm0, which loops without a seam."""
    t = np.arange(_RATE) / _RATE
    return np.asarray(_MILLIWATT_PEAK * np.sin(2 * np.pi * _MILLIWATT_HZ * t), dtype=np.int16)


def beep(hz: int, on_ms: int, off_ms: int) -> Frame:
    """Return a soft beep followed by silence."""
    count = _RATE * on_ms // 1000
    t = np.arange(count) / _RATE
    edge = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / 80)
    tone = np.asarray(6000 * edge * np.sin(2 * np.pi * hz * t), dtype=np.int16)
    return np.concatenate([tone, np.zeros(_RATE * off_ms // 1000, np.int16)])


def spoken(path: Path, pause_ms: int) -> Frame:
    """Return a rendered prompt (8 kHz mono S16) followed by a pause."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return np.concatenate([samples, np.zeros(_RATE * pause_ms // 1000, np.int16)])
