"""The phone before its network: who lifts and dials then is served, and the network finds a phone that works."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from offhook.config.load import load, load_board, origins
from offhook.daemon.boardfile import board_settings
from offhook.daemon.daemon import Daemon
from offhook.daemon.early import EarlyPhone
from offhook.daemon.files import VALIDATORS
from offhook.daemon.options import Options
from offhook.daemon.quickform import QuickForm, decode, encode
from offhook.daemon.startfiles import quick_form
from offhook.engine.observations import Observation, ToneSeen
from offhook.engine.transport import SipTransport
from offhook.media.messages import Heartbeat, ToneStarted
from offhook.phone.states import State
from offhook.provisioning.start import Running
from offhook.sim.board import SimulatedBoard
from offhook.sip.events import Registered, RegistrationFailed
from tests.support.daemon_bench import MediaClient, Silent, fixtures, silent_server, without_sound
from tests.support.virtual_loop import run

BOARD = "kind: simulated\nkeypad: 4x4\nlamps: [line]\nbuttons: [volume_up]\n"
TEXT = """
country: NO
accounts: [{{name: desk, uri: 'sip:1001@pbx.test', server: '{server}', password: x}}]
sip: {{listen: "127.0.0.1:0"}}
rtp: {{ports: 23000-23020}}
dialplan: "(1xxx)"
"""


class Start:
    """A phone that starts: early first, whole when it is told."""

    def __init__(self, folder: Path, server: Silent) -> None:
        self.server, self.told = server, list[str]()
        self.config = load(TEXT.format(server=server.address), "offhook.yaml", VALIDATORS)
        model = load_board(BOARD, "board.yaml")
        form = quick_form(self.config, model, board_settings(model, origins(BOARD, "board.yaml")))
        read = decode(encode(form, "k"), "k")
        assert isinstance(read, QuickForm)
        options = Options(config=None, board=None, state_dir=folder)
        self.early = EarlyPhone(read, options, folder / "sound", None)
        board = self.early.board
        assert isinstance(board, SimulatedBoard)
        self.board = board
        self.seen: list[Observation] = []
        self.early.watchers.add(self)
        self.daemon: Daemon | None = None

    def note(self, observation: Observation) -> None:
        self.seen.append(observation)

    @property
    def state(self) -> State:
        return self.early.handset.switchboard.machine.state

    @property
    def notes(self) -> list[str]:
        return MediaClient.made[0].notes

    @property
    def tones(self) -> list[str]:
        return [note.removeprefix("tone ") for note in self.notes if note.startswith("tone")]

    async def lift(self) -> None:
        """Lift, and let the hook settle."""
        await self.board.lift()
        await asyncio.sleep(0.1)

    async def dial(self, number: str) -> None:
        """Lift and dial."""
        await self.lift()
        await self.board.dial(number, 0.08, 0.08)

    async def become_whole(self) -> Daemon:
        early = self.early
        made = fixtures(
            early.prompts,
            self.board,
            desk=self.server.address,
            watchers=early.watchers,
            sound_socket=early.sound_socket,
        )
        self.daemon = Daemon(Running(self.config, "file"), made, self.told.append, early)
        await self.daemon.start()
        await asyncio.sleep(0.5)
        return self.daemon


Play = Callable[[Callable[[Start], Awaitable[None]]], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """What plays a scenario on a phone that has started early."""
    without_sound(monkeypatch)

    async def main(scenario: Callable[[Start], Awaitable[None]]) -> None:
        async with silent_server() as server:
            start = Start(tmp_path, server)
            await start.early.start()
            try:
                await scenario(start)
            finally:
                if start.daemon is not None:
                    await start.daemon.close()
                await start.early.close()

    return lambda scenario: run(lambda: main(scenario))


def test_a_lift_has_its_tone_before_there_is_a_network(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.board.lift(bounce=0.01)
        await asyncio.sleep(0.1)
        assert (start.state, start.notes) == (State.DIAL_TONE, ["started", "active True", "tone dial"])

    play(scenario)


def test_the_whole_phone_goes_on_with_the_handset_that_is_there(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.lift()
        daemon = await start.become_whole()
        assert len(MediaClient.made) == 1
        assert (start.state, daemon.line.switchboard) == (State.DIAL_TONE, start.early.handset.switchboard)
        assert start.server.got[0] == b"REGISTER"
        assert "READY=1" in start.told
        await start.board.hang_up()
        await asyncio.sleep(1)
        assert daemon.status()["phone"] == "ON_HOOK"
        await start.board.press_button("volume_up", 0.1)
        assert start.notes[-1].startswith("volume")

    play(scenario)


def test_dial_tone_goes_on_until_an_account_is_in_service_or_none_of_them_can_be(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.lift()
        daemon = await start.become_whole()
        await asyncio.sleep(2)
        assert start.tones == ["dial"]  # the server has not answered yet
        daemon.line.sip_event(RegistrationFailed("desk", 403, "Forbidden", 60.0))
        assert start.tones == ["dial", "no_service"]
        daemon.line.sip_event(Registered("desk", 600))
        assert start.tones == ["dial", "no_service", "dial"]

    play(scenario)


def test_dial_tone_does_not_wait_for_ever_for_a_server_that_is_silent(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.board.lift()
        await start.become_whole()
        await asyncio.sleep(7)
        assert start.tones == ["dial", "no_service"]

    play(scenario)


@pytest.mark.parametrize("registers", [True, False])
def test_a_number_that_is_dialled_before_there_is_a_network_is_called_once_an_account_is_in_service(
    play: Play, registers: bool
) -> None:
    async def scenario(start: Start) -> None:
        await start.dial("1234")
        daemon = await start.become_whole()
        assert (start.state, b"INVITE" in start.server.got) == (State.CALLING, False)
        daemon.line.sip_event(
            Registered("desk", 600) if registers else RegistrationFailed("desk", 403, "Forbidden", 60.0)
        )
        await asyncio.sleep(0.5)
        assert (start.state, b"INVITE" in start.server.got) == (
            (State.CALLING, True) if registers else (State.REORDER, False)
        )

    play(scenario)


def test_an_emergency_number_that_is_dialled_before_there_is_a_network_is_called_when_it_is_there(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.dial("112")
        await asyncio.sleep(3)
        assert start.state is State.CALLING
        assert start.server.got == []
        daemon = await start.become_whole()
        assert b"INVITE" in start.server.got
        assert daemon.line.caller.up

    play(scenario)


def test_sockets_that_fail_keep_no_call_back(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(start: Start) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("broken by the test")

        monkeypatch.setattr(SipTransport, "rebind", broken)
        await start.dial("112")
        await asyncio.sleep(3)
        daemon = await start.become_whole()
        assert daemon.line.caller.up
        await start.board.hang_up()
        await asyncio.sleep(7)
        assert not start.early.handset.switchboard.expecting
        await start.board.lift()
        await asyncio.sleep(0.5)
        assert start.tones[-1] == "no_service"

    play(scenario)


def test_an_emergency_number_of_somebody_who_hung_up_again_is_not_called(play: Play) -> None:
    async def scenario(start: Start) -> None:
        await start.dial("112")
        await asyncio.sleep(3)
        assert start.state is State.CALLING
        await start.board.hang_up()
        await asyncio.sleep(1)
        daemon = await start.become_whole()
        assert set(start.server.got) == {b"REGISTER"}
        assert not daemon.line.caller.up

    play(scenario)


def test_what_the_media_process_said_is_told_to_the_whole_phone(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(start: Start) -> None:
        hear = start.early.handset._heard
        for message in (
            ToneStarted("dial", 12.5),
            Heartbeat(1, 3, True, 0.0, 0.0, 0.0, 0.0),
            ToneStarted("busy", 13.0),
        ):
            hear(message)
        assert [told.getMessage() for told in caplog.records if "tone" in told.getMessage()] == [
            "the first tone, dial, began at 12.500 s of CLOCK_MONOTONIC"
        ]
        daemon = await start.become_whole()
        assert [seen for seen in start.seen if isinstance(seen, ToneSeen)][:2] == [
            ToneSeen("dial", 12.5),
            ToneSeen("busy", 13.0),
        ]
        assert daemon.line.audio.xruns == 3

    caplog.set_level(logging.INFO)
    play(scenario)


def test_dial_tone_needs_neither_sip_nor_the_schema_library_nor_yaml_nor_numpy() -> None:
    code = """
