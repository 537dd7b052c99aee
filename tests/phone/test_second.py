"""Two calls in one hand: hold, second dial tone, swap, a call that waits, handing over, ringing back."""

import pytest

from offhook.phone import actions as do
from offhook.phone import events as on
from offhook.phone.actions import Action, Tone
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State

PLAIN = PhoneSettings(dialplan="[2-8]xx", emergency_numbers=("112",))
JOINS = PhoneSettings(dialplan="[2-8]xx", emergency_numbers=("112",), transfer_on_hangup=True)


def run(phone: Phone, *events: on.Event, at: float = 100.0) -> list[Action]:
    """Return the actions of the last event."""
    actions: list[Action] = []
    for event in events:
        actions = phone.handle(event, at)
    return actions


def keys(text: str) -> list[on.Event]:
    return [event for key in text for event in (on.KeyDown(key), on.KeyUp(key))]  # type: ignore[arg-type]


def talking(options: PhoneSettings = PLAIN) -> Phone:
    """A phone that has dialled 555 and is answered: o1."""
    phone = Phone(options)
    run(phone, on.ServiceChanged(True), on.HookLifted(), *keys("555"), on.CallAnswered("o1"))
    assert phone.state is State.TALKING
    return phone


def second_dialled(options: PhoneSettings = PLAIN, *news: on.Event) -> Phone:
    """A phone that holds o1 and has dialled 666: o2."""
    phone = talking(options)
    run(phone, on.HookFlash(), *keys("666"), *news)
    assert (phone.call, phone.held) == ("o2", ("o1",))
    return phone


def two_up(options: PhoneSettings = PLAIN) -> Phone:
    """A phone that holds o1 and talks to o2."""
    return second_dialled(options, on.CallAnswered("o2"))


def waited_for() -> Phone:
    """A phone that talks to o1 while i1 waits."""
    phone = talking()
    run(phone, on.CallIncoming("i1", "Eve"))
    assert phone.waiting == "i1"
    return phone


def in_emergency() -> Phone:
    phone = Phone(PLAIN)
    run(phone, on.HookLifted(), *keys("112"), on.CallAnswered("o1"))
    return phone


# -- flash -------------------------------------------------------------------------------------------------------


def test_a_flash_holds_the_call_and_gives_a_second_dial_tone() -> None:
    phone = talking()
    assert run(phone, on.HookFlash()) == [
        do.HoldCall("o1"),
        do.PlayTone(Tone.DIAL),
        do.SetTimer("dial", 20.0),
    ]
    assert (phone.state, phone.call, phone.held) == (State.DIAL_TONE, None, ("o1",))


def test_a_key_that_is_held_ends_before_the_call_is() -> None:
    phone = talking()
    assert run(phone, on.KeyDown("5"), on.HookFlash())[:2] == [do.StopDtmf("o1", "5"), do.HoldCall("o1")]


def test_dialling_at_the_second_dial_tone_places_a_second_call() -> None:
    phone = talking()
    run(phone, on.HookFlash(), *keys("66"))
    assert run(phone, on.KeyDown("6"))[-1] == do.PlaceCall("o2", "666")


def test_a_flash_swaps_the_two_once_the_second_is_answered() -> None:
    phone = two_up()
    assert run(phone, on.HookFlash()) == [do.HoldCall("o2"), do.ResumeCall("o1")]
    assert (phone.state, phone.call, phone.held) == (State.TALKING, "o1", ("o2",))
    assert run(phone, on.HookFlash()) == [do.HoldCall("o1"), do.ResumeCall("o2")]


@pytest.mark.parametrize("news", [[], [on.CallProceeding("o2")], [on.CallEarlyMedia("o2")]])
def test_a_flash_before_the_second_is_answered_drops_it_and_returns_to_the_first(news: list[on.Event]) -> None:
    phone = second_dialled(PLAIN, *news)
    actions = run(phone, on.HookFlash())
    assert [a for a in actions if not isinstance(a, do.StopTone)] == [do.EndCall("o2"), do.ResumeCall("o1")]
    assert (phone.state, phone.call, phone.held) == (State.TALKING, "o1", ())


