"""Which config the phone starts on, whatever happened before."""

import pytest
from msgspec.structs import replace

from offhook.config.faults import ConfigError
from offhook.config.store import Candidate, ConfigStore, Refusal, Remote, digest_of
from offhook.provisioning.start import MOST_STARTS, Choice, choose
from offhook.provisioning.verify import in_one_line, verify
from tests.support.cut_disk import CutDisk

URL = "https://c.example/p.yaml"
LOCAL = f"country: NO\nprovisioning: {{url: '{URL}'}}\n".encode()
KEPT = b"country: SE\nserial: kept\n"
TRIED = b"country: DK\nserial: tried\n"


def remote(data: bytes, url: str = URL) -> Remote:
    return Remote(digest_of(data), url, '"1"', "s")


@pytest.fixture
def store() -> ConfigStore:
    store = ConfigStore(CutDisk())
    for data in (KEPT, TRIED):
        store.put(data)
    return store


def start(store: ConfigStore, local: bytes | None = LOCAL) -> Choice:
    return choose(local, "offhook.yaml", store, {})


def test_without_provisioning_the_local_file_rules(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(KEPT)))
    choice = start(store, b"country: NO\n")
    assert (choice.running.config.country, choice.running.origin) == ("NO", "file")
    assert choice.last_good == choice.running


def test_a_faulty_local_file_is_replaced_by_its_last_good_copy(store: ConfigStore) -> None:
    start(store)
    choice = start(store, b"country: no\nlanguag: x\n")
    assert (choice.running.config.country, choice.running.origin) == ("NO", "last-good")
    assert choice.provisioning.url == URL
    assert [fault.line for fault in choice.faults] == [1, 2]
    assert "faults (2)" in choice.notes[0]


def test_a_local_file_that_cannot_be_read_is_replaced_too(store: ConfigStore) -> None:
    start(store)
    assert start(store, None).running.origin == "last-good"


def test_a_faulty_local_file_without_a_good_copy_is_an_error_with_every_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        start(ConfigStore(CutDisk()), b"country: no\nlanguag: x\n")
    assert len(caught.value.faults) == 2


def test_a_kept_config_stands_in_where_nothing_local_is_left(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(KEPT)))
    choice = start(store, b"country: no\n")
    assert (choice.running.config.country, choice.running.origin) == ("SE", "provisioned")
    assert choice.provisioning.url is None


def test_a_kept_config_of_the_same_server_comes_before_the_local_file(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(KEPT)))
    assert start(store).running.config.country == "SE"
    assert start(store).running.origin == "provisioned"


def test_a_kept_config_of_another_server_does_not(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(KEPT, "https://old.example/")))
    assert start(store).running.origin == "file"


def test_a_kept_config_that_this_version_finds_faulty_does_not() -> None:
    store = ConfigStore(CutDisk())
    bad = b"country: XX\n"
    store.put(bad)
    store.save(replace(store.state, kept=remote(bad)))
    assert start(store).running.origin == "file"


def test_a_candidate_is_tried_so_many_times_and_then_refused(store: ConfigStore) -> None:
    store.save(replace(store.state, kept=remote(KEPT), candidate=Candidate(remote(TRIED))))
    for count in range(1, MOST_STARTS + 1):
        choice = start(store)
        assert (choice.running.config.country, choice.running.origin) == ("DK", "candidate")
        assert choice.last_good.config.country == "SE"
        assert store.state.candidate == Candidate(remote(TRIED), "trying", count)
    choice = start(store)
    assert choice.running == choice.last_good
    assert choice.running.config.country == "SE"
    assert store.state.candidate is None
    assert store.state.refused == Refusal(
        remote(TRIED), "the phone was started on it 3 times without coming into service"
    )
    assert "undone" in choice.notes[0]


def test_a_candidate_that_failed_already_is_not_started_again(store: ConfigStore) -> None:
    store.save(replace(store.state, candidate=Candidate(remote(TRIED), "returning", 1)))
    assert start(store).running.origin == "file"
    assert store.state.refused is not None


def test_a_candidate_of_another_server_is_dropped(store: ConfigStore) -> None:
    store.save(replace(store.state, candidate=Candidate(remote(TRIED, "https://old.example/"))))
    assert start(store).running.origin == "file"
    assert store.state.candidate is None


def test_a_candidate_whose_text_is_torn_is_dropped_and_may_be_fetched_again(store: ConfigStore) -> None:
    missing = replace(remote(TRIED), digest="0" * 64)
    store.save(replace(store.state, candidate=Candidate(missing)))
    assert start(store).running.origin == "file"
    assert store.state.refused is None


def test_a_disk_that_cannot_be_written_costs_the_trial_and_not_the_start() -> None:
    class FullDisk(CutDisk):
        def write(self, name: str, data: bytes) -> None:
            from offhook.config.disk import StoreError

            raise StoreError("state directory x cannot be written (full): give offhook a directory of its own")

    disk = CutDisk()
    store = ConfigStore(disk)
    store.put(TRIED)
    store.save(replace(store.state, candidate=Candidate(remote(TRIED))))
    choice = start(ConfigStore(FullDisk.holding(disk.files)))
    assert choice.running.origin == "file"
    assert len(choice.notes) == 2


def test_a_fetched_file_needs_an_account() -> None:
    with pytest.raises(ConfigError, match="accounts: has no account"):
        verify(b"country: NO\n", "x", {})
    with pytest.raises(ConfigError) as caught:
        verify(b"country: no\nfoo: 1\nbar: 2\n", "https://c/p", {})
    assert in_one_line(caught.value).startswith("https://c/p:1:10: country: ")
    assert in_one_line(caught.value).endswith("(and 2 more: offhook check shows all)")
