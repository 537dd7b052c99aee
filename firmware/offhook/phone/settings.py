"""What can be chosen about the phone machine."""

from msgspec import Struct

from offhook.phone.actions import Tone


class PhoneSettings(Struct, frozen=True):
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
        second_call: a flash in a call puts it on hold and gives dial tone for another.
        call_waiting: a call that comes during a call is announced by a tone; else it is refused as busy.
        transfer_on_hangup: hanging up joins the two where the second was dialled here while the first was held.
        beep: the confirmation tone before a call is answered without anybody's hand.
        short_call, breather: who hangs up on a call that came in within ``short_call`` did not want it, and is not
            rung for ``breather``: a row of calls must not take the line from somebody who needs it.
        hold_failed, transfer_failed: spoken when the other side could not be put on hold, or be transferred.
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
    second_call: bool = True
    call_waiting: bool = True
    transfer_on_hangup: bool = False
    beep: float = 1.0
    short_call: float = 10.0
    breather: float = 5.0
    hold_failed: str = "The call could not be put on hold."
    transfer_failed: str = "The transfer failed. The call is still on hold."
    emergency_failed: str = "The emergency call failed. Hang up and try again, or use another telephone."
