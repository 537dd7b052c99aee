"""The whole phone but for its media process, on virtual time: start, stop, a change of config, a pulled link."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

import pytest

from offhook.config.load import load
from offhook.daemon import handset as handset_module
from offhook.daemon.build import Fixtures
from offhook.daemon.daemon import Daemon
from offhook.daemon.files import VALIDATORS
from offhook.emergency.callback import CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.mediachild import MediaChild
from offhook.engine.observations import Observation
from offhook.engine.watchers import Watchers
from offhook.hardware.settings import BoardSettings, LampWiring
from offhook.media.messages import FromMedia
from offhook.media.settings import MediaSettings
from offhook.phone.events import HookLifted, HookReplaced, KeyDown, KeyUp
from offhook.provisioning.start import Running
from offhook.sim.board import SimulatedBoard
from offhook.sip.events import CheckSync
from tests.support.engine_bench import MediaNotes
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


class MediaClient(MediaNotes):
    """The media process's client without a process; it takes a second to stop."""

    made: ClassVar["list[MediaClient]"] = []

    def __init__(
        self, settings: MediaSettings, on_message: Callable[[FromMedia], None], child: MediaChild | None = None
    ) -> None:
        super().__init__()
        self.made.append(self)

    async def start(self) -> None:
        self.notes.append("started")

    async def stop(self) -> None:
        await asyncio.sleep(1)
        self.notes.append("stopped")

    def healthy(self, now: float) -> bool:
        return True

    def beats(self, now: float) -> bool:
        return True


class Prompter:
    """No voice."""

    def __init__(self, settings: object) -> None: ...

    async def render(self, text: str) -> Path | None:
        return None


class Silent(asyncio.DatagramProtocol):
    """A server that takes everything and says nothing."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.append(data.split(b" ", 1)[0])


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


def on_a_phone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, scenario: Callable[[Bench], Awaitable[None]], closes: bool = True
) -> None:
    monkeypatch.setattr(handset_module, "MediaClient", MediaClient)
    monkeypatch.setattr(handset_module, "Prompter", Prompter)
    monkeypatch.setattr(MediaClient, "made", [])

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(Silent, ("127.0.0.1", 0))
        host, port = transport.get_extra_info("sockname")
        board = SimulatedBoard(
            BoardSettings(kind="simulated", keypad="4x4", lamps=(LampWiring("line"),)), (0.2, 0.6), loop, lambda: None
        )
        fixtures = Fixtures(
            board=board,
            board_audio=None,
            watchers=Watchers(),
            guard=EmergencyGuard((f"{host}:{port}",)),
            callback=CallbackWindow(),
            prompts=folder,
            device="f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            sound_socket=None,
        )
        told: list[str] = []
        daemon = Daemon(config(f"{host}:{port}"), fixtures, told.append)
        bench = Bench(daemon, server, f"{host}:{port}", told)
        await daemon.start()
        await asyncio.sleep(0.5)
        try:
            await scenario(bench)
        finally:
            if closes:
                await daemon.close()
            transport.close()

    run(main)


def test_a_phone_that_starts_tells_the_service_manager_and_registers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        assert "READY=1" in bench.told
        assert "WATCHDOG=1" in bench.told
        assert bench.server.got[0] == b"REGISTER"
        status = bench.daemon.status()
        assert set(status) >= KEYS
        assert json.loads(json.dumps(status)) == status
        assert status["phone"] == "ON_HOOK"

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_a_lift_gives_a_tone_whether_the_server_answers_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        bench.hook(True)
        assert MediaClient.made[0].notes[-2:] == ["active True", "tone no_service"]

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_sigterm_ends_the_phone_within_five_seconds_though_the_server_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        begin = asyncio.get_running_loop().time()
        await bench.daemon.wait()
        await bench.daemon.close()
        assert asyncio.get_running_loop().time() - begin < 5
        assert MediaClient.made[0].notes[-1] == "stopped"
        assert "STOPPING=1" in bench.told

    on_a_phone(tmp_path, monkeypatch, scenario, closes=False)


def test_stopping_in_an_emergency_call_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.hook(True)
        bench.dial("112")
        await asyncio.sleep(2.5)
        assert bench.daemon.line.caller.up
        assert not bench.daemon.idle()
        assert b"INVITE" in bench.server.got

    on_a_phone(tmp_path, monkeypatch, scenario)
    assert "an emergency call is ended because the phone stops" in caplog.text


def test_sound_and_sockets_are_released_though_the_farewell_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(bench: Bench) -> None:
        def fail(now: float) -> None:
            raise RuntimeError("on purpose")

        bench.daemon.line.shell.endpoint.close = fail  # type: ignore[method-assign]

    on_a_phone(tmp_path, monkeypatch, scenario)
    assert MediaClient.made[0].notes[-1] == "stopped"
    assert "on purpose" in caplog.text


def test_another_config_says_anew_where_updates_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(bench: Bench) -> None:
        assert "update.url" not in caplog.text
        await bench.daemon.switch(bench.config(serial="update: {url: 'https://u.example/latest.json'}\n"))
        assert "update.url is left out: this machine has no two slots" in caplog.text
        await asyncio.sleep(0.5)

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_who_lifts_and_dials_while_the_config_changes_is_served_by_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_a_call_that_began_since_provisioning_looked_is_not_cut_for_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_check_sync_begins_anew_where_there_is_no_config_to_fetch_once_nobody_would_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_check_sync_fetches_where_there_is_a_server_for_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    on_a_phone(tmp_path, monkeypatch, scenario)


@pytest.mark.parametrize("moment", [0.1, 1.0, 2.6, 3.2, 3.5])
def test_a_phone_that_is_stopped_while_its_config_changes_leaves_nothing(
    moment: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.daemon.spawn(bench.daemon.switch(bench.config(country="US")))
        await asyncio.sleep(moment)
        begin = asyncio.get_running_loop().time()
        await bench.daemon.close()
        assert asyncio.get_running_loop().time() - begin < 4.5
        for media in MediaClient.made:
            assert media.notes.count("stopped") == media.notes.count("started")

    on_a_phone(tmp_path, monkeypatch, scenario, closes=False)


def test_a_config_that_cannot_be_built_leaves_the_phone_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        def fail(*arguments: object) -> None:
            raise RuntimeError("on purpose")

        with monkeypatch.context() as patched:
            patched.setattr("offhook.daemon.daemon.build", fail)
            with pytest.raises(RuntimeError):
                await bench.daemon.switch(bench.config(country="US"))
        bench.hook(True)
        assert bench.daemon.status()["phone"] == "DIAL_TONE"

    on_a_phone(tmp_path, monkeypatch, scenario)


def test_a_link_that_is_down_stays_down_over_a_change_of_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    on_a_phone(tmp_path, monkeypatch, scenario)
