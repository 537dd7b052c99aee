"""Where a call goes on after a 3xx (:rfc:`3261#section-8.1.3.4`): its contacts by ``q``, each once, not too many."""

import re
from collections.abc import Callable
from dataclasses import replace

from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import OtherUri, SipUri, TelUri, Uri

MAX_TARGETS = 5
FOLLOWED = frozenset({300, 301, 302})
_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")


class Redirects:
    """The targets of one call; ``followed`` false: a 3xx is the end of it (an emergency call goes where it must).

    ``may_call`` says of each target whether the person could have dialled it: no server leads past a lock.
    """

    def __init__(self, target: Uri, followed: bool = True, may_call: Callable[[Uri], bool] = lambda uri: True) -> None:
        self._followed = followed
        self._may_call = may_call
        self._first = target
        self._seen: list[Uri] = [target]
        self._waiting: list[Uri] = []

    def take(self, response: Response) -> bool:
        """Note the contacts of a 3xx, before those that still wait; False where it is not to be followed."""
        if not self._followed or response.status not in FOLLOWED:
            return False
        fresh = []
        for contact in sorted(response.contacts, key=lambda contact: -_q(contact.param("q"))):
            uri = _plain(contact.uri)
            if self._allowed(uri) and not self._known(uri) and len(self._seen) <= MAX_TARGETS:
                self._seen.append(uri)
                fresh.append(uri)
        self._waiting[:0] = fresh
        return True

    def next(self) -> Uri | None:
        """Return the next target to try, None when there is none."""
        return self._waiting.pop(0) if self._waiting else None

    def _allowed(self, uri: Uri) -> bool:
        """True for what may be called instead; ``sips`` never becomes less (section 8.1.3.4)."""
        if isinstance(self._first, SipUri) and self._first.scheme == "sips":
            fits = isinstance(uri, SipUri) and uri.scheme == "sips"
        else:
            fits = isinstance(uri, SipUri | TelUri)
        return fits and self._may_call(uri)

    def _known(self, uri: Uri) -> bool:
        return any(uri.equivalent(seen) if isinstance(uri, SipUri) else uri == seen for seen in self._seen)


def is_emergency(uri: Uri) -> bool:
    """True for a service URN (:rfc:`5031`)."""
    return isinstance(uri, OtherUri) and uri.scheme == "urn" and uri.rest.lower().startswith("service:sos")


def _plain(uri: Uri) -> Uri:
    """Drop what a Contact could smuggle into our INVITE: headers and a method (:rfc:`3261#section-19.1.5`)."""
    return replace(uri, headers=()).without_param("method") if isinstance(uri, SipUri) else uri


def _q(text: str | None) -> float:
    return float(text) if text is not None and _Q.match(text) else 1.0 if text is None else 0.0
