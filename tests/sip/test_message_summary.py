"""What a mailbox says (:rfc:`3842`)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.subscriptions.message_summary import MessageCount, MessageSummary, parse_message_summary

WHOLE = (
    b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.test\r\nVoice-Message: 4/8 (1/2)\r\n"
    b"Fax-Message: 0/1\r\nVideo-Message : 1 / 0\r\n\r\nTo: <alice@atlanta.test>\r\nSubject: carpool\r\n"
)


def test_a_whole_summary_is_read() -> None:
    assert parse_message_summary(WHOLE) == MessageSummary(
        True,
        "sip:alice@vmail.test",
        (
            MessageCount("voice-message", 4, 8, 1, 2),
            MessageCount("fax-message", 0, 1),
            MessageCount("video-message", 1, 0),
        ),
    )
    assert parse_message_summary(WHOLE).new == 5


@pytest.mark.parametrize(
    ("data", "waiting"),
    [
        (b"Messages-Waiting: no\r\n", False),
        (b"messages-waiting:YES", True),
        (b"\r\nMessages-Waiting: yes\n", True),
        (b"Messages-Waiting: maybe\r\n", False),
        (b"Messages-Waiting: no\r\nVoice-Message: 2/0\r\n", False),
        (b"Voice-Message: 2/0\r\n", True),
        (b"Voice-Message: 0/7\r\n", False),
        (b"rubbish\r\nMessages-Waiting: yes\r\nVoice-Message: many\r\n", True),
    ],
)
def test_whether_messages_wait(data: bytes, waiting: bool) -> None:
    assert parse_message_summary(data).waiting is waiting


@pytest.mark.parametrize("data", [b"", b"hello", b"Voice-Message: x/y", b"Messages-Waiting: yes\r\n" + b"x" * 5000])
def test_what_says_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_message_summary(data)
    assert caught.value.status == 400


def test_control_characters_do_not_reach_a_log() -> None:
    account = parse_message_summary(b"Messages-Waiting: yes\r\nMessage-Account: sip:a\x1b[2J\x07\r\n").account
    assert account.isprintable()


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([*WHOLE.split(b"\r\n"), b"Voice-Message: 99999999999/1", b":", b"\xff: 1/1"])).map(
            b"\n".join
        ),
    )
)
def test_any_summary_is_read_or_refused(data: bytes) -> None:
    with suppress(RemoteError):
        summary = parse_message_summary(data)
        assert summary.account.isprintable()
        assert all(count.new >= 0 and count.old >= 0 for count in summary.counts)