@pytest.mark.parametrize("events", [[], keys("66"), [on.TimerFired("dial")]], ids=["dial tone", "dialling", "reorder"])
def test_a_flash_at_the_second_dial_tone_returns_to_the_first(events: list[on.Event]) -> None:
    phone = talking()
    run(phone, on.HookFlash(), *events)
    actions = run(phone, on.HookFlash())
    assert do.ResumeCall("o1") in actions
    assert not any(isinstance(action, do.PlayTone) for action in actions)
    assert phone.state is State.TALKING


def test_a_flash_after_the_second_failed_returns_to_the_first() -> None:
    phone = second_dialled()
    run(phone, on.CallFailed("o2", 486))
    assert run(phone, on.HookFlash()) == [do.ResumeCall("o1"), do.StopTone(), do.CancelTimer("reorder")]
    assert phone.state is State.TALKING


def test_the_other_side_of_the_second_hanging_up_leaves_the_first_on_hold_under_a_tone() -> None:
    phone = two_up()
    assert do.PlayTone(Tone.BUSY) in run(phone, on.CallEnded("o2"))
    assert (phone.state, phone.held) == (State.REORDER, ("o1",))
    assert do.ResumeCall("o1") in run(phone, on.HookFlash())


def test_the_held_one_hanging_up_is_forgotten_and_a_flash_then_gives_dial_tone() -> None:
    phone = two_up()
    assert run(phone, on.CallEnded("o1")) == []
    assert run(phone, on.HookFlash())[0] == do.HoldCall("o2")
    assert phone.state is State.DIAL_TONE


def test_without_second_call_a_flash_changes_nothing() -> None:
    phone = talking(PhoneSettings(dialplan="[2-8]xx", second_call=False))
    assert run(phone, on.HookFlash()) == []
    assert phone.state is State.TALKING


def test_a_call_that_the_other_side_holds_can_be_held_at_once_and_comes_back_held() -> None:
    phone = talking()
    run(phone, on.CallHeld("o1"))
    assert phone.state is State.HELD
    assert run(phone, on.HookFlash())[0] == do.HoldCall("o1")
    run(phone, on.HookFlash())
    assert (phone.state, phone.call) == (State.HELD, "o1")
    run(phone, on.CallResumed("o1"))
    assert phone.state is State.TALKING


def test_news_of_hold_of_the_held_call_is_remembered() -> None:
    phone = two_up()
    run(phone, on.CallHeld("o1"), on.HookFlash())
    assert phone.state is State.HELD
    run(phone, on.HookFlash(), on.CallResumed("o1"), on.HookFlash())
    assert phone.state is State.TALKING


def test_a_hold_that_fails_returns_to_the_call_with_a_word() -> None:
    phone = talking()
    run(phone, on.HookFlash())
    actions = run(phone, on.CallHoldFailed("o1"))
    assert do.ResumeCall("o1") in actions
    assert actions[-1] == do.Say(PLAIN.hold_failed)
    assert (phone.state, phone.call, phone.held) == (State.TALKING, "o1", ())


def test_a_hold_that_fails_takes_no_digits_from_who_dials() -> None:
    phone = talking()
    run(phone, on.HookFlash(), *keys("11"))
    assert run(phone, on.CallHoldFailed("o1")) == []
    assert do.PlaceEmergencyCall("o2", "112") in run(phone, on.KeyDown("2"))


def test_a_hold_that_fails_when_the_second_is_placed_changes_nothing() -> None:
    phone = second_dialled()
    assert run(phone, on.CallHoldFailed("o1")) == []
    assert (phone.state, phone.held) == (State.CALLING, ("o1",))


# -- ringing back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [[], keys("66"), [on.TimerFired("dial")], keys("666")],
    ids=["dial tone", "dialling", "reorder", "calling"],
)
def test_hanging_up_with_a_call_on_hold_rings_back(events: list[on.Event]) -> None:
    phone = talking(JOINS)
    run(phone, on.HookFlash(), *events)
    actions = run(phone, on.HookReplaced())
    assert actions[-2:] == [do.StartRinging(), do.SetTimer("ring", 180.0)]
    assert (phone.state, phone.call) == (State.RINGING, "o1")
    assert run(phone, on.HookLifted()) == [do.StopRinging(), do.CancelTimer("ring"), do.ResumeCall("o1")]
    assert phone.state is State.TALKING


