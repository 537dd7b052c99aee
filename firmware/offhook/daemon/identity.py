"""The phone's own UUID, made once and kept in the state directory (:rfc:`4122#section-4.4`)."""

import uuid
from pathlib import Path

from offhook.errors import OffhookError


def device_uuid(state_dir: Path) -> str:
    """Return the kept UUID, or make and keep one. Raises OffhookError where the directory cannot be written."""
    path = state_dir / "device-uuid"
    try:
        return str(uuid.UUID(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        pass
    made = str(uuid.uuid4())
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        path.write_text(made + "\n", encoding="ascii")
    except OSError as error:
        raise OffhookError(
            f"cannot write {path}: {error.strerror}; give a directory that this user may write with --state-dir"
        ) from error
    return made
