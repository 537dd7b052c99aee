"""Spoken prompts: short 8 kHz mono WAV files, rendered before."""

import wave

import numpy as np

from offhook.media.device import RATE, Samples

_MOST_S = 120


def load_prompt(path: str) -> Samples:
    """Return the samples of a WAV file; none at all where it cannot be used, since a prompt is never worth a fault."""
    try:
        with wave.open(path, "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                return np.zeros(0, np.int16)
            data = file.readframes(min(file.getnframes(), _MOST_S * RATE))
    except (OSError, EOFError, ValueError, wave.Error):  # ValueError: a path that is none
        return np.zeros(0, np.int16)
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
