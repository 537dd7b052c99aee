import pytest

from offhook.sip.errors import LocalError
from offhook.sip.events import Lookup, Target
from offhook.sip.messages.uri import parse_uri
from offhook.sip.transactions.next_hop import Hop, NextHops
from offhook.sip.transactions.timers import TimerQueue


@pytest.mark.parametrize(
    ("server", "host", "port"),
    [
        ("pbx.test", "pbx.test", None),
        ("pbx.test:5070", "pbx.test", 5070),
        ("10.0.0.1", "10.0.0.1", None),
        ("10.0.0.1:65535", "10.0.0.1", 65535),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:5061", "2001:db8::1", 5061),
        ("2001:db8::1", "2001:db8::1", None),
        (" pbx.test ", "pbx.test", None),
    ],
)
def test_a_server_setting_is_read(server: str, host: str, port: int | None) -> None:
    assert Hop.of_server(server, "udp") == Hop(host, port, "udp")


@pytest.mark.parametrize("server", ["", "pbx:0", "pbx:65536", "pbx:+1", "pbx:\u0661", ":5060", "[::1", "[::1]x"])
def test_a_server_setting_that_cannot_be_read_says_so(server: str) -> None:
    with pytest.raises(LocalError, match="neither host nor host:port"):
        Hop.of_server(server, "udp")


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@pbx.test", Hop("pbx.test", None, None)),
        ("sip:a@pbx.test:5070;transport=TCP", Hop("pbx.test", 5070, "tcp")),
        ("sip:pbx.test;transport=tls", Hop("pbx.test", None, "tls")),
        ("sips:pbx.test", Hop("pbx.test", None, None, secure=True)),
        ("sips:pbx.test;transport=tcp", Hop("pbx.test", None, "tls", secure=True)),
        ("sip:pbx.test;transport=sctp", Hop("pbx.test", None, "udp")),
        ("sip:pbx.test;maddr=10.0.0.7", Hop("10.0.0.7", None, None, domain="pbx.test")),
        ("sip:pbx.test;maddr=[2001:db8::7]", Hop("2001:db8::7", None, None, domain="pbx.test")),
        ("sip:10.0.0.7", Hop("10.0.0.7", None, None)),
    ],
)
def test_a_uri_says_where_to_send(uri: str, hop: Hop) -> None:
    assert Hop.of_uri(parse_uri(uri)) == hop


def test_a_uri_without_host_cannot_be_sent_to() -> None:
    with pytest.raises(LocalError):
        Hop.of_uri(parse_uri("tel:+123"))


def test_numbers_are_not_asked_about() -> None:
    asked: list[Lookup] = []
    found: list[list[Target]] = []
    hops = NextHops(asked.append, TimerQueue())
    hops.find(Hop("10.0.0.1", None, "tls"), 0.0, lambda targets, reason, now: found.append(targets))
    hops.find(Hop("2001:db8::1", 5070, "udp"), 0.0, lambda targets, reason, now: found.append(targets))
    assert found == [[Target("tls", "10.0.0.1", 5061, "10.0.0.1")], [Target("udp", "2001:db8::1", 5070)]]
    assert asked == []


def test_a_name_is_asked_once_for_all_who_wait_and_remembered_for_a_while() -> None:
    asked: list[Lookup] = []
    found: list[list[Target]] = []
    hops = NextHops(asked.append, TimerQueue())
    hop = Hop("PBX.test", None, "udp")
    for _ in range(3):
        hops.find(hop, 0.0, lambda targets, reason, now: found.append(targets))
    assert asked == [Lookup("udp:pbx.test:", "PBX.test", None, "udp")]
    target = Target("udp", "10.0.0.1", 5060)
    hops.resolved("udp:pbx.test:", [target], 1.0)
    assert found == [[target]] * 3
    hops.find(hop, 20.0, lambda targets, reason, now: found.append(targets))
    assert len(asked) == 1
    hops.find(hop, 40.0, lambda targets, reason, now: found.append(targets))
    assert len(asked) == 2
    hops.unresolvable("udp:pbx.test:", "gone", 41.0, ttl=5.0)
    assert found[3:] == [[target], []]


def test_an_answer_is_kept_for_as_long_as_dns_says() -> None:
    asked: list[Lookup] = []
    hops = NextHops(asked.append, TimerQueue())
    hop = Hop("pbx.test", None, None)
    hops.find(hop, 0.0, lambda targets, reason, now: None)
    hops.resolved("sip:pbx.test:", [Target("udp", "10.0.0.1", 5060)], 0.0, ttl=600.0)
    hops.find(hop, 599.0, lambda targets, reason, now: None)
    assert len(asked) == 1
    hops.find(hop, 601.0, lambda targets, reason, now: None)
    assert len(asked) == 2


def test_what_dns_said_last_serves_while_the_name_servers_are_silent() -> None:
    hops = NextHops(lambda lookup: None, TimerQueue())
    found: list[list[Target]] = []
    hop = Hop("pbx.test", None, "udp")
    target = Target("udp", "10.0.0.1", 5060)
    hops.find(hop, 0.0, lambda targets, reason, now: found.append(targets))
    hops.resolved(hop.key, [target], 0.0, ttl=60.0)
    hops.forget()
    hops.find(hop, 3600.0, lambda targets, reason, now: found.append(targets))
    hops.unresolvable(hop.key, "no name server answers", 3604.0)
    hops.find(hop, 90_100.0, lambda targets, reason, now: found.append(targets))
    hops.unresolvable(hop.key, "no name server answers", 90_104.0)
    assert found == [[target], [target], []]


