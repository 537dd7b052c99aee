"""Offer and answer (:rfc:`3264`) for one audio stream: G.711 both ways and telephone events, secured or not.

::

    caller: make_offer() ------ INVITE -----> accept_offer() -> answer, MediaPlan   :callee
            accept_answer() -> MediaPlan <--- 200 OK ----

In a :class:`MediaPlan` what is sent follows the other side's description, what is received follows ours.
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from offhook.sdp.crypto import CryptoAttribute
from offhook.sdp.description import Attribute, Connection, Direction, Media, Origin, RtpMap, SessionDescription
from offhook.sdp.errors import MalformedDescription, NotAcceptable
from offhook.sdp.security import SECURED, CryptoPlan, SrtpMode, take_answered, take_offered

__all__ = [
    "LocalMedia",
    "MalformedDescription",
    "MediaPlan",
    "NotAcceptable",
    "accept_answer",
    "accept_offer",
    "make_offer",
]

EVENTS = RtpMap("TELEPHONE-EVENT", 8000)
STATIC_NUMBERS = {"PCMU": 0, "PCMA": 8}
MIN_PTIME, MAX_PTIME = 10, 60
# Codes for a Warning header (RFC 3261 section 20.43).
_NETWORK, _MEDIA_TYPE, _MEDIA_FORMAT = 300, 304, 305


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What this side has: address and port of its RTP, codecs in order of preference, packet time in ms.

    ``rtcp_port`` None: the port above ``rtp_port``. ``dtmf_payload_type`` None: no telephone events. ``crypto`` are our
    keys, a line for each suite; ``srtp`` says when they are used (:mod:`offhook.sdp.security`).
    """

    address: str
    rtp_port: int
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    ptime: int = 20
    dtmf_payload_type: int | None = 101
    rtcp_port: int | None = None
    srtp: SrtpMode = "off"
    crypto: tuple[CryptoAttribute, ...] = ()

    @property
    def protocol(self) -> str:
        """The profile that a first offer names."""
        return "RTP/SAVP" if self.srtp == "required" else "RTP/AVP"


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """What the two sides agreed on.

    ``remote`` and ``remote_rtcp`` are (ip, port), None while the other side takes no media at all (``c=0.0.0.0``).
    ``payload_type`` and ``dtmf_send_pt`` are for sending, ``receive_payload_types`` (to codec names) and
    ``dtmf_receive_pt`` for receiving. ``ptime`` in ms is for sending. ``held``: the other side wants nothing from us.
    ``protocol`` is the profile of the ``m=`` line; ``crypto`` None: plain RTP. ``answered`` counts the codecs that the
    other side named.
    """

    remote: tuple[str, int] | None
    remote_rtcp: tuple[str, int] | None
    codec: str
    payload_type: int
    receive_payload_types: dict[int, str]
    dtmf_send_pt: int | None
    dtmf_receive_pt: int | None
    ptime: int
    send: bool
    receive: bool
    held: bool = False
    protocol: str = "RTP/AVP"
    crypto: CryptoPlan | None = None
    answered: int = 1


def make_offer(
    local: LocalMedia,
    session_id: int,
    version: int,
    direction: Direction = "sendrecv",
    protocol: str | None = None,
) -> SessionDescription:
    """Return an offer; ``version`` must grow with each description of a session.

    ``protocol``: the profile to go on with, where a stream is there already.
    """
    numbers = {STATIC_NUMBERS[codec]: RtpMap(codec, 8000) for codec in local.codecs}
    if local.dtmf_payload_type is not None:
        numbers[local.dtmf_payload_type] = EVENTS
    crypto = local.crypto if local.srtp != "off" else ()
    media = _own_media(local, numbers, direction, protocol or local.protocol, crypto)
    return _describe(local, session_id, version, (media,), ("0 0",))


