"""Digest authentication, the client's side (:rfc:`3261#section-22`, :rfc:`7616`, :rfc:`8760`).

::

    challenges = Challenge.parse_many(response.headers.get_all("WWW-Authenticate"))
    for value in answer(challenges, "alice", "secret", "REGISTER", "sip:pbx.test", b"", cnonce, nc=1):
        request.headers.add("Authorization", value)

A server may challenge several times: once for each realm, and within a realm once for each algorithm, best first.
``realm``, ``nonce`` and ``opaque`` are kept as they stand between their quotes, so that they go back unchanged.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.sip.messages.grammar import LWS, QUOTED, TOKEN, quote

_SCHEME = re.compile(rf"{LWS}({TOKEN})(?:[ \t]++|$)")
_PARAM = re.compile(rf"[ \t,]*+({TOKEN}){LWS}={LWS}({QUOTED}|[^\s,\"]*+){LWS}(?=,|$)", re.DOTALL)
_NEXT = re.compile(rf"[ \t]*+,[ \t,]*+(?={TOKEN}[ \t]++[^ \t=,])")


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {
    "md5": _md5,
    "md5-sess": _md5,
    "sha-256": _sha256,
    "sha-256-sess": _sha256,
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a 401 or 407; ``algorithm`` None: not named, which means MD5; ``qop`` in lower case."""

    scheme: str
    realm: str
    nonce: str
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def supported(self) -> bool:
        """True when :func:`answer` can meet it."""
        return (
            self.scheme.lower() == "digest"
            and (self.algorithm or "MD5").lower() in _HASHES
            and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)
        )

    @classmethod
    def parse_many(cls, values: Sequence[str]) -> list["Challenge"]:
        """Read the values of WWW-Authenticate or Proxy-Authenticate, in order; what makes no sense is left out."""
        challenges = []
        for value in values:
            start = 0
            while (read := _parse_one(value, start)) is not None:
                challenge, start = read
                if challenge is not None:
                    challenges.append(challenge)
        return challenges


def _parse_one(text: str, start: int) -> tuple[Challenge | None, int] | None:
    """Read the challenge at ``start``; several may stand in one value, told apart by ``scheme SP``."""
    match = _SCHEME.match(text, start)
    if match is None:
        return None
    scheme, end = match[1], match.end()
    params: dict[str, str] = {}
    while pair := _PARAM.match(text, end):
        params.setdefault(pair[1].lower(), pair[2])
        end = pair.end()
        if _NEXT.match(text, end):
            break
    following = _NEXT.match(text, end)
    if following is None and text[end:].strip(" \t,"):
        return None
    end = following.end() if following else len(text)
    if "realm" not in params or "nonce" not in params:
        return None, end
    raw = {name: value[1:-1] if value.startswith('"') else value for name, value in params.items()}
    qop = tuple(part.strip().lower() for part in raw.get("qop", "").split(",") if part.strip())
    stale = raw.get("stale", "").lower() == "true"
    return Challenge(scheme, raw["realm"], raw["nonce"], raw.get("algorithm"), qop, raw.get("opaque"), stale), end


def answer(
    challenges: Sequence[Challenge],
    username: str,
    password: str,
    method: str,
    uri: str,
    body: bytes,
    cnonce: str,
    nc: int,
) -> list[str]:
    """Return Authorization values: for each realm the topmost challenge that is supported (:rfc:`8760#section-2.4`).

    ``nc`` counts the uses of these nonces, from 1. An empty list: nothing here can be met.
    """
    chosen: dict[str, Challenge] = {}
    for challenge in challenges:
        if challenge.supported:
            chosen.setdefault(challenge.realm, challenge)
    return [_answer_one(c, username, password, method, uri, body, cnonce, nc) for c in chosen.values()]


def _answer_one(
    challenge: Challenge, username: str, password: str, method: str, uri: str, body: bytes, cnonce: str, nc: int
) -> str:
    algorithm = (challenge.algorithm or "MD5").lower()
    digest = _HASHES[algorithm]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode("utf-8", "surrogateescape"))

    secret = hashed(username, challenge.realm, password)
    if algorithm.endswith("-sess"):
        secret = hashed(secret, challenge.nonce, cnonce)
    qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else None
    what = hashed(method, uri, digest(body)) if qop == "auth-int" else hashed(method, uri)
    count = f"{nc:08x}"
    if qop is None:
        response = hashed(secret, challenge.nonce, what)
    else:
        response = hashed(secret, challenge.nonce, count, cnonce, qop, what)
    fields = [f"username={quote(username)}", f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"']
    fields += [f'uri="{uri}"', f'response="{response}"']
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    if qop is not None or algorithm.endswith("-sess"):
        fields.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        fields.append(f'opaque="{challenge.opaque}"')
    if qop is not None:
        fields += [f"qop={qop}", f"nc={count}"]
    return "Digest " + ", ".join(fields)
