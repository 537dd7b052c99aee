"""A PCMU call on the virtual card: CPU, memory, mouth-to-ear delay; the phone's beside baresip's."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.processes import cpu_seconds, pss_mb
from tests.support.baresip import Baresip
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.speech import Speech, delay_of, interpolate
from tests.support.virtual_card import VirtualCard, write_asound_conf

RATE = 48000
WINDOW_S = 30.0
SIP_PORT, PEER_PORT = 5066, 5068


@dataclass(frozen=True)
class CallFigures:
    """One end of a call in which both speak: CPU-seconds a minute, PSS in MB, whether SCHED_FIFO was granted."""

    cpu_s_per_minute: float
    pss_mb: float
    realtime: bool


def direct(port: int, answer: str = "manual") -> str:
    """A baresip account without registrar."""
    return f"<sip:peer@{SERVER_IP}:{port}>;regint=0;audio_codecs=PCMU/8000/1;answermode={answer}"


def phone_config(card: VirtualCard, server: str, period_ms: int, user: str = "1001", ports: str = "20000-20020") -> str:
    """The shipped defaults, with this card and one account by IP address."""
    audio = f"audio: {{capture: {card.capture}, playback: {card.playback}, period_ms: {period_ms}}}\n"
    return config(account(server, user=user, register=False), more=audio).replace("20000-20020", ports)


def phone_call(folder: Path, period_ms: int, speech: Speech) -> CallFigures:
    """The phone calls a baresip that speaks from a file."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        card = stack.enter_context(VirtualCard(folder, rate=RATE))
        peer = Baresip(
            folder / "peer", direct(PEER_PORT, "auto"), SERVER_IP, PEER_PORT, 4471, "11000-11019", speech.path
        )
        stack.enter_context(peer)
        text = phone_config(card, f"{SERVER_IP}:{PEER_PORT}", period_ms)
        phone = stack.enter_context(Phone(folder, text, env=write_asound_conf(folder / "asound.conf", [card])))
        phone.call("1002")
        phone.wait_for("call", state="talking")
        say(card, speech)
        time.sleep(3)
        before, begin = cpu_seconds(phone.child.pid), time.monotonic()
        time.sleep(WINDOW_S)
        cpu, elapsed = cpu_seconds(phone.child.pid) - before, time.monotonic() - begin
        realtime = bool(phone.status()["audio"]["realtime"])
        return CallFigures(cpu / elapsed * 60, pss_mb(phone.child.pid), realtime)


def baresip_call(folder: Path, speech: Speech) -> CallFigures:
    """The same with a baresip on the same kind of card."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        card = stack.enter_context(VirtualCard(folder, rate=RATE))
        peer = Baresip(
            folder / "peer", direct(PEER_PORT, "auto"), SERVER_IP, PEER_PORT, 4471, "11000-11019", speech.path
        )
        stack.enter_context(peer)
        ours = stack.enter_context(
            Baresip(folder / "ours", direct(SIP_PORT), PHONE_IP, SIP_PORT, 4472, "11100-11119", None, "far", card)
        )
        ours.dial(f"sip:peer@{SERVER_IP}:{PEER_PORT}")
        ours.wait_for("CALL_ESTABLISHED")
        say(card, speech)
        time.sleep(3)
        before, begin = cpu_seconds(ours.pid), time.monotonic()
        time.sleep(WINDOW_S)
        cpu, elapsed = cpu_seconds(ours.pid) - before, time.monotonic() - begin
        return CallFigures(cpu / elapsed * 60, pss_mb(ours.pid), False)


def say(card: VirtualCard, speech: Speech) -> None:
    """Speak into a card's microphone once it is open."""
    end = time.monotonic() + 10
    while not card.mic_starts():
        if time.monotonic() > end:
            raise AssertionError("the microphone was not opened")
        time.sleep(0.01)
    rate = card.mic_starts()[-1].rate
    card.speak(np.round(interpolate(speech.samples, rate // 8000) * 32767).astype(np.int16))


def mouth_to_ear_s(mouth: VirtualCard, ear: VirtualCard, speech: Speech) -> float:
    """When the loudspeaker played what the microphone heard: difference of the two cards' own times."""
    feed = mouth.feeds()[-1]
    start = ear.ear_starts()[-1]
    reference = interpolate(speech.samples, RATE // 8000)
    recording = ear.heard()[start.file_frame :] / 32768
    lag = delay_of(reference, recording)  # frame of the recording at which the speech begins
    mouth_t = feed.t
    return start.t + lag / RATE - mouth_t


def phone_delay(folder: Path, period_ms: int, speech: Speech) -> float:
    """Mouth to ear between two phones, in seconds."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        phones, cards = [], []
        for name, port, other, ports in (
            ("one", SIP_PORT, PEER_PORT, "20000-20020"),
            ("two", PEER_PORT, SIP_PORT, "20100-20120"),
        ):
            (folder / name).mkdir()
            card = stack.enter_context(VirtualCard(folder / name, rate=RATE))
            text = phone_config(card, f"{PHONE_IP}:{other}", period_ms, "1002" if name == "two" else "1001", ports)
            text = text.replace(f"{PHONE_IP}:0", f"{PHONE_IP}:{port}")
            env = write_asound_conf(folder / name / "asound.conf", [card])
            phones.append(stack.enter_context(Phone(folder / name, text, env=env)))
            cards.append(card)
        phones[0].call("1002")
        phones[1].wait_for("ringer", on=True)
        phones[1].lift()
        phones[0].wait_for("call", state="talking")
        time.sleep(2)
        say(cards[0], speech)
        time.sleep(speech.seconds + 1)
        return mouth_to_ear_s(cards[0], cards[1], speech)


def baresip_delay(folder: Path, speech: Speech) -> float:
    """Mouth to ear between two baresips, in seconds."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        ends, cards = [], []
        for index, (name, port) in enumerate((("one", SIP_PORT), ("two", PEER_PORT))):
            (folder / f"card-{name}").mkdir()
            card = stack.enter_context(VirtualCard(folder / f"card-{name}", rate=RATE))
            ports = f"{11000 + 100 * index}-{11019 + 100 * index}"
            line = direct(port, "auto")
            ends.append(
                stack.enter_context(
                    Baresip(folder / name, line, SERVER_IP, port, 4471 + index, ports, None, "near", card)
                )
            )
            cards.append(card)
        ends[0].dial(f"sip:peer@{SERVER_IP}:{PEER_PORT}")
        ends[0].wait_for("CALL_ESTABLISHED")
        time.sleep(2)
        say(cards[0], speech)
        time.sleep(speech.seconds + 1)
        return mouth_to_ear_s(cards[0], cards[1], speech)
