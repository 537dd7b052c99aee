"""A subscription whose notifier says anything at any time: nothing is raised, nothing is left behind, nobody spins."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message

WORDS = ("active", "pending", "terminated", "other", '"', "")
REASONS = ("", ";reason=deactivated", ";reason=probation", ";reason=rejected", ";reason=timeout", ";reason=giveup")
TIMES = ("", ";expires=0", ";expires=5", ";expires=60", ";expires=3600", ";retry-after=1", ";expires=99999999999")
STATUSES = (100, 200, 202, 301, 400, 401, 404, 423, 481, 489, 500, 503, 603)
MORE = ("", "Expires: 0\n", "Expires: 30\n", "Expires: 3600\n", "Min-Expires: 7200\n", "Retry-After: 3\n")

answers = st.tuples(st.just("answer"), st.sampled_from(STATUSES), st.sampled_from(MORE))
states = st.tuples(st.sampled_from(WORDS), st.sampled_from(REASONS), st.sampled_from(TIMES)).map("".join)
news = st.tuples(st.just("notify"), states, st.sampled_from(("n1", "n2", "n3")))
waits = st.tuples(st.just("wait"), st.sampled_from((0.0, 1.0, 20.0, 40.0, 600.0, 4000.0)), st.just(""))
moves = st.tuples(st.just("moved"), st.just(0), st.just(""))
STEPS = st.lists(st.one_of(answers, news, waits, moves), max_size=25)


class Notifier:
    """Says what it is told to about the SUBSCRIBE that came last."""

    def __init__(self, alone: Alone) -> None:
        self._alone = alone
        self._last: Request | None = None
        self._cseq = 0
        self.asked = 0

    def hear(self, messages: list[Request | Response]) -> None:
        for heard in messages:
            if isinstance(heard, Request) and heard.method == "SUBSCRIBE":
                self._last = heard
                self.asked += 1

    def answer(self, status: int, more: str) -> None:
        if self._last is not None:
            self.hear(self._alone.say(answer(self._last, status, tag="n1", more=more)))

    def notify(self, state: str, tag: str) -> None:
        if self._last is None:
            return
        self._cseq += 1
        head = "Event: dialog\n" + (f"Subscription-State: {state}\n" if state else "")
        text = message(
            "NOTIFY",
            branch=f"z9hG4bKn{self._cseq}",
            to=self._last.headers.get("From") or "",
            caller=f"<sip:x@y>;tag={tag}",
            call_id=self._last.call_id,
            cseq=self._cseq,
            more=head,
        )
        heard = self._alone.say(text)
        assert sum(isinstance(m, Response) for m in heard) == 1
        self.hear(heard)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_the_notifier_says_nothing_is_left_behind(steps: list[tuple[str, object, str]]) -> None:
    alone = Alone()
    notifier = Notifier(alone)
    alone.endpoint.subscribe("k", "desk", "dialog", "1002", alone.now)
    notifier.hear(alone.heard())
    for kind, first, second in steps:
        if kind == "answer" and isinstance(first, int):
            notifier.answer(first, second)
        elif kind == "notify":
            notifier.notify(str(first), second)
        elif kind == "wait" and isinstance(first, float):
            notifier.hear(alone.pass_time(first))
        else:
            alone.endpoint.network_changed(alone.now)
            notifier.hear(alone.heard())
    for event in alone.events():
        assert isinstance(event, ev.Notified | ev.SubscriptionEnded)
    alone.endpoint.unsubscribe("k", alone.now)
    alone.pass_time(100)
    assert alone.endpoint.settled
    assert alone.endpoint.deadline() is None
    assert alone.events() == []
    alone.endpoint.subscribe("k", "desk", "dialog", "1002", alone.now)


def test_a_notifier_that_ends_everything_at_once_is_not_asked_in_a_loop() -> None:
    alone = Alone()
    notifier = Notifier(alone)
    alone.endpoint.subscribe("k", "desk", "dialog", "1002", alone.now)
    notifier.hear(alone.heard())
    for _ in range(600):
        notifier.answer(200, "Expires: 3600\n")
        notifier.notify("terminated;reason=deactivated;retry-after=0", "n1")
        notifier.hear(alone.pass_time(1))
    assert notifier.asked < 30
