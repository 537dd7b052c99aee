"""Steps that tests of calls share: two phones, a call that rings, a call that is up."""

from offhook.sip import events as ev
from offhook.sip.events import Body
from tests.support.sip_pair import A, B, Pair, Peer

OFFER = Body("application/sdp", b"v=0 offer\r\n")
ANSWER = Body("application/sdp", b"v=0 answer\r\n")


def ready(**more: object) -> Pair:
    """Two phones: a calls b directly."""
    pair = Pair(**more)  # type: ignore[arg-type]
    pair.account(pair.a, "1001", B)
    pair.account(pair.b, "1002", A)
    return pair


def place(pair: Pair, target: str = "sip:1002@pbx.test", body: Body | None = OFFER) -> str:
    """a calls b; return b's handle."""
    pair.a.endpoint.call("o1", "1001", target, body, pair.now)
    pair.run(0.1)
    incoming = pair.b.of_type(ev.IncomingCall)
    assert len(incoming) == 1
    assert isinstance(incoming[0], ev.IncomingCall)
    return incoming[0].call


def connect(pair: Pair) -> str:
    """a calls b, b answers; return b's handle."""
    handle = place(pair)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(0.1)
    assert pair.a.of_type(ev.CallAccepted)
    assert pair.b.of_type(ev.CallConfirmed)
    return handle


def kinds(peer: Peer) -> list[str]:
    return [type(event).__name__ for event in peer.events]