def test_who_waits_for_dns_that_is_silent_goes_on_with_what_is_known_after_two_seconds() -> None:
    timers = TimerQueue()
    hops = NextHops(lambda lookup: None, timers)
    found: list[tuple[float, list[Target]]] = []
    hop = Hop("pbx.test", None, "udp")
    old, new = Target("udp", "10.0.0.1", 5060), Target("udp", "10.0.0.2", 5060)

    def find(now: float) -> None:
        hops.find(hop, now, lambda targets, reason, now: found.append((now, targets)))

    find(0.0)
    hops.resolved(hop.key, [old], 0.0, ttl=60.0)
    find(100.0)
    timers.run(101.7)
    assert len(found) == 1
    timers.run(101.9)
    hops.resolved(hop.key, [new], 103.0)
    find(104.0)
    assert [targets for _, targets in found] == [[old], [old], [new]]
    hops.find(Hop("x.test", None, "udp"), 200.0, lambda targets, reason, now: found.append((now, targets)))
    timers.run(202.0)
    assert len(found) == 3, "who knows nothing waits for longer"


def test_what_is_named_instead_serves_where_dns_is_silent() -> None:
    timers = TimerQueue()
    hops = NextHops(lambda lookup: None, timers)
    found: list[list[Target]] = []
    other = Target("tcp", "10.0.0.1", 5060)
    hops.find(Hop("x.test", None, "tcp"), 0.0, lambda targets, reason, now: found.append(targets), True, [other])
    timers.run(1.7)
    assert found == []
    timers.run(1.9)
    assert found == [[other]]


def test_that_there_is_no_such_name_is_remembered_for_a_few_seconds_only() -> None:
    asked: list[Lookup] = []
    reasons: list[str] = []
    hops = NextHops(asked.append, TimerQueue())
    hop = Hop("x.test", None, "tcp")
    hops.find(hop, 0.0, lambda targets, reason, now: reasons.append(reason))
    hops.unresolvable(hop.key, "no such name", 0.0, ttl=3600.0)
    hops.find(hop, 9.0, lambda targets, reason, now: reasons.append(reason))
    assert reasons == ["no such name"] * 2
    hops.find(hop, 11.0, lambda targets, reason, now: reasons.append(reason))
    assert len(asked) == 2


def test_targets_over_tls_carry_the_domain_that_the_certificate_must_name() -> None:
    hops = NextHops(lambda lookup: None, TimerQueue())
    found: list[list[Target]] = []
    hop = Hop("pbx.test", None, None, secure=True)
    hops.find(hop, 0.0, lambda targets, reason, now: found.append(targets))
    hops.resolved(hop.key, [Target("tls", "10.0.0.1", 5061)], 0.0)
    assert found == [[Target("tls", "10.0.0.1", 5061, "pbx.test")]]


def test_plain_and_secure_hops_are_looked_up_apart() -> None:
    asked: list[Lookup] = []
    hops = NextHops(asked.append, TimerQueue())
    for hop in (Hop("x.test", None, None), Hop("x.test", None, None, secure=True), Hop("x.test", None, "tls")):
        hops.find(hop, 0.0, lambda targets, reason, now: None)
    assert [(lookup.transport, lookup.secure) for lookup in asked] == [(None, False), (None, True), ("tls", False)]


def test_an_empty_answer_is_no_answer_and_not_remembered() -> None:
    asked: list[Lookup] = []
    reasons: list[str] = []
    hops = NextHops(asked.append, TimerQueue())
    for _ in range(2):
        hops.find(Hop("x.test", None, "tcp"), 0.0, lambda targets, reason, now: reasons.append(reason))
        hops.resolved("tcp:x.test:", [], 0.0)
    assert reasons == ["no address", "no address"]
    assert len(asked) == 2


def test_the_memory_for_names_is_bounded() -> None:
    hops = NextHops(lambda lookup: None, TimerQueue())
    for number in range(1000):
        hops.resolved(f"udp:n{number}:", [Target("udp", "10.0.0.1", 5060)], 0.0)
    found: list[list[Target]] = []
    hops.find(Hop("n999", None, "udp"), 1.0, lambda targets, reason, now: found.append(targets))
    assert found


def test_a_lookup_that_nobody_answers_ends_by_itself() -> None:
    timers = TimerQueue()
    reasons: list[str] = []
    hops = NextHops(lambda lookup: None, timers)
    hops.find(Hop("x.test", None, "udp"), 0.0, lambda targets, reason, now: reasons.append(reason))
    timers.run(14.9)
    assert reasons == []
    timers.run(15.0)
    assert reasons == ["the name was not resolved in time"]
    hops.resolved("udp:x.test:", [Target("udp", "10.0.0.1", 5060)], 16.0)
    assert len(reasons) == 1
    assert timers.deadline() is None
