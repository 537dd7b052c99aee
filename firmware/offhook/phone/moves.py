"""What the phone does in each row of the table: small functions that act on the context and name the next state."""

from collections.abc import Callable

from offhook.phone import events as on
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
    phone.digits = ""
    phone.play(_ready_tone(phone))
    phone.wait("dial", phone.settings.first_digit)
    phone.speak_notices()
    return State.DIAL_TONE


def answer(phone: Context, state: State, event: on.Event) -> State:
    """Answer the call that rings, in the cadence's gap too."""
    phone.ring(False)
    phone.wait(None)
    phone.answer_call()
    return State.TALKING


def hang_up(phone: Context, state: State, event: on.Event) -> State:
    """Put the handset back: end the call, silence everything."""
    phone.quiet()
    phone.wait(None)
    phone.end_call()
    phone.digits = ""
    return State.ON_HOOK


def start_again(phone: Context, state: State, event: on.Event) -> State:
    """Take a tap on the hook outside a conversation for hanging up and lifting again."""
    if phone.call is not None and phone.call.emergency:
        return state
    phone.end_call()
    return lift(phone, state, event)


def _ready_tone(phone: Context) -> Tone:
    if not phone.service:
        return Tone.NO_SERVICE
    return Tone.STUTTER if phone.messages else Tone.DIAL


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
            return _fail(phone, Tone.NO_SERVICE)
        case Outcome.REFUSED:
            return _fail(phone, Tone.REORDER)


# -- a call ------------------------------------------------------------------------------------------------------


def ring(phone: Context, state: State, event: on.Event) -> State:
    """Ring for a call that comes in."""
    assert isinstance(event, on.CallIncoming)
    phone.receive_call(event.call)
    phone.ring(True)
    phone.wait("ring", phone.settings.ring_limit)
    return State.RINGING


def refuse_busy(phone: Context, state: State, event: on.Event) -> State:
    """Refuse a further call: the phone has one already, or the handset is off."""
    assert isinstance(event, on.CallIncoming)
    phone.reject(event.call, 486)
    return state


def give_up_ringing(phone: Context, state: State, event: on.Event) -> State:
    """Refuse a call that nobody takes."""
    if phone.call is not None:
        phone.reject(phone.call.handle, 480)
    return stop_ringing(phone, state, event)


def stop_ringing(phone: Context, state: State, event: on.Event) -> State:
    """Forget the call that rang: it was cancelled, or answered elsewhere."""
    phone.call = None
    phone.ring(False)
    phone.wait(None)
    return State.ON_HOOK


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
    phone.quiet()
    return State.TALKING


def held(phone: Context, state: State, event: on.Event) -> State:
    """Wait for the other side, which put us on hold and hears no keys."""
    phone.release_key()
    return State.HELD


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
    state = _fail(phone, failure_tone(event.status))
    if emergency:
        phone.say(phone.settings.emergency_failed)
    return state


def call_ended(phone: Context, state: State, event: on.Event) -> State:
    """Tell that the other side hung up."""
    phone.call = None
    return _fail(phone, phone.settings.disconnect_tone)


# -- left off hook -----------------------------------------------------------------------------------------------


def too_slow(phone: Context, state: State, event: on.Event) -> State:
    """Give reorder tone: nothing was dialled."""
    return _fail(phone, Tone.REORDER)


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


def _fail(phone: Context, tone: Tone) -> State:
    phone.digits = ""
    phone.play(tone)
    phone.wait("reorder", phone.settings.reorder)
    return State.REORDER


# -- in every state ----------------------------------------------------------------------------------------------


def note_service(phone: Context, state: State, event: on.Event) -> State:
    """Remember whether calls can be placed; dial tone tells at once."""
    assert isinstance(event, on.ServiceChanged)
    phone.service = event.available
    if state is State.DIAL_TONE:
        phone.play(_ready_tone(phone))
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
