"""What dial tone needs of config and board file, kept in a form that is read without YAML and the schema library.

The texts stay the truth. The form is written after a good start and says what it was made from: the program's version,
both texts, and the config from afar that was in use. Where any of that is different now, or a byte of it is not as it
was written, or a config is on trial, there is no form and the files are read.
"""

import logging
from contextlib import suppress
from pathlib import Path

from msgspec import DecodeError, Struct, json

from offhook import __version__
from offhook.config.disk import Directory, StoreError, write_atomically
from offhook.config.store import ConfigStore, State, digest_of
from offhook.daemon.handset import HandsetSettings
from offhook.hardware.settings import BoardSettings

NAME = "quick.json"
_log = logging.getLogger(__name__)


class QuickForm(Struct, frozen=True):
    """The handset and its body.

    ``flash`` is the shortest and the longest hook flash in seconds, ``supply`` the folder where the kernel shows
    power supplies, ``log_level`` as the config writes it.
    """

    handset: HandsetSettings
    board: BoardSettings
    flash: tuple[float, float]
    supply: str
    log_level: str


class _Body(Struct, frozen=True):
    """What stands in the file."""

    key: str
    form: QuickForm


def recall(state_dir: Path, config: Path | None, board: Path | None, version: str = __version__) -> QuickForm | None:
    """Return the form of what these files mean today; None where there is none. Raises nothing."""
    if config is None or board is None:
        return None
    files = Directory(state_dir)
    try:
        key = key_of(texts_of(config, board), ConfigStore(files).state, version)
        data = files.read(NAME)
    except (OSError, StoreError):
        return None
    if data is None:
        return None
    form = None if key is None else decode(data, key)
    if form is None:
        # The handset waits for schema and network then, seconds on a small board: whoever wonders finds the reason.
        cause = "a config from afar is on trial" if key is None else "files or version are others, or it is damaged"
        _log.info("what was kept of the last start is not used: %s", cause)
    return form


def remember(state_dir: Path, form: QuickForm, key: str | None) -> None:
    """Keep a form for the next start; nothing is written where it is there already. Raises StoreError."""
    files = Directory(state_dir)
    if key is not None and files.read(NAME) != (data := encode(form, key)):
        write_atomically(files, NAME, data)


def forget(state_dir: Path) -> None:
    """Take the form away: with it the phone did not start, and the files may do better next time. Raises nothing."""
    with suppress(StoreError):
        Directory(state_dir).remove(NAME)


def texts_of(config: Path, board: Path) -> str:
    """Return a digest of both files as they are now. Raises OSError.

    The board file's name is a part of it: each wire says where it was named.
    """
    texts = digest_of(config.read_bytes()), digest_of(board.read_bytes())
    return digest_of("\n".join((*texts, str(board))).encode(errors="surrogateescape"))


def key_of(texts: str, state: State, version: str = __version__) -> str | None:
    """Return what a form is bound to; None while a config from afar is on trial.

    ``texts``: :func:`texts_of` the files before the form was made of them. A file that was changed since then must not
    be taken for one that the form is made of.
    """
    if state.candidate is not None:
        return None
    kept = (state.kept.digest, state.kept.url) if state.kept else None
    return digest_of(json.encode([version, texts, kept]))


def encode(form: QuickForm, key: str) -> bytes:
    """Return the file: a checksum, a line end, one JSON object."""
    body = json.encode(_Body(key, form))
    return digest_of(body).encode() + b"\n" + body


def decode(data: bytes, key: str) -> QuickForm | None:
    """Return the form in a file; None where it is not whole, of another shape, or bound to something else."""
    check, _, body = data.partition(b"\n")
    if check != digest_of(body).encode():
        return None
    try:
        read = json.decode(body, type=_Body)
    except (DecodeError, RecursionError):
        return None
    # No field less: what a form lacks would be filled in by defaults, and would not be what the files say.
    return read.form if read.key == key and json.encode(read) == body else None
