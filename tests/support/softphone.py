"""What the tests ask of every peer that is a phone; baresip and linphonec do it each in their own words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Transport = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Line:
    """How a soft phone is reached and whom it trusts.

    ``server`` is the registrar and proxy as ``ip:port``; without it the soft phone is called directly and registers
    nowhere. ``ca_file`` is what it checks certificates against, ``certificate`` what it shows itself (certificate and
    key in one PEM file). ``srtp``: it demands SRTP with SDES keys.
    """

    user: str
    server: str = ""
    transport: Transport = "udp"
    srtp: bool = False
    answers: bool = False
    ca_file: Path | None = None
    certificate: Path | None = None


class SoftPhone(Protocol):
    """A phone with one call at a time, or two where it says so. Every wait raises ``ChildError`` when time is over."""

    uri: str  # under which it is called: at the registrar, or where it listens

    def dial(self, uri: str) -> None:
        """Call."""

    def accept(self) -> None:
        """Answer the call that rings."""

    def hang_up(self) -> None:
        """Refuse, give up or end the current call."""

    def hold(self) -> None:
        """Hold the current call."""

    def resume(self) -> None:
        """Take the held call back."""

    def transfer(self, uri: str) -> None:
        """Send the peer of the current call to somebody else (blind)."""

    def send_digit(self, digit: str) -> None:
        """Send a DTMF digit (RFC 4733)."""

    def wait_incoming(self) -> None:
        """Wait until a call comes in."""

    def wait_ringing(self) -> None:
        """Wait until the far end of the call that it makes rings."""

    def wait_talking(self) -> None:
        """Wait until a call is up."""

    def wait_held(self) -> None:
        """Wait until the far end has put the call on hold."""

    def wait_taken_back(self) -> None:
        """Wait until the far end has taken the call back from hold."""

    def wait_ended(self) -> None:
        """Wait until a call is over."""

    def wait_digit(self, digit: str) -> None:
        """Wait until this DTMF digit was heard."""

    def recorded(self) -> Path:
        """The recording of what it heard."""

    def clear(self) -> None:
        """End whatever call there still is, and forget what happened."""

    def stop(self) -> None:
        """End it."""