def test_without_the_setting_hanging_up_on_the_second_ends_it_and_the_first_rings_back() -> None:
    phone = two_up()
    assert run(phone, on.HookReplaced()) == [do.EndCall("o2"), do.StartRinging(), do.SetTimer("ring", 180.0)]
    assert (phone.state, phone.call) == (State.RINGING, "o1")


def test_a_call_that_rings_back_and_ends_stops_ringing() -> None:
    phone = two_up()
    assert do.StopRinging() in run(phone, on.HookReplaced(), on.CallEnded("o1"))
    assert (phone.state, phone.call) == (State.ON_HOOK, None)


def test_a_call_that_rings_back_is_ended_when_nobody_comes() -> None:
    phone = two_up()
    assert run(phone, on.HookReplaced(), on.TimerFired("ring")) == [do.EndCall("o1"), do.StopRinging()]


def test_a_call_that_comes_while_one_rings_back_is_refused() -> None:
    phone = two_up()
    assert run(phone, on.HookReplaced(), on.CallIncoming("i1", "Eve")) == [do.RejectCall("i1", 486)]


# -- call waiting ------------------------------------------------------------------------------------------------


def test_a_call_that_comes_during_a_call_is_announced_by_its_tone() -> None:
    phone = talking()
    assert run(phone, on.CallIncoming("i1", "Eve")) == [do.SetTimer("waiting", 180.0), do.PlayTone(Tone.WAITING)]
    assert (phone.state, phone.call, phone.waiting) == (State.TALKING, "o1", "i1")


def test_a_flash_takes_the_call_that_waits_and_holds_the_first() -> None:
    phone = waited_for()
    assert run(phone, on.HookFlash()) == [
        do.HoldCall("o1"),
        do.CancelTimer("waiting"),
        do.AnswerCall("i1"),
        do.StopTone(),
    ]
    assert (phone.state, phone.call, phone.held, phone.waiting) == (State.TALKING, "i1", ("o1",), None)
    assert run(phone, on.HookFlash()) == [do.HoldCall("i1"), do.ResumeCall("o1")]


def test_after_a_call_waiting_hanging_up_ends_the_current_one_and_the_held_one_rings_back() -> None:
    phone = Phone(JOINS)
    run(phone, on.ServiceChanged(True), on.HookLifted(), *keys("555"), on.CallAnswered("o1"))
    run(phone, on.CallIncoming("i1", "Eve"), on.HookFlash(), on.CallAnswered("i1"))
    assert run(phone, on.HookReplaced(), at=200.0)[:2] == [do.EndCall("i1"), do.StartRinging()]
    assert (phone.state, phone.call) == (State.RINGING, "o1")


def test_the_tone_ends_when_the_caller_gives_up() -> None:
    phone = waited_for()
    assert run(phone, on.CallEnded("i1")) == [do.CancelTimer("waiting"), do.StopTone()]
    assert (phone.state, phone.waiting) == (State.TALKING, None)


def test_a_call_that_waits_is_refused_when_nobody_takes_it() -> None:
    phone = waited_for()
    assert run(phone, on.TimerFired("waiting")) == [do.RejectCall("i1", 480), do.StopTone()]
    assert run(phone, on.TimerFired("waiting")) == []


def test_hanging_up_with_a_call_that_waits_lets_it_ring() -> None:
    phone = waited_for()
    actions = run(phone, on.HookReplaced())
    assert actions == [
        do.StopTone(),
        do.EndCall("o1"),
        do.CancelTimer("waiting"),
        do.StartRinging(),
        do.SetTimer("ring", 180.0),
    ]
    assert run(phone, on.HookLifted())[-1] == do.AnswerCall("i1")


def test_the_other_side_hanging_up_leaves_the_call_that_waits_to_a_flash() -> None:
    phone = waited_for()
    assert do.PlayTone(Tone.BUSY) in run(phone, on.CallEnded("o1"))
    assert do.AnswerCall("i1") in run(phone, on.HookFlash())
    assert (phone.state, phone.call) == (State.TALKING, "i1")


def test_a_call_can_wait_while_the_other_side_holds() -> None:
    phone = talking()
    run(phone, on.CallHeld("o1"))
    assert do.PlayTone(Tone.WAITING) in run(phone, on.CallIncoming("i1", "Eve"))
    assert phone.state is State.HELD


def test_a_second_waiting_call_and_one_beside_two_others_are_refused_as_busy() -> None:
    assert run(waited_for(), on.CallIncoming("i2", "Mallory")) == [do.RejectCall("i2", 486)]
    assert run(two_up(), on.CallIncoming("i1", "Eve")) == [do.RejectCall("i1", 486)]


def test_the_desk_that_calls_back_is_announced_beside_two_calls_and_without_call_waiting() -> None:
    phone = two_up(PhoneSettings(dialplan="[2-8]xx", emergency_numbers=("112",), call_waiting=False))
    assert do.PlayTone(Tone.WAITING) in run(phone, on.CallIncoming("i1", "desk", urgent=True))
    assert do.AnswerCall("i1") in run(phone, on.HookFlash())
    assert (phone.call, phone.held) == ("i1", ("o1", "o2"))
    run(phone, on.HookReplaced())
    assert (phone.state, phone.call) == (State.RINGING, "o1")


def test_without_call_waiting_a_further_call_is_refused_as_busy() -> None:
    phone = talking(PhoneSettings(dialplan="[2-8]xx", call_waiting=False))
    assert run(phone, on.CallIncoming("i1", "Eve")) == [do.RejectCall("i1", 486)]


@pytest.mark.parametrize("events", [[], keys("66"), keys("666")], ids=["dial tone", "dialling", "calling"])
def test_a_call_that_comes_before_the_second_is_answered_is_refused_as_busy(events: list[on.Event]) -> None:
    phone = talking()
    assert run(phone, on.HookFlash(), *events, on.CallIncoming("i1", "Eve")) == [do.RejectCall("i1", 486)]


# -- handing over ------------------------------------------------------------------------------------------------


def test_hanging_up_joins_the_two_where_the_second_was_dialled_here_and_is_answered() -> None:
    phone = two_up(JOINS)
    assert run(phone, on.HookReplaced()) == [do.JoinCalls("o1", "o2")]
    assert (phone.state, phone.leaving) == (State.ON_HOOK, ("o1", "o2"))
    assert run(phone, on.CallTransferred("o1")) == [do.EndCall("o1"), do.EndCall("o2")]
    assert phone.leaving == ()


def test_hanging_up_after_a_swap_joins_the_same_two() -> None:
    phone = two_up(JOINS)
    assert run(phone, on.HookFlash(), on.HookReplaced()) == [do.JoinCalls("o2", "o1")]


def test_hanging_up_while_the_second_rings_hands_the_first_over_to_its_number() -> None:
    phone = second_dialled(JOINS, on.CallProceeding("o2"))
    assert run(phone, on.HookReplaced()) == [do.StopTone(), do.EndCall("o2"), do.TransferCall("o1", "666")]
    assert (phone.state, phone.leaving) == (State.ON_HOOK, ("o1",))
    assert run(phone, on.CallTransferred("o1")) == [do.EndCall("o1")]


def test_the_second_ending_while_the_two_are_joined_is_as_it_should_be() -> None:
    phone = two_up(JOINS)
    run(phone, on.HookReplaced())
    assert run(phone, on.CallEnded("o2")) == []
    assert run(phone, on.CallTransferred("o1")) == [do.EndCall("o1")]


def test_the_first_ending_while_the_two_are_joined_ends_the_second() -> None:
    phone = two_up(JOINS)
    run(phone, on.HookReplaced())
    assert run(phone, on.CallEnded("o1")) == [do.EndCall("o2")]
    assert phone.leaving == ()


