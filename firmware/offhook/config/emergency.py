"""Emergency calling beyond the country's own numbers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from offhook.config.scalars import DECIMAL, Digits, wrong
from offhook.config.section import Section

Service = Literal[
    "sos",
    "sos.ambulance",
    "sos.animal-control",
    "sos.fire",
    "sos.gas",
    "sos.marine",
    "sos.mountain",
    "sos.physician",
    "sos.poison",
    "sos.police",
]


class EmergencyNumber(Section):
    """A number that is an emergency call here: `"9999"`, or with its service `{number: "9999", service: sos.fire}`."""

    bare_setting: ClassVar[str | None] = "number"

    number: Digits
    """The digits, dialled exactly so."""
    service: Service = "sos"
    """Emergency service (RFC 5031), without `urn:service:`."""

    @property
    def urn(self) -> str:
        """Return the service URN."""
        return f"urn:service:{self.service}"


class Emergency(Section):
    """Emergency calls. The home country's own numbers are always known and need not be listed."""

    numbers: tuple[EmergencyNumber, ...] = ()
    """Further numbers that are emergency calls, dialled exactly so."""
    callback_window_s: Annotated[float, Field(ge=0, le=86400), DECIMAL] = 1800.0
    """After an emergency call the desk's call back is let through for so long (RFC 6881 ED-68: about 30 min)."""
    first_provisional_s: Annotated[float, Field(ge=1, le=30), DECIMAL] = 4.0
    """A server that has said nothing for so long is left for the next account."""

    @field_validator("numbers")
    @classmethod
    def _each_once(cls, value: tuple[EmergencyNumber, ...]) -> tuple[EmergencyNumber, ...]:
        if len({entry.number for entry in value}) != len(value):
            raise wrong("names a number twice: remove one")
        return value
