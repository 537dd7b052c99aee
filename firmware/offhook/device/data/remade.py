"""What a data partition that was made anew says of itself: one small file in it, there from its first moment on."""

import json
import os
from pathlib import Path

NAME = "made-anew.json"
DATA = Path("/data")
_LONGEST = 4096


def encode(reason: str) -> bytes:
    """Return the file's content."""
    return json.dumps({"reason": reason}).encode() + b"\n"


def read_remade(folder: Path = DATA) -> str | None:
    """Return why the data partition mounted at ``folder`` was made anew; None where it was not, or is not there."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            reason = json.loads(file.read(_LONGEST))["reason"]
    except OSError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return "the reason cannot be read"
    return str(reason)
