"""Who is at the other end, as it changes during a call (:rfc:`4916`; P-Asserted-Identity of :rfc:`3325`).

A call that was transferred or picked up tells of it in a re-INVITE, an UPDATE or their answers: in From, or, from the
account's own server only, in P-Asserted-Identity.
"""

from offhook.sip.calls.dialog import Dialog
from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request, Response

TAG = "from-change"


class ConnectedIdentity:
    """The other side of one dialog as it was last shown."""

    def __init__(self, dialog: Dialog) -> None:
        self._dialog = dialog
        self._shown = _key(dialog.remote)

    def take_request(self, request: Request, trusted: bool) -> NameAddr | None:
        """Take a request of the dialog; return who is there now, None where that is no news."""
        asserted = _asserted(request, trusted)
        changed = _key(request.from_) != _key(self._dialog.remote)
        if changed:
            self._dialog.remote = request.from_
        return self._news(asserted or (request.from_ if changed else None))

    def take_response(self, response: Response, trusted: bool) -> NameAddr | None:
        """Take a 2xx to a request of ours."""
        return self._news(_asserted(response, trusted))

    def _news(self, peer: NameAddr | None) -> NameAddr | None:
        if peer is None or _key(peer) == self._shown:
            return None
        self._shown = _key(peer)
        return peer


def _key(peer: NameAddr) -> tuple[str, str]:
    return peer.display or "", str(peer.uri)


def _asserted(message: Request | Response, trusted: bool) -> NameAddr | None:
    """Return the first P-Asserted-Identity, None where nobody vouches for it or it cannot be read."""
    value = message.headers.get("P-Asserted-Identity")
    if value is None or not trusted:
        return None
    try:
        return NameAddr.parse_many(value)[0]
    except RemoteError:
        return None
