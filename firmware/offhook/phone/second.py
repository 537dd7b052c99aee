"""What the phone does with a second call: hold and flash, a call that waits, handing over, ringing back.

The rule of the house: a call is in the ear, held, waiting, leaving, or told to end. None is forgotten on the hook.
An emergency call is alone: nothing here touches it.
"""

from offhook.phone import events as on
from offhook.phone.actions import EndCall, JoinCalls, Tone, TransferCall
from offhook.phone.context import Call, Context
from offhook.phone.states import State

# -- states that follow from what there is -----------------------------------------------------------------------


def converse(phone: Context) -> State:
    """Be in conversation with the call in the ear: the only tone over it is that of a waiting call."""
    if phone.waiting is not None:
        phone.play(Tone.WAITING)
    else:
        phone.quiet()
    phone.wait(None)
    call = phone.call
    return State.HELD if call is not None and (call.held_there or call.parked) else State.TALKING


def fail(phone: Context, tone: Tone) -> State:
    """Tell by a tone that there is no call in the ear, or go to rest where nobody listens."""
    phone.digits = ""
    if not phone.lifted:
        return rest(phone)
    phone.play(tone)
    phone.wait("reorder", phone.settings.reorder)
    return State.REORDER


def rest(phone: Context) -> State:
    """Go to rest with the handset down; a call that waits or is held rings, so that it is not forgotten."""
    phone.quiet()
    phone.wait(None)
    phone.open_ear(False)
    phone.call = phone.waiting
    if phone.waiting is not None:
        phone.wait_for(None)
    elif phone.held:
        phone.call = phone.held.pop(0)
    phone.ring(phone.call is not None)
    if phone.call is None:
        return State.ON_HOOK
    phone.wait("ring", phone.settings.ring_limit)
    return State.RINGING


def go_back(phone: Context) -> State:
    """Take what there is besides the call in the ear, which is free: the call that waits, else the one held last."""
    if phone.waiting is not None:
        phone.call = phone.waiting
        phone.wait_for(None)
        phone.answer_call()
    else:
        phone.resume_call(phone.held[-1])
    phone.digits = ""
    return converse(phone)


def has_other(phone: Context) -> bool:
    """Whether there is a call to go back to."""
    return phone.waiting is not None or bool(phone.held)


# -- flash -------------------------------------------------------------------------------------------------------


def dial_tone(phone: Context) -> State:
    """Give dial tone."""
    phone.digits = ""
    phone.play(phone.ready_tone())
    phone.wait("dial", phone.settings.first_digit)
    return State.DIAL_TONE


def flash(phone: Context, state: State, event: on.Event) -> State:
    """Take the call that waits, go over to the one held, or hold this one and dial another."""
    call = phone.call
    if call is None or call.emergency:
        return state
    if call.parked and not has_other(phone):
        phone.resume_call(call)
        return converse(phone)
    if has_other(phone):
        return swap(phone)
    if not phone.settings.second_call:
        return state
    phone.hold_call()
    return dial_tone(phone)


def swap(phone: Context) -> State:
    """Hold the call in the ear and take the other: the one that waits, else the one held last."""
    held = None if phone.waiting is not None else phone.held.pop()
    phone.hold_call()
    if held is not None:
        phone.held.append(held)
    return go_back(phone)


# -- a call that waits -------------------------------------------------------------------------------------------


def announce(phone: Context, state: State, event: on.Event) -> State:
    """Announce a further call by its tone, or refuse it as busy: beside an emergency call, or two calls.

    What may be the emergency desk calling back is announced beside two calls as well, and whatever the settings say.
    """
    assert isinstance(event, on.CallIncoming)
    room = event.urgent or (phone.settings.call_waiting and not phone.held and not phone.leaving)
    if phone.call is None or phone.call.emergency or phone.waiting is not None or not room:
        phone.reject(event.call, 486)
        return state
    phone.wait_for(Call(event.call, incoming=True))
    phone.play(Tone.WAITING)
    return state


def give_up_waiting(phone: Context, state: State, event: on.Event) -> State:
    """Refuse a waiting call that nobody takes."""
    if phone.waiting is not None:
        phone.reject(phone.waiting.handle, 480)
        phone.waiting = None  # its timer is the one that ran out
        end_waiting_tone(phone)
    return state


def end_waiting_tone(phone: Context) -> None:
    """Stop the tone of a call that waits no longer."""
    if phone.tone is Tone.WAITING:
        phone.quiet()


