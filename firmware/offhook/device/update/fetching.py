"""Fetching a bundle by HTTPS, into a file: slowly enough for calls, and going on where it stopped.

A call is not disturbed: the connection is let go of, and the rest is asked for afterwards (``Range``,
:rfc:`9110#section-14`). How slowly it may come is :mod:`offhook.device.update.pace`. What arrives is checked by its
signature later; HTTPS is there so that nobody on the way learns or withholds a version.
"""

import os
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from offhook.config.remote import https_url
from offhook.device.update.pace import LEAST, OutOfTimeError, Pace
from offhook.errors import NetworkError

_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_LOOK_S = 2.0
_TRIES = 6
_FIRST_WAIT_S = 5.0
_SPARE = 64 << 20
_LONGEST_LENGTH = 15  # digits
_CLOCK_IS_SET_AFTER = 1_767_225_600.0  # 2026-01-01: a clock before that was never set
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME


class BundleFetchError(NetworkError):
    """The bundle cannot be fetched; the message names no more of the URL than its server."""


class _Secure(HTTPRedirectHandler):
    """Follows no redirect that leads away from HTTPS."""

    max_redirections = 3

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        try:
            https_url(newurl)
        except ValueError:
            raise URLError("leads away from https") from None
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise URLError("leads away from https")
        fp.close()  # else what the server sends with it would be read to its end, into memory
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


class Download:
    """One bundle. ``in_use`` says why the phone must not be disturbed, empty where it may."""

    def __init__(
        self,
        url: str,
        target: Path,
        in_use: Callable[[], str],
        *,
        ca_file: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url, self._target, self._in_use = url, target, in_use
        self._ca_file, self._clock, self._sleep = ca_file, clock, sleep
        self._pace = Pace(clock)
        self._mark = ""
        self._length: int | None = None

    def run(self) -> None:
        """Fetch all of it; a file that is there is replaced. Raises BundleFetchError."""
        opener = build_opener(HTTPSHandler(context=self._tls()), _Secure())
        try:
            with self._target.open("wb") as file:
                failures = 0
                while True:
                    asked = self._clock()
                    while self._in_use():
                        self._sleep(_LOOK_S)
                    self._pace.begin(self._clock() - asked)
                    before = file.tell()
                    try:
                        with opener.open(self._request(before), timeout=_TIMEOUT_S) as answer:
                            if self._take(answer, file):
                                os.fsync(file.fileno())
                                return
                    except HTTPError as error:
                        if error.code < 500:
                            raise self._failed(f"the server answers {error.code}") from None
                        failures = self._again(failures, f"the server answers {error.code}")
                    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
                        got_on = file.tell() - before >= LEAST
                        failures = self._again(0 if got_on else failures, _plain(error))
        except OutOfTimeError as error:
            raise self._failed(str(error)) from None
        except OSError as error:
            raise BundleFetchError(f"the bundle cannot be stored ({error.strerror or error}): look at /data") from error

    def _again(self, failures: int, reason: str) -> int:
        if failures + 1 >= _TRIES:
            raise self._failed(reason)
        self._sleep(_FIRST_WAIT_S * 2**failures)
        return failures + 1

    def _request(self, offset: int) -> Request:
        headers = {"User-Agent": "offhook", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self._mark:
                headers["If-Range"] = self._mark
        return Request(self._url, headers=headers)

    def _take(self, answer: HTTPResponse, file: IO[bytes]) -> bool:
        """Store what comes; return whether it is all, False where a call came between."""
        if answer.status == 200:
            file.seek(0)
            file.truncate()
            length = answer.headers.get("Content-Length", "")
            plain = length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH
            self._length = int(length) if plain else None
            mark = answer.headers.get("ETag", "")
            self._mark = "" if mark.startswith("W/") else mark
            self._want_room(self._length or 0)
        looked = self._clock()
        while chunk := answer.read1(_CHUNK):  # what is there: read() would wait for the whole of it
            self._want_room(len(chunk))  # a server that names no length, or another, must not fill the phone's disk
            file.write(chunk)
            if self._clock() - looked >= _LOOK_S:
                looked = self._clock()
                if self._in_use():
                    return False
        if self._length is not None and file.tell() != self._length:
            raise ConnectionError("the file is cut off")
        return True

    def _want_room(self, length: int) -> None:
        space = os.statvfs(self._target.parent)
        free = space.f_bavail * space.f_frsize
        if length + _SPARE > free:
            size = f"it has {self._length >> 20} MiB and " if self._length is not None else ""
            left = f"{free >> 20} MiB are free, {_SPARE >> 20} must stay so"
            raise self._failed(f"{size}there is no room for it on /data ({left})")

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._ca_file or None)
        except (OSError, ssl.SSLError):
            raise BundleFetchError(f"{self._ca_file} holds no certificates: name a readable PEM file") from None
        # As before Python 3.13: what people make by `openssl req -x509` does not say what its key is for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if time.time() < _CLOCK_IS_SET_AFTER:
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        context.sslsocket_class = self._pace.sockets()
        return context

    def _failed(self, reason: str) -> BundleFetchError:
        return BundleFetchError(f"the bundle at {urlsplit(self._url).hostname} cannot be fetched: {reason}")


def _plain(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
