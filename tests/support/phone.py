"""The whole phone as a child process, and a person beside it: lifts, dials, pulls the plug, looks and listens.

Knows nothing of the code: it speaks the board socket's newline-delimited JSON and reads what the phone says on it.
"""

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.child import Child, ChildError
from tests.support.netns import PHONE_IP

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"

BOARD = """\
kind: simulated
keypad: 4x4
lamps: [line, message, battery]
buttons: [volume_up, volume_down]
"""

ACCOUNT = """\
  - name: {name}
    uri: sip:{user}@pbx.test
    user: "{user}"
    password: secret{user}
    server: {server}
    transport: {transport}
    register: {register}
"""

CONFIG = """\
country: {country}
accounts:
{accounts}sip: {{listen: "{listen}"{sip}}}
rtp: {{ports: 20000-20020}}
dialplan: "{dialplan}"
location: {{civic: {{country: NO, A3: Oslo, RD: Storgata, HNO: "1", FLR: "3"}}}}
{more}"""


def account(
    server: str,
    user: str = "1001",
    transport: str = "udp",
    register: bool = True,
    name: str = "desk",
    more: Sequence[str] = (),
) -> str:
    """One account of a config; ``more`` are further keys as lines of YAML."""
    flag = "true" if register else "false"
    text = ACCOUNT.format(name=name, user=user, server=server, transport=transport, register=flag)
    return text + "".join(f"    {line}\n" for line in more)


def config(
    *accounts: str,
    country: str = "NO",
    listen: str = f"{PHONE_IP}:0",
    dialplan: str = "(1xxx|[2-9]xxxx|*xx)",
    more: str = "",
    sip: str = "",
) -> str:
    """The text of a config; ``more`` is YAML that is put behind it, ``sip`` further keys of that part, as in a flow."""
    return CONFIG.format(
        accounts="".join(accounts),
        country=country,
        listen=listen,
        dialplan=dialplan,
        more=more,
        sip=f", {sip}" if sip else "",
    )


def matches(found: object, wanted: object) -> bool:
    """Whether a field is what was wanted."""
    return found in wanted if isinstance(wanted, frozenset) else found == wanted


