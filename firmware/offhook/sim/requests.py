"""Requests of the board socket: read strictly, then performed on the simulated board."""

from collections.abc import Awaitable, Callable, Mapping

from offhook.sim.board import SimulatedBoard
from offhook.status.linesocket import LineRequest, RequestError

__all__ = ["Request", "RequestError", "perform"]

_LONGEST_MS = 60_000
_MOST_KEYS = 1000


class Request(LineRequest):
    """A request to the board's hands; its fields are read by kind and bounds."""

    @classmethod
    def parse(cls, line: bytes) -> "Request":
        """Read a line. Raises RequestError."""
        read = LineRequest.read(line, _FIELDS)
        return cls(read.do, read.fields, read.identity)

    def milliseconds(self, name: str, default: int | None = None) -> float:
        """Return a duration in seconds."""
        return self.number(name, 0, _LONGEST_MS, default) / 1000

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number within bounds."""
        value = self.fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise RequestError(f'"{name}" must be a number from {low:g} to {high:g}')
        return float(value)

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise RequestError(f'"{name}" must be a text')
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise RequestError(f'"{name}" must be true or false')
        return value

    def optional(self, name: str, low: float, high: float) -> float | None:
        """Return a number within bounds, None where it is not given."""
        return self.number(name, low, high) if name in self.fields else None


async def perform(board: SimulatedBoard, request: Request) -> None:
    """Do what a request asks for; returns when it is done. Raises RequestError and DeviceError."""
    await _DOERS[request.do](board, request)


async def _lift(board: SimulatedBoard, request: Request) -> None:
    await board.lift(request.milliseconds("bounce_ms", 0))


async def _hang_up(board: SimulatedBoard, request: Request) -> None:
    await board.hang_up(request.milliseconds("bounce_ms", 0))


async def _flash(board: SimulatedBoard, request: Request) -> None:
    await board.flash(request.milliseconds("ms") if "ms" in request.fields else None)


async def _press(board: SimulatedBoard, request: Request) -> None:
    await board.press(request.text("key"), request.milliseconds("ms", 80))


async def _dial(board: SimulatedBoard, request: Request) -> None:
    keys = request.text("keys")
    on, off = request.milliseconds("on_ms", 70), request.milliseconds("off_ms", 70)
    if len(keys) > _MOST_KEYS:
        raise RequestError(f'"keys" may have {_MOST_KEYS} keys: send less')
    await board.dial(keys, on, off)


async def _rotary(board: SimulatedBoard, request: Request) -> None:
    digit = request.number("digit", 0, 9)
    if not digit.is_integer():
        raise RequestError('"digit" must be a whole number from 0 to 9')
    await board.rotary(int(digit))


async def _power(board: SimulatedBoard, request: Request) -> None:
    gauge = request.fields.get("gauge")
    if gauge not in (None, "ok", "silent"):
        raise RequestError('"gauge" must be "ok" or "silent"')
    board.set_power(
        ac=request.flag("ac") if "ac" in request.fields else None,
        percent=request.optional("percent", 0, 100),
        volts=request.optional("volts", 0, 100),
        amps=request.optional("amps", -100, 100),
        gauge_ok=None if gauge is None else gauge == "ok",
    )


async def _button(board: SimulatedBoard, request: Request) -> None:
    await board.press_button(request.text("name"), request.milliseconds("ms", 80))


async def _network(board: SimulatedBoard, request: Request) -> None:
    board.set_network(request.flag("up"))


_DOERS: Mapping[str, Callable[[SimulatedBoard, Request], Awaitable[None]]] = {
    "lift": _lift,
    "hang_up": _hang_up,
    "flash": _flash,
    "press": _press,
    "dial": _dial,
    "rotary": _rotary,
    "power": _power,
    "button": _button,
    "network": _network,
}
_FIELDS: Mapping[str, frozenset[str]] = {
    "lift": frozenset({"bounce_ms"}),
    "hang_up": frozenset({"bounce_ms"}),
    "flash": frozenset({"ms"}),
    "press": frozenset({"key", "ms"}),
    "dial": frozenset({"keys", "on_ms", "off_ms"}),
    "rotary": frozenset({"digit"}),
    "power": frozenset({"ac", "percent", "volts", "amps", "gauge"}),
    "button": frozenset({"name", "ms"}),
    "network": frozenset({"up"}),
    "status": frozenset(),
    "watch": frozenset(),
}
