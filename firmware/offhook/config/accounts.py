"""Where the phone registers and through whom it calls."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from offhook.config.faults import quoted
from offhook.config.scalars import (
    WHOLE,
    Identifier,
    Password,
    Server,
    Text,
    Truth,
    filled,
    host_name,
    patterned,
    truth,
    wrong,
)
from offhook.config.section import Section

# The user part is that of RFC 3261 section 25.1, less ; ? and / (which nobody means here).
_AOR = re.compile(
    r"(sips?):((?:[A-Za-z0-9_.!~*'()&=+$,-]|%[0-9A-Fa-f]{2})+)@(\[[0-9A-Fa-f:.]+\]|[^@:;?/\[\]\s]+)(?::([0-9]{1,5}))?",
    re.IGNORECASE,
)


def address_of_record(value: object) -> str:
    """Return ``sip:user@host`` as written; raises for other forms and never shows a password that stands in one."""
    source = filled(value)
    if re.search(r":[^@]*:[^@]*@", source) or re.match(r"[^@]*@[^@]*@", source):
        raise wrong("must be sip:user@host; a password belongs under password:, not in here")
    found = _AOR.fullmatch(source)
    if found is None:
        meant = None if source.lower().startswith(("sip:", "sips:")) else f"sip:{source}"
        fits = meant is not None and _AOR.fullmatch(meant) is not None
        message = "is not an address such as sip:1001@pbx.example"
        raise wrong(message, meant if fits else None)
    if not host_name(found[3].strip("[]")) or int(found[4] or 0) > 65535:
        raise wrong(f"{quoted(source)} has no host name or IP address after the @")
    return source


AddressOfRecord = Annotated[str, BeforeValidator(address_of_record), patterned("^[Ss][Ii][Pp][Ss]?:.+@.+$")]


def _mailbox(value: object) -> bool | str:
    """Return a truth value or an address of record."""
    return truth(value) if isinstance(value, bool) or ":" not in filled(value) else address_of_record(value)


_MAILBOX = {"anyOf": [{"type": "string", "pattern": "^[Ss][Ii][Pp][Ss]?:.+@.+$"}, {"type": "boolean"}]}


class Auth(Section):
    """How the account proves its password to a server (digest authentication)."""

    minimum: Literal["MD5", "SHA-256", "SHA-512-256"] = "MD5"
    """The weakest hash to answer with. Many servers know MD5 only."""


class Tls(Section):
    """How a server proves who it is, over `transport: tls` (RFC 5922), and what we show to it."""

    name: Text | None = None
    """Name that the server's certificate may have where that is not the server's own: the host in `server`, or in `uri`
    where that is not set. A server that is given by its IP address needs this, or a certificate for the address."""
    allow_wildcard: Truth = False
    """Whether a certificate for `*.example.com` is one for `sip.example.com`, which RFC 5922 forbids."""
    ca: Text | None = None
    """PEM file with the authorities to trust in place of the system's."""
    certificate: Text | None = None
    """PEM file with our own certificate, for a server that asks for one."""
    key: Text | None = None
    """PEM file with its key, without a password. Not set: it stands in `certificate`."""


class Account(Section):
    """One SIP account. The first in service places ordinary calls; emergency calls try all of them in order."""

    name: Identifier
    """Name of the account in logs and status, unique in the file."""
    uri: AddressOfRecord
    """Address of record, as in `sip:1001@pbx.example`."""
    user: Text | None = None
    """Authentication id, where it differs from the user in `uri`."""
    password: Password | None = None
    """Password for digest authentication. Never shown in logs, faults or dumps."""
    server: Server | None = None
    """Registrar and outbound proxy: IP address or name, port optional. Not set: the host in `uri`."""
    transport: Literal["auto", "udp", "tcp", "tls"] = "auto"
    """How SIP travels to the server. `auto`: as its domain says in DNS (RFC 3263), UDP where that says nothing."""
    outbound_proxy: Server | None = None
    """Proxy that all requests pass on their way to the server: IP address or name, port optional."""
    registers: Truth = Field(default=True, alias="register")
    """False: calls go straight to `server`, and the account counts as in service."""
    expires: Annotated[int, Field(ge=60, le=86400), WHOLE] = 3600
    """Registration lifetime to ask for, in seconds."""
    display_name: Text | None = None
    """Name that the other side may show."""
    tls: Tls = Tls()
    """Whom to trust over `transport: tls`."""
    auth: Auth = Auth()
    """How passwords are proven."""
    outbound: Truth = True
    """Whether to ask the server to keep our flow (SIP Outbound, RFC 5626). Only for servers that stumble over it."""
    keepalive: Annotated[int, Field(ge=0, le=600), WHOLE] = 25
    """Seconds between signs of life on the way to the server, so that a NAT keeps it open and a server that is gone is
    noticed; a server may ask for more of them. 0: none, for a network without NAT."""
    reliable: Literal["off", "supported", "required"] = "supported"
    """Provisional responses with acknowledgement (100rel, RFC 3262). `off`: for servers that stumble over it;
    `required`: calls are made and taken only with it, emergency calls apart."""
    session_timer: Annotated[int, Field(ge=0, le=86400), WHOLE] = 1800
    """Seconds within which a call must be refreshed, so that none hangs whose other side is gone (RFC 4028); what the
    other side asks for is kept too. Less than 90 counts as 90; 0: we do not ask."""
    srtp: Literal["off", "optional", "required"] = "off"
    """Encrypted sound: SRTP, whose keys travel in the SIP messages (RFC 4568). `optional`: wherever the other side can
    (RFC 8643); `required`: no call without it, but for emergency calls. Only `transport: tls` hides the keys."""
    codec_lock: Truth = False
    """Where an answer names several codecs, offer again with the first of them alone: for peers that mix them up."""
    auto_answer: Truth = False
    """Whether a call that asks for it is answered by itself, after a beep, and after as many seconds as it asks for;
    only from this account's server."""

    privacy: Truth = False
    """Whether calls hide who calls (RFC 3323): the server still knows. Emergency calls always say it."""
    mwi: Annotated[bool | str, BeforeValidator(_mailbox), WithJsonSchema(_MAILBOX)] = False
    """Voice mail: `true` subscribes to the mailbox of `uri`, an address (`sip:box@pbx.example`) to that one (RFC 3842).
    A server that tells of messages unasked is heard in any case."""
    watch: tuple[AddressOfRecord, ...] = ()
    """Addresses whose calls are watched (RFC 4235) and shown in the status: `idle`, `ringing` or `busy`."""
    watch_registration: Truth = False
    """Whether to hear from the registrar when it takes our registration away (RFC 3680), and register again at once."""

    @property
    def auth_user(self) -> str:
        """Return the authentication id."""
        return self.user if self.user is not None else self.uri.partition(":")[2].partition("@")[0]

    @property
    def next_hop(self) -> str:
        """Return ``host`` or ``host:port`` of the server, taken from the URI where it is not set."""
        return self.server if self.server is not None else self.uri.partition("@")[2]
