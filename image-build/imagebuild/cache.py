"""What is costly to make and depends on little: kept between builds, for all working trees of a user.

``${XDG_CACHE_HOME:-~/.cache}/offhook``; deleting it costs time and nothing else, and is the way to newer Debian
packages.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imagebuild.buildroot import cache_folder
from imagebuild.leftovers import prune, remove


def digest(*parts: object) -> str:
    """16 hexadecimal digits that change when one of ``parts`` (anything that JSON can hold) does."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def tree_digest(*roots: Path) -> str:
    """The same over files: names, modes, contents and links below ``roots``, compiled Python left out."""
    state = hashlib.sha256()
    for root in roots:
        paths = [root] if root.is_file() else sorted(root.rglob("*"))
        for path in paths:
            if "__pycache__" in path.parts:
                continue
            state.update(f"{path.relative_to(root)}\0{path.lstat().st_mode:o}\0".encode())
            if path.is_symlink():
                state.update(os.readlink(path).encode())
            elif path.is_file():
                state.update(path.read_bytes())
    return state.hexdigest()[:16]


class Cache:
    """Files and folders by a name that contains the digest of what they are made from."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = cache_folder() if root is None else root
        self.root.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the entry; if it is not there, ``make`` writes it to the path it is given. Others wait meanwhile.

        A make that is interrupted leaves no entry.
        """
        entry = self.root / name
        if entry.exists():
            self._lock(entry).touch()  # used just now
            return entry
        with self.locked(name):
            if entry.exists():
                return entry
            partial = self.root / f"{name}.partial"
            remove(partial)
            try:
                make(partial)
                partial.rename(entry)
            finally:
                remove(partial)
            prune(self.root, f"{name.rpartition('-')[0]}-*", self._lock)
        return entry

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Be the only one who makes ``name``."""
        with self._lock(self.root / name).open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _lock(entry: Path) -> Path:
        return entry.with_name(f".{entry.name}.lock")
