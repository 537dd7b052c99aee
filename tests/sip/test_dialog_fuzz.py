"""Nonsense within calls: whatever headers a dialog's messages have, the call goes on or ends, and nothing is raised."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER

WORDS = st.one_of(
    st.sampled_from(
        [
            *("100rel", "timer", "0", "1", "90", "99999999999999", "7 1 INVITE", "1 1", "90;refresher=uas", "-1", ""),
            *("<sip:x@10.0.0.9?Subject=1>", "<sip:x@10.0.0.9>;q=9", "*", "<urn:service:sos>", "sip:", '"x', "<tel:+1>"),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12),
)
NAMES = st.sampled_from(
    [
        *("Require", "Supported", "RSeq", "RAck", "Session-Expires", "Min-SE", "Contact", "Allow", "Retry-After"),
        *("Record-Route", "P-Asserted-Identity", "Reason", "Info-Package", "Content-Disposition", "Unsupported"),
    ]
)
LINES = st.lists(st.tuples(NAMES, WORDS), max_size=4).map(
    lambda pairs: "".join(f"{name}: {value}\n" for name, value in pairs)
)
BODIES = st.sampled_from(["", "v=0", "Signal=1"])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([180, 183, 200, 302, 401, 422, 491, 500]), LINES, BODIES), max_size=5))
def test_any_responses_to_an_invite_are_taken(responses: list[tuple[int, str, str]]) -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    for number, (status, more, body) in enumerate(responses):
        text = answer(invite, status, tag=f"t{number % 2}", more=more, body=body)
        alone.endpoint.receive(text.replace("\n", "\r\n").encode(), alone.flow(), alone.now)
    alone.endpoint.update("o1", ANSWER, alone.now)
    alone.endpoint.hang_up("o1", alone.now)
    alone.pass_time(400)
    assert alone.endpoint.settled
    assert alone.endpoint.deadline() is None


@settings(max_examples=120, deadline=None)
@given(
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(["PRACK", "UPDATE", "INVITE", "INFO", "OPTIONS", "ACK", "PUBLISH"]), LINES, BODIES),
        max_size=5,
    ),
)
def test_any_requests_within_a_call_are_taken(is_up: bool, requests: list[tuple[str, str, str]]) -> None:
    alone = Alone()
    alone.say(message(body="v=0", more="Supported: 100rel, timer\nAllow: UPDATE\n"))
    alone.endpoint.early_media("i1", ANSWER, alone.now)
    (progress,) = alone.heard()
    to = f"<sip:1001@pbx.test>;tag={progress.to.tag}"
    if is_up:
        rack = f"RAck: {progress.headers.get('RSeq')} 1 INVITE\n"
        alone.say(message("PRACK", to=to, cseq=2, branch="z9hG4bKp", more=rack))
        alone.endpoint.answer("i1", None, alone.now)
        alone.say(message("ACK", to=to, branch="z9hG4bKack"))
    for number, (method, more, body) in enumerate(requests):
        text = message(method, to=to, cseq=number + 3, branch=f"z9hG4bK{number}", more=more, body=body)
        alone.endpoint.receive(text.replace("\n", "\r\n").encode(), alone.flow(), alone.now)
        alone.endpoint.accept_reoffer("i1", ANSWER, alone.now)
    alone.endpoint.reinvite("i1", OFFER, alone.now)
    alone.endpoint.hang_up("i1", alone.now)
    alone.pass_time(400)
    assert alone.endpoint.settled
    assert alone.endpoint.deadline() is None
