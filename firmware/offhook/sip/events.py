"""What crosses the edge of :class:`offhook.sip.endpoint.Endpoint`: flows and bytes below, events above.

A ``call`` is the handle that the caller of the endpoint chose (outgoing) or that the endpoint made (incoming,
``"i1"``, ``"i2"`` ...). Bodies travel as they are: the endpoint does not look into SDP.
"""

from dataclasses import dataclass, field
from typing import Literal

from offhook.sip.identity import CallerIdentity
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request, Response

Transport = Literal["udp", "tcp", "tls"]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """Where bytes came from. ``number`` tells stream connections apart; it is 0 for datagrams."""

    transport: Transport
    local: Address
    remote: Address
    number: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """One resolved next hop (:rfc:`3263`). ``name``: the SIP domain that a TLS certificate must name (:rfc:`5922`).

    ``rank``: those of one rank are as good as one another, a lower one is better.
    """

    transport: Transport
    ip: str
    port: int
    name: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Transmit:
    """Bytes to put on the wire. ``flow`` names the stream to reuse; None: any (opened when there is none).

    ``name`` is the SIP domain that the certificate of a TLS peer must name, ``account`` whose TLS settings count.
    ``lenient``: it belongs to an emergency call, and may go by a connection whose certificate nobody has verified.
    """

    data: bytes
    transport: Transport
    remote: Address
    flow: Flow | None = None
    name: str = ""
    account: str = ""
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A message body with its media type, e.g. ``application/sdp``; ``headers`` are further entity headers.

    What it says does not show in its ``repr``: it may hold keys (:rfc:`4568`).
    """

    content_type: str
    data: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """The next hop has a name: answer with :meth:`Endpoint.resolved` or :meth:`Endpoint.unresolvable`.

    ``transport`` None: any that the domain offers (:rfc:`3263#section-4.1`); ``secure``: TLS alone will do.
    """

    key: str
    host: str
    port: int | None
    transport: Transport | None
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """A REGISTER was accepted; the binding lasts ``expires`` seconds and is refreshed by the endpoint."""

    account: str
    expires: int


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """A REGISTER failed (``status`` 0: no answer); the endpoint tries again in ``retry_in`` seconds by itself."""

    account: str
    status: int
    reason: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class Unregistered:
    """The binding was removed, or the time for removing it ran out."""

    account: str


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A new INVITE for a user of ours; 100 was sent. Answer with ring, answer or reject.

    ``caller`` is what may be believed about who calls. ``replaces`` is the handle of the call whose place this one
    takes (:rfc:`3891`): answer it and hang up the other one, or reject it.
    """

    call: str
    account: str | None
    peer: NameAddr
    body: Body | None
    request: Request
    flow: Flow
    caller: CallerIdentity = field(default_factory=CallerIdentity)
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A provisional response above 100 to our INVITE (``body``: early media); ``fork`` tells early dialogs apart."""

    call: str
    status: int
    reason: str
    body: Body | None
    fork: str = ""


@dataclass(frozen=True, slots=True)
class CallTrying:
    """The first response of any kind (100 included) to our INVITE: somebody is there."""

    call: str


@dataclass(frozen=True, slots=True)
class CallAccepted:
    """Our INVITE got its 2xx; the ACK was sent."""

    call: str
    body: Body | None
    response: Response


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """The ACK for our 2xx came (``body``: the answer to our offer, where the INVITE had none)."""

    call: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class CallReoffer:
    """The other side offers (``body``), or asks us to offer (None): accept_reoffer or reject_reoffer.

    It came in a re-INVITE, an UPDATE, a PRACK, or in the answer to an INVITE of ours that had no offer.
    """

    call: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class ReofferAccepted:
    """An offer of ours (re-INVITE, UPDATE, or the one in a reliable 183) was accepted; ``body`` is the answer."""

    call: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class ReofferRefused:
    """Our re-INVITE or UPDATE was refused; the session goes on as it was."""

    call: str
    status: int


@dataclass(frozen=True, slots=True)
class ReofferStale:
    """An offer of ours that had to wait was not sent, for something newer of ours went out meanwhile: make it anew.

    Its ``o=`` line would go back to an older version (:rfc:`3264#section-8`).
    """

    call: str


@dataclass(frozen=True, slots=True)
class CallInfo:
    """An INFO came within a call; it was answered already (DTMF: :mod:`offhook.sip.calls.info`)."""

    call: str
    body: Body


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """Who is at the other end is now somebody else, or known better (:rfc:`4916`, :rfc:`3325`)."""

    call: str
    peer: NameAddr


@dataclass(frozen=True, slots=True)
class CallRefused:
    """Our INVITE failed for good. ``status`` 0: nothing answered (time-out, reset, no address)."""

    call: str
    status: int
    reason: str
    response: Response | None


@dataclass(frozen=True, slots=True)
class CallOver:
    """A call that rang here or was up has ended by the other side, by CANCEL, or for lack of an ACK.

    ``elsewhere``: the CANCEL's ``Reason`` says that another phone answered (:rfc:`3326`).
    """

    call: str
    reason: str
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """What becomes of a transfer that we asked for in ``call``; ``final``: this is the last word.

    ``status`` is that of the call which the other side places: 180, 200, 486 ...; 0: nothing more was heard of it.
    """

    call: str
    status: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """A REFER asks us to call ``target``: :meth:`Endpoint.accept_transfer` or :meth:`Endpoint.refuse_transfer`.

    ``call`` is the one in which it came, None: the account's server asks outside any call. ``headers`` (Replaces,
    Referred-By) are for the new call; ``referred_by`` is who asks, by his own word (:rfc:`3892`).
    """

    key: str
    call: str | None
    account: str
    target: str
    headers: tuple[tuple[str, str], ...]
    referred_by: NameAddr | None


@dataclass(frozen=True, slots=True)
class Notified:
    """News from a notifier; it was answered. ``key`` None: the account's server speaks unasked (:rfc:`3842`).

    ``state`` is ``active``, ``pending`` or ``terminated`` with its ``reason`` (:rfc:`6665#section-4.1.3`). ``fork``
    tells notifiers of one subscription apart.
    """

    key: str | None
    account: str
    package: str
    body: Body | None
    state: str
    reason: str
    fork: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """A subscription ended, or did not come about: ``status`` of the refusal (0: none), the notifier's ``reason``.

    The endpoint asks again by itself in ``retry_in`` seconds; None: never, and the key is free.
    """

    key: str
    status: int
    reason: str
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A MESSAGE came from the account's server; it was answered. The body is ``text/plain``, of 2048 bytes at most."""

    account: str
    peer: NameAddr
    body: Body


@dataclass(frozen=True, slots=True)
class CheckSync:
    """Who may do so asks the phone to fetch its config (NOTIFY check-sync), and with ``reboot`` to begin anew."""

    account: str
    reboot: bool


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request of a method in ``EndpointSettings.deliver``: answer with :meth:`Endpoint.respond`."""

    key: str
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class CloseFlow:
    """The stream cannot be understood any longer, or a request got no sign of life by it: close it."""

    flow: Flow


Event = (
    Lookup
    | Registered
    | RegistrationFailed
    | Unregistered
    | IncomingCall
    | CallTrying
    | CallProgress
    | CallAccepted
    | CallConfirmed
    | CallReoffer
    | ReofferAccepted
    | ReofferRefused
    | ReofferStale
    | CallInfo
    | PeerChanged
    | CallRefused
    | CallOver
    | TransferProgress
    | TransferRequested
    | Notified
    | SubscriptionEnded
    | MessageReceived
    | CheckSync
    | RequestReceived
    | CloseFlow
)