# -- handing over ------------------------------------------------------------------------------------------------


def hand_over(phone: Context, state: State) -> bool:
    """Join the two calls on hanging up, where that is wanted; return whether it was."""
    call = phone.call
    first = phone.held[-1] if phone.held else None
    if call is None or first is None or not phone.settings.transfer_on_hangup:
        return False
    if first.handle != call.over and call.handle != first.over:
        return False
    if not call.up and state is not State.RINGBACK:
        return False  # nobody knows yet whether it rings there
    phone.release_key()
    phone.held.remove(first)
    if call.up:
        phone.actions.append(JoinCalls(first.handle, call.handle))
        phone.leaving.append((first, call))
        phone.call = None
    else:
        phone.end_call()
        phone.actions.append(TransferCall(first.handle, call.number))
        phone.leaving.append((first,))
    return True


def handed_over(phone: Context, state: State, event: on.Event) -> State:
    """Forget a call that was handed over, and the one that it was joined to."""
    assert isinstance(event, on.CallTransferred)
    left = _take_leaving(phone, event.call)
    if left is None:  # it was held, and a program handed it over
        left = tuple(call for call in phone.held if call.handle == event.call)
        phone.held = [call for call in phone.held if call not in left]
    for call in left:
        phone.actions.append(EndCall(call.handle))
    return state


def not_handed_over(phone: Context, state: State, event: on.Event) -> State:
    """Take back a call that could not be handed over: it is held, and rings back once the handset is down."""
    assert isinstance(event, on.CallNotTransferred)
    left = _take_leaving(phone, event.call)
    if left is None:
        return state  # a program asked for it: the call never left
    back, *others = left
    for call in others:
        phone.actions.append(EndCall(call.handle))
    phone.held.append(back)
    if state is State.ON_HOOK:
        return rest(phone)
    if state is State.DIAL_TONE:
        phone.say(phone.settings.transfer_failed)
    return state


def drop(phone: Context, call: Call) -> None:
    """End a call that is held or leaving, and the one that it is being joined to."""
    phone.actions.append(EndCall(call.handle))
    _forget(phone, call.handle)


def _forget(phone: Context, handle: str) -> None:
    phone.held = [call for call in phone.held if call.handle != handle]
    for call in (_take_leaving(phone, handle) or ())[1:]:
        phone.actions.append(EndCall(call.handle))
    phone.leaving = [tuple(call for call in calls if call.handle != handle) for calls in phone.leaving]


def _take_leaving(phone: Context, handle: str) -> tuple[Call, ...] | None:
    """Return a call that is leaving, with the one that it is joined to, and forget both."""
    found = next((calls for calls in phone.leaving if calls[0].handle == handle), None)
    if found is not None:
        phone.leaving.remove(found)
    return found


# -- news of a call that is not in the ear -----------------------------------------------------------------------


def lost_aside(phone: Context, state: State, event: on.Event) -> State:
    """Forget a call that is over: it waited, was held, or was leaving."""
    assert isinstance(event, on.CallEnded | on.CallFailed)
    if phone.waiting is not None and phone.waiting.handle == event.call:
        phone.wait_for(None)
        end_waiting_tone(phone)
        return state
    _forget(phone, event.call)
    return state


def note_hold(phone: Context, state: State, event: on.Event) -> State:
    """Remember whether the other side holds a call, in the ear or not."""
    assert isinstance(event, on.CallHeld | on.CallResumed)
    call = phone.find(event.call)
    if call is not None:
        call.held_there = isinstance(event, on.CallHeld)
    return state


def hold_failed(phone: Context, state: State, event: on.Event) -> State:
    """Go back to a call that would not be held, as long as no other is being dialled.

    Later it stays as it is: the other side is not heard and hears nothing, it was just not told why. Who has begun to
    dial may be calling for help: nothing takes his digits from him.
    """
    assert isinstance(event, on.CallHoldFailed)
    call = phone.find(event.call)
    if call is None or call not in phone.held:
        return state
    phone.resume_call(call)
    phone.digits = ""
    after = converse(phone)
    phone.say(phone.settings.hold_failed)
    return after


def parking_failed(phone: Context, state: State, event: on.Event) -> State:
    """Go on with a call in the ear that a program could not put on hold."""
    call = phone.call
    if call is None or not call.parked:
        return state
    phone.resume_call(call)
    after = converse(phone)
    phone.say(phone.settings.hold_failed)
    return after
