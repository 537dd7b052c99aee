"""Provisioning from end to end on virtual time: a real HTTPS server, a real store, a phone of the test's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offhook.config.disk import StoreError
from offhook.config.store import ConfigStore
from offhook.errors import OffhookError
from offhook.provisioning.fetch import Fetcher
from offhook.provisioning.service import ConfigStatus, ProvisioningService, Report
from offhook.provisioning.start import Running, choose
from tests.support.certs import Authority, make_authority
from tests.support.config_server import ConfigServer, serving
from tests.support.cut_disk import CutDisk
from tests.support.virtual_loop import run


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("certs"))


def text(serial: str, user: str = "good") -> str:
    return f"country: NO\nserial: {serial}\naccounts: [{{name: a, uri: 'sip:{user}@pbx.test'}}]\n"


@dataclass
class PhoneDouble:
    """Comes into service ``registers_after`` seconds after a switch to a config whose user is ``good``."""

    busy: bool = False
    registers_after: float = 5.0
    switched: list[Running] = field(default_factory=list)
    refuses: str | None = None
    since: float = 0.0

    def idle(self) -> bool:
        return not self.busy

    def in_service(self) -> bool:
        good = bool(self.switched) and "good" in self.switched[-1].config.accounts[0].uri
        return good and asyncio.get_running_loop().time() >= self.since + self.registers_after

    async def switch(self, running: Running) -> None:
        assert not self.busy, "the config was switched under a call"
        self.switched.append(running)
        self.since = asyncio.get_running_loop().time()
        if self.refuses is not None and running.config.serial == self.refuses:
            raise OffhookError("the port is taken: choose another sip.listen")

    @property
    def serials(self) -> list[str | None]:
        return [running.config.serial for running in self.switched]


@dataclass
class Scene:
    """One phone at one server, with a state directory that outlives restarts of the phone."""

    server: ConfigServer
    fetcher: Fetcher
    disk: CutDisk
    phone: PhoneDouble = field(default_factory=PhoneDouble)
    reports: list[Report] = field(default_factory=list)
    service: ProvisioningService | None = None
    task: "asyncio.Task[None] | None" = None
    interval: str = "10m"

    async def start(self) -> None:
        """Start the phone (again)."""
        where = f"url: '{self.server.url}', interval: {self.interval}, keep_window_s: 60"
        local = text("local") + f"provisioning: {{{where}}}\n"
        store = ConfigStore(self.disk)
        choice = choose(local.encode(), "offhook.yaml", store, {})
        self.phone.switched.append(choice.running)
        self.phone.since = asyncio.get_running_loop().time()
        self.service = ProvisioningService(
            choice,
            store,
            self.phone,
            self.fetcher,
            validators={},
            clock=asyncio.get_running_loop().time,
            random=lambda: 0.5,
            report=self.reports.append,
        )
        self.task = asyncio.create_task(self.service.run())

    async def stop(self) -> None:
        """The process ends, however."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def states(self) -> list[str]:
        return [report.state for report in self.reports]

    def status(self) -> ConfigStatus:
        assert self.service is not None
        return self.service.status()


@asynccontextmanager
async def scene(authority: Authority) -> AsyncIterator[Scene]:
    async with serving(authority.server_context()) as server:
        result = Scene(server, Fetcher(str(authority.ca_file)), CutDisk())
        try:
            yield result
        finally:
            if result.task is not None:
                await result.stop()


