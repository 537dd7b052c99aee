"""Two calls in one hand, over the wire: three phones at a proxy, in virtual time."""

import asyncio
import re

import pytest

from offhook.engine.observations import CallSeen
from offhook.phone import events as phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.sip import events as sip
from offhook.sip.events import Body
from tests.support.handsets import SETTINGS, Hand, Proxy, among, settle_a_moment

JOINS = PhoneSettings(dialplan="1xxx", emergency_numbers=("112",), transfer_on_hangup=True)
ALONE = PhoneSettings(dialplan="1xxx", emergency_numbers=("112",), call_waiting=False)


def offered(hand: Hand) -> list[str]:
    """The directions that the other sides offered within calls, in order."""
    offers = [event.body.data for event in hand.events if isinstance(event, sip.CallReoffer) and event.body]
    return [found[0].decode() for data in offers if (found := re.findall(rb"a=(sendrecv|sendonly|inactive)", data))]


async def hold_and_call(one: Hand, two: Hand, three: Hand) -> None:
    """One talks to two, holds it, and talks to three."""
    await one.talk_to(two)
    one.flash()
    one.dial(three.user)
    await three.rings()
    three.lift()
    await one.until(State.TALKING)
    await settle_a_moment()


# -- hold, second call, swap -------------------------------------------------------------------------------------


def test_a_flash_holds_the_first_call_at_both_ends_and_gives_dial_tone() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        assert (one.heard(), one.spoken_to()) == ({"1002"}, {"1002"})
        one.flash()
        assert (one.heard(), one.spoken_to()) == (set(), set()), "silent before the other side has agreed"
        assert one.notes[-1] == "tone dial"
        await settle_a_moment()
        assert two.state is State.HELD
        assert (two.leg("i1").state, one.leg("o1").state) == ("held", "held")
        one.flash()
        await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        assert (one.heard(), one.spoken_to()) == ({"1002"}, {"1002"})
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_with_two_calls_one_is_heard_and_a_flash_changes_which() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        assert (one.heard(), one.spoken_to()) == ({"1003"}, {"1003"})
        assert len(one.media.running) == 2
        one.dial("5")
        assert [note for note in one.notes if note.startswith("dtmf")] == ["dtmf 2 5", "dtmf 2 5 ends"]
        one.flash()
        await settle_a_moment()
        assert (one.heard(), one.spoken_to()) == ({"1002"}, {"1002"})
        assert (two.state, three.state) == (State.TALKING, State.HELD)
        for hand in (one, two, three):
            hand.hang_up()
        one.lift()  # the third rings back
        one.hang_up()

    among(scenario)


def test_a_flash_while_the_second_rings_drops_it_and_returns() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        one.dial("1003")
        await three.rings()
        one.flash()
        await three.until(State.ON_HOOK)
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_flashing_to_and_fro_faster_than_the_answers_come_ends_as_the_hand_left_it() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        for _ in range(6):
            one.flash()
        await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        assert one.heard() == {"1002"}
        one.flash()
        one.flash()
        one.flash()
        await settle_a_moment()
        assert (one.state, two.state) == (State.DIAL_TONE, State.HELD)
        one.hang_up()
        two.hang_up()
        await one.until(State.ON_HOOK)

    among(scenario)


def test_both_sides_hold_at_once_and_come_back_one_after_the_other() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        await settle_a_moment()
        two.flash()
        await settle_a_moment()
        assert offered(one)[-1] == "inactive"
        one.flash()
        await settle_a_moment()
        assert one.state is State.HELD
        assert one.spoken_to() == set()
        two.flash()
        await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        assert one.heard() == {"1002"}
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_holds_that_cross_are_both_kept() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        two.flash()
        await one.until(State.DIAL_TONE)
        for _ in range(30):
            await settle_a_moment()
        assert one.leg("o1").held_here
        assert one.leg("o1").held_there
        assert two.leg("i1").held_here
        assert two.leg("i1").held_there
        one.flash()
        await settle_a_moment()
        two.flash()
        for _ in range(20):
            await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_each_description_of_a_call_has_a_newer_version_though_holds_cross() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        two.flash()
        for _ in range(30):
            await settle_a_moment()
        for heard in (one.events, two.events):
            bodies = [body for event in heard if isinstance(body := getattr(event, "body", None), Body)]
            versions = [int(body.data.split(b"o=")[1].split()[2]) for body in bodies]
            assert len(versions) > 2
            assert versions == sorted(set(versions))
        one.hang_up()
        two.hang_up()

    among(scenario, idle=False)


