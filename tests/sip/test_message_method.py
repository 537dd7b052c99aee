"""MESSAGE received (:rfc:`3428`)."""

import pytest

from offhook.sip import events as ev
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import THERE, Alone, message
from tests.support.sip_calls import ANSWER


def status_of(messages: list[Request | Response]) -> int:
    (response,) = messages
    assert isinstance(response, Response)
    return response.status


TEXT = "Content-Type: text/plain;charset=UTF-8\n"


def test_a_text_from_the_server_is_passed_on() -> None:
    alone = Alone()
    assert status_of(alone.say(message("MESSAGE", more=TEXT, body="Dinner is ready"))) == 200
    (event,) = alone.events()
    assert isinstance(event, ev.MessageReceived)
    assert (event.account, str(event.peer.uri), event.body.data) == ("desk", "sip:bob@pbx.test", b"Dinner is ready")


def test_a_text_that_is_sent_twice_is_heard_once() -> None:
    alone = Alone()
    for _ in range(3):
        assert status_of(alone.say(message("MESSAGE", more=TEXT, body="x"))) == 200
    assert len(alone.events()) == 1


def test_a_strangers_text_is_not_heard() -> None:
    alone = Alone()
    assert status_of(alone.say(message("MESSAGE", more=TEXT, body="x"), remote=("10.0.0.66", 5060))) == 403
    assert alone.events() == []


def test_a_text_for_somebody_else_gets_404() -> None:
    alone = Alone()
    assert status_of(alone.say(message("MESSAGE", "sip:9999@10.0.0.1", more=TEXT, body="x"))) == 404


@pytest.mark.parametrize(
    ("more", "body", "status"),
    [
        ("Content-Type: text/html\n", "<b>x</b>", 415),
        ("Content-Type: message/cpim\n", "x", 415),
        (TEXT + "Content-Encoding: gzip\n", "x", 415),
        (TEXT, "x" * 2049, 413),
        (TEXT, "x" * 2048, 200),
        ("", "", 200),
    ],
)
def test_what_is_no_short_text_is_refused(more: str, body: str, status: int) -> None:
    alone = Alone()
    assert status_of(alone.say(message("MESSAGE", more=more, body=body))) == status
    assert len(alone.events()) == (1 if status == 200 and body else 0)


def test_415_says_what_we_read() -> None:
    (response,) = Alone().say(message("MESSAGE", more="Content-Type: text/html\n", body="x"))
    assert response.headers.get("Accept") == "text/plain"


def test_a_text_within_a_call_is_heard_too() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (accepted,) = alone.heard()
    to = f"<sip:1001@pbx.test>;tag={accepted.to.tag}"
    alone.say(message("ACK", to=to, branch="z9hG4bKack"))
    alone.events()
    text = message("MESSAGE", to=to, branch="z9hG4bKm", cseq=2, more=TEXT, body="hello")
    assert status_of(alone.say(text, remote=THERE)) == 200
    (event,) = alone.events()
    assert isinstance(event, ev.MessageReceived)
    assert event.body.data == b"hello"
