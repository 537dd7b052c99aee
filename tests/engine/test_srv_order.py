"""SRV records by priority and weight (RFC 2782)."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.dns_client import Srv
from offhook.engine.srv_order import srv_groups

RECORDS = st.builds(
    Srv, st.integers(0, 3), st.integers(0, 65535), st.integers(1, 65535), st.sampled_from(["", "a", "b"])
)


def firsts(records: list[Srv], draws: int = 4000) -> Counter[str]:
    chance = Random(7).random
    return Counter(srv_groups(records, chance)[0][0].target for _ in range(draws))


@given(st.lists(RECORDS, max_size=12), st.integers(0, 2**32))
def test_every_usable_record_comes_once_and_lower_priorities_first(records: list[Srv], seed: int) -> None:
    groups = srv_groups(records, Random(seed).random)
    flat = [record for group in groups for record in group]
    assert Counter(flat) == Counter(record for record in records if record.target)
    priorities = [{record.priority for record in group} for group in groups]
    assert all(len(group) == 1 for group in priorities)
    assert [min(group) for group in priorities] == sorted({record.priority for record in flat})


def test_weights_share_out_who_comes_first() -> None:
    counted = firsts([Srv(0, 60, 1, "a"), Srv(0, 30, 1, "b"), Srv(0, 10, 1, "c")])
    assert 0.55 < counted["a"] / 4000 < 0.65
    assert 0.25 < counted["b"] / 4000 < 0.35
    assert 0.06 < counted["c"] / 4000 < 0.14


def test_weight_zero_comes_first_hardly_ever_beside_others_but_is_not_lost() -> None:
    counted = firsts([Srv(0, 0, 1, "spare"), Srv(0, 100, 1, "main")])
    assert 0 < counted["spare"] < 120


def test_equal_weights_and_all_zero_serve_too() -> None:
    assert set(firsts([Srv(0, 5, 1, "a"), Srv(0, 5, 1, "b")])) == {"a", "b"}
    assert sum(firsts([Srv(0, 0, 1, "a"), Srv(0, 0, 1, "b")]).values()) == 4000