def play(authority: Authority, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with scene(authority) as stage:
            await story(stage)

    run(scenario)


def test_a_new_file_is_applied_and_kept_once_the_phone_registered_with_it(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        await stage.start()
        await asyncio.sleep(6)
        assert stage.status() == ConfigStatus("1", "candidate", None)
        await asyncio.sleep(10)
        assert stage.states() == ["fetched", "applied", "kept"]
        assert stage.status() == ConfigStatus("1", "provisioned", None)
        await asyncio.sleep(3600)
        assert stage.states() == ["fetched", "applied", "kept"]
        assert set(stage.server.asked[1:]) == {'"1"'}
        assert 6 <= len(stage.server.asked) <= 8
        await stage.restart()
        assert stage.phone.serials == ["local", "1", "1"]
        assert stage.status().origin == "provisioned"

    play(authority, story)


def test_a_new_file_waits_until_the_call_is_over(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        stage.phone.busy, stage.interval = True, "20s"
        await stage.start()
        await asyncio.sleep(30)
        assert stage.status() == ConfigStatus("local", "file", "1")
        stage.server.offer(text("2"), '"2"')  # a newer one takes the place of one that still waits
        await asyncio.sleep(30)
        assert stage.status().pending == "2"
        stage.phone.busy = False
        await asyncio.sleep(10)
        assert stage.phone.serials == ["local", "2"]
        assert stage.states() == ["fetched", "fetched", "applied", "kept"]

    play(authority, story)


def test_a_config_that_cannot_register_is_undone_and_not_tried_again(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        await stage.start()
        await asyncio.sleep(30)
        stage.server.offer(text("2", user="wrong"), '"2"')
        await asyncio.sleep(700)
        assert stage.phone.serials == ["local", "1", "2", "1"]
        assert stage.states() == ["fetched", "applied", "kept", "fetched", "applied", "undone"]
        assert stage.reports[-1].detail == (
            "the phone did not come into service with it within 60 s; "
            "the last good config is back until the file changes"
        )
        assert stage.status() == ConfigStatus("1", "provisioned", None)
        await asyncio.sleep(7200)
        await stage.restart()
        await asyncio.sleep(7200)
        assert stage.phone.serials == ["local", "1", "2", "1", "1"]
        assert stage.server.asked[-1] == '"2"'
        stage.server.offer(text("3"), '"3"')
        await asyncio.sleep(700)
        assert stage.status() == ConfigStatus("3", "provisioned", None)

    play(authority, story)


def test_going_back_waits_until_the_call_is_over(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1", user="wrong"), '"1"')
        await stage.start()
        await asyncio.sleep(10)
        stage.phone.busy = True
        await asyncio.sleep(150)
        assert stage.phone.serials == ["local", "1"]
        stage.phone.busy = False
        await asyncio.sleep(1)
        assert stage.phone.serials == ["local", "1", "local"]

    play(authority, story)


def test_a_restart_while_going_back_does_not_try_the_candidate_again(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1", user="wrong"), '"1"')
        await stage.start()
        await asyncio.sleep(10)
        stage.phone.busy = True
        await asyncio.sleep(100)
        await stage.restart()
        assert stage.phone.serials == ["local", "1", "local"]
        assert stage.status().origin == "file"

    play(authority, story)


def test_a_bad_file_is_told_in_one_line_and_once(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer("country: no\naccounts: [{name: a, password: hunter2, uri: x}]\n", '"1"')
        await stage.start()
        await asyncio.sleep(7200)
        await stage.restart()
        await asyncio.sleep(7200)
        (report,) = stage.reports
        assert report.state == "refused"
        assert "\n" not in report.detail
        assert "hunter2" not in report.detail
        assert f'{stage.server.url}:1:10: country: "no" is not a country' in report.detail
        assert "(and 1 more: offhook check shows all); the phone stays on its config" in report.detail
        assert stage.phone.serials == ["local", "local"]
        stage.server.offer(text("2"), '"2"')
        await asyncio.sleep(700)
        assert stage.status().serial == "2"

    play(authority, story)


def test_without_etags_the_content_is_compared(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer("country: no\n", None)
        await stage.start()
        await asyncio.sleep(7200)
        assert stage.states() == ["refused"]
        stage.server.offer(text("1"), None)
        await asyncio.sleep(7200)
        assert stage.states() == ["refused", "fetched", "applied", "kept"]

    play(authority, story)


def test_a_server_that_goes_back_to_the_running_file_changes_nothing(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        await stage.start()
        await asyncio.sleep(30)
        stage.server.offer("bad: [", '"2"')
        await asyncio.sleep(700)
        stage.server.offer(text("1"), '"3"')
        await asyncio.sleep(1400)
        assert stage.states() == ["fetched", "applied", "kept", "refused"]
        assert stage.server.asked[-1] == '"3"'

    play(authority, story)


def test_an_unreachable_server_is_told_once_and_asked_ever_more_rarely(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.status = 503
        await stage.start()
        await asyncio.sleep(3600)
        assert stage.states() == ["unreachable"]
        assert 8 <= len(stage.server.asked) <= 12
        stage.server.status = 200
        stage.server.offer(text("1"), '"1"')
        await asyncio.sleep(700)
        assert stage.states() == ["unreachable", "fetched", "applied", "kept"]

    play(authority, story)


def test_somebody_may_ask_for_a_poll_at_once(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        await stage.start()
        await asyncio.sleep(100)
        stage.server.offer(text("2"), '"2"')
        assert stage.service is not None
        stage.service.poll_now()
        stage.service.look()
        await asyncio.sleep(10)
        assert stage.status().serial == "2"

    play(authority, story)


def test_a_config_that_the_phone_cannot_start_on_is_undone(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.phone.refuses = "1"
        stage.server.offer(text("1", user="wrong"), '"1"')
        await stage.start()
        await asyncio.sleep(10)
        assert stage.phone.serials == ["local", "1", "local"]
        assert stage.states() == ["fetched", "applied", "failed", "undone"]
        assert "the port is taken" in stage.reports[2].detail

    play(authority, story)


@pytest.mark.parametrize("user", ["good", "wrong"])
@pytest.mark.parametrize("seconds", [2, 5.1, 6, 8, 40, 64, 66, 80])
def test_a_restart_at_any_moment_ends_with_the_same_config(authority: Authority, user: str, seconds: float) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1", user=user), '"1"')
        await stage.start()
        await asyncio.sleep(seconds)
        await stage.restart()
        await asyncio.sleep(200)
        expected = ConfigStatus("1", "provisioned", None) if user == "good" else ConfigStatus("local", "file", None)
        assert stage.status() == expected
        assert stage.phone.serials[-1] == expected.serial

    play(authority, story)


def test_a_candidate_on_which_the_phone_crashes_again_and_again_is_undone(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1", user="wrong"), '"1"')
        await stage.start()
        await asyncio.sleep(10)
        for _ in range(3):
            await stage.restart()
            await asyncio.sleep(1)
        assert stage.status().origin == "file"
        assert stage.phone.serials[-1] == "local"

    play(authority, story)


def test_a_full_disk_refuses_the_file_and_leaves_the_phone_alone(authority: Authority) -> None:
    async def story(stage: Scene) -> None:
        stage.server.offer(text("1"), '"1"')
        await stage.start()

        def full(name: str, data: bytes) -> None:
            raise StoreError("state directory x cannot be written (full): give offhook a directory of its own")

        stage.disk.write = full  # type: ignore[method-assign]
        await asyncio.sleep(700)
        assert stage.phone.serials == ["local"]
        assert set(stage.states()) == {"refused"}

    play(authority, story)


def test_without_a_url_nothing_is_asked_and_nothing_spins(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = ConfigStore(CutDisk())
        choice = choose(b"country: NO\n", "offhook.yaml", store, {})
        loop = asyncio.get_running_loop()
        service = ProvisioningService(
            choice,
            store,
            PhoneDouble(),
            Fetcher(),
            validators={},
            clock=loop.time,
            random=lambda: 0.0,
            report=lambda report: pytest.fail(str(report)),
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.run(), 100_000)
        assert service.status() == ConfigStatus(None, "file", None)

    run(scenario)
