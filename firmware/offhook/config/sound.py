"""The sound card."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from offhook.config.mixer import Mixer
from offhook.config.scalars import DECIMAL, WHOLE, filled, wrong
from offhook.config.section import Section

_NUMBERED = re.compile(r"(?:plug|d)?(?:hw|mix|snoop|front|surround\d+|sysdefault|default):(?:CARD=)?\d", re.IGNORECASE)


def pcm_name(value: object) -> str:
    """Return the name of an ALSA PCM; cards by number are refused, since numbers move between boots."""
    source = filled(value)
    if _NUMBERED.match(source):
        raise wrong(
            "names a card by its number, which changes between boots: write hw:CARD=NAME (`arecord -l` shows it)"
        )
    if len(source) > 200 or source.startswith("-"):
        raise wrong("is not the name of an ALSA device such as hw:CARD=Device or default")
    return source


PcmName = Annotated[str, BeforeValidator(pcm_name)]


class Audio(Section):
    """Microphone and loudspeaker of the handset."""

    capture: PcmName | None = None
    """ALSA device of the microphone. Neither device set: no card; the simulator's page takes the place of both."""
    playback: PcmName | None = None
    """ALSA device of the ear piece."""
    period_ms: Annotated[int, Field(ge=5, le=40, multiple_of=5), WHOLE] = 10
    """Milliseconds of sound that are read and written at a time: 5 to 40 by 5; less is quicker and costs more power."""
    ear_gain_db: Annotated[float, Field(ge=-40, le=20), DECIMAL] = 0.0
    """Gain towards the ear."""
    mic_gain_db: Annotated[float, Field(ge=-40, le=40), DECIMAL] = 0.0
    """Gain of the microphone."""
    ear_limit_dbfs: Annotated[float, Field(ge=-40, le=0), DECIMAL] = -3.0
    """No sample louder than this reaches the ear (acoustic limiter)."""
    mixer: Mixer = Field(default_factory=dict)
    """What the card's mixer shall be, as in the [board file](#audio-board); it is laid over the board's own."""

    @model_validator(mode="after")
    def _both_or_none(self) -> "Audio":
        if (self.capture is None) != (self.playback is None):
            missing = "capture" if self.capture is None else "playback"
            raise wrong(f"{missing} is missing: name both devices, or neither")
        return self