def accept_offer(
    offer: SessionDescription,
    local: LocalMedia,
    session_id: int,
    version: int,
    direction: Direction = "sendrecv",
) -> tuple[SessionDescription, MediaPlan]:
    """Return the answer and the plan: the first audio stream that we can speak is taken, all others refused.

    Where one is offered secured and once more plain, the secured one is taken. ``direction`` is what this side wants;
    the answer is as much of it as the offer allows. Raises NotAcceptable.
    """
    fault: NotAcceptable | None = None
    for place, media in sorted(enumerate(offer.media), key=lambda item: not _prefers(item[1], local)):
        try:
            answered, plan = _take(offer, media, local, direction)
        except NotAcceptable as error:
            fault = fault or error
            continue
        lines = tuple(answered if i == place else _refused(other) for i, other in enumerate(offer.media))
        return _describe(local, session_id, version, lines, offer.times), plan
    raise fault or NotAcceptable("the offer has no media: nothing to talk by", _MEDIA_TYPE)


def accept_answer(offer: SessionDescription, answer: SessionDescription, local: LocalMedia) -> MediaPlan:
    """Return the plan that an answer to our own offer makes. Raises NotAcceptable."""
    asked = offer.media[0]
    given = next((media for media in answer.media if media.kind == "audio" and media.port), None)
    if given is None:
        raise NotAcceptable("the other side refused the audio stream", _MEDIA_TYPE)
    crypto = take_answered(given.protocol, given.values("crypto"), asked.values("crypto"), local.srtp)
    codecs, events = _speakable(given, local.codecs)
    if not codecs:
        raise NotAcceptable("the answer names none of the codecs offered", _MEDIA_FORMAT)
    ours, our_events = _speakable(asked, local.codecs)
    receive = dict(ours)
    for number, codec in codecs.items():
        if number != our_events:
            receive.setdefault(number, codec)
    wanted = offer.direction_of(asked)
    plan = _plan(answer, given, local, wanted, codecs, events, receive, our_events if events is not None else None)
    return replace(plan, crypto=crypto)


def _prefers(media: Media, local: LocalMedia) -> bool:
    return local.srtp != "off" and media.protocol.upper() in SECURED


def _take(offer: SessionDescription, media: Media, local: LocalMedia, direction: Direction) -> tuple[Media, MediaPlan]:
    """Return our side of one offered stream."""
    if media.kind != "audio" or media.port == 0:
        raise NotAcceptable(f"no {_printable(media.kind)} here, only audio", _MEDIA_TYPE)
    crypto = take_offered(media.protocol, media.values("crypto"), local.crypto, local.srtp)
    codecs, events = _speakable(media, local.codecs)
    if not codecs:
        raise NotAcceptable(f"only {' and '.join(local.codecs)} are spoken here", _MEDIA_FORMAT)
    if local.dtmf_payload_type is None:
        events = None
    plan = _plan(offer, media, local, direction, codecs, events, dict(codecs), events)
    numbers = {number: RtpMap(codec, 8000) for number, codec in codecs.items()}
    if events is not None:
        numbers[events] = EVENTS
    lines = (crypto.send,) if crypto else ()
    answer = _own_media(local, numbers, _direction(plan.send, plan.receive), media.protocol, lines)
    return answer, replace(plan, crypto=crypto)


def _plan(
    description: SessionDescription,
    media: Media,
    local: LocalMedia,
    wanted: Direction,
    codecs: dict[int, str],
    events: int | None,
    receive: dict[int, str],
    own_events: int | None,
) -> MediaPlan:
    """Join what the other side describes with what we want."""
    connection = description.connection_of(media)
    if connection is None:
        raise MalformedDescription("the session description has no c= line")
    there = description.direction_of(media)
    listens = there in ("sendrecv", "recvonly") and not connection.is_unspecified
    number, codec = next(iter(codecs.items()))
    remote = rtcp = None
    if not connection.is_unspecified:
        address = _reachable(connection.address, local.address)
        remote = (address, media.port)
        rtcp = _rtcp(media, address, local.address)
    return MediaPlan(
        remote=remote,
        remote_rtcp=rtcp,
        codec=codec,
        payload_type=number,
        receive_payload_types=receive,
        dtmf_send_pt=events,
        dtmf_receive_pt=own_events,
        ptime=_packet_time(description, media, local.ptime),
        send=listens and wanted in ("sendrecv", "sendonly"),
        receive=there in ("sendrecv", "sendonly") and wanted in ("sendrecv", "recvonly"),
        held=not listens,
        protocol=media.protocol,
        answered=len(codecs),
    )


