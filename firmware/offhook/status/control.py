"""The control socket: what ``offhook status`` asks, and what a program watches the phone by; it changes nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path

from offhook.status.linesocket import LineRequest, LineSocket

_KNOWN: Mapping[str, frozenset[str]] = {"status": frozenset(), "watch": frozenset()}


class ControlSocket(LineSocket):
    """Serves ``status`` and ``watch`` to the phone's own user and group."""

    name = "control socket"
    mode = 0o660

    def __init__(self, path: Path, status: Callable[[], Mapping[str, object]], clock: Callable[[], float]) -> None:
        """``status`` gives the status object; ``clock`` stamps the events."""
        super().__init__(path, clock)
        self._status = status

    def read(self, line: bytes) -> LineRequest:
        """See :class:`LineSocket`."""
        return LineRequest.read(line, _KNOWN)

    async def answer(self, request: LineRequest) -> Mapping[str, object]:
        """See :class:`LineSocket`."""
        return {"status": self._status()}
