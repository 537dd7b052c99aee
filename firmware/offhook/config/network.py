"""SIP and RTP on the wire."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator

from offhook.config.faults import quoted
from offhook.config.scalars import (
    DECIMAL,
    WHOLE,
    HostPort,
    Listen,
    PortRange,
    Ports,
    Text,
    Truth,
    filled,
    patterned,
    wrong,
)
from offhook.config.section import Section

_CODEC_LIST = {"type": "array", "items": {"enum": ["PCMU", "PCMA"]}, "minItems": 1, "uniqueItems": True}
RATE_LIMIT = 20.0


def network(value: object) -> IPv4Network | IPv6Network:
    """Return the network written ``192.168.10.0/24`` or ``2001:db8:1::/48``; a single address is one too."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    source = filled(value)
    try:
        return ip_network(source)
    except ValueError:
        pass
    try:
        meant = str(ip_network(source, strict=False))
    except ValueError:
        raise wrong(f"{quoted(source)} is not a network such as 192.168.10.0/24 or 2001:db8:1::/48") from None
    raise wrong(f"{quoted(source)} is an address within a network", meant)


Network = Annotated[
    IPv4Network | IPv6Network, PlainValidator(network), PlainSerializer(str), patterned("^[0-9A-Fa-f.:]+(/[0-9]+)?$")
]


class TlsListen(Section):
    """Where others may call the phone by TLS connections of their own. With a registrar nothing of this is needed."""

    address: Listen = HostPort("::", 5061)
    """IP address and port; `[::]:5061` takes IPv6 and IPv4."""
    certificate: Text
    """PEM file with the phone's certificate, and those between it and the authority."""
    key: Text
    """PEM file with its key, without a password."""


class Sip(Section):
    """The phone's own end of SIP."""

    listen: Listen = HostPort("::", 5060)
    """IP address and port for UDP and TCP, IPv6 in brackets. `[::]` takes IPv6 and IPv4, `0.0.0.0` IPv4 alone; port 0:
    any that is free."""
    tls_listen: TlsListen | None = None
    """Takes TLS connections from outside. Not set: calls come over the connection that the phone registered by."""
    udp_max: Annotated[int, Field(ge=500, le=65000), WHOLE] = 1300
    """Requests longer than this many bytes go over TCP (RFC 3261 section 18.1.1)."""
    user_agent: Text | None = None
    """What the User-Agent header says. Not set: `offhook` and the version."""
    accept_from: Literal["servers", "listed", "any"] = "servers"
    """Whose requests are taken: `servers`, those of the accounts' servers and of whoever a call is up with; `listed`,
    the networks under `listed` too; `any`, everybody's. All others get one and the same refusal, and never ring."""
    listed: tuple[Network, ...] = ()
    """Networks that `accept_from: listed` lets in, as `[192.168.10.0/24, "2001:db8:1::/48"]`."""
    rate_limit: Annotated[float, Field(ge=0, le=100000), DECIMAL] | None = None
    """Messages a second that one stranger may send before he gets no answer any more; servers and listed networks may
    send a hundred times as many, and 50 at the least. 0: no limit. Not set: 20, and no limit with `accept_from:
    any`."""
    max_calls: Annotated[int, Field(ge=1, le=64), WHOLE] = 8
    """Calls at a time; who calls beyond that hears that the phone is busy."""
    check_sync_auth: Truth = True
    """Whether a server that asks the phone to fetch its config (NOTIFY check-sync) must know the account's password."""

    @property
    def strangers_rate(self) -> float:
        """Return the messages a second that one stranger may send, 0: any number."""
        if self.rate_limit is not None:
            return self.rate_limit
        return 0.0 if self.accept_from == "any" else RATE_LIMIT


class Rtp(Section):
    """Voice on the wire."""

    ports: Ports = PortRange(20000, 20100)
    """Range of UDP ports for RTP and RTCP, as `20000-20100`; every call takes two."""
    ptime: Annotated[int, Field(ge=10, le=60, multiple_of=10), WHOLE] = 20
    """Milliseconds of sound in a packet: 10, 20, 30, 40, 50 or 60."""
    codecs: Annotated[tuple[Literal["PCMU", "PCMA"], ...], WithJsonSchema(_CODEC_LIST)] = ("PCMU", "PCMA")
    """Codecs to offer, the best first."""
    silence_s: Annotated[int, Field(ge=0, le=3600), WHOLE] = 60
    """Seconds without RTP and RTCP after which a call is ended, hold apart; 0: never. Emergency calls stay."""
    dtmf: Literal["auto", "rtp", "info"] = "auto"
    """How keys that are pressed in a call are sent. `rtp`: as telephone events (RFC 4733); `info`: by SIP INFO;
    `auto`: as events where the other side takes them, else by INFO. Both are understood always."""
    dtmf_payload_type: Annotated[int, Field(ge=96, le=127), WHOLE] = 101
    """Payload type that is offered for digits (RFC 4733)."""

    @field_validator("codecs")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise wrong("is empty: name PCMU, PCMA or both")
        if len(set(value)) != len(value):
            raise wrong("names a codec twice: remove one")
        return value
