"""``offhook sim`` as a child process, a real chromium before its page, and what the page hears and says as PCM."""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright, WebSocket

from tests.support.child import Child
from tests.support.phone import FIRMWARE, BoardSocket

RATE = 8000
BROWSER_FLAGS = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
_ADDRESS = re.compile(r"^open (http://127\.0\.0\.1:\d+/\?token=\S+)$", re.MULTILINE)


class Simulator:
    """The simulator with its page and its exchange; ``url`` is what it printed, ``board`` a hand on the same phone."""

    def __init__(self, folder: Path, arguments: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._sockets = TemporaryDirectory(prefix="offhook-")
        socket = Path(self._sockets.name) / "board"
        log = folder / "sim.log"
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "offhook", "sim", "--state-dir", str(folder / "state")]
        command += ["--board-socket", str(socket), *arguments]
        path = os.pathsep.join(filter(None, [str(FIRMWARE), os.environ.get("PYTHONPATH")]))
        self.child = Child(command, log, {"PYTHONPATH": path})
        try:
            self.child.wait_until(lambda: _ADDRESS.search(self.child.output()) is not None, "address of the page", 40)
            self.board = BoardSocket(socket)
            self.wait(lambda status: all(account["registered"] for account in status["accounts"]), "registration")
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The printed address."""
        found = _ADDRESS.search(self.child.output())
        assert found is not None
        return found[1]

    def status(self) -> dict[str, Any]:
        """The status object."""
        status = self.board.request("status")["status"]
        assert isinstance(status, dict)
        return status

    def wait(self, condition: Callable[[dict[str, Any]], bool], what: str, timeout: float = 20.0) -> dict[str, Any]:
        """Wait until ``condition(status)`` holds; returns that status."""
        end = time.monotonic() + timeout
        while not condition(status := self.status()):
            if time.monotonic() > end:
                raise self.child.complain(f"no {what} within {timeout:g} s; status: {status}")
            time.sleep(0.05)
        return status

    def rest(self) -> None:
        """Bring the phone back to where a test begins: on the hook, on mains."""
        if self.status()["phone"] == "RINGING":
            self.board.request("lift")
        self.board.request("hang_up")
        self.board.request("power", ac=True, percent=100)
        self.wait(lambda status: status["phone"] == "ON_HOOK" and not status["calls"], "rest")

    def stop(self) -> None:
        """End it."""
        with suppress(AttributeError):
            self.board.close()
        self.child.stop()
        self._sockets.cleanup()

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


class Listener:
    """Everything that crosses a page's sound socket: ``ear`` is what it received, ``mouth`` what it sent."""

    def __init__(self, page: Page) -> None:
        self.ear: list[bytes] = []
        self.mouth: list[bytes] = []
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        if "/sound" in socket.url:
            socket.on("framereceived", lambda data: self.ear.append(_octets(data)))
            socket.on("framesent", lambda data: self.mouth.append(_octets(data)))

    def clear(self) -> None:
        """Forget what was heard and said."""
        self.ear.clear()
        self.mouth.clear()


def _octets(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def chromium(playwright: Playwright, flags: Sequence[str] = BROWSER_FLAGS) -> Browser:
    """Start Debian's chromium without a window."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: apt-get install chromium"
    return playwright.chromium.launch(executable_path=path, args=list(flags))


def samples(frames: Sequence[bytes]) -> NDArray[np.float64]:
    """PCM frames as numbers between -1 and 1."""
    return np.frombuffer(b"".join(frames), "<i2").astype(np.float64) / 32768


def level(sound: NDArray[np.float64]) -> float:
    """The loudest 20 ms of a sound, as root mean square in dB below full scale."""
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    power = float(np.max(np.mean(blocks**2, axis=1), initial=0.0))
    return 10 * float(np.log10(max(power, 1e-12)))


def pitch(sound: NDArray[np.float64]) -> float:
    """The frequency in Hz that holds most of a sound's power."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * RATE / len(sound)
