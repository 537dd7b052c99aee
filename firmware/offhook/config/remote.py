"""Config from afar, page and log."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from offhook.config.clockwindow import window
from offhook.config.scalars import (
    DECIMAL,
    WHOLE,
    Text,
    Truth,
    duration,
    filled,
    host_name,
    is_address,
    patterned,
    wrong,
)
from offhook.config.section import Section


def https_url(value: object) -> str:
    """Return an ``https:`` URL without credentials; ``http:`` only for this machine itself."""
    source = filled(value)
    try:
        parts = urlsplit(source)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong("is not an address such as https://config.example/phone.yaml") from None
    if parts.username is not None or parts.password is not None:
        raise wrong("must not hold a user or password: remove what stands before the @")
    if parts.scheme not in ("http", "https") or not host_name(host) or port == 0 or " " in source:
        raise wrong("is not an address such as https://config.example/phone.yaml")
    loopback = host == "localhost" or (is_address(host) and (host.startswith("127.") or host == "::1"))
    if parts.scheme == "http" and not loopback:
        raise wrong("must begin with https: a config holds passwords")
    if parts.fragment:
        raise wrong("must not hold a #: remove it and what follows")
    return source


HttpsUrl = Annotated[str, BeforeValidator(https_url), patterned("^https?://")]
Interval = Annotated[
    float, Field(ge=1, le=2592000), BeforeValidator(duration), patterned(r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$")
]


class Provisioning(Section):
    """A config file on a server. Only the file that the phone is started with says where: a fetched one cannot."""

    url: HttpsUrl | None = None
    """Where the file is, by HTTPS. Not set: no provisioning."""
    interval: Interval = 3600.0
    """How often to ask, as `15m` or `6h`; some chance is added so that phones do not ask all at once."""
    ca_file: Text | None = None
    """Certificates (PEM) to trust instead of the system's."""
    keep_window_s: Annotated[float, Field(ge=1, le=3600), DECIMAL] = 120.0
    """The phone must register with a new file within so long, else the last good one returns."""


def clock_window(value: object) -> str:
    """Return a window of the local day as ``02:00-05:00``."""
    source = filled(value)
    try:
        window(source)
    except ValueError:
        raise wrong("is not a window of time such as 02:00-05:00") from None
    return source


class Update(Section):
    """New versions of a device that was started from an image of ours; see `docs/updates.md`."""

    url: HttpsUrl | None = None
    """Where the server says what its newest version is, by HTTPS. Not set: no updates by themselves."""
    auto: Truth = True
    """Install what is offered; else `offhook status` only shows it."""
    window: Annotated[
        str, BeforeValidator(clock_window), patterned("^ *[0-9]{1,2}:[0-9]{2} *- *[0-9]{1,2}:[0-9]{2} *$")
    ] = "02:00-05:00"
    """Local time in which to install and restart; only on hook, and on mains."""
    ca_file: Text | None = None
    """Certificates (PEM) to trust instead of the system's."""


class Web(Section):
    """The page on 127.0.0.1."""

    port: Annotated[int, Field(ge=0, le=65535), WHOLE] = 0
    """Port of the page; 0: any that is free."""


class Log(Section):
    """The journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is written. Dialled numbers appear at `debug` only, emergency calls always."""
