"""How the phone asks root for an update: a small file in ``/run/offhook``, which a path unit watches.

The phone may ask, and no more: root checks every field, fetches by HTTPS, and installs what is signed for this machine.
"""

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from offhook.config.clockwindow import window
from offhook.errors import OffhookError

NAME = "update-request"
PLACE = Path("/run/offhook") / NAME
_LONGEST = 4096
_FIELD = 1024


class RequestError(OffhookError):
    """A request for an update cannot be written or understood."""


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """``version`` as the server names it; ``when``: a window of local time as ``02:00-05:00``, empty: any time.

    ``ca_file``: certificates to trust instead of the system's, empty: the system's.
    """

    url: str
    version: str
    when: str = ""
    ca_file: str = ""


def encode(request: UpdateRequest) -> bytes:
    """Return the file's content."""
    return (json.dumps(asdict(request)) + "\n").encode()


def decode(data: bytes) -> UpdateRequest:
    """Read a request. Raises RequestError for whatever is not one."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise RequestError("the request for an update is no JSON: it is left out") from None
    names = {"url", "version", "when", "ca_file"}
    if not isinstance(value, dict) or not {"url", "version"} <= set(value) <= names:
        raise RequestError(f"a request for an update has {', '.join(sorted(names))}: it is left out")
    for name, text in value.items():
        if not isinstance(text, str) or len(text) > _FIELD or not text.isprintable():
            raise RequestError(f"{name} of the request for an update is no short text: it is left out")
    from offhook.config.remote import https_url  # half a second of imports that `offhook slot` does without

    try:
        https_url(value["url"])
    except ValueError as error:
        raise RequestError(f"the update's URL {error}: it is left out") from None
    if value.get("when"):
        try:
            window(value["when"])
        except ValueError:
            raise RequestError(f"{value['when']!r} is no window of time such as 02:00-05:00: it is left out") from None
    return UpdateRequest(**value)


def write(request: UpdateRequest, place: Path = PLACE) -> None:
    """Ask: the file is there whole or not at all. Raises RequestError where it cannot be written."""
    fresh = place.with_name(f".{place.name}.new")
    try:
        fresh.write_bytes(encode(request))
        os.replace(fresh, place)
    except OSError as error:
        raise RequestError(
            f"no update can be asked for: {place} cannot be written ({error.strerror or error}); "
            "is offhook started by systemd?"
        ) from error


def take(place: Path = PLACE) -> UpdateRequest | None:
    """Take the request away and return it; None where there is none. Raises RequestError.

    The folder is the phone's: what lies there under this name is read only where it is a plain file.
    """
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        _remove(place)
        raise RequestError(f"{place} is no plain file ({error.strerror}): it is removed") from error
    try:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        data = os.read(descriptor, _LONGEST) if plain else b""
    finally:
        os.close(descriptor)
        _remove(place)
    if not plain:
        raise RequestError(f"{place} is no plain file: it is removed")
    return decode(data)


def _remove(place: Path) -> None:
    """Remove what lies there, a file or an empty folder."""
    with contextlib.suppress(OSError):
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
