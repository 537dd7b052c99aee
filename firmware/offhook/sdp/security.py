"""Whether and how a stream is secured: which ``crypto`` line of an offer is taken, and what an answer must hold.

============  ====================================  ==========================================
mode          our offer                             their offer
============  ====================================  ==========================================
``off``       RTP/AVP                               RTP/SAVP is refused, ``crypto`` passed over
``optional``  RTP/AVP with ``crypto`` (:rfc:`8643`)  either; secured where it can be
``required``  RTP/SAVP with ``crypto``              refused without ``crypto``
============  ====================================  ==========================================
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from offhook.sdp.crypto import CryptoAttribute, readable
from offhook.sdp.errors import NotAcceptable

SrtpMode = Literal["off", "optional", "required"]
PLAIN = ("RTP/AVP", "RTP/AVPF")
SECURED = ("RTP/SAVP", "RTP/SAVPF")
_MEDIA_FORMAT = 305  # a code for a Warning header (RFC 3261 section 20.43)


@dataclass(frozen=True, slots=True)
class CryptoPlan:
    """The two ``crypto`` lines that were agreed on: ``send`` has our key, ``receive`` those of the other side."""

    send: CryptoAttribute
    receive: CryptoAttribute


def take_offered(
    protocol: str, offered: Iterable[str], own: tuple[CryptoAttribute, ...], mode: SrtpMode
) -> CryptoPlan | None:
    """Return what an offered stream is secured by: the first line that can be used (:rfc:`4568#section-5.1.2`).

    ``offered`` are the values of its ``crypto`` lines, ``own`` our lines, one for each suite. None: plain RTP.
    Raises NotAcceptable.
    """
    must = protocol.upper() in SECURED
    if not must and protocol.upper() not in PLAIN:
        raise NotAcceptable("only RTP/AVP and RTP/SAVP are spoken here", _MEDIA_FORMAT)
    if mode == "off":
        if must:
            raise NotAcceptable("only plain RTP/AVP is spoken here", _MEDIA_FORMAT)
        return None
    ours = {line.suite: line for line in own}
    for line in readable(offered):
        if line.suite in ours:
            return CryptoPlan(ours[line.suite].with_tag(line.tag), line)
    if must:
        raise NotAcceptable("none of the crypto lines offered can be used here", _MEDIA_FORMAT)
    if mode == "required":
        raise NotAcceptable("only SRTP (RTP/SAVP with a crypto line) is spoken here", _MEDIA_FORMAT)
    return None


def take_answered(
    protocol: str, answered: tuple[str, ...], offered: Iterable[str], mode: SrtpMode
) -> CryptoPlan | None:
    """Return what an answer to our own offer secures the stream by (:rfc:`4568#section-5.1.3`); None: plain RTP.

    ``offered`` are the values of our own lines, the keys that we send with. Raises NotAcceptable: a stream that the
    other side secures otherwise, or not where it must be, is none.
    """
    if protocol.upper() not in (*PLAIN, *SECURED):
        raise NotAcceptable("the answer is for something else than RTP", _MEDIA_FORMAT)
    ours = {line.tag: line for line in readable(offered)}
    if not ours or not answered:
        if protocol.upper() in SECURED:
            raise NotAcceptable("the answer wants SRTP and names no key for it", _MEDIA_FORMAT)
        if mode == "required":
            raise NotAcceptable("the answer leaves out SRTP, which this account requires", _MEDIA_FORMAT)
        return None
    for theirs in readable(answered):
        line = ours.get(theirs.tag)
        if line is not None and line.suite == theirs.suite:
            return CryptoPlan(line, theirs)
    raise NotAcceptable("the answer takes no crypto line that was offered, or one that is not done here", _MEDIA_FORMAT)
