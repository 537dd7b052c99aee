"""The phone's own UUID, made once and kept in the state directory (:rfc:`4122#section-4.4`)."""

import logging
import uuid
from pathlib import Path

_log = logging.getLogger(__name__)


def device_uuid(state_dir: Path) -> str:
    """Return the kept UUID, or make one; where it cannot be kept it serves until the next start."""
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
        # A card that has become read-only must not take the phone away.
        _log.error(
            "cannot write %s: %s; nothing is remembered: give a directory that this user may write with --state-dir",
            path,
            error.strerror,
        )
    return made
