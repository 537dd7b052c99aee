from collections.abc import Callable

import pytest

from offhook.sip.events import Flow, Transmit, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.transactions.client_transaction import INVITE_CLIENT, NON_INVITE_CLIENT, ClientTransaction
from offhook.sip.transactions.server_transaction import INVITE_SERVER, NON_INVITE_SERVER, ServerTransaction
from offhook.sip.transactions.timers import TimerQueue, TimerValues
from offhook.sip.transactions.transaction import TIMER_STATES, Do, Input, Machine, State

INPUTS = {
    "INVITE client": {
        *(Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.SEND_FAILED, Input.CONNECTION_LOST),
        *(Input.TIMER_A, Input.TIMER_B, Input.TIMER_D, Input.TIMER_M),
    },
    "non-INVITE client": {
        *(Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.SEND_FAILED, Input.CONNECTION_LOST),
        *(Input.TIMER_E, Input.TIMER_F, Input.TIMER_K),
    },
    "INVITE server": {
        *(Input.REQUEST, Input.ACK, Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE),
        *(Input.TIMER_G, Input.TIMER_H, Input.TIMER_I, Input.TIMER_L),
    },
    "non-INVITE server": {Input.REQUEST, Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.TIMER_J},
}
STATES = {
    "INVITE client": {State.CALLING, State.PROCEEDING, State.COMPLETED, State.ACCEPTED},
    "non-INVITE client": {State.TRYING, State.PROCEEDING, State.COMPLETED},
    "INVITE server": {State.PROCEEDING, State.COMPLETED, State.CONFIRMED, State.ACCEPTED},
    "non-INVITE server": {State.TRYING, State.PROCEEDING, State.COMPLETED},
}
MACHINES = [INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER]
by_name = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)


@by_name
def test_each_table_is_total(machine: Machine) -> None:
    expected = {(state, event) for state in STATES[machine.name] for event in INPUTS[machine.name]}
    assert set(machine.rows) == expected


@by_name
def test_each_state_can_be_reached_and_left(machine: Machine) -> None:
    reached = {machine.initial}
    for _ in machine.rows:
        reached |= {row.state for (state, _), row in machine.rows.items() if state in reached and row.state}
    assert reached == STATES[machine.name] | {State.TERMINATED}
    for state in STATES[machine.name]:
        assert any(row.state not in (None, state) for (s, _), row in machine.rows.items() if s is state)


@by_name
def test_a_timer_only_acts_in_the_states_that_it_belongs_to(machine: Machine) -> None:
    for (state, event), row in machine.rows.items():
        if event in TIMER_STATES:
            assert (row.state is None and not row.actions) != (state in TIMER_STATES[event]), (state, event)


@by_name
def test_a_row_only_starts_timers_of_the_state_that_it_enters(machine: Machine) -> None:
    for (state, _), row in machine.rows.items():
        for action in row.actions:
            if action.name.startswith("START_"):
                assert (row.state or state) in TIMER_STATES[Input[f"TIMER_{action.name[-1]}"]]
    for action in machine.start:
        if action is not Do.SEND:
            assert machine.initial in TIMER_STATES[Input[f"TIMER_{action.name[-1]}"]]


