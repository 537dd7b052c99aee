"""What programs ask of the phone machine, and what it refuses."""

import pytest

from offhook.phone import actions as do
from offhook.phone import events as on
from offhook.phone.actions import Action
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State

SETTINGS = PhoneSettings(dialplan="[2-8]xx", emergency_numbers=("112",), transfer_on_hangup=True)


def run(phone: Phone, *events: on.Event) -> list[Action]:
    """Return the actions of the last event."""
    actions: list[Action] = []
    for event in events:
        actions = phone.handle(event, 100.0)
    return actions


def keys(text: str) -> list[on.Event]:
    return [event for key in text for event in (on.KeyDown(key), on.KeyUp(key))]  # type: ignore[arg-type]


def ready() -> Phone:
    phone = Phone(SETTINGS)
    run(phone, on.ServiceChanged(True))
    return phone


def talking() -> Phone:
    phone = ready()
    run(phone, on.HookLifted(), *keys("555"), on.CallAnswered("o1"))
    return phone


def two_up() -> Phone:
    phone = talking()
    run(phone, on.HookFlash(), *keys("666"), on.CallAnswered("o2"))
    return phone


def in_emergency() -> Phone:
    phone = Phone(SETTINGS)
    run(phone, on.HookLifted(), *keys("112"), on.CallAnswered("o1"))
    return phone


def refused(actions: list[Action]) -> bool:
    """Whether nothing was done but to say why."""
    return len(actions) == 1 and isinstance(actions[0], do.Refuse)


# -- placing -----------------------------------------------------------------------------------------------------


def test_a_call_is_placed_with_the_handset_down() -> None:
    phone = ready()
    assert run(phone, on.CallRequested("p1", "555", "desk")) == [do.OpenEar(), do.PlaceCall("p1", "555", "desk")]
    assert run(phone, on.CallFailed("p1", 486)) == [do.CloseEar()]
    assert phone.state is State.ON_HOOK


def test_a_call_is_placed_at_dial_tone_as_if_it_was_dialled() -> None:
    phone = ready()
    actions = run(phone, on.HookLifted(), on.CallRequested("p1", "555"))
    assert actions == [do.StopTone(), do.CancelTimer("dial"), do.PlaceCall("p1", "555")]
    assert do.PlayTone(do.Tone.BUSY) in run(phone, on.CallFailed("p1", 486))


def test_lifting_during_such_a_call_goes_on_with_it_and_putting_back_ends_it() -> None:
    phone = ready()
    run(phone, on.CallRequested("p1", "555"), on.CallAnswered("p1"))
    assert run(phone, on.HookLifted()) == []
    assert run(phone, on.HookReplaced()) == [do.EndCall("p1")]


def test_a_hook_that_was_not_lifted_cannot_be_put_back_or_tapped() -> None:
    phone = ready()
    run(phone, on.CallRequested("p1", "555"), on.CallAnswered("p1"))
    assert run(phone, on.HookReplaced()) == []
    assert run(phone, on.HookFlash()) == []
    assert phone.state is State.TALKING


@pytest.mark.parametrize("number", ["9", "5", "junk", "", "955"])
def test_a_number_that_the_dial_plan_does_not_let_pass_is_refused(number: str) -> None:
    phone = ready()
    assert refused(run(phone, on.CallRequested("p1", number)))
    assert phone.state is State.ON_HOOK


def test_without_service_a_call_needs_an_account_that_is_named() -> None:
    phone = Phone(SETTINGS)
    assert refused(run(phone, on.CallRequested("p1", "555")))
    assert do.PlaceCall("p1", "555", "desk") in run(phone, on.CallRequested("p1", "555", "desk"))


def test_an_emergency_number_places_an_emergency_call_and_ends_what_is_held() -> None:
    phone = talking()
    actions = run(phone, on.HookFlash(), on.CallRequested("p1", "112"))
    assert actions[-2:] == [do.EndCall("o1"), do.PlaceEmergencyCall("p1", "112")]
    assert phone.in_emergency


def test_a_phone_in_use_takes_no_further_call_of_a_program() -> None:
    assert refused(run(talking(), on.CallRequested("p1", "555")))


# -- answering and ending ----------------------------------------------------------------------------------------


def test_the_call_that_rings_is_answered_with_the_handset_down() -> None:
    phone = ready()
    actions = run(phone, on.CallIncoming("i1", "Bob"), on.AnswerRequested())
    assert actions == [do.StopRinging(), do.CancelTimer("ring"), do.OpenEar(), do.AnswerCall("i1")]
    assert phone.state is State.TALKING


def test_the_call_that_waits_is_taken_and_the_other_held() -> None:
    phone = talking()
    actions = run(phone, on.CallIncoming("i1", "Bob"), on.AnswerRequested("i1"))
    assert actions[0] == do.HoldCall("o1")
    assert do.AnswerCall("i1") in actions


def test_where_nothing_rings_nothing_is_answered() -> None:
    assert refused(run(ready(), on.AnswerRequested()))
    assert refused(run(talking(), on.AnswerRequested("o1")))


def test_a_call_that_rings_back_is_taken_with_the_handset_down() -> None:
    phone = talking()
    run(phone, on.HookFlash(), on.HookReplaced())
    assert run(phone, on.ResumeRequested("o1"))[-2:] == [do.OpenEar(), do.ResumeCall("o1")]


