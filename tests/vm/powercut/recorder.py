"""Runs in the virtual phone, by the phone's own Python: writes as the phone does, and says what must last.

``recorder.py DISK [WORKLOAD=COUNT ...]``. ``DISK1`` is a FAT partition, ``DISK2`` ext4, ``DISK3`` the place for marks:
after each step one sector of JSON is written there, past the page cache and without a flush. So the log of writes tells
where in it a step was acknowledged, and the mark itself makes nothing last.
"""

import asyncio
import json
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
FAT, DATA = Path("/run/powercut/fat"), Path("/run/powercut/data")
URL = "https://config.test/phone.yaml"


def document(number: int, wifi: bool = False) -> str:
    """A config file by its number; ``wifi``: a boot file, with secrets. Long enough for a few sectors."""
    notes = "".join(f"# line {line} of file {number}\n" for line in range(20 + 7 * (number % 9)))
    text = f"country: NO\nserial: '{number}'\naccounts:\n- {{name: a, uri: 'sip:{number}@pbx.test'"
    if not wifi:
        return f"{text}}}\n{notes}"
    network = f"network: {{hostname: phone-{number}, wifi: {{ssid: home, psk: secret-psk-{number:04}}}}}\n"
    board = "board: {kind: gpio, keypad: none, hook: {pin: 17}}\n"
    return f"{text}, user: me, password: secret-password-{number:04}}}\n{network}{board}{notes}"


def local_document() -> str:
    """The local config file of the workload ``provisioning``."""
    return f"{document(0)}provisioning: {{url: '{URL}', interval: 1h, keep_window_s: 60}}\n"


class Marks:
    """The place for marks."""

    def __init__(self, device: str) -> None:
        self._file = os.open(device, os.O_WRONLY | os.O_DIRECT)
        self._buffer = mmap.mmap(-1, SECTOR)  # direct writes want a page of their own

    def say(self, **words: object) -> None:
        """Write one mark."""
        self._buffer[:] = json.dumps(words).encode().ljust(SECTOR, b"\0")
        assert os.pwrite(self._file, self._buffer, 0) == SECTOR

    def end(self) -> None:
        """Flush the disk: QEMU counts what it recorded at a flush only."""
        os.fsync(self._file)


def store(marks: Marks, count: int) -> None:
    """Config after config, as the daemon remembers the last good one."""
    from offhook.config.disk import Directory
    from offhook.config.store import ConfigStore

    kept = ConfigStore(Directory(DATA / "store"))
    for number in range(1, count + 1):
        kept.remember_local(document(number).encode())
        marks.say(workload="store", number=number)


