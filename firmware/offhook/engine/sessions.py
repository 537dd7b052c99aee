"""Opens the media side of calls: ports, stream numbers, session ids and keys, as config and account want them."""

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.engine.bodies import session_description
from offhook.engine.mediarules import MediaRules
from offhook.engine.rtpports import RtpPorts
from offhook.engine.session import MediaSession, Streams
from offhook.sdp.crypto import own_crypto
from offhook.sdp.description import SessionDescription
from offhook.sdp.errors import NotAcceptable
from offhook.sdp.negotiate import LocalMedia, accept_offer
from offhook.sip.events import Body


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """What this phone offers in every call: codec names in order, packet time in ms, payload type of events."""

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    ptime: int = 20
    dtmf_payload_type: int = 101


class Sessions:
    """Makes :class:`MediaSession` objects with ports, stream numbers, session ids and keys of their own.

    ``rules`` are those of each account by its name; ``random(n)`` gives n octets for keys.
    """

    def __init__(
        self,
        media: Streams,
        ports: RtpPorts,
        offer: MediaOffer,
        session_id: Callable[[], int],
        cname: str,
        rules: Mapping[str, MediaRules] | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._media = media
        self._ports = ports
        self._offer = offer
        self._session_id = session_id
        self._cname = cname
        self._rules = rules or {}
        self._random = random
        self._numbers = itertools.count(1)
        self._link_up = True

    def set_link(self, up: bool) -> None:
        """Say whether the simulated link is up for sessions that are opened from now on."""
        self._link_up = up

    def rules(self, account: str, emergency: bool = False) -> MediaRules:
        """Return the rules for a call of an account."""
        rules = self._rules.get(account, MediaRules())
        return rules.for_emergency() if emergency else rules

    def open(self, ip: str, any_port: bool = False, rules: MediaRules | None = None) -> "MediaSession":
        """Bind a port pair on ``ip`` and return a session without a stream. Raises NetworkError.

        ``any_port``: where the configured range is used up, take ports outside it rather than none.
        """
        sockets = self._ports.take(ip, any_port)
        session = MediaSession(
            self._media,
            next(self._numbers),
            self._ports,
            sockets,
            self._local(ip, sockets.port, rules or MediaRules()),
            self._session_id(),
            self._cname,
            rules or MediaRules(),
            self._random,
        )
        session.set_link(self._link_up)
        return session

    def refusal(self, body: Body | None, rules: MediaRules | None = None) -> int | None:
        """Return the status to refuse an offer with, None where it can be answered (no offer at all can)."""
        if body is None:
            return None
        local = self._local("127.0.0.1", 9, rules or MediaRules())
        try:
            accept_offer(SessionDescription.parse(session_description(body)), local, 1, 1)
        except NotAcceptable as error:
            return error.status
        return None

    def _local(self, ip: str, port: int, rules: MediaRules) -> LocalMedia:
        offer = self._offer
        crypto = own_crypto(self._random, rules.suites) if rules.srtp != "off" else ()
        return LocalMedia(
            *(ip, port, offer.codecs, offer.ptime, offer.dtmf_payload_type), srtp=rules.srtp, crypto=crypto
        )