import json, sys
import offhook.cli, offhook.daemon.main, offhook.daemon.life
import offhook.hardware.board, offhook.hardware.battery, offhook.hardware.factory
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    dear = (
        "numpy",
        "pydantic",
        "yaml",
        "aiohttp",
        "dns",
        "pylibsrtp",
        "cryptography",
        "offhook.sip",
        "offhook.engine.shell",
    )
    assert [name for name in names if name.startswith(dear)] == []
    assert "offhook.daemon.whole" not in names
    assert "offhook.emergency.number_table" not in names


def test_neither_process_makes_dataclasses_on_the_way_to_dial_tone() -> None:
    code = """
import sys
import offhook.cli, offhook.daemon.main, offhook.daemon.options, offhook.daemon.life, offhook.media.process
import offhook.hardware.board, offhook.hardware.battery, offhook.hardware.factory, offhook.hardware.gpiodpins
for name, module in list(sys.modules.items()):
    if name.startswith("offhook"):
        for value in vars(module).values():
            if getattr(value, "__module__", "") == name and hasattr(value, "__dataclass_fields__"):
                print(name, value.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "", "one takes as long as forty msgspec.Structs"


def test_the_media_process_is_started_before_anything_that_takes_time_to_import() -> None:
    code = "import json, sys\nimport offhook.cli, offhook.daemon.main\nprint(json.dumps(sorted(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    dear = ("argparse", "asyncio", "logging", "inspect", "typing", "gpiozero", "offhook.phone", "offhook.sip")
    assert [name for name in names if name.startswith(dear)] == []


def test_options_know_of_a_handset_that_is_off_the_hook() -> None:
    from offhook.cli_parser import parse

    assert Options.of_run(parse(["run", "--config", "c", "--board", "b", "--off-hook"])).off_hook
