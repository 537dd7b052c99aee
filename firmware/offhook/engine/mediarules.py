"""What an account asks of the media of its calls, and how agreed keys reach the media process."""

from dataclasses import dataclass
from typing import cast

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
        codec_lock: where an answer names several codecs, offer once more with the first of them alone.
    """

    srtp: SrtpMode = "off"
    suites: tuple[str, ...] = tuple(SUITES)
    offers: tuple[str, ...] | None = None
    codec_lock: bool = False

    def for_emergency(self) -> "MediaRules":
        """Return the rules of an emergency call: it is secured where that can be, and goes through where not."""
        return MediaRules("optional" if self.srtp == "required" else self.srtp, self.suites, self.offers)


def crypto_pair(plan: CryptoPlan) -> CryptoPair:
    """Return the keys of a plan as the media process takes them."""
    return CryptoPair(_keys(plan.send)[0], _keys(plan.receive))


def _keys(line: CryptoAttribute) -> tuple[SrtpKey, ...]:
    suite = cast(Suite, line.suite)
    return tuple(SrtpKey(suite, key.material.hex(), key.mki.hex()) for key in line.keys)
