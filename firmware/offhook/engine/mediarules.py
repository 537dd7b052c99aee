"""What an account asks of the media of its calls, and how agreed keys reach the media process."""

from dataclasses import dataclass, replace
from typing import Literal, cast

from offhook.media.settings import CryptoPair, SrtpKey, Suite
from offhook.sdp.crypto import SUITES, CryptoAttribute
from offhook.sdp.security import CryptoPlan, SrtpMode


@dataclass(frozen=True, slots=True)
class MediaRules:
    """One account's rules.

    Attributes:
        srtp: whether calls are secured (:mod:`offhook.sdp.security`).
        suites: crypto suites that are accepted, the best first.
        offers: those of them that are offered; None: all.
        relays: addresses of the account's server, which may send sound in place of the address that was agreed on.
        silence_s: end a call when neither RTP nor RTCP came for so long, hold apart; 0: never.
        codec_lock: where an answer names several codecs, offer once more with the first of them alone.
        dtmf: how keys are sent: telephone events (``rtp``), SIP INFO (``info``), events where agreed on (``auto``).
    """

    srtp: SrtpMode = "off"
    suites: tuple[str, ...] = tuple(SUITES)
    offers: tuple[str, ...] | None = None
    relays: tuple[str, ...] = ()
    silence_s: float = 0.0
    codec_lock: bool = False
    dtmf: Literal["auto", "rtp", "info"] = "auto"

    def for_emergency(self) -> "MediaRules":
        """Return the rules of an emergency call: secured where that can be, and up until somebody hangs up."""
        srtp: SrtpMode = "optional" if self.srtp == "required" else self.srtp
        return replace(self, srtp=srtp, silence_s=0.0, codec_lock=False)


def crypto_pair(plan: CryptoPlan) -> CryptoPair:
    """Return the keys of a plan as the media process takes them."""
    return CryptoPair(_keys(plan.send)[0], _keys(plan.receive))


def _keys(line: CryptoAttribute) -> tuple[SrtpKey, ...]:
    suite = cast(Suite, line.suite)
    return tuple(SrtpKey(suite, key.material.hex(), key.mki.hex()) for key in line.keys)
