"""Signs of life: a NAT is kept open, and what has gone is noticed, within thirty seconds."""

import itertools
from collections.abc import Callable

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Address, Transmit
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.transactions.stun import binding_response, is_stun, transaction_of
from tests.support.sip_alone import HERE, THERE, Alone, answer
from tests.support.sip_pair import Link, Pair
from tests.support.sip_registrar import REGISTRAR, registering

NAT: Address = ("192.0.2.7", 40001)


class Server:
    """The other side of an :class:`Alone`, behind a NAT: answers REGISTER, OPTIONS, STUN and pings as it is told."""

    def __init__(
        self, alone: Alone, *, nat: Address = HERE, options: bool = True, more: str = "", keep: str = ""
    ) -> None:
        self.alone = alone
        self.nat = nat
        self.options = options
        self.stun = True
        self.pong = True
        self.up = True
        self.more = more
        self.keep = keep
        self.seen: list[tuple[float, str]] = []
        self.sent: list[Transmit] = []

    def run(self, seconds: float) -> None:
        alone = self.alone
        end = alone.now + seconds
        while True:
            while out := alone.heard_raw():
                for transmit in out:
                    self.sent.append(transmit)
                    self._take(transmit)
            deadline = alone.endpoint.deadline()
            if deadline is None or deadline > end:
                break
            alone.now = max(alone.now, deadline)
            alone.endpoint.tick(alone.now)
        alone.now = end

    def _take(self, transmit: Transmit) -> None:
        data, alone = transmit.data, self.alone
        kind = "STUN" if is_stun(data) else "CRLF" if not data.strip() else data.split(b" ", 1)[0].decode()
        self.seen.append((alone.now, kind))
        if not self.up:
            return
        if kind == "STUN" and self.stun:
            alone.endpoint.receive(binding_response(transaction_of(data), self.nat), alone.flow(), alone.now)
        elif kind == "CRLF" and transmit.transport != "udp" and self.pong:
            alone.endpoint.receive(b"\r\n", alone.flow(transmit.transport), alone.now)
        elif kind == "REGISTER" or (kind == "OPTIONS" and self.options):
            request = parse_datagram(data)
            more = f"Expires: 3600\n{self.more}" if kind == "REGISTER" else ""
            text = answer(request, 200, more=more).replace(
                ";rport;", f";rport={self.nat[1]};received={self.nat[0]};", 1
            )
            if self.keep and kind == "REGISTER":
                text = text.replace(";keep", f";keep={self.keep}", 1)
            data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
            alone.endpoint.receive(data, alone.flow(transmit.transport), alone.now)

    def times(self, kind: str) -> list[float]:
        return [at for at, seen in self.seen if seen == kind]


def test_over_udp_options_are_asked_within_each_interval() -> None:
    alone = Alone(register=True)
    server = Server(alone, nat=NAT)
    server.run(1000)
    times = server.times("OPTIONS")
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(20.0 <= gap <= 25.0 for gap in gaps)
    assert len({round(gap, 2) for gap in gaps}) > 10, "not in step with other phones"
    assert len(server.times("REGISTER")) == 2


def test_options_go_out_without_credentials_and_a_challenge_is_an_answer() -> None:
    alone = Alone(register=True)
    (register,) = alone.heard()
    alone.say(answer(register, 200, more="Expires: 3600\n"))
    while not (heard := alone.pass_time(0.1)):
        pass
    (probe,) = heard
    assert isinstance(probe, Request)
    assert (probe.method, str(probe.uri)) == ("OPTIONS", "sip:pbx.test")
    out = alone.say(answer(probe, 401, more='WWW-Authenticate: Digest realm="r", nonce="n"\n'))
    assert out == []
    assert alone.pass_time(19) == [], "nothing is repeated"
    assert alone.pass_time(6.1)


def test_a_nat_that_forgot_us_is_found_within_thirty_seconds_and_the_contact_follows() -> None:
    for at in range(20):
        alone = Alone(register=True)
        server = Server(alone, nat=NAT)
        server.run(100 + at)
        count = len(server.times("REGISTER"))
        server.nat = ("192.0.2.7", 51515)
        server.run(30)
        assert len(server.times("REGISTER")) > count
        alone.endpoint.call("o1", "desk", "sip:x@pbx.test", None, alone.now)
        (invite,) = alone.heard()
        assert invite.headers.get("Contact") == "<sip:1001@192.0.2.7:51515>"


