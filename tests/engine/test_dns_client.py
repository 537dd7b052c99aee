"""Questions to a name server on loopback."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from offhook.engine import dns_client
from offhook.engine.dns_client import Answer, DnsClient, Naptr, Srv
from tests.support.dns_server import Zone, dns_server

T = TypeVar("T")

ZONE: Zone = {
    ("pbx.test", "NAPTR"): [
        '20 10 "s" "SIP+D2U" "" _sip._udp.pbx.test.',
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.pbx.test.',
    ],
    ("_sip._udp.pbx.test", "SRV"): ["10 60 5070 a.pbx.test."],
    ("_sip._tcp.pbx.test", "SRV"): ["0 0 0 ."],
    ("a.pbx.test", "A"): ["127.0.0.2"],
    ("a.pbx.test", "AAAA"): ["::2"],
    ("four.pbx.test", "A"): ["127.0.0.3"],
}


def ask(question: Callable[[DnsClient], Awaitable[T]], silent: bool = False) -> T:
    async def scenario() -> T:
        async with dns_server(ZONE, ttl=77) as server:
            server.silent = silent
            return await question(DnsClient(["127.0.0.1"], server.port))

    return asyncio.run(scenario())


def test_naptr_records_are_read() -> None:
    answer = ask(lambda client: client.naptr("pbx.test"))
    assert answer.ttl == 77
    assert set(answer.records) == {
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.pbx.test"),
        Naptr(10, 10, "s", "SIPS+D2T", "_sips._tcp.pbx.test"),
    }


def test_srv_records_are_read_and_a_dot_is_no_target() -> None:
    assert ask(lambda client: client.srv("_sip._udp.pbx.test")).records == (Srv(10, 60, 5070, "a.pbx.test"),)
    assert ask(lambda client: client.srv("_sip._tcp.pbx.test")).records == (Srv(0, 0, 0, ""),)


def test_both_families_are_asked_for_at_once() -> None:
    assert ask(lambda client: client.addresses("a.pbx.test")) == Answer(("::2", "127.0.0.2"), 77.0)
    assert ask(lambda client: client.addresses("four.pbx.test")) == Answer(("127.0.0.3",), 77.0)


@pytest.mark.parametrize("name", ["nowhere.test", "pbx.test"])
def test_that_there_is_nothing_is_an_answer_too(name: str) -> None:
    answer = ask(lambda client: client.addresses(name))
    assert (answer.records, answer.silent) == ((), False)


def test_a_silent_name_server_is_told_apart_from_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_client, "TIMEOUT_S", 0.2)
    assert ask(lambda client: client.srv("_sip._udp.pbx.test"), silent=True) == Answer((), 0.0, True)
    assert ask(lambda client: client.addresses("a.pbx.test"), silent=True).silent


@pytest.mark.parametrize("name", ["x" * 70 + ".test", "a..test", "\udcff.test"])
def test_a_name_that_cannot_be_asked_about_is_no_fault(name: str) -> None:
    assert ask(lambda client: client.addresses(name)).records == ()


def test_dnspython_is_imported_only_when_something_is_asked() -> None:
    code = "import sys, offhook.engine.shell, offhook.engine.resolver; sys.exit('dns' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode
        == 0
    )
