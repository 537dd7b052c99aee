"""Answers 401 and 407 for one account (:rfc:`3261#section-22`, :rfc:`8760`), sparing the next request the round trip.

What a server asked for is kept, for REGISTER and for the rest apart, and signed ahead of the next challenge with the
nonce count going on. A new nonce is taken whether or not the server says ``stale``: some never do.
"""

from collections.abc import Callable

from offhook.sip.messages.digest import Challenge, answer
from offhook.sip.messages.message import Request, Response

FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MAX_TRIES = 4
MAX_REALMS = 4


class _Realm:
    """What one realm asked for last, and how often its nonces were used since."""

    def __init__(self, challenges: list[Challenge]) -> None:
        self.challenges = challenges
        self.uses = 0


class Authenticator:
    """Credentials of one account; ``token(n)`` makes client nonces."""

    def __init__(self, user: str, password: str, token: Callable[[int], str]) -> None:
        self._user = user
        self._password = password
        self._token = token
        self._known: dict[tuple[bool, int], dict[str, _Realm]] = {}

    def sign(self, request: Request) -> None:
        """Add what the servers are known to want; a fresh request is signed anew each time."""
        for status, (_, field) in FIELDS.items():
            request.headers.remove(field)
            for realm in self._realms(request, status).values():
                realm.uses += 1
                for value in self._answer(realm, request):
                    request.headers.add(field, value)

    def challenged(self, request: Request, response: Response, tries: int) -> bool:
        """Take a challenge; False when another try would only fail again.

        A try is worth it for a realm that had no credentials of ours in ``request``, where the server says
        ``stale``, or, once, for a nonce that was not used yet.
        """
        asked: dict[str, list[Challenge]] = {}
        for challenge in Challenge.parse_many(response.headers.get_all(FIELDS[response.status][0])):
            asked.setdefault(challenge.realm, []).append(challenge)
        realms = self._realms(request, response.status)
        worth = False
        for name, challenges in list(asked.items())[:MAX_REALMS]:
            before, fresh = realms.pop(name, None), _Realm(challenges)
            if not self._password or not self._answer(fresh, request):
                continue
            unsigned = before is None or not before.uses
            used = {challenge.nonce for challenge in before.challenges} if before is not None else set()
            renewed = tries < 2 and not used & {challenge.nonce for challenge in challenges}
            if unsigned or renewed or any(challenge.stale for challenge in challenges):
                realms[name] = fresh
                worth = True
        while len(realms) > MAX_REALMS:
            del realms[next(iter(realms))]
        return worth and tries < MAX_TRIES

    def _realms(self, request: Request, status: int) -> dict[str, _Realm]:
        return self._known.setdefault((request.method == "REGISTER", status), {})

    def _answer(self, realm: _Realm, request: Request) -> list[str]:
        uri, nonce = str(request.uri), self._token(8)
        return answer(
            realm.challenges, self._user, self._password, request.method, uri, request.body, nonce, realm.uses
        )