@pytest.mark.parametrize("fail", ["silence", "icmp"])
def test_a_server_that_is_gone_is_noticed_within_thirty_five_seconds(fail: str) -> None:
    alone = Alone(register=True)
    server = Server(alone)
    server.run(100)
    alone.events()
    server.up = False
    if fail == "icmp":
        server.run(26)
        alone.endpoint.send_failed("udp", THERE, "connection refused", alone.now)
        server.run(2.1)
        alone.endpoint.send_failed("udp", THERE, "connection refused", alone.now)
    else:
        server.run(31 + 32)
    failed = alone.events()[-1]
    assert isinstance(failed, ev.RegistrationFailed)
    assert failed.status == 0


def test_a_server_that_ignores_options_is_asked_by_register_behind_a_nat() -> None:
    alone = Alone(register=True)
    server = Server(alone, nat=NAT, options=False)
    server.run(40)
    before = len(server.times("OPTIONS"))
    assert before, "it was tried"
    server.run(300)
    assert len(server.times("OPTIONS")) == before, "and is not tried again"
    assert len(server.times("REGISTER")) >= 12
    server.nat = ("192.0.2.7", 51515)
    server.run(30)
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", None, alone.now)
    assert alone.heard()[0].headers.get("Contact") == "<sip:1001@192.0.2.7:51515>"


def test_a_server_that_ignores_options_gets_line_breaks_where_there_is_no_nat() -> None:
    alone = Alone(register=True)
    server = Server(alone, options=False)
    server.run(400)
    assert len(server.times("REGISTER")) <= 3
    assert len(server.times("CRLF")) >= 12


def test_options_that_are_lost_now_and_then_do_not_make_a_server_deaf() -> None:
    alone = Alone(register=True)
    server = Server(alone, nat=NAT)
    server.run(60)
    server.options = False
    server.run(40)
    server.options = True
    server.run(10)
    before = len(server.times("OPTIONS"))
    server.run(100)
    assert len(server.times("OPTIONS")) >= before + 3


@pytest.mark.parametrize(
    ("more", "keep"), [("Require: outbound\n", ""), ("Flow-Timer: 200\n", ""), ("", "30"), ("", "0")]
)
def test_stun_is_spoken_only_where_it_was_agreed(more: str, keep: str) -> None:
    alone = Alone(register=True)
    server = Server(alone, nat=NAT, more=more, keep=keep)
    server.run(200)
    assert len(server.times("STUN")) >= 7
    assert server.times("OPTIONS") == []


def test_register_offers_keep_in_its_via() -> None:
    alone = Alone(register=True)
    (register,) = alone.heard()
    assert register.via.has_param("keep")
    quiet = Alone(register=True, keepalive=0.0)
    (register,) = quiet.heard()
    assert not register.via.has_param("keep")


def test_the_servers_flow_timer_is_kept_within() -> None:
    alone = Alone(register=True)
    server = Server(alone, more="Flow-Timer: 10\n")
    server.run(100)
    times = server.times("STUN")
    assert all(8.0 <= later - earlier <= 10.0 for earlier, later in itertools.pairwise(times))


def test_stun_that_tells_another_address_registers_at_once() -> None:
    alone = Alone(register=True, instance="urn:uuid:00000000-0000-4000-8000-000000000001")
    server = Server(alone, nat=NAT, more="Require: outbound\n", keep="25")
    server.run(100)
    count = len(server.times("REGISTER"))
    server.nat = ("192.0.2.7", 51515)
    server.run(26)
    assert len(server.times("REGISTER")) == count + 1


def test_stun_without_answer_is_repeated_and_then_the_flow_has_failed() -> None:
    alone = Alone(register=True)
    server = Server(alone, more="Flow-Timer: 25\n")
    server.run(100)
    count, registers = len(server.times("STUN")), len(server.times("REGISTER"))
    server.stun = False
    server.run(25)
    assert len(server.times("STUN")) >= count + 2
    server.run(7)
    assert len(server.times("REGISTER")) == registers + 1


