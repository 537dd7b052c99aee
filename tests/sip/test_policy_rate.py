"""How often each source may speak: buckets, /64 prefixes, bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.policy.rate import MAX_SOURCES, TOGETHER, SourceLimiter, TokenBucket, source_of


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(2.0, 4.0, 100.0)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 4 + [False] * 2
    assert [bucket.take(101.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1000.0) for _ in range(6)] == [True] * 4 + [False] * 2


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1.0, 1.0, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)


def test_an_ipv6_source_is_its_64_bits() -> None:
    assert source_of("2001:db8:1:2::1") == source_of("2001:db8:1:2:ffff::9")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of("::ffff:192.0.2.1") == source_of("192.0.2.1") != source_of("192.0.2.2")
    assert source_of("fe80::1%eth0") == source_of("fe80::2%eth1")


def test_one_source_does_not_use_up_the_others_share() -> None:
    limiter = SourceLimiter(10.0, 20.0)
    assert sum(limiter.take("192.0.2.1", 5.0) for _ in range(100)) == 20
    assert limiter.take("192.0.2.2", 5.0)
    assert sum(limiter.take(f"2001:db8::{n:x}", 5.0) for n in range(100)) == 20


def test_all_sources_together_have_ten_times_the_share_of_one() -> None:
    limiter = SourceLimiter(10.0, 20.0)
    assert sum(limiter.take(f"10.{n >> 8}.{n & 255}.1", 5.0) for n in range(5000)) == 20 * TOGETHER


def test_a_crowd_of_sources_fills_no_memory_and_the_busiest_stays_limited() -> None:
    limiter = SourceLimiter(10.0, 20.0)
    for n in range(20 * MAX_SOURCES):
        limiter.take(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", n / 1e6)
        limiter.take("192.0.2.1", n / 1e6)
    assert len(limiter) == MAX_SOURCES
    assert not limiter.take("192.0.2.1", 0.02)


def test_no_rate_is_no_limit_and_no_memory() -> None:
    limiter = SourceLimiter(0.0, 0.0)
    assert all(limiter.take(f"10.0.{n >> 8}.{n & 255}", 1.0) for n in range(3000))
    assert len(limiter) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]))))
def test_nobody_gets_more_than_burst_and_rate_allow(arrivals: list[tuple[float, str]]) -> None:
    limiter = SourceLimiter(1.0, 3.0)
    passed: dict[str, int] = {}
    latest = 0.0
    for now, ip in arrivals:
        latest = max(latest, now)
        passed[ip] = passed.get(ip, 0) + limiter.take(ip, now)
    assert all(count <= 3 + latest for count in passed.values())


@given(st.text(max_size=40))
def test_any_text_is_some_source(text: str) -> None:
    assert isinstance(source_of(text), str | int)