def connected(path: Path) -> socket.socket:
    """A Unix stream socket that is connected. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock


class BoardSocket:
    """A client of the board socket: one connection for requests, one that watches."""

    def __init__(self, path: Path) -> None:
        self._requests = connected(path)
        self._requests.settimeout(60)
        self._answers = self._requests.makefile("r", encoding="utf-8")
        self._watching = connected(path)
        self._watching.sendall(b'{"do":"watch","id":"watch"}\n')
        self._arrived = threading.Condition()
        self._events: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self._number = 0
        self._thread = threading.Thread(target=self._read_events, name="watch", daemon=True)
        self._thread.start()

    def _read_events(self) -> None:
        with self._watching.makefile("r", encoding="utf-8") as lines:
            try:
                for line in lines:
                    event = json.loads(line)
                    with self._arrived:
                        if "event" in event:
                            self._events.append(event)
                            self.history.append(event)
                        self._arrived.notify_all()
            except (OSError, ValueError):
                return  # closed under our hands

    def request(self, do: str, **fields: object) -> dict[str, Any]:
        """Send one request and wait for its answer; raises AssertionError where it is not ok."""
        self._number += 1
        self._requests.sendall((json.dumps({"do": do, "id": self._number, **fields}) + "\n").encode())
        answer: dict[str, Any] = json.loads(self._answers.readline())
        assert answer.get("id") == self._number, answer
        assert answer.get("ok"), f"{do}: {answer.get('error')}"
        return answer

    def take(self, event: str, timeout: float, **fields: object) -> dict[str, Any] | None:
        """Take the oldest event of this name whose fields match, waiting for it; None where none comes.

        A field is a value, or a set of values of which one must be there.
        """
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for index, found in enumerate(self._events):
                    if found["event"] == event and all(
                        matches(found.get(name), value) for name, value in fields.items()
                    ):
                        return self._events.pop(index)
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._arrived.wait(left)

    def forget(self) -> None:
        """Forget what was not taken."""
        with self._arrived:
            self._events.clear()

    def close(self) -> None:
        """Leave."""
        for sock in (self._requests, self._watching):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._answers.close()
        self._requests.close()
        self._watching.close()


class Phone:
    """``offhook run`` with a config, a simulated board and, where given, ALSA devices of the test."""

    def __init__(
        self,
        folder: Path,
        config_text: str,
        board_text: str = BOARD,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        state_dir: Path | None = None,
        wait: bool = True,
        verb: str = "run",
        control: bool = True,
        program: str = "offhook",
        prefix: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config, self.board = folder / "offhook.yaml", folder / "board.yaml"
        self.config.write_text(config_text)
        self.board.write_text(board_text)
        self._sockets = tempfile.TemporaryDirectory(prefix="offhook-")  # names of sockets are limited to 107 bytes
        sockets = Path(self._sockets.name)
        self.control_socket = sockets / "control"
        self.state_dir = state_dir or folder / "state"
        command = [*prefix, sys.executable, "-m", program, verb]
        command += ["--config", str(self.config), "--board", str(self.board)]
        command += ["--board-socket", str(sockets / "board")]
        command += ["--control-socket", str(self.control_socket)] if control else []
        command += ["--state-dir", str(self.state_dir), *arguments]
        self.started = time.monotonic()
        path = os.pathsep.join(filter(None, [str(FIRMWARE), str(FIRMWARE.parent), os.environ.get("PYTHONPATH")]))
        self.child = Child(command, folder / "offhook.log", {"PYTHONPATH": path, **(env or {})}, cwd=folder)
        self.socket: BoardSocket | None = None
        if wait:
            try:
                self.connect()
            except BaseException:
                self.stop()
                raise

    def connect(self, timeout: float = 30.0) -> None:
        """Wait until the board socket is there."""

        def joined() -> bool:
            try:
                self.socket = BoardSocket(Path(self._sockets.name) / "board")
            except OSError:
                return False
            return True

        self.child.wait_until(joined, "board socket", timeout)

    @property
    def board_socket(self) -> BoardSocket:
        """The board socket's client."""
        assert self.socket is not None, "not connected"
        return self.socket

    # What a person does ---------------------------------------------------------------------------------------------

    def lift(self, bounce_ms: int = 0) -> None:
        """Take the handset off the hook."""
        self.board_socket.request("lift", bounce_ms=bounce_ms)

    def hang_up(self) -> None:
        """Put the handset back."""
        self.board_socket.request("hang_up")

    def flash(self, ms: int = 200) -> None:
        """Tap the hook."""
        self.board_socket.request("flash", ms=ms)

    def press(self, key: str, ms: int = 80) -> None:
        """Press one key."""
        self.board_socket.request("press", key=key, ms=ms)

    def dial(self, keys: str, on_ms: int = 60, off_ms: int = 60) -> None:
        """Press a row of keys."""
        self.board_socket.request("dial", keys=keys, on_ms=on_ms, off_ms=off_ms)

    def call(self, keys: str) -> None:
        """Lift, wait until a dial tone is heard (the one that says that there is no service included), dial."""
        self.lift()
        self.wait_for("state", phone="DIAL_TONE")
        self.wait_for("tone", name=frozenset({"dial", "stutter", "no_service"}))
        self.dial(keys)

    def power(self, **fields: object) -> None:
        """Change what supply and fuel gauge show."""
        self.board_socket.request("power", **fields)

    # What it sees and hears -----------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """The status object."""
        answer = self.board_socket.request("status")["status"]
        assert isinstance(answer, dict)
        return answer

    def wait_for(self, event: str, timeout: float = 15.0, **fields: object) -> dict[str, Any]:
        """Wait for an event of the board socket, and take it."""
        found = self.board_socket.take(event, timeout, **fields)
        if found is None:
            raise self.complain(f"no event {event} {fields or ''} within {timeout:g} s")
        return found

    def complain(self, what: str) -> ChildError:
        """An error that shows what was seen last."""
        seen = "\n    ".join(json.dumps(event) for event in self.board_socket.history[-15:])
        return self.child.complain(f"{what}; events seen last:\n    {seen}\n")

    def wait_state(self, state: str, timeout: float = 15.0) -> None:
        """Wait until the phone machine is in a state, however it got there."""
        self.wait_status(lambda status: status["phone"] == state, f"state {state}", timeout)

    def wait_status(
        self, condition: Callable[[dict[str, Any]], bool], what: str, timeout: float = 15.0
    ) -> dict[str, Any]:
        """Wait until ``condition(status)`` holds; returns that status."""
        end = time.monotonic() + timeout
        while True:
            status = self.status()
            if condition(status):
                return status
            if time.monotonic() > end:
                raise self.complain(f"no {what} within {timeout:g} s; status: {json.dumps(status)}")
            time.sleep(0.05)

    def wait_registered(self, name: str = "desk", timeout: float = 15.0) -> None:
        """Wait until an account is registered, seconds since start or since anything else."""
        self.wait_status(
            lambda status: any(entry["name"] == name and entry["registered"] for entry in status["accounts"]),
            f"registration of {name}",
            timeout,
        )

    def address(self, transport: str = "udp") -> str:
        """Where it listens for SIP, as ``ip:port``, as soon as it does."""

        def listening(status: dict[str, Any]) -> bool:
            return bool(status["sip"].get(transport)) and "0.0.0.0" not in str(status["sip"][transport])

        found = self.wait_status(listening, f"address for {transport}")["sip"][transport]
        return str(found[0] if isinstance(found, list) else found)

    def log(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.child.output()

    # Its end --------------------------------------------------------------------------------------------------------

    def terminate(self, timeout: float = 5.0) -> int:
        """SIGTERM, as the service manager does it; returns the exit status."""
        self.child.process.send_signal(signal.SIGTERM)
        return self.child.wait(timeout)

    def stop(self) -> None:
        """End it, however it is."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.child.stop()
        self._sockets.cleanup()

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
