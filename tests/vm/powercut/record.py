"""Records a virtual phone that writes: its cut disk lies on QEMU's ``blklogwrites`` filter.

The phone's own kernel and root are started without systemd, with one program: so a recording takes seconds, and nothing
else writes to the disk.
"""

import os
import subprocess
import time
from pathlib import Path

from imagebuild.facts import ImageFacts
from imagebuild.fat import FatFiles
from imagebuild.firmware import BootFirmware
from imagebuild.initrd import newc
from offhook.device.boot.slots import Scheme, files_for
from tests.vm.powercut import cutdisk
from tests.vm.powercut.replay import Recording

SERIAL = "powercut"
COMMAND = "/usr/lib/offhook/bin/python -I /run/powercut/recorder.py"
LOG_SIZE = 1024 * 1024 * 1024
_HERE = Path(__file__).parent
_FILE = 0o100644


def record(
    image: Path, folder: Path, workloads: dict[str, int], timeout: float = 300.0, more: tuple[str, ...] = ()
) -> Recording:
    """Run the workloads in a phone from ``image`` and cut its power; ``folder`` takes disk and log."""
    facts = ImageFacts.read(image)
    assert facts.arch == "amd64", "the recorder is run on amd64"
    disk = image / facts.disk
    with FatFiles(disk, "raw", facts.layout).reader() as reader:
        choice = BootFirmware(reader.read).choose(tryboot=False)
    (folder / "kernel").write_bytes(choice.kernel)
    (folder / "initramfs").write_bytes(_initramfs(choice.initramfs or b"", workloads))
    _make_disks(folder)
    command = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "512", "-accel", "tcg,thread=multi"]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{folder / 'console'}"]
    command += ["-kernel", str(folder / "kernel"), "-initrd", str(folder / "initramfs")]
    command += ["-append", "console=ttyS0 quiet", "-device", "virtio-rng-pci"]
    command += ["-drive", f"if=none,id=root,format=raw,file={disk},snapshot=on", "-device", "virtio-blk-pci,drive=root"]
    command += ["-blockdev", f"driver=file,node-name=cutfile,filename={folder / 'cut.img'}"]
    command += ["-blockdev", f"driver=file,node-name=cutlogfile,filename={folder / 'cut.log'}"]
    command += ["-blockdev", "driver=raw,node-name=cutraw,file=cutfile"]
    command += ["-blockdev", "driver=blklogwrites,node-name=cut,file=cutraw,log=cutlogfile,log-sector-size=512"]
    command += ["-device", f"virtio-blk-pci,drive=cut,serial={SERIAL}", *more]
    said = _until_it_ended(command, folder / "console", timeout)
    assert "powercut: ended with 0" in said, f"the recorder failed:\n{said[-3000:]}"
    return Recording.read(folder / "before.img", folder / "cut.log")


def _initramfs(image: bytes, workloads: dict[str, int]) -> bytes:
    """The image's initramfs and ours behind it: a file that is in both is the later one."""
    words = " ".join(f"{name}={count}" for name, count in workloads.items())
    own = [
        ("init", 0o100755, (_HERE / "init").read_bytes()),
        ("recorder.py", _FILE, (_HERE / "recorder.py").read_bytes()),
        ("command", _FILE, COMMAND.encode()),
        ("workloads", _FILE, words.encode()),
    ]
    return image + bytes(-len(image) % 4) + newc(own)


def _make_disks(folder: Path) -> None:
    places: dict[str, Scheme] = {"partition": "partition", "prefix": "prefix", "fat-anew": "prefix"}
    slots = [(folder, files_for(scheme, "a")) for folder, scheme in places.items()]
    files = {f"{folder}/{name}": data for folder, texts in slots for name, data in texts.items()}
    cutdisk.make(folder / "cut.img", files)
    cutdisk.run("cp", "--sparse=always", folder / "cut.img", folder / "before.img")
    with (folder / "cut.log").open("wb") as log:
        os.truncate(log.fileno(), LOG_SIZE)


def _until_it_ended(command: list[str], console: Path, timeout: float) -> str:
    machine = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + timeout
        said = ""
        while "powercut: ended with" not in said and time.monotonic() < end and machine.poll() is None:
            time.sleep(0.2)
            said = console.read_text(errors="replace") if console.exists() else ""
        return said
    finally:
        machine.kill()
        machine.wait(30)
