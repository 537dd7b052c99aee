"""Playing a little faster or slower: one pitch period of speech is taken out or put in, unheard.

Two clocks never agree (100 ppm are 20 ms in 200 s), and a jitter buffer wants less delay when the path is quiet. Both
are served by joining speech to itself one period later (or earlier) with a cross-fade where the two are alike, or
anywhere in a pause. The idea is that of WebRTC's NetEQ and of WSOLA.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

SHORTEST, LONGEST = 20, 120  # samples of 8 kHz: 2.5 to 15 ms
_FADE = 40
_ALIKE = 0.85  # normalised correlation from which on a join is not heard
_QUIET = 60.0  # RMS below which anything may be joined: -54.8 dBFS


def _fade(first: Samples, second: Samples) -> Samples:
    weight = np.arange(1, len(first) + 1) / (len(first) + 1)
    mixed: Samples = np.rint(first * (1 - weight) + second * weight).astype(np.int16)
    return mixed


def shorten(samples: Samples, most: int, amid_speech: bool = True) -> tuple[Samples, int]:
    """Return ``samples`` with one period of at most ``most`` samples removed, and how many that were.

    The join lies at the beginning, where the result leaves ``samples[0]`` as it is; 0 and the samples themselves when
    nothing fits, or where this is no pause and must be one. Needs at least ``SHORTEST + 40`` samples.
    """
    most = min(most, LONGEST, len(samples) - _FADE)
    if most < SHORTEST or not (amid_speech or _is_pause(samples[: most + _FADE])):
        return samples, 0
    lag = _best_lag(samples[:_FADE], samples[SHORTEST : most + _FADE])
    if lag is None:
        return samples, 0
    lag += SHORTEST
    joined = _fade(samples[:_FADE], samples[lag : lag + _FADE])
    return np.concatenate([joined, samples[lag + _FADE :]]), lag


def lengthen(past: Samples, samples: Samples, most: int) -> tuple[Samples, int]:
    """Return ``samples`` with one period of ``past`` put in before them, and how many samples that were.

    ``past`` is what was played just before, at least ``LONGEST + 40`` samples of it. 0 when nothing fits.
    """
    most = min(most, LONGEST, len(past) - _FADE)
    if most < SHORTEST or len(samples) < _FADE:
        return samples, 0
    # Candidates for the join begin ``lag`` samples before the end of the past; the window is by falling lag.
    known = np.concatenate([past, samples[:_FADE]])
    window = known[len(past) - most : len(past) - SHORTEST + _FADE]
    best = _best_lag(samples[:_FADE], window)
    if best is None:
        return samples, 0
    lag = most - best
    again = known[len(past) - lag : len(past) - lag + _FADE]
    joined = _fade(samples[:_FADE], again)
    rest = known[len(past) - lag + _FADE : len(past)]
    if lag < _FADE:  # the fade itself reaches into ``samples``
        return np.concatenate([joined, samples[_FADE - lag :]]), lag
    return np.concatenate([joined, rest, samples]), lag


def _is_pause(samples: Samples) -> bool:
    wide = samples.astype(np.float32)
    return float(wide @ wide) < len(wide) * _QUIET**2


def _best_lag(target: Samples, candidates: Samples) -> int | None:
    """Return where in ``candidates`` the part most like ``target`` begins, None if none is like it."""
    wide, looked = target.astype(np.float32), candidates.astype(np.float32)
    size = len(target)
    energy = float(wide @ wide)
    sums = np.concatenate([np.zeros(1), np.cumsum(np.square(looked, dtype=np.float64))])
    energies = sums[size:] - sums[:-size]
    if energy < size * _QUIET**2 and energies.max() < size * _QUIET**2:
        return len(energies) - 1 if len(energies) else None
    products = np.correlate(looked, wide, "valid")
    alike = products / np.sqrt(np.maximum(energies, 1.0) * max(energy, 1.0))
    best = int(np.argmax(alike))
    return best if alike[best] >= _ALIKE else None
