"""The phone in a terminal, on a pseudo-terminal, against a board socket that writes down what it is asked."""

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest

from offhook.errors import DeviceError
from offhook.sim.terminal import HELP, Terminal, announce, describe

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
LOCAL_FLAGS = 3  # of what tcgetattr returns
Scenario = Callable[["Hands"], Awaitable[None]]


class Hands:
    """A person at a terminal, and the board at the other end."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "board"
        self.master, self.slave = pty.openpty()
        self.requests: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.screen = StringIO()
        self.stops = 0
        self._board: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._board = writer
        while line := await reader.readline():
            self.requests.put_nowait(json.loads(line))
        writer.close()

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def happens(self, **event: object) -> None:
        assert self._board is not None
        self._board.write(json.dumps(event).encode() + b"\n")

    async def shown(self, text: str) -> None:
        async with asyncio.timeout(5):
            while text not in self.screen.getvalue():
                await asyncio.sleep(0.001)

    async def asked(self) -> dict[str, object]:
        async with asyncio.timeout(5):
            return await self.requests.get()

    def stop(self) -> None:
        self.stops += 1

    @asynccontextmanager
    async def at_work(self, quiet: bool) -> AsyncIterator["asyncio.Task[None]"]:
        server = await asyncio.start_unix_server(self.serve, str(self.path))
        terminal = Terminal(self.path, self.stop, quiet, self.slave, self.screen)
        task = asyncio.get_running_loop().create_task(terminal.run())
        try:
            assert await self.asked() == {"do": "watch"}
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            server.close()


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def at_the_terminal(hands: Hands, scenario: Scenario, quiet: bool = False) -> None:
    """Play ``scenario``; afterwards the terminal is as it was, whatever happened."""
    before = termios.tcgetattr(hands.slave)

    async def main() -> None:
        async with hands.at_work(quiet):
            await scenario(hands)

    try:
        asyncio.run(main())
        assert termios.tcgetattr(hands.slave) == before
    finally:
        os.close(hands.master)
        os.close(hands.slave)


def test_keys_are_requests_of_the_board_socket(hands: Hands) -> None:
    async def scenario(hands: Hands) -> None:
        hands.type(" 1#d+p ")
        assert [await hands.asked() for _ in range(7)] == [
            {"do": "lift"},
            {"do": "press", "key": "1", "ms": 70},
            {"do": "press", "key": "#", "ms": 70},
            {"do": "press", "key": "D", "ms": 70},
            {"do": "button", "name": "volume_up"},
            {"do": "power", "ac": False},
            {"do": "hang_up"},
        ]

    at_the_terminal(hands, scenario)


def test_space_follows_a_handset_that_somebody_else_lifted(hands: Hands) -> None:
    async def scenario(hands: Hands) -> None:
        hands.happens(event="state", phone="DIAL_TONE")
        await hands.shown("dial tone")
        hands.type(" ")
        assert await hands.asked() == {"do": "hang_up"}

    at_the_terminal(hands, scenario)


def test_keys_are_read_one_by_one_and_not_echoed(hands: Hands) -> None:
    async def scenario(hands: Hands) -> None:
        await hands.shown(HELP)
        flags = termios.tcgetattr(hands.slave)[LOCAL_FLAGS]
        assert not flags & (termios.ICANON | termios.ECHO)
        assert flags & termios.ISIG, "control-C must stay a signal"

    at_the_terminal(hands, scenario)


@pytest.mark.parametrize("key", ["q", "\x03", "\x04"])
def test_q_and_control_c_stop_the_program(hands: Hands, key: str) -> None:
    async def main() -> None:
        async with hands.at_work(quiet=False) as task:
            await hands.shown(HELP)
            flags = termios.tcgetattr(hands.slave)
            flags[LOCAL_FLAGS] &= ~termios.ISIG  # so that control-C arrives as a key
            termios.tcsetattr(hands.slave, termios.TCSANOW, flags)
            hands.type(key)
            async with asyncio.timeout(5):
                await task
            assert hands.stops == 1

    asyncio.run(main())
    os.close(hands.master)
    os.close(hands.slave)


def test_it_ends_without_a_stop_when_the_terminal_goes_away(hands: Hands) -> None:
    async def main() -> None:
        async with hands.at_work(quiet=False) as task:
            await hands.shown(HELP)
            os.close(hands.master)
            async with asyncio.timeout(5):
                await task
            assert hands.stops == 0

    asyncio.run(main())
    os.close(hands.slave)


def test_beside_the_page_it_is_quiet_until_a_key_is_pressed(hands: Hands) -> None:
    async def scenario(hands: Hands) -> None:
        hands.happens(event="ringer", on=True)
        hands.happens(event="say", text="unheard")
        hands.type("p")
        await hands.asked()
        hands.happens(event="ringer", on=False)
        await hands.shown("the bell stops")
        assert "unheard" not in hands.screen.getvalue()
        assert hands.screen.getvalue().startswith(HELP)

    at_the_terminal(hands, scenario, quiet=True)


def test_nothing_is_printed_where_stdin_is_no_terminal(tmp_path: Path) -> None:
    screen = StringIO()
    with (tmp_path / "file").open("w+") as file:
        asyncio.run(Terminal(tmp_path / "board", lambda: None, False, file.fileno(), screen).run())
    assert screen.getvalue() == ""


def test_a_missing_board_is_told_in_one_line(hands: Hands) -> None:
    with pytest.raises(DeviceError, match="cannot reach the board"):
        asyncio.run(Terminal(hands.path, hands.stop, False, hands.slave, hands.screen).run())
    os.close(hands.master)
    os.close(hands.slave)


def test_the_address_is_a_line_of_its_own() -> None:
    screen = StringIO()
    announce("http://127.0.0.1:1/?token=x", screen)
    assert screen.getvalue() == "open http://127.0.0.1:1/?token=x\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "state", "phone": "DIAL_TONE"}, "-- dial tone"),
        ({"event": "tone", "name": "no_service"}, "   ear: no service tone"),
        ({"event": "tone", "name": "none"}, "   ear: no tone"),
        ({"event": "say", "text": "Hello"}, '   ear: "Hello"'),
        ({"event": "ringer", "on": True}, "   the bell rings"),
        (
            {"event": "call", "direction": "out", "peer": "112", "state": "talking", "emergency": True},
            "   call out 112: talking (emergency: the stub desk of this program)",
        ),
        ({"event": "registration", "account": "a", "state": "failed", "reason": "403"}, "   account a: failed 403"),
        ({"event": "power", "state": "OUTAGE"}, "   power: outage"),
        ({"event": "dtmf", "direction": "out", "digit": "5"}, "   DTMF out 5"),
        ({"event": "lamp", "name": "line", "state": "on"}, ""),
        ({"ok": True}, ""),
        ({"ok": False, "error": "no such key"}, "   no such key"),
    ],
)
def test_events_are_told_in_plain_lines(event: dict[str, object], line: str) -> None:
    assert describe(event) == line


# -- the whole program ----------------------------------------------------------------------------------------------


# What a shell does for its jobs: the terminal becomes the program's controlling one, so that control-C is a signal.
START = "import os; os.login_tty(0); from offhook.cli import main; raise SystemExit(main())"


class Program:
    """``offhook sim`` in a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.before = termios.tcgetattr(self.slave)
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, "sim", "--state-dir", str(folder / "state"), *arguments],
            stdin=self.slave,
            env={**os.environ, "PYTHONPATH": str(FIRMWARE)},
        )

    def until(self, text: str) -> None:
        """Read until the program has printed ``text``."""
        end = time.monotonic() + 40
        while text not in self.output:
            assert time.monotonic() < end, self.output
            assert self.process.poll() is None, self.output
            self.read()
            time.sleep(0.02)

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.master, 4096):
                self.output += data.decode().replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_control_c_ends_the_program_in_order_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with Program(tmp_path, "--no-web") as program:
        program.until(HELP)
        program.until("registered")
        program.type(" ")
        program.until("ear: dial tone")
        program.type("\x03")
        assert program.process.wait(10) == 0
        program.read()
        assert "unregistered" in program.output
        assert "Traceback" not in program.output
        assert termios.tcgetattr(program.slave) == program.before


def test_beside_the_page_the_program_prints_its_address_alone_on_a_line(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.until("\nopen http://127.0.0.1:")
        program.until("registered")
        assert HELP not in program.output
        program.type("1")
        program.until(HELP)
        program.type("q")
        assert program.process.wait(10) == 0
        assert termios.tcgetattr(program.slave) == program.before
