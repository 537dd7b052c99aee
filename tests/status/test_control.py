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
from offhook.cli_status import summary
from offhook.daemon.options import Options
from offhook.engine.observations import StateSeen, ToneSeen
from offhook.engine.programs import NotDoneError, Outcome
from offhook.errors import DeviceError
from offhook.status.control import ControlSocket
from offhook.status.linesocket import LineRequest, RequestError
from offhook.status.paths import socket_to_ask
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
    "calls": [
        {
            "call": "o1",
            "account": "desk",
            "direction": "out",
            "peer": "1002",
            "state": "talking",
            "seconds": 3.0,
            "codec": "PCMU",
        }
    ],
    "power": {"state": "MAINS", "percent": None},
    "audio": {"state": "open", "xruns": 0},
}


class Hand:
    """A line that takes everything but calls to 999, and answers but for 486."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def call(self, number: str, account: str | None = None) -> str:
        self.done.append(("call", number, account))
        if number == "999":
            raise NotDoneError("the dial plan does not let this number pass")
        return "p1" if number != "486" else "p2"

    async def outcome(self, call: str) -> Outcome:
        return Outcome(True, 200, "OK") if call == "p1" else Outcome(False, 486, "Busy Here")

    def one(self, do: str, call: str | None, account: str | None, *more: str) -> str:
        self.done.append((do, *more, call, account))
        return call or "i7"

    def answer(self, call: str | None = None, account: str | None = None) -> str:
        return self.one("answer", call, account)

    def hang_up(self, call: str | None = None, account: str | None = None) -> str:
        return self.one("hangup", call, account)

    def hold(self, call: str | None = None, account: str | None = None) -> str:
        return self.one("hold", call, account)

    def resume(self, call: str | None = None, account: str | None = None) -> str:
        return self.one("resume", call, account)

    async def transfer(self, number: str, call: str | None = None, account: str | None = None) -> str:
        return self.one("transfer", call, account, number)

    async def dtmf(self, digits: str, call: str | None = None, account: str | None = None) -> str:
        return self.one("dtmf", call, account, digits)


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


def served(folder: Path, scenario: Callable[[ControlSocket, Path], Awaitable[None]], hand: Hand | None = None) -> None:
    async def body() -> None:
        path = folder / "control.sock"
        control = ControlSocket(path, lambda: STATUS, lambda: hand or Hand(), asyncio.get_running_loop().time)
        await control.start()
        try:
            await scenario(control, path)
        finally:
            await control.stop()
        assert not path.exists()

    run(body)


async def connect(path: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(str(path)))


def test_status_and_watch_are_answered_and_what_is_unknown_is_refused(tmp_path: Path) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        client = await connect(path)
        assert await client.ask(b'{"do":"status","id":7}') == {"id": 7, "ok": True, "status": STATUS}
        refused = await client.ask(b'{"do":"lift","id":8}')
        assert refused == {"id": 8, "ok": False, "error": refused["error"]}
        assert str(refused["error"]).startswith('"do" must be one of status, watch, call, ')
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
        control = ControlSocket(tmp_path / "no" / "control.sock", lambda: {}, Hand, lambda: 0.0)
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
        "call       o1: out 1002: talking, 3.0 s, PCMU",
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
            "audio": {
                "state": "busy",
                "capture": "hw:0",
                "playback": "hw:0",
                "xruns": 2,
                "detail": "somebody has it",
                "mixer": "audio.mixer: no Mic",
            },
        }
    )[1:] == [
        "power      LOW, battery at 9.5 %, for 600 s, the gauge does not answer",
        "emergency  no location, the desk may call back for 1700 s",
        "config     last-good, serial 7, 8 waits",
        "audio      busy, hw:0, xruns 2, not real-time, somebody has it, audio.mixer: no Mic",
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
        answers = iter((b'{"ok":false,"error":"not now"}\n', b'{"ok":true}\n', b"what\n", b"{"))

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(next(answers))
            writer.close()

        server = await asyncio.start_unix_server(refuse, tmp_path / "other")
        for status in (1, 69, 69, 69):
            assert await shell("status", "--control-socket", str(tmp_path / "other")) == status
        server.close()

    run(body)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "offhook: not now"
    assert "has no status" in told[1]
    assert told[3].endswith("the answer is cut off; is it running with --control-socket?")


def test_each_verb_reaches_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand = Hand()

    async def scenario(control: ControlSocket, path: Path) -> None:
        for words in (
            "call 1002 --account desk",
            "answer",
            "hold i7",
            "resume --account desk",
            "transfer 1003",
            "transfer o1 1003",
            "dtmf 12#",
            "dtmf --call o1 1 --account desk",
            "hangup p1",
        ):
            assert await shell(*words.split(), "--control-socket", str(path)) == 0, words

    served(tmp_path, scenario, hand)
    assert capsys.readouterr().out == "p1\n"
    assert hand.done == [
        ("call", "1002", "desk"),
        ("answer", None, None),
        ("hold", "i7", None),
        ("resume", None, "desk"),
        ("transfer", "1003", None, None),
        ("transfer", "1003", "o1", None),
        ("dtmf", "12#", None, None),
        ("dtmf", "1", "o1", "desk"),
        ("hangup", "p1", None),
    ]


def test_a_call_that_is_refused_ends_with_1_and_the_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert await shell("call", "486", "--control-socket", str(path)) == 1
        assert await shell("call", "999", "--control-socket", str(path)) == 1
        assert await shell("call", "486", "--json", "--control-socket", str(path)) == 1
        assert await shell("call", "1002", "--json", "--control-socket", str(path)) == 0

    served(tmp_path, scenario)
    out, err = capsys.readouterr()
    first, *objects = out.splitlines()
    assert first == "p2"
    assert [json.loads(line) for line in objects] == [
        {"call": "p2", "answered": False, "status": 486, "reason": "Busy Here"},
        {"call": "p1", "answered": True, "status": 200, "reason": "OK"},
    ]
    assert err.splitlines() == [
        "offhook: 486 Busy Here",
        "offhook: the dial plan does not let this number pass",
        "offhook: 486 Busy Here",
    ]


def test_json_shows_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert await shell("hold", "--json", "--control-socket", str(path)) == 0

    served(tmp_path, scenario)
    assert json.loads(capsys.readouterr().out) == {"ok": True, "call": "i7"}


@pytest.mark.parametrize("words", ["transfer one two 1003", "dtmf x y"])
def test_words_too_many_are_refused_before_anything_is_asked(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "--control-socket", str(tmp_path / "none")]) == 2
    assert "takes [CALL]" in capsys.readouterr().err


def test_the_status_of_one_account_leaves_the_others_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        assert await shell("status", "--json", "--account", "spare", "--control-socket", str(path)) == 0
        assert await shell("status", "--account", "nobody", "--control-socket", str(path)) == 1

    served(tmp_path, scenario)
    out, err = capsys.readouterr()
    status = json.loads(out)
    assert [row["name"] for row in status["accounts"]] == ["spare"]
    assert status["calls"] == []
    assert err == "offhook: no account named nobody\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"do":"call"}', '"call" needs "number"'),
        ('{"do":"call","number":5}', '"number" must be a text of at most 256 characters'),
        ('{"do":"call","number":""}', '"number" must be a text of at most 256 characters'),
        ('{"do":"call","number":"1\\n2"}', '"number" must be a text of at most 256 characters'),
        ('{"do":"call","number":"1","digits":"2"}', '"call" does not take digits: it takes account, number'),
        ('{"do":"dtmf","call":"p1"}', '"dtmf" needs "digits"'),
        ('{"do":"outcome"}', '"outcome" needs "call"'),
    ],
)
def test_a_request_that_makes_no_sense_is_one_clear_line(line: str, problem: str, tmp_path: Path) -> None:
    async def scenario(control: ControlSocket, path: Path) -> None:
        client = await connect(path)
        assert await client.ask(line.encode()) == {"ok": False, "error": problem}
        assert (await client.ask(b'{"do":"hold","call":null}'))["ok"] is True
        client.writer.close()

    served(tmp_path, scenario)


def test_who_gives_up_waiting_for_an_outcome_disturbs_nobody(tmp_path: Path) -> None:
    class Slow(Hand):
        async def outcome(self, call: str) -> Outcome:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    async def scenario(control: ControlSocket, path: Path) -> None:
        waiting, other = await connect(path), await connect(path)
        waiting.writer.write(b'{"do":"outcome","call":"p1"}\n')
        assert (await other.ask(b'{"do":"status"}'))["ok"] is True
        waiting.writer.close()
        assert (await other.ask(b'{"do":"status"}'))["ok"] is True
        other.writer.close()

    served(tmp_path, scenario, Slow())


def test_a_socket_that_was_never_opened_takes_nobodys_away(tmp_path: Path) -> None:
    async def body() -> None:
        path = tmp_path / "control.sock"
        first, second = (ControlSocket(path, dict, Hand, lambda: 0.0) for _ in range(2))
        await first.start()
        with pytest.raises(DeviceError):
            await second.start()
        await second.stop()
        assert path.exists()
        await first.stop()

    run(body)


def test_the_phone_listens_where_the_command_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import argparse

    fields: dict[str, object] = {"config": None, "board": None, "state_dir": None, "board_socket": None}
    args = argparse.Namespace(
        **fields,
        control_socket=None,
        emergency_desk=[],
        no_web=True,
        no_exchange=True,
        port=0,
        simulator=True,
        off_hook=False,
    )
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert Options.of_run(args).control_socket is None
    assert socket_to_ask() == Path("/run/offhook/control.sock")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    own = tmp_path / "offhook" / "control.sock"
    assert Options.of_run(args).control_socket == own
    assert socket_to_ask() == Path("/run/offhook/control.sock")  # nobody listens there: the service may
    own.parent.mkdir()
    own.touch()
    assert socket_to_ask() == own
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/offhook:/run/other")
    assert Options.of_run(args).control_socket == socket_to_ask() == Path("/run/offhook/control.sock")
    assert not Options.of_run(args).control_asked