def provisioning(marks: Marks, count: int) -> None:
    """A config from afar: fetched, tried, kept; and so on, the phone starting anew in between."""
    from offhook.config.disk import Directory
    from offhook.config.store import ConfigStore
    from offhook.provisioning.fetch import Fetched
    from offhook.provisioning.service import ProvisioningService, Report
    from offhook.provisioning.start import Running, choose

    @dataclass
    class Server:
        number: int

        async def fetch(self, url: str, etag: str | None = None) -> Fetched:
            return Fetched(document(self.number).encode(), None)

    @dataclass
    class Phone:
        origin: str = ""

        def idle(self) -> bool:
            return True

        def in_service(self) -> bool:
            return self.origin == "candidate"

        async def switch(self, running: Running) -> None:
            self.origin = running.origin

    async def one(number: int) -> None:
        done = asyncio.Event()

        def report(line: Report) -> None:
            if line.state == "kept":
                marks.say(workload="provisioning", number=number)
                done.set()

        kept = ConfigStore(Directory(DATA / "provisioning"))
        choice = choose(local_document().encode(), "offhook.yaml", kept, {})
        service = ProvisioningService(
            choice,
            kept,
            Phone(choice.running.origin),
            Server(number),
            validators={},
            clock=time.monotonic,
            random=lambda: 0.5,
            report=report,
        )
        running = asyncio.create_task(service.run())
        service.poll_now()
        await asyncio.wait_for(done.wait(), 60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    for number in range(1, count + 1):
        asyncio.run(one(number))


def firstboot(marks: Marks, count: int) -> None:
    """A boot file from a PC, taken over at the next start; another, and so on."""
    from offhook.cli import main

    card, root = FAT / "firstboot", DATA / "firstboot"
    for number in range(1, count + 1):
        marks.say(workload="firstboot", number=number, begins=True)  # the PC writes: what is on the card is torn
        with (card / "offhook.yaml").open("w") as file:
            file.write(document(number, wifi=True))
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(card, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        marks.say(workload="firstboot", number=number, card=True)
        status = main(firstboot_command(card, root))
        assert status == 0, f"offhook firstboot ended with {status}: {(card / 'offhook-errors.txt').read_text()}"
        marks.say(workload="firstboot", number=number)


def firstboot_command(card: Path, root: Path) -> list[str]:
    """The words of ``offhook firstboot`` with all its folders below ``root``."""
    places = {"boot": card, "etc": root / "etc", "state": root / "state", "ssh": root / "ssh"}
    places |= {"connections": root / "connections", "boards": root / "boards"}
    return ["firstboot", *(word for name, path in places.items() for word in (f"--{name}", str(path)))]


def slots(marks: Marks, count: int) -> None:
    """Commit after commit, in both schemes."""
    from offhook.device.boot.bootpartition import BootPartition
    from offhook.device.boot.slotfiles import SlotFiles

    for number in range(1, count + 1):
        for scheme in ("partition", "prefix"):
            files = SlotFiles(scheme, BootPartition(FAT / scheme))
            marks.say(workload=scheme, number=number, begins=True)
            files.commit("b" if number % 2 else "a")
            marks.say(workload=scheme, number=number)


def in_place(marks: Marks, count: int) -> None:
    """A bad writer: empties the file and writes it again."""
    for number in range(1, count + 1):
        (DATA / "in-place").write_text(document(number))
        marks.say(workload="in-place", number=number)
        time.sleep(0.02)


def no_sync(marks: Marks, count: int) -> None:
    """A bad writer: a new file and a rename, without a flush."""
    for number in range(1, count + 1):
        (DATA / "no-sync.new").write_text(document(number))
        (DATA / "no-sync.new").rename(DATA / "no-sync")
        marks.say(workload="no-sync", number=number)
        time.sleep(0.02)


def fat_anew(marks: Marks, count: int) -> None:
    """A bad writer: makes the slot files anew, flushed, where the phone changes one sector."""
    from offhook.device.boot.slots import files_for

    for number in range(1, count + 1):
        marks.say(workload="fat-anew", number=number, begins=True)
        for name, data in files_for("prefix", "b" if number % 2 else "a").items():
            with (FAT / "fat-anew" / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        marks.say(workload="fat-anew", number=number)


WORKLOADS: dict[str, Callable[[Marks, int], None]] = {
    "store": store,
    "provisioning": provisioning,
    "firstboot": firstboot,
    "slots": slots,
    "in-place": in_place,
    "no-sync": no_sync,
    "fat-anew": fat_anew,
}


def main(arguments: list[str]) -> None:
    """Mount both partitions, run the workloads one after the other, and leave everything as it is."""
    disk, *wanted = arguments
    for folder, kind, part, options in (
        (FAT, "vfat", 1, "noatime"),
        (DATA, "ext4", 2, "noatime,noauto_da_alloc,commit=1"),  # without ext4's help for those who do not flush
    ):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, "-o", options, f"{disk}{part}", str(folder)], check=True)
    marks = Marks(f"{disk}3")
    for word in wanted:
        name, _, count = word.partition("=")
        WORKLOADS[name](marks, int(count))
    marks.end()


if __name__ == "__main__":
    main(sys.argv[1:])
