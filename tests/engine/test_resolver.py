"""From names to targets (RFC 3263): a name server of a few lines, in virtual time; and dnspython on loopback."""

import asyncio
import socket
import threading
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine import system_names
from offhook.engine.dns_client import Answer, DnsClient, Naptr, NoSuchName, Srv
from offhook.engine.resolver import Resolution, Resolver
from offhook.engine.system_names import is_local, routable, system_addresses
from offhook.errors import NetworkError
from offhook.sip.events import Transport
from tests.support.dns_server import dns_server
from tests.support.virtual_loop import run

Entry = list[Naptr] | list[Srv] | list[str] | float


class Names:
    """Answers from a table, a float in it is how long the name server is silent; ``system`` is the hosts file."""

    def __init__(self, table: Mapping[str, Entry], system: Mapping[str, list[str]] | None = None) -> None:
        self.table = table
        self.local = system or {}
        self.asked: list[str] = []

    async def _answer(self, name: str, kind: type) -> tuple[tuple[object, ...], bool]:
        self.asked.append(name)
        entry = self.table.get(name, [])
        if isinstance(entry, float):
            await asyncio.sleep(entry)
            return (), True
        return tuple(record for record in entry if isinstance(record, kind)), False

    async def naptr(self, name: str) -> Answer[Naptr]:
        records, silent = await self._answer(name, Naptr)
        return Answer(tuple(r for r in records if isinstance(r, Naptr)), 500.0, silent)

    async def srv(self, name: str) -> Answer[Srv]:
        records, silent = await self._answer(name, Srv)
        return Answer(tuple(r for r in records if isinstance(r, Srv)), 400.0, silent)

    async def addresses(self, name: str) -> Answer[str]:
        records, silent = await self._answer(name, str)
        return Answer(tuple(r for r in records if isinstance(r, str)), 300.0, silent)

    async def system(self, name: str) -> list[str]:
        if name not in self.local:
            raise socket.gaierror(-2, "Name or service not known")
        return self.local[name]


def found(
    names: Names,
    host: str = "pbx.test",
    port: int | None = None,
    transport: Transport | None = None,
    secure: bool = False,
    local_ip: str = "::",
) -> Resolution:
    async def scenario() -> Resolution:
        resolver = Resolver(names, names.system, Random(3).random, lambda ip: not ip.startswith("2001:db8:dead"))
        return await resolver.resolve(host, port, transport, secure, local_ip)

    return run(scenario)


def places(resolution: Resolution) -> list[tuple[str, str, int]]:
    return [(target.transport, target.ip, target.port) for target in resolution.targets]


NAPTR = [
    Naptr(50, 50, "s", "SIP+D2T", "_sip._tcp.pbx.test"),
    Naptr(50, 10, "S", "sips+d2t", "_sips._tcp.pbx.test"),
    Naptr(90, 1, "s", "SIP+D2U", "_sip._udp.pbx.test"),
    Naptr(10, 1, "s", "SIP+D2S", "_sip._sctp.pbx.test"),
    Naptr(10, 1, "u", "E2U+sip", ""),
]
WHOLE: dict[str, Entry] = {
    "pbx.test": NAPTR,
    "_sips._tcp.pbx.test": [Srv(0, 1, 5071, "t.test")],
    "_sip._tcp.pbx.test": [Srv(0, 1, 5070, "t.test")],
    "_sip._udp.pbx.test": [Srv(1, 1, 5060, "v.test"), Srv(0, 1, 5060, "u.test")],
    "t.test": ["192.0.2.1"],
    "u.test": ["192.0.2.2"],
    "v.test": ["192.0.2.3"],
}


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_a_number_is_taken_as_it_is_and_nobody_is_asked(ip: str) -> None:
    names = Names({})
    assert places(found(names, ip)) == [("udp", ip, 5060)]
    assert places(found(names, ip, 5070, "tcp")) == [("tcp", ip, 5070)]
    assert places(found(names, ip, secure=True)) == [("tls", ip, 5061)]
    assert names.asked == []


