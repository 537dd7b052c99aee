"""What is remembered survives: every cut of power, every torn file."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from offhook.config.disk import Directory, StoreError
from offhook.config.store import Candidate, ConfigStore, Refusal, Remote, State, digest_of
from tests.support.cut_disk import CutDisk, PowerCut

URL = "https://c.example/p.yaml"
LOCAL, FIRST, SECOND = b"country: NO\n", b"country: SE\n", b"country: DK\n"


def remote(data: bytes, etag: str | None = '"1"') -> Remote:
    return Remote(digest_of(data), URL, etag, "7")


def start_local(store: ConfigStore) -> None:
    store.remember_local(LOCAL)


def keep_first(store: ConfigStore) -> None:
    store.put(FIRST)
    store.save(replace(store.state, kept=remote(FIRST)))


def hold_second(store: ConfigStore) -> None:
    store.put(SECOND)
    store.save(replace(store.state, candidate=Candidate(remote(SECOND, '"2"')), refused=None))


def try_second(store: ConfigStore) -> None:
    store.save(replace(store.state, candidate=Candidate(remote(SECOND, '"2"'), "trying", 1)))


def keep_second(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(SECOND, '"2"'), candidate=None))


def undo_second(store: ConfigStore) -> None:
    store.save(replace(store.state, candidate=None, refused=Refusal(remote(SECOND, '"2"'), "no service")))


def edit_local(store: ConfigStore) -> None:
    store.remember_local(b"country: FI\n")


LIFE = [start_local, keep_first, hold_second, try_second, undo_second, hold_second, try_second, keep_second, edit_local]


def whole(store: ConfigStore) -> bool:
    """Whether every text that the state needs is there."""
    return all(store.text(digest) is not None for digest in store.state.digests())


def test_a_life_of_configs_is_remembered() -> None:
    disk = CutDisk()
    for act in LIFE:
        act(ConfigStore(disk))
        assert whole(ConfigStore(disk))
    state = ConfigStore(disk).state
    assert state.kept == remote(SECOND, '"2"')
    assert ConfigStore(disk).text(state.local) == b"country: FI\n"


def test_texts_that_nothing_points_to_are_forgotten() -> None:
    disk = CutDisk()
    for act in LIFE * 3:
        act(ConfigStore(disk))
    assert len([name for name in disk.names() if name.startswith("config-")]) <= 4
    assert not [name for name in disk.names() if name.endswith(".new")]


@pytest.mark.parametrize("index", range(len(LIFE)), ids=[f"{i}-{act.__name__}" for i, act in enumerate(LIFE)])
def test_a_power_cut_after_any_operation_leaves_the_old_state_or_the_new(index: int) -> None:
    before = CutDisk()
    for act in LIFE[:index]:
        act(ConfigStore(before))
    files = dict(before.files)
    after = CutDisk.holding(files)
    LIFE[index](ConfigStore(after))
    allowed = {ConfigStore(CutDisk.holding(files)).state, ConfigStore(after).state}
    seen = 0
    for cut in range(after.operations + 1):
        disk = CutDisk.holding(files, cut_after=cut)
        try:
            LIFE[index](ConfigStore(disk))
        except PowerCut:
            pass
        else:
            assert cut == after.operations
        for outcome in disk.outcomes():
            found = ConfigStore(CutDisk.holding(outcome))
            assert found.state in allowed
            assert whole(found)
            LIFE[index](found)  # and the phone goes on from there
            assert whole(found)
            seen += 1
    assert seen > after.operations


def test_nothing_is_written_when_nothing_changed() -> None:
    disk = CutDisk()
    start_local(ConfigStore(disk))
    count = disk.operations
    start_local(ConfigStore(disk))
    ConfigStore(disk).save(ConfigStore(disk).state)
    assert disk.operations == count


@pytest.mark.parametrize("torn", [b"", b"\0" * 300, b"not json", b"half"])
def test_a_torn_slot_costs_the_last_change_only(torn: bytes) -> None:
    disk = CutDisk()
    for act in LIFE[:3]:
        act(ConfigStore(disk))
    expected = ConfigStore(disk).state
    try_second(ConfigStore(disk))
    newest = "state-1.json" if b'"generation": 4' in disk.files["state-1.json"] else "state-0.json"
    disk.files[newest] = torn
    found = ConfigStore(disk)
    assert found.state == expected
    assert whole(found)
    try_second(found)
    assert ConfigStore(disk).state.candidate == Candidate(remote(SECOND, '"2"'), "trying", 1)


@pytest.mark.parametrize("index", range(1, len(LIFE)))
def test_whichever_slot_is_torn_the_texts_of_the_other_are_there(index: int) -> None:
    disk = CutDisk()
    for act in LIFE[:index]:
        act(ConfigStore(disk))
    before = ConfigStore(disk).state
    LIFE[index](ConfigStore(disk))
    after = ConfigStore(disk).state
    found = []
    for slot in ("state-0.json", "state-1.json"):
        store = ConfigStore(CutDisk.holding(disk.files | {slot: b"torn"}))
        assert whole(store)
        found.append(store.state)
    assert set(found) == {before, after}


def test_a_torn_text_is_no_text_and_is_written_again() -> None:
    disk = CutDisk()
    start_local(ConfigStore(disk))
    name = f"config-{digest_of(LOCAL)}.yaml"
    disk.files[name] = LOCAL[:5]
    assert ConfigStore(disk).text(digest_of(LOCAL)) is None
    start_local(ConfigStore(disk))
    assert ConfigStore(disk).text(digest_of(LOCAL)) == LOCAL


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_in_the_slots_are_survived(one: bytes, two: bytes) -> None:
    store = ConfigStore(CutDisk.holding({"state-0.json": one, "state-1.json": two}))
    assert store.state == State()


REMOTE = {"digest": "a", "url": "b", "etag": 1, "serial": None}
SCRAPS = st.sampled_from(
    [None, 1, "x", [], {}, {"remote": {}}, REMOTE, {"remote": REMOTE, "reason": 1}]
    + [
        {"remote": remote, "phase": phase, "starts": n}
        for remote in (REMOTE, 1)
        for phase in ("trying", "?")
        for n in (1, "1")
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        SCRAPS,
        st.fixed_dictionaries(
            {name: SCRAPS for name in ("local", "kept", "candidate", "refused")}
            | {"generation": st.sampled_from([1, 1, "1", None, 1e400, -1])},
            optional={"more": SCRAPS},
        ),
    )
)
def test_any_json_with_a_right_checksum_is_survived(value: object) -> None:
    body = json.dumps(value).encode()
    ConfigStore(CutDisk.holding({"state-0.json": digest_of(body).encode() + b"\n" + body}))


class TestRealDirectory:
    def test_it_is_made_at_the_first_write_and_private(self, tmp_path: Path) -> None:
        folder = tmp_path / "var" / "offhook"
        store = ConfigStore(Directory(folder))
        assert not folder.exists()
        start_local(store)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
        assert ConfigStore(Directory(folder)).state == store.state

    def test_a_life_of_configs_is_remembered(self, tmp_path: Path) -> None:
        for act in LIFE:
            act(ConfigStore(Directory(tmp_path)))
        assert ConfigStore(Directory(tmp_path)).state.kept == remote(SECOND, '"2"')

    @pytest.mark.parametrize(
        "act",
        [
            lambda files: files.write("a", b""),
            lambda files: files.rename("a", "b"),
            lambda files: files.sync("a"),
            lambda files: files.remove("a"),
            lambda files: files.sync_names(),
        ],
    )
    def test_a_directory_that_is_none_is_told_in_one_line(
        self, tmp_path: Path, act: Callable[[Directory], object]
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"state directory .*/file/x cannot be written .*: give offhook"):
            act(Directory(tmp_path / "file" / "x"))

    def test_reading_where_there_is_nothing_finds_nothing(self, tmp_path: Path) -> None:
        assert ConfigStore(Directory(tmp_path / "none")).state == State()
        assert Directory(tmp_path / "none").names() == []
        (tmp_path / "dir").mkdir()
        with pytest.raises(StoreError, match="cannot be read"):
            Directory(tmp_path).read("dir")

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        os.symlink(tmp_path / "target", tmp_path / "state-0.json.new")
        with pytest.raises(StoreError):
            start_local(ConfigStore(Directory(tmp_path)))
        assert not (tmp_path / "target").exists()
