"""Calls between two phones whose accounts secure them, or not: what SIP agrees on is what the media process runs."""

import asyncio
import os
from dataclasses import replace

import pytest

from offhook.engine.bodies import SDP
from offhook.engine.keywear import KeyWear, Wear
from offhook.engine.mediarules import MediaRules, crypto_pair
from offhook.engine.session import MediaSession
from offhook.media.settings import CryptoPair
from offhook.phone import events as phone
from offhook.sdp.crypto import SUITES, CryptoAttribute, MasterKey, own_crypto
from offhook.sdp.description import SessionDescription
from offhook.sdp.negotiate import LocalMedia
from offhook.sdp.security import CryptoPlan, SrtpMode
from offhook.sip import events as sip
from offhook.sip.events import Body
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


def session_of(end: End) -> MediaSession:
    (leg,) = end.legs
    assert leg.session is not None
    return leg.session


def keys_of(end: End) -> CryptoPair:
    crypto = end.media.running[1].crypto
    assert crypto is not None
    return crypto


def test_hold_and_resume_keep_the_keys() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        keys = keys_of(one), keys_of(two)
        pair = lines_of(one, two)
        pair.talk(0.5)
        (leg,) = one.legs
        for on, told in ((True, phone.CallHeld), (False, phone.CallResumed)):
            (one.legs.hold if on else one.legs.resume)(leg)
            await two.expect(told)
            await asyncio.sleep(1)
            assert (keys_of(one), keys_of(two)) == keys
            assert one.media.running[1].send is not on
            assert two.media.running[1].send is not on
            pair.one.update(one.media.running[1])
            pair.two.update(two.media.running[1])
            heard = pair.talk(0.5)
        assert min(map(loudness, (heard[0][2400:], heard[1][2400:]))) > 4000
        pair.talk(1.0)
        assert pair.one.report.rejected == pair.two.report.rejected == 0
        await over(one, two)

    between_two(scenario, one_rules=REQUIRED, rules=OPTIONAL)


def test_each_new_description_of_a_session_has_its_identity_and_the_next_version() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        session = session_of(one)
        origins = []
        for hold in (True, False, True):
            session.set_hold(hold)
            origins.append(SessionDescription.parse(session.offer().data).origin)
        assert {(origin.session_id, origin.address) for origin in origins} == {("7", LOOPBACK)}
        versions = [int(origin.version) for origin in origins]
        assert versions == list(range(versions[0], versions[0] + 3))
        await over(one, two)

    between_two(scenario)


def test_keys_of_the_other_side_that_change_are_followed_by_a_key_of_our_own() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        before = keys_of(one), keys_of(two)
        pair = lines_of(one, two)
        pair.talk(0.5)
        mine = session_of(one)
        mine._local = replace(mine._local, crypto=own_crypto(os.urandom))
        one.shell.endpoint.reinvite("a1", mine.offer(), one.shell.now())
        one.shell.pump()
        await asyncio.sleep(1)
        (accepted,) = [event for event in one.events if isinstance(event, sip.ReofferAccepted)]
        assert accepted.body is not None
        assert keys_of(one).receive == (keys_of(two).send,)
        assert keys_of(one).send != before[0].send
        assert keys_of(two).send != before[1].send
        pair.two.update(two.media.running[1])
        pair.one.update(one.media.running[1])
        heard = pair.talk(1.0)
        assert min(map(loudness, (heard[0][4000:], heard[1][4000:]))) > 4000
        assert pair.one.report.rejected == pair.two.report.rejected == 0
        await over(one, two)

    between_two(scenario, one_rules=OPTIONAL, rules=OPTIONAL)


def test_a_re_invite_that_drops_the_keys_is_refused_where_they_are_required() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        before = two.media.running[1]
        body = Body(SDP, make_plain(session_of(one).offer().data))
        one.shell.endpoint.reinvite("a1", body, one.shell.now())
        one.shell.pump()
        await asyncio.sleep(1)
        assert [event.status for event in one.events if isinstance(event, sip.ReofferRefused)] == [488]
        assert two.media.running[1] == before
        await over(one, two)

    between_two(scenario, one_rules=OPTIONAL, rules=REQUIRED)


