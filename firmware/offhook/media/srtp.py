"""SRTP and SRTCP of one stream (:rfc:`3711`, :rfc:`7714`), by libsrtp.

::

    RTP  | header | payload, encrypted          | [MKI] | tag |          AES-CM: MKI before the tag
    RTP  | header | payload and tag, encrypted  | [MKI]                  AEAD: MKI last
    RTCP | header | reports, encrypted | E, index | [MKI] | tag |

A session of libsrtp lives as long as its key, so that the rollover counter goes on over hold and over every new
description that keeps the key. Where this process is new to a call that is not, the counter is looked for.

Import this module only for a secured stream: the binding takes 15 ms to load.
"""

import contextlib

import pylibsrtp
from pylibsrtp import Policy

from offhook.media.settings import CryptoPair, SrtpKey

_GRACE_S = 5.0  # packets under the key before may be on their way for so long
_MOST_ROLLOVERS = 64  # a day of packets of 20 ms
_MOST_SEARCHES = 5  # one takes a millisecond; whoever sends junk shall not have many
_MOST_SENDERS = 64  # of our own keys, which are made anew each time: one that was left so long ago does not come back
_WINDOW = 256  # packets; a burst that was late is no replay
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
# Octets of the tag that stand behind the MKI: SRTCP has 80 bits in both AES-CM suites (RFC 4568 section 6.2).
_RTP_TAIL = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
_RTCP_TAIL = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 10}


class Srtp:
    """Protects what is sent and unprotects what comes in; what cannot be verified is counted, and None."""

    def __init__(self, pair: CryptoPair) -> None:
        self.unverified = 0
        """Packets that failed authentication, or came without any."""
        self.replayed = 0
        """Packets that came a second time, or too late to tell."""
        self._pair = pair
        # Kept: a key that comes back must not count from zero again, which would use its keystream twice.
        self._senders = {pair.send: _session(pair.send, Policy.SSRC_ANY_OUTBOUND)}
        self._sender = self._senders[pair.send]
        self._receivers = {key: _session(key, Policy.SSRC_ANY_INBOUND) for key in pair.receive}
        self._unheard = set(pair.receive) if pair.late else set()
        self._searches = 0
        self._old: tuple[SrtpKey, ...] = ()
        self._old_until = 0.0

    @property
    def suite(self) -> str:
        """The suite of what is sent."""
        return self._pair.send.suite

    def update(self, pair: CryptoPair, now: float) -> None:
        """Take new keys; one that stays goes on where it was, one that goes is still heard for a moment."""
        before, self._pair = self._pair, pair
        if pair.send != before.send:
            known = self._senders
            self._sender = known.pop(pair.send) if pair.send in known else _session(pair.send, Policy.SSRC_ANY_OUTBOUND)
            known[pair.send] = self._sender
            while len(self._senders) > _MOST_SENDERS:
                del self._senders[next(iter(self._senders))]
        if pair.receive != before.receive:
            known, wanted = self._receivers, (*pair.receive, *before.receive)
            self._receivers = {key: known.get(key) or _session(key, Policy.SSRC_ANY_INBOUND) for key in wanted}
            self._old = tuple(key for key in before.receive if key not in pair.receive)
            self._old_until = now + _GRACE_S

    def protect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet secured; None for one that cannot be."""
        try:
            return self._sender.protect(packet)
        except (pylibsrtp.Error, ValueError):
            return None

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Return an RTCP compound secured; None for one that cannot be."""
        try:
            return self._sender.protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError):
            return None

    def unprotect(self, packet: bytes, now: float) -> bytes | None:
        """Return the RTP packet inside; None for one that must not be believed."""
        return self._open(packet, now, rtcp=False)

    def unprotect_rtcp(self, packet: bytes, now: float) -> bytes | None:
        """Return the RTCP compound inside; None for one that must not be believed."""
        return self._open(packet, now, rtcp=True)

    def _open(self, packet: bytes, now: float, rtcp: bool) -> bytes | None:
        if self._old and now >= self._old_until:
            for key in self._old:
                del self._receivers[key]
            self._old = ()
        replayed = False
        for key, session in tuple(self._receivers.items()):
            bare = _without_mki(packet, key, rtcp) if key.mki else packet
            if bare is None:
                continue
            try:
                if rtcp:
                    return session.unprotect_rtcp(bare)
                opened = session.unprotect(bare)
            except pylibsrtp.Error as error:
                replayed = replayed or str(error).startswith("replay")
                found = self._search(key, bare) if key in self._unheard and not rtcp else None
                if found is None:
                    continue
                opened = found
            except ValueError:  # longer than any of ours
                break
            self._unheard.discard(key)
            return opened
        if replayed:
            self.replayed += 1
        else:
            self.unverified += 1
        return None

    def _search(self, key: SrtpKey, packet: bytes) -> bytes | None:
        """Look for the rollover counter by which a packet can be opened; from then on the key's session has it.

        libsrtp cannot be told a counter, but it counts what it protects: a session of the other side's key is led round
        by packets of its source that nobody is sent.
        """
        if self._searches >= _MOST_SEARCHES:
            return None
        self._searches += 1
        session = _session(key, Policy.SSRC_ANY_INBOUND)
        try:
            quarter = packet[2] & 0xC0
            for step in range(4 * _MOST_ROLLOVERS):
                high = step << 6 & 0xC0
                session.protect(b"\x80\0" + bytes((high, 0)) + packet[4:12] + b"\0")
                if high == quarter:  # so that the packet is ahead of the count, and by less than half a round
                    with contextlib.suppress(pylibsrtp.Error):
                        opened = session.unprotect(packet)
                        self._receivers[key] = session
                        return opened
        except (pylibsrtp.Error, ValueError):
            return None
        return None


def _session(key: SrtpKey, direction: int) -> pylibsrtp.Session:
    policy = Policy(bytes.fromhex(key.master), direction, srtp_profile=_PROFILES[key.suite])
    policy.window_size = _WINDOW
    return pylibsrtp.Session(policy)


def _without_mki(packet: bytes, key: SrtpKey, rtcp: bool) -> bytes | None:
    """Return a packet without its MKI; None where it bears another, or none."""
    mki = bytes.fromhex(key.mki)
    end = len(packet) - (_RTCP_TAIL if rtcp else _RTP_TAIL).get(key.suite, 0)
    begin = end - len(mki)
    if begin < 0 or packet[begin:end] != mki:
        return None
    return packet[:begin] + packet[end:]
