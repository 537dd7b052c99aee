"""What a program may ask of the phone. Each is done as a hand would do it, or refused with a line that says why.

Programs keep out of an emergency call: they can neither hold, end nor transfer it.
"""

from offhook.phone import events as on
from offhook.phone import second
from offhook.phone.actions import TransferCall
from offhook.phone.collector import Outcome
from offhook.phone.context import Call, Context
from offhook.phone.states import State

_NO_SUCH = "there is no such call: offhook status shows those that there are"
_EMERGENCY = "this is an emergency call: only the handset ends it, and nothing holds or transfers it"
_NOT_UP = "the call is not answered yet"


def call(phone: Context, state: State, event: on.Event) -> State:
    """Place a call: without a hand where the phone rests, else as if it was dialled."""
    assert isinstance(event, on.CallRequested)
    if state not in (State.ON_HOOK, State.DIAL_TONE):
        phone.refuse("the phone is in use: try again when it rests")
        return state
    verdict = phone.collector.whole(event.number)
    emergency = verdict.outcome is Outcome.EMERGENCY
    if verdict.outcome is Outcome.REFUSED:
        phone.refuse("the dial plan does not let this number pass")
        return state
    if not emergency and not phone.service and event.account is None:
        phone.refuse("no account is in service")
        return state
    phone.quiet()
    phone.wait(None)
    if not phone.lifted:
        phone.open_ear(True)
    phone.place(verdict.number, emergency=emergency, handle=event.call, account=event.account)
    return State.CALLING


def answer(phone: Context, state: State, event: on.Event) -> State:
    """Take the call that rings, or the one that waits."""
    assert isinstance(event, on.AnswerRequested)
    if state is State.RINGING and phone.call is not None and event.call in ("", phone.call.handle):
        return _take_up(phone)
    waiting = phone.waiting
    if waiting is None or event.call not in ("", waiting.handle):
        phone.refuse("no such call rings or waits")
        return state
    if phone.call is not None:
        return second.swap(phone)
    phone.quiet()
    return second.go_back(phone)


def _take_up(phone: Context) -> State:
    """Take the call that rings with the handset down."""
    phone.ring(False)
    phone.quiet()
    phone.wait(None)
    phone.open_ear(True)
    if phone.call is not None and phone.call.up:
        phone.resume_call(phone.call)
    else:
        phone.answer_call()
    return second.converse(phone)


def end(phone: Context, state: State, event: on.Event) -> State:
    """End a call, or refuse it where it is not answered yet."""
    assert isinstance(event, on.EndRequested)
    call = phone.call if not event.call else phone.find(event.call)
    if call is None:
        phone.refuse(_NO_SUCH)
    elif call.emergency:
        phone.refuse(_EMERGENCY)
    elif call is phone.waiting:
        phone.reject(call.handle, 486)
        phone.wait_for(None)
        second.end_waiting_tone(phone)
    elif call is not phone.call:
        second.drop(phone, call)
    elif state is State.RINGING and not call.up:
        phone.reject(call.handle, 486)
        phone.call = None
        return second.rest(phone)
    else:
        phone.end_call()
        return second.fail(phone, phone.settings.disconnect_tone)
    return state


def hold(phone: Context, state: State, event: on.Event) -> State:
    """Put the call in the ear on hold, where it stays: the handset hears nothing until it is taken back."""
    assert isinstance(event, on.HoldRequested)
    call = _of_two_sides(phone, event.call)
    if call is None or call is not phone.call or state is State.RINGING or call.parked:
        return state  # refused, or held already
    phone.park_call()
    return second.converse(phone)


def resume(phone: Context, state: State, event: on.Event) -> State:
    """Take a call back from hold; the one in the ear meanwhile is held in its place."""
    assert isinstance(event, on.ResumeRequested)
    call = _of_two_sides(phone, event.call)
    if call is None:
        return state
    if call is phone.call:
        if state is State.RINGING:
            return _take_up(phone)
        if call.parked:
            phone.resume_call(call)
        return second.converse(phone)
    if call not in phone.held:
        phone.refuse("the call is being transferred")
        return state
    if phone.call is not None and not phone.call.up:
        phone.refuse("another call is being placed: end it first")
        return state
    phone.held.remove(call)
    phone.hold_call()
    phone.resume_call(call)
    phone.digits = ""
    return second.converse(phone)


def transfer(phone: Context, state: State, event: on.Event) -> State:
    """Ask the other side of a call to call a number in our place; until that worked, the call is ours."""
    assert isinstance(event, on.TransferRequested)
    call = _of_two_sides(phone, event.call)
    if call is None:
        return state
    verdict = phone.collector.whole(event.number)
    if verdict.outcome is Outcome.EMERGENCY:
        phone.refuse("nobody is transferred to an emergency number")
    elif verdict.outcome is Outcome.REFUSED:
        phone.refuse("the dial plan does not let this number pass")
    elif call is not phone.call and call not in phone.held:
        phone.refuse("the call is being transferred already")
    else:
        phone.actions.append(TransferCall(call.handle, verdict.number))
    return state


def _of_two_sides(phone: Context, handle: str) -> Call | None:
    """Return a call that is up and that a program may do something with, else None, after refusing."""
    call = phone.find(handle)
    if call is None:
        phone.refuse(_NO_SUCH)
    elif call.emergency:
        phone.refuse(_EMERGENCY)
    elif not call.up:
        phone.refuse(_NOT_UP)
    else:
        return call
    return None
