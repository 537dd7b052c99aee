"""An address in the tests' network that no account knows, and the scanners that call from there.

The scanners are those of Debian's package ``sipvicious``, run as the programs that they are.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STRANGER_IP = "10.77.0.66"
_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ")


@contextmanager
def stranger() -> Iterator[str]:
    """Give the namespace the stranger's address."""
    ip = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "ip"
    subprocess.run([ip, "addr", "add", f"{STRANGER_IP}/32", "dev", "near"], check=True)
    try:
        yield STRANGER_IP
    finally:
        subprocess.run([ip, "addr", "del", f"{STRANGER_IP}/32", "dev", "near"], check=True)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner printed; ``statuses`` of the answers that it got, in order."""

    output: str

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in _STATUS.findall(self.output)]


def scan(tool: str, target: str, folder: Path, *options: str, seconds: float = 30.0) -> Scan:
    """Run ``svmap``, ``svwar`` or ``svcrack`` from the stranger's address against ``ip:port``, at most so long.

    svcrack goes on for as long as it gets any answer.
    """
    ip, _, port = target.rpartition(":")
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [tool, "-p", port, "-b", STRANGER_IP, "-x", STRANGER_IP, *options, ip],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": ""},
        cwd=folder,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return Scan(output)
