"""Digest authentication, the client's side (:rfc:`3261#section-22`, :rfc:`7616`, :rfc:`8760`).

::

    challenges = Challenge.parse_many(response.headers.get_all("WWW-Authenticate"))
    for value in answer(challenges, "alice", "secret", "REGISTER", "sip:pbx.test", b"", cnonce, nc=1):
        request.headers.add("Authorization", value)

A server may challenge several times: once for each realm, and within a realm once for each algorithm, best first.
``realm``, ``nonce`` and ``opaque`` are kept as they stand between their quotes, so that they go back unchanged. The
other side, checking what a client answers, is :mod:`offhook.sip.messages.credentials`.
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


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"md5": _md5, "sha-256": _sha256}
if "sha512_256" in hashlib.algorithms_available:
    _HASHES["sha-512-256"] = _sha512_256
_STRENGTH = {"md5": 0, "sha-256": 1, "sha-512-256": 2}


def hash_name(algorithm: str | None) -> str:
    """Return the hash of an algorithm in lower case, without ``-sess``; none named means MD5."""
    return (algorithm or "MD5").lower().removesuffix("-sess")


def is_session(algorithm: str | None) -> bool:
    """True for the ``-sess`` form, whose secret is made once from the first cnonce."""
    return (algorithm or "").lower().endswith("-sess")


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
            and hash_name(self.algorithm) in _HASHES
            and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)
        )

    def reaches(self, minimum: str) -> bool:
        """True when the hash is ``minimum`` or stronger: MD5, SHA-256, SHA-512-256."""
        return _STRENGTH.get(hash_name(self.algorithm), -1) >= _STRENGTH[minimum.lower()]

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
    read = parse_scheme(text, start)
    if read is None:
        return None
    scheme, raw, end = read
    if "realm" not in raw or "nonce" not in raw:
        return None, end
    qop = tuple(part.strip().lower() for part in raw.get("qop", "").split(",") if part.strip())
    stale = raw.get("stale", "").lower() == "true"
    return Challenge(scheme, raw["realm"], raw["nonce"], raw.get("algorithm"), qop, raw.get("opaque"), stale), end


def parse_scheme(text: str, start: int = 0) -> tuple[str, dict[str, str], int] | None:
    """Read ``scheme name=value, ...`` at ``start``: scheme, values by lower-case name, quotes off, and the end.

    Several may stand in one value, told apart by ``scheme SP``. None: it cannot be read.
    """
    match = _SCHEME.match(text, start)
    if match is None:
        return None
    params, end = parse_pairs(text, match.end())
    following = _NEXT.match(text, end)
    if following is None and text[end:].strip(" \t,"):
        return None
    return match[1], params, following.end() if following else len(text)


def parse_pairs(text: str, start: int = 0) -> tuple[dict[str, str], int]:
    """Read ``name=value, ...`` at ``start``; quotes are taken off, what they held stays as it was."""
    params: dict[str, str] = {}
    end = start
    while pair := _PARAM.match(text, end):
        value = pair[2]
        params.setdefault(pair[1].lower(), value[1:-1] if value.startswith('"') else value)
        end = pair.end()
        if _NEXT.match(text, end):
            break
    return params, end


def response_hash(
    algorithm: str | None,
    username: str,
    realm: str,
    password: str,
    nonce: str,
    cnonce: str,
    nc: str,
    qop: str | None,
    what: tuple[str, str],
    body: bytes,
) -> str:
    """Return ``response`` (:rfc:`7616#section-3.4.1`) in hex; ``what`` is the method ("" for rspauth) and the URI."""
    digest = _HASHES[hash_name(algorithm)]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode("utf-8", "surrogateescape"))

    secret = hashed(username, realm, password)
    if is_session(algorithm):
        secret = hashed(secret, nonce, cnonce)
    meant = hashed(*what, digest(body)) if qop == "auth-int" else hashed(*what)
    return hashed(secret, nonce, meant) if qop is None else hashed(secret, nonce, nc, cnonce, qop, meant)


def choose(challenges: Sequence[Challenge], minimum: str = "MD5") -> list[Challenge]:
    """Return for each realm the topmost challenge that is supported and strong enough (:rfc:`8760#section-2.4`)."""
    chosen: dict[str, Challenge] = {}
    for challenge in challenges:
        if challenge.supported and challenge.reaches(minimum):
            chosen.setdefault(challenge.realm, challenge)
    return list(chosen.values())


def answer(
    challenges: Sequence[Challenge],
    username: str,
    password: str,
    method: str,
    uri: str,
    body: bytes,
    cnonce: str,
    nc: int,
    minimum: str = "MD5",
) -> list[str]:
    """Return an Authorization value for each realm, as :func:`choose` takes them.

    ``nc`` counts the uses of these nonces, from 1. An empty list: nothing here can be met.
    """
    return [_answer_one(c, username, password, (method, uri), body, cnonce, nc) for c in choose(challenges, minimum)]


def _answer_one(
    challenge: Challenge, username: str, password: str, what: tuple[str, str], body: bytes, cnonce: str, nc: int
) -> str:
    qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else None
    count = f"{nc:08x}"
    response = response_hash(
        challenge.algorithm, username, challenge.realm, password, challenge.nonce, cnonce, count, qop, what, body
    )
    fields = [f"username={quote(username)}", f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"']
    fields += [f'uri="{what[1]}"', f'response="{response}"']
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    if qop is not None or is_session(challenge.algorithm):
        fields.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        fields.append(f'opaque="{challenge.opaque}"')
    if qop is not None:
        fields += [f"qop={qop}", f"nc={count}"]
    return "Digest " + ", ".join(fields)
