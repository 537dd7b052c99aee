"""SIP and RTP on the wire."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, field_validator

from offhook.config.scalars import WHOLE, HostPort, Listen, PortRange, Ports, Text, wrong
from offhook.config.section import Section

_CODEC_LIST = {"type": "array", "items": {"enum": ["PCMU", "PCMA"]}, "minItems": 1, "uniqueItems": True}


class Sip(Section):
    """The phone's own end of SIP."""

    listen: Listen = HostPort("0.0.0.0", 5060)
    """IP address and port for UDP and TCP; IPv6 in brackets; port 0: any that is free."""
    udp_max: Annotated[int, Field(ge=500, le=65000), WHOLE] = 1300
    """Requests longer than this many bytes go over TCP (RFC 3261 section 18.1.1)."""
    user_agent: Text | None = None
    """What the User-Agent header says. Not set: `offhook` and the version."""


class Rtp(Section):
    """Voice on the wire."""

    ports: Ports = PortRange(20000, 20100)
    """Range of UDP ports for RTP and RTCP, as `20000-20100`; every call takes two."""
    ptime: Annotated[int, Field(ge=10, le=60, multiple_of=10), WHOLE] = 20
    """Milliseconds of sound in a packet: 10, 20, 30, 40, 50 or 60."""
    codecs: Annotated[tuple[Literal["PCMU", "PCMA"], ...], WithJsonSchema(_CODEC_LIST)] = ("PCMU", "PCMA")
    """Codecs to offer, the best first."""
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
