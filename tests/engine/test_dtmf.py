"""Keys that are pressed in a call: telephone events where agreed on, else SIP INFO; both are heard."""

import asyncio
from typing import Literal

import pytest

from offhook.engine.mediarules import MediaRules
from offhook.engine.observations import DtmfSeen
from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.calls.info import Dtmf
from offhook.sip.events import Body
from offhook.sip.messages.headers import NameAddr
from tests.support.engine_bench import End, between_two


async def talk(one: End, two: End) -> None:
    """one calls two."""
    one.agent.place("o1", "1002")
    await two.expect(phone.CallIncoming)
    two.agent.answer("i1")
    await one.expect(phone.CallAnswered)


async def keys(end: End) -> list[DtmfSeen]:
    """Return the keys that an end was sent, once there is one."""
    async with asyncio.timeout(5):
        while not (found := [item for item in end.seen if isinstance(item, DtmfSeen)]):
            await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize(("mode", "by_info"), [("auto", False), ("rtp", False), ("info", True)])
def test_keys_go_as_the_rules_say(mode: Literal["auto", "rtp", "info"], by_info: bool) -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        leg = one.legs.by_call("o1")
        assert leg is not None
        one.legs.press(leg, "5")
        one.legs.release(leg, "5")
        if by_info:
            assert await keys(two) == [DtmfSeen("5", "in")]
            assert not any(note.startswith("dtmf") for note in one.media.notes)
        else:
            assert one.media.notes[-2:] == ["dtmf 1 5", "dtmf 1 5 ends"]
        one.agent.end("o1")

    between_two(scenario, one_rules=MediaRules(dtmf=mode))


def test_without_telephone_events_keys_go_by_info() -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        leg = one.legs.by_call("o1")
        assert leg is not None
        assert leg.session is not None
        bare = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40010 RTP/AVP 0\r\n"
        one.legs.take(sip.CallReoffer(leg.handle, Body("application/sdp", bare)))
        assert leg.session.dtmf_by_info
        one.legs.press(leg, "#")
        one.legs.release(leg, "#")
        assert await keys(two) == [DtmfSeen("#", "in")]
        one.agent.end("o1")

    between_two(scenario)


def test_an_info_that_tells_of_no_key_or_of_a_call_that_is_gone_is_nothing() -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        leg = one.legs.by_call("o1")
        assert leg is not None
        one.legs.take(sip.CallInfo(leg.handle, Body("application/dtmf", b"")))
        one.legs.take(sip.CallInfo("gone", Dtmf("1").body()))
        one.legs.release(leg, "9")
        one.legs.press(leg, "1")
        one.agent.end("o1")
        one.legs.press(leg, "1")
        one.legs.release(leg, "1")
        assert [item for item in one.seen if isinstance(item, DtmfSeen)] == []

    between_two(scenario)


def test_who_is_at_the_other_end_now_is_seen() -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        leg = one.legs.by_call("o1")
        assert leg is not None
        one.legs.take(sip.PeerChanged(leg.handle, NameAddr.parse('"Reception" <sip:20@pbx.test>')))
        assert leg.peer == "Reception"
        assert one.states()[-1] == "talking"
        one.agent.end("o1")

    between_two(scenario)
