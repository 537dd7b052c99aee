"""What is known of targets: which failed lately, and which carry a registration (:rfc:`3263#section-4.3`).

A target that failed is tried last until its bar ends: a minute at first, twice as long each time it fails again, ten
minutes at most, or as long as it asked for itself (``Retry-After``). It is never left out: when all are barred the one
that is free soonest comes first, for a call is worth the try.
"""

from dataclasses import dataclass

from offhook.sip.events import Address, Target, Transport

Place = tuple[Transport, Address]

FIRST_BAR = 60.0
LONGEST_BAR = 600.0
LONGEST_WISH = 3600.0
MAX_BARS = 256


def place_of(target: Target) -> Place:
    """Return what tells targets apart."""
    return (target.transport, (target.ip, target.port))


def described(target: Target) -> str:
    """Return a target as a log shows it."""
    host = f"[{target.ip}]" if ":" in target.ip else target.ip
    return f"{host}:{target.port} over {target.transport.upper()}"


@dataclass(slots=True)
class _Bar:
    until: float
    length: float


class TargetBook:
    """Puts targets into the order in which to try them."""

    def __init__(self) -> None:
        self._bars: dict[Place, _Bar] = {}
        self._held: dict[str, Target] = {}

    def failed(self, target: Target, now: float, wish: float | None = None) -> None:
        """Bar a target that failed; ``wish``: for as many seconds as it asked for."""
        place = place_of(target)
        before = self._bars.pop(place, None)
        length = FIRST_BAR
        if before is not None and now - before.until < LONGEST_BAR:
            # What fails while it is barred, tried for want of another, says nothing new.
            length = before.length if now < before.until else min(2 * before.length, LONGEST_BAR)
        until = now + (length if wish is None else min(wish, LONGEST_WISH))
        self._bars[place] = _Bar(max(until, before.until if before is not None else 0.0), length)
        while len(self._bars) > MAX_BARS:
            del self._bars[next(iter(self._bars))]

    def works(self, target: Target, now: float) -> None:
        """Lift the bar of a target that answered after all; how long it was is remembered for a while."""
        bar = self._bars.get(place_of(target))
        if bar is not None:
            bar.until = min(bar.until, now)

    def free_at(self, target: Target) -> float:
        """Return when the bar of a target ends; 0.0 where it has none."""
        bar = self._bars.get(place_of(target))
        return bar.until if bar is not None else 0.0

    def hold(self, owner: str, target: Target | None) -> None:
        """Note which target carries the registration of ``owner``, None: none does."""
        if target is None:
            self._held.pop(owner, None)
        else:
            self._held[owner] = target

    def known(self, target: Target) -> Target:
        """Return the registered flow to the same place, if there is one: its certificate was checked by that name.

        A proxy puts its bare address into Record-Route; that is no reason to ask for a certificate of that address.
        """
        return next((held for held in self._held.values() if place_of(held) == place_of(target)), target)

    def order(self, targets: list[Target], now: float, keep: bool = True) -> list[Target]:
        """Return ``targets`` in the order in which to try them: free ones first, those that carry a registration first.

        ``keep`` false: registrations do not count, the best target shall have its chance again.
        """
        held = {place_of(target) for target in self._held.values()} if keep else set()

        def rank(target: Target) -> tuple[bool, float, bool]:
            free_at = self.free_at(target)
            barred = now < free_at
            return (barred, free_at if barred else 0.0, place_of(target) not in held)

        return sorted(targets, key=rank)

    def forget(self) -> None:
        """Drop all: the network has changed."""
        self._bars.clear()
        self._held.clear()
