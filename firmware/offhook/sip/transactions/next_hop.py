"""Where a request goes next: from a URI or a server setting to addresses (the shape of :rfc:`3263`).

Numeric hosts need nobody. A name becomes a :class:`~offhook.sip.events.Lookup`, answered from outside; requests that
wait for the same name share it, and the answer is kept for a short while, for the ACKs and BYEs that follow. A lookup
that nobody answers ends by itself, so that no request waits for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from offhook.sip.errors import LocalError
from offhook.sip.events import Lookup, Target, Transport
from offhook.sip.messages.uri import SipUri, Uri
from offhook.sip.transactions.timers import Timer, TimerQueue

DEFAULT_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
KEEP = 30.0
PATIENCE = 15.0
MAX_NAMES = 256

Ready = Callable[[list[Target], str, float], None]


@dataclass(frozen=True, slots=True)
class Hop:
    """A host that is to get a request, not yet resolved."""

    host: str
    port: int | None
    transport: Transport

    @classmethod
    def of_uri(cls, uri: Uri) -> "Hop":
        """Read host, port, ``maddr`` and ``transport`` of a URI. Raises LocalError where it has no host."""
        if not isinstance(uri, SipUri):
            raise LocalError(f"{uri} names no host to send to: set a server for the account")
        named = (uri.param("transport") or "").lower()
        transport: Transport = "tls" if uri.scheme == "sips" else "udp"
        if named in ("tcp", "tls") and transport == "udp":
            transport = "tcp" if named == "tcp" else "tls"
        return cls(uri.param("maddr") or uri.host, uri.port, transport)

    @classmethod
    def of_server(cls, server: str, transport: Transport) -> "Hop":
        """Read ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address. Raises LocalError."""
        text = server.strip()
        host, port = text, ""
        if text.startswith("["):
            host, closed, port = text[1:].partition("]")
            host, port = host if closed and port[:1] in ("", ":") else "", port[1:]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
            raise LocalError(f"server {server!r} is neither host nor host:port")
        return cls(host, int(port) if port else None, transport)

    @property
    def key(self) -> str:
        """Name of the lookup; equal hops share it."""
        return f"{self.transport}:{self.host.lower()}:{self.port or ''}"

    def numeric(self) -> Target | None:
        """Return the target where the host is an address already."""
        try:
            address = ip_address(self.host)
        except ValueError:
            return None
        return Target(self.transport, str(address), self.port or DEFAULT_PORTS[self.transport])


class NextHops:
    """Turns hops into targets, asking through ``emit`` where it must."""

    def __init__(self, emit: Callable[[Lookup], None], timers: TimerQueue) -> None:
        self._emit = emit
        self._timers = timers
        self._waiting: dict[str, list[Ready]] = {}
        self._timeouts: dict[str, Timer] = {}
        self._known: dict[str, tuple[float, list[Target]]] = {}

    def find(self, hop: Hop, now: float, ready: Ready) -> None:
        """Call ``ready(targets, reason, now)``, at once where nothing has to be asked; no targets: see the reason."""
        numeric = hop.numeric()
        if numeric is not None:
            ready([numeric], "", now)
            return
        until, targets = self._known.get(hop.key, (0.0, []))
        if now < until:
            ready(list(targets), "", now)
            return
        waiting = self._waiting.setdefault(hop.key, [])
        waiting.append(ready)
        if len(waiting) == 1:
            self._timeouts[hop.key] = self._timers.start(
                now + PATIENCE, lambda t: self.unresolvable(hop.key, "the name was not resolved in time", t)
            )
            self._emit(Lookup(hop.key, hop.host, hop.port, hop.transport))

    def resolved(self, key: str, targets: list[Target], now: float) -> None:
        """Take the answer to a lookup."""
        if len(self._known) >= MAX_NAMES:
            self._known.clear()
        if targets:
            self._known[key] = (now + KEEP, list(targets))
        self._finish(key, targets, "" if targets else "no address", now)

    def unresolvable(self, key: str, reason: str, now: float) -> None:
        """Take the news that a lookup failed."""
        self._finish(key, [], reason, now)

    def _finish(self, key: str, targets: list[Target], reason: str, now: float) -> None:
        timeout = self._timeouts.pop(key, None)
        if timeout is not None:
            timeout.cancel()
        for ready in self._waiting.pop(key, []):
            ready(list(targets), reason, now)

    def forget(self) -> None:
        """Drop what is known: the network has changed."""
        self._known.clear()
