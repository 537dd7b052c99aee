"""WAV files for peers."""

import wave
from pathlib import Path


def write_silence(path: Path, seconds: float) -> None:
    """A WAV of nothing, 8 kHz mono."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(int(seconds * 8000) * 2))
