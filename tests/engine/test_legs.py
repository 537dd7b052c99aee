"""Two phones call each other over loopback, in virtual time: agent, legs, sessions and shells are real."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.engine.bodies import SDP
from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.events import Body, Transport
from tests.support.engine_bench import LOOPBACK, End, between_two, no_faults, settle

SDP_TEXT = (
    "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP {formats}\r\n{more}"
)


def sdp(port: int = 40000, formats: str = "0 101", more: str = "", version: int = 1) -> Body:
    lines = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in formats else ""
    return Body(SDP, SDP_TEXT.format(version=version, port=port, formats=formats, more=lines + more).encode())


async def ring(one: End, two: End, number: str = "1002") -> str:
    """Let the first phone call the second; return the second's handle of the call."""
    one.agent.place("o1", number)
    incoming = await two.expect(phone.CallIncoming)
    assert isinstance(incoming, phone.CallIncoming)
    two.agent.ring(incoming.call)
    await one.expect(phone.CallProceeding)
    return incoming.call


async def talk(one: End, two: End) -> str:
    """As :func:`ring`, and answered."""
    call = await ring(one, two)
    two.agent.answer(call)
    await two.expect(phone.CallAnswered)
    await one.expect(phone.CallAnswered)
    return call


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_is_placed_answered_and_ended_by_the_caller(transport: Transport) -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        (mine,), (yours,) = one.media.running.values(), two.media.running.values()
        assert mine.remote == (LOOPBACK, two.media.ports[1])
        assert yours.remote == (LOOPBACK, one.media.ports[1])
        assert (mine.codec, mine.dtmf_payload_type, mine.send, mine.receive) == ("PCMU", 101, True, True)
        one.agent.end("o1")
        assert one.media.running == {}
        await two.expect(phone.CallEnded)
        assert one.states() == ["calling", "ringing", "talking", "ended"]
        assert two.states() == ["ringing", "talking", "ended"]

    between_two(scenario, transport)


def test_the_callee_ends_a_call() -> None:
    async def scenario(one: End, two: End) -> None:
        call = await talk(one, two)
        two.agent.end(call)
        await one.expect(phone.CallEnded)
        two.agent.end(call)  # a call that is gone is no fault

    between_two(scenario)


def test_a_caller_who_gives_up_is_heard_of() -> None:
    async def scenario(one: End, two: End) -> None:
        await ring(one, two)
        one.agent.end("o1")
        ended = await two.expect(phone.CallEnded)
        assert ended == phone.CallEnded("i1", elsewhere=False)

    between_two(scenario)


@pytest.mark.parametrize("status", [486, 480, 603])
def test_a_refusal_reaches_the_caller_with_its_status(status: int) -> None:
    async def scenario(one: End, two: End) -> None:
        call = await ring(one, two)
        two.agent.reject(call, status)
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == status
        two.agent.ring(call)  # both come too late, and are no faults
        two.agent.reject(call, status)

    between_two(scenario)


def test_a_call_to_a_user_who_is_not_here_fails_with_404() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1999")
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == 404
        assert two.told.empty()

    between_two(scenario)


def test_a_dead_server_is_a_call_that_failed_without_a_status() -> None:
    async def scenario(one: End, two: End) -> None:
        await two.shell.close()
        one.agent.place("o1", "1002")
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == 0

    between_two(scenario)


def test_an_offer_that_cannot_be_used_is_refused_with_488_and_never_rings() -> None:
    async def scenario(one: End, two: End) -> None:
        one.shell.endpoint.call("x", "desk", "1002", sdp(formats="18"), one.shell.now())
        one.shell.pump()
        await asyncio.sleep(1)
        refused = next(event for event in one.events if isinstance(event, sip.CallRefused))
        assert refused.status == 488
        assert two.told.empty()

    between_two(scenario)


def test_a_late_offer_is_answered_in_the_ack() -> None:
    async def scenario(one: End, two: End) -> None:
        one.shell.endpoint.call("x", "desk", "1002", None, one.shell.now())
        one.shell.pump()
        await two.expect(phone.CallIncoming)
        two.agent.answer("i1")
        await two.expect(phone.CallAnswered)
        assert two.media.running == {}, "nobody has said yet where the sound shall go"
        leg = two.legs.by_call("i1")
        assert leg is not None
        two.legs.take(sip.CallConfirmed("i1", sdp(40002)))
        assert two.media.running[1].remote == (LOOPBACK, 40002)
        two.agent.end("i1")

    between_two(scenario)


@pytest.mark.parametrize("body", [None, sdp(formats="18"), Body(SDP, b"what?")], ids=["none", "codec", "junk"])
def test_a_late_offer_without_a_usable_answer_ends_the_call(body: Body | None) -> None:
    async def scenario(one: End, two: End) -> None:
        one.shell.endpoint.call("x", "desk", "1002", None, one.shell.now())
        one.shell.pump()
        await two.expect(phone.CallIncoming)
        two.agent.answer("i1")
        two.legs.take(sip.CallConfirmed("i1", body))
        await two.expect(phone.CallAnswered, phone.CallEnded)

    between_two(scenario)


