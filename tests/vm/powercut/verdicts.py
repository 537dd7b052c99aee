"""What a disk after a power cut is worth: every workload's own question, asked as the next start of the phone would."""

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebuild.writelog import Acknowledged
from offhook.cli import main
from offhook.config.disk import Directory
from offhook.config.store import ConfigStore
from offhook.device.boot.bootpartition import BootPartition
from offhook.device.boot.slotfiles import SlotFiles
from offhook.device.boot.slots import Scheme, Slot
from offhook.provisioning.start import choose
from tests.vm.powercut.recorder import document, firstboot_command, local_document


class BadError(AssertionError):
    """What must not be after a cut."""


@dataclass(frozen=True, slots=True)
class Remains:
    """The disk's files, copied out: those of the FAT partition and those of ext4, which may be changed.

    ``promised``: by workload the number of the last step that was acknowledged before the cut, and ``during`` what
    was under way.
    """

    fat: Path
    data: Path
    promised: Mapping[str, int]
    during: Mapping[str, str]


def promised(marks: Sequence[Acknowledged], position: int) -> tuple[dict[str, int], dict[str, str]]:
    """What was acknowledged before entry ``position``, and what the last mark of each workload says is under way."""
    numbers: dict[str, int] = {}
    during: dict[str, str] = {}
    for mark in marks:
        if mark.position >= position:
            break
        workload, number = str(mark.said["workload"]), int(str(mark.said["number"]))
        phase = "begins" if "begins" in mark.said else "card" if "card" in mark.said else ""
        during[workload] = phase
        if not phase:
            numbers[workload] = number
    return numbers, during


def store(remains: Remains) -> None:
    """The last good config is whole, and not older than was acknowledged."""
    least = remains.promised.get("store", 0)
    kept = ConfigStore(Directory(remains.data / "store"))
    if kept.state.local is None:
        _must(least == 0, "the last good config is gone")
        return
    text = kept.text(kept.state.local)
    _must(text is not None, "the last good config is not whole")
    _not_older(_number(text or b""), least, "the last good config")


def provisioning(remains: Remains) -> None:
    """The phone starts, on a config from afar that is not older than the one that was kept."""
    least = remains.promised.get("provisioning", 0)
    kept = ConfigStore(Directory(remains.data / "provisioning"))
    choice = choose(local_document().encode(), "offhook.yaml", kept, {})
    _not_older(int(choice.running.config.serial or 0), least, "the config that the phone starts on")
    _not_older(int(choice.last_good.config.serial or 0), least, "the config to go back to")


def firstboot(remains: Remains) -> None:
    """Old or applied, never torn; and the next start brings it to applied, with no secret left on the card."""
    during = remains.during.get("firstboot")
    if during is None:
        return
    card, root = remains.fat / "firstboot", remains.data / "firstboot"
    least = remains.promised.get("firstboot", 0)
    config = root / "etc" / "offhook.yaml"
    if config.exists():
        _not_older(_number(config.read_bytes()), least, "the config in /etc/offhook")
    else:
        _must(least == 0, "the config in /etc/offhook is gone")
    if during == "begins":
        return  # the card was pulled out of the PC too early: what the file holds is anything
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = main(firstboot_command(card, root))
    _must(status == 0, f"the next start cannot take over what is on the card: {said.getvalue()}")
    number = least + (during == "card")
    _must(_number(config.read_bytes()) == number, "the next start takes over another file than the card's")
    _must(b"secret" not in (card / "offhook.yaml").read_bytes(), "a secret stays on the card")
    _must(f"secret-password-{number:04}".encode() in config.read_bytes(), "the account's password is lost")
    wifi = (root / "connections" / "offhook-wifi.nmconnection").read_bytes()
    _must(f"secret-psk-{number:04}".encode() in wifi, "the Wi-Fi password is lost")


def _slots(scheme: Scheme, name: str) -> Callable[[Remains], None]:
    def verdict(remains: Remains) -> None:
        """A slot starts: the one that was committed last, or the one whose commit was under way."""
        primary = SlotFiles(scheme, BootPartition(remains.fat / name)).choice().primary
        committed: Slot = "b" if remains.promised.get(name, 0) % 2 else "a"
        _must(
            primary == committed or remains.during.get(name) == "begins",
            f"slot {primary} starts, and slot {committed} was committed",
        )

    return verdict


def _plain(name: str) -> Callable[[Remains], None]:
    def verdict(remains: Remains) -> None:
        """A file is whole, and not older than was written."""
        path, least = remains.data / name, remains.promised.get(name, 0)
        _must(path.exists() or least == 0, f"{name} is gone")
        if path.exists():
            _not_older(_number(path.read_bytes()), least, name)

    return verdict


GOOD: Mapping[str, Callable[[Remains], None]] = {
    "store": store,
    "provisioning": provisioning,
    "firstboot": firstboot,
    "partition": _slots("partition", "partition"),
    "prefix": _slots("prefix", "prefix"),
}
"""The phone's own writers, by workload."""
BAD: Mapping[str, Callable[[Remains], None]] = {
    "in-place": _plain("in-place"),
    "no-sync": _plain("no-sync"),
    "fat-anew": _slots("prefix", "fat-anew"),
}
"""Writers that a power cut finds out."""


def _number(text: bytes) -> int:
    """The number of a document that is whole; a first boot changes its form, and keeps its serial."""
    try:
        lines = text.decode().splitlines()
    except UnicodeDecodeError:
        raise BadError("torn: no text") from None
    found = next((line for line in lines if line.startswith("serial:")), "")
    digits = "".join(character for character in found if character.isdecimal())
    if not digits:
        raise BadError(f"torn: {len(text)} bytes and no serial")
    number = int(digits)
    if lines[-1] != document(number).splitlines()[-1]:
        raise BadError(f"torn: {len(text)} bytes, the end is missing")
    return number


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BadError(otherwise)


def _not_older(number: int, least: int, what: str) -> None:
    _must(number >= least, f"{what} went back to {number}, and {least} was acknowledged")
