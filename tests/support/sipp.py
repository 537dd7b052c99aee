"""SIPp's own scenarios against the phone."""

import re
from pathlib import Path

from tests.support.child import Child
from tests.support.netns import SERVER_IP


class Sipp:
    """A run of a built-in scenario (``uac`` calls ``target``, ``uas`` is called), or of one in a file named ``.xml``.

    A call begins every ``every_ms``, and at most ``together`` are up at once; ``finish`` says how it went.
    """

    def __init__(
        self,
        folder: Path,
        scenario: str,
        calls: int,
        port: int,
        target: str | None = None,
        every_ms: int = 2000,
        duration_ms: int = 200,
        transport: str = "u1",
        user: str = "1001",
        together: int = 1,
        media_port: int = 6000,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        kind = "-sf" if scenario.endswith(".xml") else "-sn"
        command = ["sipp", kind, scenario, "-i", SERVER_IP, "-p", str(port), "-m", str(calls), "-t", transport]
        command += ["-nostdin", "-trace_err", "-error_file", str(folder / "errors.log")]
        command += ["-mi", SERVER_IP, "-mp", str(media_port)]
        if target is not None:
            command += [target, "-s", user, "-l", str(together), "-r", "1", "-rp", str(every_ms)]
            command += ["-d", str(duration_ms)]
        self.folder = folder
        self._child = Child(command, folder / "sipp.log", {"TERM": "dumb"}, cwd=folder)

    def running(self) -> bool:
        """Whether calls are still to come."""
        return self._child.process.poll() is None

    def finish(self, timeout: float) -> tuple[int, int]:
        """Wait for its end; returns the numbers of successful and failed calls."""
        self._child.wait(timeout)
        screens = self._child.output()

        def last(title: str) -> int:
            found = re.findall(rf"{title}\s*\|\s*\d+\s*\|\s*(\d+)", screens)
            if not found:
                raise self._child.complain(f"no line '{title}' in its last screen")
            return int(found[-1])

        return last("Successful call"), last("Failed call")

    def errors(self) -> str:
        """What it noted about messages that it did not expect."""
        path = self.folder / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def __enter__(self) -> "Sipp":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