def test_the_call_in_the_ear_is_ended_under_a_tone_and_without_a_hand_in_silence() -> None:
    phone = talking()
    assert run(phone, on.EndRequested())[:2] == [do.EndCall("o1"), do.PlayTone(do.Tone.BUSY)]
    phone = ready()
    run(phone, on.CallRequested("p1", "555"), on.CallAnswered("p1"))
    assert run(phone, on.EndRequested("p1")) == [do.EndCall("p1"), do.CloseEar()]


def test_a_call_that_rings_or_waits_is_refused_as_busy() -> None:
    phone = ready()
    assert do.RejectCall("i1", 486) in run(phone, on.CallIncoming("i1", "Bob"), on.EndRequested())
    assert phone.state is State.ON_HOOK
    phone = talking()
    actions = run(phone, on.CallIncoming("i2", "Bob"), on.EndRequested("i2"))
    assert actions == [do.RejectCall("i2", 486), do.CancelTimer("waiting"), do.StopTone()]


def test_a_held_call_is_ended_and_the_other_goes_on() -> None:
    phone = two_up()
    assert run(phone, on.EndRequested("o1")) == [do.EndCall("o1")]
    assert (phone.state, phone.call, phone.held) == (State.TALKING, "o2", ())


def test_a_call_on_its_way_to_another_is_ended_with_it() -> None:
    phone = two_up()
    run(phone, on.HookReplaced())
    assert run(phone, on.EndRequested("o1")) == [do.EndCall("o1"), do.EndCall("o2")]
    assert phone.leaving == ()


def test_a_call_that_is_not_there_is_not_ended() -> None:
    assert refused(run(ready(), on.EndRequested()))
    assert refused(run(talking(), on.EndRequested("i9")))


# -- hold, resume, transfer --------------------------------------------------------------------------------------


def test_a_call_is_held_in_the_ear_and_a_flash_takes_it_back() -> None:
    phone = talking()
    assert run(phone, on.HoldRequested("o1")) == [do.HoldCall("o1")]
    assert (phone.state, phone.call) == (State.HELD, "o1")
    assert run(phone, on.HoldRequested("o1")) == []
    assert run(phone, on.HookFlash()) == [do.ResumeCall("o1")]
    assert phone.state is State.TALKING


def test_a_hold_of_a_program_that_fails_goes_on_with_a_word() -> None:
    phone = talking()
    run(phone, on.HoldRequested("o1"))
    assert run(phone, on.CallHoldFailed("o1")) == [do.ResumeCall("o1"), do.Say(SETTINGS.hold_failed)]
    assert phone.state is State.TALKING


def test_the_held_one_is_taken_back_in_place_of_the_other() -> None:
    phone = two_up()
    assert run(phone, on.ResumeRequested("o1")) == [do.HoldCall("o2"), do.ResumeCall("o1")]
    assert (phone.call, phone.held) == ("o1", ("o2",))


def test_the_held_one_is_taken_back_at_the_second_dial_tone_but_not_from_a_call_on_its_way() -> None:
    phone = talking()
    run(phone, on.HookFlash())
    assert do.ResumeCall("o1") in run(phone, on.ResumeRequested("o1"))
    run(phone, on.HookFlash(), *keys("666"))
    assert refused(run(phone, on.ResumeRequested("o1")))


def test_a_call_is_handed_over_and_lost_only_when_that_worked() -> None:
    phone = talking()
    assert run(phone, on.TransferRequested("o1", "666")) == [do.TransferCall("o1", "666")]
    assert run(phone, on.CallNotTransferred("o1", 486)) == []
    assert phone.state is State.TALKING
    run(phone, on.TransferRequested("o1", "666"))
    assert run(phone, on.CallTransferred("o1"))[:2] == [do.EndCall("o1"), do.PlayTone(do.Tone.BUSY)]


def test_a_held_call_is_handed_over_beside_the_other() -> None:
    phone = two_up()
    assert run(phone, on.TransferRequested("o1", "777")) == [do.TransferCall("o1", "777")]
    assert run(phone, on.CallTransferred("o1")) == [do.EndCall("o1")]
    assert (phone.state, phone.call, phone.held) == (State.TALKING, "o2", ())


@pytest.mark.parametrize("number", ["112", "sip:112@pbx.test", "9", ""])
def test_nobody_is_handed_over_to_an_emergency_number_or_past_the_dial_plan(number: str) -> None:
    assert refused(run(talking(), on.TransferRequested("o1", number)))


def test_what_is_not_up_is_neither_held_nor_handed_over() -> None:
    phone = ready()
    run(phone, on.HookLifted(), *keys("555"))
    assert refused(run(phone, on.HoldRequested("o1")))
    assert refused(run(phone, on.TransferRequested("o1", "666")))
    assert refused(run(phone, on.ResumeRequested("i9")))


@pytest.mark.parametrize(
    "request_",
    [
        on.EndRequested(),
        on.EndRequested("o1"),
        on.HoldRequested("o1"),
        on.ResumeRequested("o1"),
        on.TransferRequested("o1", "555"),
        on.CallRequested("p1", "555"),
        on.AnswerRequested(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_programs_keep_out_of_an_emergency_call(request_: on.Event) -> None:
    phone = in_emergency()
    assert refused(run(phone, request_))
    assert (phone.state, phone.in_emergency) == (State.TALKING, True)
