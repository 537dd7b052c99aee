"""Session descriptions in SIP bodies."""

from offhook.sdp.errors import NotAcceptable
from offhook.sip.events import Body
from offhook.sip.messages.multipart import find_part

SDP = "application/sdp"


def session_description(body: Body) -> bytes:
    """Return the SDP of a body, be it the whole of it or a part (:rfc:`5621#section-5`). Raises NotAcceptable."""
    found = find_part(body.content_type, body.data, SDP)
    if found is None:
        raise NotAcceptable("the body holds no session description")
    return found
