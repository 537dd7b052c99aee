"""What must hold for any bytes at all: they are read, or refused with the one error that is meant for it."""

from contextlib import suppress

from offhook.sdp.crypto import own_crypto
from offhook.sdp.description import SessionDescription
from offhook.sdp.errors import MalformedDescription
from offhook.sdp.negotiate import LocalMedia, NotAcceptable, accept_answer, accept_offer, make_offer
from offhook.sip.errors import RemoteError
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram

LOCAL = LocalMedia("192.0.2.1", 4000, srtp="optional", crypto=own_crypto(bytes))
OFFER = make_offer(LOCAL, 1, 1)


def read_every_part(message: Request | Response) -> None:
    """Touch every typed attribute."""
    _ = (message.via, message.from_.tag, message.to.shown, message.call_id, message.cseq, message.contacts)
    _ = (message.record_routes, message.require, message.supported, message.allow, message.expires)
    _ = (message.min_expires, message.retry_after, message.contact_is_star)
    if isinstance(message, Request):
        _ = (message.routes, message.max_forwards, message.content_type, str(message.uri))


def hold_for_message(data: bytes) -> bool:
    """A message whose every part can be read, written and read again, or a RemoteError; True for a message."""
    try:
        message = parse_datagram(data)
    except RemoteError as error:
        if isinstance(error.partial, Request) and error.status:
            _ = (error.partial.via, error.partial.headers.copy())
        return False
    read_every_part(message)
    again = parse_datagram(bytes(message))
    assert (again.cseq, again.vias, again.body) == (message.cseq, message.vias, message.body)
    if isinstance(message, Request):
        message.replace_via(message.via.with_param("received", "192.0.2.1"))
        read_every_part(parse_datagram(bytes(message)))
    return True


def hold_for_description(data: bytes) -> bool:
    """A description that can be read in every part, written and read again, or MalformedDescription."""
    try:
        description = SessionDescription.parse(data)
    except MalformedDescription:
        return False
    for media in description.media:
        _ = (media.rtp_maps, description.direction_of(media), description.connection_of(media))
    assert SessionDescription.parse(bytes(description)) == description
    return True


def hold_for_offer(data: bytes) -> bool:
    """An answer that can be read and fits the offer line by line, or NotAcceptable; likewise as an answer."""
    try:
        description = SessionDescription.parse(data)
    except NotAcceptable:
        return False
    with suppress(NotAcceptable):
        accept_answer(OFFER, description, LOCAL)
    try:
        answer, plan = accept_offer(description, LOCAL, 1, 1)
    except NotAcceptable:
        return False
    written = SessionDescription.parse(bytes(answer))
    assert [media.kind for media in written.media] == [media.kind for media in description.media]
    assert 10 <= plan.ptime <= 60
    assert plan.codec in LOCAL.codecs
    assert not plan.send or plan.remote is not None
    return True
