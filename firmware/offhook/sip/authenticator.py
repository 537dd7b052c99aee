"""Answers 401 and 407 for one account (:rfc:`3261#section-22`, :rfc:`8760`), sparing the next request the round trip.

What a server asked for is kept, for REGISTER and for the rest apart, and signed ahead of the next challenge with the
nonce count going on. A new nonce is taken whether or not the server says ``stale``: some never do.
"""

from collections.abc import Callable

from offhook.sip.digest import Challenge, answer
from offhook.sip.errors import RemoteError
from offhook.sip.message import Request, Response

FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MAX_TRIES = 3


class _Known:
    """The challenges of one header kind, and how often their nonces were used."""

    def __init__(self, challenges: list[Challenge]) -> None:
        self.challenges = challenges
        self.count = 0


class Authenticator:
    """Credentials of one account; ``token(n)`` makes client nonces."""

    def __init__(self, user: str, password: str, token: Callable[[int], str]) -> None:
        self._user = user
        self._password = password
        self._token = token
        self._known: dict[tuple[bool, int], _Known] = {}

    def sign(self, request: Request) -> None:
        """Add what the server is known to want; a fresh request is signed anew each time."""
        for status, (_, field) in FIELDS.items():
            known = self._known.get((request.method == "REGISTER", status))
            request.headers.remove(field)
            if known is None:
                continue
            known.count += 1
            values = answer(
                known.challenges,
                self._user,
                self._password,
                request.method,
                str(request.uri),
                request.body,
                self._token(8),
                known.count,
            )
            for value in values:
                request.headers.add(field, value)

    def challenged(self, request: Request, response: Response, tries: int) -> bool:
        """Take a challenge; False when another try would only fail again.

        A try is worth it when ``request`` carried no credentials of that kind, when the server says ``stale``, or,
        once, when it brings a nonce that was not used yet.
        """
        challenge_field, field = FIELDS[response.status]
        slot = (request.method == "REGISTER", response.status)
        before = self._known.pop(slot, None)
        try:
            challenges = Challenge.parse_many(response.headers.get_all(challenge_field))
        except RemoteError:
            return False
        known = _Known(challenges)
        if not self._password or tries >= MAX_TRIES or not self._can_answer(known, request):
            return False
        self._known[slot] = known
        if before is None or not request.headers.get(field):
            return True
        if any(challenge.stale for challenge in challenges):
            return True
        used = {challenge.nonce for challenge in before.challenges}
        if tries < 2 and not used & {challenge.nonce for challenge in challenges}:
            return True
        del self._known[slot]
        return False

    def _can_answer(self, known: _Known, request: Request) -> bool:
        uri = str(request.uri)
        return bool(answer(known.challenges, self._user, self._password, request.method, uri, b"", "0", 1))
