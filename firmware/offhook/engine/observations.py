"""What can be seen of the phone from outside: small frozen values for sockets, page and journal.

Each has :meth:`to_json`, the form that the board socket's contract names: a flat dict with an ``event`` key. The
stamp ``t`` (seconds on CLOCK_MONOTONIC) is added by whoever fans it out, except where the value carries its own.
"""

from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import asdict

Json = str | int | float | bool | None


class Observation(Struct, frozen=True):
    """Base of all observations; ``event`` is the name on the wire."""

    event: ClassVar[str]

    def to_json(self) -> dict[str, Json]:
        """Return the flat dict that watchers are sent."""
        return {"event": self.event} | asdict(self)


class RingerSeen(Observation, frozen=True):
    """The ringer starts or stops; ``cadence`` as ``on,off,...`` in milliseconds."""

    event: ClassVar[str] = "ringer"
    on: bool
    cadence: str = ""


class LampSeen(Observation, frozen=True):
    """A lamp changes."""

    event: ClassVar[str] = "lamp"
    name: str
    state: Literal["on", "off", "blink"]


class ToneSeen(Observation, frozen=True):
    """A tone starts (``t``: its first sample was handed to the card) or ``none`` does."""

    event: ClassVar[str] = "tone"
    name: str
    t: float


class SaySeen(Observation, frozen=True):
    """A spoken prompt starts."""

    event: ClassVar[str] = "say"
    text: str


class StateSeen(Observation, frozen=True):
    """The phone machine entered a state."""

    event: ClassVar[str] = "state"
    phone: str


class CallSeen(Observation, frozen=True):
    """A call changed state: ``calling ringing early talking held ending ended failed``; ``call`` is its id."""

    event: ClassVar[str] = "call"
    state: str
    peer: str
    direction: Literal["in", "out"]
    emergency: bool
    status: int = 0
    reason: str = ""
    call: str = ""
    account: str = ""


class DtmfSeen(Observation, frozen=True):
    """A DTMF digit was sent or received."""

    event: ClassVar[str] = "dtmf"
    digit: str
    direction: Literal["in", "out"]


class RegistrationSeen(Observation, frozen=True):
    """An account's registration changed."""

    event: ClassVar[str] = "registration"
    account: str
    state: str
    reason: str = ""


class PowerSeen(Observation, frozen=True):
    """The power machine entered a state."""

    event: ClassVar[str] = "power"
    state: str


class PowerOffSeen(Observation, frozen=True):
    """The board was told to switch off."""

    event: ClassVar[str] = "poweroff"


class ConfigSeen(Observation, frozen=True):
    """A provisioned config was fetched, refused, applied, kept or rolled back."""

    event: ClassVar[str] = "config"
    state: str
    serial: str
    detail: str = ""
