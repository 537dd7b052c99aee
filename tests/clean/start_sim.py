"""Start ``./dev sim`` as a new user does, call the built-in echo at 100 through the board socket, and end it."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEV = Path(__file__).resolve().parents[2] / "dev"


def main() -> int:
    """Return 0 when the call to 100 came up and the phone ended in time."""
    folder = Path(tempfile.mkdtemp(prefix="offhook-"))
    command = [
        str(DEV),
        "sim",
        "--no-web",
        "--board-socket",
        str(folder / "board"),
        "--state-dir",
        str(folder / "state"),
    ]
    phone = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        return call_echo(folder / "board", phone)
    finally:
        phone.send_signal(signal.SIGTERM)
        status = phone.wait(10)
        sys.stderr.write(f"offhook sim ended with {status}\n")


def call_echo(path: Path, phone: "subprocess.Popen[bytes]") -> int:
    """Lift, dial 100, wait for speech."""
    client = socket.socket(socket.AF_UNIX)
    end = time.monotonic() + 60
    while True:
        try:
            client.connect(str(path))
            break
        except OSError:
            if time.monotonic() > end or phone.poll() is not None:
                raise
            time.sleep(0.1)
    lines = client.makefile("rw", encoding="utf-8")

    def ask(**request: object) -> dict[str, object]:
        lines.write(json.dumps(request) + "\n")
        lines.flush()
        answer: dict[str, object] = json.loads(lines.readline())
        if not answer.get("ok"):
            raise SystemExit(f"{request}: {answer}")
        return answer

    time.sleep(2)  # the exchange takes the registration
    ask(do="lift")
    time.sleep(0.5)
    ask(do="dial", keys="100")
    while time.monotonic() < end:
        status = ask(do="status")["status"]
        calls = status["calls"] if isinstance(status, dict) else []
        if calls and calls[0]["state"] == "talking" and calls[0]["rx"] > 50:
            sys.stderr.write(f"talking: {json.dumps(calls[0])}\n")
            ask(do="hang_up")
            return 0
        time.sleep(0.2)
    raise SystemExit("the call to 100 did not come up")


if __name__ == "__main__":
    sys.exit(main())
