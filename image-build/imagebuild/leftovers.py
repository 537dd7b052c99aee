"""What builds leave behind: roots of those that were killed, and what nobody has used of the cache for long."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT_DAYS = 30.0


def remove(path: Path) -> None:
    """Remove a file or a folder with everything in it; what is not there is no fault."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def prune(folder: Path, pattern: str, used: Callable[[Path], Path], now: float | None = None) -> None:
    """Remove what was not used for :data:`KEPT_DAYS`.

    ``used`` names the file whose time says so, by the entry; where that is missing it is the entry's own time.
    """
    now = time.time() if now is None else now
    for entry in sorted(folder.glob(pattern)):
        note = used(entry)
        try:
            age = now - (note if note.exists() else entry).lstat().st_mtime
            if age > KEPT_DAYS * 86400:
                remove(entry)
                note.unlink(missing_ok=True)
        except OSError:
            continue  # another build was there first


@contextmanager
def own_folder(place: Path, kind: str) -> Iterator[Path]:
    """Give a fresh folder ``kind*`` in ``place``, removed in the end, and remove those whose builds were killed.

    A folder is locked (flock(2)) for as long as its build lives; the kernel lets go of the lock with the process.
    """
    with (place / f".{kind}lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # a folder that is made is locked before anybody looks
        for old in place.glob(f"{kind}*"):
            descriptor = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)
        folder = Path(tempfile.mkdtemp(prefix=kind, dir=place))
        mine = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(mine, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(mine)