def request(method: str = "INVITE") -> Request:
    text = (
        f"{method} sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc\r\n"
        "Route: <sip:10.0.0.9;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:alice@pbx.test>;tag=1\r\nTo: <sip:bob@pbx.test>\r\n"
        f"Call-ID: c1\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


def response(status: int, method: str = "INVITE", tag: str = "2") -> Response:
    text = (
        f"SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc\r\n"
        f"From: <sip:alice@pbx.test>;tag=1\r\nTo: <sip:bob@pbx.test>;tag={tag}\r\n"
        f"Call-ID: c1\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Response)
    return message


class User:
    """Notes what a client transaction tells."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.heard.append(str(response.status))

    def on_no_answer(self, transaction: ClientTransaction, now: float) -> None:
        self.heard.append("no answer")

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        self.heard.append("unreachable")


class Bench:
    """One transaction on a virtual clock; ``times`` are when it sent something."""

    def __init__(self) -> None:
        self.queue = TimerQueue()
        self.values = TimerValues()
        self.user = User()
        self.times: list[float] = []
        self.out: list[bytes] = []
        self.now = 0.0

    def client(self, method: str = "INVITE", transport: Transport = "udp") -> ClientTransaction:
        bench = self

        class Outbox(list[Transmit]):
            def append(self, item: Transmit) -> None:
                bench.note(item.data)

        sent = request(method)
        transmit = Transmit(bytes(sent), transport, ("10.0.0.2", 5060))
        transaction = ClientTransaction(sent, transmit, self.user, Outbox(), self.values, self.queue)
        transaction.start(self.now)
        return transaction

    def server(self, method: str = "INVITE", transport: Transport = "udp") -> ServerTransaction:
        flow = Flow(transport, ("10.0.0.2", 5060), ("10.0.0.1", 5060))
        return ServerTransaction(request(method), flow, self.note, self.values, self.queue)

    def note(self, data: bytes) -> None:
        self.times.append(round(self.now, 3))
        self.out.append(data)

    def run(self, until: float) -> None:
        while (deadline := self.queue.deadline()) is not None and deadline <= until:
            self.now = deadline
            self.queue.run(self.now)
        self.now = until


def test_invite_is_repeated_doubling_until_timer_b() -> None:
    bench = Bench()
    transaction = bench.client()
    bench.run(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.user.heard == ["no answer"]
    assert transaction.state is State.TERMINATED
    assert bench.queue.deadline() is None


def test_other_requests_are_repeated_up_to_t2_until_timer_f() -> None:
    bench = Bench()
    bench.client("OPTIONS")
    bench.run(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.user.heard == ["no answer"]


def test_a_stream_repeats_nothing_but_still_gives_up() -> None:
    for method in ("INVITE", "OPTIONS"):
        bench = Bench()
        bench.client(method, "tcp")
        bench.run(40)
        assert bench.times == [0]
        assert bench.user.heard == ["no answer"]


def test_a_ringing_invite_waits_for_ever() -> None:
    bench = Bench()
    transaction = bench.client()
    transaction.receive(response(180), 0.2)
    bench.run(10_000)
    assert bench.times == [0]
    assert transaction.state is State.PROCEEDING


def test_a_request_that_is_being_worked_on_is_repeated_every_t2_and_given_up_at_timer_f() -> None:
    bench = Bench()
    transaction = bench.client("OPTIONS")
    transaction.receive(response(100, "OPTIONS"), 0.2)
    bench.run(40)
    assert bench.times == [0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert bench.user.heard == ["100", "no answer"]


def test_each_repetition_of_a_failure_is_acknowledged_until_timer_d() -> None:
    bench = Bench()
    transaction = bench.client()
    transaction.receive(response(486), 1.0)
    transaction.receive(response(486), 2.0)
    acks = [parse_datagram(data) for data in bench.out[1:]]
    assert [ack.method for ack in acks if isinstance(ack, Request)] == ["ACK", "ACK"]
    ack = acks[0]
    assert isinstance(ack, Request)
    assert str(ack.via) == str(request().via)
    assert ack.to.tag == "2"
    assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")
    assert ack.headers.get("Route") == "<sip:10.0.0.9;lr>"
    assert bench.user.heard == ["486"]
    bench.run(33.0)
    assert transaction.state is State.TERMINATED


def test_a_2xx_and_its_forks_are_passed_up_until_timer_m() -> None:
    bench = Bench()
    transaction = bench.client()
    for tag in ("a", "a", "b"):
        transaction.receive(response(200, tag=tag), 1.0)
    assert bench.user.heard == ["200", "200", "200"]
    assert transaction.state is State.ACCEPTED
    bench.run(32.9)
    assert transaction.state is State.ACCEPTED
    bench.run(33.1)
    assert transaction.state is State.TERMINATED


def test_timer_d_and_k_are_nothing_on_a_stream() -> None:
    for method, status in (("INVITE", 486), ("OPTIONS", 200)):
        bench = Bench()
        transaction = bench.client(method, "tcp")
        transaction.receive(response(status, method), 1.0)
        assert transaction.state is State.TERMINATED


def test_timer_k_absorbs_repeated_responses() -> None:
    bench = Bench()
    transaction = bench.client("OPTIONS")
    transaction.receive(response(200, "OPTIONS"), 1.0)
    transaction.receive(response(200, "OPTIONS"), 2.0)
    assert bench.user.heard == ["200"]
    bench.run(6.1)
    assert transaction.state is State.TERMINATED


@pytest.mark.parametrize("event", [Input.SEND_FAILED, Input.CONNECTION_LOST])
def test_a_transport_error_ends_the_wait_at_once(event: Input) -> None:
    for method in ("INVITE", "OPTIONS"):
        bench = Bench()
        bench.client(method).take(event, 0.1)
        assert bench.user.heard == ["unreachable"]


def test_an_icmp_error_does_not_end_a_call_that_rings() -> None:
    bench = Bench()
    transaction = bench.client()
    transaction.receive(response(180), 0.1)
    transaction.take(Input.SEND_FAILED, 0.2)
    assert transaction.state is State.PROCEEDING
    transaction.take(Input.CONNECTION_LOST, 0.3)
    assert bench.user.heard == ["180", "unreachable"]


def reply(status: int) -> Response:
    return response(status)


def test_a_repeated_invite_gets_the_last_response_again() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.receive(request(), 0.1)
    assert bench.out == []
    transaction.respond(reply(180), 0.2)
    transaction.receive(request(), 0.3)
    assert len(bench.out) == 2
    assert bench.out[0] == bench.out[1]


def test_a_failure_is_repeated_by_timer_g_until_timer_h() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.respond(reply(486), 0.0)
    bench.run(40)
    assert bench.times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.state is State.TERMINATED


def test_the_ack_stops_timer_g_and_timer_i_absorbs_more() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.respond(reply(486), 0.0)
    transaction.receive(request("ACK"), 0.6)
    bench.run(5.5)
    assert bench.times == [0]
    assert transaction.state is State.CONFIRMED
    bench.run(5.7)
    assert transaction.state is State.TERMINATED


def test_the_2xx_is_left_to_the_core_and_invites_are_absorbed_until_timer_l() -> None:
    bench = Bench()
    transaction = bench.server()
    acks: list[str] = []
    transaction.on_ack = lambda ack, now: acks.append(ack.method)
    transaction.respond(reply(200), 0.0)
    transaction.receive(request(), 1.0)
    transaction.receive(request("ACK"), 2.0)
    bench.run(31.9)
    assert bench.times == [0]
    assert acks == ["ACK"]
    assert transaction.state is State.ACCEPTED
    bench.run(32.1)
    assert transaction.state is State.TERMINATED


def test_the_first_final_response_stands() -> None:
    bench = Bench()
    transaction = bench.server("OPTIONS")
    transaction.respond(reply(200), 0.0)
    transaction.respond(reply(500), 0.1)
    transaction.receive(request("OPTIONS"), 0.2)
    assert len(bench.out) == 2
    assert bench.out[0] == bench.out[1]


def test_timer_j_ends_a_request_that_was_answered() -> None:
    ends: list[str] = []
    for transport, end in (("udp", 32.0), ("tcp", 0.0)):
        bench = Bench()
        transaction = bench.server("OPTIONS", transport)  # type: ignore[arg-type]
        transaction.on_end = lambda name=transport: ends.append(name)  # type: ignore[misc]
        transaction.respond(reply(200), 0.0)
        bench.run(end)
        assert transaction.state is State.TERMINATED
    assert ends == ["udp", "tcp"]


def test_a_cancelled_timer_never_runs_and_the_queue_stays_small() -> None:
    queue = TimerQueue()
    ran: list[float] = []
    action: Callable[[float], None] = ran.append
    for number in range(10_000):
        queue.start(number + 1000.0, action).cancel()
    queue.start(5.0, action)
    assert queue.deadline() == 5.0
    queue.run(20_000.0)
    assert ran == [20_000.0]
    assert queue.deadline() is None
