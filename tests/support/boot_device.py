"""A phone's disks and the card of its boot file; each start of it takes over what is new."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product

from offhook.device.card.bootfile import BootFile
from offhook.device.card.firstboot import TARGETS, FirstBoot, Folder, Outcome
from tests.support.boot_files import WHOLE, read
from tests.support.cut_card import CutCard, Power, PoweredDisk

FOLDERS: tuple[Folder, ...] = ("etc", "connections", "state", "ssh")
Files = dict[str, bytes]


@dataclass
class Device:
    """A phone's disks; ``start`` is one boot."""

    card: CutCard
    disks: dict[Folder, PoweredDisk]
    lines: list[str] = field(default_factory=list)
    remade: str | None = None

    @classmethod
    def holding(cls, card: Files, disks: dict[Folder, Files] | None = None, cut_after: int | None = None) -> "Device":
        power = Power(cut_after)
        made = {name: PoweredDisk(power=power) for name in FOLDERS}
        for name, files in (disks or {}).items():
            made[name].files, made[name].durable = dict(files), dict(files)
        return cls(CutCard.holding(card, power), made)

    @property
    def power(self) -> Power:
        return self.card.power

    def start(self) -> Outcome:
        def now() -> datetime:
            return datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

        def known(data: bytes, name: str, kept: Mapping[str, str]) -> BootFile:
            return read(data, kept, name)

        return FirstBoot(self.card, self.disks, known, now, self.lines.append, self.remade).run()

    def target(self, name: str) -> bytes | None:
        folder, file = TARGETS[name]
        return self.disks[folder].files.get(file)

    def targets(self) -> dict[str, bytes]:
        return {name: data for name in TARGETS if (data := self.target(name)) is not None}

    def content(self) -> tuple[Files, dict[Folder, Files]]:
        return dict(self.card.files), {name: dict(disk.files) for name, disk in self.disks.items()}

    def outcomes(self, rng: random.Random) -> Iterator[tuple[Files, dict[Folder, Files]]]:
        """What may be found on all disks when power is back."""
        cards = list(self.card.outcomes(rng))
        folders = product(*(list(self.disks[name].outcomes()) for name in FOLDERS))
        for card, found in product(cards, list(folders)):
            yield card, dict(zip(FOLDERS, found, strict=True))


def applied(text: str = WHOLE) -> Device:
    device = Device.holding({"offhook.yaml": text.encode()})
    assert device.start() is Outcome.APPLIED
    return device
