"""3xx to an INVITE of ours: where the call goes on, and where it does not (:rfc:`3261#section-8.1.3.4`)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.redirect import Redirects, is_emergency
from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.messages.uri import SipUri, parse_uri
from tests.support.sip_alone import Alone, answer
from tests.support.sip_calls import ANSWER, OFFER, kinds, ready
from tests.support.sip_pair import Link

FIRST = "sip:x@pbx.test"


def calling(alone: Alone, target: str = FIRST, **more: object) -> Request:
    alone.endpoint.call("o1", "desk", target, OFFER, alone.now, **more)  # type: ignore[arg-type]
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    return invite


def moved(invite: Request, *contacts: str, status: int = 302) -> str:
    return answer(invite, status, more=f"Contact: {', '.join(contacts)}\n" if contacts else "")


def next_invite(messages: list[Request | Response]) -> Request:
    """Return the INVITE that follows the ACK of a refusal."""
    ack, invite = messages
    assert isinstance(ack, Request)
    assert isinstance(invite, Request)
    assert (ack.method, invite.method) == ("ACK", "INVITE")
    return invite


def redirects(first: str, *contacts: str) -> list[str]:
    """Return the targets in the order in which they are tried."""
    headers = Headers()
    headers.add("Contact", ", ".join(contacts))
    found = Redirects(parse_uri(first))
    found.take(Response(302, "", headers, b""))
    out = []
    while (target := found.next()) is not None:
        out.append(str(target))
    return out


def test_a_redirected_call_goes_on_with_the_same_call_id_and_says_so() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:y@pbx.test>")))
    assert str(again.uri) == "sip:y@pbx.test"
    assert (again.call_id, str(again.from_), str(again.to)) == (invite.call_id, str(invite.from_), str(invite.to))
    assert again.cseq.number == invite.cseq.number + 1
    assert (again.body, again.headers.get_all("Content-Type")) == (OFFER.data, ["application/sdp"])
    assert again.headers.get_all("Session-Expires") == ["1800"]
    assert alone.sent[-1][1].remote == ("10.0.0.9", 5060)
    progress = alone.events()[-1]
    assert isinstance(progress, ev.CallProgress)
    assert progress.status == 181
    alone.say(answer(again, 200, more="Contact: <sip:y@10.0.0.9:5060>\n", body="v=0"))
    assert isinstance(alone.events()[-1], ev.CallAccepted)


def test_a_redirection_to_what_may_not_be_called_is_passed_over() -> None:
    alone = Alone()
    asked: list[tuple[str, str]] = []

    def may_call(target: str, account: str) -> bool:
        asked.append((target, account))
        return "112" not in target

    alone.endpoint.judge_redirects(may_call)
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:112@pbx.test?Priority=emergency>", "<tel:112>", "<sip:y@p>")))
    assert str(again.uri) == "sip:y@p"
    assert ("sip:112@pbx.test", "desk") in asked
    (ack,) = alone.say(moved(again, "<sips:112@pbx.test>"))
    assert isinstance(ack, Request)
    assert ack.method == "ACK"
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 302


def test_contacts_are_tried_by_q_one_after_the_other() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:low@p>;q=0.1", "<sip:high@p>;q=0.9", "<sip:none@p>")))
    assert str(again.uri) == "sip:none@p"
    again = next_invite(alone.say(answer(again, 486)))
    assert str(again.uri) == "sip:high@p"
    again = next_invite(alone.say(answer(again, 404)))
    assert str(again.uri) == "sip:low@p"
    alone.say(answer(again, 480))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 480


def test_a_redirection_of_a_redirection_is_followed_and_no_target_twice() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:y@pbx.test>", "<sip:X@pbx.test;foo=1>")))
    again = next_invite(alone.say(moved(again, f"<{FIRST}>", "<sip:y@pbx.test>", "<sip:z@pbx.test>")))
    assert str(again.uri) == "sip:z@pbx.test"
    again = next_invite(alone.say(moved(again, f"<{FIRST}>", "<sip:y@pbx.test>")))
    assert str(again.uri) == "sip:X@pbx.test;foo=1"
    alone.say(moved(again, f"<{FIRST}>"))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 302


def test_five_targets_are_enough() -> None:
    alone = Alone()
    invite = calling(alone)
    for number in range(5):
        invite = next_invite(alone.say(moved(invite, f"<sip:t{number}@pbx.test>")))
    alone.say(moved(invite, "<sip:t6@pbx.test>"))
    assert isinstance(alone.events()[-1], ev.CallRefused)
    assert redirects(FIRST, *(f"<sip:{n}@p>;q=0.{n}" for n in range(9))) == [f"sip:{n}@p" for n in (8, 7, 6, 5, 4)]


def test_a_global_refusal_ends_the_search() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:y@p>", "<sip:z@p>")))
    alone.say(answer(again, 603))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 603


@pytest.mark.parametrize("status", [305, 380])
def test_other_redirections_are_not_followed(status: int) -> None:
    alone = Alone()
    alone.say(moved(calling(alone), "<sip:y@pbx.test>", status=status))
    assert isinstance(alone.events()[-1], ev.CallRefused)


def test_a_redirection_without_contact_is_a_refusal() -> None:
    alone = Alone()
    alone.say(moved(calling(alone)))
    assert isinstance(alone.events()[-1], ev.CallRefused)


@pytest.mark.parametrize(
    ("target", "headers"), [("urn:service:sos", ()), ("sip:112@pbx.test", (("Priority", "emergency"),))]
)
def test_an_emergency_call_is_not_redirected(target: str, headers: tuple[tuple[str, str], ...]) -> None:
    alone = Alone()
    alone.say(moved(calling(alone, target, headers=headers), "<sip:elsewhere@pbx.test>"))
    assert isinstance(alone.events()[-1], ev.CallRefused)


def test_nobody_is_redirected_to_an_emergency_service_or_to_what_cannot_be_called() -> None:
    assert redirects(FIRST, "<urn:service:sos>", "<urn:service:sos.fire>", "<mailto:x@y>", "<tel:+123>") == ["tel:+123"]


def test_a_secure_target_never_becomes_an_insecure_one() -> None:
    assert redirects("sips:x@p", "<sip:y@p>", "<sips:z@p>", "<tel:+1>") == ["sips:z@p"]


def test_a_contact_smuggles_nothing_into_the_invite() -> None:
    assert redirects(FIRST, "<sip:y@p;method=REFER?Subject=x&Route=%3Csip:evil%3E>") == ["sip:y@p"]


def test_giving_up_while_a_redirected_call_rings_cancels_that_one() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:y@p>", "<sip:z@p>")))
    alone.say(answer(again, 180))
    alone.events()
    alone.endpoint.hang_up("o1", alone.now)
    (cancel,) = alone.heard()
    assert isinstance(cancel, Request)
    assert (cancel.method, str(cancel.uri), cancel.cseq.number) == ("CANCEL", "sip:y@p", again.cseq.number)
    alone.say(answer(cancel, 200))
    assert [m.method for m in alone.say(answer(again, 487)) if isinstance(m, Request)] == ["ACK"]
    assert alone.events() == []
    assert alone.endpoint.settled


def test_a_late_answer_of_the_target_before_is_ended() -> None:
    alone = Alone()
    invite = calling(alone)
    next_invite(alone.say(moved(invite, "<sip:y@p>")))
    late = alone.say(answer(invite, 200, more="Contact: <sip:x@10.0.0.9:5060>\n", body="v=0"))
    assert [m.method for m in late if isinstance(m, Request)] == ["ACK", "BYE"]
    assert "CallAccepted" not in [type(event).__name__ for event in alone.events()]


def test_a_redirected_call_that_nobody_answers_goes_to_the_next_target() -> None:
    alone = Alone()
    invite = calling(alone)
    again = next_invite(alone.say(moved(invite, "<sip:y@p>", "<sip:z@p>")))
    alone.endpoint.send_failed("udp", ("10.0.0.9", 5060), "refused", alone.now)
    out = [m for m in alone.heard() if isinstance(m, Request) and m.method == "INVITE"]
    assert [str(m.uri) for m in out] == ["sip:z@p"]
    assert out[0].cseq.number > again.cseq.number


@pytest.mark.parametrize("seed", range(10))
def test_a_redirected_call_gets_through_whatever_is_lost(seed: int) -> None:
    pair = ready(seed=seed, link=Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4))
    asked = []

    def hears(event: ev.Event) -> None:
        if isinstance(event, ev.IncomingCall):
            asked.append(str(event.request.uri))
            if len(asked) == 1:
                pair.b.endpoint.reject(event.call, 302, "", pair.now, (("Contact", "<sip:1002@other.test>"),))
            else:
                pair.b.endpoint.answer(event.call, ANSWER, pair.now)

    pair.b.on_event = hears
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(30)
    assert asked == ["sip:1002@pbx.test", "sip:1002@other.test"]
    assert kinds(pair.a).count("CallAccepted") == 1
    assert kinds(pair.b).count("CallConfirmed") == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("sip:tel+urn<>@;=q.0123456789abc", max_size=20), max_size=12))
def test_any_contacts_are_taken(texts: list[str]) -> None:
    headers = Headers()
    for text in texts:
        try:
            NameAddr.parse_many(text)
        except RemoteError:
            continue
        headers.add("Contact", text)
    found = Redirects(parse_uri(FIRST))
    found.take(Response(302, "", headers, b""))
    targets = []
    while (target := found.next()) is not None:
        targets.append(target)
    assert len(targets) <= 5
    assert not any(is_emergency(target) for target in targets)
    assert not any(isinstance(target, SipUri) and target.headers for target in targets)
