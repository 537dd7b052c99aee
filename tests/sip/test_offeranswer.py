"""Who has offered and who owes an answer (:rfc:`3264`)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.calls.offeranswer import OfferAnswer, Phase, session_part
from offhook.sip.events import Body

ONE = Body("application/sdp", b"v=0 one")
TWO = Body("application/sdp", b"v=0 two")
MIXED = Body(
    'multipart/mixed;boundary="x"',
    b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0 one\r\n--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x--\r\n",
)


def test_an_answer_puts_both_descriptions_in_force() -> None:
    offers = OfferAnswer()
    assert not offers.complete
    offers.we_offer(ONE)
    assert (offers.phase, offers.complete) == (Phase.OFFERED, False)
    offers.they_answer(TWO)
    assert (offers.local, offers.remote, offers.complete) == (ONE, TWO, True)


def test_a_refused_offer_leaves_what_was_in_force() -> None:
    offers = OfferAnswer()
    offers.they_offer(ONE)
    assert offers.phase is Phase.OWING
    offers.we_answer(TWO)
    offers.we_offer(Body("application/sdp", b"v=0 three"))
    offers.withdrawn()
    assert (offers.local, offers.remote, offers.complete) == (TWO, ONE, True)


def test_the_session_description_is_found_alone_and_among_others() -> None:
    assert session_part(None) is None
    assert session_part(ONE) is ONE
    assert session_part(MIXED) == ONE
    assert session_part(Body("text/plain", b"hi")) is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.binary(max_size=80))
def test_any_body_has_a_session_description_or_none(content_type: str, data: bytes) -> None:
    part = session_part(Body(content_type, data))
    assert part is None or part.data in data
