"""Switching the machine off: the phone itself has no right to, so it asks the service manager."""

import os
import subprocess
import time
from pathlib import Path

from offhook.errors import DeviceError

NAME = "poweroff-request"
"""In the service's runtime directory; ``systemd/offhook-poweroff.path`` watches it."""

_LIMIT = 5.0
_LOOK_EVERY = 0.05


def power_off_by_systemd() -> None:
    """Have the machine switched off in order; blocks for 5 s at most. Raises DeviceError where nobody does it.

    As a service (RUNTIME_DIRECTORY, systemd.exec(5)) by a file that a root unit takes away, else by systemctl(1).
    """
    folder = os.environ.get("RUNTIME_DIRECTORY")
    if folder:
        _ask(Path(folder.split(":")[0]) / NAME)
    else:
        _command("systemctl", "--no-ask-password", "poweroff")


def _ask(request: Path, limit: float = _LIMIT) -> None:
    try:
        request.touch()
    except OSError as error:
        raise DeviceError(
            f"the device cannot be switched off, {request} cannot be written ({error.strerror}): restart the phone"
        ) from error
    end = time.monotonic() + limit
    while request.exists():
        if time.monotonic() > end:
            request.unlink(missing_ok=True)
            raise DeviceError(
                "the device cannot be switched off, nobody takes the request:"
                " systemctl enable --now offhook-poweroff.path"
            )
        time.sleep(_LOOK_EVERY)


def _command(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT)
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else ""
        raise DeviceError(
            f"the device cannot be switched off ({said or error}): start the phone as a service, or as root"
        ) from error
