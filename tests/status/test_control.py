"""The control socket, asked as a program asks it and by ``offhook status``."""

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.cli import main
from offhook.cli_status import default_control_socket, summary
from offhook.daemon.options import Options
from offhook.engine.observations import StateSeen, ToneSeen
from offhook.errors import DeviceError
from offhook.status.control import ControlSocket
from offhook.status.linesocket import LineRequest, RequestError
from tests.support.virtual_loop import run

STATUS: dict[str, object] = {
    "version": "1",
    "uptime_s": 12.5,
    "phone": "TALKING",
    "accounts": [
        {"name": "desk", "in_service": True, "server": "10.77.0.1:5060", "last_error": ""},
        {"name": "spare", "in_service": False, "server": "10.77.0.9", "last_error": "403 Forbidden"},
        {"name": "new", "in_service": False, "server": "10.77.0.8", "last_error": ""},
    ],
    "calls": [{"direction": "out", "peer": "1002", "state": "talking", "seconds": 3.0, "codec": "PCMU"}],
    "power": {"state": "MAINS", "percent": None},
    "audio": {"state": "open", "xruns": 0},
}


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, line: bytes) -> dict[str, object]:
        self.writer.write(line + b"\n")
        return await self.next()

    async def next(self) -> dict[str, object]:
        answer = json.loads(await self.reader.readline())
        assert isinstance(answer, dict)
        return answer


def served(folder: Path, scenario: Callable[[ControlSocket, Path], Awaitable[None]]) -> None:
    async def body() -> None:
        path = folder / "control.sock"
        control = ControlSocket(path, lambda: STATUS, asyncio.get_running_loop().time)
        await control.start()
        try:
            await scenario(control, path)
        finally:
            await control.stop()
        assert not path.exists()

    run(body)


async def connect(path: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(str(path)))


def test_status_and_watch_are_answered_and_nothing_else(tmp_path: Path) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        client = await connect(path)
        assert await client.ask(b'{"do":"status","id":7}') == {"id": 7, "ok": True, "status": STATUS}
        refused = await client.ask(b'{"do":"lift","id":8}')
        assert refused == {"id": 8, "ok": False, "error": '"do" must be one of status, watch'}
        assert (await client.ask(b"junk"))["ok"] is False
        assert (await client.ask(b'{"do":"status","more":1}'))["ok"] is False
        assert await client.ask(b'{"do":"watch","id":9}') == {"id": 9, "ok": True}
        control.note(StateSeen("DIAL_TONE"))
        seen = await client.next()
        assert (seen["event"], seen["phone"]) == ("state", "DIAL_TONE")
        assert seen["t"] == pytest.approx(asyncio.get_running_loop().time(), abs=1)
        control.note(ToneSeen("dial", 5.25))
        assert (await client.next())["t"] == 5.25
        client.writer.close()

    served(tmp_path, scenario)


def test_it_is_open_to_the_user_and_the_group_whatever_the_umask(tmp_path: Path) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660

    before = os.umask(0o077)
    try:
        served(tmp_path, scenario)
    finally:
        os.umask(before)


def test_a_path_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    async def body() -> None:
        control = ControlSocket(tmp_path / "no" / "control.sock", lambda: {}, lambda: 0.0)
        with pytest.raises(DeviceError, match=r"control socket .*give another path"):
            await control.start()

    run(body)


@given(st.binary(max_size=60))
def test_any_line_is_a_request_or_a_request_error(line: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert LineRequest.read(line, {"status": frozenset()}).do == "status"


async def shell(*arguments: str) -> int:
    """Run the command line in a thread, as a process of its own would, beside the loop that answers."""
    return await asyncio.get_running_loop().run_in_executor(None, main, list(arguments))


def test_the_status_command_shows_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert await shell("status", "--control-socket", str(path)) == 0

    served(tmp_path, scenario)
    assert capsys.readouterr().out.splitlines() == [
        "phone      TALKING, up 12.5 s",
        "account    desk: in service (10.77.0.1:5060)",
        "account    spare: out of service: 403 Forbidden (10.77.0.9)",
        "account    new: out of service: registering (10.77.0.8)",
        "call       out 1002: talking, 3.0 s, PCMU",
        "power      MAINS",
        "audio      open, xruns 0, not real-time",
    ]


def test_what_is_wrong_is_told_to_people() -> None:
    assert summary(
        {
            "phone": "ON_HOOK",
            "uptime_s": 3,
            "accounts": [],
            "calls": [],
            "power": {"state": "LOW", "percent": 9.5, "runtime_s": 600, "gauge_ok": False},
            "emergency": {"location": "", "callback_window_s": 1700, "up": False},
            "config": {"origin": "last-good", "serial": "7", "pending": "8"},
            "audio": {"state": "busy", "capture": "hw:0", "playback": "hw:0", "xruns": 2, "detail": "somebody has it"},
        }
    )[1:] == [
        "power      LOW, battery at 9.5 %, for 600 s, the gauge does not answer",
        "emergency  no location, the desk may call back for 1700 s",
        "config     last-good, serial 7, 8 waits",
        "audio      busy, hw:0, xruns 2, not real-time, somebody has it",
    ]


def test_the_status_command_gives_programs_the_whole_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert await shell("status", "--json", "--control-socket", str(path)) == 0

    served(tmp_path, scenario)
    assert json.loads(capsys.readouterr().out) == STATUS


def test_without_a_phone_the_status_command_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--control-socket", str(tmp_path / "none")]) == 69
    told = capsys.readouterr().err
    assert str(tmp_path / "none") in told
    assert "--control-socket" in told


def test_an_answer_that_is_no_status_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b'{"ok":false,"error":"not now"}\n')
            writer.close()

        server = await asyncio.start_unix_server(refuse, tmp_path / "other")
        assert await shell("status", "--control-socket", str(tmp_path / "other")) == 69
        server.close()

    run(body)
    assert "no status" in capsys.readouterr().err


def test_the_service_listens_where_the_command_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    fields: dict[str, object] = {"config": None, "board": None, "state_dir": None, "board_socket": None}
    args = argparse.Namespace(
        **fields, control_socket=None, emergency_desk=[], no_web=True, no_exchange=True, port=0, simulator=True
    )
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert Options.of_run(args).control_socket is None
    assert default_control_socket() == Path("/run/offhook/control.sock")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/offhook:/run/other")
    assert Options.of_run(args).control_socket == default_control_socket() == Path("/run/offhook/control.sock")