def test_naptr_goes_by_order_then_preference_among_what_we_speak() -> None:
    resolution = found(Names(WHOLE))
    assert places(resolution) == [
        ("tls", "192.0.2.1", 5071),
        ("tcp", "192.0.2.1", 5070),
        ("udp", "192.0.2.2", 5060),
        ("udp", "192.0.2.3", 5060),
    ]
    assert [target.rank for target in resolution.targets] == [0, 1, 2, 3]
    assert resolution.ttl == 300.0


def test_sips_takes_tls_alone() -> None:
    assert places(found(Names(WHOLE), secure=True)) == [("tls", "192.0.2.1", 5071)]


def test_sips_does_not_follow_naptr_out_of_its_domain() -> None:
    table = dict(WHOLE) | {
        "pbx.test": [Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.evil.test")],
        "_sips._tcp.evil.test": [Srv(0, 1, 5061, "u.test")],
    }
    assert places(found(Names(table), secure=True)) == [("tls", "192.0.2.1", 5071)]


def test_a_transport_that_is_named_skips_naptr() -> None:
    names = Names(WHOLE)
    assert places(found(names, transport="udp")) == [("udp", "192.0.2.2", 5060), ("udp", "192.0.2.3", 5060)]
    assert "pbx.test" not in names.asked


def test_a_port_that_is_named_skips_naptr_and_srv() -> None:
    names = Names({"pbx.test": ["192.0.2.9"], "_sip._udp.pbx.test": [Srv(0, 1, 5090, "u.test")]})
    assert places(found(names, port=5061)) == [("udp", "192.0.2.9", 5061)]
    assert places(found(names, port=5062, secure=True)) == [("tls", "192.0.2.9", 5062)]
    assert set(names.asked) == {"pbx.test"}


def test_without_naptr_srv_is_asked_for_every_transport() -> None:
    table = dict(WHOLE)
    del table["pbx.test"]
    assert [place[0] for place in places(found(Names(table)))] == ["udp", "udp", "tcp", "tls"]


@pytest.mark.parametrize(
    ("transport", "secure", "place"),
    [
        (None, False, ("udp", "192.0.2.9", 5060)),
        ("tcp", False, ("tcp", "192.0.2.9", 5060)),
        ("tls", False, ("tls", "192.0.2.9", 5061)),
        (None, True, ("tls", "192.0.2.9", 5061)),
    ],
)
def test_without_srv_the_name_itself_is_taken_at_the_usual_port(
    transport: Transport | None, secure: bool, place: tuple[str, str, int]
) -> None:
    assert places(found(Names({"pbx.test": ["192.0.2.9"]}), transport=transport, secure=secure)) == [place]


def test_all_addresses_of_an_srv_place_are_tried_and_are_of_one_rank() -> None:
    table: dict[str, Entry] = {
        "_sip._tcp.pbx.test": [Srv(0, 1, 5070, "a.test"), Srv(5, 1, 5080, "b.test")],
        "a.test": ["192.0.2.1", "2606:4700::1"],
        "b.test": ["192.0.2.2", "192.0.2.2"],
    }
    resolution = found(Names(table), transport="tcp")
    assert places(resolution) == [("tcp", "2606:4700::1", 5070), ("tcp", "192.0.2.1", 5070), ("tcp", "192.0.2.2", 5080)]
    assert [target.rank for target in resolution.targets] == [0, 0, 1]


def test_equal_priorities_are_of_one_rank_in_an_order_that_is_drawn() -> None:
    table: dict[str, Entry] = {
        "_sip._udp.pbx.test": [Srv(0, 1, 5060, f"s{n}.test") for n in range(4)],
        **{f"s{n}.test": [f"192.0.2.{n}"] for n in range(4)},
    }
    resolution = found(Names(table))
    assert {target.rank for target in resolution.targets} == {0}
    assert len(resolution.targets) == 4


def test_what_has_no_route_comes_last_and_what_our_socket_cannot_send_to_not_at_all() -> None:
    names = Names({"pbx.test": ["2001:db8:dead::1", "192.0.2.9"]})
    assert places(found(names)) == [("udp", "192.0.2.9", 5060), ("udp", "2001:db8:dead::1", 5060)]
    assert places(found(names, local_ip="0.0.0.0")) == [("udp", "192.0.2.9", 5060)]
    assert places(found(names, local_ip="2001:db8::5")) == [("udp", "2001:db8:dead::1", 5060)]
    with pytest.raises(NetworkError, match=r"sip\.listen"):
        found(Names({"pbx.test": ["2001:db8::1"]}), local_ip="0.0.0.0")


def test_one_srv_place_that_is_gone_does_not_hide_the_others() -> None:
    table: dict[str, Entry] = {
        "_sip._udp.pbx.test": [Srv(0, 1, 5070, "gone.test"), Srv(1, 1, 5080, "b.test")],
        "b.test": ["192.0.2.2"],
    }
    assert places(found(Names(table))) == [("udp", "192.0.2.2", 5080)]


def test_an_srv_target_may_be_a_number_though_it_should_not() -> None:
    assert places(found(Names({"_sip._udp.pbx.test": [Srv(0, 1, 5070, "192.0.2.4")]}))) == [("udp", "192.0.2.4", 5070)]


def test_a_service_that_is_decidedly_not_there_is_not_looked_for_elsewhere() -> None:
    table: dict[str, Entry] = {"_sip._udp.pbx.test": [Srv(0, 0, 0, "")], "pbx.test": ["192.0.2.1"]}
    with pytest.raises(NoSuchName, match="offers no such service") as caught:
        found(Names(table), transport="udp")
    assert caught.value.ttl == 400.0


def test_what_only_the_system_knows_is_asked_of_it() -> None:
    names = Names({}, {"pbx.test": ["192.0.2.7"], "pbx": ["192.0.2.8"], "desk.local": ["192.0.2.9"]})
    assert places(found(names)) == [("udp", "192.0.2.7", 5060)]
    assert places(found(names, "pbx")) == [("udp", "192.0.2.8", 5060)]
    assert places(found(names, "desk.local")) == [("udp", "192.0.2.9", 5060)]
    assert not {"pbx", "desk.local", "_sip._udp.pbx"} & set(names.asked)


def test_the_hosts_file_comes_before_dns(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    hosts = Path(str(tmp_path)) / "hosts"
    hosts.write_text("# a comment\n192.0.2.7 PBX.test other # pbx2.test\n\n")
    monkeypatch.setattr(system_names, "_HOSTS", hosts)
    assert (is_local("pbx.TEST."), is_local("other.x"), is_local("pbx2.test")) == (True, False, False)
    names = Names(WHOLE, {"pbx.test": ["192.0.2.7"]})
    assert places(found(names)) == [("udp", "192.0.2.7", 5060)]
    monkeypatch.setattr(system_names, "_HOSTS", Path(str(tmp_path)) / "none")
    assert not is_local("pbx.test")


def test_a_name_that_is_not_there_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(NoSuchName, match="check `server`") as caught:
        found(Names({}), port=5060)
    assert caught.value.ttl == 300.0


def test_a_silent_name_server_is_no_decided_answer_and_costs_a_step_each() -> None:
    async def scenario() -> tuple[float, str]:
        names = Names(
            dict.fromkeys(("pbx.test", "_sip._udp.pbx.test", "_sip._tcp.pbx.test", "_sips._tcp.pbx.test"), 3.0)
        )
        begin = asyncio.get_running_loop().time()
        with pytest.raises(NetworkError, match="did not answer") as caught:
            await Resolver(names, names.system).resolve("pbx.test", None, None)
        assert not isinstance(caught.value, NoSuchName)
        return asyncio.get_running_loop().time() - begin, str(caught.value)

    assert run(scenario)[0] == pytest.approx(9.0, abs=0.1)


@pytest.mark.parametrize("silent", ["pbx.test", "_sip._udp.pbx.test", "u.test"])
def test_what_is_made_of_answers_of_which_one_is_missing_is_soon_asked_again(silent: str) -> None:
    resolution = found(Names(WHOLE | {silent: 3.0}))
    assert resolution.targets
    assert resolution.ttl <= 30, "a lost answer shall not lead past the right server for an hour"


def test_of_many_srv_records_the_best_are_taken() -> None:
    many = [Srv(9, 1, 5060, "u.test")] * 20
    names = Names(WHOLE | {"_sip._udp.pbx.test": [*many, Srv(0, 1, 5060, "v.test")]})
    assert places(found(names, transport="udp"))[0] == ("udp", "192.0.2.3", 5060)


@given(st.text(max_size=80), st.one_of(st.none(), st.integers(1, 65535)))
def test_any_name_ends_in_targets_or_a_network_error(name: str, port: int | None) -> None:
    try:
        resolution = found(Names({}), name, port)
    except NetworkError:
        return
    assert resolution.targets


SERVERS = st.lists(
    st.builds(Srv, st.integers(0, 2), st.integers(0, 9), st.integers(1, 99), st.just("a.test")), max_size=6
)
POINTERS = st.lists(
    st.builds(
        Naptr,
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["s", "S", "a", ""]),
        st.sampled_from(["SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIP+D2S"]),
        st.sampled_from(["_sip._udp.pbx.test", "_sips._tcp.pbx.test", "_sip._tcp.evil.test"]),
    ),
    max_size=6,
)


@given(POINTERS, SERVERS, SERVERS, st.booleans())
def test_whatever_dns_says_ranks_grow_and_sips_stays_secure(
    pointers: list[Naptr], udp: list[Srv], tls: list[Srv], secure: bool
) -> None:
    table: dict[str, Entry] = {
        "pbx.test": [*pointers],
        "_sip._udp.pbx.test": udp,
        "_sips._tcp.pbx.test": tls,
        "a.test": ["192.0.2.1"],
    }
    try:
        resolution = found(Names(table), secure=secure)
    except NetworkError:
        return
    ranks = [target.rank for target in resolution.targets]
    assert ranks == sorted(ranks)
    assert not secure or {target.transport for target in resolution.targets} == {"tls"}


def test_naptr_srv_and_addresses_are_asked_of_a_real_name_server() -> None:
    zone = {
        ("pbx.example", "NAPTR"): ['10 10 "s" "SIP+D2T" "" _sip._tcp.pbx.example.'],
        ("_sip._tcp.pbx.example", "SRV"): ["10 1 5070 a.pbx.example.", "5 1 5080 b.pbx.example."],
        ("a.pbx.example", "A"): ["127.0.0.1"],
        ("b.pbx.example", "A"): ["127.0.0.2", "127.0.0.3"],
    }

    async def scenario() -> tuple[Resolution, list[tuple[str, str]]]:
        async with dns_server(zone, ttl=44) as server:
            resolver = Resolver(DnsClient(["127.0.0.1"], server.port))
            return await resolver.resolve("pbx.example", None, None), server.asked

    resolution, asked = asyncio.run(scenario())
    *first, last = places(resolution)
    assert sorted(first) == [("tcp", "127.0.0.2", 5080), ("tcp", "127.0.0.3", 5080)]
    assert last == ("tcp", "127.0.0.1", 5070)
    assert resolution.ttl == 44.0
    assert asked[:2] == [("pbx.example", "NAPTR"), ("_sip._tcp.pbx.example", "SRV")]


def test_loopback_has_a_route() -> None:
    assert routable("127.0.0.1")
    assert not routable("::ffff:ffff:ffff%none")


def test_the_system_knows_localhost() -> None:
    assert {"127.0.0.1", "::1"} & set(asyncio.run(system_addresses("localhost")))


def test_a_label_that_is_too_long_is_an_error_and_no_thread_that_hangs() -> None:
    with pytest.raises((OSError, UnicodeError)):
        asyncio.run(system_addresses("x" * 70))


def test_lookups_that_hang_hold_up_neither_the_end_nor_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*arguments: object, **options: object) -> list[object]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def scenario() -> list[object]:
        tasks = [asyncio.create_task(system_addresses(f"{n}.test")) for n in range(10)]
        while sum(task.done() for task in tasks) < 2:
            await asyncio.sleep(0.001)
        done = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        return [task.exception() for task in done]

    try:
        refused = asyncio.run(scenario())  # returns although eight threads hang
    finally:
        release.set()
        for thread in threading.enumerate():
            if thread.name == "lookup":
                thread.join(5)
    assert len(refused) == 2
    assert all("wait for the name server" in str(error) for error in refused)
