"""The whole phone but for its media process, on virtual time: start, stop, a change of config, a pulled link."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from offhook.config.load import load
from offhook.daemon.daemon import Daemon
from offhook.daemon.files import VALIDATORS
from offhook.engine.observations import Observation
from offhook.hardware.settings import BoardSettings, LampWiring
from offhook.phone.events import HookLifted, HookReplaced, KeyDown, KeyUp
from offhook.provisioning.service import ConfigStatus
from offhook.provisioning.start import Running
from offhook.sim.board import SimulatedBoard
from offhook.sip.events import CheckSync
from tests.support.daemon_bench import MediaClient, Silent, fixtures, silent_server, without_sound
from tests.support.virtual_loop import run

KEYS = {
    "version",
    "uptime_s",
    "phone",
    "sip",
    "accounts",
    "calls",
    "power",
    "emergency",
    "config",
    "audio",
}


class Bench:
    def __init__(self, daemon: Daemon, server: Silent, address: str, told: list[str]) -> None:
        self.daemon, self.server, self.address, self.told = daemon, server, address, told
        self.seen: list[Observation] = []

    def config(self, **more: str) -> Running:
        return config(self.address, **more)

    def dial(self, digits: str) -> None:
        now = asyncio.get_running_loop().time()
        for digit in digits:
            self.daemon.phone_event(KeyDown(digit), now)  # type: ignore[arg-type]
            self.daemon.phone_event(KeyUp(digit), now)  # type: ignore[arg-type]

    def hook(self, lifted: bool) -> None:
        self.daemon.phone_event(HookLifted() if lifted else HookReplaced(), asyncio.get_running_loop().time())


def config(server: str, country: str = "NO", serial: str = "") -> Running:
    text = (
        f"country: {country}\n{serial}"
        f"accounts: [{{name: desk, uri: 'sip:1001@pbx.test', server: '{server}', password: x}}]\n"
        'sip: {listen: "127.0.0.1:0"}\nrtp: {ports: 23000-23020}\ndialplan: "(1xxx)"\n'
    )
    return Running(load(text, "offhook.yaml", VALIDATORS), "file")


class Play(Protocol):
    """Plays a scenario on a phone that has started; ``closes``: it is closed after that."""

    def __call__(self, scenario: Callable[[Bench], Awaitable[None]], closes: bool = True) -> None: ...


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    without_sound(monkeypatch)

    async def main(scenario: Callable[[Bench], Awaitable[None]], closes: bool) -> None:
        wiring = BoardSettings(kind="simulated", keypad="4x4", lamps=(LampWiring("line"),))
        board = SimulatedBoard(wiring, (0.2, 0.6), asyncio.get_running_loop(), lambda: None)
        told: list[str] = []
        async with silent_server() as server:
            made = fixtures(tmp_path, board, desk=server.address)
            daemon = Daemon(config(server.address), made, told.append)
            await daemon.start()
            await asyncio.sleep(0.5)
            try:
                await scenario(Bench(daemon, server, server.address, told))
            finally:
                if closes:
                    await daemon.close()

    return lambda scenario, closes=True: run(lambda: main(scenario, closes))


def test_a_phone_that_starts_tells_the_service_manager_and_registers(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        assert "READY=1" in bench.told
        assert "WATCHDOG=1" in bench.told
        assert bench.server.got[0] == b"REGISTER"
        status = bench.daemon.status()
        assert set(status) >= KEYS
        assert json.loads(json.dumps(status)) == status
        assert status["phone"] == "ON_HOOK"

    play(scenario)


def test_a_lift_gives_a_tone_whether_the_server_answers_or_not(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.hook(True)
        assert MediaClient.made[0].notes[-2:] == ["active True", "tone no_service"]

    play(scenario)


def test_sigterm_ends_the_phone_within_five_seconds_though_the_server_is_silent(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        begin = asyncio.get_running_loop().time()
        await bench.daemon.wait()
        await bench.daemon.close()
        assert asyncio.get_running_loop().time() - begin < 5
        assert MediaClient.made[0].notes[-1] == "stopped"
        assert "STOPPING=1" in bench.told

    play(scenario, closes=False)


def test_stopping_in_an_emergency_call_is_told(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        bench.hook(True)
        bench.dial("112")
        await asyncio.sleep(2.5)
        assert bench.daemon.line.caller.up
        assert not bench.daemon.idle()
        assert b"INVITE" in bench.server.got

    play(scenario)
    assert "an emergency call is ended because the phone stops" in caplog.text


def test_sound_and_sockets_are_released_though_the_farewell_fails(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        def fail(now: float) -> None:
            raise RuntimeError("on purpose")

        bench.daemon.line.shell.endpoint.close = fail  # type: ignore[method-assign]

    play(scenario)
    assert MediaClient.made[0].notes[-1] == "stopped"
    assert "on purpose" in caplog.text


def test_another_config_says_anew_where_updates_are_looked_for(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        assert "update.url" not in caplog.text
        await bench.daemon.switch(bench.config(serial="update: {url: 'https://u.example/latest.json'}\n"))
        assert "update.url is left out: this machine has no two slots" in caplog.text
        await asyncio.sleep(0.5)

    play(scenario)


def test_who_lifts_and_dials_while_the_config_changes_is_served_by_the_new_one(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        switching = asyncio.create_task(bench.daemon.switch(bench.config(country="US")))
        await asyncio.sleep(0.5)
        assert not switching.done()
        bench.hook(True)
        bench.dial("911")
        await switching
        await asyncio.sleep(2.5)
        old, new = MediaClient.made
        assert old.notes[-1] == "stopped"
        assert "active True" not in old.notes
        assert "active True" in new.notes
        assert bench.daemon.line.caller.up

    play(scenario)


def test_a_call_that_began_since_provisioning_looked_is_not_cut_for_a_config(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.hook(True)
        bench.dial("112")
        await asyncio.sleep(2.5)
        assert bench.daemon.line.caller.up
        switching = asyncio.create_task(bench.daemon.switch(bench.config(country="US")))
        await asyncio.sleep(60)
        assert bench.daemon.line.caller.up
        assert not switching.done()
        bench.hook(False)
        await asyncio.sleep(60)
        assert not switching.done()  # the desk may call back
        await switching
        assert bench.daemon.running.config.country == "US"
        assert bench.daemon.fixtures.callback.remaining(asyncio.get_running_loop().time()) == 0

    play(scenario)


def test_check_sync_begins_anew_where_there_is_no_config_to_fetch_once_nobody_would_notice(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        line = bench.daemon.line
        bench.hook(True)
        await asyncio.sleep(1)
        line.sip_event(CheckSync("desk", False))
        line.sip_event(CheckSync("desk", True))
        await asyncio.sleep(30)
        assert bench.daemon.line is line
        bench.hook(False)
        await asyncio.sleep(10)
        assert bench.daemon.line is not line
        assert bench.server.got.count(b"REGISTER") >= 2
        again = bench.daemon.line
        await asyncio.sleep(30)
        assert bench.daemon.line is again
        again.sip_event(CheckSync("desk", False))
        await asyncio.sleep(10)
        assert bench.daemon.line is not again

    play(scenario)


def test_check_sync_fetches_where_there_is_a_server_for_configs(play: Play) -> None:
    class Service:
        def __init__(self) -> None:
            self.polls = 0

        def poll_now(self) -> None:
            self.polls += 1

    async def scenario(bench: Bench) -> None:
        service, line = Service(), bench.daemon.line
        bench.daemon.provisioning = service  # type: ignore[assignment]
        line.sip_event(CheckSync("desk", False))
        await asyncio.sleep(10)
        assert (service.polls, bench.daemon.line) == (1, line)
        line.sip_event(CheckSync("desk", True))
        await asyncio.sleep(10)
        assert service.polls == 2
        assert bench.daemon.line is not line
        bench.daemon.provisioning = None

    play(scenario)


@pytest.mark.parametrize("moment", [0.1, 1.0, 2.6, 3.2, 3.5])
def test_a_phone_that_is_stopped_while_its_config_changes_leaves_nothing(play: Play, moment: float) -> None:
    async def scenario(bench: Bench) -> None:
        bench.daemon.spawn(bench.daemon.switch(bench.config(country="US")))
        await asyncio.sleep(moment)
        begin = asyncio.get_running_loop().time()
        await bench.daemon.close()
        assert asyncio.get_running_loop().time() - begin < 4.5
        for media in MediaClient.made:
            assert media.notes.count("stopped") == media.notes.count("started")

    play(scenario, closes=False)


def test_a_config_that_cannot_be_built_leaves_the_phone_as_it_was(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        def fail(*arguments: object) -> None:
            raise RuntimeError("on purpose")

        with monkeypatch.context() as patched:
            patched.setattr("offhook.daemon.daemon.build", fail)
            with pytest.raises(RuntimeError):
                await bench.daemon.switch(bench.config(country="US"))
        bench.hook(True)
        assert bench.daemon.status()["phone"] == "DIAL_TONE"

    play(scenario)


def test_a_link_that_is_down_stays_down_over_a_change_of_config(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.daemon.set_network(False)
        await asyncio.sleep(0.1)  # what is on its way arrives
        heard = len(bench.server.got)
        await bench.daemon.switch(bench.config(country="US"))
        await asyncio.sleep(60)
        assert len(bench.server.got) == heard
        bench.daemon.set_network(True)
        await asyncio.sleep(200)  # a request that is being given up, the longest back-off, and the next
        assert len(bench.server.got) > heard

    play(scenario)


def test_a_config_from_afar_is_on_trial_until_provisioning_keeps_it(play: Play) -> None:
    @dataclass
    class Provisioned:
        origin: str

        def status(self) -> ConfigStatus:
            return ConfigStatus("7", self.origin, None)

    async def scenario(bench: Bench) -> None:
        assert not bench.daemon.on_trial()
        await bench.daemon.switch(Running(bench.config().config, "candidate"))
        await asyncio.sleep(0.5)
        assert bench.daemon.on_trial()
        bench.daemon.provisioning = Provisioned("candidate")  # type: ignore[assignment]
        assert bench.daemon.on_trial()
        bench.daemon.provisioning = Provisioned("provisioned")  # type: ignore[assignment]
        assert not bench.daemon.on_trial()

    play(scenario)