def test_a_hold_that_is_refused_returns_to_the_call_with_a_word() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        take = two.legs.take
        two.legs.take = lambda event: (  # type: ignore[method-assign]
            two.shell.endpoint.reject_reoffer(event.call, 488, two.shell.now())
            if isinstance(event, sip.CallReoffer)
            else take(event)
        )
        one.flash()
        await one.until(State.TALKING)
        assert f"say {SETTINGS.hold_failed}" in one.notes
        assert (one.heard(), one.spoken_to()) == ({"1002"}, {"1002"})
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_taking_a_call_back_is_tried_again_where_a_server_fails_at_it() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        await settle_a_moment()
        take, failures = two.legs.take, iter((500, 503, 504))

        def fail(event: sip.Event) -> None:
            if isinstance(event, sip.CallReoffer) and (status := next(failures, None)) is not None:
                two.shell.endpoint.reject_reoffer(event.call, status, two.shell.now())
            else:
                take(event)

        two.legs.take = fail  # type: ignore[method-assign]
        one.flash()
        await settle_a_moment()
        assert (one.state, two.state, one.heard()) == (State.TALKING, State.HELD, set())
        await asyncio.sleep(60)
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        assert (one.heard(), two.heard()) == ({"1002"}, {"1001"})
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_a_hold_that_nobody_answers_returns_to_the_call() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        two.legs.take = lambda event: None  # type: ignore[method-assign]
        await two.shell.transport.close()
        one.flash()
        await one.until(State.TALKING, 60)
        assert f"say {SETTINGS.hold_failed}" in one.notes

    among(scenario, idle=False)


def test_the_held_one_may_hang_up_and_is_forgotten() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        two.hang_up()
        await settle_a_moment()
        assert [leg.peer for leg in one.legs] == ["1003"]
        one.hang_up()
        await settle_a_moment()
        assert one.state is State.ON_HOOK
        three.hang_up()

    among(scenario)


# -- ringing back ------------------------------------------------------------------------------------------------


def test_hanging_up_with_a_call_on_hold_rings_back_and_lifting_takes_it() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        one.hang_up()
        await three.until(State.REORDER)
        assert one.state is State.RINGING
        assert two.state is State.HELD
        one.lift()
        await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        assert one.heard() == {"1002"}
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


# -- call waiting ------------------------------------------------------------------------------------------------


def test_a_waiting_call_is_announced_and_its_caller_hears_that_it_rings() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        three.lift()
        three.dial("1001")
        await three.until(State.RINGBACK)
        assert "tone waiting" in one.notes
        assert one.leg("i1").state == "waiting"
        assert one.heard() == {"1002"}
        one.flash()
        await three.until(State.TALKING)
        await settle_a_moment()
        assert (one.heard(), two.state) == ({"1003"}, State.HELD)
        one.hang_up()
        await three.until(State.REORDER)
        assert one.state is State.RINGING
        one.lift()
        await settle_a_moment()
        assert one.heard() == {"1002"}
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


def test_the_tone_ends_when_the_caller_gives_up() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        three.lift()
        three.dial("1001")
        await three.until(State.RINGBACK)
        three.hang_up()
        await settle_a_moment()
        assert one.notes[-1] == "quiet"
        assert one.switchboard.machine.waiting is None
        one.hang_up()
        two.hang_up()

    among(scenario)


def test_without_call_waiting_the_caller_hears_busy() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        three.lift()
        three.dial("1001")
        await three.until(State.REORDER)
        assert "tone busy" in three.notes
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario, options=ALONE)


def test_a_third_call_is_busy() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand, four: Hand) -> None:
        await hold_and_call(one, two, three)
        four.lift()
        four.dial("1001")
        await four.until(State.REORDER)
        assert "tone busy" in four.notes
        one.hang_up()
        for hand in (two, three, four):
            hand.hang_up()

    among(scenario, phones=4)


