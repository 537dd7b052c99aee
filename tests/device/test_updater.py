"""Root's part of an update, with a phone, a network and a RAUC of the test's."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from offhook.config.disk import StoreError
from offhook.device.boot.slots import Slot, SlotError
from offhook.device.update.fetching import BundleFetchError
from offhook.device.update.health import before_of
from offhook.device.update.quiet import Status
from offhook.device.update.rauc import BundleError, BundleInfo
from offhook.device.update.request import UpdateRequest
from offhook.device.update.updater import Updater
from offhook.device.update.updaterecord import Record, Records
from offhook.device.update.updatestate import Phase
from offhook.errors import DeviceError
from tests.device.test_health import status
from tests.support.cut_disk import CutDisk

ASKED = UpdateRequest("https://u.example/phone.raucb?token=secret", "2", "")


@dataclass
class Scene:
    """A device on slot a, version 1; what happens is noted in ``done`` with its time."""

    store: Path
    phone: Callable[[float], Status | None] = lambda now: status(now)
    info: BundleInfo | BundleError = field(default_factory=lambda: BundleInfo("offhook-test", "2"))
    fetch_fails: str = ""
    install_fails: str = ""
    prepare_fails: str = ""
    restart_fails: str = ""
    minute_at: Callable[[float], int] = lambda now: 0
    disk: CutDisk = field(default_factory=CutDisk)
    done: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    def note(self, what: str) -> None:
        self.done.append(what)
        self.times[what] = self.now

    def verify(self, bundle: Path) -> BundleInfo:
        if isinstance(self.info, BundleError):
            raise self.info
        return self.info

    def install(self, bundle: Path, in_use: Callable[[], str]) -> None:
        assert bundle.exists()
        self.note("install")
        records = Records(self.disk)  # as `offhook slot` does, called by rauc
        records.save(records.read().marked("b", "bad"))
        if self.install_fails:
            raise BundleError(self.install_fails)
        records.save(replace(records.read().marked("b", "good"), armed="b"))

    def stop(self) -> None:
        self.note("stop")
        records = Records(self.disk)
        records.save(records.read().marked("b", "bad"))

    def status(self) -> Status | None:
        return self.phone(self.now)

    def fetch(self, request: UpdateRequest, target: Path) -> None:
        self.note("fetch")
        target.write_bytes(b"bundle")
        if self.fetch_fails:
            raise BundleFetchError(self.fetch_fails)

    def prepare(self, slot: Slot) -> None:
        if self.prepare_fails:
            raise SlotError(self.prepare_fails)

    def restart_to_try(self) -> None:
        assert Records(self.disk).read().phase is Phase.TRYING, "noted before it is done"
        assert not self.store.exists(), "the restart may cut whatever comes after it"
        if self.restart_fails:
            raise DeviceError(self.restart_fails)
        self.note("restart")

    def minute(self) -> int:
        return self.minute_at(self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1e5

    @property
    def updater(self) -> Updater:
        return Updater(
            ("a", "1"),
            Records(self.disk),
            self,
            self,
            self.store,
            clock=lambda: self.now,
            wall=lambda: 1e9 + self.now,
            sleep=self.sleep,
        )

    def update(self, request: UpdateRequest = ASKED) -> Record:
        record = self.updater.update(request, only_newer=True)
        assert record == Records(self.disk).read()
        assert not self.store.exists(), "a bundle is not kept"
        return record


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "bundle.raucb"


def test_an_update_is_fetched_installed_and_tried(store: Path) -> None:
    scene = Scene(store)
    record = scene.update()
    assert scene.done == ["fetch", "install", "restart"]
    assert (record.phase, record.slot, record.version, record.armed) == (Phase.TRYING, "b", "2", "b")
    assert record.before == before_of(status())
    assert record.url == "https://u.example/phone.raucb", "what follows the ? may be a token"


def test_nothing_is_installed_nor_restarted_while_the_phone_is_in_use(store: Path) -> None:
    def phone(now: float) -> Status:
        calls = [{"call": "o1"}] if now < 100 or 130 < now < 400 else []
        return status(now, calls=calls)

    scene = Scene(store, phone)
    scene.update()
    assert scene.times["install"] >= 115
    assert scene.times["restart"] >= 415


def test_without_mains_it_waits(store: Path) -> None:
    scene = Scene(store, lambda now: status(now) | {"power": {"state": "OUTAGE" if now < 600 else "MAINS"}})
    scene.update()
    assert scene.times["install"] >= 600


def test_the_restart_waits_for_its_window(store: Path) -> None:
    scene = Scene(store, minute_at=lambda now: int(now) // 60)

    def phone(now: float) -> Status:
        assert scene.store.exists() == ("install" not in scene.done), "no bundle takes room while it is waited"
        return status(now)

    scene.phone = phone
    scene.update(replace(ASKED, when="00:30-01:00"))
    assert scene.times["install"] < 60
    assert scene.times["restart"] >= 30 * 60


def test_what_it_waits_for_is_told(store: Path) -> None:
    seen: set[str] = set()

    def phone(now: float) -> Status:
        seen.add(Records(scene.disk).read().reason)
        return status(now, phone="TALKING" if now < 50 else "ON_HOOK")

    scene = Scene(store, phone)
    assert scene.update().reason == ""
    assert "waits: the handset is in use" in seen


class FullDisk(CutDisk):
    """Takes nothing while ``full``."""

    full = False

    def write(self, name: str, data: bytes) -> None:
        if self.full:
            raise StoreError("no space left on device")
        super().write(name, data)


def test_a_disk_that_takes_no_note_of_what_it_waits_for_does_not_end_the_wait(store: Path) -> None:
    disk = FullDisk()

    def phone(now: float) -> Status:
        disk.full = now < 50
        return status(now, phone="TALKING" if now < 50 else "ON_HOOK")

    scene = Scene(store, phone, disk=disk)
    Records(disk).save(Record(phase=Phase.INSTALLED, slot="b", version="2", armed="b"))
    assert scene.updater.resume().phase is Phase.TRYING
    assert scene.times["restart"] >= 65


def test_a_trial_is_measured_by_the_phone_that_was_left_alone_before_it(store: Path) -> None:
    asked: set[float] = set()

    def phone(now: float) -> Status | None:
        again = now in asked
        asked.add(now)
        return None if again else status(now)

    scene = Scene(store, phone)
    Records(scene.disk).save(Record(phase=Phase.INSTALLED, slot="b", version="2", armed="b"))
    assert scene.updater.resume().before == before_of(status())


def test_a_bundle_that_is_not_signed_is_refused_and_the_other_slot_left_alone(store: Path) -> None:
    scene = Scene(store, info=BundleError("rauc info: signature verification failed"))
    record = scene.update()
    assert (record.phase, record.reason) == (Phase.FAILED, "rauc info: signature verification failed")
    assert scene.done == ["fetch"]
    with pytest.raises(BundleError, match="failed already"):
        scene.updater.update(ASKED, only_newer=True)
    scene.info = BundleInfo("offhook-test", "3")
    assert scene.update(replace(ASKED, version="3")).phase is Phase.TRYING


@pytest.mark.parametrize(("version", "word"), [("1", "not newer than 1"), ("0.9", "not newer"), ("3", "was promised")])
def test_the_phone_cannot_have_an_old_version_installed(store: Path, version: str, word: str) -> None:
    scene = Scene(store, info=BundleInfo("offhook-test", version))
    asked = ASKED if version == "3" else replace(ASKED, version=version)
    record = scene.update(asked)
    assert record.phase is Phase.FAILED
    assert word in record.reason
    assert scene.done == ["fetch"]


def test_a_person_can(store: Path) -> None:
    scene = Scene(store, info=BundleInfo("offhook-test", "0.9"))
    assert scene.updater.update(replace(ASKED, version=""), only_newer=False).phase is Phase.TRYING


def test_a_server_that_is_not_there_is_no_failure_of_the_version(store: Path) -> None:
    scene = Scene(store, fetch_fails="no route to host")
    record = scene.update()
    assert (record.phase, record.reason) == (Phase.IDLE, "no route to host")
    scene.fetch_fails = ""
    assert scene.update().phase is Phase.TRYING


def test_an_installation_that_fails_leaves_the_slot_bad_and_not_armed(store: Path) -> None:
    scene = Scene(store, install_fails="rauc install: no space left on device")
    record = scene.update()
    assert (record.phase, record.armed, record.standing["b"]) == (Phase.FAILED, None, "bad")
    assert record.reason == "rauc install: no space left on device"


def test_slot_files_that_are_not_ours_are_found_before_anything_is_written(store: Path) -> None:
    scene = Scene(store, prepare_fails="autoboot.txt: 'kernel=x' is not understood")
    assert scene.update().phase is Phase.FAILED
    assert scene.done == ["fetch"]


def test_a_restart_that_is_refused_is_no_trial(store: Path) -> None:
    scene = Scene(store, restart_fails="no systemd here")
    record = scene.update()
    assert (record.phase, record.reason) == (Phase.FAILED, "no trial could be begun: no systemd here")


def test_slot_files_that_were_changed_meanwhile_end_it_before_the_trial(store: Path) -> None:
    scene = Scene(store, prepare_fails="autoboot.txt: 'kernel=x' is not understood")
    Records(scene.disk).save(Record(phase=Phase.INSTALLED, slot="b", version="2", armed="b"))
    record = scene.updater.resume()
    assert (record.phase, record.armed) == (Phase.FAILED, None)
    assert "no trial could be begun" in record.reason
    assert not scene.done


def test_the_window_outlives_a_cut(store: Path) -> None:
    scene = Scene(store, minute_at=lambda now: int(now) // 60)
    Records(scene.disk).save(Record(phase=Phase.INSTALLED, slot="b", when="00:30-01:00"))
    scene.updater.resume()
    assert scene.times["restart"] >= 30 * 60


def test_what_was_installed_before_a_cut_is_tried_after_it(store: Path) -> None:
    scene = Scene(store)
    Records(scene.disk).save(Record(phase=Phase.INSTALLED, slot="b", version="2", armed="b"))
    assert scene.updater.resume().phase is Phase.TRYING
    assert scene.done == ["restart"]
    idle = Scene(store)
    assert idle.updater.resume() == Record()
    assert not idle.done


@pytest.mark.parametrize("phase", [Phase.FETCHING, Phase.VERIFIED, Phase.INSTALLED])
def test_an_updater_that_was_ended_midway_is_begun_anew(store: Path, phase: Phase) -> None:
    scene = Scene(store)
    Records(scene.disk).save(Record(phase=phase, slot="b", version="1.5"))
    assert scene.update().version == "2"


def test_a_fetch_whose_updater_was_killed_is_let_go_of_and_may_be_asked_for_again(store: Path) -> None:
    scene = Scene(store)
    store.write_bytes(b"half of a bundle")
    Records(scene.disk).save(Record(phase=Phase.FETCHING, slot="b", version="2"))
    record = scene.updater.ended()
    assert (record.phase, store.exists()) == (Phase.IDLE, False)
    assert "ended before it was done" in record.reason
    assert record == Records(scene.disk).read()
    assert scene.update().phase is Phase.TRYING


def test_an_installation_whose_updater_was_killed_is_ended_and_may_be_asked_for_again(store: Path) -> None:
    scene = Scene(store)
    store.write_bytes(b"bundle")
    Records(scene.disk).save(Record(phase=Phase.VERIFIED, slot="b", version="2"))
    record = scene.updater.ended()
    assert (scene.done, store.exists()) == (["stop"], False)
    assert (record.phase, record.armed, record.standing) == (Phase.IDLE, None, {"a": "good", "b": "bad"})
    assert record == Records(scene.disk).read()
    assert scene.update().phase is Phase.TRYING


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.FETCHING, Phase.VERIFIED)])
def test_the_end_of_an_updater_changes_nothing_else(store: Path, phase: Phase) -> None:
    scene = Scene(store)
    kept = Record(phase=phase, slot="b", version="2", reason="as it was")
    Records(scene.disk).save(kept)
    assert scene.updater.ended() == Records(scene.disk).read() == kept
    assert scene.done == []


def test_nothing_is_begun_while_a_trial_runs(store: Path) -> None:
    scene = Scene(store)
    Records(scene.disk).save(Record(phase=Phase.TRYING, slot="b"))
    with pytest.raises(BundleError, match="on trial"):
        scene.updater.update(ASKED, only_newer=False)


def test_a_bundle_from_a_stick_stays_where_it_is(store: Path) -> None:
    scene = Scene(store)
    stick = store.with_name("stick.raucb")
    stick.write_bytes(b"bundle")
    assert scene.updater.update_from(stick).phase is Phase.TRYING
    assert stick.exists()
    assert scene.done == ["install", "restart"]
