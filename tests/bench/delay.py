"""Mouth to ear: from one card's microphone to another card's loudspeaker, by the cards' own time stamps.

How the periods of two cards and the packets fall against each other is chance, and worth up to a packet's length:
therefore several calls, each with the cards opened anew.
"""

import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tests.bench.ends import FAR, NEAR, Place, baresip_at, phone_at, say
from tests.bench.spread import Spread
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.speech import Speech
from tests.support.virtual_card import VirtualCard

_SETTLE_S = 3.0
_SPEECH_S = 4.0
_CARD_CLOSED_S = 5.5  # the phone closes a card that nobody needed for 5 s


def mouth_to_ear_s(mouth: VirtualCard, ear: VirtualCard) -> float:
    """Return the delay in s of what was said last; the lag between said and heard, whose start times are known."""
    feed, start = mouth.feeds()[-1], ear.ear_starts()[-1]
    rate = feed.start.rate
    said = np.fromfile(mouth.mic, "<i2").astype(float)[feed.file_frame :]
    heard = ear.heard().astype(float)[start.file_frame :]
    size = 1 << (len(said) + len(heard)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    lag = int(np.argmax(np.fft.irfft(product, size)))
    lag = lag if lag < size // 2 else lag - size
    return lag / rate + start.t - feed.t


def between_phones(folder: Path, period_ms: int, rate: int, speech: Speech, calls: int) -> Spread:
    """One phone calls another."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        cards = [stack.enter_context(VirtualCard(folder, name, rate=rate)) for name in ("one", "two")]
        one, two = (
            stack.enter_context(
                phone_at(folder / place.user, card, f"{PHONE_IP}:{other.port}", period_ms=period_ms, place=place)
            )
            for card, place, other in zip(cards, (NEAR, FAR), (FAR, NEAR), strict=True)
        )
        delays = []
        for number in range(calls):
            one.call(FAR.user)
            two.wait_for("ringer", on=True)
            two.lift()
            one.wait_for("call", state="talking")
            delays.append(_speak(cards[0], cards[1], speech, number))
            one.hang_up()
            two.hang_up()
            for phone in (one, two):
                phone.wait_state("ON_HOOK")
                phone.board_socket.forget()
            time.sleep(_CARD_CLOSED_S if number + 1 < calls else 0)
        return Spread.of(delays)


def between_baresips(folder: Path, rate: int, speech: Speech, calls: int) -> Spread:
    """One baresip calls another."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        cards = [stack.enter_context(VirtualCard(folder, name, rate=rate)) for name in ("one", "two")]
        places: tuple[Place, Place] = (NEAR, FAR)
        one, two = (
            stack.enter_context(baresip_at(folder / place.user, card, rate, place))
            for card, place in zip(cards, places, strict=True)
        )
        delays = []
        for number in range(calls):
            one.dial(f"sip:{FAR.user}@{SERVER_IP}:{FAR.port}")
            one.wait_for("CALL_ESTABLISHED")
            delays.append(_speak(cards[0], cards[1], speech, number))
            one.hang_up()
            two.wait_for("CALL_CLOSED")
            time.sleep(0.5)
        return Spread.of(delays)


def _speak(mouth: VirtualCard, ear: VirtualCard, speech: Speech, number: int) -> float:
    """Say another piece each time, so that it is found where it is and nowhere else."""
    time.sleep(_SETTLE_S)
    begin = speech.starts[0] + int(number * _SPEECH_S * 8000)
    say(mouth, speech.samples[begin : begin + int(_SPEECH_S * 8000)])
    time.sleep(_SPEECH_S + 0.7)
    return mouth_to_ear_s(mouth, ear)
