"""The machine under the phone, as updates see it: its boot partition, its restarts, the phone that runs on it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from offhook.config.disk import Directory
from offhook.device.boot.bootcopy import copy_boot_files
from offhook.device.boot.bootpartition import BootPartition
from offhook.device.boot.bootstate import BootState, read_boot_state
from offhook.device.boot.mounts import BY_NAME, mounted, writable
from offhook.device.boot.overlaylines import CONFIG, put_overlays, wanted_overlays
from offhook.device.boot.slotfiles import SlotFiles
from offhook.device.boot.slots import Slot, SlotError
from offhook.device.systemctl import systemctl
from offhook.device.update.quiet import Status, in_use
from offhook.device.update.request import UpdateRequest
from offhook.device.update.updaterecord import BUNDLE, FOLDER
from offhook.errors import DeviceError, OffhookError

BOOT = Path("/boot/firmware")
SETTLED = Path("/run/offhook-trial-settled")
_LOCK = Path("/run/offhook-update.lock")
_OS_RELEASE = Path("/etc/os-release")


class Machine:
    """Implements what ``Starter`` (``trial.py``) and ``Updater`` ask of the machine."""

    def __init__(self, boot: BootState, status: Callable[[], Status | None] = lambda: None) -> None:
        self.boot = boot
        self.status = status

    @contextmanager
    def slot_files(self) -> Iterator[SlotFiles]:
        """Give the slot files to be read and written while the block runs. Raises CardError."""
        card = BootPartition(BOOT)
        with card.changing():
            yield SlotFiles(self.boot.scheme, card)

    def primary(self) -> Slot:
        """Return the slot that starts. Raises SlotError, CardError."""
        return SlotFiles(self.boot.scheme, BootPartition(BOOT)).choice().primary

    def prepare(self, slot: Slot) -> None:
        """See :class:`offhook.device.update.updater.Machine`."""
        with self.slot_files() as files:
            files.prepare(slot)

    def commit(self, slot: Slot) -> None:
        """See :class:`offhook.device.update.trial.StartActions`."""
        with self.slot_files() as files:
            files.commit(slot)

    def settled(self) -> None:
        """See :class:`offhook.device.update.trial.StartActions`."""
        SETTLED.touch()

    def restart(self) -> None:
        """See :class:`offhook.device.update.trial.StartActions`."""
        systemctl("reboot")

    def restart_to_try(self) -> None:
        """See :class:`offhook.device.update.updater.Machine`: the argument goes to the firmware by reboot(2)."""
        systemctl("reboot", "--reboot-argument=0 tryboot")

    def resume(self) -> None:
        """See :class:`offhook.device.update.trial.StartActions`."""
        systemctl("start", "--no-block", "offhook-update.service")

    def drop_bundle(self, bundle: Path = BUNDLE, lock: Path = _LOCK) -> None:
        """See :class:`offhook.device.update.trial.StartActions`."""
        with suppress(OSError, OffhookError), alone(lock):
            bundle.unlink(missing_ok=True)

    def fetch(self, request: UpdateRequest, target: Path) -> None:
        """See :class:`offhook.device.update.updater.Machine`."""
        from offhook.device.update.fetching import Download

        Download(request.url, target, lambda: in_use(self.status()), ca_file=request.ca_file).run()

    def minute(self) -> int:
        """See :class:`offhook.device.update.updater.Machine`."""
        now = time.localtime()
        return now.tm_hour * 60 + now.tm_min

    def copy_boot_files(self, root_device: Path, slot: Slot) -> None:
        """Copy the boot files of a root that was written to where the firmware looks for them.

        The board's overlays are added: the new slot must have the sound card that this one has. Raises DeviceError,
        CardError, StoreError.
        """
        if slot == self.boot.slot:
            raise DeviceError(f"slot {slot} is the one that runs: its boot files stay as they are")
        with mounted(root_device, read_only=True) as root:
            if self.boot.scheme == "prefix":
                with writable(BOOT) as folder:
                    copy_boot_files(root, folder / slot, slot, "prefix")
            else:
                with mounted(BY_NAME / f"boot_{slot}", read_only=False) as folder:
                    copy_boot_files(root, folder, slot, "partition")
                    put_overlays(BootPartition(folder), CONFIG, wanted_overlays(Directory(FOLDER)) or ())


def this_machine(status: Callable[[], Status | None] = lambda: None) -> Machine:
    """Return this machine. Raises SlotError where it has no slots."""
    boot = read_boot_state()
    if boot is None:
        raise SlotError("this machine has no two slots (it was not started from an image of ours): update it by apt")
    return Machine(boot, status)


def image_version(os_release: Path = _OS_RELEASE) -> str:
    """Return the version of the image that runs (``IMAGE_VERSION``, os-release(5)), empty where there is none."""
    try:
        lines = os_release.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return ""
    found = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith("IMAGE_VERSION=")]
    return found[-1] if found else ""


@contextmanager
def alone(lock: Path = _LOCK) -> Iterator[None]:
    """Be the only updater while the block runs. Raises OffhookError where there is another."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OffhookError("an update is under way already: `offhook status` shows it") from None
        yield
    finally:
        os.close(descriptor)
