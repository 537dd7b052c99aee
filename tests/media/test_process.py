"""The media process over the virtual card: what happens to cards, and to the process itself."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.media import messages as msg
from offhook.media.settings import ElementSetting
from tests.support.far_end import FarEnd
from tests.support.media_phone import MediaPhone, media_phone, memory_directory
from tests.support.virtual_card import VirtualCard

pytestmark = pytest.mark.peer
Samples = NDArray[np.int16]
SECOND = np.arange(8000)
VOICE = (6000 * np.sin(2 * np.pi * 700 * np.arange(8000 * 30) / 8000)).astype(np.int16)


@pytest.fixture
def folder() -> Iterator[Path]:
    path = memory_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2))) if len(samples) else 0.0


def level(samples: Samples, hz: float, rate: int) -> float:
    """Amplitude of one frequency."""
    turn = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return float(2 * abs(np.dot(samples, turn)) / max(1, len(samples)))


def last(card: VirtualCard, seconds: float) -> Samples:
    """What the loudspeaker was given in the last ``seconds``."""
    starts = card.ear_starts()
    return card.heard()[-int(starts[-1].rate * seconds) :] if starts else np.zeros(0, np.int16)


async def hears(phone: MediaPhone, card: VirtualCard, seconds: float = 5.0) -> None:
    """Wait until the far end's voice fills a quarter of a second."""
    await phone.until(lambda: rms(last(card, 0.25)) > 3000, seconds)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"rate": 48000, "channels": 2, "sample_format": "S32_LE"},
        {"rate": 48000, "channels": 1, "sample_format": "S16_LE"},
        {"rate": 16000, "channels": 2, "sample_format": "S16_LE"},
    ],
    ids=["any", "48k-stereo-S32", "48k-mono-S16", "16k-stereo-S16"],
)
def test_a_tone_and_both_directions_of_a_call_are_heard_on(folder: Path, limits: dict[str, object]) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            await phone.ready()
            phone.client.set_active(True)
            phone.client.play_tone("dial")
            await phone.until(lambda: phone.of(msg.ToneStarted))
            await asyncio.sleep(0.5)
            rate = card.ear_starts()[-1].rate
            assert level(last(card, 0.2), 425, rate) > 2000
            phone.client.stop_tone()
            far = FarEnd()
            far.talk(VOICE[:24000], phone.start_stream(far))
            await hears(phone, card)
            await asyncio.sleep(0.8)
            assert level(last(card, 0.1), 700, rate) > 5000
            mic = (5000 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)).astype(np.int16)
            card.speak(mic)
            await phone.until(lambda: level(far.heard()[-1600:], 300, 8000) > 4000)
            far.close()

    with VirtualCard(folder, **limits) as card:  # type: ignore[arg-type]
        asyncio.run(story(card))


