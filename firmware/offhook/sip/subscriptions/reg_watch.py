"""Hears from the registrar when a binding of ours is taken away, and registers again (:rfc:`3680#section-4.7.1`).

An account that is registered and has ``watch_registration`` subscribes to the registration of its own address. What
the registrar then says of our Contact: ``deactivated`` register again now, ``probation`` in a while; ``rejected``
leave it at that. A binding that ``expired`` or was ``unregistered`` from elsewhere is made anew: nobody here gave
it up.
"""

from collections.abc import Mapping
from contextlib import suppress

from offhook.sip.core import Core
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import Event, Notified, Registered
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.uri import SipUri
from offhook.sip.registrations.registration import Registration, Stage
from offhook.sip.subscriptions.reg_info import Binding, parse_reg_info
from offhook.sip.subscriptions.subscriptions import Subscriptions

CALM = 30.0
PROBATION = 60
AGAIN = frozenset({"deactivated", "expired", "unregistered"})


class RegWatch:
    """Watches the registrations of all accounts that want it."""

    def __init__(self, core: Core, registrations: Mapping[str, Registration], subscriptions: Subscriptions) -> None:
        self._core = core
        self._registrations = registrations
        self._subscriptions = subscriptions
        self._last: dict[str, float] = {}
        core.listeners.append(self._take)

    def _take(self, event: Event) -> None:
        """See what is said; who emits has no clock, so it is acted on at the next tick."""
        match event:
            case Registered(name) if self._wants(name):
                self._core.timers.start(0.0, lambda now: self._subscribe(name, now))
            case Notified(key, name, "reg", body) if key == _key(name) and body is not None:
                with suppress(RemoteError):
                    binding = self._of_ours(name, body.data)
                    if binding is not None and binding.state == "terminated":
                        self._core.timers.start(0.0, lambda now: self._taken_away(name, binding, now))
            case _:
                pass

    def _wants(self, name: str) -> bool:
        known = self._registrations.get(name)
        return known is not None and known.account.settings.watch_registration

    def _subscribe(self, name: str, now: float) -> None:
        registration = self._registrations.get(name)
        if registration is None or self._subscriptions.has(_key(name)):
            return
        with suppress(LocalError):  # too many subscriptions: the binding is refreshed in any case
            self._subscriptions.subscribe(_key(name), name, "reg", str(registration.account.uri), now, 3600)

    def _of_ours(self, name: str, data: bytes) -> Binding | None:
        registration = self._registrations.get(name)
        if registration is None or registration.stage is not Stage.REGISTERED:
            return None
        contact = NameAddr.parse(registration.bound_as).uri
        return parse_reg_info(data).of(contact) if isinstance(contact, SipUri) else None

    def _taken_away(self, name: str, binding: Binding, now: float) -> None:
        registration = self._registrations.get(name)
        if registration is None or registration.stage is not Stage.REGISTERED:
            return
        if binding.event == "probation":
            wait = binding.retry_after if binding.retry_after is not None else PROBATION
            self._core.timers.start(now + max(wait, 1), lambda t: self._register(name, t))
        elif binding.event in AGAIN:
            # At once, unless we did just that a moment ago: registrar and phone shall not chase each other.
            calm = self._last.get(name, now - CALM) + CALM
            self._core.timers.start(max(calm, now), lambda t: self._register(name, t))

    def _register(self, name: str, now: float) -> None:
        registration = self._registrations.get(name)
        if registration is not None and registration.stage is Stage.REGISTERED:
            self._last[name] = now
            registration.refresh(now)


def _key(name: str) -> str:
    return f"reg:{name}"
