"""The event packages that we subscribe to."""

from dataclasses import dataclass

from offhook.sip.errors import LocalError


@dataclass(frozen=True, slots=True)
class Package:
    """One event package: the media types of its bodies, and whether a SUBSCRIBE may reach several notifiers.

    ``unasked``: a server may notify without being asked for it, as many do.
    """

    name: str
    accept: tuple[str, ...]
    forks: bool = False
    unasked: bool = False

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What every SUBSCRIBE says."""
        return (("Event", self.name), ("Accept", ", ".join(self.accept)))


PACKAGES = {
    package.name: package
    for package in (
        Package("message-summary", ("application/simple-message-summary",), unasked=True),  # RFC 3842, 3.9: no forks
        Package("dialog", ("application/dialog-info+xml",), forks=True),  # RFC 4235, 3.9: merged by the watcher
        Package("reg", ("application/reginfo+xml",)),  # RFC 3680, 4.9: no forks
    )
}


def package(name: str) -> Package:
    """Return a package by its name. Raises LocalError for one that we do not know."""
    known = PACKAGES.get(name)
    if known is None:
        raise LocalError(f"no event package named {name!r}: there are {', '.join(PACKAGES)}")
    return known
