"""Recorded speech for the end-to-end tests, and how well it came through (PESQ, ITU-T P.862, narrow band).

The prompts are those of Debian's ``asterisk-core-sounds-en-wav``, joined to segments of 8 s with a pause between two.
"""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
RATE = 8000
SEGMENT_S = 8.0
LEVEL_DBOV = -20.0  # of what is not silence: what G.711 carries best without the limiter coming near
Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speech:
    """Speech that somebody says: the WAV file, its samples in -1..1, and where each segment begins (samples)."""

    path: Path
    samples: Samples
    starts: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """How long it takes to the end of the last segment; silence follows."""
        return self.starts[-1] / RATE + SEGMENT_S


@dataclass(frozen=True, slots=True)
class Quality:
    """PESQ-NB (MOS-LQO by P.862.1) of each segment, and by how many seconds the recording is late."""

    scores: tuple[float, ...]
    delays_s: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the segments."""
        return sum(self.scores) / len(self.scores)


def read_wav(path: Path, rate: int = RATE) -> Samples:
    """Samples of a 16-bit WAV in -1..1, its first channel, decimated to ``rate`` where it is a multiple of that."""
    with wave.open(str(path), "rb") as wav:
        data = np.frombuffer(wav.readframes(wav.getnframes()), dtype="<i2").astype(np.float64) / 32768
        data = data[:: wav.getnchannels()]
        factor, rest = divmod(wav.getframerate(), rate)
    if rest:
        raise ValueError(f"{path}: rate is not a multiple of {rate}")
    return decimate(data, factor)


def decimate(data: Samples, factor: int) -> Samples:
    """Lower the rate by a whole factor, with a windowed-sinc low pass before it."""
    if factor == 1:
        return data
    taps = 32 * factor + 1
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(n * 0.92 / factor) * np.hamming(taps)
    return np.convolve(data, kernel / kernel.sum(), "same")[::factor]


def interpolate(data: Samples, factor: int) -> Samples:
    """Raise the rate by a whole factor, with a windowed-sinc low pass after it."""
    if factor == 1:
        return data
    taps = 64 * factor + 1
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(n / factor) * np.kaiser(taps, 9)
    wide = np.zeros(len(data) * factor)
    wide[::factor] = data
    size = 1 << (len(wide) + taps).bit_length()
    full = np.fft.irfft(np.fft.rfft(wide, size) * np.fft.rfft(kernel, size), size)
    return full[taps // 2 : taps // 2 + len(wide)]


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> None:
    """Write -1..1 as 16 bit mono."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def make_speech(path: Path, segments: int = 4, lead_s: float = 1.5, first: int = 0) -> Speech:
    """Write ``segments`` segments of 8 s after ``lead_s`` of silence; another ``first`` takes other prompts."""
    candidates = sorted(PROMPTS.glob("*.wav"))
    voices = [path for path in candidates if 2.0 <= path.stat().st_size / 2 / RATE <= 5.0][first::2]
    lead = np.zeros(int(lead_s * RATE))
    parts, starts, length = [lead], [], len(lead)
    for _ in range(segments):
        starts.append(length)
        segment = np.zeros(0)
        while len(segment) < SEGMENT_S * RATE:
            segment = np.concatenate([segment, read_wav(voices.pop(0)), np.zeros(int(0.4 * RATE))])
        segment = segment[: int(SEGMENT_S * RATE)].copy()
        fade = np.linspace(1, 0, 400)
        segment[-400:] *= fade
        active = segment[np.abs(segment) > 0.005]
        segment *= 10 ** (LEVEL_DBOV / 20) / np.sqrt(np.mean(active**2))
        parts.append(segment)
        length += len(segment)
    samples = np.concatenate([*parts, np.zeros(10 * RATE)])  # baresip ends the call at the end of its file
    write_wav(path, samples)
    return Speech(path, samples, tuple(starts))


def delay_of(reference: Samples, recording: Samples) -> int:
    """By how many samples ``recording`` is later than ``reference`` (cross-correlation)."""
    size = 1 << (len(reference) + len(recording)).bit_length()
    product = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(reference, size))
    lag = int(np.argmax(np.fft.irfft(product, size)))
    return lag if lag < size // 2 else lag - size


def quality(speech: Speech, recording: Samples) -> Quality:
    """Compare each segment with where it is found in the recording (8 kHz)."""
    from pesq import pesq  # compiled: not every room that uses this module needs it

    length = int(SEGMENT_S * RATE)
    whole = delay_of(speech.samples, recording)
    scores, delays = [], []
    for start in speech.starts:
        reference = speech.samples[start : start + length]
        margin = 3 * RATE  # losses that were not filled in shift what follows
        begin = max(0, start + whole - margin)
        part = recording[begin : start + whole + length + margin]
        offset = begin + delay_of(reference, part)
        heard = recording[max(0, offset) : offset + length]
        if len(heard) < length * 0.95:
            raise AssertionError(
                f"the segment at {start / RATE:.1f} s is not in the recording of {len(recording)} samples"
            )
        scores.append(float(pesq(RATE, reference[: len(heard)], heard, "nb")))
        delays.append((offset - start) / RATE)
    return Quality(tuple(scores), tuple(delays))
