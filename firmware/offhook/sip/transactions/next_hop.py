"""Where a request goes next: from a URI or a server setting to addresses (the shape of :rfc:`3263`).

Numeric hosts need nobody. A name becomes a :class:`~offhook.sip.events.Lookup`, answered from outside; requests that
wait for the same name share it. The answer is kept for as long as DNS says, that there is none for a few seconds. A
lookup that nobody answers ends by itself, so that no request waits for ever; where the name servers are silent what
they said last serves on after 1.8 s, for a day (:rfc:`8767`): a phone shall not fall silent with them. An answer that
comes later still serves whoever asks then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from offhook.sip.errors import LocalError
from offhook.sip.events import Lookup, Target, Transport
from offhook.sip.messages.uri import SipUri, Uri
from offhook.sip.transactions.targets import TargetBook
from offhook.sip.transactions.timers import Timer, TimerQueue

DEFAULT_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
KEEP = 30.0
KEEP_LEAST, KEEP_MOST = 5.0, 3600.0
KEEP_NEGATIVE = 10.0
KEEP_STALE = 24 * 3600.0
PATIENCE = 15.0
SOON = 1.8  # the client response timer of RFC 8767: what is known serves, though DNS may still answer
MAX_NAMES = 256

Ready = Callable[[list[Target], str, float], None]


@dataclass(frozen=True, slots=True)
class Hop:
    """A host that is to get a request, not yet resolved.

    ``transport`` None: what DNS says, else UDP. ``secure``: TLS alone will do. ``domain`` is the SIP domain that a
    certificate must name (:rfc:`5922#section-7.1`), where that is not ``host``.
    """

    host: str
    port: int | None
    transport: Transport | None
    secure: bool = False
    domain: str = ""

    @classmethod
    def of_uri(cls, uri: Uri) -> "Hop":
        """Read host, port, ``maddr`` and ``transport`` of a URI. Raises LocalError where it has no host."""
        if not isinstance(uri, SipUri):
            raise LocalError(f"{uri} names no host to send to: set a server for the account")
        named = (uri.param("transport") or "").lower()
        secure = uri.scheme == "sips"
        transport: Transport | None = None
        if named == "tls" or (named == "tcp" and secure):
            transport = "tls"
        elif named == "tcp":
            transport = "tcp"
        elif named:
            transport = "tls" if secure else "udp"
        maddr = (uri.param("maddr") or "").strip("[]")
        return cls(maddr or uri.host, uri.port, transport, secure, uri.host if maddr else "")

    @classmethod
    def of_server(cls, server: str, transport: Transport | None) -> "Hop":
        """Read ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address. Raises LocalError."""
        text = server.strip()
        host, port = text, ""
        if text.startswith("["):
            host, closed, port = text[1:].partition("]")
            host, port = host if closed and port[:1] in ("", ":") else "", port[1:]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        if ":" in host and not _is_number(host):
            host = ""
        if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
            raise LocalError(f"server {server!r} is neither host nor host:port")
        return cls(host, int(port) if port else None, transport)

    @property
    def key(self) -> str:
        """Name of the lookup; equal hops share it."""
        kind = self.transport or ("sips" if self.secure else "sip")
        return f"{kind}:{self.host.lower()}:{self.port or ''}"

    @property
    def plain_transport(self) -> Transport:
        """What is spoken where nothing is asked of DNS (:rfc:`3263#section-4.1`)."""
        return self.transport or ("tls" if self.secure else "udp")

    def numeric(self) -> Target | None:
        """Return the target where the host is an address already."""
        if not _is_number(self.host):
            return None
        transport, ip = self.plain_transport, str(ip_address(self.host))
        return self.named(Target(transport, ip, self.port or DEFAULT_PORTS[transport]))

    def named(self, target: Target) -> Target:
        """Return ``target`` with the name that its certificate must have."""
        return replace(target, name=self.domain or self.host) if target.transport == "tls" else target


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class _Known:
    """What a lookup brought: no targets where there are none, for ``reason``."""

    until: float
    stale: float
    targets: list[Target]
    reason: str = ""


class NextHops:
    """Turns hops into targets, asking through ``emit`` where it must; :attr:`book` orders them."""

    def __init__(self, emit: Callable[[Lookup], None], timers: TimerQueue) -> None:
        self.book = TargetBook()
        self._emit = emit
        self._timers = timers
        self._waiting: dict[str, list[Ready]] = {}
        self._timeouts: dict[str, Timer] = {}
        self._known: dict[str, _Known] = {}

    def find(self, hop: Hop, now: float, ready: Ready, keep: bool = True, instead: Sequence[Target] = ()) -> None:
        """Call ``ready(targets, reason, now)``, at once where nothing has to be asked; no targets: see the reason.

        They come in the order in which to try them, ``keep``: those that carry a registration first. ``instead`` are
        taken where DNS brings nothing.
        """

        def deliver(targets: list[Target], reason: str, now: float) -> None:
            found = targets or instead
            ready(self.book.order([hop.named(target) for target in found], now, keep), reason, now)

        numeric = hop.numeric()
        known = self._known.get(hop.key)
        if numeric is not None:
            ready([self.book.known(numeric)], "", now)
        elif known is not None and now < known.until:
            deliver(known.targets, known.reason, now)
        else:
            self._ask(hop, now, deliver, bool(instead))

    def natural(self, hop: Hop) -> list[Target]:
        """Return what DNS last said of a hop, in its own order; nothing where it was not asked."""
        known = self._known.get(hop.key)
        return [hop.named(target) for target in known.targets] if known is not None else []

    def _ask(self, hop: Hop, now: float, deliver: Ready, has_other: bool) -> None:
        waiting = self._waiting.setdefault(hop.key, [])
        waiting.append(deliver)
        if len(waiting) == 1:
            known = self._known.get(hop.key)
            has_stale = known is not None and bool(known.targets) and now < known.stale
            self._timeouts[hop.key] = self._timers.start(
                now + (SOON if has_stale or has_other else PATIENCE),
                lambda t: self.unresolvable(hop.key, "the name was not resolved in time", t),
            )
            self._emit(Lookup(hop.key, hop.host, hop.port, hop.transport, hop.secure))

    def resolved(self, key: str, targets: list[Target], now: float, ttl: float | None = None) -> None:
        """Take the answer to a lookup, good for ``ttl`` seconds."""
        if not targets:
            self.unresolvable(key, "no address", now)
            return
        keep = KEEP if ttl is None else min(max(ttl, KEEP_LEAST), KEEP_MOST)
        self._keep(key, _Known(now + keep, now + KEEP_STALE, list(targets)))
        self._finish(key, targets, "", now)

    def unresolvable(self, key: str, reason: str, now: float, ttl: float | None = None) -> None:
        """Take the news that a lookup failed; ``ttl``: DNS says decidedly that there is nothing, for so long."""
        known = self._known.get(key)
        if ttl is not None:
            self._keep(key, _Known(now + min(max(ttl, 0.0), KEEP_NEGATIVE), 0.0, [], reason))
            self._finish(key, [], reason, now)
        elif known is not None and known.targets and now < known.stale:
            known.until = now + KEEP
            self._finish(key, known.targets, "", now)
        else:
            self._finish(key, [], reason, now)

    def _keep(self, key: str, known: _Known) -> None:
        self._known.pop(key, None)
        self._known[key] = known
        while len(self._known) > MAX_NAMES:
            del self._known[next(iter(self._known))]

    def _finish(self, key: str, targets: list[Target], reason: str, now: float) -> None:
        timeout = self._timeouts.pop(key, None)
        if timeout is not None:
            timeout.cancel()
        for ready in self._waiting.pop(key, []):
            ready(list(targets), reason, now)

    def forget(self) -> None:
        """Ask anew from now on: the network may have changed. What was known serves where nobody answers."""
        for known in self._known.values():
            known.until = 0.0
