"""The phone in a terminal, for when there is no browser: keys press keys, space lifts and puts back.

It is one more client of the board socket, like the page. Beside the page it keeps quiet until a key is pressed.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from offhook.errors import DeviceError

HELP = "space: lift or put back   0-9 * #: keys   f: flash   p: plug   +/-: volume   q: quit"
_KEYS = "0123456789*#ABCD"
_END = "q\x03\x04"  # control-C and control-D, where the terminal hands them on
_PRESS_S, _GAP_S = 0.070, 0.060
_ON_HOOK = ("ON_HOOK", "RINGING")


def announce(url: str, screen: TextIO | None = None) -> None:
    """Print the page's address, alone on a line and at once, for people and programs."""
    screen = screen or sys.stdout
    screen.write(f"open {url}\n")
    screen.flush()


class Terminal:
    """Reads single keys and prints what the phone does."""

    def __init__(
        self,
        board_socket: Path,
        stop: Callable[[], None],
        quiet: bool = False,
        keyboard: int | None = None,
        screen: TextIO | None = None,
    ) -> None:
        """``stop`` ends the program; ``quiet``: print nothing until a key is pressed; ``keyboard``: a descriptor."""
        self._path = board_socket
        self._stop = stop
        self._quiet = quiet
        self._keyboard = sys.stdin.fileno() if keyboard is None and sys.stdin is not None else keyboard
        self._screen = screen or sys.stdout
        self._off_hook = False
        self._mains = True

    async def run(self) -> None:
        """Be the phone until q or the terminal's end; return at once where there is no terminal to be it in.

        Raises DeviceError where the board socket is not there. The terminal is left as it was found.
        """
        keyboard = self._keyboard
        if keyboard is None or not _in_foreground(keyboard):
            return
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path))
        except OSError as error:
            raise DeviceError(f"the terminal cannot reach the board at {self._path}: {error.strerror}") from error
        writer.write(b'{"do":"watch"}\n')
        keys: asyncio.Queue[str] = asyncio.Queue(256)
        watching = asyncio.get_running_loop().create_task(self._watch(reader))
        try:
            with _single_keys(keyboard, keys):
                if not self._quiet:
                    self._print(HELP)
                while (key := await keys.get()) and key not in _END:
                    await self._press(key, writer)
                if key:
                    self._stop()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            writer.close()

    async def _press(self, key: str, writer: asyncio.StreamWriter) -> None:
        if self._quiet:
            self._quiet = False
            self._print(HELP)
        request = self._request(key)
        if request is None:
            return
        writer.write(json.dumps(request).encode() + b"\n")
        if request["do"] == "press":
            await asyncio.sleep(_PRESS_S + _GAP_S)  # a finger lets go of a key before it presses the next

    def _request(self, key: str) -> dict[str, object] | None:
        if key == " ":
            self._off_hook = not self._off_hook
            return {"do": "lift" if self._off_hook else "hang_up"}
        if key == "p":
            self._mains = not self._mains
            self._print("   the plug is in" if self._mains else "   the plug is pulled")
            return {"do": "power", "ac": self._mains}
        if key == "f":
            return {"do": "flash"}
        if key in "+-":
            return {"do": "button", "name": "volume_up" if key == "+" else "volume_down"}
        return {"do": "press", "key": key.upper(), "ms": round(_PRESS_S * 1000)} if key.upper() in _KEYS else None

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            event = json.loads(line)
            if event.get("event") == "state":
                self._off_hook = event["phone"] not in _ON_HOOK
            text = describe(event)
            if text and not self._quiet:
                self._print(text)

    def _print(self, text: str) -> None:
        self._screen.write(text + "\n")
        self._screen.flush()


def describe(event: dict[str, object]) -> str:
    """Return one line for an event of the board socket, or nothing where a person need not see it."""
    match event.get("event"):
        case "state":
            return f"-- {str(event['phone']).lower().replace('_', ' ')}"
        case "tone":
            return (
                f"   ear: {str(event['name']).replace('_', ' ')} tone" if event["name"] != "none" else "   ear: no tone"
            )
        case "say":
            return f'   ear: "{event["text"]}"'
        case "ringer":
            return "   the bell rings" if event["on"] else "   the bell stops"
        case "call":
            desk = " (emergency: the stub desk of this program)" if event["emergency"] else ""
            return f"   call {event['direction']} {event['peer']}: {event['state']}{desk}"
        case "registration":
            return f"   account {event['account']}: {event['state']} {event.get('reason', '')}".rstrip()
        case "power":
            return f"   power: {str(event['state']).lower()}"
        case "poweroff":
            return "   the board switches off (the simulated one goes on)"
        case "dtmf":
            return f"   DTMF {event['direction']} {event['digit']}"
        case _:
            return "" if event.get("ok", True) else f"   {event.get('error')}"


def _in_foreground(descriptor: int) -> bool:
    """Return whether ``descriptor`` is a terminal that this process may read from and set up."""
    if not os.isatty(descriptor):
        return False
    try:
        # In the background the first touch of the terminal would stop the whole phone (SIGTTIN, SIGTTOU).
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal, but not the one that controls this process: nothing to fear from it


@contextlib.contextmanager
def _single_keys(descriptor: int, keys: "asyncio.Queue[str]") -> Iterator[None]:
    """Put every key into ``keys`` as it is pressed, and an empty text when the terminal has gone."""
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def pressed() -> None:
        try:
            data = os.read(descriptor, 64)
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(descriptor)
        with contextlib.suppress(asyncio.QueueFull):
            for key in data.decode(errors="ignore") or [""]:
                keys.put_nowait(key)

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        was = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
        signal.signal(signal.SIGTTOU, was)
