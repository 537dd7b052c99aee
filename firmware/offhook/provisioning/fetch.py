"""One GET of a config file: HTTPS, bounded in size, time and redirects, repeated only when the file changed.

aiohttp is imported at the first fetch: the phone has dial tone before it.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from offhook import __version__
from offhook.config.nodes import MAX_BYTES
from offhook.config.remote import https_url
from offhook.errors import NetworkError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

MOST_REDIRECTS = 3
LONGEST_ETAG = 256
CLOCK_IS_SET_AFTER = 1_767_225_600.0  # 2026-01-01: a clock before that was never set
_USER_AGENT = f"offhook/{__version__}"  # the server of many phones sees who runs what
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: certificates are checked but for their dates


class FetchError(NetworkError):
    """The file could not be fetched; the message names the server, and never what follows a ``?`` in the URL."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The file is the one whose ETag was given."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file and the server's mark for this version of it."""

    data: bytes
    etag: str | None


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Seconds for the whole and for the connection, bytes of the file."""

    total_s: float = 30.0
    connect_s: float = 10.0
    size: int = MAX_BYTES


def shown(url: str) -> str:
    """Return a URL for the journal, without what follows a ``?``: it may be a token."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "..." if parts.query else "", ""))


class Fetcher:
    """Fetches small files. ``ca_file``: certificates (PEM) to trust instead of the system's."""

    def __init__(
        self,
        ca_file: str | None = None,
        limits: FetchLimits | None = None,
        setting: str = "provisioning",
    ) -> None:
        """``setting`` is the section of the config that says what is fetched, for what people are told."""
        self._setting = setting
        self._ca_file = ca_file
        self._limits = limits or FetchLimits()

    async def fetch(self, url: str, etag: str | None = None) -> Fetched | NotModified:
        """Get the file; with ``etag`` only if it changed. Raises :class:`FetchError`."""
        import aiohttp

        limits = self._limits
        timeout = aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s)
        context = await asyncio.to_thread(self._tls)
        headers = {"User-Agent": _USER_AGENT, "Accept": "application/yaml, text/*", "Accept-Encoding": "identity"}
        if etag is not None:
            headers["If-None-Match"] = etag
        connector = aiohttp.TCPConnector(ssl=context)
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=timeout, headers=headers, auto_decompress=False
            ) as session:
                return await self._get(session, url)
        except FetchError:
            raise
        except TimeoutError:
            raise FetchError(f"{shown(url)}: no answer in time: is the server up, and the network?") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(f"{shown(url)}: {_plain(error, self._setting)}") from error

    async def _get(self, session: "ClientSession", url: str) -> Fetched | NotModified:
        target = url
        for _ in range(MOST_REDIRECTS + 1):
            async with session.get(target, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308):
                    target = _redirect(url, target, response.headers.get("Location"))
                    continue
                if response.status == 304 and "If-None-Match" in session.headers:
                    return NotModified()
                if response.status != 200:
                    raise FetchError(f"{shown(url)}: {_status(response.status, self._setting)}")
                mark = response.headers.get("ETag")
                return Fetched(await self._body(response, url), mark if mark and len(mark) <= LONGEST_ETAG else None)
        raise FetchError(f"{shown(url)}: redirects go on and on: mend the server")

    async def _body(self, response: "ClientResponse", url: str) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError(f"{shown(url)}: the file came compressed unasked: mend the server")
        data = bytearray()
        async for chunk in response.content.iter_chunked(16384):
            data += chunk
            if len(data) > self._limits.size:
                raise FetchError(f"{shown(url)}: the file is over {self._limits.size} bytes: is it the right one?")
        return bytes(data)

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or "it holds no certificates in PEM form"
            raise FetchError(f"{self._setting}.ca_file {self._ca_file}: {reason}: name a readable PEM file") from error
        # As before Python 3.13: what people make by `openssl req -x509` does not say what its key is for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if time.time() < CLOCK_IS_SET_AFTER:
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        return context


def _redirect(first: str, current: str, location: str | None) -> str:
    try:
        target = urljoin(current, location or "")
        https_url(target)
    except ValueError:
        target = ""
    if not location or not target or (urlsplit(target).scheme != "https" and urlsplit(first).scheme == "https"):
        raise FetchError(f"{shown(first)}: leads away from https: mend the server")
    return target


def _status(status: int, setting: str) -> str:
    match status:
        case 401 | 403:
            return f"the server refuses the phone ({status}): check {setting}.url and the server's permissions"
        case 404 | 410:
            return f"there is no such file ({status}): check {setting}.url"
        case _ if status >= 500:
            return f"the server has a fault of its own ({status}): it is asked again"
    return f"the server answers {status} where 200 is wanted: check {setting}.url"


def _plain(error: Exception, setting: str) -> str:
    """Say what went wrong on the way to the server."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message
        return f"the server's certificate is not trusted ({why}): check {setting}.ca_file and the clock"
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails ({cause.reason or 'no reason given'}): is this an https server?"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached ({cause.strerror}): check {setting}.url and the network"
    return f"the answer cannot be read ({type(error).__name__}): check the server"
