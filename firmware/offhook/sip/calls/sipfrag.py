"""``message/sipfrag`` (:rfc:`3420`) as REFER uses it: a status line in a NOTIFY's body (:rfc:`3515#section-2.4.5`)."""

import re

from offhook.sip.events import Body
from offhook.sip.messages.multipart import find_part
from offhook.sip.responses import printable

CONTENT_TYPE = "message/sipfrag;version=2.0"
_STATUS_LINE = re.compile(rb"SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]{0,200})[^\r\n]*)?(?:\r?\n|$)", re.I)


def status_fragment(status: int, reason: str) -> Body:
    """Return the body that tells how far a request has come."""
    return Body(CONTENT_TYPE, f"SIP/2.0 {status} {printable(reason)}".rstrip().encode("utf-8", "replace") + b"\r\n")


def parse_status(body: Body | None) -> tuple[int, str] | None:
    """Return status and reason phrase of a fragment, None where there are none; nothing else in it is looked at."""
    if body is None:
        return None
    data = find_part(body.content_type, body.data, "message/sipfrag")
    line = _STATUS_LINE.match(data.lstrip(b"\r\n")) if data is not None else None
    if line is None:
        return None
    return int(line[1]), printable((line[2] or b"").decode("utf-8", "replace").strip())