def test_hanging_up_with_a_call_that_waits_lets_it_ring() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        three.lift()
        three.dial("1001")
        await three.until(State.RINGBACK)
        one.hang_up()
        assert one.state is State.RINGING
        assert one.leg("i1").state == "ringing"
        one.lift()
        await three.until(State.TALKING)
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


# -- handing over ------------------------------------------------------------------------------------------------


def test_hanging_up_joins_the_two_others() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        one.hang_up()
        await settle_a_moment()
        await settle_a_moment()
        assert list(one.legs) == []
        assert one.state is State.ON_HOOK
        assert (two.state, three.state) == (State.TALKING, State.TALKING)
        assert (two.heard(), three.heard()) == ({"1003"}, {"1002"})
        assert [leg.held_here for leg in (*two.legs, *three.legs)] == [False, False]
        two.hang_up()
        await three.until(State.REORDER)
        three.hang_up()

    among(scenario, options=JOINS)


def test_hanging_up_while_the_second_rings_hands_the_first_over() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        one.dial("1003")
        await one.until(State.RINGBACK)
        one.hang_up()
        await settle_a_moment()
        await three.rings()
        three.lift()
        await settle_a_moment()
        await settle_a_moment()
        assert list(one.legs) == []
        assert (two.heard(), three.heard()) == ({"1003"}, {"1002"})
        two.hang_up()
        three.hang_up()

    among(scenario, options=JOINS)


def test_a_hand_over_that_nobody_takes_rings_back() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        one.dial("1003")
        await one.until(State.RINGBACK)
        three.lift()  # it answers the call that is being dropped, or finds it gone: either way it is busy then
        one.hang_up()
        await one.until(State.RINGING)
        one.lift()
        await settle_a_moment()
        assert one.heard() == {"1002"}
        for hand in (one, two, three):
            hand.hang_up()

    options = PhoneSettings(
        dialplan="1xxx", emergency_numbers=("112",), transfer_on_hangup=True, call_waiting=False, breather=60.0
    )
    among(scenario, options=options)


def test_a_hand_over_that_nobody_answers_rings_back() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        await two.shell.transport.close()
        one.hang_up()
        assert one.state is State.ON_HOOK
        await one.until(State.RINGING, 60)
        await three.until(State.REORDER)
        assert one.leg("o1").held_here

    among(scenario, options=JOINS, idle=False)


def test_a_call_that_comes_while_two_are_being_joined_rings_and_they_stay_two() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand, four: Hand) -> None:
        await hold_and_call(one, two, three)
        one.hang_up()
        four.lift()
        four.dial("1001")
        await four.until(State.RINGBACK)
        one.lift()
        await four.until(State.TALKING)
        await settle_a_moment()
        assert (one.heard(), two.heard(), three.heard()) == ({"1004"}, {"1003"}, {"1002"})
        for hand in (one, two, three, four):
            hand.hang_up()

    among(scenario, phones=4, options=JOINS)


# -- emergency ---------------------------------------------------------------------------------------------------


def test_an_emergency_call_at_the_second_dial_tone_ends_what_is_held() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        proxy.users["sos"] = three.shell.transport.udp
        await one.talk_to(two)
        one.flash()
        one.dial("112")
        await two.until(State.REORDER)
        assert one.switchboard.machine.in_emergency
        assert one.caller.up
        one.flash()
        assert one.switchboard.machine.in_emergency
        with pytest.raises(Exception, match="emergency"):
            one.programs.hang_up()
        one.hang_up()
        two.hang_up()

    among(scenario, idle=False)


# -- what watchers see -------------------------------------------------------------------------------------------


def test_watchers_see_each_call_by_its_id_and_state() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await hold_and_call(one, two, three)
        seen = [(item.call, item.state) for item in one.seen if isinstance(item, CallSeen)]
        first, second = ([s for c, s in seen if c == call] for call in ("o1", "o2"))
        assert first == ["calling", "ringing", "talking", "held"]
        assert second == ["calling", "ringing", "talking"]
        one.hang_up()
        two.hang_up()
        three.hang_up()

    among(scenario)


def test_posting_while_posting_is_kept_in_order() -> None:
    async def scenario(proxy: Proxy, one: Hand) -> None:
        one.lift()
        one.switchboard.post(phone.HookFlash())
        assert one.state is State.DIAL_TONE
        one.hang_up()

    among(scenario, phones=1)
