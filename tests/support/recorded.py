"""Recorded speech for quality tests: Debian's ``asterisk-core-sounds-en-wav``, joined into segments of 8 s."""

import random
import wave
from pathlib import Path

import numpy as np

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
SEGMENT = 64_000  # 8 s at 8 kHz, as ITU-T P.862 wants them
_PAUSE = np.zeros(2400, np.int16)


def _read(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def segments(count: int, seed: int = 5) -> list[np.ndarray]:
    """Return ``count`` segments of int16 speech at 8 kHz, always the same for one seed."""
    paths = sorted(PROMPTS.glob("*.wav"))
    assert paths, f"no prompts in {PROMPTS}: apt-get install asterisk-core-sounds-en-wav"
    random.Random(seed).shuffle(paths)
    found: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    for path in paths:
        samples = _read(path)
        if not 12_000 < len(samples) < 64_000:
            continue
        parts += [samples, _PAUSE]
        if sum(len(part) for part in parts) >= SEGMENT:
            found.append(np.concatenate(parts)[:SEGMENT])
            parts = []
            if len(found) == count:
                return found
    raise AssertionError(f"only {len(found)} segments in {PROMPTS}")
