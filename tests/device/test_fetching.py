"""Fetching a bundle from a real HTTPS server on loopback, with calls and losses in between."""

import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from offhook.device.fetching import BundleFetchError, Download
from tests.support.certs import Authority, make_authority

BUNDLE = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Server:
    """``cuts``: of so many answers only the first 300000 bytes are sent; ``statuses``: answered first, then 200;
    ``length``: what is told in place of the length, empty: nothing."""

    url: str = ""
    cuts: int = 0
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    ranges: list[str | None] = field(default_factory=list)
    etag: str = '"1"'
    length: str | None = None
    data: bytes = BUNDLE


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
    with pytest.raises(BundleFetchError, match="there is no room for it on /data"):
        download(server, target, authority, Time())
    assert target.stat().st_size < len(BUNDLE)


def test_a_bundle_of_a_length_that_is_not_told_is_fetched(server: Server, authority: Authority, tmp_path: Path) -> None:
    server.length = ""
    download(server, tmp_path / "bundle", authority, Time())
    assert (tmp_path / "bundle").read_bytes() == BUNDLE


def test_the_context_checks_names_and_chains() -> None:
    context = Download("https://u.example/x", Path("x"), lambda: "")._tls()
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
