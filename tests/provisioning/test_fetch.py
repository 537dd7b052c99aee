"""Fetching over real TLS on loopback."""

import asyncio
import gzip
import sys
from pathlib import Path
from subprocess import run as run_program

import pytest

from offhook import __version__
from offhook.provisioning.fetch import Fetched, Fetcher, FetchError, FetchLimits, NotModified, shown
from tests.support.certs import Authority, check_as_python_3_13, make_authority, make_home_authority
from tests.support.config_server import serving
from tests.support.virtual_loop import run


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("certs"))


def fetcher(authority: Authority, **limits: float | int) -> Fetcher:
    return Fetcher(str(authority.ca_file), FetchLimits(**limits))  # type: ignore[arg-type]


def test_a_file_is_fetched_with_its_etag_and_then_only_when_it_changed(authority: Authority) -> None:
    async def scenario() -> None:
        async with serving(authority.server_context()) as server:
            server.offer("country: NO\n", '"1"')
            assert await fetcher(authority).fetch(server.url) == Fetched(b"country: NO\n", '"1"')
            assert await fetcher(authority).fetch(server.url, '"1"') == NotModified()
            server.offer("country: SE\n", '"2"')
            assert await fetcher(authority).fetch(server.url, '"1"') == Fetched(b"country: SE\n", '"2"')
            assert server.asked == [None, '"1"', '"1"']
            assert server.agents == [f"offhook/{__version__}"] * 3

    run(scenario)


def failing(authority: Authority, *, url: str = "", **server_values: object) -> str:
    """Fetch from a server that behaves so; return the message."""

    async def scenario() -> str:
        async with serving(authority.server_context()) as server:
            for name, value in server_values.items():
                setattr(server, name, value)
            target = url.replace("BASE", server.url.rpartition("/")[0]) or server.url
            with pytest.raises(FetchError) as caught:
                await fetcher(authority, size=10_000).fetch(target, '"0"')
            return str(caught.value).replace(server.url.rpartition("/")[0], "BASE")

    return run(scenario)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "BASE/phone.yaml: there is no such file (404): check provisioning.url"),
        (403, "the server refuses the phone (403)"),
        (503, "the server has a fault of its own (503)"),
        (206, "answers 206 where 200 is wanted"),
    ],
)
def test_other_statuses_are_told_in_words(authority: Authority, status: int, words: str) -> None:
    assert words in failing(authority, status=status)


def test_a_file_that_is_too_long_is_not_read_to_its_end(authority: Authority) -> None:
    assert "the file is over 10000 bytes" in failing(authority, data=b"x" * 5_000_000)


def test_a_compressed_file_is_refused(authority: Authority) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    assert "compressed unasked" in failing(authority, data=bomb, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "https://u:p@127.0.0.1/x", "", "https://[::1/"]
)
def test_a_redirect_away_from_https_is_refused(authority: Authority, location: str) -> None:
    assert "leads away from https" in failing(authority, status=302, headers={"Location": location})


def test_redirects_without_end_are_refused(authority: Authority) -> None:
    assert "redirects go on and on" in failing(authority, status=302, headers={"Location": "/again"})


def test_a_token_in_the_url_is_not_shown(authority: Authority) -> None:
    message = failing(authority, url="BASE/phone.yaml?token=hunter2", status=500)
    assert "hunter2" not in message
    assert "BASE/phone.yaml?..." in message
    assert shown("https://c.example/a?b=c") == "https://c.example/a?..."


def test_a_redirect_is_followed(authority: Authority) -> None:
    async def scenario() -> None:
        async with serving(authority.server_context()) as first, serving(authority.server_context()) as second:
            second.offer("country: NO\n", None)
            first.status, first.headers = 302, {"Location": second.url}
            assert await fetcher(authority).fetch(first.url) == Fetched(b"country: NO\n", None)

    run(scenario)


def test_a_certificate_of_another_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = make_authority(tmp_path / "stranger")

    async def scenario() -> None:
        async with serving(stranger.server_context()) as server:
            with pytest.raises(FetchError, match=r"certificate is not trusted .*check provisioning.ca_file"):
                await fetcher(authority).fetch(server.url)
            assert server.asked == []

    run(scenario)


def test_a_home_made_authority_will_do_on_every_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_home_authority(tmp_path)
    check_as_python_3_13(monkeypatch)

    async def scenario() -> None:
        async with serving(authority.server_context()) as server:
            server.offer("a", None)
            assert await fetcher(authority).fetch(server.url) == Fetched(b"a", None)

    run(scenario)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    elsewhere = make_authority(tmp_path, names="DNS:elsewhere.test")

    async def scenario() -> None:
        async with serving(elsewhere.server_context()) as server:
            with pytest.raises(FetchError, match="certificate is not trusted"):
                await fetcher(elsewhere).fetch(server.url)

    run(scenario)


def test_a_clock_that_was_never_set_does_not_lock_the_phone_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setattr("offhook.provisioning.fetch.time.time", lambda: 1000.0)

    async def scenario() -> None:
        async with serving(authority.server_context()) as server:
            server.offer("a", None)
            assert await fetcher(authority).fetch(server.url) == Fetched(b"a", None)

    run(scenario)


def test_a_server_that_is_not_there_is_told(authority: Authority) -> None:
    async def scenario() -> None:
        async with serving(authority.server_context()) as server:
            url = server.url
        with pytest.raises(FetchError, match=r"cannot be reached .*check provisioning.url and the network"):
            await fetcher(authority).fetch(url)

    run(scenario)


def test_a_server_that_speaks_no_tls_is_told(authority: Authority) -> None:
    async def scenario() -> None:
        async with serving(None) as server:
            with pytest.raises(FetchError, match="is this an https server"):
                await fetcher(authority).fetch(server.url.replace("http:", "https:"))

    run(scenario)


def test_a_server_that_says_nothing_is_left_after_the_time_limit(authority: Authority) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        released = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await released.wait()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        begin = loop.time()
        with pytest.raises(FetchError, match="no answer in time"):
            await fetcher(authority).fetch(f"https://127.0.0.1:{port}/x")
        took = loop.time() - begin
        released.set()
        server.close()
        await asyncio.sleep(0.1)
        return took

    assert run(scenario) == pytest.approx(10, abs=1)


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("hello")
    for file in (bad, tmp_path / "none.pem"):
        with pytest.raises(FetchError, match=r"provisioning.ca_file .*: name a readable PEM file"):
            run(lambda file=file: Fetcher(str(file)).fetch("https://127.0.0.1:9/"))  # type: ignore[misc]


def test_aiohttp_is_imported_with_the_first_fetch_only() -> None:
    code = (
        "import sys, offhook.provisioning.service, offhook.provisioning.start, offhook.provisioning.fetch\n"
        "assert 'aiohttp' not in sys.modules, 'aiohttp is imported too early'"
    )
    assert (
        run_program([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
    )
