import pytest

from offhook.phone import actions as do
from offhook.phone import events as on
from offhook.phone.actions import Action, Tone
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State

SETTINGS = PhoneSettings(dialplan="(xx.T|*xx)", emergency_numbers=("112", "911"), outside_prefix="9")
SHORT_PLAN = PhoneSettings(dialplan="[2-8]xx", emergency_numbers=("112",))


def ready(settings: PhoneSettings = SETTINGS) -> Phone:
    phone = Phone(settings)
    assert phone.handle(on.ServiceChanged(True), 0.0) == []
    return phone


def run(phone: Phone, *events: on.Event) -> list[Action]:
    """Return the actions of the last event."""
    actions: list[Action] = []
    for event in events:
        actions = phone.handle(event, 1.0)
    return actions


def keys(text: str) -> list[on.Event]:
    return [event for key in text for event in (on.KeyDown(key), on.KeyUp(key))]


def calling(settings: PhoneSettings = SETTINGS) -> Phone:
    phone = ready(settings)
    run(phone, on.HookLifted(), *keys("555#"))
    assert phone.state is State.CALLING
    return phone


def talking() -> Phone:
    phone = calling()
    run(phone, on.CallAnswered("o1"))
    assert phone.state is State.TALKING
    return phone


def in_emergency() -> Phone:
    phone = Phone(SHORT_PLAN)
    run(phone, on.HookLifted(), *keys("112"))
    assert phone.in_emergency
    return phone


# -- lifting -----------------------------------------------------------------------------------------------------


def test_lifting_gives_dial_tone_at_once() -> None:
    phone = ready()
    assert phone.handle(on.HookLifted(), 5.0) == [do.PlayTone(Tone.DIAL), do.SetTimer("dial", 20.0)]
    assert (phone.state, phone.since) == (State.DIAL_TONE, 5.0)


def test_dial_tone_stutters_while_messages_wait() -> None:
    phone = ready()
    assert run(phone, on.MessagesWaiting(True), on.HookLifted())[0] == do.PlayTone(Tone.STUTTER)


def test_without_service_the_tone_differs() -> None:
    assert run(Phone(SETTINGS), on.HookLifted())[0] == do.PlayTone(Tone.NO_SERVICE)


def test_dial_tone_comes_as_soon_as_service_does() -> None:
    phone = Phone(SETTINGS)
    assert run(phone, on.HookLifted(), on.ServiceChanged(True)) == [do.PlayTone(Tone.DIAL)]
    assert run(phone, on.ServiceChanged(False)) == [do.PlayTone(Tone.NO_SERVICE)]


def test_a_notice_is_spoken_over_dial_tone_once() -> None:
    phone = ready()
    run(phone, on.NoticeRaised("power", "On battery."))
    assert run(phone, on.HookLifted())[0] == do.PlayTone(Tone.DIAL)
    run(phone, on.HookReplaced(), on.NoticeRaised("power", "Old."), on.NoticeRaised("power", "New."))
    assert do.Say("New.") in (spoken := run(phone, on.HookLifted()))
    assert do.Say("Old.") not in spoken
    assert not [a for a in run(phone, on.HookReplaced(), on.HookLifted()) if isinstance(a, do.Say)]


def test_an_empty_notice_clears_the_topic() -> None:
    phone = ready()
    run(phone, on.NoticeRaised("power", "On battery."), on.NoticeRaised("power", ""))
    assert not [a for a in run(phone, on.HookLifted()) if isinstance(a, do.Say)]


def test_answering_a_call_keeps_the_notice_for_the_next_lift() -> None:
    phone = ready()
    run(phone, on.NoticeRaised("power", "On battery."), on.CallIncoming("i1", "Bob"), on.HookLifted())
    assert do.Say("On battery.") in run(phone, on.HookReplaced(), on.HookLifted())


# -- dialling ----------------------------------------------------------------------------------------------------


def test_the_first_digit_cuts_the_tone() -> None:
    phone = ready()
    assert run(phone, on.HookLifted(), on.KeyDown("5"))[0] == do.StopTone()
    assert phone.state is State.DIALLING


def test_a_complete_number_goes_out_with_its_last_digit() -> None:
    phone = ready(SHORT_PLAN)
    run(phone, on.HookLifted(), *keys("55"))
    assert run(phone, on.KeyDown("5")) == [do.CancelTimer("dial"), do.PlaceCall("o1", "555")]
    assert phone.state is State.CALLING


