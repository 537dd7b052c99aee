"""The two ends that are measured: the phone at its shipped defaults, and baresip at its own, on one kind of card."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.baresip import Baresip
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.speech import Samples, interpolate
from tests.support.virtual_card import VirtualCard, write_asound_conf


@dataclass(frozen=True, slots=True)
class Place:
    """Where one end listens; ``number`` 0, 1 ... keeps ends apart."""

    number: int
    user: str

    @property
    def port(self) -> int:
        """Of SIP."""
        return 5066 + 2 * self.number

    @property
    def rtp(self) -> str:
        """First and last port of RTP."""
        return f"{21000 + 100 * self.number}-{21020 + 100 * self.number}"


NEAR, FAR = Place(0, "1001"), Place(1, "1002")


def phone_config(
    card: VirtualCard, server: str, period_ms: int | None = None, place: Place = NEAR, more: str = ""
) -> str:
    """The shipped defaults, with this card and one account by IP address; ``period_ms`` None: the default too."""
    period = "" if period_ms is None else f", period_ms: {period_ms}"
    audio = f"audio: {{capture: {card.capture}, playback: {card.playback}{period}}}\n"
    entry = account(server, user=place.user, register=False)
    text = config(entry, listen=f"{PHONE_IP}:{place.port}", more=audio + more)
    return text.replace("20000-20020", place.rtp)


def phone_at(
    folder: Path,
    card: VirtualCard,
    server: str,
    period_ms: int | None = None,
    place: Place = NEAR,
    more: str = "",
    verb: str = "run",
    arguments: Sequence[str] = (),
) -> Phone:
    """A phone on a virtual card; use as a context manager."""
    text = phone_config(card, server, period_ms, place, more)
    environment = write_asound_conf(folder.parent / f"{folder.name}.conf", [card])
    return Phone(folder, text, env=environment, arguments=arguments, verb=verb)


def baresip_at(folder: Path, card: VirtualCard, rate: int, place: Place = FAR) -> Baresip:
    """A baresip on a virtual card, without registrar, that answers; use as a context manager."""
    line = f"<sip:{place.user}@{SERVER_IP}:{place.port}>;regint=0;audio_codecs=PCMU/8000/1;answermode=auto"
    return Baresip(
        folder, line, SERVER_IP, place.port, 4471 + place.number, place.rtp, None, "near", card, card_rate=rate
    )


def say(card: VirtualCard, speech: Samples) -> None:
    """Speak 8 kHz samples in -1..1 into a card's microphone, once that is open, at the rate that it was opened with."""
    end = time.monotonic() + 10
    while not card.mic_starts():
        if time.monotonic() > end:
            raise AssertionError("the microphone was not opened")
        time.sleep(0.01)
    rate = card.mic_starts()[-1].rate
    card.speak(np.round(np.clip(interpolate(speech, rate // 8000), -1, 1) * 32767).astype(np.int16))
