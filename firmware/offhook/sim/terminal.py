"""The phone in a terminal, for when there is no browser: keys press keys, space lifts and puts back.

It is one more client of the board socket, like the page.
"""

import asyncio
import contextlib
import json
import os
import sys
import termios
import tty
from pathlib import Path

HELP = "space: lift or put back   0-9 * #: keys   p: plug   +/-: volume   q: quit"
_KEYS = "0123456789*#ABCD"
_CTRL_C = "\x03"


class Terminal:
    """Reads single keys from stdin and prints what the phone does; ``stop`` is called when the person quits."""

    def __init__(self, board_socket: Path) -> None:
        self._path = board_socket
        self._off_hook = False
        self._mains = True

    async def run(self) -> None:
        """Be the phone until q or control-C; returns at once where stdin is no terminal."""
        if not sys.stdin.isatty():
            return
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        writer.write(b'{"do":"watch"}\n')
        loop = asyncio.get_running_loop()
        keys: asyncio.Queue[str] = asyncio.Queue()
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)

        def pressed() -> None:
            for key in os.read(descriptor, 64).decode(errors="ignore"):
                keys.put_nowait(key)

        loop.add_reader(descriptor, pressed)
        self._print(HELP)
        watching = loop.create_task(self._watch(reader))
        try:
            while (key := await keys.get()) not in ("q", _CTRL_C):
                request = self._request(key)
                if request is not None:
                    writer.write(json.dumps(request).encode() + b"\n")
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            loop.remove_reader(descriptor)
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            writer.close()

    def _request(self, key: str) -> dict[str, object] | None:
        if key == " ":
            self._off_hook = not self._off_hook
            return {"do": "lift" if self._off_hook else "hang_up"}
        if key == "p":
            self._mains = not self._mains
            self._print("plugged in" if self._mains else "on battery")
            return {"do": "power", "ac": self._mains}
        if key in "+-":
            return {"do": "button", "name": "volume_up" if key == "+" else "volume_down"}
        return {"do": "press", "key": key} if key in _KEYS else None

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            event = json.loads(line)
            text = describe(event)
            if text:
                self._print(text)

    def _print(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def describe(event: dict[str, object]) -> str:
    """Return one line for an event of the board socket, or nothing where a person need not see it."""
    match event.get("event"):
        case "state":
            return f"-- {str(event['phone']).lower().replace('_', ' ')}"
        case "tone":
            return f"   ear: {str(event['name']).replace('_', ' ')}" + ("" if event["name"] == "none" else " tone")
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
            return f"   power: {event['state']}"
        case "poweroff":
            return "   the board switches off (the simulated one goes on)"
        case "dtmf":
            return f"   DTMF {event['direction']} {event['digit']}"
        case _:
            return "" if event.get("ok", True) else f"   {event.get('error')}"
