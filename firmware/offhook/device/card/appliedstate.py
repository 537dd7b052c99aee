"""What root remembers of the boot file: which one is applied, its secrets, and what is not finished yet.

One small file, written atomically. The moment it is on the disk, a boot file counts: whatever a power cut interrupts
after that is done at the next start from here.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field

from offhook.config.disk import FileOperations, write_atomically

NAME = "firstboot.json"
WIFI = "wifi"
"""The name under which the secret of the Wi-Fi network is kept; the others belong to the phone's config."""
_FORMAT = 1

Outputs = dict[str, bytes | None]
"""Content of each file that is to be written, by the name of its target; None: it is removed."""


@dataclass(frozen=True, slots=True)
class Strip:
    """The boot file with its secrets, and without: the former is to become the latter."""

    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class AppliedState:
    """All that is remembered.

    Attributes:
        seen: digest of the boot file that is applied, as it lies on the card.
        refused: digest of the last file with faults, offhook's version in it.
        applied: targets that come from the boot file.
        secrets: what stood in it where it says that it is stored, by name.
        pending: what is still to be written.
        strip: what is still to be taken from the card.
        words: what the file was about, for the note on the card.
    """

    seen: str | None = None
    refused: str | None = None
    applied: frozenset[str] = frozenset()
    secrets: dict[str, str] = field(default_factory=dict)
    pending: Outputs | None = None
    strip: Strip | None = None
    words: tuple[str, ...] = ()


def digest_of(*parts: bytes) -> str:
    """Return the digest by which a file is known."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def load_state(files: FileOperations) -> AppliedState:
    """Return what is remembered; nothing where the file is missing or not whole."""
    try:
        fields = json.loads(files.read(NAME) or b"")
        pending, strip = fields["pending"], fields["strip"]
        return AppliedState(
            _text(fields["seen"]),
            _text(fields["refused"]),
            frozenset(str(each) for each in fields["applied"]),
            {str(name): str(text) for name, text in fields["secrets"].items()},
            None if pending is None else {str(name): _bytes(text) for name, text in pending.items()},
            None if strip is None else Strip(_bytes(strip["old"]) or b"", _bytes(strip["new"]) or b""),
            tuple(str(each) for each in fields["words"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        return AppliedState()


def save_state(files: FileOperations, state: AppliedState) -> None:
    """Make ``state`` the one that is found after a power cut. Raises StoreError."""
    pending = state.pending
    fields = {
        "format": _FORMAT,
        "seen": state.seen,
        "refused": state.refused,
        "applied": sorted(state.applied),
        "secrets": state.secrets,
        "pending": None if pending is None else {name: _base64(data) for name, data in pending.items()},
        "strip": None if state.strip is None else {"old": _base64(state.strip.old), "new": _base64(state.strip.new)},
        "words": list(state.words),
    }
    write_atomically(files, NAME, json.dumps(fields, sort_keys=True).encode())


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _bytes(value: object) -> bytes | None:
    return None if value is None else base64.b64decode(str(value), validate=True)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
