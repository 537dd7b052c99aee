"""The board socket: newline-delimited JSON through which a program holds the simulated phone in its hands.

Requests on one connection run in order, connections side by side: see :mod:`offhook.status.linesocket`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from offhook.sim.board import SimulatedBoard
from offhook.sim.requests import Request, perform
from offhook.status.linesocket import LineRequest, LineSocket


class BoardSocket(LineSocket):
    """Serves the board socket, to this user alone."""

    name = "board socket"

    def __init__(
        self, board: SimulatedBoard, path: Path, status: Callable[[], Mapping[str, object]], clock: Callable[[], float]
    ) -> None:
        """``status`` gives the status object; ``clock`` stamps the events."""
        super().__init__(path, clock)
        self._board = board
        self._status = status

    def read(self, line: bytes) -> Request:
        """See :class:`offhook.status.linesocket.LineSocket`."""
        return Request.parse(line)

    async def answer(self, request: LineRequest) -> Mapping[str, object]:
        """See :class:`offhook.status.linesocket.LineSocket`."""
        if request.do == "status":
            return {"status": self._status()}
        assert isinstance(request, Request)
        await perform(self._board, request)
        return {}