def test_a_pause_sends_a_number_that_could_go_on() -> None:
    phone = ready()
    run(phone, on.HookLifted(), *keys("1234"))
    assert run(phone, on.TimerFired("dial")) == [do.PlaceCall("o1", "1234")]


def test_a_pause_gives_up_a_number_that_is_not_complete() -> None:
    phone = ready(SHORT_PLAN)
    assert run(phone, on.HookLifted(), on.KeyDown("5")) == [do.StopTone(), do.SetTimer("dial", 10.0)]
    assert run(phone, on.TimerFired("dial")) == [do.PlayTone(Tone.REORDER), do.SetTimer("reorder", 30.0)]


def test_hash_sends_at_once() -> None:
    phone = ready()
    run(phone, on.HookLifted(), *keys("1234"))
    assert do.PlaceCall("o1", "1234") in run(phone, on.KeyDown("#"))


def test_hash_is_a_digit_where_the_map_takes_it() -> None:
    phone = ready(PhoneSettings(dialplan="#xx#|xx."))
    run(phone, on.HookLifted(), *keys("#31"))
    assert phone.state is State.DIALLING
    assert do.PlaceCall("o1", "#31#") in run(phone, on.KeyDown("#"))


def test_hash_after_an_incomplete_number_gives_reorder() -> None:
    phone = ready(SHORT_PLAN)
    assert do.PlayTone(Tone.REORDER) in run(phone, on.HookLifted(), *keys("55"), on.KeyDown("#"))


def test_an_impossible_number_gives_reorder_at_once() -> None:
    phone = ready(SHORT_PLAN)
    assert do.PlayTone(Tone.REORDER) in run(phone, on.HookLifted(), on.KeyDown("9"))


def test_a_barred_number_gives_reorder() -> None:
    phone = ready(PhoneSettings(dialplan="!9xx|[2-8]xx"))
    assert do.PlayTone(Tone.REORDER) in run(phone, on.HookLifted(), on.KeyDown("9"), on.KeyDown("0"), on.KeyDown("0"))


def test_a_letter_key_that_the_map_does_not_take_is_not_heard() -> None:
    phone = ready(SHORT_PLAN)
    assert run(phone, on.HookLifted(), on.KeyDown("A")) == []
    assert phone.state is State.DIAL_TONE
    assert do.PlaceCall("o1", "555") in run(phone, *keys("5B5"), on.KeyDown("5"))


def test_the_number_is_sent_as_the_map_leaves_it() -> None:
    phone = ready(PhoneSettings(dialplan="<9:+47>xxx"))
    assert do.PlaceCall("o1", "+47555") in run(phone, on.HookLifted(), *keys("955"), on.KeyDown("5"))


def test_without_service_a_dialled_number_gives_the_no_service_tone() -> None:
    phone = Phone(SHORT_PLAN)
    actions = run(phone, on.HookLifted(), *keys("55"), on.KeyDown("5"))
    assert actions == [do.PlayTone(Tone.NO_SERVICE), do.CancelTimer("dial"), do.SetTimer("reorder", 30.0)]


def test_a_tap_on_the_hook_while_dialling_starts_again() -> None:
    phone = ready()
    assert do.PlayTone(Tone.DIAL) in run(phone, on.HookLifted(), *keys("12"), on.HookFlash())
    assert do.PlaceCall("o1", "555") in run(phone, *keys("555"), on.KeyDown("#"))


# -- outgoing calls ----------------------------------------------------------------------------------------------


def test_ringing_there_is_heard_as_ringback() -> None:
    assert run(calling(), on.CallProceeding("o1")) == [do.PlayTone(Tone.RINGBACK)]


def test_early_media_takes_the_place_of_ringback() -> None:
    phone = calling()
    run(phone, on.CallProceeding("o1"))
    assert run(phone, on.CallEarlyMedia("o1")) == [do.StopTone()]
    assert run(phone, on.CallEarlyMedia("o1")) == []
    assert phone.state is State.RINGBACK


def test_an_attempt_without_early_media_after_one_that_had_it_is_heard_as_ringback() -> None:
    phone = calling()
    run(phone, on.CallEarlyMedia("o1"))
    assert run(phone, on.CallProceeding("o1")) == [do.PlayTone(Tone.RINGBACK)]


