"""What makes an INVITE an emergency call: headers, and session and location in one body (:rfc:`6442`).

Plain values only: the engine hands them to the SIP endpoint as they are.
"""

import re
from dataclasses import dataclass

from offhook.emergency.numbers import EmergencyError

_CONTENT_ID = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+\Z")
_BOUNDARY = re.compile(r"[A-Za-z0-9]{1,60}\Z")


@dataclass(frozen=True, slots=True)
class EmergencyInvite:
    """Headers beyond the usual ones, and the body with its media type."""

    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes


def invite_with_location(sdp: bytes, pidf: bytes, content_id: str, boundary: str) -> EmergencyInvite:
    """Return the INVITE that carries its location by value.

    ``content_id`` is ``left@right``, new for every call; ``boundary`` is random letters and digits. The location's part
    has ``handling=optional``, so that a server that does not know it takes the call (:rfc:`7852#section-6.4`).
    Raises :class:`EmergencyError` where an identifier has other characters than letters, digits and ``. _ -``, or the
    boundary occurs in a part.
    """
    if not _CONTENT_ID.match(content_id):
        raise EmergencyError(f"content id {content_id!r}: use letters, digits and . _ - around one @")
    if not _BOUNDARY.match(boundary) or boundary.encode() in sdp or boundary.encode() in pidf:
        raise EmergencyError("the boundary is not usable or occurs in a part: take another random one")
    headers = (
        ("Geolocation", f"<cid:{content_id}>"),
        ("Geolocation-Routing", "yes"),
        ("Priority", "emergency"),
        ("MIME-Version", "1.0"),
    )
    parts = (
        _part((("Content-Type", "application/sdp"),), sdp),
        _part(
            (
                ("Content-Type", "application/pidf+xml"),
                ("Content-ID", f"<{content_id}>"),
                ("Content-Disposition", "by-reference;handling=optional"),
            ),
            pidf,
        ),
    )
    mark = b"--" + boundary.encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return EmergencyInvite(headers, f"multipart/mixed;boundary={boundary}", body)


def invite_without_location(sdp: bytes) -> EmergencyInvite:
    """Return the INVITE of the lower rungs: marked as an emergency (:rfc:`3261#section-20.26`), session only."""
    return EmergencyInvite((("Priority", "emergency"),), "application/sdp", sdp)


def _part(headers: tuple[tuple[str, str], ...], content: bytes) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n" + content
