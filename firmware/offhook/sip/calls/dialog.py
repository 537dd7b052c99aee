"""Dialogs (:rfc:`3261#section-12`): who talks to whom, by which route, and how far the two have counted.

A dialog is kept by both sides of a call; :class:`DialogId` is how a request finds it again.
"""

from dataclasses import dataclass, replace

from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.messages.uri import SipUri, Uri

MAX_ROUTES = 20


@dataclass(frozen=True, slots=True)
class DialogId:
    """Call-ID and both tags, as this side sees them; a peer after :rfc:`2543` may have no tag."""

    call_id: str
    local_tag: str
    remote_tag: str

    @classmethod
    def of_request(cls, request: Request) -> "DialogId":
        """Return the id under which a request that came in finds its dialog."""
        return cls(request.call_id, request.to.tag or "", request.from_.tag or "")


class Dialog:
    """The state of one dialog, early or confirmed; ``is_caller``: our INVITE made it, and its Call-ID is ours."""

    def __init__(
        self,
        id: DialogId,
        local: NameAddr,
        remote: NameAddr,
        remote_target: Uri,
        route_set: tuple[NameAddr, ...],
        local_cseq: int,
        remote_cseq: int | None,
        is_caller: bool,
    ) -> None:
        if len(route_set) > MAX_ROUTES:
            raise RemoteError(400, "Too Many Record-Route")
        self.id = id
        self.local = local
        self.remote = remote
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.is_caller = is_caller
        self.allows: frozenset[str] = frozenset()
        self.supports: frozenset[str] = frozenset()

    @classmethod
    def from_response(cls, request: Request, response: Response) -> "Dialog":
        """Make the caller's dialog (:rfc:`3261#section-12.1.2`) from its INVITE and a response with a To tag."""
        dialog_id = DialogId(request.call_id, request.from_.tag or "", response.to.tag or "")
        routes = tuple(reversed(response.record_routes))
        target = _contact(response) or request.uri
        dialog = cls(dialog_id, request.from_, response.to, target, routes, request.cseq.number, None, True)
        dialog.learn(response)
        return dialog

    @classmethod
    def from_request(cls, request: Request, local_tag: str, local_cseq: int) -> "Dialog":
        """Make the callee's dialog (:rfc:`3261#section-12.1.1`). Raises RemoteError 400 without a SIP Contact."""
        target = _contact(request)
        if target is None:
            raise RemoteError(400, "No SIP URI in Contact")
        dialog_id = DialogId(request.call_id, local_tag, request.from_.tag or "")
        local = request.to.with_tag(local_tag)
        routes = tuple(request.record_routes)
        dialog = cls(dialog_id, local, request.from_, target, routes, local_cseq, request.cseq.number, False)
        dialog.learn(request)
        return dialog

    def learn(self, message: Request | Response) -> None:
        """Take what the other side says that it can do: the methods of Allow, the option tags of Supported."""
        if "Allow" in message.headers:
            self.allows = frozenset(message.allow)
        if "Supported" in message.headers:
            self.supports = frozenset(tag.lower() for tag in message.supported)

    def confirm(self, response: Response) -> None:
        """Read route set and target anew from the 2xx that makes an early dialog a call (13.2.2.4)."""
        routes = tuple(reversed(response.record_routes))
        if len(routes) <= MAX_ROUTES:
            self.route_set = routes
        self.refresh_target(response)
        self.learn(response)

    def refresh_target(self, message: Request | Response) -> None:
        """Take a new remote target from the Contact of a re-INVITE or of its 2xx (:rfc:`3261#section-12.2`)."""
        target = _contact(message)
        if target is not None:
            self.remote_target = target

    def in_order(self, request: Request) -> bool:
        """Count a request that came in; False when it is older than one before (12.2.2: answer 500)."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def next_cseq(self) -> int:
        """Return the number for the next request of ours."""
        self.local_cseq += 1
        return self.local_cseq

    @property
    def next_hop(self) -> Uri:
        """The URI whose host gets our requests: the first route, else the remote target."""
        return self.route_set[0].uri if self.route_set else self.remote_target

    def request(self, method: str, cseq: int) -> Request:
        """Build a request of the dialog (:rfc:`3261#section-12.2.1.1`), strict routers heeded; no Via, no Contact."""
        uri, routes = self.remote_target, list(self.route_set)
        if routes and isinstance(routes[0].uri, SipUri) and routes[0].uri.param("lr") is None:
            uri = routes.pop(0).uri
            routes.append(NameAddr(None, self.remote_target, ()))
        headers = Headers()
        for route in routes:
            headers.add("Route", str(route))
        headers.add("Max-Forwards", "70")
        headers.add("From", str(self.local))
        headers.add("To", str(self.remote))
        headers.add("Call-ID", self.id.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        return Request(method, uri, headers, b"")


def _contact(message: Request | Response) -> Uri | None:
    """Return the Contact, which in a dialog is a SIP URI (:rfc:`3261#section-8.1.1.8`); any other is of no use.

    Headers and method in it may not steer what we send (:rfc:`3261#section-19.1.5`).
    """
    contacts = message.contacts
    uri = contacts[0].uri if contacts else None
    if not isinstance(uri, SipUri):
        return None
    if uri.headers:
        uri = replace(uri, headers=())
    return uri if uri.param("method") is None else uri.without_param("method")
