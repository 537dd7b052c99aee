"""Answers 401 and 407 for one account (:rfc:`3261#section-22`, :rfc:`8760`), sparing the next request the round trip.

What a server asked for is kept, for REGISTER and for the rest apart, and signed ahead of the next challenge with the
nonce count going on, or with the ``nextnonce`` that the server gave. A new nonce is taken whether or not the server
says ``stale``: some never do.
"""

from collections.abc import Callable
from dataclasses import replace

from offhook.sip.messages.credentials import Credentials, next_nonce, proves
from offhook.sip.messages.digest import Challenge, answer, choose, is_session
from offhook.sip.messages.message import Request, Response

FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
INFOS = {401: "Authentication-Info", 407: "Proxy-Authentication-Info"}
MAX_TRIES = 4
MAX_REALMS = 4


class _Realm:
    """What one realm asked for last, how often its nonce was used since, and the cnonce of a ``-sess`` session."""

    def __init__(self, challenge: Challenge, nonces: set[str], cnonce: str) -> None:
        self.challenge = challenge
        self.nonces = nonces
        self.cnonce = cnonce
        self.uses = 0


class Authenticator:
    """Credentials of one account; ``token(n)`` makes client nonces; ``minimum`` is the weakest hash to answer by."""

    def __init__(self, user: str, password: str, token: Callable[[int], str], minimum: str = "MD5") -> None:
        self.refusal = ""
        self._user = user
        self._password = password
        self._token = token
        self._minimum = minimum
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
        """Take a challenge; False when another try would only fail again, :attr:`refusal` says why.

        A try is worth it for a realm that had no credentials of ours in ``request``, where the server says
        ``stale``, or, once, for a nonce that was not used yet.
        """
        asked: dict[str, list[Challenge]] = {}
        challenges = Challenge.parse_many(response.headers.get_all(FIELDS[response.status][0]))
        for challenge in challenges:
            asked.setdefault(challenge.realm, []).append(challenge)
        realms = self._realms(request, response.status)
        worth = met = False
        for name, offered in list(asked.items())[:MAX_REALMS]:
            before = realms.pop(name, None)
            chosen = choose(offered, self._minimum)
            if not self._password or not chosen:
                continue
            met = True
            nonces = {challenge.nonce for challenge in offered}
            unsigned = before is None or not before.uses
            renewed = tries < 2 and not (before.nonces if before is not None else set()) & nonces
            if unsigned or renewed or any(challenge.stale for challenge in offered):
                realms[name] = _Realm(chosen[0], nonces, self._token(8))
                worth = True
        while len(realms) > MAX_REALMS:
            del realms[next(iter(realms))]
        worth = worth and tries < MAX_TRIES
        self.refusal = "" if worth else self._why(challenges, met)
        return worth

    def _why(self, challenges: list[Challenge], met: bool) -> str:
        """Say why no answer is given, and what to do about it."""
        if not self._password:
            return "the server wants a password: set `password` for the account"
        if met:
            return "the server does not take these credentials: check `user` and `password`"
        if any(challenge.supported for challenge in challenges):
            offered = ", ".join(dict.fromkeys(challenge.algorithm or "MD5" for challenge in challenges))
            return f"the server offers {offered} only, `auth.minimum` asks for {self._minimum}"
        return "the server asks for credentials in no way that this phone knows"

    def accepted(self, request: Request, response: Response) -> bool:
        """Take what a server says of credentials that it accepted (:rfc:`7616#section-3.5`, :rfc:`7615`).

        False: it does not know the password itself, so it is not who it should be.
        """
        honest = True
        for status, name in INFOS.items():
            info = response.headers.get(name)
            if info is None:
                continue
            for made in Credentials.parse_many(request.headers.get_all(FIELDS[status][1])):
                proven = proves(info, made, self._password, response.body)
                realm = self._realms(request, status).get(made.realm)
                fresh = next_nonce(info)
                if realm is not None and fresh is not None and realm.challenge.nonce == made.nonce:
                    self._renew(realm, fresh)
                if proven is not None:
                    honest = proven
                    break
        return honest

    def _renew(self, realm: _Realm, nonce: str) -> None:
        if '"' not in nonce and "\\" not in nonce:
            realm.challenge = replace(realm.challenge, nonce=nonce)
            realm.nonces = {nonce}
            realm.cnonce = self._token(8)
            realm.uses = 0

    def _realms(self, request: Request, status: int) -> dict[str, _Realm]:
        return self._known.setdefault((request.method == "REGISTER", status), {})

    def _answer(self, realm: _Realm, request: Request) -> list[str]:
        # A session's secret is made of the first cnonce; there it stays the same (RFC 7616 section 3.4.2).
        cnonce = realm.cnonce if is_session(realm.challenge.algorithm) else self._token(8)
        return answer(
            [realm.challenge],
            self._user,
            self._password,
            request.method,
            str(request.uri),
            request.body,
            cnonce,
            realm.uses,
            self._minimum,
        )
