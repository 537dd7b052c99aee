"""The board's ``dtoverlay=`` lines in the boot firmware's own file, where a sound HAT is switched on.

They are the last part of that file (:mod:`offhook.config.boottext`). What stands above them is never touched: a power
cut may garble the board's part, and the phone still starts and writes it again. The file is never cut short either;
line ends fill it up.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from offhook.config.boottext import overlays_of, with_overlays
from offhook.config.disk import FileOperations, write_atomically
from offhook.device.boot.bootpartition import BootPartition, Card, write_over
from offhook.device.boot.bootstate import BootState
from offhook.device.boot.slots import SLOTS
from offhook.errors import DeviceError

NAME = "overlays"
"""File in root's own state: one overlay a line, from the board file that first boot wrote."""
DONE = "overlays.done"
"""Its content once the boot texts say so too."""
CONFIG, PHONE = "config.txt", "phone.txt"
MOST_BYTES = 64 * 1024


def wanted_overlays(state: FileOperations) -> tuple[str, ...] | None:
    """Return the overlays of the board that first boot wrote; None where it wrote none."""
    data = state.read(NAME)
    return None if data is None else tuple(data.decode("ascii", "replace").split("\n")[:-1])


def overlays_data(overlays: tuple[str, ...]) -> bytes:
    """Return the content of :data:`NAME`."""
    return "".join(f"{overlay}\n" for overlay in overlays).encode("ascii", "replace")


def put_overlays(card: Card, name: str, overlays: tuple[str, ...]) -> bool:
    """Make a boot text end with these overlays; return whether it was changed. Raises CardError.

    A text that is not there, or that is none, stays as it is.
    """
    data = card.read(name)
    if data is None or len(data) > MOST_BYTES:
        return False
    # Behind a NUL stands what a power cut left of the board's part: nothing else ever writes there.
    text = data.partition(b"\0")[0].decode("latin-1")
    if overlays_of(text) == overlays and b"\0" not in data:
        return False
    new = with_overlays(text, overlays).encode("latin-1")
    with card.changing():
        write_over(card, name, new.ljust(len(data), b"\n"))
    return True


@contextmanager
def boot_texts(boot: BootState | None, folder: Path) -> Iterator[list[tuple[Card, str]]]:
    """Give the boot texts of this machine, each with its partition, while the block runs.

    ``folder``: the boot partition. Scheme ``prefix``: both slots include ``phone.txt``; ``partition``: each slot has a
    ``config.txt`` on its own partition; no slots: Raspberry Pi OS. Raises DeviceError.
    """
    with ExitStack() as stack:
        if boot is None:
            yield [(BootPartition(folder), CONFIG)]
        elif boot.scheme == "prefix":
            yield [(BootPartition(folder), PHONE)]
        else:
            from offhook.device.boot.mounts import BY_NAME, mounted

            devices = [BY_NAME / f"boot_{slot}" for slot in SLOTS]
            there = [device for device in devices if device.exists()]
            if not there:
                raise DeviceError(f"{devices[0]} is not there: the board's overlays cannot be written")
            folders = [stack.enter_context(mounted(device, read_only=False)) for device in there]
            yield [(BootPartition(place), CONFIG) for place in folders]


def settle(state: FileOperations, boot: BootState | None, folder: Path) -> bool:
    """Bring the boot texts in line with the board, once for each change of it; return whether one was changed.

    Then the machine must start anew. Raises CardError, DeviceError, StoreError: it is tried again at the next start.
    """
    overlays = wanted_overlays(state)
    if overlays is None or state.read(DONE) == state.read(NAME):
        return False
    with boot_texts(boot, folder) as texts:
        changed = [put_overlays(card, name, overlays) for card, name in texts]
    write_atomically(state, DONE, overlays_data(overlays))
    return any(changed)