@pytest.mark.parametrize("second", [True, False])
def test_a_transfer_that_fails_rings_back(second: bool) -> None:
    phone = two_up(JOINS) if second else second_dialled(JOINS, on.CallProceeding("o2"))
    run(phone, on.HookReplaced())
    actions = run(phone, on.CallNotTransferred("o1", 486))
    assert actions == [*([do.EndCall("o2")] if second else []), do.StartRinging(), do.SetTimer("ring", 180.0)]
    assert run(phone, on.HookLifted())[-1] == do.ResumeCall("o1")


def test_a_transfer_that_fails_after_the_next_lift_is_told_and_a_flash_takes_the_call_back() -> None:
    phone = two_up(JOINS)
    run(phone, on.HookReplaced(), on.HookLifted())
    assert run(phone, on.CallNotTransferred("o1", 486)) == [do.EndCall("o2"), do.Say(JOINS.transfer_failed)]
    assert do.ResumeCall("o1") in run(phone, on.HookFlash())


def test_a_transfer_that_fails_while_another_call_rings_waits_for_its_turn() -> None:
    phone = two_up(JOINS)
    run(phone, on.HookReplaced(), on.CallIncoming("i1", "Eve"))
    assert run(phone, on.CallNotTransferred("o1", 486)) == [do.EndCall("o2")]
    run(phone, on.HookLifted())
    assert (phone.call, phone.held) == ("i1", ("o1",))
    assert do.StartRinging() in run(phone, on.HookReplaced(), at=200.0)


def test_a_call_that_waited_is_never_handed_over() -> None:
    phone = talking(JOINS)
    run(phone, on.CallIncoming("i1", "Eve"), on.HookFlash(), on.CallAnswered("i1"))
    actions = run(phone, on.HookFlash(), on.HookReplaced(), at=200.0)
    assert do.EndCall("o1") in actions
    assert not any(isinstance(action, do.JoinCalls | do.TransferCall) for action in actions)
    assert phone.call == "i1"


# -- emergency ---------------------------------------------------------------------------------------------------


def test_an_emergency_number_at_the_second_dial_tone_ends_what_is_held_and_is_placed() -> None:
    phone = talking()
    run(phone, on.HookFlash(), *keys("11"))
    actions = run(phone, on.KeyDown("2"))
    assert actions[-2:] == [do.EndCall("o1"), do.PlaceEmergencyCall("o2", "112")]
    assert (phone.held, phone.in_emergency) == ((), True)


def test_an_emergency_call_ends_a_transfer_that_is_under_way() -> None:
    phone = two_up(JOINS)
    run(phone, on.HookReplaced(), on.HookLifted(), *keys("11"))
    assert run(phone, on.KeyDown("2"))[-3:] == [
        do.EndCall("o1"),
        do.EndCall("o2"),
        do.PlaceEmergencyCall("o3", "112"),
    ]


def test_a_flash_during_an_emergency_call_is_ignored_and_a_further_call_is_busy() -> None:
    phone = in_emergency()
    assert run(phone, on.HookFlash()) == []
    assert run(phone, on.CallIncoming("i1", "Eve")) == [do.RejectCall("i1", 486)]
    assert (phone.state, phone.in_emergency) == (State.TALKING, True)


def test_an_emergency_call_that_the_desk_holds_stays_in_the_ear() -> None:
    phone = in_emergency()
    run(phone, on.CallHeld("o1"))
    assert run(phone, on.HookFlash()) == []
    assert (phone.state, phone.call) == (State.HELD, "o1")


# -- lifting under a row of calls --------------------------------------------------------------------------------


def test_who_gets_rid_of_a_call_is_not_rung_for_a_moment_so_that_the_next_lift_gives_dial_tone() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Eve"), on.HookLifted(), at=10.0)
    run(phone, on.CallIncoming("i2", "Eve"), at=11.0)
    assert do.RejectCall("i2", 486) in run(phone, on.HookReplaced(), at=12.0)
    assert phone.state is State.ON_HOOK
    assert run(phone, on.CallIncoming("i3", "Eve"), at=13.0) == [do.RejectCall("i3", 486)]
    run(phone, on.HookLifted(), at=14.0)
    assert phone.state is State.DIAL_TONE
    run(phone, on.HookReplaced(), at=15.0)
    assert do.StartRinging() in run(phone, on.CallIncoming("i4", "Bob"), at=18.0)


