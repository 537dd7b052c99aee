"""The ladder of attempts of one emergency call: from the best form of the call to any form that gets through.

Each account is asked in turn, those in service first, and for each there are rungs::

    urn:service:sos with location   (over TCP where the account is UDP: some 3 kB, RFC 3261 section 18.1.1)
    urn:service:sos                 (over the account's own transport)
    sip:112@domain with location    (only where taking the location away did not change the refusal)
    sip:112@domain

A refusal steps down one rung. Silence (no response of any kind in time, the TCP connect included), a reset, or a
refusal that no other form would change goes straight to the next account; the rungs that were left out are come back to
when it is that account's turn again. (Where TCP was only taken for the size of the location, the endpoint below goes
back to UDP by itself when TCP is refused, :rfc:`3261#section-18.1.1`: that is one attempt here.) An account that is TLS
goes on over TCP where TLS fails (:rfc:`6881` ED-58). When all rungs of all accounts are used up, the
caller is told, and after a pause everything begins anew: the ladder never ends by itself while the handset is off hook,
except by a call that was answered and then ended.

What RFC 3261 says for ordinary calls is bent in two places, both times to reach help: a 6xx is no reason to stop asking
elsewhere (:rfc:`3261#section-21.6`), and a server that only says 100 Trying does not keep the others waiting. A busy
desk (486, 600) was reached (:rfc:`3261#section-21.4.24`): it is not asked at once with less, but the next account is.

The caller of the ladder performs the actions in order and reports what happened to each attempt by its number::

    ladder = Ladder(accounts, "112", "urn:service:sos", has_location=True, settings=LadderSettings())
    perform(ladder.start(now))              # then arm one timer for ladder.deadline() and call tick(now)
    perform(ladder.on_trying(1, now))       # first response of any kind: CallTrying
    perform(ladder.on_progress(1, now))     # 18x: CallProgress. This attempt stays; others are cancelled
    perform(ladder.on_answered(1, now))     # 2xx: CallAccepted. The first wins; ladder.answered is its number
    perform(ladder.on_refused(1, 415, now)) # final refusal: CallRefused with a status
    perform(ladder.on_failed(1, now))       # no address, connection refused or reset, timer B: CallRefused, status 0
    perform(ladder.on_ended(1, now))        # an answered call was ended by the desk: CallOver
    perform(ladder.hang_up(now))            # handset on hook: everything is cancelled

Reports about attempts that are over are ignored, except that an answer to one is ended at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from offhook.emergency.attempts import (
    CancelAttempt,
    Form,
    GiveUpForNow,
    LadderAccount,
    LadderAction,
    LadderSettings,
    Rung,
    StartAttempt,
)

# Answers that the same account would give to any other form of the call: 401 and 407 come here only where the
# password is wrong; 408 and 504 are silence further up; 486 and 600 come from the desk itself.
NEXT_ACCOUNT = frozenset({401, 407, 408, 486, 504, 600})
_MOST_IN_FLIGHT = 2


class Stage(Enum):
    """How far an attempt that is alive has got."""

    WAITING = "waiting"
    TRYING = "trying"
    RINGING = "ringing"
    ANSWERED = "answered"


@dataclass(slots=True, eq=False)
class _Climber:
    """One account's place on its ladder in this round."""

    account: LadderAccount
    rungs: list[Rung]
    turn_started: float = 0.0
    refused_with_location: int | None = None


@dataclass(slots=True, eq=False)
class _Attempt:
    """An attempt that is alive. ``overlapped``: slow, and another account may be tried beside it."""

    number: int
    climber: _Climber
    rung: Rung
    started: float
    stage: Stage = Stage.WAITING
    overlapped: bool = False


@dataclass(slots=True)
class _Round:
    """One pass over all accounts: whose turn it is comes first in ``queue``."""

    number: int = 0
    queue: list[_Climber] = field(default_factory=list)
    turn: _Climber | None = None
    last_status: int = 0
    resume_at: float | None = None


