"""The built-in exchange's registrar (:rfc:`3261#section-10.3`): who is where, for as long as they said."""

from dataclasses import dataclass

from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import SipUri

_LONGEST_S = 3600
_MOST = 64

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a user can be reached until ``expires_at`` (seconds on the loop's clock)."""

    contact: SipUri
    expires_at: float


class Registrar:
    """Takes everybody at their word: it serves loopback alone."""

    def __init__(self) -> None:
        self._bindings: dict[tuple[str, str], Binding] = {}

    def take(self, request: Request, now: float) -> Headers:
        """Return the headers of the 200 to a REGISTER. Raises RemoteError for headers that cannot be read."""
        self._forget(now)
        user = _user(request)
        if (request.headers.get("Contact") or "").strip() == "*":
            self._bindings = {key: binding for key, binding in self._bindings.items() if key[0] != user}
            return ()
        for contact in request.contacts:
            seconds = _seconds(contact.param("expires") or request.headers.get("Expires"))
            key = (user, str(contact.uri))
            if seconds == 0 or not isinstance(contact.uri, SipUri):
                self._bindings.pop(key, None)
            elif key in self._bindings or len(self._bindings) < _MOST:
                self._bindings[key] = Binding(contact.uri, now + seconds)
        return tuple(
            ("Contact", f"<{binding.contact}>;expires={round(binding.expires_at - now)}")
            for (name, _), binding in self._bindings.items()
            if name == user
        )

    def find(self, user: str, now: float) -> list[SipUri]:
        """Return where ``user`` is, the newest first."""
        self._forget(now)
        return [binding.contact for (name, _), binding in reversed(self._bindings.items()) if name == user]

    def _forget(self, now: float) -> None:
        self._bindings = {key: binding for key, binding in self._bindings.items() if binding.expires_at > now}


def _user(request: Request) -> str:
    uri = request.to.uri
    return (uri.user or "") if isinstance(uri, SipUri) else ""


def _seconds(text: str | None) -> int:
    return min(int(text), _LONGEST_S) if text is not None and text.isascii() and text.isdigit() else _LONGEST_S
