"""Whether a file from afar may become a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.config.faults import ConfigError, Fault
from offhook.config.load import Validator, load
from offhook.config.schema import Config
from offhook.config.store import digest_of


@dataclass(frozen=True, slots=True)
class Verified:
    """A file without faults."""

    config: Config
    data: bytes
    digest: str


def verify(data: bytes, file: str, validators: Mapping[str, Validator]) -> Verified:
    """Check a fetched file as a whole; raises :class:`ConfigError` with every fault.

    A phone that is set up from afar must be able to show that it came into service, so the file needs an account.
    """
    config = load(data, file, validators)
    if not config.accounts:
        message = "has no account, so the phone could not show that it works: add one"
        raise ConfigError([Fault(file, 1, 1, "accounts", message)])
    return Verified(config, data, digest_of(data))


def in_one_line(error: ConfigError) -> str:
    """Return the first fault, and how many more there are."""
    more = len(error.faults) - 1
    tail = f" (and {more} more: offhook check shows all)" if more else ""
    return f"{error.faults[0]}{tail}"
