"""What an endpoint and its accounts are told at the start."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from offhook import __version__
from offhook.sip.events import Transport
from offhook.sip.messages.limits import Limits
from offhook.sip.transactions.timers import TimerValues

USER_AGENT = f"offhook/{__version__}"
AcceptFrom = Literal["servers", "listed", "any"]
Reliable = Literal["off", "supported", "required"]
HashName = Literal["MD5", "SHA-256", "SHA-512-256"]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account: ``uri`` is its address of record, ``server`` (``host`` or ``host:port``) where requests go.

    ``user`` is the name for digest, which may differ from the user part of ``uri``. An account with ``register``
    false is used as it stands. ``expires`` in seconds. ``transport`` None: what the server's domain says in DNS
    (:rfc:`3263`), else UDP. ``outbound_proxy`` (``host``, ``host:port`` or a SIP URI) stands before the server.

    ``instance`` is this phone's URN (``urn:uuid:...``); with it the account asks for Outbound (:rfc:`5626`, unless
    ``outbound`` is false) and for a GRUU (:rfc:`5627`). ``keepalive``: seconds between signs of life on the way to the
    server, 0: none. ``auth_minimum``: challenges by a weaker hash are not answered.

    ``privacy``: calls do not show who calls (:rfc:`3323`), emergency calls excepted. ``watch_registration``: hear of
    bindings that the registrar took away (:rfc:`3680`), and register again.

    ``reliable``: provisional responses with PRACK (:rfc:`3262`). ``session_expires``: the session interval that we ask
    for, None: we ask for none but keep the other side's; ``min_se``: the shortest that we take (:rfc:`4028`), both in
    seconds. ``auto_answer``: a call that asks to be answered by itself may be, where the account's server brings it.
    """

    name: str
    uri: str
    user: str
    password: str = field(repr=False)
    server: str
    transport: Transport | None
    register: bool = True
    expires: int = 3600
    display_name: str | None = None
    reliable: Reliable = "supported"
    session_expires: int | None = 1800
    min_se: int = 90
    auto_answer: bool = False
    privacy: bool = False
    watch_registration: bool = False
    outbound_proxy: str | None = None
    outbound: bool = True
    instance: str = ""
    keepalive: float = 25.0
    auth_minimum: HashName = "MD5"


@dataclass(frozen=True, slots=True)
class BackOff:
    """How a failed registration is tried again (:rfc:`5626#section-4.5`), in seconds, before jitter of 50-100 %.

    The wait doubles from ``base`` up to ``limit`` and never ends. Where the server does not know us, or not by that
    password (401, 404, 407), it is ``limit`` from the first time on; where it forbids it (403) ``refused``.
    """

    base: float = 30.0
    limit: float = 120.0
    refused: float = 600.0


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How one endpoint behaves.

    ``any_user`` takes calls for every user part; ``deliver`` names methods that the application answers itself;
    ``accept`` the media types of bodies that an INVITE may have. ``udp_max``: a larger request goes over TCP
    (:rfc:`3261#section-18.1.1`), and back to UDP when TCP is refused or not up within ``tcp_patience`` seconds. A
    stream from earlier that brings nothing for ``stream_patience`` seconds after a request is replaced by a new one.
    A target that says nothing for ``failover_patience`` seconds is given up for the next, where there is one.

    ``accept_from``: whose requests are taken (:mod:`offhook.sip.policy.gate`): those of the accounts' servers and of
    who a dialog is up with, the networks in ``listed`` too, or anybody's. ``rate_limit``: messages a second from one
    stranger before he hears nothing more, 0: no limit. ``check_sync_auth``: who asks for a new config must know the
    account's password.
    """

    user_agent: str = USER_AGENT
    any_user: bool = False
    deliver: frozenset[str] = frozenset()
    accept: tuple[str, ...] = ("application/sdp", "multipart/mixed")
    udp_max: int = 1300
    tcp_patience: float = 3.0
    stream_patience: float = 2.0
    failover_patience: float = 6.0
    max_calls: int = 32
    max_transactions: int = 2048
    accept_from: AcceptFrom = "any"
    listed: tuple[IPv4Network | IPv6Network, ...] = ()
    rate_limit: float = 0.0
    check_sync_auth: bool = True
    timers: TimerValues = field(default_factory=TimerValues)
    back_off: BackOff = field(default_factory=BackOff)
    limits: Limits = field(default_factory=Limits)