def test_a_caller_who_hangs_up_first_leaves_the_phone_ready_for_the_next() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Bob"), on.HookLifted(), at=10.0)
    run(phone, on.CallEnded("i1"), on.HookReplaced(), at=11.0)
    assert do.StartRinging() in run(phone, on.CallIncoming("i2", "Eve"), at=12.0)


def test_the_desk_that_calls_back_rings_at_once() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Eve"), on.HookLifted(), on.HookReplaced(), at=10.0)
    assert do.StartRinging() in run(phone, on.CallIncoming("i2", "desk", urgent=True), at=11.0)


def test_after_a_real_conversation_the_next_call_rings_at_once() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Bob"), on.HookLifted(), at=10.0)
    run(phone, on.HookReplaced(), at=60.0)
    assert do.StartRinging() in run(phone, on.CallIncoming("i2", "Eve"), at=60.5)


# -- answering without a hand ------------------------------------------------------------------------------------


def test_a_call_that_may_be_answered_without_a_hand_is_after_a_beep() -> None:
    phone = Phone(PLAIN)
    assert run(phone, on.CallIncoming("i1", "Bob", auto=True)) == [
        do.OpenEar(),
        do.PlayTone(Tone.CONFIRM),
        do.SetTimer("beep", 1.0),
    ]
    assert run(phone, on.TimerFired("beep")) == [do.AnswerCall("i1"), do.StopTone()]
    assert phone.state is State.TALKING
    assert run(phone, on.CallEnded("i1")) == [do.CloseEar()]
    assert phone.state is State.ON_HOOK


def test_lifting_during_the_beep_or_after_it_takes_the_call_to_the_handset() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Bob", auto=True))
    assert do.AnswerCall("i1") in run(phone, on.HookLifted())
    run(phone, on.HookReplaced(), at=200.0)
    run(phone, on.CallIncoming("i2", "Bob", auto=True), on.TimerFired("beep"), at=300.0)
    assert run(phone, on.HookLifted()) == []
    assert run(phone, on.HookReplaced(), at=400.0) == [do.EndCall("i2")]
    assert phone.state is State.ON_HOOK


def test_a_caller_who_gives_up_during_the_beep_is_forgotten() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Bob", auto=True))
    assert run(phone, on.CallEnded("i1")) == [do.StopTone(), do.CancelTimer("beep"), do.CloseEar()]


def test_a_call_that_is_to_be_answered_later_rings_until_then_and_the_beep_comes_last() -> None:
    phone = Phone(PLAIN)
    assert run(phone, on.CallIncoming("i1", "Bob", auto=True, after=5.0)) == [
        do.StartRinging(),
        do.SetTimer("ring", 4.0),
    ]
    assert run(phone, on.TimerFired("ring"), at=4.0) == [
        do.StopRinging(),
        do.OpenEar(),
        do.PlayTone(Tone.CONFIRM),
        do.SetTimer("beep", 1.0),
    ]
    assert run(phone, on.TimerFired("beep"), at=5.0) == [do.AnswerCall("i1"), do.StopTone()]
    assert phone.state is State.TALKING


def test_nobody_waits_longer_for_an_answer_by_itself_than_a_call_may_ring() -> None:
    phone = Phone(PLAIN)
    assert do.SetTimer("ring", PLAIN.ring_limit - 1.0) in run(
        phone, on.CallIncoming("i1", "Bob", auto=True, after=9999.0)
    )


def test_who_lifts_while_such_a_call_rings_answers_it() -> None:
    phone = Phone(PLAIN)
    run(phone, on.CallIncoming("i1", "Bob", auto=True, after=5.0))
    assert do.AnswerCall("i1") in run(phone, on.HookLifted())
    assert run(phone, on.HookReplaced(), at=200.0) == [do.EndCall("i1")]


def test_during_a_call_such_a_call_waits_like_any_other() -> None:
    phone = talking()
    assert do.PlayTone(Tone.WAITING) in run(phone, on.CallIncoming("i1", "Bob", auto=True))
    assert phone.waiting == "i1"
