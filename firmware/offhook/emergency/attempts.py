"""The values of the emergency ladder: accounts and settings in, attempts and actions out."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Transport = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class LadderAccount:
    """An account that can carry the call.

    Attributes:
        name: as the endpoint knows it.
        domain: host of the account's address, for ``sip:<digits>@<domain>``.
        transport: what the account uses for ordinary calls.
        in_service: registered now, or configured to be used without registration. The others are tried too, later.
    """

    name: str
    domain: str
    transport: Transport
    in_service: bool


@dataclass(frozen=True, slots=True)
class LadderSettings:
    """Times of the ladder in seconds.

    Attributes:
        first_response: from starting an attempt, the TCP connect included, to the first response of any kind.
        turn: an account whose refusals have taken this long makes way for the next account before it is asked again.
        overlap: an attempt that has got no further than 100 Trying for this long is left running while the next
            account is tried beside it.
        patience: an attempt that has got no further than 100 Trying for this long is given up.
        pause: before all accounts are tried once more, when all have failed; doubles each time.
        longest_pause: the limit of that doubling.
    """

    first_response: float = 4.0
    turn: float = 3.0
    overlap: float = 6.0
    patience: float = 20.0
    pause: float = 2.0
    longest_pause: float = 8.0


class Form(Enum):
    """What stands in the Request-URI."""

    URN = "urn"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Rung:
    """One way of asking one account."""

    form: Form
    with_location: bool
    transport: Transport


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Send an INVITE to ``target`` through ``account`` over ``transport``, with or without the location.

    ``attempt`` numbers the attempts of one ladder from 1 and is the key of every report back.
    """

    attempt: int
    account: str
    target: str
    with_location: bool
    transport: Transport


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """End this attempt in whatever state it is (CANCEL, or BYE where it was answered meanwhile); do not wait for it."""

    attempt: int


@dataclass(frozen=True, slots=True)
class GiveUpForNow:
    """Every account has failed: tell the caller by voice and tone. The ladder starts again by itself.

    ``retry_in`` is in seconds; ``status`` is the last refusal (0: nobody answered at all); ``round`` counts from 1.
    """

    retry_in: float
    status: int
    round: int


LadderAction = StartAttempt | CancelAttempt | GiveUpForNow
