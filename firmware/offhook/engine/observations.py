"""What can be seen of the phone from outside: small frozen values for sockets, page and journal.

Each has :meth:`to_json`, the form that the board socket's contract names: a flat dict with an ``event`` key. The
stamp ``t`` (seconds on CLOCK_MONOTONIC) is added by whoever fans it out, except where the value carries its own.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

Json = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Observation:
    """Base of all observations; ``event`` is the name on the wire."""

    event: ClassVar[str]

    def to_json(self) -> dict[str, Json]:
        """Return the flat dict that watchers are sent."""
        return {"event": self.event} | {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class RingerSeen(Observation):
    """The ringer starts or stops; ``cadence`` as ``on,off,...`` in milliseconds."""

    event: ClassVar[str] = "ringer"
    on: bool
    cadence: str = ""


@dataclass(frozen=True, slots=True)
class LampSeen(Observation):
    """A lamp changes."""

    event: ClassVar[str] = "lamp"
    name: str
    state: Literal["on", "off", "blink"]


@dataclass(frozen=True, slots=True)
class ToneSeen(Observation):
    """A tone starts (``t``: its first sample was handed to the card) or ``none`` does."""

    event: ClassVar[str] = "tone"
    name: str
    t: float


@dataclass(frozen=True, slots=True)
class SaySeen(Observation):
    """A spoken prompt starts."""

    event: ClassVar[str] = "say"
    text: str


@dataclass(frozen=True, slots=True)
class StateSeen(Observation):
    """The phone machine entered a state."""

    event: ClassVar[str] = "state"
    phone: str


@dataclass(frozen=True, slots=True)
class CallSeen(Observation):
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


@dataclass(frozen=True, slots=True)
class DtmfSeen(Observation):
    """A DTMF digit was sent or received."""

    event: ClassVar[str] = "dtmf"
    digit: str
    direction: Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class RegistrationSeen(Observation):
    """An account's registration changed."""

    event: ClassVar[str] = "registration"
    account: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PowerSeen(Observation):
    """The power machine entered a state."""

    event: ClassVar[str] = "power"
    state: str


@dataclass(frozen=True, slots=True)
class PowerOffSeen(Observation):
    """The board was told to switch off."""

    event: ClassVar[str] = "poweroff"


@dataclass(frozen=True, slots=True)
class ConfigSeen(Observation):
    """A provisioned config was fetched, refused, applied, kept or rolled back."""

    event: ClassVar[str] = "config"
    state: str
    serial: str
    detail: str = ""