def test_the_answer_stops_ringback() -> None:
    phone = calling()
    assert run(phone, on.CallProceeding("o1"), on.CallAnswered("o1")) == [do.StopTone()]
    assert phone.state is State.TALKING


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        (486, Tone.BUSY),
        (600, Tone.BUSY),
        (404, Tone.INFO),
        (410, Tone.INFO),
        (484, Tone.INFO),
        (604, Tone.INFO),
        (403, Tone.REORDER),
        (408, Tone.REORDER),
        (480, Tone.REORDER),
        (503, Tone.REORDER),
        (603, Tone.REORDER),
        (0, Tone.REORDER),
    ],
)
def test_each_failure_has_its_tone(status: int, tone: Tone) -> None:
    phone = calling()
    assert run(phone, on.CallFailed("o1", status)) == [do.PlayTone(tone), do.SetTimer("reorder", 30.0)]
    assert phone.state is State.REORDER
    assert phone.call is None


def test_hanging_up_ends_a_call_that_was_not_answered_yet() -> None:
    phone = calling()
    assert run(phone, on.CallProceeding("o1"), on.HookReplaced()) == [do.StopTone(), do.EndCall("o1")]
    assert phone.state is State.ON_HOOK


def test_news_of_a_call_that_was_ended_here_is_not_heard() -> None:
    phone = calling()
    run(phone, on.HookReplaced())
    assert run(phone, on.CallAnswered("o1"), on.CallFailed("o1", 487), on.CallEnded("o1")) == []
    assert phone.state is State.ON_HOOK


# -- incoming calls ----------------------------------------------------------------------------------------------


def test_lifting_during_ring_answers() -> None:
    phone = ready()
    assert run(phone, on.CallIncoming("i1", "Bob")) == [do.StartRinging(), do.SetTimer("ring", 180.0)]
    actions = run(phone, on.HookLifted())
    assert actions == [do.StopRinging(), do.CancelTimer("ring"), do.AnswerCall("i1")]
    assert phone.state is State.TALKING


def test_a_cancelled_call_stops_ringing() -> None:
    phone = ready()
    assert do.StopRinging() in run(phone, on.CallIncoming("i1", "Bob"), on.CallEnded("i1"))
    assert (phone.state, phone.call) == (State.ON_HOOK, None)


def test_a_second_call_is_refused_as_busy_while_the_first_rings() -> None:
    phone = ready()
    assert run(phone, on.CallIncoming("i1", "Bob"), on.CallIncoming("i2", "Eve")) == [do.RejectCall("i2", 486)]
    assert run(phone, on.CallEnded("i2")) == []
    assert phone.call == "i1"


def test_nobody_home_is_refused_after_three_minutes() -> None:
    phone = ready()
    actions = run(phone, on.CallIncoming("i1", "Bob"), on.TimerFired("ring"))
    assert actions == [do.RejectCall("i1", 480), do.StopRinging()]


@pytest.mark.parametrize("before", [[on.HookLifted()], [on.HookLifted(), *keys("12")]])
def test_a_call_that_comes_while_the_handset_is_off_is_refused_as_busy(before: list[on.Event]) -> None:
    phone = ready()
    run(phone, *before)
    state = phone.state
    assert run(phone, on.CallIncoming("i1", "Bob")) == [do.RejectCall("i1", 486)]
    assert phone.state is state


# -- in a call ---------------------------------------------------------------------------------------------------


def test_keys_in_a_call_are_dtmf() -> None:
    phone = talking()
    assert run(phone, on.KeyDown("5")) == [do.StartDtmf("o1", "5")]
    assert run(phone, on.KeyUp("5")) == [do.StopDtmf("o1", "5")]


def test_a_second_key_ends_the_first() -> None:
    phone = talking()
    assert run(phone, on.KeyDown("5"), on.KeyDown("6")) == [do.StopDtmf("o1", "5"), do.StartDtmf("o1", "6")]
    assert run(phone, on.KeyUp("5")) == []


def test_emergency_digits_in_a_call_are_dtmf_and_nothing_else() -> None:
    phone = talking()
    actions = [action for event in keys("112911") for action in phone.handle(event, 1.0)]
    assert {type(action) for action in actions} == {do.StartDtmf, do.StopDtmf}
    assert phone.call == "o1"


def test_keys_before_the_answer_are_dtmf_once_the_network_sends_sound() -> None:
    phone = calling()
    assert run(phone, on.CallProceeding("o1"), on.KeyDown("1")) == []
    assert run(phone, on.CallEarlyMedia("o1"), on.KeyDown("1")) == [do.StartDtmf("o1", "1")]


