"""The built-in exchange, called by bare endpoints over loopback in virtual time."""

import asyncio
import os
import socket
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from offhook.dsp.codecs import g711
from offhook.emergency.invite import invite_with_location
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.rtp.packet import RtpPacket
from offhook.sdp.description import Direction, SessionDescription
from offhook.sdp.negotiate import LocalMedia, MediaPlan, accept_answer, accept_offer, make_offer
from offhook.sim.clock import Speaker, next_stroke, tell_time, words
from offhook.sim.exchange import Exchange
from offhook.sim.voices import Echo, Loop, Script, spoken
from offhook.sip import events as sip
from offhook.sip.events import Body
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.virtual_loop import run

SDP = "application/sdp"


async def no_words(text: str) -> Path | None:
    return None


class Caller:
    """A phone without a person: an endpoint, an RTP socket and the events so far."""

    def __init__(self, server: tuple[str, int], user: str = "1001", codecs: tuple[str, ...] = ("PCMU", "PCMA")) -> None:
        self.events: asyncio.Queue[sip.Event] = asyncio.Queue()
        self.shell = EndpointShell(EndpointSettings(), os.urandom, self.events.put_nowait, Resolver())
        self.account = AccountSettings("a", f"sip:{user}@{server[0]}", user, "", f"{server[0]}:{server[1]}", "udp")
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.setblocking(False)
        self.rtp.bind(("127.0.0.1", 0))
        self.media = LocalMedia("127.0.0.1", self.rtp.getsockname()[1], codecs)
        self.offer = make_offer(self.media, 1, 1)
        self.plan: MediaPlan | None = None

    async def open(self) -> None:
        await self.shell.open("127.0.0.1", 0)
        self.shell.endpoint.register(self.account, self.shell.now())
        self.shell.pump()
        assert isinstance(await self.events.get(), sip.Registered)

    async def until(self, kind: type[sip.Event]) -> sip.Event:
        while not isinstance(event := await self.events.get(), kind):
            pass
        return event

    def call(self, target: str, body: Body | None = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        offer = body or Body(SDP, bytes(self.offer))
        self.shell.endpoint.call("c", "a", target, offer, self.shell.now(), headers=headers)
        self.shell.pump()

    async def talk(self, number: str) -> MediaPlan:
        """Call ``number`` and wait until it has answered."""
        self.call(f"sip:{number}@offhook.invalid")
        accepted = await self.until(sip.CallAccepted)
        assert isinstance(accepted, sip.CallAccepted)
        return self.agree(accepted.body)

    def agree(self, body: Body | None) -> MediaPlan:
        assert body is not None
        self.plan = accept_answer(self.offer, SessionDescription.parse(body.data), self.media)
        return self.plan

    async def reoffer(self, direction: Direction) -> MediaPlan:
        """Send a re-INVITE and take its answer."""
        self.offer = make_offer(self.media, 1, 2, direction)
        self.shell.endpoint.reinvite("c", Body(SDP, bytes(self.offer)), self.shell.now())
        self.shell.pump()
        accepted = await self.until(sip.ReofferAccepted)
        assert isinstance(accepted, sip.ReofferAccepted)
        return self.agree(accepted.body)

    def say(self, number: int, payload: bytes, payload_type: int = 0) -> None:
        """Send a packet."""
        assert self.plan is not None
        assert self.plan.remote is not None
        packet = RtpPacket(payload_type, number, number * 160, 7, payload)
        self.rtp.sendto(packet.serialize(), self.plan.remote)

    async def hear(self, packets: int) -> list[RtpPacket]:
        """Wait for so many packets."""
        loop = asyncio.get_running_loop()
        return [RtpPacket.parse(await loop.sock_recv(self.rtp, 2048)) for _ in range(packets)]

    def pending(self) -> int:
        """Throw away what has arrived and say how much it was."""
        for count in range(10_000):
            try:
                self.rtp.recv(2048)
            except BlockingIOError:
                return count
        raise AssertionError("a flood of packets")

    def do(self, what: str, *arguments: object) -> None:
        """Let the endpoint do something about a call."""
        getattr(self.shell.endpoint, what)(*arguments, self.shell.now())
        self.shell.pump()

    async def close(self) -> None:
        self.rtp.close()
        await self.shell.close()


@asynccontextmanager
async def exchange_and_callers(speak: Speaker, *users: str) -> AsyncIterator[list[Caller]]:
    exchange = Exchange(speak)
    server = await exchange.open()
    callers = [Caller(server, user) for user in users]
    try:
        for caller in callers:
            await caller.open()
        yield callers
    finally:
        for caller in callers:
            await caller.close()
        await exchange.close()


def with_exchange(scenario: Callable[[Caller], Awaitable[None]], speak: Speaker = no_words) -> None:
    async def main() -> None:
        async with exchange_and_callers(speak, "1001") as (caller,):
            await scenario(caller)

    run(main)


def power(packets: list[RtpPacket]) -> float:
    """The sound of packets in dB below a full-scale sine."""
    sound = np.concatenate([g711.decode_ulaw(bytes(packet.payload)) for packet in packets]).astype(float) / 32768
    return 10 * float(np.log10(2 * np.mean(sound**2)))


def test_100_echoes_what_it_hears() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("100")
        for number in range(40):
            caller.say(number, bytes([number]) * 160)
            await asyncio.sleep(0.02)
        heard = await caller.hear(15)
        assert [bytes(packet.payload) for packet in heard] == [bytes([number]) * 160 for number in range(15)]
        assert [packet.marker for packet in heard[:3]] == [True, False, False]

    with_exchange(scenario)


def test_telephone_events_in_the_echo_are_not_taken_for_sound() -> None:
    async def scenario(caller: Caller) -> None:
        plan = await caller.talk("100")
        assert plan.dtmf_send_pt == 101
        for number in range(40):
            caller.say(number, bytes([5, 10, 0, 160]), 101)
            await asyncio.sleep(0.02)
        assert caller.pending() == 0

    with_exchange(scenario)


def test_a_held_call_is_silent_and_comes_back() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("104")
        await caller.hear(10)
        plan = await caller.reoffer("inactive")
        assert not plan.send
        caller.pending()
        await asyncio.sleep(2)
        assert caller.pending() == 0
        await caller.reoffer("sendrecv")
        assert power((await caller.hear(30))[10:]) > -10

    with_exchange(scenario)


def test_a_call_without_an_offer_is_made_one() -> None:
    async def scenario(caller: Caller) -> None:
        caller.shell.endpoint.call("c", "a", "sip:104@offhook.invalid", None, caller.shell.now())
        caller.shell.pump()
        offered = await caller.until(sip.CallReoffer)
        assert isinstance(offered, sip.CallReoffer)
        assert offered.body is not None
        assert SessionDescription.parse(offered.body.data).media

    with_exchange(scenario)


def test_104_is_a_milliwatt() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("104")
        # 0 dBm0 is 3.17 dB below the sine that just fills mu-law's range (ITU-T G.711), which is 0.17 dB below int16's.
        assert power(await caller.hear(50)) == pytest.approx(-3.2, abs=0.2)

    with_exchange(scenario)


def test_a_phone_that_has_a_law_alone_is_served() -> None:
    async def main() -> None:
        async with exchange_and_callers(no_words, "1001") as (caller,):
            caller.media = LocalMedia("127.0.0.1", caller.rtp.getsockname()[1], ("PCMA",))
            caller.offer = make_offer(caller.media, 1, 1)
            await caller.talk("104")
            assert {packet.payload_type for packet in await caller.hear(5)} == {8}

    run(main)


def test_101_is_busy() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:101@offhook.invalid")
        refused = await caller.until(sip.CallRefused)
        assert isinstance(refused, sip.CallRefused)
        assert refused.status == 486

    with_exchange(scenario)


def test_102_rings_until_the_caller_gives_up() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:102@offhook.invalid")
        await caller.until(sip.CallProgress)
        await asyncio.sleep(60)
        assert caller.events.empty()
        caller.shell.endpoint.hang_up("c", caller.shell.now())
        caller.shell.pump()

    with_exchange(scenario)


def test_103_hangs_up_and_calls_back() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("103")
        await caller.until(sip.CallOver)
        incoming = await caller.until(sip.IncomingCall)
        assert isinstance(incoming, sip.IncomingCall)
        assert "103" in str(incoming.peer.uri)
        assert incoming.body is not None
        answer, caller.plan = accept_offer(SessionDescription.parse(incoming.body.data), caller.media, 2, 1)
        caller.do("answer", incoming.call, Body(SDP, bytes(answer)))
        assert len(await caller.hear(10)) == 10
        caller.do("hang_up", incoming.call)
        await asyncio.sleep(120)
        assert caller.events.empty(), "it calls back once"

    with_exchange(scenario)


def test_103_tries_again_while_the_caller_is_busy() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("103")
        caller.do("hang_up", "c")
        tries = []
        for _ in range(4):
            incoming = await caller.until(sip.IncomingCall)
            assert isinstance(incoming, sip.IncomingCall)
            tries.append(caller.shell.now())
            caller.do("reject", incoming.call, 486, "Busy Here")
        assert [round(later - before) for before, later in pairwise(tries)] == [3, 3, 3]

    with_exchange(scenario)


def test_103_gives_up_when_nobody_ever_answers() -> None:
    async def scenario(caller: Caller) -> None:
        await caller.talk("103")
        incoming = await caller.until(sip.IncomingCall)
        assert isinstance(incoming, sip.IncomingCall)
        caller.do("ring", incoming.call)
        began = caller.shell.now()
        over = await caller.until(sip.CallOver)
        assert isinstance(over, sip.CallOver)
        assert over.call == incoming.call
        assert 55 < caller.shell.now() - began < 65
        await asyncio.sleep(300)
        assert caller.events.empty()

    with_exchange(scenario)


def test_103_calls_the_phone_back_that_called() -> None:
    async def main() -> None:
        async with exchange_and_callers(no_words, "1001", "1001", "1002") as (first, second, third):
            await second.talk("103")
            second.do("hang_up", "c")
            await second.until(sip.IncomingCall)
            assert first.events.empty()
            assert third.events.empty()

    run(main)


def test_a_removed_registration_is_gone() -> None:
    async def main() -> None:
        async with exchange_and_callers(no_words, "1001", "1001") as (first, second):
            first.shell.endpoint.unregister("a", first.shell.now())
            first.shell.pump()
            await first.until(sip.Unregistered)
            second.shell.endpoint.refresh_registration("a", second.shell.now())
            second.shell.pump()
            assert isinstance(await second.until(sip.Registered), sip.Registered)

    run(main)


def test_an_unknown_number_is_not_found() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:999999@offhook.invalid")
        refused = await caller.until(sip.CallRefused)
        assert isinstance(refused, sip.CallRefused)
        assert refused.status == 404

    with_exchange(scenario)


@pytest.mark.parametrize("target", ["urn:service:sos", "urn:service:sos.police"])
def test_the_stub_desk_takes_an_emergency_call_with_location(target: str) -> None:
    async def scenario(caller: Caller) -> None:
        invite = invite_with_location(bytes(caller.offer), b"<presence/>", "loc.1@offhook.invalid", "frontier")
        caller.call(target, Body(invite.content_type, invite.body), invite.headers)
        assert isinstance(await caller.until(sip.CallAccepted), sip.CallAccepted)

    with_exchange(scenario)


# -- voices and the clock -------------------------------------------------------------------------------------------


def test_the_echo_keeps_little_of_a_burst() -> None:
    echo = Echo(delay_s=0.1)
    echo.heard(np.arange(32_000, dtype=np.int16))
    frame = echo.speak()
    assert frame is not None
    assert frame[0] == 32_000 - 4 * 800


def test_a_loop_has_whole_frames() -> None:
    loop = Loop(np.arange(200, dtype=np.int16))
    frames = [loop.speak() for _ in range(3)]
    assert [None if frame is None else int(frame[0]) for frame in frames] == [0, 160, 0]
    loop.heard(np.zeros(160, np.int16))


@pytest.mark.parametrize(
    ("now", "stroke"),
    [("10:00:00", "10:00:10"), ("10:00:04.9", "10:00:10"), ("10:00:05", "10:00:10"), ("10:00:05.1", "10:00:20"),
     ("23:59:58", "00:00:10")],
)  # fmt: skip
def test_the_clock_leaves_time_for_its_words(now: str, stroke: str) -> None:
    found = next_stroke(datetime.fromisoformat(f"2026-03-01 {now:0<15}" if "." in now else f"2026-03-01 {now}"))
    assert f"{found:%H:%M:%S}" == stroke


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("14:05:30", "At the tone it is 14 hours, 5 minutes, and 30 seconds."),
        ("01:01:00", "At the tone it is 1 hour, 1 minute, precisely."),
    ],
)
def test_the_clocks_words(time: str, text: str) -> None:
    assert words(datetime.fromisoformat(f"2026-03-01 {time}")) == text


