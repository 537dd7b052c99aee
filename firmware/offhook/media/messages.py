"""What crosses the socket between signalling and media: one JSON object a datagram, ``type`` names the class.

Signalling sends :data:`ToMedia`, media answers with :data:`FromMedia`. The socket pair is ``SOCK_SEQPACKET``; the two
sockets of a stream come with :class:`StartStream` and :class:`MoveStream` as ``SCM_RIGHTS``. Times ``t`` are seconds on
CLOCK_MONOTONIC.
"""

from typing import Literal

from msgspec import DecodeError, Struct, json
from msgspec.json import Decoder

from offhook.errors import OffhookError
from offhook.media.settings import MediaSettings, StreamSettings

MAX_MESSAGE = 65536
DeviceState = Literal["open", "closed", "missing", "busy"]


class MessageError(OffhookError):
    """A datagram on the media socket is no message: the two processes are of different versions, restart both."""


class Datagram(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Base of all messages: ``tag`` is what writes the field ``type``."""


class Configure(Datagram, frozen=True):
    """The first message: what the media process shall be."""

    settings: MediaSettings


class SetActive(Datagram, frozen=True):
    """Ear and mouth are live: the handset is off hook."""

    on: bool


class StartStream(Datagram, frozen=True):
    """Run an RTP session on the two sockets (RTP, RTCP) that come with this message."""

    stream: int
    plan: StreamSettings


class UpdateStream(Datagram, frozen=True):
    """A new offer and answer for a running stream."""

    stream: int
    plan: StreamSettings


class MoveStream(Datagram, frozen=True):
    """Let a running stream go on over the two sockets that come with this message: our address has changed."""

    stream: int
    plan: StreamSettings


class StopStream(Datagram, frozen=True):
    """End an RTP session (with an RTCP BYE)."""

    stream: int


class PlayTone(Datagram, frozen=True):
    """Play a tone of the country's plan until stopped or replaced; ``waiting`` and ``confirm`` mix over speech."""

    name: str


class StopTone(Datagram, frozen=True):
    """Silence tone and prompt."""


class Say(Datagram, frozen=True):
    """Play a prompt, 8 kHz mono S16 WAV; an empty path plays a short tone in its place."""

    path: str
    text: str


class StartDtmf(Datagram, frozen=True):
    """Begin a telephone event (:rfc:`4733`)."""

    stream: int
    digit: str


class StopDtmf(Datagram, frozen=True):
    """End it, though not before 70 ms."""

    stream: int
    digit: str


class SetVolume(Datagram, frozen=True):
    """Gain of the ear in dB over the settings' own."""

    db: float


class SetMute(Datagram, frozen=True):
    """The microphone is silent."""

    on: bool


class ToneStarted(Datagram, frozen=True):
    """The tone's first sample was handed to the card."""

    name: str
    t: float


class SayStarted(Datagram, frozen=True):
    """The prompt's first sample was handed to the card."""

    text: str
    t: float


class SayEnded(Datagram, frozen=True):
    """The prompt is over or was stopped."""

    text: str


class DtmfReceived(Datagram, frozen=True):
    """The other side pressed a key."""

    stream: int
    digit: str


class StreamReport(Datagram, frozen=True):
    """Each second: packets so far, lost so far by RTCP's reckoning, samples concealed so far, and how it sounds.

    ``rejected``: packets so far that SRTP did not let through.
    """

    stream: int
    rx: int
    tx: int
    lost: int
    concealed: int
    jitter_ms: float
    buffer_ms: float
    mos: float
    round_trip_ms: float | None = None
    rejected: int = 0


class StreamSilent(Datagram, frozen=True):
    """Neither RTP nor RTCP came for as long as the stream's settings allow: nobody is there any more."""

    stream: int
    seconds: float


class DeviceChanged(Datagram, frozen=True):
    """The card was opened, closed, lost or refused; ``detail`` is one line that says what to do.

    ``mixer``: what is wrong with the mixer since it was last opened, in one line; empty: nothing.
    """

    state: DeviceState
    capture: str
    playback: str
    detail: str = ""
    mixer: str = ""


class Heartbeat(Datagram, frozen=True):
    """Each second: ticks and xruns so far, whether SCHED_FIFO was granted, ms by which ticks were late in this call."""

    ticks: int
    xruns: int
    realtime: bool
    late_p50_ms: float = 0.0
    late_p99_ms: float = 0.0
    late_p999_ms: float = 0.0
    late_max_ms: float = 0.0


ToMedia = (
    Configure
    | SetActive
    | StartStream
    | UpdateStream
    | MoveStream
    | StopStream
    | PlayTone
    | StopTone
    | Say
    | StartDtmf
    | StopDtmf
    | SetVolume
    | SetMute
)
FromMedia = ToneStarted | SayStarted | SayEnded | DtmfReceived | StreamReport | StreamSilent | DeviceChanged | Heartbeat
Message = ToMedia | FromMedia

_DECODER: Decoder[Message] = Decoder(Message)


def encode(message: Message) -> bytes:
    """Return the datagram."""
    return json.encode(message)


def decode(data: bytes) -> Message:
    """Read a datagram. Raises :class:`MessageError`."""
    try:
        return _DECODER.decode(data)
    except (DecodeError, RecursionError) as error:
        raise MessageError(f"not a media message ({error}): restart offhook, its two processes do not match") from error