def test_an_xrun_is_counted_and_the_sound_goes_on(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            phone.client.set_active(True)
            far = FarEnd()
            far.talk(VOICE, phone.start_stream(far))
            await hears(phone, card, 20.0)
            card.xrun()
            await phone.until(lambda: card.count("xrun") >= 2)
            await asyncio.sleep(0.4)
            await hears(phone, card, 1.0)
            before = len(far.packets)
            await phone.until(lambda: len(far.packets) > before + 20, 2.0)
            beats = [beat for beat in phone.of(msg.Heartbeat) if isinstance(beat, msg.Heartbeat)]
            await phone.until(lambda: len(phone.of(msg.Heartbeat)) > len(beats))
            beat = phone.of(msg.Heartbeat)[-1]
            assert isinstance(beat, msg.Heartbeat)
            assert beat.xruns >= 2
            assert "missing" not in phone.states()
            far.close()

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_a_card_that_is_pulled_out_in_a_call_and_put_back_is_heard_again(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            phone.client.set_active(True)
            far = FarEnd()
            far.talk(VOICE, phone.start_stream(far))
            await hears(phone, card, 20.0)
            card.unplug()
            await phone.until(lambda: phone.states()[-1] == "missing")
            sent = len(far.packets)
            await phone.until(lambda: len(far.packets) > sent + 25)  # the call lives on
            starts = len(card.ear_starts())
            replugged = time.monotonic()
            card.replug()
            await phone.until(lambda: phone.states()[-1] == "open")
            await hears(phone, card)
            assert card.ear_starts()[starts].t - replugged < 2.2
            assert phone.states() == ["open", "missing", "open"]
            far.close()

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_a_busy_card_is_told_in_one_line_and_used_as_soon_as_it_is_free(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            await phone.until(lambda: "busy" in phone.states(), 20.0)
            told = phone.of(msg.DeviceChanged)[0]
            assert isinstance(told, msg.DeviceChanged)
            assert "in use by another program" in told.detail
            assert "\n" not in told.detail
            await asyncio.sleep(2.5)
            assert phone.states() == ["busy"]  # said once, though it was tried again
            assert phone.client.healthy(asyncio.get_running_loop().time())
            card.occupy(False)
            await phone.until(lambda: phone.states()[-1] == "open", 3.5)

    with VirtualCard(folder) as card:
        card.occupy()
        asyncio.run(story(card))


def test_a_missing_card_gives_a_line_that_says_what_to_do_and_calls_work_without_it(folder: Path) -> None:
    async def story() -> None:
        async with media_phone(directory=folder, capture="hw:CARD=Nowhere", playback="hw:CARD=Nowhere") as phone:
            await phone.until(lambda: "missing" in phone.states(), 20.0)
            told = phone.of(msg.DeviceChanged)[0]
            assert isinstance(told, msg.DeviceChanged)
            assert "arecord -L" in told.detail
            phone.client.set_active(True)
            far = FarEnd()
            phone.start_stream(far)
            await phone.until(lambda: len(far.packets) > 50, 5.0)
            far.close()

    asyncio.run(story())


def test_a_pcm_that_does_not_keep_time_is_refused_in_one_line(folder: Path) -> None:
    async def story() -> None:
        conf = "pcm.nothing { type null }\n"
        async with media_phone(more_conf=conf, directory=folder, capture="nothing", playback="nothing") as phone:
            await phone.until(lambda: "missing" in phone.states(), 20.0)
            told = phone.of(msg.DeviceChanged)[-1]
            assert isinstance(told, msg.DeviceChanged)
            assert "does not keep time" in told.detail
            far = FarEnd()
            phone.client.set_active(True)
            phone.start_stream(far)
            await asyncio.sleep(1.0)
            assert 20 < len(far.packets) < 80
            far.close()

    asyncio.run(story())


@pytest.mark.parametrize("ppm", [(200, -200)], ids=str)
def test_clocks_that_err_by_200_ppm_cause_no_xrun(folder: Path, ppm: tuple[int, int]) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            await phone.ready()
            phone.client.set_active(True)
            far = FarEnd()
            far.talk(VOICE, phone.start_stream(far))
            await hears(phone, card)
            xruns = card.count("xrun")
            await asyncio.sleep(6.0)
            assert rms(last(card, 4.0)) > 3800
            # A machine that stands still for a moment stops both PCMs: that is no fault of the clocks.
            assert card.count("xrun") - xruns <= 2
            far.close()

    with VirtualCard(folder, mic_ppm=ppm[0], ear_ppm=ppm[1]) as card:
        asyncio.run(story(card))


def test_a_media_process_that_is_killed_in_a_call_is_back_with_stream_and_tone(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            phone.client.set_active(True)
            far = FarEnd()
            far.talk(VOICE, phone.start_stream(far))
            phone.client.play_tone("waiting")
            await hears(phone, card, 20.0)
            first = phone.client.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await phone.until(lambda: phone.client.pid not in (None, first), 5.0)
            packets = len(far.packets)
            await phone.until(lambda: len(far.packets) > packets + 20, 10.0)
            await hears(phone, card)
            assert len(phone.of(msg.ToneStarted)) == 2
            far.close()

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_a_media_process_that_hangs_is_replaced(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            await phone.ready()
            first = phone.client.pid
            assert first is not None
            os.kill(first, signal.SIGSTOP)
            loop = asyncio.get_running_loop()
            await phone.until(lambda: not phone.client.healthy(loop.time()), 4.0)
            await phone.until(lambda: phone.client.pid not in (None, first), 10.0)
            await phone.until(lambda: phone.client.healthy(loop.time()), 20.0)

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_sound_fades_and_the_process_ends_when_signalling_dies(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder) as phone:
            await phone.ready()
            phone.client.set_active(True)
            phone.client.play_tone("dial")
            await phone.until(lambda: len(card.heard()) > 4000)
            await phone.client.stop()
            heard = card.heard().astype(int)
            assert np.abs(np.diff(heard)).max() < 2500
            assert abs(heard[-1]) < 200
            assert card.count("close") == 2 * len(card.ear_starts())

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_on_hook_the_card_is_closed_and_at_the_next_lift_it_sounds_at_once(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder, idle_close_s=0.5) as phone:
            await phone.until(lambda: phone.states()[-1:] == ["closed"], 20.0)
            loop = asyncio.get_running_loop()
            pid = phone.client.pid
            assert pid is not None
            begin = cpu_seconds(pid)
            await asyncio.sleep(2.2)
            assert cpu_seconds(pid) - begin < 0.05  # on hook costs nothing
            assert phone.client.healthy(loop.time())
            lifted = loop.time()
            phone.client.set_active(True)
            phone.client.play_tone("dial")
            await phone.until(lambda: phone.of(msg.ToneStarted))
            started = phone.of(msg.ToneStarted)[0]
            assert isinstance(started, msg.ToneStarted)
            assert started.t - lifted < 0.2

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_without_cards_the_clock_beats_time_and_on_hook_it_costs_nothing(folder: Path) -> None:
    async def story() -> None:
        async with media_phone(directory=folder, idle_close_s=0.2) as phone:
            await phone.ready()
            phone.client.set_active(True)
            far = FarEnd()
            phone.start_stream(far)
            await phone.until(lambda: len(far.packets) > 50)
            phone.client.stop_stream(1)
            phone.client.set_active(False)
            await asyncio.sleep(0.5)
            assert phone.client.pid is not None
            begin = cpu_seconds(phone.client.pid)
            await asyncio.sleep(2.0)
            assert cpu_seconds(phone.client.pid) - begin < 0.05
            far.close()

    asyncio.run(story())


def test_a_muted_card_is_opened_at_the_start_and_again_after_it_was_pulled_out(folder: Path) -> None:
    wanted = (ElementSetting("Capture", 60), ElementSetting("Left Output Mixer PCM", "on"))

    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder, mixer=wanted) as phone:
            await phone.until(lambda: "open" in phone.states(), 20.0)
            assert card.mixer["Capture Switch"] == (1, 1)
            assert card.mixer["Capture Volume"] == (38, 38)
            assert card.mixer["Left Output Mixer PCM Playback Switch"] == (1, 0)
            phone.client.set_active(True)
            card.unplug()
            await phone.until(lambda: phone.states()[-1] == "missing")
            card.mixer.reset()
            card.replug()
            await phone.until(lambda: phone.states()[-1] == "open")
            assert card.mixer["Capture Switch"] == (1, 1)
            assert card.mixer["Left Output Mixer PCM Playback Switch"] == (1, 0)
            card.mixer.reset()  # as alsactl does when udev starts it
            await phone.until(lambda: card.mixer["Capture Switch"] == (1, 1))
            assert phone.states() == ["open", "missing", "open"]
            assert {message.mixer for message in phone.of(msg.DeviceChanged)} == {""}  # type: ignore[union-attr]

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_a_card_that_was_muted_while_nobody_talked_is_open_in_the_next_call(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        wanted = (ElementSetting("Capture", "on"),)
        async with media_phone(card, directory=folder, mixer=wanted, idle_close_s=0.2) as phone:
            await phone.until(lambda: phone.states()[-1:] == ["closed"], 20.0)
            card.mixer.reset()
            phone.client.set_active(True)
            await phone.until(lambda: phone.states()[-1] == "open")
            assert card.mixer["Capture Switch"] == (1, 1)

    with VirtualCard(folder) as card:
        asyncio.run(story(card))


def test_a_card_without_the_element_is_used_all_the_same_and_the_fault_is_told(folder: Path) -> None:
    async def story(card: VirtualCard) -> None:
        async with media_phone(card, directory=folder, mixer=(ElementSetting("Master", 60),)) as phone:
            phone.client.set_active(True)
            phone.client.play_tone("dial")
            await hears(phone, card, 20.0)
            told = phone.of(msg.DeviceChanged)[0]
            assert isinstance(told, msg.DeviceChanged)
            assert (told.state, told.mixer[:33]) == ("open", 'audio.mixer: the card has no "Mas')

    with VirtualCard(folder) as card:
        asyncio.run(story(card))
