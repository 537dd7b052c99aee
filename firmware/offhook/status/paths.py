"""Where a phone listens for programs, and where programs look for it."""

import os
from pathlib import Path

NAME = "control.sock"
SYSTEM = Path("/run/offhook")


def runtime_socket() -> Path | None:
    """Return the control socket's place in the runtime directory; None where there is none.

    That is what systemd made for the service (RUNTIME_DIRECTORY, systemd.exec(5)), else the user's own.
    """
    service = os.environ.get("RUNTIME_DIRECTORY")
    if service:
        return Path(service.split(":")[0]) / NAME
    user = os.environ.get("XDG_RUNTIME_DIR")
    return Path(user) / "offhook" / NAME if user else None


def socket_to_ask() -> Path:
    """Return where a program finds the phone: in the user's runtime directory if one is there, else the service."""
    own = runtime_socket()
    return own if own is not None and (own.exists() or "RUNTIME_DIRECTORY" in os.environ) else SYSTEM / NAME