def test_hanging_up_with_a_key_held_ends_the_key_first() -> None:
    assert run(talking(), on.KeyDown("5"), on.HookReplaced()) == [do.StopDtmf("o1", "5"), do.EndCall("o1")]


def test_the_other_side_can_hold_and_come_back() -> None:
    phone = talking()
    assert run(phone, on.KeyDown("5"), on.CallHeld("o1")) == [do.StopDtmf("o1", "5")]
    assert phone.state is State.HELD
    assert run(phone, on.KeyDown("6")) == []
    run(phone, on.CallResumed("o1"))
    assert phone.state is State.TALKING


def test_the_other_side_hanging_up_gives_tone_then_howler_then_silence() -> None:
    phone = talking()
    assert run(phone, on.CallEnded("o1")) == [do.PlayTone(Tone.BUSY), do.SetTimer("reorder", 30.0)]
    assert run(phone, on.TimerFired("reorder")) == [do.PlayTone(Tone.HOWLER), do.SetTimer("howler", 60.0)]
    assert run(phone, on.TimerFired("howler")) == [do.StopTone()]
    assert phone.state is State.SILENT
    assert run(phone, on.HookReplaced()) == []
    assert phone.state is State.ON_HOOK


def test_a_handset_left_off_gets_reorder_after_dial_tone() -> None:
    phone = ready()
    assert do.PlayTone(Tone.REORDER) in run(phone, on.HookLifted(), on.TimerFired("dial"))


def test_a_timer_that_was_cancelled_does_nothing() -> None:
    phone = ready(SHORT_PLAN)
    run(phone, on.HookLifted(), *keys("555"))
    assert run(phone, on.TimerFired("dial")) == []
    assert phone.state is State.CALLING


# -- emergency calls ---------------------------------------------------------------------------------------------


def test_an_emergency_call_needs_no_service() -> None:
    phone = Phone(SHORT_PLAN)
    run(phone, on.HookLifted(), *keys("11"))
    assert run(phone, on.KeyDown("2")) == [do.CancelTimer("dial"), do.PlaceEmergencyCall("o1", "112")]
    assert phone.in_emergency


def test_an_emergency_number_that_could_go_on_is_sent_after_two_seconds() -> None:
    phone = ready()
    run(phone, on.HookLifted(), *keys("11"))
    assert run(phone, on.KeyDown("2")) == [do.SetTimer("dial", 2.0)]
    assert run(phone, on.TimerFired("dial")) == [do.PlaceEmergencyCall("o1", "112")]


def test_hash_sends_an_emergency_number_at_once() -> None:
    phone = ready()
    assert do.PlaceEmergencyCall("o1", "911") in run(phone, on.HookLifted(), *keys("9911"), on.KeyDown("#"))


def test_an_emergency_number_with_one_digit_more_is_an_ordinary_call() -> None:
    phone = ready()
    run(phone, on.HookLifted(), *keys("1123"))
    assert run(phone, on.TimerFired("dial")) == [do.PlaceCall("o1", "1123")]
    assert not phone.in_emergency


def test_calls_during_an_emergency_call_are_refused_as_busy() -> None:
    assert run(in_emergency(), on.CallIncoming("i1", "Bob")) == [do.RejectCall("i1", 486)]


@pytest.mark.parametrize("news", [[], [on.CallProceeding("o1")], [on.CallAnswered("o1")]])
def test_a_flash_during_an_emergency_call_changes_nothing(news: list[on.Event]) -> None:
    phone = in_emergency()
    run(phone, *news)
    state = phone.state
    assert run(phone, on.HookFlash()) == []
    assert (phone.state, phone.in_emergency) == (state, True)


def test_hanging_up_ends_an_emergency_call() -> None:
    phone = in_emergency()
    assert run(phone, on.CallAnswered("o1"), on.HookReplaced()) == [do.EndCall("o1")]
    assert not phone.in_emergency


def test_an_emergency_call_that_fails_is_told_in_words() -> None:
    actions = run(in_emergency(), on.CallFailed("o1", 0))
    assert actions[0] == do.PlayTone(Tone.REORDER)
    assert isinstance(actions[-1], do.Say)


def test_a_tap_on_the_hook_while_an_ordinary_call_rings_there_gives_dial_tone_for_an_emergency_call() -> None:
    phone = calling()
    assert run(phone, on.CallProceeding("o1"), on.HookFlash())[0] == do.EndCall("o1")
    assert do.PlaceEmergencyCall("o2", "112") in run(phone, *keys("112"), on.TimerFired("dial"))
