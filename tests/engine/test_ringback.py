"""Who makes the ringing: this phone until sound comes, or the network at once (:rfc:`3960`)."""

import pytest

from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.events import Body
from tests.support.engine_bench import End, between_two

ANSWER = Body(
    "application/sdp",
    b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40010 RTP/AVP 0\r\n",
)


async def calling(one: End, two: End, status: int) -> str:
    """one calls two and hears ``status`` with a session description; return its handle."""
    one.agent.place("o1", "1002")
    await two.expect(phone.CallIncoming)
    leg = one.legs.by_call("o1")
    assert leg is not None
    one.legs.take(sip.CallProgress(leg.handle, status, "", ANSWER, "fork"))
    return leg.handle


def test_ringing_with_a_description_is_ringing_here_until_sound_comes() -> None:
    async def scenario(one: End, two: End) -> None:
        handle = await calling(one, two, 180)
        await one.expect(phone.CallProceeding)
        assert one.media.notes == ["start 1"]
        one.legs.heard(1, 0)
        one.legs.heard(9, 50)
        assert one.states()[-1] == "ringing"
        one.legs.heard(1, 50)
        await one.expect(phone.CallEarlyMedia)
        one.legs.heard(1, 100)
        assert one.states()[-1] == "early"
        one.legs.take(sip.CallProgress(handle, 180, "", ANSWER, "fork"))
        await one.expect(phone.CallEarlyMedia)
        one.agent.end("o1")

    between_two(scenario)


@pytest.mark.parametrize("status", [181, 183])
def test_progress_with_a_description_is_the_networks_sound_at_once(status: int) -> None:
    async def scenario(one: End, two: End) -> None:
        await calling(one, two, status)
        await one.expect(phone.CallEarlyMedia)
        one.agent.end("o1")

    between_two(scenario)


def test_the_newest_dialog_with_media_is_listened_to() -> None:
    async def scenario(one: End, two: End) -> None:
        handle = await calling(one, two, 183)
        other = Body(ANSWER.content_type, ANSWER.data.replace(b"40010", b"40020"))
        one.legs.take(sip.CallProgress(handle, 183, "", other, "another"))
        await one.expect(phone.CallEarlyMedia, phone.CallEarlyMedia)
        assert one.media.running[1].remote == ("127.0.0.1", 40020)
        one.agent.end("o1")

    between_two(scenario)