def test_early_media_starts_the_stream_and_the_answer_goes_on_with_it() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        leg = two.legs.by_call("i1")
        assert leg is not None
        assert leg.offered is not None
        leg.session = two.sessions.open(LOOPBACK)
        answer = leg.session.answer_to(leg.offered)
        two.shell.endpoint.early_media("i1", answer, two.shell.now())
        two.shell.pump()
        await one.expect(phone.CallEarlyMedia)
        assert one.media.notes == ["start 1"]
        assert one.states() == ["calling", "early"]
        two.shell.endpoint.answer("i1", answer, two.shell.now())
        two.shell.pump()
        await one.expect(phone.CallAnswered)
        assert one.media.notes == ["start 1"]  # the 183 was acknowledged: its answer stands, the 2xx has none
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_early_media_of_a_call_that_is_refused_leaves_no_stream() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.shell.endpoint.early_media("i1", sdp(), two.shell.now())
        two.shell.pump()
        await one.expect(phone.CallEarlyMedia)
        two.agent.reject("i1", 486)
        await one.expect(phone.CallFailed)
        assert one.media.notes == ["start 1", "stop 1"]

    between_two(scenario)


def test_early_media_that_cannot_be_used_is_ringing() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.shell.endpoint.early_media("i1", sdp(formats="18"), two.shell.now())
        two.shell.pump()
        await one.expect(phone.CallProceeding)
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


@pytest.mark.parametrize("hold", ["a=sendonly\r\n", "a=inactive\r\n"])
def test_hold_and_resume_by_re_invite_are_told_and_followed(hold: str) -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        one.shell.endpoint.reinvite("a1", sdp(40010, more=hold, version=2), one.shell.now())
        one.shell.pump()
        await two.expect(phone.CallHeld)
        assert not two.media.running[1].send
        assert two.states()[-1] == "held"
        await asyncio.sleep(1)  # for the first re-INVITE to be over at the caller as well
        one.shell.endpoint.reinvite("a1", sdp(40012, version=3), one.shell.now())
        one.shell.pump()
        await two.expect(phone.CallResumed)
        assert two.media.running[1].send
        assert two.media.running[1].remote == (LOOPBACK, 40012)
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_a_re_invite_without_offer_moves_the_stream_by_the_answer_in_its_ack() -> None:
    async def scenario(one: End, two: End) -> None:
        call = await talk(one, two)
        two.legs.take(sip.CallReoffer(call, None))
        two.legs.take(sip.CallConfirmed(call, sdp(40020, more="a=sendonly\r\n")))
        await two.expect(phone.CallHeld)
        assert two.media.running[1].remote == (LOOPBACK, 40020)
        two.agent.end(call)
        await one.expect(phone.CallEnded)

    between_two(scenario)


def test_a_re_invite_that_cannot_be_used_is_refused_and_the_call_goes_on() -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        before = two.media.running[1]
        one.shell.endpoint.reinvite("a1", sdp(formats="18"), one.shell.now())
        one.shell.pump()
        await asyncio.sleep(1)
        assert [event.status for event in one.events if isinstance(event, sip.ReofferRefused)] == [488]
        assert two.media.running[1] == before
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


@pytest.mark.parametrize("body", [sdp(formats="18"), Body(SDP, b"\0"), None], ids=["codec", "junk", "none"])
def test_an_answer_that_cannot_be_used_ends_the_call(body: Body | None) -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.shell.endpoint.answer("i1", body, two.shell.now())
        two.shell.pump()
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == 488
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_an_answer_on_hold_is_talking_that_is_held() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.shell.endpoint.answer("i1", sdp(more="a=sendonly\r\n"), two.shell.now())
        two.shell.pump()
        await one.expect(phone.CallAnswered, phone.CallHeld)
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_without_a_free_rtp_port_a_call_fails_and_one_that_comes_is_refused() -> None:
    async def scenario(one: End, two: End) -> None:
        taken = two.sessions.open(LOOPBACK)
        two.agent.place("o9", "1001")
        failed = await two.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert "rtp.ports" in failed.reason
        call = await ring(one, two)
        two.agent.answer(call)
        await two.expect(phone.CallEnded)
        refused = await one.expect(phone.CallFailed)
        assert isinstance(refused, phone.CallFailed)
        assert refused.status == 500
        taken.close()

    between_two(scenario, pairs=1)


def test_ports_are_free_again_after_each_of_many_calls() -> None:
    async def scenario(one: End, two: End) -> None:
        for _ in range(12):
            await talk(one, two)
            one.agent.end("o1")
            await two.expect(phone.CallEnded)
            one.assert_idle()
            two.assert_idle()

    between_two(scenario, pairs=2)


def test_a_call_by_an_account_that_is_not_known_yet_leaves_nothing_behind() -> None:
    async def scenario(one: End, two: End) -> None:
        unknown = one.accounts.pop()
        one.accounts.append(type(unknown)("later", unknown.uri, "1001", "", unknown.server, "udp", False))
        one.agent.place("o1", "1002")
        await one.expect(phone.CallFailed)
        one.assert_idle()
        assert one.states() == ["calling", "failed"]

    between_two(scenario)