def make_plain(data: bytes) -> bytes:
    lines = [line for line in data.decode().split("\r\n") if not line.startswith("a=crypto")]
    return "\r\n".join(lines).replace("RTP/SAVP", "RTP/AVP").encode()


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_late_offer_is_secured_as_any_other(mode: SrtpMode) -> None:
    async def scenario(one: End, two: End) -> None:
        one.shell.endpoint.call("x", "desk", "1002", None, one.shell.now())
        one.shell.pump()
        await two.expect(phone.CallIncoming)
        two.agent.answer("i1")
        await two.expect(phone.CallAnswered)
        while not (offered := [event for event in one.events if isinstance(event, sip.CallReoffer)]):
            await asyncio.sleep(0.1)
        assert offered[0].body is not None
        caller = one.sessions.open(LOOPBACK, rules=OPTIONAL)
        one.shell.endpoint.accept_reoffer("x", caller.answer_to(offered[0].body), one.shell.now())
        one.shell.pump()
        while not two.media.running:
            await asyncio.sleep(0.1)
        assert caller.plan is not None
        assert caller.plan.crypto is not None
        assert keys_of(two) == CryptoPair(
            crypto_pair(caller.plan.crypto).receive[0], (crypto_pair(caller.plan.crypto).send,)
        )
        caller.close()
        two.agent.end("i1")

    between_two(scenario, rules=MediaRules(mode))


def test_an_emergency_call_of_an_account_that_requires_srtp_goes_through_without() -> None:
    assert REQUIRED.for_emergency().srtp == "optional"
    assert OPTIONAL.for_emergency().srtp == "optional"
    assert OFF.for_emergency().srtp == "off"
    assert MediaRules(silence_s=60, codec_lock=True).for_emergency() == OFF


def test_the_emergency_desk_that_calls_back_is_not_kept_out_by_what_is_required() -> None:
    async def scenario(one: End, two: End) -> None:
        two.agent._called_back = lambda: True
        await call(one, two)
        (leg,) = two.legs
        assert leg.vital
        assert not session_of(two).secured
        two.legs.fell_silent(1, 60.0)
        assert list(two.legs)
        await over(one, two)

    between_two(scenario, rules=MediaRules("required", silence_s=60))


def test_only_the_suite_that_everybody_has_is_offered_where_the_rules_say_so_and_all_are_taken() -> None:
    async def scenario(one: End, two: End) -> None:
        offered = one.sessions.open(LOOPBACK, rules=MediaRules("optional", offers=("AES_CM_128_HMAC_SHA1_80",)))
        assert offered.offer().data.count(b"a=crypto:") == 1
        offered.close()
        await call(one, two)
        assert session_of(two).suite == "AEAD_AES_256_GCM"
        (leg,) = two.legs
        two.legs.hold(leg)
        await one.expect(phone.CallHeld)
        assert session_of(one).suite == "AEAD_AES_256_GCM", "what is in use is offered again"
        await over(one, two)

    between_two(
        scenario,
        one_rules=MediaRules("optional", ("AEAD_AES_256_GCM",)),
        rules=MediaRules("optional", offers=("AES_CM_128_HMAC_SHA1_80",)),
    )


def test_an_answer_with_several_codecs_is_narrowed_by_a_second_offer_only_where_that_is_set() -> None:
    for lock in (True, False):

        async def scenario(one: End, two: End) -> None:
            await call(one, two)
            await asyncio.sleep(1)
            reoffered = [event for event in two.events if isinstance(event, sip.CallReoffer)]
            assert len(reoffered) == lock  # noqa: B023 - run before the next turn
            if reoffered:
                assert reoffered[0].body is not None
                assert SessionDescription.parse(reoffered[0].body.data).media[0].formats == ("0", "101")
                assert one.media.running[1].receive_payload_types == {0: "PCMU"}
            await over(one, two)

        between_two(scenario, one_rules=MediaRules(codec_lock=lock))


def test_a_peer_that_vanishes_is_hung_up_on_with_the_reason() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        assert one.media.running[1].silence_s == 60
        one.legs.fell_silent(99, 60.0)
        assert list(one.legs), "another stream's"
        one.legs.fell_silent(1, 60.4)
        await one.expect(phone.CallEnded)
        await two.expect(phone.CallEnded)
        (ended,) = [event for event in two.events if isinstance(event, sip.CallOver)]
        assert ended.reason == "no RTP for 60 s"

    between_two(scenario, one_rules=MediaRules(silence_s=60))


def test_silence_is_not_counted_on_hold_and_ends_no_emergency_call() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        (leg,) = one.legs
        one.legs.hold(leg)
        assert one.media.running[1].silence_s == 0
        await two.expect(phone.CallHeld)
        assert two.media.running[1].silence_s == 0, "who holds need not send music"
        leg.emergency = True
        one.legs.fell_silent(1, 60.0)
        assert list(one.legs)
        await over(one, two)

    between_two(scenario, one_rules=MediaRules(silence_s=60), rules=MediaRules(silence_s=60))