def test_a_stun_answer_from_elsewhere_or_to_nothing_is_dropped() -> None:
    alone = Alone(register=True)
    server = Server(alone, nat=NAT, more="Flow-Timer: 25\n")
    server.run(60)
    server.stun = False
    stuns = len(server.times("STUN"))
    while len(server.times("STUN")) == stuns:
        server.run(0.1)
    question = [t.data for t in server.sent if is_stun(t.data)][-1]
    for remote, data in (
        (("10.6.6.6", 5060), binding_response(transaction_of(question), ("6.6.6.6", 6))),
        (THERE, binding_response(bytes(12), ("6.6.6.6", 6))),
        (THERE, question),
    ):
        alone.endpoint.receive(data, alone.flow(remote=remote), alone.now)
    registers = len(server.times("REGISTER"))
    server.stun = True
    server.run(1)
    assert len(server.times("REGISTER")) == registers


def stream(alone: Alone) -> Server:
    server = Server(alone, more="Expires: 3600\n")
    alone.endpoint.flow_opened(alone.flow("tcp"), alone.now)
    return server


def test_on_a_stream_pings_go_out_every_twenty_seconds_and_pongs_are_awaited() -> None:
    alone = Alone(register=True, transport="tcp")
    server = stream(alone)
    server.run(200)
    assert 9 <= len(server.times("CRLF")) <= 13
    assert len(server.times("REGISTER")) == 1
    server.pong = False
    alone.events()
    server.run(31)
    assert ev.CloseFlow(alone.flow("tcp")) in alone.events()


def test_a_stream_whose_pong_is_missing_is_registered_anew_within_thirty_five_seconds() -> None:
    alone = Alone(register=True, transport="tcp")
    server = stream(alone)
    server.run(100)
    server.up = server.pong = False
    for _ in range(35):
        server.run(1)
        if ev.CloseFlow(alone.flow("tcp")) in alone.events():
            alone.endpoint.flow_closed(alone.flow("tcp"), alone.now)
            server.up = server.pong = True
    assert len(server.times("REGISTER")) == 2


def test_a_server_that_never_answers_pings_is_left_in_peace() -> None:
    alone = Alone(register=True, transport="tcp")
    server = stream(alone)
    server.pong = False
    server.run(600)
    assert len(server.times("REGISTER")) == 1
    assert not any(isinstance(event, ev.CloseFlow) for event in alone.events())


def test_a_server_that_agreed_to_keep_alives_and_never_answers_has_failed() -> None:
    alone = Alone(register=True, transport="tcp")
    server = stream(alone)
    server.more, server.pong = "Flow-Timer: 30\n", False
    server.run(40)
    assert ev.CloseFlow(alone.flow("tcp")) in alone.events()


def test_other_words_on_the_stream_count_as_life() -> None:
    alone = Alone(register=True, transport="tcp")
    server = stream(alone)
    server.run(60)
    server.pong = False
    for _ in range(60):
        alone.endpoint.receive(b"\r\n\r\n", alone.flow("tcp"), alone.now)
        server.run(2)
    assert not any(isinstance(event, ev.CloseFlow) for event in alone.events())


def test_none_are_sent_where_the_config_says_so_nor_after_the_end() -> None:
    alone = Alone(register=True, keepalive=0.0)
    server = Server(alone, nat=NAT)
    server.run(1000)
    assert {kind for _, kind in server.seen} == {"REGISTER"}
    alone = Alone(register=True)
    server = Server(alone, nat=NAT)
    server.run(60)
    alone.endpoint.unregister("desk", alone.now)
    server.run(1)
    count = len(server.seen)
    server.run(1000)
    assert len(server.seen) == count


@pytest.mark.parametrize("seed", range(6))
def test_on_a_link_that_loses_a_quarter_nobody_is_taken_for_dead(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.3))
    registrar = registering(pair)
    pair.run(1800)
    assert not pair.a.of_type(ev.RegistrationFailed)
    assert len(registrar.requests) < 15


def test_a_link_that_breaks_for_a_while_costs_no_more_than_the_back_off() -> None:
    pair = Pair()
    registrar = registering(pair)
    pair.run(100)
    keep: Callable[[bytes], bool] = pair.link.drop
    pair.link.drop = lambda data: True
    pair.run(45)
    pair.link.drop = keep
    back = pair.now
    pair.run(120)
    assert any(at >= back for at, _ in registrar.requests)
    assert isinstance(pair.a.events[-1], ev.Registered)
    assert REGISTRAR == ("10.0.0.3", 5060)
