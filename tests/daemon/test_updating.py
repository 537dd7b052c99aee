"""What the phone knows of its slots and updates, and how it asks root."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path

import pytest

from offhook.cli_status import summary
from offhook.config.disk import Directory
from offhook.config.remote import Update
from offhook.daemon import updating
from offhook.daemon.updating import UpdateDesk, UpdateWatch
from offhook.device.update.rauc import Rauc
from offhook.device.update.request import UpdateRequest
from offhook.device.update.updaterecord import FOLDER, Record, Records
from offhook.device.update.updatestate import Phase
from offhook.device.update.updateview import UpdateView
from offhook.provisioning.updates import Offer
from tests.support.certs import make_authority
from tests.support.config_server import serving
from tests.support.virtual_loop import run


def device(root: Path, trial: bool = False) -> Records:
    """Make the files of a device that runs version 1.0 on slot a."""
    for folder in ("proc", "etc"):
        (root / folder).mkdir()
    word = " offhook.tryboot=1" if trial else ""
    (root / "proc/cmdline").write_text(f"ro offhook.slot=a offhook.scheme=prefix{word}\n")
    (root / "etc/os-release").write_text("IMAGE_VERSION=1.0\n")
    return Records(Directory(root / FOLDER.relative_to("/"), public=True))


def kept() -> bool:
    """Whether the config is on trial: it is not."""
    return False


def test_the_status_follows_what_root_writes(tmp_path: Path) -> None:
    records = device(tmp_path)
    view = UpdateView(tmp_path)
    assert view.to_json() == {
        "slot": "a",
        "scheme": "prefix",
        "trial": False,
        "version": "1.0",
        "phase": "idle",
        "to_slot": None,
        "to_version": "",
        "reason": "",
        "stage": "",
        "changed": 0.0,
    }
    records.save(Record(phase=Phase.FAILED, slot="b", version="1.1", reason="no card", stage="daemon"))
    assert (tmp_path / "var/lib/offhook-device/update.json").stat().st_mode & 0o777 == 0o644
    shown = view.to_json()
    assert (shown["phase"], shown["to_version"], shown["reason"], shown["stage"]) == (
        "failed",
        "1.1",
        "no card",
        "daemon",
    )
    (tmp_path / "var/lib/offhook-device/update.json").unlink()
    assert view.to_json()["phase"] == "idle"


def test_a_trial_is_one_until_it_is_committed(tmp_path: Path) -> None:
    records = device(tmp_path, trial=True)
    view = UpdateView(tmp_path)
    records.save(Record(phase=Phase.TRYING, slot="a"))
    assert view.to_json()["trial"] is True
    records.save(Record(phase=Phase.COMMITTED, slot="a"))
    assert view.to_json()["trial"] is False


def test_a_machine_without_slots_says_so(tmp_path: Path) -> None:
    assert UpdateView(tmp_path).to_json() == {"slot": None}


def test_a_version_that_failed_is_not_asked_for_again_but_another_is(tmp_path: Path) -> None:
    records = device(tmp_path)
    desk = UpdateDesk(Update(), UpdateView(tmp_path), kept)
    assert (desk.running(), desk.refuses("1.1")) == ("1.0", "")
    records.save(Record(phase=Phase.FAILED, slot="b", version="1.1", reason="no card"))
    assert desk.refuses("1.1").endswith("no card")
    assert desk.refuses("1.2") == ""
    records.save(Record(phase=Phase.INSTALLED, slot="b", version="1.2"))
    assert "is installed" in desk.refuses("1.3")


def test_a_config_on_trial_asks_for_nothing_until_it_is_kept(tmp_path: Path) -> None:
    device(tmp_path)
    trial = True
    desk = UpdateDesk(Update(), UpdateView(tmp_path), lambda: trial)
    assert desk.refuses("1.1") == "version 1.1 waits: the config is on trial"
    trial = False
    assert desk.refuses("1.1") == ""


def test_root_is_asked_with_the_window_and_the_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device(tmp_path)
    asked: list[UpdateRequest] = []
    monkeypatch.setattr(updating, "write", asked.append)
    settings = Update(window="03:00-04:00", ca_file="/etc/offhook/ca.pem")
    UpdateDesk(settings, UpdateView(tmp_path), kept).ask(Offer("1.1", "https://u.example/x"))
    assert asked == [UpdateRequest("https://u.example/x", "1.1", "03:00-04:00", "/etc/offhook/ca.pem")]


def lines(update: object) -> list[str]:
    whole = {"version": "1", "uptime_s": 1.0, "phone": "ON_HOOK", "sip": {}, "accounts": [], "calls": []}
    return summary(whole | {"update": update, "board": {"faults": ["hook.pin 17 is taken"]}})


def test_people_are_shown_that_all_was_lost_once() -> None:
    whole = {"uptime_s": 1.0, "phone": "ON_HOOK", "accounts": [], "calls": []}
    shown = summary(whole | {"data": {"made_anew": "e2fsck ended with 8"}})
    assert shown[-1] == "data       all that was kept was lost once: e2fsck ended with 8"
    assert len(summary(whole | {"data": {"made_anew": None}})) == 1


def test_people_are_shown_slot_version_and_the_last_updates_outcome(tmp_path: Path) -> None:
    records = device(tmp_path)
    records.save(Record(phase=Phase.FAILED, slot="b", version="1.1", reason="no card", stage="daemon"))
    shown = lines({**UpdateView(tmp_path).to_json(), "offered": "1.2"})
    assert "update     slot a, version 1.0, 1.1 failed, no card, it reached: daemon, 1.2 is offered" in shown
    assert "board      hook.pin 17 is taken" in shown
    assert not any(line.startswith("update") for line in lines({"slot": None, "offered": ""}))


def test_new_versions_are_looked_for_where_the_present_config_says(tmp_path: Path) -> None:
    device(tmp_path)
    kind = tmp_path / "system.conf"
    kind.write_text("[system]\ncompatible=offhook-test\n")
    authority = make_authority(tmp_path / "certs")
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        tasks.append(asyncio.get_running_loop().create_task(work))
        return tasks[-1]

    async def main() -> None:
        context = authority.server_context()
        async with serving(context) as first, serving(context) as second:
            for server, version in ((first, "1.1"), (second, "1.2")):
                what = {"version": version, "compatible": "offhook-test", "bundle": "x"}
                server.offer(json.dumps(what), None)
            watch = UpdateWatch(UpdateView(tmp_path), spawn, kept, Rauc(kind))
            for url, more, offered, begun in (
                (None, {}, "", 0),
                (first.url, {}, "1.1", 1),
                (first.url, {}, "1.1", 1),
                (second.url, {}, "1.2", 2),
                (second.url, {"window": "01:00-02:00"}, "1.2", 3),
                (None, {}, "", 3),
            ):
                settings = Update.model_validate({"url": url, "auto": False, "ca_file": str(authority.ca_file), **more})
                watch.follow(settings)
                await asyncio.sleep(60)
                assert (watch.offered, len(tasks)) == (offered, begun)
                assert [task.done() for task in tasks] == [True] * (begun - bool(url)) + [False] * bool(url)
            assert (len(first.asked), len(second.asked)) == (1, 2)

    run(main)


def test_a_machine_without_slots_looks_for_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def spawn(work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        raise AssertionError("nothing is to be begun")

    watch = UpdateWatch(UpdateView(tmp_path), spawn, kept)
    watch.follow(Update(url="https://u.example/latest.json"))
    assert watch.offered == ""
    assert "update it by apt" in caplog.text
