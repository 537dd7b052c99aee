"""Runs the tools that images are built and started with, and speaks to those that go on running."""

import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from imagebuild.errors import BuildError


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 1800.0,
) -> str:
    """Run a tool and return what it printed. Raises BuildError with the end of what it complained of."""
    words = [str(word) for word in command]
    given = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(words, input=given or b"", capture_output=True, env=env, cwd=cwd, timeout=timeout)
    except FileNotFoundError as error:
        raise BuildError(
            f"{error.filename} is not there: run this through ./dev, which installs what it needs"
        ) from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"`{' '.join(words[:4])} ...` did not end within {timeout:g} s: try again") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-12:]
        told = "\n    ".join(said)
        raise BuildError(f"`{' '.join(words[:6])} ...` ended with {done.returncode}:\n    {told}")
    return done.stdout.decode(errors="replace")


def connected(path: Path) -> socket.socket:
    """A connection to what listens at this path (unix(7)). Raises OSError when nobody does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection
