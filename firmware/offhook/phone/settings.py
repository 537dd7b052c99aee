"""What can be chosen about the phone machine."""

from dataclasses import dataclass

from offhook.phone.actions import Tone


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """Dial plan, emergency numbers and timers; all times in seconds.

    Attributes:
        dialplan: digit map, see :mod:`offhook.phone.dialplan`.
        emergency_numbers: exact strings that place an emergency call whatever the digit map says.
        outside_prefix: digits for an outside line; an emergency number is known with and without them.
        first_digit: dial tone gives way to reorder tone.
        interdigit_long: a number that cannot be complete yet is given up.
        interdigit_short: a number that is complete but could go on is sent.
        emergency_wait: the same for an emergency number that a longer pattern of the digit map begins with.
        ring_limit: a call that nobody takes is refused with 480 (as long as timer C, :rfc:`3261#section-16.6`).
        reorder: reorder, busy and information tones give way to the howler.
        howler: the howler gives way to silence.
        disconnect_tone: what is heard when the other side hangs up (national habit: busy or reorder).
        emergency_failed: spoken when an emergency call could not be placed by any road.
    """

    dialplan: str = "(xx.T|*xx)"
    emergency_numbers: tuple[str, ...] = ()
    outside_prefix: str = ""
    first_digit: float = 20.0
    interdigit_long: float = 10.0
    interdigit_short: float = 3.0
    emergency_wait: float = 2.0
    ring_limit: float = 180.0
    reorder: float = 30.0
    howler: float = 60.0
    disconnect_tone: Tone = Tone.BUSY
    emergency_failed: str = "The emergency call failed. Hang up and try again, or use another telephone."
