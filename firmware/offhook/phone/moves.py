"""What the phone does in each row of the table: small functions that act on the context and name the next state."""

import math
from collections.abc import Callable

from offhook.phone import events as on
from offhook.phone import second
from offhook.phone.actions import Tone
from offhook.phone.collector import Outcome, Verdict
from offhook.phone.context import Context
from offhook.phone.states import State

Move = Callable[[Context, State, on.Event], State]

_BUSY = frozenset({486, 600})
_UNKNOWN_NUMBER = frozenset({404, 410, 484, 604})
_LETTERS = frozenset("ABCD")


def failure_tone(status: int) -> Tone:
    """Return the tone that tells a caller about a SIP status (:rfc:`3261#section-21`; ITU-T E.180 names the tones)."""
    if status in _BUSY:
        return Tone.BUSY
    return Tone.INFO if status in _UNKNOWN_NUMBER else Tone.REORDER


# -- the handset -------------------------------------------------------------------------------------------------


def lift(phone: Context, state: State, event: on.Event) -> State:
    """Give dial tone at once, and say what waits to be told over it."""
    after = second.dial_tone(phone)
    phone.speak_notices()
    return after


def take_up(phone: Context, state: State, event: on.Event) -> State:
    """Go on by the handset with a call that was placed or answered without it."""
    return state


def answer(phone: Context, state: State, event: on.Event) -> State:
    """Take the call that rings, in the cadence's gap too: answer it, or have it back from hold."""
    phone.ring(False)
    phone.wait(None)
    if phone.call is not None and phone.call.up:
        phone.resume_call(phone.call)
    else:
        phone.answer_call()
    return second.converse(phone)


def hang_up(phone: Context, state: State, event: on.Event) -> State:
    """Put the handset back: hand the call over or end it, silence everything; what is left rings."""
    phone.quiet()
    phone.wait(None)
    if not second.hand_over(phone, state):
        _breathe(phone)
        phone.end_call()
    phone.digits = ""
    return second.rest(phone)


def _breathe(phone: Context) -> None:
    """Where the person got rid of a call that came in, let none ring for a moment: the next lift gives dial tone."""
    answered_at, phone.answered_at = phone.answered_at, -math.inf
    if phone.call is None or phone.now - answered_at >= phone.settings.short_call:
        return  # no call in the ear: the other side went first, and nobody was got rid of
    phone.breathes_until = phone.now + phone.settings.breather
    if phone.waiting is not None:
        phone.reject(phone.waiting.handle, 486)
        phone.wait_for(None)


def start_again(phone: Context, state: State, event: on.Event) -> State:
    """Take a tap on the hook outside a conversation for hanging up and lifting again, or for going back to a call."""
    if phone.call is not None and phone.call.emergency:
        return state
    phone.end_call()
    return second.go_back(phone) if second.has_other(phone) else lift(phone, state, event)


# -- dialling ----------------------------------------------------------------------------------------------------


def key(phone: Context, state: State, event: on.Event) -> State:
    """Take a key as a digit, or ``#`` as the end of the number unless the digit map has a use for it."""
    assert isinstance(event, on.KeyDown)
    digits = phone.digits + event.key
    if event.key == "#" and phone.digits and not phone.collector.takes(digits):
        return _proceed(phone, phone.collector.finish(phone.digits))
    verdict = phone.collector.judge(digits)
    if verdict.outcome is Outcome.REFUSED and event.key in _LETTERS:
        return state
    phone.digits = digits
    phone.quiet()
    return _proceed(phone, verdict)


def pause(phone: Context, state: State, event: on.Event) -> State:
    """Take the digits for all there are."""
    return _proceed(phone, phone.collector.finish(phone.digits))


def _proceed(phone: Context, verdict: Verdict) -> State:
    match verdict.outcome:
        case Outcome.WAIT:
            phone.wait("dial", verdict.seconds)
            return State.DIALLING
        case Outcome.EMERGENCY:
            phone.wait(None)
            phone.place(verdict.number, emergency=True)
            return State.CALLING
        case Outcome.PLACE if phone.service:
            phone.wait(None)
            phone.place(verdict.number, emergency=False)
            return State.CALLING
        case Outcome.PLACE:
            return second.fail(phone, Tone.NO_SERVICE)
        case Outcome.REFUSED:
            return second.fail(phone, Tone.REORDER)


# -- a call ------------------------------------------------------------------------------------------------------


def ring(phone: Context, state: State, event: on.Event) -> State:
    """Ring for a call that comes in.

    One that may be answered without a hand is announced by a beep; where that is to be later it rings until then, as
    long as any other call at the most.
    """
    assert isinstance(event, on.CallIncoming)
    if phone.now < phone.breathes_until and not event.urgent:
        return refuse_busy(phone, state, event)
    phone.receive_call(event)
    rings = min(event.after, phone.settings.ring_limit) - phone.settings.beep if event.auto else 0.0
    if event.auto and rings <= 0:
        return _beep(phone)
    phone.ring(True)
    phone.wait("ring", rings or phone.settings.ring_limit)
    return State.RINGING