def test_without_an_account_a_call_fails_at_once() -> None:
    async def scenario(one: End, two: End) -> None:
        one.accounts.clear()
        one.agent.place("o1", "1002")
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert "config" in failed.reason

    between_two(scenario)


def test_a_second_call_is_refused_beside_the_first() -> None:
    async def scenario(one: End, two: End) -> None:
        call = await talk(one, two)
        one.agent.place("o2", "1002")
        second = await two.expect(phone.CallIncoming)
        assert isinstance(second, phone.CallIncoming)
        assert second.call != call
        two.agent.reject(second.call, 486)
        assert (await one.expect(phone.CallFailed)).status == 486  # type: ignore[union-attr]
        assert len(one.media.running) == len(two.media.running) == 1
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_events_of_calls_that_are_gone_change_nothing() -> None:
    async def scenario(one: End, two: End) -> None:
        for event in (
            sip.CallTrying("gone"),
            sip.CallProgress("gone", 180, "", None),
            sip.CallConfirmed("gone", None),
            sip.CallReoffer("gone", None),
            sip.CallRefused("gone", 486, "", None),
            sip.CallOver("gone", ""),
        ):
            one.legs.take(event)
        assert one.told.empty()
        one.agent.answer("gone")
        await one.expect(phone.CallEnded)

    between_two(scenario)


def test_a_link_that_is_down_silences_the_streams_of_calls_old_and_new() -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        one.legs.set_link(False)
        assert (one.media.running[1].send, one.media.running[1].receive) == (False, False)
        one.legs.set_link(True)
        assert (one.media.running[1].send, one.media.running[1].receive) == (True, True)
        two.legs.set_link(False)
        one.agent.end("o1")
        await two.expect(phone.CallEnded)
        await settle(one, two)
        await talk(one, two)
        assert not two.media.running[2].send
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_dtmf_goes_into_the_stream_of_its_call_and_the_answered_leg_comes_first() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        one.agent.place("o2", "1002")
        await two.expect(phone.CallIncoming)
        two.agent.answer("i2")
        await one.expect(phone.CallAnswered)
        legs = list(one.legs)
        assert [leg.session.stream for leg in legs if leg.session] == [1, 2]
        answered = one.legs.by_call("o2")
        assert answered is not None
        assert answered.session is not None
        answered.session.start_dtmf("5")
        answered.session.stop_dtmf("5")
        assert one.media.notes[-2:] == ["dtmf 2 5", "dtmf 2 5 ends"]
        for leg in legs:
            leg.call = "same"  # as the attempts of one emergency call are
        assert one.legs.by_call("same") is answered
        one.agent.end("same")
        one.agent.end("same")

    between_two(scenario)


STEPS = st.lists(
    st.sampled_from(
        ["place", "ring", "early", "answer", "reject", "end", "end there", "hold", "resume", "late", "wait"]
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(STEPS, st.sampled_from(["udp", "tcp"]))
def test_whatever_the_two_do_to_each_other_nothing_is_left_in_the_end(steps: list[str], transport: Transport) -> None:
    async def scenario(one: End, two: End) -> None:
        count = 0
        for step in steps:
            first, there = next(iter(one.legs), None), next(iter(two.legs), None)
            match step:
                case "place":
                    count += 1
                    one.agent.place(f"o{count}", "1002")
                case "ring" if there:
                    two.agent.ring(there.call)
                case "early" if there:
                    two.shell.endpoint.early_media(there.handle, sdp(), two.shell.now())
                    two.shell.pump()
                case "answer" if there and not there.answered:
                    two.agent.answer(there.call)
                case "reject" if there and not there.answered:
                    two.agent.reject(there.call, 480)
                case "end" if first:
                    one.agent.end(first.call)
                case "end there" if there:
                    two.agent.end(there.call)
                case "hold" | "resume" | "late" if first:
                    more = "a=sendonly\r\n" if step == "hold" else ""
                    body = None if step == "late" else sdp(more=more, version=count)
                    one.shell.endpoint.reinvite(first.handle, body, one.shell.now())
                    one.shell.pump()
                case _:
                    await asyncio.sleep(0.3)
        for end in (one, two):
            for leg in end.legs:
                end.agent.end(leg.call)
        await settle(one, two, limit=100)
        for end in (one, two):
            for leg in end.legs:  # a call that was on its way when the others were ended
                end.agent.end(leg.call)

    with no_faults():
        between_two(scenario, transport)


def test_the_log_names_call_and_account_and_not_who_was_called(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(one: End, two: End) -> None:
        await talk(one, two)
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    with caplog.at_level(logging.INFO):
        between_two(scenario)
    records = [record for record in caplog.records if record.name == "offhook.engine.legs"]
    assert {(record.call, record.account) for record in records} == {("a1", "desk"), ("i1", "desk")}  # type: ignore[attr-defined]
    assert "1002" not in caplog.text
