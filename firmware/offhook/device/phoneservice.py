"""The phone as a service of the machine: which process it is, its restart, and the files of versions before."""

import shutil
from pathlib import Path

from offhook.device.systemctl import systemctl
from offhook.errors import DeviceError

_UNIT = "offhook.service"
_RESTART_LIMIT_S = 240.0  # it has 10 s to stop and 180 to start
KEPT = Path("/usr/lib/offhook.kept")
"""``KEPT.PID`` holds the files of a version for as long as the phone of this process runs by them (preinst)."""


class PhoneService:
    """Each method raises DeviceError."""

    def __init__(self, kept: Path = KEPT) -> None:
        self._kept = kept

    def pid(self) -> int:
        """Return the phone's process, 0 where none runs."""
        said = systemctl("show", "--property=MainPID", "--value", _UNIT)
        try:
            return int(said)
        except ValueError:
            raise DeviceError(f"systemctl does not say which process {_UNIT} is, but {said!r}") from None

    def restart(self, pid: int) -> bool:
        """Restart the phone if it is still this process; return whether it was. Files that nobody needs are removed."""
        same = self.pid() == pid
        if same:
            systemctl("try-restart", _UNIT, limit_s=_RESTART_LIMIT_S)
        # Listed before it is asked who runs: what an upgrade keeps from now on is not touched.
        kept = list(self._kept.parent.glob(f"{self._kept.name}.*"))
        needed = f"{self._kept.name}.{self.pid()}"
        for folder in kept:
            if folder.name != needed:
                shutil.rmtree(folder, ignore_errors=True)
        return same