def _speakable(media: Media, codecs: tuple[str, ...]) -> tuple[dict[int, str], int | None]:
    """Return payload types that we can speak, in their order, each codec once; and that of telephone events."""
    found: dict[int, str] = {}
    events = None
    for number, mapped in media.rtp_maps.items():
        if mapped == EVENTS:
            events = number if events is None else events
        elif (mapped.clock, mapped.channels) != (8000, 1) or mapped.encoding not in codecs:
            continue
        elif mapped.encoding not in found.values():
            found[number] = mapped.encoding
    return found, events


def _reachable(address: str, ours: str) -> str:
    """Return an address that a socket at ``ours`` can send to. Raises NotAcceptable for any other."""
    try:
        there, here = ip_address(address), ip_address(ours)
    except ValueError:
        raise NotAcceptable("media can only go to an IP address, not to a name", _NETWORK) from None
    if isinstance(there, IPv6Address) and isinstance(here, IPv4Address) and there.ipv4_mapped is not None:
        there = there.ipv4_mapped
    if there.version != here.version:
        raise NotAcceptable(f"only IPv{here.version} media here", _NETWORK)
    if there.is_multicast or there == IPv4Address("255.255.255.255"):
        raise NotAcceptable("no media to a group of hosts", _NETWORK)
    return str(there)


def _rtcp(media: Media, address: str, ours: str) -> tuple[str, int] | None:
    """Return where RTCP goes: by ``a=rtcp`` (:rfc:`3605`), else the port above; None where there is no such port."""
    parts = (media.attribute("rtcp") or "").split()
    if parts and parts[0].isascii() and parts[0].isdigit() and len(parts[0]) <= 5 and 0 < int(parts[0]) < 65536:
        if len(parts) == 4:
            try:
                return _reachable(parts[3], ours), int(parts[0])
            except NotAcceptable:
                return None
        return address, int(parts[0])
    return (address, media.port + 1) if media.port < 65535 else None


def _packet_time(description: SessionDescription, media: Media, preferred: int) -> int:
    """Return the packet time that the other side asks for, as far as we make such: 10, 20 ... 60 ms."""
    asked = _milliseconds(description.attribute_of(media, "ptime"))
    limit = _milliseconds(description.attribute_of(media, "maxptime"))
    chosen = min(asked or preferred, limit or MAX_PTIME, MAX_PTIME)
    return max(MIN_PTIME, chosen // 10 * 10)


def _milliseconds(text: str | None) -> int | None:
    digits = (text or "").strip().partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else None


def _own_media(
    local: LocalMedia,
    numbers: dict[int, RtpMap],
    direction: Direction,
    protocol: str,
    crypto: tuple[CryptoAttribute, ...],
) -> Media:
    attributes = [Attribute("crypto", line.line()) for line in crypto]
    for number, mapped in numbers.items():
        encoding = mapped.encoding.lower() if mapped == EVENTS else mapped.encoding
        attributes.append(Attribute("rtpmap", f"{number} {encoding}/{mapped.clock}"))
        if mapped == EVENTS:
            attributes.append(Attribute("fmtp", f"{number} 0-15"))
    attributes.append(Attribute("ptime", str(local.ptime)))
    attributes.append(Attribute("maxptime", str(MAX_PTIME)))
    if local.rtcp_port is not None and local.rtcp_port != local.rtp_port + 1:
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))
    attributes.append(Attribute(direction))
    return Media("audio", local.rtp_port, protocol, tuple(str(n) for n in numbers), attributes=tuple(attributes))


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats or ("0",))


def _describe(
    local: LocalMedia, session_id: int, version: int, media: tuple[Media, ...], times: tuple[str, ...]
) -> SessionDescription:
    connection = Connection.of(local.address)
    origin = Origin("-", str(session_id), str(version), connection.address_type, local.address)
    return SessionDescription(origin, media, connection, times=times)


def _direction(send: bool, receive: bool) -> Direction:
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def _printable(text: str) -> str:
    return text if text.isascii() and text.isalnum() else "such medium"
