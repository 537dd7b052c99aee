"""Between a card's frames and the line's int16 mono at 8 kHz."""

import numpy as np

from offhook.dsp.resample import Downsampler, Upsampler
from offhook.media.device import RATE, Samples
from offhook.media.form import PcmForm

_S16, _S32 = np.dtype("<i2"), np.dtype("<i4")


class CardToLine:
    """Octets of a capture PCM to line samples: the first channel, the upper 16 bits, 8 kHz."""

    def __init__(self, form: PcmForm) -> None:
        self._channels = form.channels
        self._wide = form.width == 4
        self._as_it_is = form.channels == 1 and not self._wide and _S16.isnative
        self._resampler = Downsampler(form.rate // RATE) if form.rate != RATE else None

    def __call__(self, data: bytes) -> Samples:
        """Convert whole frames."""
        every = slice(None, None, self._channels)
        if self._as_it_is:
            samples: Samples = np.frombuffer(data, _S16)
        elif self._wide:
            samples = (np.frombuffer(data, _S32)[every] >> 16).astype(np.int16)
        else:
            samples = np.frombuffer(data, _S16)[every].astype(np.int16)
        return samples if self._resampler is None else self._resampler.process(samples)


class LineToCard:
    """Line samples to octets of a playback PCM: every channel the same."""

    def __init__(self, form: PcmForm) -> None:
        self._form = form
        self._resampler = Upsampler(form.rate // RATE) if form.rate != RATE else None

    def __call__(self, samples: Samples) -> bytes:
        """Convert."""
        form = self._form
        if self._resampler is not None and len(samples):
            samples = self._resampler.process(samples)
        frames = samples if form.channels == 1 else np.repeat(samples, form.channels)
        if form.width == 4:
            return (frames.astype(_S32) << 16).tobytes()
        return frames.tobytes() if _S16.isnative else frames.astype(_S16).tobytes()

    def silence(self, samples: int) -> bytes:
        """Return the octets of so many line samples of silence."""
        return bytes(samples * self._form.rate // RATE * self._form.frame_bytes)
