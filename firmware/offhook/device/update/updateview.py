"""What the status says of slots and updates: what root wrote down, read again when it changed."""

import os
from collections.abc import Mapping
from pathlib import Path

from offhook.device.boot.bootstate import BootState, read_boot_state
from offhook.device.update.machine import image_version
from offhook.device.update.updaterecord import FOLDER, NAME, Record, decode
from offhook.device.update.updatestate import Phase

_LONGEST = 65536


class UpdateView:
    """``root``: where this machine's files begin."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._place = root / FOLDER.relative_to("/") / NAME
        self.boot: BootState | None = read_boot_state(root)
        self.version = image_version(root / "etc/os-release")
        self._seen: tuple[int, int, int] | None = None
        self._record = Record()

    def record(self) -> Record:
        """Return what root wrote last; an empty record where there is none that can be read."""
        try:
            facts = os.stat(self._place)
            seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
            if seen != self._seen:
                with self._place.open("rb") as file:
                    self._record = decode(file.read(_LONGEST))
                self._seen = seen
        except OSError:
            self._record, self._seen = Record(), None
        return self._record

    def to_json(self) -> Mapping[str, str | float | bool | None]:
        """Return the ``update`` part of the status object; ``slot`` is None on a machine without slots."""
        if self.boot is None:
            return {"slot": None}
        record = self.record()
        return {
            "slot": self.boot.slot,
            "scheme": self.boot.scheme,
            "trial": self.boot.trial and record.phase is Phase.TRYING,
            "version": self.version,
            "phase": record.phase.value,
            "to_slot": record.slot,
            "to_version": record.version,
            "reason": record.reason,
            "stage": record.stage,
            "changed": record.changed,
        }
