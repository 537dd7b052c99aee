"""Calls between two phones whose accounts secure them, or not: what SIP agrees on is what the media process runs."""

import pytest

from offhook.engine.mediarules import MediaRules
from offhook.phone import events as phone
from offhook.sdp.crypto import SUITES
from offhook.sdp.security import SrtpMode
from tests.support.engine_bench import LOOPBACK, End, between_two
from tests.support.lines import LineEnd, LinePair, loudness

OPTIONAL, REQUIRED, OFF = MediaRules("optional"), MediaRules("required"), MediaRules()


async def call(one: End, two: End) -> str:
    """Let the first phone call the second, which answers."""
    one.agent.place("o1", "1002")
    incoming = await two.expect(phone.CallIncoming)
    assert isinstance(incoming, phone.CallIncoming)
    two.agent.answer(incoming.call)
    await two.expect(phone.CallAnswered)
    await one.expect(phone.CallAnswered)
    return incoming.call


async def over(one: End, two: End) -> None:
    one.agent.end("o1")
    await two.expect(phone.CallEnded)


def lines_of(one: End, two: End) -> LinePair:
    """Run the streams that the two agreed on."""
    ends = [
        LineEnd((LOOPBACK, end.media.ports[1]), end.media.running[1], seed) for seed, end in enumerate((one, two), 1)
    ]
    return LinePair(*ends)


@pytest.mark.parametrize(
    ("caller", "callee", "protocol"),
    [
        ("optional", "optional", "RTP/AVP"),
        ("optional", "required", "RTP/AVP"),
        ("required", "optional", "RTP/SAVP"),
        ("required", "required", "RTP/SAVP"),
    ],
)
def test_two_who_can_are_secured_and_hear_each_other(caller: SrtpMode, callee: SrtpMode, protocol: str) -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        mine, yours = one.media.running[1].crypto, two.media.running[1].crypto
        assert mine is not None
        assert yours is not None
        assert (mine.receive, yours.receive) == ((yours.send,), (mine.send,))
        assert mine.send != yours.send
        for leg in (*one.legs, *two.legs):
            assert leg.session is not None
            assert (leg.session.secured, leg.session.suite) == (True, "AES_CM_128_HMAC_SHA1_80")
            assert leg.session.plan is not None
            assert leg.session.plan.protocol == protocol
        pair = lines_of(one, two)
        heard = pair.talk(1.0)
        assert min(map(loudness, (heard[0][4000:], heard[1][4000:]))) > 4000
        await over(one, two)

    between_two(scenario, one_rules=MediaRules(caller), rules=MediaRules(callee))


@pytest.mark.parametrize(("caller", "callee"), [("off", "off"), ("optional", "off"), ("off", "optional")])
def test_where_one_of_the_two_is_plain_the_call_is_plain(caller: SrtpMode, callee: SrtpMode) -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        for end in (one, two):
            assert end.media.running[1].crypto is None
            assert not any(leg.session and leg.session.secured for leg in end.legs)
        await over(one, two)

    between_two(scenario, one_rules=MediaRules(caller), rules=MediaRules(callee))


@pytest.mark.parametrize(("caller", "callee"), [("required", "off"), ("off", "required")])
def test_where_one_requires_what_the_other_has_not_the_call_fails_with_488(caller: SrtpMode, callee: SrtpMode) -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == 488
        assert two.told.empty(), "it never rings"

    between_two(scenario, one_rules=MediaRules(caller), rules=MediaRules(callee))


@pytest.mark.parametrize("suite", list(SUITES))
def test_each_suite_carries_speech_both_ways(suite: str) -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        crypto = one.media.running[1].crypto
        assert crypto is not None
        assert crypto.send.suite == suite
        heard = lines_of(one, two).talk(1.0)
        assert min(map(loudness, (heard[0][4000:], heard[1][4000:]))) > 4000
        await over(one, two)

    between_two(scenario, one_rules=MediaRules("optional", (suite,)), rules=REQUIRED)