def short_lived(end: End, packets: int) -> None:
    """Let the keys that this phone makes from now on protect so many packets."""
    sessions = end.legs._sessions
    local = sessions._local

    def with_lifetime(*args: object) -> LocalMedia:
        made: LocalMedia = local(*args)  # type: ignore[arg-type]
        lines = [replace(line, keys=tuple(replace(k, lifetime=packets) for k in line.keys)) for line in made.crypto]
        return replace(made, crypto=tuple(lines))

    sessions._local = with_lifetime  # type: ignore[method-assign]


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_a_key_that_nears_the_end_of_its_life_is_renewed_by_an_offer(whose: str) -> None:
    async def scenario(one: End, two: End) -> None:
        short_lived(two if whose == "theirs" else one, 256)
        await call(one, two)
        keys = keys_of(one)
        for seconds in (1, 2, 3):
            one.legs.count(1, 50 * seconds, 50 * seconds)
        assert one.media.running[1].crypto == keys
        one.legs.count(1, 200, 200)
        await asyncio.sleep(1)
        fresh = keys_of(one)
        assert fresh.send != keys.send
        assert fresh.receive != keys.receive
        assert keys_of(two).receive == (fresh.send,)
        one.legs.count(1, 1000, 1000)
        assert list(one.legs), "fresh keys have a life of their own"
        await over(one, two)

    between_two(scenario, one_rules=REQUIRED, rules=REQUIRED)


def test_who_goes_on_with_a_key_that_is_spent_is_hung_up_on_with_the_reason() -> None:
    async def scenario(one: End, two: End) -> None:
        short_lived(two, 256)
        await call(one, two)
        two.legs._reoffers.offered = lambda leg, body: None  # type: ignore[method-assign]  # it never answers
        for seconds in range(1, 5):
            one.legs.count(1, 0, 50 * seconds)
        assert list(one.legs)
        one.legs.count(1, 0, 256)
        await one.expect(phone.CallEnded)
        await two.expect(phone.CallEnded)
        (ended,) = [event for event in two.events if isinstance(event, sip.CallOver)]
        assert ended.reason == "the lifetime of an SRTP key is over"

    between_two(scenario, one_rules=REQUIRED, rules=REQUIRED)


def test_spent_keys_end_no_emergency_call() -> None:
    async def scenario(one: End, two: End) -> None:
        short_lived(two, 256)
        await call(one, two)
        (leg,) = one.legs
        leg.emergency = True
        one.legs.count(1, 0, 300)
        assert list(one.legs)
        await over(one, two)

    between_two(scenario, one_rules=REQUIRED, rules=REQUIRED)


def test_a_media_process_that_is_new_to_a_call_counts_from_zero_and_the_keys_do_not() -> None:
    wear = KeyWear()
    line = CryptoAttribute(1, "AES_CM_128_HMAC_SHA1_80", (MasterKey(bytes(30), 256),))
    wear.use(CryptoPlan(replace(line, keys=(MasterKey(bytes(30)),)), line))
    assert [wear.count(0, n) for n in (100, 150, 20)] == [Wear.FINE] * 3
    assert [wear.count(0, n) for n in (50, 60, 106)] == [Wear.NEAR_END, Wear.FINE, Wear.SPENT]
    wear.use(None)
    assert wear.count(0, 1000) is Wear.FINE, "plain RTP wears nothing"


def test_a_key_without_a_lifetime_lasts_for_any_call() -> None:
    wear = KeyWear()
    line = CryptoAttribute(1, "AES_CM_128_HMAC_SHA1_80", (MasterKey(bytes(30)),))
    wear.use(CryptoPlan(line, line))
    assert wear.count(1 << 40, 1 << 40) is Wear.FINE


def test_a_call_goes_on_from_another_address_with_new_ports_and_keys() -> None:
    async def scenario(one: End, two: End) -> None:
        await call(one, two)
        keys, port = keys_of(one), one.media.ports[1]
        session_of(one)._local = replace(session_of(one)._local, address="127.0.0.9")  # where we were until now
        one.legs.move()
        await asyncio.sleep(1)
        assert one.media.notes[:2] == ["start 1", "move 1"]
        assert one.media.ports[1] != port
        assert two.media.running[1].remote == (LOOPBACK, one.media.ports[1])
        assert keys_of(two).receive == (keys_of(one).send,)
        assert keys_of(one).receive == (keys_of(two).send,)
        assert keys_of(one).send != keys.send
        assert keys_of(one).receive != keys.receive, "whoever moved cannot know how far our counter is"
        one.legs.move()
        await asyncio.sleep(1)
        assert len([event for event in two.events if isinstance(event, sip.CallReoffer)]) == 1, "nothing is new"
        await over(one, two)

    between_two(scenario, one_rules=REQUIRED, rules=REQUIRED)
