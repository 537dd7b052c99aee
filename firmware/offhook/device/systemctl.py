"""What is asked of the service manager (systemctl(1))."""

import subprocess

from offhook.errors import DeviceError

_LIMIT_S = 30.0


def systemctl(*words: str, limit_s: float = _LIMIT_S) -> str:
    """Run it to its end, and return what it says. Raises DeviceError."""
    try:
        done = subprocess.run(["systemctl", *words], check=True, capture_output=True, text=True, timeout=limit_s)
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else ""
        raise DeviceError(f"`systemctl {' '.join(words)}` failed: {said or error}") from error
    return done.stdout.strip()
