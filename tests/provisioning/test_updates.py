"""Looking for new versions on virtual time: a real HTTPS server, a device of the test's."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.config.remote import Update
from offhook.errors import OffhookError
from offhook.provisioning.fetch import Fetcher
from offhook.provisioning.updates import INTERVAL_S, Offer, OfferError, UpdateService, read_offer
from tests.support.certs import Authority, make_authority
from tests.support.config_server import ConfigServer, serving
from tests.support.virtual_loop import run

KIND = "offhook-rpi-partition"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("certs"))


def text(version: str, **more: object) -> str:
    return json.dumps({"version": version, "compatible": [KIND], "bundle": f"phone-{version}.raucb", **more})


@dataclass
class Desk:
    """A device; ``asked`` says what root was asked for, and at which hour of virtual time."""

    refusal: str = ""
    failure: str = ""
    asked: list[tuple[Offer, int]] = field(default_factory=list)
    begins_at: int = 0

    def running(self) -> str:
        return "1.0"

    def compatible(self) -> str:
        return KIND

    def refuses(self, version: str) -> str:
        return self.refusal

    def minute(self) -> int:
        return (self.begins_at + int(asyncio.get_running_loop().time() / 60)) % 1440

    def ask(self, offer: Offer) -> None:
        if self.failure:
            raise OffhookError(self.failure)
        self.asked.append((offer, self.minute()))
        self.refusal = "an update is fetching"


@dataclass
class Scene:
    server: ConfigServer
    desk: Desk
    service: UpdateService
    told: list[str]


def scene(
    authority: Authority, play: Callable[[Scene], Awaitable[None]], desk: Desk | None = None, **settings: object
) -> None:
    @asynccontextmanager
    async def at_work() -> AsyncIterator[Scene]:
        async with serving(authority.server_context()) as server:
            told: list[str] = []
            update = Update.model_validate({"url": server.url, "window": "00:00-24:00", **settings})
            fetcher = Fetcher(ca_file=str(authority.ca_file), setting="update")
            clock = asyncio.get_running_loop().time
            made = desk or Desk()
            service = UpdateService(update, fetcher, made, clock=clock, random=lambda: 0.5, report=told.append)
            task = asyncio.create_task(service.run())
            try:
                yield Scene(server, made, service, told)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def main() -> None:
        async with at_work() as made:
            await play(made)

    run(main)


def test_a_newer_version_is_asked_for_once(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(2 * INTERVAL_S)
        assert [offer for offer, _ in at.desk.asked] == [
            Offer("1.1", at.server.url.replace("phone.yaml", "phone-1.1.raucb"))
        ]
        assert at.service.offered == "1.1"
        assert at.server.asked[:2] == [None, '"1"'], "an unchanged file costs little"

    scene(authority, play)


@pytest.mark.parametrize("version", ["1.0", "0.9"])
def test_what_runs_or_is_older_is_not(authority: Authority, version: str) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text(version), '"1"')
        await asyncio.sleep(2 * INTERVAL_S)
        assert (at.desk.asked, at.service.offered) == ([], "")

    scene(authority, play)


def test_the_window_is_kept(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(86400)
        ((_, minute),) = at.desk.asked
        assert 120 <= minute < 125

    scene(authority, play, Desk(begins_at=720), window="02:00-05:00")


def test_without_auto_it_is_only_shown(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(2 * INTERVAL_S)
        assert (at.desk.asked, at.service.offered) == ([], "1.1")
        assert at.told == ["version 1.1 is there; 1.0 runs"]

    scene(authority, play, auto=False)


def test_a_version_that_failed_is_told_once_and_the_next_one_is_asked_for(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(2 * INTERVAL_S)
        assert (at.desk.asked, at.told[-1]) == ([], "1.1 failed")
        assert at.told.count("1.1 failed") == 1
        at.desk.refusal = ""
        at.server.offer(text("1.2"), '"2"')
        await asyncio.sleep(2 * INTERVAL_S)
        assert [offer.version for offer, _ in at.desk.asked][-1] == "1.2"

    scene(authority, play, Desk(refusal="1.1 failed"))


def test_root_who_cannot_be_asked_is_asked_again(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(600)
        assert (at.desk.asked, at.told[-1]) == ([], "no folder")
        at.desk.failure = ""
        await asyncio.sleep(600)
        assert len(at.desk.asked) == 1

    scene(authority, play, Desk(failure="no folder"))


def test_a_server_with_a_fault_is_told_and_asked_again(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.status = 404
        await asyncio.sleep(20)
        assert "check update.url" in at.told[-1]
        at.server.status = 200
        at.server.offer("<html>", None)
        await asyncio.sleep(120)
        assert "is no JSON" in at.told[-1]
        at.server.offer(text("1.1"), None)
        await asyncio.sleep(2 * INTERVAL_S)
        assert len(at.desk.asked) == 1

    scene(authority, play)


def test_a_version_whose_bundle_could_not_be_fetched_is_asked_for_again_after_an_hour(authority: Authority) -> None:
    async def play(at: Scene) -> None:
        at.server.offer(text("1.1"), '"1"')
        await asyncio.sleep(300)
        at.desk.refusal = ""  # root gave up
        await asyncio.sleep(3000)
        assert len(at.desk.asked) == 1
        await asyncio.sleep(600)
        assert [offer.version for offer, _ in at.desk.asked] == ["1.1", "1.1"]

    scene(authority, play)


URL = "https://u.example/phones/latest.json"


@pytest.mark.parametrize(
    ("bundle", "found"),
    [
        ("phone.raucb", "https://u.example/phones/phone.raucb"),
        ("/x.raucb", "https://u.example/x.raucb"),
        ("https://cdn.example/x", "https://cdn.example/x"),
        ({KIND: "pi.raucb", "offhook-other": "no"}, "https://u.example/phones/pi.raucb"),
    ],
)
def test_the_bundle_may_stand_beside_the_file_or_elsewhere(bundle: object, found: str) -> None:
    assert read_offer(text("2", bundle=bundle).encode(), URL, KIND) == Offer("2", found)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"version": ""}, "names no version"),
        ({"version": 2}, "names no version"),
        ({"version": "2\n"}, "names no version"),
        ({"compatible": "offhook-other"}, f"nothing for {KIND}"),
        ({"compatible": None}, f"nothing for {KIND}"),
        ({"bundle": None}, "names no bundle"),
        ({"bundle": "http://cdn.example/x"}, "names no bundle"),
        ({"bundle": {}}, "names no bundle"),
    ],
)
def test_an_offer_that_cannot_be_used_is_refused_in_one_line(more: dict[str, object], word: str) -> None:
    data = json.dumps(json.loads(text("2")) | more).encode()
    with pytest.raises(OfferError, match=word) as caught:
        read_offer(data, URL, KIND)
    assert "\n" not in str(caught.value)


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=4), lambda x: st.lists(x)).map(json.dumps).map(str.encode)
)
def test_any_file_is_an_offer_or_refused(data: bytes) -> None:
    with pytest.raises(OfferError):
        read_offer(data, URL, KIND)
