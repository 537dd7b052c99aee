"""What crosses the socket between the two processes comes out as it went in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import messages as msg
from offhook.media.settings import ElementSetting, MediaSettings, StreamSettings

PLAN = StreamSettings(
    remote=("192.0.2.7", 40000),
    codec="PCMA",
    payload_type=8,
    remote_rtcp=("192.0.2.7", 40001),
    receive_payload_types={8: "PCMA", 0: "PCMU"},
    dtmf_payload_type=101,
    dtmf_receive_payload_type=96,
    send=False,
)
MESSAGES: list[msg.Message] = [
    msg.Configure(MediaSettings("NO", "hw:CARD=Zero", "hw:CARD=Zero", ear_gain_db=3.0)),
    msg.StartStream(7, PLAN),
    msg.UpdateStream(7, StreamSettings(None, "PCMU", 0)),
    msg.StopStream(7),
    msg.SetActive(True),
    msg.PlayTone("dial"),
    msg.StopTone(),
    msg.Say("/run/offhook/say.wav", "på batteri"),
    msg.StartDtmf(7, "#"),
    msg.SetVolume(-3.0),
    msg.SetMute(True),
    msg.ToneStarted("dial", 12.5),
    msg.StreamReport(7, 100, 99, 1, 160, 0.5, 12.0, 4.1, None),
    msg.DeviceChanged("missing", "phone_mic", "phone_ear", "plug it in"),
    msg.DeviceChanged("open", "phone_mic", "phone_ear", "", "the card has no Mic"),
    msg.Configure(MediaSettings("NO", mixer=(ElementSetting("Mic", capture=60, playback="off", optional=True),))),
    msg.Heartbeat(100, 0, True, 0.1, 0.2),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_socket(message: msg.Message) -> None:
    assert msg.decode(msg.encode(message)) == message


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"type":"Sing"}', b'{"type":"PlayTone"}', b'{"type":"StopTone","x":1}', b"\xff"]
)
def test_what_is_no_message_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(msg.MessageError, match="restart"):
        msg.decode(data)


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(msg.MessageError):
        msg.decode(data)
