"""``offhook firstboot``: take over what is new in ``offhook.yaml`` on the boot partition.

Run by root at every start, before network and phone. Where nothing is new it reads a few small files and ends.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from offhook.config.disk import Directory
from offhook.device.card.firstboot import FirstBoot, Folder, Outcome
from offhook.device.card.placed import PlacedDirectory, Rights
from offhook.device.card.sshkeys import ensure_host_key, make_host_key
from offhook.errors import OffhookError

if TYPE_CHECKING:
    from offhook.device.card.bootfile import BootFile

EX_OK = 0
EX_IOERR = 74
EX_CONFIG = 78
_STATUS = {Outcome.FAULTY: EX_CONFIG, Outcome.CARD: EX_IOERR, Outcome.PARTLY: EX_IOERR}
STATE_FILES = {"hostname": Rights(0o644), "wifi-country": Rights(0o644), "overlays": Rights(0o644)}
ETC_FILES = {"offhook.yaml": Rights(0o640, "offhook"), "board.yaml": Rights(0o644), "ca.pem": Rights(0o644)}


def main(args: argparse.Namespace) -> int:
    """Take over a new boot file: exit 0, 78 where it has faults, 74 where something cannot be read or written."""
    from offhook.device.boot.bootpartition import BootPartition
    from offhook.device.boot.bootstate import read_boot_state
    from offhook.device.boot.overlaylines import settle
    from offhook.device.data.remade import read_remade

    def read(data: bytes, file: str, stored: Mapping[str, str]) -> "BootFile":
        from offhook.daemon.files import VALIDATORS
        from offhook.device.card.boards import BoardFolder
        from offhook.device.card.bootfile import read_boot_file

        return read_boot_file(data, file, BoardFolder(args.boards), stored, VALIDATORS)

    folders: dict[Folder, Directory] = {
        "etc": PlacedDirectory(args.etc, ETC_FILES),
        "connections": Directory(args.connections),
        "state": PlacedDirectory(args.state, STATE_FILES),
        "ssh": Directory(args.ssh),
    }
    try:
        remade = read_remade(args.data)
        outcome = FirstBoot(BootPartition(args.boot), folders, read, lambda: datetime.now(UTC), _say, remade).run()
        if ensure_host_key(folders["ssh"], make_host_key):
            _say("made the device's SSH host key")
        restart = settle(folders["state"], read_boot_state(), args.boot)
    except OffhookError as error:
        _say(str(error))
        return EX_IOERR
    if outcome is not Outcome.NOTHING:
        print(f"boot file: {outcome.value}")
    if restart:
        print("the board's overlays were written: they hold from the next start of the machine")
        if args.restart:
            _restart()
    return _STATUS.get(outcome, EX_OK)


def _restart() -> None:
    import subprocess

    subprocess.run(["systemctl", "reboot", "--no-block"], check=False)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
