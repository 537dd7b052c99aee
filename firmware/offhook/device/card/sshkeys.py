"""The device's own SSH keys, made when somebody may log in and not before."""

from collections.abc import Callable
from pathlib import Path

from offhook.config.disk import FileOperations, write_atomically
from offhook.errors import OffhookError

AUTHORIZED_KEYS = "authorized_keys"
HOST_KEY = "ssh_host_ed25519_key"

KeyMaker = Callable[[], tuple[bytes, bytes]]
"""Makes a key pair: the private file's content, and the public one's."""


class HostKeyError(OffhookError):
    """No key can be made."""


def ensure_host_key(folder: FileOperations, make: KeyMaker) -> bool:
    """Make the host key where keys may log in and there is none that is whole; return whether one was made.

    Raises OffhookError where none can be made or written.
    """
    if not folder.read(AUTHORIZED_KEYS) or _whole(folder.read(HOST_KEY)):
        return False
    private, public = make()
    write_atomically(folder, f"{HOST_KEY}.pub", public)
    write_atomically(folder, HOST_KEY, private)
    return True


def make_host_key() -> tuple[bytes, bytes]:
    """Make an Ed25519 key pair with ssh-keygen(1). The unit's TMPDIR is in memory."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="offhook-ssh-") as folder:
        path = Path(folder) / HOST_KEY
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "offhook", "-f", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            return path.read_bytes(), path.with_suffix(".pub").read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise HostKeyError(f"ssh-keygen made no host key ({error}): install openssh-server") from error


def _whole(key: bytes | None) -> bool:
    lines = (key or b"").splitlines()
    return len(lines) > 2 and lines[0].startswith(b"-----BEGIN") and lines[-1].startswith(b"-----END")
