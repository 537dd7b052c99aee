"""The headers of REFER: ``Refer-To`` (:rfc:`3515`), ``Referred-By`` (:rfc:`3892`), ``Refer-Sub`` (:rfc:`4488`)."""

import re
from dataclasses import dataclass

from offhook.sip.calls.dialog import DialogId
from offhook.sip.calls.replaces import Replaces
from offhook.sip.errors import RemoteError
from offhook.sip.messages.grammar import find_param, parse_params
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.uri import OtherUri, SipUri, TelUri, Uri

MAX_REFERRED_BY = 512
_CALL_ID = re.compile(r"[ \t]*([^\s;,]{1,256})")


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom to call: ``uri`` without what only steers the request, and the headers that the call is to have."""

    uri: Uri
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: Request) -> "ReferTo":
        """Read a REFER. Raises RemoteError: 400 without exactly one Refer-To, 403 and 416 for what we never do.

        Of the headers that a URI may carry only Replaces, and Require for it, are taken (:rfc:`3261#section-19.1.5`):
        the others would let anybody write our INVITE.
        """
        values = request.headers.get_all("Refer-To")
        if len(values) != 1:
            raise RemoteError(400, f"{'Several' if values else 'Missing'} Refer-To")
        uri = NameAddr.parse(values[0]).uri
        if isinstance(uri, OtherUri):
            raise RemoteError(403 if uri.scheme == "urn" else 416, "")
        if isinstance(uri, TelUri):
            return cls(uri, _referred_by(request))
        if (uri.param("method") or "INVITE").upper() != "INVITE":
            raise RemoteError(403, "Only Calls Are Referred")
        headers: tuple[tuple[str, str], ...] = ()
        replaces = [value or "" for name, value in uri.headers if name.lower() == "replaces"]
        if len(replaces) > 1:
            raise RemoteError(400, "Several Replaces")
        if replaces:
            headers = (("Replaces", str(Replaces.parse(replaces[0]))),)
            if any(name.lower() == "require" and "replaces" in (value or "").lower() for name, value in uri.headers):
                headers += (("Require", "replaces"),)
        plain = SipUri(uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.without_param("method").params, ())
        return cls(plain, headers + _referred_by(request))


def refer_to(target: Uri, replaces: Replaces | None) -> str:
    """Return the value of a Refer-To; with ``replaces`` it stands in the URI, escaped."""
    if replaces is None or not isinstance(target, SipUri):
        return f"<{target}>"
    headers = (("Replaces", str(replaces)),)
    return f"<{SipUri(target.scheme, target.user, None, target.host, target.port, target.params, headers)}>"


def referred_by(request: Request) -> NameAddr | None:
    """Return who refers us, None where it is not said or cannot be read."""
    try:
        return NameAddr.parse(request.headers.get("Referred-By") or "")
    except RemoteError:
        return None


def _referred_by(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the Referred-By for the call that follows, the same words (:rfc:`3892#section-2.1`)."""
    value = request.headers.get("Referred-By") or ""
    known = referred_by(request) is not None and len(value) <= MAX_REFERRED_BY
    return (("Referred-By", value),) if known else ()


def target_dialogs(request: Request) -> tuple[DialogId, ...]:
    """Return the dialog that a Target-Dialog names, as it may be known here (:rfc:`4538#section-7`); none: ().

    Which tag is whose depends on the side, and both sides have been seen to be meant; both tags must fit in any case.
    """
    value = request.headers.get("Target-Dialog") or ""
    words = _CALL_ID.match(value)
    if words is None:
        return ()
    params, _ = parse_params(value, words.end())
    local, remote = find_param(params, "local-tag"), find_param(params, "remote-tag")
    if not local or not remote:
        return ()
    return DialogId(words[1], remote, local), DialogId(words[1], local, remote)


def wants_no_news(message: Request | Response) -> bool:
    """True for ``Refer-Sub: false``: no subscription comes of the REFER (:rfc:`4488`)."""
    return (message.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
