"""How much a peer may send."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one message: sizes in bytes, the rest in counts.

    ``vias`` is the highest Max-Forwards that we send ourselves, so that no message that went a sane way is refused.
    """

    message: int = 65536
    head: int = 32768
    headers: int = 128
    vias: int = 70
    list_values: int = 64


DEFAULT_LIMITS = Limits()
