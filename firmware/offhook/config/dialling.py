"""Dialling and the phone's own timers."""

from typing import Annotated

from pydantic import Field, model_validator

from offhook.config.scalars import DECIMAL, WHOLE, Digits, wrong
from offhook.config.section import Section


class Dialling(Section):
    """Waiting for digits. `#` always sends at once."""

    first_digit_s: Annotated[float, Field(ge=1, le=300), DECIMAL] = 20.0
    """Dial tone gives way to reorder tone after so many seconds without a digit."""
    interdigit_s: Annotated[float, Field(ge=0.5, le=60), DECIMAL] = 10.0
    """Wait for the next digit while the number cannot be complete."""
    interdigit_short_s: Annotated[float, Field(ge=0.5, le=60), DECIMAL] = 3.0
    """Wait for a further digit where the number is complete but a longer one is possible."""
    outside_prefix: Digits | None = None
    """Digits for an outside line; emergency numbers are known with them and without."""


class PhoneTimers(Section):
    """What the phone does by itself when nothing happens, and the hook."""

    ring_timeout_s: Annotated[float, Field(ge=5, le=600), DECIMAL] = 180.0
    """A call that nobody takes is refused after so long."""
    reorder_s: Annotated[float, Field(ge=1, le=600), DECIMAL] = 30.0
    """Busy, reorder and information tones play for so long; then the howler begins."""
    howler_s: Annotated[float, Field(ge=0, le=600), DECIMAL] = 60.0
    """The howler plays for so long; then silence until the handset is put back."""
    flash_min_ms: Annotated[int, Field(ge=20, le=1000), WHOLE] | None = None
    """Shortest press of the hook that counts as a flash. Not set: what the country's network uses."""
    flash_max_ms: Annotated[int, Field(ge=50, le=2000), WHOLE] | None = None
    """Longest press of the hook that counts as a flash; longer is a hang-up. Not set: by country."""

    @model_validator(mode="after")
    def _flash_window_rises(self) -> "PhoneTimers":
        low, high = self.flash_min_ms, self.flash_max_ms
        if low is not None and high is not None and low >= high:
            raise wrong("must be longer than flash_min_ms", field="flash_max_ms")
        return self
