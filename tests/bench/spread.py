"""Some tries of one thing, as one figure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of some tries."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """From single values."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    def show(self, unit: str, scale: float = 1.0, digits: int = 1) -> str:
        """``12.3 ms (10.1-15.0, 8 tries)``; ``scale`` multiplies each."""
        median, least, most = (f"{value * scale:.{digits}f}" for value in (self.median, self.least, self.most))
        return f"{median} {unit} ({least}-{most}, {self.count} tries)"
