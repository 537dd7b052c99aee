"""Fetching a bundle from a real HTTPS server on loopback, with calls and losses in between."""

import io
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest

from offhook.device.update.fetching import BundleFetchError, Download
from offhook.device.update.pace import LEAST, LIMIT_S, WINDOW_S
from tests.support.certs import Authority, check_as_python_3_13, make_authority

BUNDLE = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Server:
    """``cuts``: of so many answers only the first 300000 bytes are sent; ``statuses``: answered first, then 200;
    ``length``: what is told in place of the length, empty: nothing; ``trickle``: what comes byte by byte, for ever."""

    url: str = ""
    cuts: int = 0
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    ranges: list[str | None] = field(default_factory=list)
    etag: str = '"1"'
    length: str | None = None
    data: bytes = BUNDLE
    trickle: Literal["", "head", "body", "redirect"] = ""
    asked: int = 0

    def drip(self, out: io.BufferedIOBase) -> None:
        """Write a byte at a time, each in a TLS record of its own, until the client is gone."""
        while True:
            out.write(b"x")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            state.asked += 1
            if state.trickle == "head":
                state.drip(self.wfile)
            if state.trickle == "redirect" and state.asked == 1:
                self.send_response(302)
                self.send_header("Location", state.url)
                self.end_headers()
                state.drip(self.wfile)
            if state.statuses:
                self.send_response(state.statuses.pop(0))
                if state.location:
                    self.send_header("Location", state.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            offset = 0
            if asked and self.headers.get("If-Range") == state.etag:
                offset = int(asked.removeprefix("bytes=").removesuffix("-"))
            body = state.data[offset:]
            self.send_response(206 if offset else 200)
            self.send_header("ETag", state.etag)
            if state.length != "":
                self.send_header("Content-Length", state.length or str(len(body)))
            self.end_headers()
            if state.trickle == "body":
                state.drip(self.wfile)
            if state.cuts:
                state.cuts -= 1
                body = body[:300000]
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    http.socket = authority.server_context().wrap_socket(http.socket, server_side=True)
    state.url = f"https://127.0.0.1:{http.server_port}/phone.raucb"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@dataclass
class Time:
    """A clock that goes on with each look, and by what is slept."""

    now: float = 0.0
    step: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def download(server: Server, target: Path, authority: Authority, time: Time, in_use: object = lambda: "") -> None:
    ca_file = str(authority.ca_file)
    Download(server.url, target, in_use, ca_file=ca_file, clock=time, sleep=time.sleep).run()  # type: ignore[arg-type]


def test_a_bundle_is_fetched(server: Server, authority: Authority, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.write_bytes(b"an older one" * 200000)
    download(server, target, authority, Time())
    assert target.read_bytes() == BUNDLE


def test_it_goes_on_where_the_connection_broke(server: Server, authority: Authority, tmp_path: Path) -> None:
    server.cuts = 2
    download(server, tmp_path / "bundle", authority, Time())
    assert (tmp_path / "bundle").read_bytes() == BUNDLE
    assert server.ranges == [None, "bytes=300000-", "bytes=600000-"]


def test_a_call_stops_it_and_it_goes_on_afterwards(server: Server, authority: Authority, tmp_path: Path) -> None:
    time = Time(step=0.5)  # each chunk takes half a second

    def in_use() -> str:
        return "a call is up" if 3 < time.now < 60 else ""

    download(server, tmp_path / "bundle", authority, time, in_use)
    assert (tmp_path / "bundle").read_bytes() == BUNDLE
    assert server.ranges[0] is None
    assert len(server.ranges) == 2
    assert time.slept == [2.0] * len(time.slept)


@pytest.mark.parametrize("trickle", ["head", "body"])
def test_a_server_that_trickles_is_given_up(
    server: Server, authority: Authority, tmp_path: Path, trickle: Literal["head", "body"]
) -> None:
    server.trickle = trickle
    time = Time(step=1.0)
    with pytest.raises(BundleFetchError, match="less than 64 KiB came within 60 s"):
        download(server, tmp_path / "bundle", authority, time)
    assert time.slept == [5.0, 10.0, 20.0, 40.0, 80.0], "a few bytes are no reason to begin again with patience"
    assert server.asked == 6
    assert (tmp_path / "bundle").stat().st_size < LEAST


def test_what_comes_with_a_redirection_is_not_waited_for(server: Server, authority: Authority, tmp_path: Path) -> None:
    server.trickle = "redirect"
    time = Time()
    download(server, tmp_path / "bundle", authority, time)
    assert (tmp_path / "bundle").read_bytes() == BUNDLE
    assert (server.asked, time.slept) == (2, [])


def test_a_bundle_that_comes_slowly_but_steadily_is_fetched(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    time = Time(step=4.0)  # a record of 16 KiB in some ten seconds
    download(server, tmp_path / "bundle", authority, time)
    assert (tmp_path / "bundle").read_bytes() == BUNDLE
    assert (server.ranges, time.slept) == ([None], [])
    assert time.now > 5 * WINDOW_S


def test_the_whole_is_bounded_though_each_connection_brings_enough(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    server.cuts, server.data = 100, BUNDLE * 8
    time = Time()
    sleep = time.sleep

    def an_hour_later(seconds: float) -> None:
        sleep(seconds)
        time.now += 3600

    time.sleep = an_hour_later  # type: ignore[method-assign]
    with pytest.raises(BundleFetchError, match="it is not here after 12 h"):
        download(server, tmp_path / "bundle", authority, time)
    assert LIMIT_S <= time.now < LIMIT_S + 3700
    assert server.asked == 12


def test_the_time_of_a_call_does_not_count(server: Server, authority: Authority, tmp_path: Path) -> None:
    time = Time(step=0.5)

    def in_use() -> str:
        return "a call is up" if 3 < time.now < 2 * LIMIT_S else ""

    download(server, tmp_path / "bundle", authority, time, in_use)
    assert (tmp_path / "bundle").read_bytes() == BUNDLE


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: Server, authority: Authority, tmp_path: Path) -> None:
    server.cuts = 1
    time = Time()
    sleep = time.sleep

    def change(seconds: float) -> None:
        sleep(seconds)
        server.data, server.etag = BUNDLE[::-1], '"2"'

    time.sleep = change  # type: ignore[method-assign]
    download(server, tmp_path / "bundle", authority, time)
    assert (tmp_path / "bundle").read_bytes() == BUNDLE[::-1]


def test_a_server_with_a_fault_is_asked_again_and_in_the_end_given_up(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    server.statuses = [503, 503]
    download(server, tmp_path / "bundle", authority, Time())
    server.statuses = [500] * 20
    time = Time()
    with pytest.raises(BundleFetchError, match="the server answers 500"):
        download(server, tmp_path / "bundle", authority, time)
    assert time.slept == [5.0, 10.0, 20.0, 40.0, 80.0]


@pytest.mark.parametrize("status", [403, 404])
def test_a_bundle_that_is_not_there_is_not_asked_for_again(
    server: Server, authority: Authority, tmp_path: Path, status: int
) -> None:
    server.statuses = [status]
    time = Time()
    with pytest.raises(BundleFetchError, match=f"the server answers {status}"):
        download(server, tmp_path / "bundle", authority, time)
    assert not time.slept


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/x", "file:///etc/shadow", "http://u.example/x"])
def test_nothing_leads_away_from_https(server: Server, authority: Authority, tmp_path: Path, place: str) -> None:
    server.statuses, server.location = [302] * 9, place
    with pytest.raises(BundleFetchError, match=r"leads away from https|answers 302"):
        download(server, tmp_path / "bundle", authority, Time())


def test_a_server_that_is_not_known_is_not_trusted(server: Server, authority: Authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other")
    with pytest.raises(BundleFetchError, match="certificate is not trusted"):
        download(server, tmp_path / "bundle", other, Time())
    with pytest.raises(BundleFetchError, match="holds no certificates"):
        Download(server.url, tmp_path / "bundle", lambda: "", ca_file=str(tmp_path / "none")).run()


def test_a_folder_that_is_gone_is_told(server: Server, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(BundleFetchError, match="cannot be stored"):
        download(server, tmp_path / "gone" / "bundle", authority, Time())


@pytest.mark.parametrize("length", ["", "9" * 5000, str(1 << 49)])
def test_a_server_cannot_fill_the_disk_whatever_length_it_names(
    server: Server, authority: Authority, tmp_path: Path, length: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"

    def room(folder: Path) -> SimpleNamespace:
        taken = target.stat().st_size if target.exists() else 0
        return SimpleNamespace(f_frsize=1, f_bavail=(64 << 20) + len(BUNDLE) // 2 - taken)

    monkeypatch.setattr(os, "statvfs", room)
    server.length = length
    with pytest.raises(BundleFetchError, match=r"there is no room for it on /data \(6\d MiB are free, 64 must"):
        download(server, target, authority, Time())
    assert target.stat().st_size < len(BUNDLE)


def test_a_bundle_of_a_length_that_is_not_told_is_fetched(server: Server, authority: Authority, tmp_path: Path) -> None:
    server.length = ""
    download(server, tmp_path / "bundle", authority, Time())
    assert (tmp_path / "bundle").read_bytes() == BUNDLE


def test_the_context_checks_names_and_chains() -> None:
    context = Download("https://u.example/x", Path("x"), lambda: "")._tls()
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_it_takes_the_same_certificates_on_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they are is shown by ``tests/provisioning/test_fetch.py``."""
    check_as_python_3_13(monkeypatch)
    context = Download("https://u.example/x", Path("x"), lambda: "")._tls()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
