"""Between a card's frames and the line's int16 mono at 8 kHz."""

import numpy as np

from offhook.media.device import RATE, Samples
from offhook.media.pcm import PcmForm


class CardToLine:
    """Octets of a capture PCM to line samples: the first channel, the upper 16 bits, 8 kHz."""

    def __init__(self, form: PcmForm) -> None:
        self._channels = form.channels
        self._wide = form.width == 4
        self._resample = None

    def __call__(self, data: bytes) -> Samples:
        """Convert whole frames."""
        frames: np.ndarray = np.frombuffer(data, "<i4" if self._wide else "<i2")
        if self._channels > 1:
            frames = frames[:: self._channels]
        return (frames >> 16).astype(np.int16) if self._wide else frames.astype(np.int16, copy=False)


class LineToCard:
    """Line samples to octets of a playback PCM: every channel the same."""

    def __init__(self, form: PcmForm) -> None:
        self._form = form

    def __call__(self, samples: Samples) -> bytes:
        """Convert."""
        form = self._form
        frames = samples if form.channels == 1 else np.repeat(samples, form.channels)
        return (frames.astype("<i4") << 16).tobytes() if form.width == 4 else frames.astype("<i2", copy=False).tobytes()

    def silence(self, samples: int) -> bytes:
        """Return the octets of so many line samples of silence."""
        return bytes(samples * self._form.rate // RATE * self._form.frame_bytes)
