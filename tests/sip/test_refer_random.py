"""Three phones that transfer, hang up, refuse and lose messages as chance has it: nobody is left in a call."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from tests.support.sip_pair import Link, Peer
from tests.support.sip_transfer import Three

ACTIONS = (
    *("blind", "attended", "quiet", "back", "hang a", "hang b", "hang c", "hang new", "answer c", "reject c"),
    *("refuse", "accept nothing", "wait", "long", "lossy", "good", "obey", "disobey", "busy", "free", "stop b"),
)


def act(three: Three, action: str, at_b: str, at_c: str) -> None:
    a, b, c = three.all
    now = three.now
    match action:
        case "blind":
            a.endpoint.refer("ab", "1003", now)
        case "attended":
            a.endpoint.refer("ab", "", now, replaces="ac")
        case "quiet":
            a.endpoint.refer("ab", "1003", now, quiet=True)
        case "back":
            b.endpoint.refer(at_b, "1003", now)
        case "hang a":
            a.endpoint.hang_up("ab", now)
        case "hang b":
            b.endpoint.hang_up(at_b, now)
        case "hang c":
            c.endpoint.hang_up(at_c, now)
        case "hang new":
            b.endpoint.hang_up("new", now)
        case "answer c" if "c" in three.ringing:
            c.endpoint.answer(three.ringing["c"], None, now)
        case "reject c" if "c" in three.ringing:
            c.endpoint.reject(three.ringing["c"], 486, "", now)
        case "refuse":
            for key in keys(b):
                b.endpoint.refuse_transfer(key, 603, now)
        case "accept nothing":
            for key in keys(b):
                b.endpoint.accept_transfer(key, "never", now)
        case "wait" | "long":
            three.run(1 if action == "wait" else 200)
        case "lossy":
            three.link = Link(loss=0.3, duplicate=0.3, delay=0.02, jitter=0.3)
        case "good":
            three.link = Link()
        case "obey" | "disobey":
            three.obeying = set("abc") if action == "obey" else set()
        case "busy" | "free":
            three.refusing = {"c": 486} if action == "busy" else {}
        case "stop b":
            b.endpoint.close(now)
        case _:
            pass
    three.run(0.05)


def keys(peer: Peer) -> list[str]:
    return [event.key for event in peer.events if isinstance(event, ev.TransferRequested)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(ACTIONS), max_size=12), st.integers(0, 1000), st.booleans())
def test_whatever_happens_in_transfers_all_are_idle_in_the_end(actions: list[str], seed: int, answers: bool) -> None:
    three = Three(seed)
    at_b = three.connect(three.a, three.b, "ab")
    at_c = three.connect(three.a, three.c, "ac")
    if not answers:
        three.answering.clear()
    for action in actions:
        act(three, action, at_b, at_c)
    three.link = Link()
    for peer in three.all:
        peer.endpoint.close(three.now)
    three.run(300)
    for peer in three.all:
        assert peer.endpoint.settled
        assert peer.endpoint.deadline() is None
    for peer in three.all:
        finals = [event for event in peer.events if isinstance(event, ev.TransferProgress) and event.final]
        assert len(finals) <= sum(action in ("blind", "attended", "quiet", "back") for action in actions)