def _beep(phone: Context) -> State:
    """Say that the room will be heard."""
    phone.ring(False)
    phone.open_ear(True)
    phone.play(Tone.CONFIRM)
    phone.wait("beep", phone.settings.beep)
    return State.RINGING


def refuse_busy(phone: Context, state: State, event: on.Event) -> State:
    """Refuse a further call: the phone has one already, or the handset is off."""
    assert isinstance(event, on.CallIncoming)
    phone.reject(event.call, 486)
    return state


def ring_time_over(phone: Context, state: State, event: on.Event) -> State:
    """Answer after the beep; refuse a call that nobody takes, and end one that nobody takes back from hold."""
    assert isinstance(event, on.TimerFired)
    call = phone.call
    if event.name == "beep":
        phone.answer_call()
        return second.converse(phone)
    if call is not None and call.auto and not call.up:
        return _beep(phone)
    if call is not None and call.up:
        phone.end_call()
    elif call is not None:
        phone.reject(call.handle, 480)
    return stop_ringing(phone, state, event)


def stop_ringing(phone: Context, state: State, event: on.Event) -> State:
    """Forget the call that rang: it was cancelled, or answered elsewhere."""
    phone.call = None
    return second.rest(phone)


def ringback(phone: Context, state: State, event: on.Event) -> State:
    """Play ringback: the other end rings and sends no sound of its own (:rfc:`3960#section-3.2`).

    Where one attempt of a call had early media and the next has none, this is how the next begins.
    """
    if phone.call is not None:
        phone.call.early_media = False
        phone.play(Tone.RINGBACK)
    return State.RINGBACK


def early_media(phone: Context, state: State, event: on.Event) -> State:
    """Let the network's sound be heard in place of our ringback."""
    if phone.call is not None:
        phone.call.early_media = True
    phone.quiet()
    return State.RINGBACK


def talk(phone: Context, state: State, event: on.Event) -> State:
    """Talk: the call was answered."""
    if phone.call is not None:
        phone.call.up = True
    return second.converse(phone)


def follow_hold(phone: Context, state: State, event: on.Event) -> State:
    """Wait for the other side, which put us on hold and hears no keys, or talk again."""
    second.note_hold(phone, state, event)
    phone.release_key()
    return second.converse(phone)


def key_down(phone: Context, state: State, event: on.Event) -> State:
    """Send a key as DTMF; before the answer only where the network has opened the sound path."""
    assert isinstance(event, on.KeyDown)
    if state is State.TALKING or (phone.call is not None and phone.call.early_media):
        phone.hold_key(event.key)
    return state


def key_up(phone: Context, state: State, event: on.Event) -> State:
    """End the DTMF key."""
    assert isinstance(event, on.KeyUp)
    phone.release_key(event.key)
    return state


def call_failed(phone: Context, state: State, event: on.Event) -> State:
    """Tell why the call did not come about."""
    assert isinstance(event, on.CallFailed)
    emergency = phone.call is not None and phone.call.emergency
    phone.call = None
    state = second.fail(phone, failure_tone(event.status))
    if emergency and phone.lifted:
        phone.say(phone.settings.emergency_failed)
    return state


def call_ended(phone: Context, state: State, event: on.Event) -> State:
    """Tell that the other side hung up."""
    phone.call = None
    return second.fail(phone, phone.settings.disconnect_tone)


def transferred(phone: Context, state: State, event: on.Event) -> State:
    """Let the call in the ear go: a program handed it over."""
    phone.end_call()
    return second.fail(phone, phone.settings.disconnect_tone)


# -- left off hook -----------------------------------------------------------------------------------------------


def too_slow(phone: Context, state: State, event: on.Event) -> State:
    """Give reorder tone: nothing was dialled."""
    return second.fail(phone, Tone.REORDER)


def howl(phone: Context, state: State, event: on.Event) -> State:
    """Call for the handset to be put back."""
    phone.play(Tone.HOWLER)
    phone.wait("howler", phone.settings.howler)
    return State.HOWLER


def fall_silent(phone: Context, state: State, event: on.Event) -> State:
    """Give up until the handset is put back."""
    phone.quiet()
    phone.wait(None)
    return State.SILENT


# -- in every state ----------------------------------------------------------------------------------------------


def note_service(phone: Context, state: State, event: on.Event) -> State:
    """Remember whether calls can be placed; dial tone tells at once."""
    assert isinstance(event, on.ServiceChanged)
    phone.service = event.available
    if state is State.DIAL_TONE:
        phone.play(phone.ready_tone())
    return state


def note_messages(phone: Context, state: State, event: on.Event) -> State:
    """Remember whether voice mail waits."""
    assert isinstance(event, on.MessagesWaiting)
    phone.messages = event.waiting
    return state


def note_notice(phone: Context, state: State, event: on.Event) -> State:
    """Keep a notice for the next lift."""
    assert isinstance(event, on.NoticeRaised)
    phone.notices.pop(event.topic, None)
    if event.text:
        phone.notices[event.topic] = event.text
    return state
