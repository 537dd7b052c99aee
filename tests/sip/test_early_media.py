"""Early media of one INVITE in several dialogs: each has its own, the newest is followed (:rfc:`3960`)."""

from offhook.sip import events as ev
from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import OFFER

ABLE = "Allow: INVITE, ACK, BYE, PRACK, UPDATE\n"


def sdp(text: str) -> Body:
    return Body("application/sdp", text.encode())


def calling(alone: Alone) -> Request | Response:
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    return invite


def progress(invite: Request | Response, tag: str, status: int = 183, body: str = "", rseq: int = 0) -> str:
    reliable = f"Require: 100rel\nRSeq: {rseq}\n" if rseq else ""
    more = f"Contact: <sip:{tag}@10.0.0.9:5060>\n{ABLE}{reliable}"
    return answer(invite, status, tag=tag, more=more, body=body)


def accepted(invite: Request | Response, tag: str, body: str = "") -> str:
    return answer(invite, 200, tag=tag, more=f"Contact: <sip:{tag}@10.0.0.9:5060>\n{ABLE}", body=body)


def told(alone: Alone) -> list[tuple[str, int, str | None]]:
    """Return fork, status and media of each progress."""
    return [
        (event.fork, event.status, event.body.data.decode() if event.body else None)
        for event in alone.events()
        if isinstance(event, ev.CallProgress)
    ]


def media_of_the_call(alone: Alone) -> Body | None:
    (event,) = [event for event in alone.events() if isinstance(event, ev.CallAccepted)]
    return event.body


def test_each_dialog_has_its_own_media_and_the_newest_is_followed() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p", rseq=1))
    alone.say(progress(invite, "q", body="v=0 q", rseq=5))
    assert told(alone) == [("p", 183, "v=0 p"), ("q", 183, "v=0 q")]
    alone.say(accepted(invite, "q"))
    assert media_of_the_call(alone) is None


def test_the_dialog_that_answers_brings_its_media_back_when_another_was_followed() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p", rseq=1))
    alone.say(progress(invite, "q", body="v=0 q", rseq=5))
    alone.events()
    alone.say(accepted(invite, "p"))
    assert media_of_the_call(alone) == sdp("v=0 p")


def test_a_dialog_that_speaks_again_is_followed_again() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p", rseq=1))
    alone.say(progress(invite, "q", body="v=0 q", rseq=5))
    alone.say(progress(invite, "p", 180, body="v=0 again", rseq=2))
    assert told(alone)[2:] == [("p", 180, "v=0 p")]
    alone.say(progress(invite, "p", 183, body="v=0 again", rseq=3))
    assert told(alone) == [("p", 183, None)]


def test_a_description_in_the_2xx_after_a_reliable_answer_means_nothing() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p", rseq=1))
    alone.events()
    alone.say(accepted(invite, "p", body="v=0 other"))
    assert media_of_the_call(alone) is None


def test_unreliable_early_media_is_a_preview_and_the_2xx_decides() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p"))
    assert told(alone) == [("p", 183, "v=0 p")]
    alone.say(accepted(invite, "p", body="v=0 final"))
    assert media_of_the_call(alone) == sdp("v=0 final")


def test_a_2xx_without_answer_after_unreliable_early_media_goes_on_with_that() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", body="v=0 p"))
    alone.events()
    alone.say(accepted(invite, "p"))
    assert media_of_the_call(alone) == sdp("v=0 p")
    alone.endpoint.update("o1", sdp("v=0 more"), alone.now)
    assert [m.method for m in alone.heard() if isinstance(m, Request)] == ["UPDATE"]


def test_media_in_a_response_without_to_tag_is_told() -> None:
    alone = Alone()
    invite = calling(alone)
    text = progress(invite, "p", body="v=0 p").replace(";tag=p", "")
    alone.say(text)
    assert told(alone) == [("", 183, "v=0 p")]


def test_an_offer_in_an_early_dialog_is_answered_in_that_dialog() -> None:
    alone = Alone()
    invite = calling(alone)
    for number, tag in enumerate("pq"):
        (prack,) = alone.say(progress(invite, tag, body=f"v=0 {tag}", rseq=number + 1))
        alone.say(answer(prack, 200))
    alone.events()
    update = message(
        "UPDATE",
        to=str(invite.from_),
        caller="<sip:x@pbx.test>;tag=p",
        call_id=invite.call_id,
        branch="z9hG4bKupd",
        body="v=0 new",
    )
    assert alone.say(update) == []
    assert [event for event in alone.events() if isinstance(event, ev.CallReoffer)] == [
        ev.CallReoffer("o1", sdp("v=0 new"))
    ]
    alone.endpoint.accept_reoffer("o1", sdp("v=0 mine"), alone.now)
    (ok,) = alone.heard()
    assert isinstance(ok, Response)
    assert (ok.status, ok.from_.tag, ok.body) == (200, "p", b"v=0 mine")


def test_a_bye_in_an_early_dialog_ends_that_one_only() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", 180))
    alone.say(progress(invite, "q", 180))
    alone.events()
    bye = message(
        "BYE", to=str(invite.from_), caller="<sip:x@pbx.test>;tag=p", call_id=invite.call_id, branch="z9hG4bKb"
    )
    assert [m.status for m in alone.say(bye) if isinstance(m, Response)] == [200]
    assert alone.events() == []
    alone.say(accepted(invite, "q", body="v=0 q"))
    assert media_of_the_call(alone) == sdp("v=0 q")


def test_a_request_in_an_early_dialog_of_a_call_that_failed_gets_481() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", 180))
    alone.say(answer(invite, 486, tag="p"))
    update = message(
        "UPDATE", to=str(invite.from_), caller="<sip:x@pbx.test>;tag=p", call_id=invite.call_id, branch="z9hG4bKu"
    )
    assert [m.status for m in alone.say(update) if isinstance(m, Response)] == [481]
    assert alone.endpoint.settled


def test_more_early_dialogs_than_anybody_has_are_not_followed() -> None:
    alone = Alone()
    invite = calling(alone)
    for number in range(40):
        alone.say(progress(invite, f"t{number}", 180, rseq=1))
    pracks = [sent for _, sent in alone.sent if sent.data.startswith(b"PRACK")]
    assert len(pracks) == 16


def test_a_reinvite_before_the_answer_gets_491_from_the_caller() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(progress(invite, "p", 180))
    reinvite = message(
        "INVITE",
        to=str(invite.from_),
        caller="<sip:x@pbx.test>;tag=p",
        call_id=invite.call_id,
        branch="z9hG4bKr",
        body="v=0",
    )
    assert [m.status for m in alone.say(reinvite) if isinstance(m, Response)] == [491]