class Ladder:
    """Drives one emergency call; see the module for how. Pure: every method takes ``now`` in seconds."""

    def __init__(
        self,
        accounts: Sequence[LadderAccount],
        number: str,
        urn: str,
        has_location: bool,
        settings: LadderSettings | None = None,
    ) -> None:
        """``accounts`` in the order of preference; ``number`` as dialled; ``urn`` of its service."""
        self._settings = settings or LadderSettings()
        self._accounts = tuple(accounts)
        self._number = number
        self._urn = urn
        self._has_location = has_location
        self._round = _Round()
        self._alive: dict[int, _Attempt] = {}
        self._count = 0
        self._over = False
        self._answered: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come: hung up, or an answered call has ended."""
        return self._over

    @property
    def answered(self) -> int | None:
        """The attempt that was answered, None before."""
        return self._answered

    @property
    def attempts(self) -> int:
        """How many attempts were started so far."""
        return self._count

    def start(self, now: float) -> list[LadderAction]:
        """Begin the first round."""
        return self._begin_round(now)

    def use_accounts(self, accounts: Sequence[LadderAccount]) -> None:
        """Take these accounts (one more is in service now, say) from the next round on."""
        self._accounts = tuple(accounts)

    def on_trying(self, attempt: int, now: float) -> list[LadderAction]:
        """The first response of any kind came: somebody is there."""
        found = self._alive.get(attempt)
        if found and found.stage is Stage.WAITING:
            found.stage = Stage.TRYING
        return []

    def on_progress(self, attempt: int, now: float) -> list[LadderAction]:
        """An 18x came: the desk rings or speaks. This attempt stays, the others make way."""
        found = self._alive.get(attempt)
        if found is None or found.stage is Stage.ANSWERED:
            return []
        found.stage, found.overlapped = Stage.RINGING, False
        return self._drop(other for other in self._alive.values() if other is not found)

    def on_answered(self, attempt: int, now: float) -> list[LadderAction]:
        """A 2xx came. The first wins; any other is ended at once."""
        found = self._alive.get(attempt)
        if found is None:
            return [CancelAttempt(attempt)]
        found.stage, found.overlapped = Stage.ANSWERED, False
        self._answered = attempt
        return self._drop(other for other in self._alive.values() if other is not found)

    def on_refused(self, attempt: int, status: int, now: float) -> list[LadderAction]:
        """A final refusal (300 to 699) came."""
        found = self._alive.pop(attempt, None)
        if found is None:
            return []
        climber, rung = found.climber, found.rung
        self._round.last_status = status
        if rung.form is Form.URN and rung.with_location:
            climber.refused_with_location = status
        elif rung.form is Form.URN and climber.refused_with_location == status:
            climber.rungs.insert(0, _with_location(Rung(Form.NUMBER, True, rung.transport)))
        if status in NEXT_ACCOUNT or now - climber.turn_started >= self._settings.turn:
            self._end_turn(climber)
        return self._go_on(now)

    def on_failed(self, attempt: int, now: float) -> list[LadderAction]:
        """The attempt died without a response: no address, connection refused or reset, or timed out below."""
        found = self._alive.pop(attempt, None)
        if found is None:
            return []
        self._fall_silent(found)
        return self._go_on(now)

    def on_ended(self, attempt: int, now: float) -> list[LadderAction]:
        """The desk ended the call: the ladder is done where it had been answered, else it goes on."""
        if attempt != self._answered:
            return self.on_failed(attempt, now)
        self._alive.clear()
        self._over = True
        return []

    def hang_up(self, now: float) -> list[LadderAction]:
        """The handset was put back: end everything."""
        self._over = True
        self._round.resume_at = None
        return self._drop(self._alive.values())

    def deadline(self) -> float | None:
        """Return when :meth:`tick` wants to be called, None where only a report can change anything."""
        times = [time for attempt in self._alive.values() if (time := self._expires(attempt)) is not None]
        if self._round.resume_at is not None:
            times.append(self._round.resume_at)
        return min(times, default=None)

    def tick(self, now: float) -> list[LadderAction]:
        """Do what is due: give up silent attempts, go on beside slow ones, begin a new round."""
        actions: list[LadderAction] = []
        for attempt in list(self._alive.values()):
            expires = self._expires(attempt)
            if expires is None or expires > now or attempt.number not in self._alive:
                continue
            if attempt.stage is Stage.TRYING and not attempt.overlapped:
                attempt.overlapped = True
                self._end_turn(attempt.climber)
            else:
                actions += self._drop([attempt])
                self._fall_silent(attempt)
            actions += self._go_on(now)
        if self._round.resume_at is not None and self._round.resume_at <= now:
            actions += self._begin_round(now)
        return actions

    def _begin_round(self, now: float) -> list[LadderAction]:
        ordered = sorted(self._accounts, key=lambda account: not account.in_service)
        climbers = [_Climber(account, self._rungs(account)) for account in ordered]
        self._round = _Round(self._round.number + 1, climbers)
        return self._go_on(now)

    def _rungs(self, account: LadderAccount) -> list[Rung]:
        rungs = [Rung(form, False, account.transport) for form in Form]
        return [_with_location(rungs[0]), *rungs] if self._has_location else rungs

    def _go_on(self, now: float) -> list[LadderAction]:
        """Start the next attempt if the call needs one; say so when there is none left."""
        if self._over or any(not attempt.overlapped for attempt in self._alive.values()):
            return []
        engaged = [attempt.climber for attempt in self._alive.values()]
        free = [climber for climber in self._round.queue if climber.rungs and climber not in engaged]
        if free:
            surplus = len(self._alive) - _MOST_IN_FLIGHT + 1
            return [*self._drop(list(self._alive.values())[: max(surplus, 0)]), self._ask(free[0], now)]
        return [] if self._alive else [self._give_up(now)]

    def _ask(self, climber: _Climber, now: float) -> StartAttempt:
        if self._round.turn is not climber:
            self._round.turn = climber
            climber.turn_started = now
        rung = climber.rungs.pop(0)
        self._count += 1
        self._alive[self._count] = _Attempt(self._count, climber, rung, now)
        target = self._urn if rung.form is Form.URN else _number_uri(self._number, climber.account.domain)
        return StartAttempt(self._count, climber.account.name, target, rung.with_location, rung.transport)

    def _give_up(self, now: float) -> GiveUpForNow:
        pause = min(self._settings.pause * 2 ** min(self._round.number - 1, 16), self._settings.longest_pause)
        self._round.resume_at = now + pause
        return GiveUpForNow(pause, self._round.last_status, self._round.number)

    def _fall_silent(self, attempt: _Attempt) -> None:
        """Let the next account have its turn, and take TLS from what is left of this one's rungs."""
        climber = attempt.climber
        if attempt.rung.transport == "tls" and attempt.stage is Stage.WAITING:
            climber.rungs[:] = [replace(rung, transport="tcp") for rung in (attempt.rung, *climber.rungs)]
        self._end_turn(climber)

    def _end_turn(self, climber: _Climber) -> None:
        self._round.queue.remove(climber)
        self._round.queue.append(climber)
        if self._round.turn is climber:
            self._round.turn = None

    def _expires(self, attempt: _Attempt) -> float | None:
        times = self._settings
        if attempt.stage is Stage.WAITING:
            return attempt.started + times.first_response
        if attempt.stage is not Stage.TRYING:
            return None
        if attempt.overlapped:
            return attempt.started + times.patience
        return min(attempt.started + times.overlap, attempt.climber.turn_started + times.turn + times.first_response)

    def _drop(self, attempts: Iterable[_Attempt]) -> list[LadderAction]:
        numbers = [attempt.number for attempt in attempts]
        for number in numbers:
            del self._alive[number]
        return [CancelAttempt(number) for number in numbers]


def _with_location(rung: Rung) -> Rung:
    """Return the rung with location; UDP becomes TCP, for the message is over 1300 bytes (RFC 3261 section 18.1.1)."""
    return Rung(rung.form, True, "tcp" if rung.transport == "udp" else rung.transport)


def _number_uri(number: str, domain: str) -> str:
    """Return the address of an ordinary call to the digits: what this account is known to understand."""
    host = f"[{domain}]" if ":" in domain and not domain.startswith("[") else domain
    return f"sip:{number.replace('#', '%23')}@{host}"
