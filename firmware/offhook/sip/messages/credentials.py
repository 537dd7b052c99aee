"""Digest credentials, the server's side: what a client answered, and whether it knows the password (:rfc:`7616`).

::

    response.headers.add("WWW-Authenticate", challenge(realm, nonce, "SHA-256"))
    ...
    for credentials in Credentials.parse_many(request.headers.get_all("Authorization")):
        if credentials.nonce == nonce and verify(credentials, "alice", realm, "secret", "NOTIFY", uri, request.body):

A client checks in the same way what a server proves (:func:`proves`, :rfc:`7616#section-3.5`). The caller keeps the
nonces: which one it gave out, for how long it counts, and that its ``nc`` grows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from offhook.sip.messages.digest import Challenge, is_session, parse_pairs, parse_scheme, response_hash
from offhook.sip.messages.grammar import unquote

_COUNT = re.compile("[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One value of Authorization or Proxy-Authorization; ``username`` unquoted, the rest as it stood.

    ``qop`` None: the old form without. ``nc`` is 0 where there is none that can be read.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str | None = None
    cnonce: str = ""
    qop: str | None = None
    nc: int = 0

    @classmethod
    def parse_many(cls, values: Sequence[str]) -> list["Credentials"]:
        """Read the values of Authorization or Proxy-Authorization; what makes no sense is left out."""
        found = []
        for value in values:
            read = parse_scheme(value)
            if read is None or read[0].lower() != "digest":
                continue
            raw = read[1]
            if not {"username", "realm", "nonce", "uri", "response"} <= raw.keys():
                continue
            qop = raw["qop"].lower() if "qop" in raw else None
            count = raw.get("nc", "")
            nc = int(count, 16) if _COUNT.fullmatch(count) else 0
            user = unquote(f'"{raw["username"]}"')
            cnonce, algorithm = raw.get("cnonce", ""), raw.get("algorithm")
            found.append(cls(user, raw["realm"], raw["nonce"], raw["uri"], raw["response"], algorithm, cnonce, qop, nc))
        return found

    @property
    def readable(self) -> bool:
        """True when the algorithm and the quality of protection are known."""
        bare = Challenge("Digest", self.realm, self.nonce, self.algorithm)
        if not bare.supported or self.qop not in (None, "auth", "auth-int"):
            return False
        if self.qop is None:
            return bool(self.cnonce) or not is_session(self.algorithm)
        return bool(self.cnonce) and self.nc > 0


def challenge(realm: str, nonce: str, algorithm: str = "MD5", *, stale: bool = False) -> str:
    """Return a value for WWW-Authenticate; ``realm`` and ``nonce`` without quotes or backslashes in them."""
    late = ", stale=true" if stale else ""
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{late}'


def verify(
    credentials: Credentials, username: str, realm: str, password: str, method: str, uri: str, body: bytes
) -> bool:
    """True when ``credentials`` are of ``username`` and for this very request, made by who has the password.

    ``uri`` is the Request-URI. The nonce is the caller's to check.
    """
    if credentials.username != username or credentials.realm != realm or credentials.uri != uri:
        return False
    if not password or not credentials.readable:
        return False
    return _is_response(credentials, credentials.response, password, method, body)


def proves(info: str, credentials: Credentials, password: str, body: bytes) -> bool | None:
    """Return whether the ``rspauth`` of an Authentication-Info proves the password; None: it has none to check.

    ``credentials`` are those of the request, ``body`` is that of the response.
    """
    pairs = parse_pairs(info)[0]
    given = pairs.get("rspauth")
    if given is None or not credentials.readable or pairs.get("cnonce", credentials.cnonce) != credentials.cnonce:
        return None
    return _is_response(credentials, given, password, "", body)


def next_nonce(info: str) -> str | None:
    """Return the ``nextnonce`` of an Authentication-Info value."""
    return parse_pairs(info)[0].get("nextnonce") or None


def _is_response(credentials: Credentials, given: str, password: str, method: str, body: bytes) -> bool:
    wanted = response_hash(
        credentials.algorithm,
        credentials.username,
        credentials.realm,
        password,
        credentials.nonce,
        credentials.cnonce,
        f"{credentials.nc:08x}",
        credentials.qop,
        (method, credentials.uri),
        body,
    )
    return compare_digest(given.lower().encode("utf-8", "surrogateescape"), wanted.encode())
