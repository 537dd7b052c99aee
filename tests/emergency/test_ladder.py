"""The ladder against every kind of server, by table and by property."""

import heapq
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.emergency.attempts import CancelAttempt, GiveUpForNow, LadderAccount, LadderAction, StartAttempt
from offhook.emergency.ladder import Ladder

URN = "urn:service:sos"


def account(name: str, transport: str = "udp", in_service: bool = True) -> LadderAccount:
    return LadderAccount(name, f"{name}.test", transport, in_service)  # type: ignore[arg-type]


def ladder(*accounts: LadderAccount, has_location: bool = True) -> Ladder:
    return Ladder(accounts, "112", URN, has_location)


def started(actions: list[LadderAction]) -> list[tuple[str, str, bool, str]]:
    return [(a.account, a.target, a.with_location, a.transport) for a in actions if isinstance(a, StartAttempt)]


def test_the_first_attempt_is_the_urn_with_location_over_tcp() -> None:
    assert started(ladder(account("a")).start(0.0)) == [("a", URN, True, "tcp")]


def test_an_account_that_is_tls_keeps_tls_for_the_location() -> None:
    assert started(ladder(account("a", "tls")).start(0.0)) == [("a", URN, True, "tls")]


def test_without_a_location_the_first_attempt_uses_the_accounts_own_transport() -> None:
    assert started(ladder(account("a"), has_location=False).start(0.0)) == [("a", URN, False, "udp")]


@pytest.mark.parametrize("status", [300, 400, 403, 404, 413, 415, 416, 420, 424, 480, 484, 488, 500, 503, 603, 604])
def test_a_refusal_steps_down_to_no_location_then_to_the_number_then_to_the_next_account(status: int) -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    assert started(climb.on_refused(1, status, 0.1)) == [("a", URN, False, "udp")]
    assert started(climb.on_refused(2, 599, 0.2)) == [("a", "sip:112@a.test", False, "udp")]
    assert started(climb.on_refused(3, status, 0.3)) == [("b", URN, True, "tcp")]


def test_a_refusal_that_stays_the_same_without_location_brings_the_location_back_for_the_number() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_refused(1, 416, 0.1)
    assert started(climb.on_refused(2, 416, 0.2)) == [("a", "sip:112@a.test", True, "tcp")]
    assert started(climb.on_refused(3, 415, 0.3)) == [("a", "sip:112@a.test", False, "udp")]


@pytest.mark.parametrize("status", [401, 407, 408, 486, 504, 600])
def test_a_refusal_that_no_other_form_would_change_goes_to_the_next_account(status: int) -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    assert started(climb.on_refused(1, status, 0.1)) == [("b", URN, True, "tcp")]


def test_a_busy_desk_is_asked_in_its_other_forms_once_the_others_have_been_asked() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_refused(1, 486, 0.1)
    assert started(climb.on_refused(2, 486, 0.2)) == [("a", URN, False, "udp")]
    assert started(climb.on_refused(3, 486, 0.3)) == [("b", URN, False, "udp")]
    assert started(climb.on_refused(4, 486, 0.4)) == [("a", "sip:112@a.test", True, "tcp")]


def test_silence_for_four_seconds_goes_straight_to_the_next_account() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(10.0)
    assert climb.deadline() == 14.0
    assert climb.tick(13.9) == []
    actions = climb.tick(14.0)
    assert actions[0] == CancelAttempt(1)
    assert started(actions) == [("b", URN, True, "tcp")]


def test_a_reset_goes_straight_to_the_next_account() -> None:
    climb = ladder(account("a", "tcp"), account("b"))
    climb.start(0.0)
    assert started(climb.on_failed(1, 0.01)) == [("b", URN, True, "tcp")]


def test_the_rungs_that_a_reset_left_out_are_come_back_to() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_failed(1, 0.01)
    assert started(climb.on_failed(2, 0.02)) == [("a", URN, False, "udp")]
    assert started(climb.on_failed(3, 0.03)) == [("b", URN, False, "udp")]


