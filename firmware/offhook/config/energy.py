"""Mains and battery."""

from typing import Annotated

from pydantic import Field, model_validator

from offhook.config.scalars import DECIMAL, Text, wrong
from offhook.config.section import Section

Percent = Annotated[float, Field(ge=0, le=100), DECIMAL]


class Power(Section):
    """When the phone says that it runs on battery, saves power, and switches itself off."""

    supply: Text = "/sys/class/power_supply"
    """Root of the kernel's power supply tree."""
    low_percent: Percent = 25.0
    """At or below this charge the battery is low."""
    low_runtime_s: Annotated[float, Field(ge=0, le=604800), DECIMAL] = 7200.0
    """At or below this predicted time the battery is low."""
    critical_percent: Percent = 5.0
    """At or below this charge the phone prepares to switch off."""
    critical_runtime_s: Annotated[float, Field(ge=0, le=604800), DECIMAL] = 180.0
    """At or below this predicted time the phone prepares to switch off."""
    critical_volts: Annotated[float, Field(ge=1, le=60), DECIMAL] | None = None
    """At or below this battery voltage the phone prepares to switch off. Not set: voltage decides nothing."""
    capacity_mah: Annotated[float, Field(ge=1, le=1000000), DECIMAL] | None = None
    """Charge of a full battery in mAh, for boards that measure current. Not set: not known."""
    full_runtime_s: Annotated[float, Field(ge=60, le=2592000), DECIMAL] | None = None
    """What a full battery lasts, told until a slope is measured. Not set: nothing is promised before."""
    outage_debounce_s: Annotated[float, Field(ge=0, le=60), DECIMAL] = 2.0
    """Mains must be gone for so long to count as lost."""
    restore_debounce_s: Annotated[float, Field(ge=0, le=600), DECIMAL] = 5.0
    """Mains must be back for so long to count as restored."""
    shutdown_after_s: Annotated[float, Field(ge=0, le=3600), DECIMAL] = 30.0
    """A critical battery switches the phone off after so long; never during an emergency call."""

    @model_validator(mode="after")
    def _critical_is_below_low(self) -> "Power":
        if self.critical_percent >= self.low_percent:
            raise wrong("must be below low_percent", field="critical_percent")
        return self