def recorded(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(int(8000 * seconds), 1000, "<i2").tobytes())
    return path


def test_the_tone_sounds_at_the_stroke_and_the_words_before(tmp_path: Path) -> None:
    said: list[tuple[float, str]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        begin, start = loop.time(), datetime(2026, 3, 1, 12, 0, 3)
        script = Script()

        async def speak(text: str) -> Path:
            said.append((loop.time() - begin, text))
            return recorded(tmp_path / "words.wav", 2.0)

        telling = loop.create_task(tell_time(script, speak, lambda: start + timedelta(seconds=loop.time() - begin)))
        moments = {}
        for moment in (4.3, 4.5, 6.5, 6.9, 7.05, 14.5, 17.05):
            await asyncio.sleep(begin + moment - loop.time())
            frame = script.speak()
            moments[moment] = None if frame is None else int(np.abs(frame).max())
        telling.cancel()
        # Words of 2 s end 0.6 s before the stroke at 12:00:10; the tone follows.
        assert moments[4.3] == 0
        assert moments[4.5] == 1000
        assert moments[7.05] is not None
        assert moments[7.05] > 3000
        assert moments[14.5] == 1000

    run(main)
    assert [text for _, text in said] == [
        "At the tone it is 12 hours, 0 minutes, and 10 seconds.",
        "At the tone it is 12 hours, 0 minutes, and 20 seconds.",
        "At the tone it is 12 hours, 0 minutes, and 30 seconds.",
    ]


def test_105_tells_the_time_in_words_that_were_rendered(tmp_path: Path) -> None:
    texts: list[str] = []

    async def speak(text: str) -> Path:
        texts.append(text)
        return recorded(tmp_path / "words.wav", 1.0)

    async def scenario(caller: Caller) -> None:
        await caller.talk("105")
        await caller.hear(5)
        assert texts[0].startswith("At the tone it is")
        caller.do("hang_up", "c")
        await asyncio.sleep(1)
        count = len(texts)
        await asyncio.sleep(60)
        assert len(texts) == count, "nobody listens any more"

    with_exchange(scenario, speak)


def test_words_that_cannot_be_read_are_replaced_by_a_beep(tmp_path: Path) -> None:
    broken = tmp_path / "words.wav"
    broken.write_bytes(b"RIFF")

    async def speak(text: str) -> Path:
        return broken

    async def scenario(caller: Caller) -> None:
        await caller.talk("103")
        assert power(await caller.hear(10)) > -40

    with pytest.raises(Exception, match="holds no words"):
        spoken(broken)
    with_exchange(scenario, speak)