def test_an_account_that_refuses_slowly_makes_way_for_the_next_one() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    assert started(climb.on_refused(1, 500, 2.9)) == [("a", URN, False, "udp")]
    assert started(climb.on_refused(2, 500, 3.0)) == [("b", URN, True, "tcp")]
    assert started(climb.on_refused(3, 486, 3.1)) == [("a", "sip:112@a.test", True, "tcp")]
    assert started(climb.on_refused(4, 500, 6.0)) == [("a", "sip:112@a.test", False, "udp")]


def test_a_second_attempt_of_a_turn_that_gets_no_further_than_trying_ends_with_the_turns_time() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_refused(1, 500, 2.9)
    climb.on_trying(2, 3.0)
    assert climb.deadline() == 7.0


def test_tls_that_fails_is_tried_again_over_tcp() -> None:
    climb = ladder(account("a", "tls"))
    climb.start(0.0)
    assert started(climb.on_failed(1, 0.01)) == [("a", URN, True, "tcp")]


def test_tls_that_answered_is_kept() -> None:
    climb = ladder(account("a", "tls"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    climb.tick(6.0)
    assert started(climb.tick(20.0)) == [("a", URN, False, "tls")]


def test_accounts_in_service_come_first() -> None:
    climb = ladder(account("a", in_service=False), account("b"))
    assert started(climb.start(0.0)) == [("b", URN, True, "tcp")]


def test_a_call_that_rings_stays_for_as_long_as_it_rings() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    assert climb.on_progress(1, 3.0) == []
    assert climb.deadline() is None
    assert climb.tick(600.0) == []


def test_a_server_that_only_says_trying_is_left_running_beside_the_next_account() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    assert climb.deadline() == 6.0
    actions = climb.tick(6.0)
    assert actions == [StartAttempt(2, "b", URN, True, "tcp")]
    assert climb.on_answered(1, 7.0) == [CancelAttempt(2)]
    assert climb.answered == 1


def test_ringing_cancels_the_attempt_beside_it() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    climb.tick(6.0)
    assert climb.on_progress(2, 6.5) == [CancelAttempt(1)]


def test_a_single_slow_account_has_twenty_seconds_before_it_is_asked_otherwise() -> None:
    climb = ladder(account("a"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    assert climb.tick(6.0) == []
    assert climb.deadline() == 20.0
    assert climb.tick(20.0) == [CancelAttempt(1), StartAttempt(2, "a", URN, False, "udp")]


def test_an_answer_to_an_attempt_that_is_over_is_ended() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.tick(4.0)
    assert climb.on_answered(1, 4.1) == [CancelAttempt(1)]
    assert climb.answered is None


def test_when_all_have_failed_the_caller_is_told_and_it_begins_anew() -> None:
    climb = ladder(account("a", "tcp"), has_location=False)
    climb.start(0.0)
    climb.on_refused(1, 500, 0.1)
    assert climb.on_refused(2, 503, 0.2) == [GiveUpForNow(2.0, 503, 1)]
    assert climb.deadline() == 2.2
    assert started(climb.tick(2.2)) == [("a", URN, False, "tcp")]


def test_no_account_at_all_is_said_again_and_again_and_a_new_one_is_used() -> None:
    climb = ladder()
    assert climb.start(0.0) == [GiveUpForNow(2.0, 0, 1)]
    assert climb.tick(2.0) == [GiveUpForNow(4.0, 0, 2)]
    climb.use_accounts([account("a")])
    assert started(climb.tick(6.0)) == [("a", URN, True, "tcp")]


def test_hanging_up_ends_everything_and_nothing_comes_after() -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    climb.on_trying(1, 0.1)
    climb.tick(6.0)
    assert climb.hang_up(6.5) == [CancelAttempt(1), CancelAttempt(2)]
    assert climb.over
    assert climb.deadline() is None
    assert climb.on_refused(1, 487, 6.6) == []
    assert climb.tick(100.0) == []


def test_the_desk_hanging_up_ends_the_ladder() -> None:
    climb = ladder(account("a"))
    climb.start(0.0)
    climb.on_answered(1, 1.0)
    assert climb.on_ended(1, 60.0) == []
    assert climb.over


def test_keys_that_a_uri_cannot_carry_are_escaped_and_an_ipv6_host_gets_brackets() -> None:
    climb = Ladder([LadderAccount("a", "2001:db8::1", "udp", True)], "*11#", URN, False)
    climb.start(0.0)
    assert started(climb.on_refused(1, 404, 0.1)) == [("a", "sip:*11%23@[2001:db8::1]", False, "udp")]


@dataclass(frozen=True)
class Server:
    """How one server treats an attempt, by the attempt's place in its own row of attempts (the last one repeats)."""

    behaviours: tuple[tuple[str, float, int], ...]  # kind, seconds, status

    def treat(self, nth: int) -> tuple[str, float, int]:
        return self.behaviours[min(nth, len(self.behaviours) - 1)]


@dataclass
class World:
    """Plays a ladder against servers in simulated time."""

    ladder: Ladder
    servers: dict[str, Server]
    now: float = 0.0
    events: list[tuple[float, int, str, int, int]] = field(default_factory=list)
    alive: dict[int, tuple[str, str, bool]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    answered_at: float | None = None
    gave_up: list[float] = field(default_factory=list)
    most_alive: int = 0
    order: itertools.count = field(default_factory=itertools.count)  # type: ignore[type-arg]

    def run(self, until: float) -> None:
        self.perform(self.ladder.start(0.0))
        while self.answered_at is None:
            deadline = self.ladder.deadline()
            first = self.events[0][0] if self.events else None
            times = [time for time in (deadline, first) if time is not None]
            assert times or self.alive, "neither a timer nor an attempt: the call is dead"
            if not times or min(times) > until:
                return
            if first is not None and (deadline is None or first <= deadline):
                at, _, kind, attempt, status = heapq.heappop(self.events)
                self.now = at
                self.report(kind, attempt, status)
            else:
                assert deadline is not None
                assert deadline >= self.now
                self.now = deadline
                self.perform(self.ladder.tick(deadline))

    def report(self, kind: str, attempt: int, status: int) -> None:
        if attempt not in self.alive:
            return
        match kind:
            case "trying":
                self.perform(self.ladder.on_trying(attempt, self.now))
            case "ring":
                self.perform(self.ladder.on_progress(attempt, self.now))
            case "answer":
                self.answered_at = self.now
                self.perform(self.ladder.on_answered(attempt, self.now))
                assert self.ladder.answered == attempt
                assert list(self.alive) == [attempt]
            case "refuse":
                del self.alive[attempt]
                self.perform(self.ladder.on_refused(attempt, status, self.now))
            case "reset":
                del self.alive[attempt]
                self.perform(self.ladder.on_failed(attempt, self.now))

    def perform(self, actions: list[LadderAction]) -> None:
        for action in actions:
            match action:
                case StartAttempt():
                    self.begin(action)
                case CancelAttempt():
                    self.alive.pop(action.attempt, None)
                case GiveUpForNow():
                    assert not self.alive
                    self.gave_up.append(self.now)
        self.most_alive = max(self.most_alive, len(self.alive))

    def begin(self, action: StartAttempt) -> None:
        rung = (action.account, action.target, action.with_location)
        assert rung not in self.alive.values(), "two attempts to one rung at once"
        self.alive[action.attempt] = rung
        nth = self.seen.get(action.account, 0)
        self.seen[action.account] = nth + 1
        kind, delay, status = self.servers[action.account].treat(nth)
        for step in kind.split("+"):
            if step == "silent":
                return
            at = self.now + (0.05 if step == "trying" else delay)
            heapq.heappush(self.events, (at, next(self.order), step, action.attempt, status))


STATUSES = st.sampled_from([301, 380, 400, 403, 404, 408, 415, 416, 424, 484, 486, 488, 500, 503, 504, 600, 603, 604])
BAD = st.tuples(
    st.sampled_from(["refuse", "silent", "reset", "trying", "trying+refuse", "trying+reset"]),
    st.floats(0.0, 9.0),
    STATUSES,
)
BAD_SERVER = st.builds(Server, st.lists(BAD, min_size=1, max_size=5).map(tuple))
QUICK_REFUSAL = st.tuples(st.just("refuse"), st.floats(0.0, 0.1), st.sampled_from([400, 404, 415, 416, 424, 488, 500]))
GOOD_SERVER = st.builds(
    lambda refusals, how: Server((*refusals, (how, 0.2, 0))),
    st.lists(QUICK_REFUSAL, max_size=2),
    st.sampled_from(["answer", "trying+answer", "trying+ring+answer"]),
)
TRANSPORTS = st.sampled_from(["udp", "tcp", "tls"])


@settings(max_examples=250, deadline=None)
@given(
    first=BAD_SERVER,
    second=BAD_SERVER,
    last=GOOD_SERVER,
    transports=st.tuples(TRANSPORTS, TRANSPORTS, TRANSPORTS),
    registered=st.booleans(),
    located=st.booleans(),
)
def test_the_third_account_answers_within_15_seconds_whatever_the_first_two_do(
    first: Server, second: Server, last: Server, transports: tuple[str, str, str], registered: bool, located: bool
) -> None:
    if not located:  # two rungs only: one of them must be good
        last = Server(last.behaviours[-2:])
    accounts = [account(name, transport, registered) for name, transport in zip("abc", transports, strict=True)]
    world = World(ladder(*accounts, has_location=located), {"a": first, "b": second, "c": last})
    world.run(until=60.0)
    assert world.answered_at is not None
    assert world.answered_at <= 15.0
    assert world.most_alive <= 2


ANY = st.tuples(
    st.sampled_from(["refuse", "silent", "reset", "trying", "trying+refuse", "trying+ring+refuse", "trying+reset"]),
    st.floats(0.0, 30.0),
    STATUSES,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Server, st.lists(ANY, min_size=1, max_size=8).map(tuple)), max_size=4), st.booleans())
def test_the_ladder_goes_on_for_as_long_as_the_handset_is_off_hook(servers: list[Server], located: bool) -> None:
    named = {f"s{n}": server for n, server in enumerate(servers)}
    climb = Ladder([account(name, in_service=bool(n % 2)) for n, name in enumerate(named)], "112", URN, located)
    world = World(climb, named)
    world.run(until=200.0)
    assert world.now > 150.0
    if servers:
        assert climb.attempts >= 3
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(world.gave_up))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(["trying", "ring", "answer", "refuse", "reset", "ended", "tick", "hang_up"]),
            st.floats(0, 10),
            STATUSES,
        ),
        max_size=40,
    )
)
def test_reports_in_any_order_never_start_an_attempt_after_an_answer_or_hang_up(
    reports: list[tuple[int, str, float, int]],
) -> None:
    climb = ladder(account("a"), account("b"))
    climb.start(0.0)
    now = 0.0
    done = False
    for attempt, kind, wait, status in reports:
        now += wait
        done = done or climb.answered is not None or climb.over
        match kind:
            case "trying":
                actions = climb.on_trying(attempt, now)
            case "ring":
                actions = climb.on_progress(attempt, now)
            case "answer":
                actions = climb.on_answered(attempt, now)
            case "refuse":
                actions = [] if attempt == climb.answered else climb.on_refused(attempt, status, now)
            case "reset":
                actions = [] if attempt == climb.answered else climb.on_failed(attempt, now)
            case "ended":
                actions = climb.on_ended(attempt, now)
            case "tick":
                actions = climb.tick(now)
            case _:
                actions = climb.hang_up(now)
        assert not (done and any(isinstance(action, StartAttempt | GiveUpForNow) for action in actions))
