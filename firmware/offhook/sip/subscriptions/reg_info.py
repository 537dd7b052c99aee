"""``application/reginfo+xml`` (:rfc:`3680`): what a registrar did with bindings, ours among them."""

from dataclasses import dataclass

from offhook.sip.errors import RemoteError
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.subscriptions.xml import attribute, content, number, parse_xml

NAMESPACE = "urn:ietf:params:xml:ns:reginfo"
MAX_CONTACTS = 64
_NS = {"r": NAMESPACE}


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact: ``state`` active or terminated, ``event`` why (``deactivated``, ``expired`` ...), times in s."""

    uri: str
    state: str
    event: str
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class RegInfo:
    """One document."""

    version: int
    full: bool
    bindings: tuple[Binding, ...]

    def of(self, contact: SipUri) -> Binding | None:
        """Return the last word on a contact; in a full document one that is not named is gone, hence expired."""
        found = None
        for binding in self.bindings:
            try:
                uri = parse_uri(binding.uri)
            except RemoteError:
                continue
            if isinstance(uri, SipUri) and contact.equivalent(uri):
                found = binding
        if found is None and self.full:
            return Binding(str(contact), "terminated", "expired")
        return found


def parse_reg_info(data: bytes) -> RegInfo:
    """Read a document. Raises RemoteError 400."""
    root = parse_xml(data, f"{{{NAMESPACE}}}reginfo")
    version, state = number(root, "version"), attribute(root, "state")
    if version is None or state not in ("full", "partial"):
        raise RemoteError(400, "Bad Registration Info")
    bindings = []
    for contact in root.findall("r:registration/r:contact", _NS)[:MAX_CONTACTS]:
        word, event = attribute(contact, "state"), attribute(contact, "event")
        uri = content(contact.find("r:uri", _NS))
        if word not in ("active", "terminated") or not uri:
            raise RemoteError(400, "Bad Registration Info")
        bindings.append(Binding(uri, word, event, number(contact, "retry-after")))
    return RegInfo(version, state == "full", tuple(bindings))
