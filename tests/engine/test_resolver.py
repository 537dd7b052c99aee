import asyncio
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.resolver import Resolver, system_addresses, system_services
from offhook.errors import NetworkError
from offhook.sip.events import Address, Target
from tests.support.virtual_loop import run


class Names:
    """A name server of a few lines; a delay in seconds or an error in place of an answer is given instead of it."""

    def __init__(self, table: Mapping[str, list[str] | float | Exception]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def addresses(self, name: str, port: int) -> list[Address]:
        self.asked.append(name)
        answer = self.table.get(name, socket.gaierror(-2, "Name or service not known"))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return []
        return [(ip, port) for ip in answer]

    async def services(self, name: str) -> list[Address]:
        self.asked.append(name)
        answer = self.table.get(name, [])
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return []
        return [(target.split(":")[0], int(target.split(":")[1])) for target in answer]


def resolve(names: Names, host: str, port: int | None = None, tcp: bool = False) -> list[Target]:
    async def scenario() -> list[Target]:
        return await Resolver(names.addresses, names.services).resolve(host, port, "tcp" if tcp else "udp")

    return run(scenario)


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_a_number_is_taken_as_it_is_and_nobody_is_asked(ip: str) -> None:
    names = Names({})
    assert resolve(names, ip) == [Target("udp", ip, 5060)]
    assert resolve(names, ip, 5070, tcp=True) == [Target("tcp", ip, 5070)]
    assert names.asked == []


def test_a_port_that_is_named_skips_srv() -> None:
    names = Names({"pbx.test": ["192.0.2.1"], "_sip._udp.pbx.test": ["other.test:5090"]})
    assert resolve(names, "pbx.test", 5061) == [Target("udp", "192.0.2.1", 5061)]
    assert names.asked == ["pbx.test"]


def test_srv_places_are_tried_in_order_with_all_their_addresses() -> None:
    names = Names(
        {
            "_sip._tcp.pbx.test": ["a.test:5070", "b.test:5080"],
            "a.test": ["192.0.2.1", "2001:db8::1"],
            "b.test": ["192.0.2.2", "192.0.2.2"],
        }
    )
    assert resolve(names, "pbx.test", tcp=True) == [
        Target("tcp", "192.0.2.1", 5070),
        Target("tcp", "2001:db8::1", 5070),
        Target("tcp", "192.0.2.2", 5080),
    ]


@pytest.mark.parametrize("srv", [[], 60.0])
def test_without_srv_the_name_itself_is_taken_at_5060(srv: list[str] | float) -> None:
    names = Names({"_sip._udp.pbx.test": srv, "pbx.test": ["192.0.2.1"]})
    assert resolve(names, "pbx.test") == [Target("udp", "192.0.2.1", 5060)]


def test_one_srv_place_that_is_gone_does_not_hide_the_others() -> None:
    names = Names({"_sip._udp.pbx.test": ["gone.test:5070", "b.test:5080"], "b.test": ["192.0.2.2"]})
    assert resolve(names, "pbx.test") == [Target("udp", "192.0.2.2", 5080)]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (socket.gaierror(-2, "Name or service not known"), "not known"),
        (60.0, "did not answer"),
        ([], "no address"),
        (UnicodeError("label empty or too long"), "too long"),
        (OSError("strange"), "strange"),
    ],
)
def test_a_name_without_address_is_one_line_that_says_what_to_do(
    answer: list[str] | float | Exception, word: str
) -> None:
    with pytest.raises(NetworkError, match=word) as caught:
        resolve(Names({"pbx.test": answer}), "pbx.test", 5060)
    assert "check `server`" in str(caught.value)


def test_a_name_server_that_is_silent_costs_four_seconds_each_step_at_most() -> None:
    async def scenario() -> float:
        names = Names({"_sip._udp.pbx.test": 60.0, "pbx.test": 60.0})
        begin = asyncio.get_running_loop().time()
        with pytest.raises(NetworkError):
            await Resolver(names.addresses, names.services).resolve("pbx.test", None, "udp")
        return asyncio.get_running_loop().time() - begin

    assert run(scenario) == pytest.approx(8.0, abs=0.1)


def test_a_service_that_is_decidedly_not_there_is_not_looked_for_elsewhere() -> None:
    names = Names({"_sip._udp.pbx.test": NetworkError("no such service"), "pbx.test": ["192.0.2.1"]})
    with pytest.raises(NetworkError):
        resolve(names, "pbx.test")


@given(st.text(max_size=80), st.integers(1, 65535))
def test_any_name_ends_in_targets_or_a_network_error(name: str, port: int) -> None:
    try:
        targets = resolve(Names({}), name, port)
    except NetworkError:
        return
    assert [target.port for target in targets] == [port]


def test_the_system_knows_localhost() -> None:
    found = asyncio.run(system_addresses("localhost", 5060))
    assert ("127.0.0.1", 5060) in found or ("::1", 5060) in found


def test_a_label_that_is_too_long_is_an_error_and_no_thread_that_hangs() -> None:
    with pytest.raises((OSError, UnicodeError)):
        asyncio.run(system_addresses("x" * 70, 5060))


def test_lookups_that_hang_hold_up_neither_the_end_nor_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*arguments: object, **options: object) -> list[object]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def scenario() -> list[object]:
        tasks = [asyncio.create_task(system_addresses(f"{n}.test", 1)) for n in range(10)]
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


@dataclass
class Name:
    text: str

    def to_text(self, omit_final_dot: bool) -> str:
        return self.text


@dataclass
class Row:
    priority: int
    weight: int
    target: Name
    port: int


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        (
            [Row(20, 1, Name("c"), 1), Row(10, 1, Name("b"), 2), Row(10, 9, Name("a"), 3)],
            [("a", 3), ("b", 2), ("c", 1)],
        ),
        ([Row(0, 0, Name("."), 0)], None),
        ([], []),
    ],
)
def test_srv_rows_go_by_priority_then_weight(
    rows: list[Row], places: list[Address] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dns.asyncresolver

    class Dns:
        async def resolve(self, name: str, kind: str, lifetime: float) -> list[Row]:
            return rows

    monkeypatch.setattr(dns.asyncresolver, "Resolver", Dns)
    if places is None:
        with pytest.raises(NetworkError, match="offers no such service"):
            run(lambda: system_services("_sip._udp.pbx.test"))
    else:
        assert run(lambda: system_services("_sip._udp.pbx.test")) == places


def test_a_system_without_name_servers_has_no_srv(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.asyncresolver
    import dns.resolver

    def fail() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", fail)
    assert run(lambda: system_services("_sip._udp.pbx.test")) == []
