"""What is wrong with a config or board file, and where: one line a fault."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from offhook.errors import OffhookError


class Fault(Struct, frozen=True):
    """One fault; ``str(fault)`` is ``FILE:LINE:COLUMN: path: message (did you mean ...)``.

    Attributes:
        file: the name that the reader was given.
        line: counted from 1.
        column: counted from 1, in characters.
        path: ``accounts[0].transport``; empty where the whole file is meant.
        message: what is wrong and what to do; never the value of a secret.
        suggestion: what was probably meant.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        hint = f" (did you mean {quoted(self.suggestion)}?)" if self.suggestion is not None else ""
        return f"{where}{path}{self.message}{hint}"


class ConfigError(OffhookError):
    """A file that cannot be used; ``faults`` holds all that is wrong with it, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        unique = dict.fromkeys(faults)
        self.faults: tuple[Fault, ...] = tuple(sorted(unique, key=lambda fault: (fault.line, fault.column, fault.path)))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def for_file(self, file: str) -> "ConfigError":
        """Return the same faults under another file name."""
        return ConfigError(replace(fault, file=file) for fault in self.faults)

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[Fault, ...]]]:
        return ConfigError, (self.faults,)


def quoted(text: str, limit: int = 60) -> str:
    """Return ``text`` in quotes on one line, cut where it is long; control characters are escaped."""
    shown = text if len(text) <= limit else text[:limit] + "..."
    escaped = "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode("ascii") for ch in shown)
    return f'"{escaped}"'


def joined(path: str, key: str) -> str:
    """Return the path of ``key`` below ``path``; a key that is no plain word is shown in quotes."""
    name = key if key.isidentifier() else quoted(key, 40)
    return f"{path}.{name}" if path else name
