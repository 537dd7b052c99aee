"""The slot files on the boot partition: what would start, what would be tried, and the commit."""

from offhook.device.boot.bootpartition import Card, write_sector
from offhook.device.boot.slots import Choice, Scheme, Slot, SlotError, choice_in, file_names, files_for, other


class SlotFiles:
    """``card`` is the first FAT partition, writable by now. Each method raises SlotError or CardError."""

    def __init__(self, scheme: Scheme, card: Card) -> None:
        self.scheme = scheme
        self._card = card

    def choice(self) -> Choice:
        """Return what the firmware would start now."""
        read = {name: self._card.read(name) for name in file_names(self.scheme)}
        return choice_in(self.scheme, {name: data for name, data in read.items() if data is not None})

    def prepare(self, slot: Slot) -> None:
        """See to it that ``reboot "0 tryboot"`` starts ``slot``; the primary slot stays what it is."""
        if self.choice().primary == slot:
            raise SlotError(f"slot {slot} is the one that starts already: nothing is to be tried")
        self._write(other(slot))

    def commit(self, slot: Slot) -> None:
        """Make ``slot`` the primary one. One sector decides; a cut later on leaves no slot to try, and no harm."""
        self.choice()  # what is not understood is not overwritten
        self._write(slot)

    def _write(self, primary: Slot) -> None:
        for name, data in files_for(self.scheme, primary).items():
            write_sector(self._card, name, data)
