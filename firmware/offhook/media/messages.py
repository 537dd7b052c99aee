"""What crosses the socket between signalling and media: one JSON object a datagram, ``type`` names the class.

Signalling sends :data:`ToMedia`, media answers with :data:`FromMedia`. The socket pair is ``SOCK_SEQPACKET``; the two
sockets of a stream come with :class:`StartStream` and :class:`MoveStream` as ``SCM_RIGHTS``. Times ``t`` are seconds on
CLOCK_MONOTONIC.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

from offhook.errors import OffhookError
from offhook.media.settings import CryptoPair, ElementSetting, MediaSettings, SrtpKey, StreamSettings

MAX_MESSAGE = 65536
DeviceState = Literal["open", "closed", "missing", "busy"]


class MessageError(OffhookError):
    """A datagram on the media socket is no message: the two processes are of different versions, restart both."""


@dataclass(frozen=True, slots=True)
class Configure:
    """The first message: what the media process shall be."""

    settings: MediaSettings


@dataclass(frozen=True, slots=True)
class SetActive:
    """Ear and mouth are live: the handset is off hook."""

    on: bool


@dataclass(frozen=True, slots=True)
class StartStream:
    """Run an RTP session on the two sockets (RTP, RTCP) that come with this message."""

    stream: int
    plan: StreamSettings


@dataclass(frozen=True, slots=True)
class UpdateStream:
    """A new offer and answer for a running stream."""

    stream: int
    plan: StreamSettings


@dataclass(frozen=True, slots=True)
class MoveStream:
    """Let a running stream go on over the two sockets that come with this message: our address has changed."""

    stream: int
    plan: StreamSettings


@dataclass(frozen=True, slots=True)
class StopStream:
    """End an RTP session (with an RTCP BYE)."""

    stream: int


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Play a tone of the country's plan until stopped or replaced; ``waiting`` and ``confirm`` mix over speech."""

    name: str


@dataclass(frozen=True, slots=True)
class StopTone:
    """Silence tone and prompt."""


@dataclass(frozen=True, slots=True)
class Say:
    """Play a prompt, 8 kHz mono S16 WAV; an empty path plays a short tone in its place."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class StartDtmf:
    """Begin a telephone event (:rfc:`4733`)."""

    stream: int
    digit: str


@dataclass(frozen=True, slots=True)
class StopDtmf:
    """End it, though not before 70 ms."""

    stream: int
    digit: str


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Gain of the ear in dB over the settings' own."""

    db: float


@dataclass(frozen=True, slots=True)
class SetMute:
    """The microphone is silent."""

    on: bool


@dataclass(frozen=True, slots=True)
class ToneStarted:
    """The tone's first sample was handed to the card."""

    name: str
    t: float


@dataclass(frozen=True, slots=True)
class SayStarted:
    """The prompt's first sample was handed to the card."""

    text: str
    t: float


@dataclass(frozen=True, slots=True)
class SayEnded:
    """The prompt is over or was stopped."""

    text: str


@dataclass(frozen=True, slots=True)
class DtmfReceived:
    """The other side pressed a key."""

    stream: int
    digit: str


@dataclass(frozen=True, slots=True)
class StreamReport:
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


@dataclass(frozen=True, slots=True)
class StreamSilent:
    """Neither RTP nor RTCP came for as long as the stream's settings allow: nobody is there any more."""

    stream: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """The card was opened, closed, lost or refused; ``detail`` is one line that says what to do.

    ``mixer``: what is wrong with the mixer since it was last opened, in one line; empty: nothing.
    """

    state: DeviceState
    capture: str
    playback: str
    detail: str = ""
    mixer: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
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

_TYPES: dict[str, type[Message]] = {kind.__name__: kind for kind in Message.__args__}


def encode(message: Message) -> bytes:
    """Return the datagram."""
    return json.dumps({"type": type(message).__name__} | asdict(message)).encode()


def decode(data: bytes) -> Message:
    """Read a datagram. Raises :class:`MessageError`."""
    try:
        row = json.loads(data)
        kind = _TYPES[row.pop("type")]
        if kind is Configure:
            settings = dict(row["settings"])
            elements = tuple(ElementSetting(**element) for element in settings.pop("mixer", ()))
            return Configure(MediaSettings(**settings, mixer=elements))
        if kind is StartStream or kind is UpdateStream or kind is MoveStream:
            return kind(int(row["stream"]), _stream_settings(row["plan"]))
        if set(row) - {f.name for f in fields(kind)}:
            raise KeyError("unknown field")
        return kind(**row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MessageError(f"not a media message ({error}): restart offhook, its two processes do not match") from error


def _stream_settings(row: Mapping[str, object]) -> StreamSettings:
    plan = StreamSettings(**row)  # type: ignore[arg-type]
    types = {int(number): name for number, name in plan.receive_payload_types.items()}
    values: dict[str, object] = {f.name: getattr(plan, f.name) for f in fields(plan)}
    values |= {
        "remote": None if plan.remote is None else (str(plan.remote[0]), int(plan.remote[1])),
        "remote_rtcp": None if plan.remote_rtcp is None else (str(plan.remote_rtcp[0]), int(plan.remote_rtcp[1])),
        "receive_payload_types": types,
        "relays": tuple(map(str, plan.relays)),
        "crypto": None if plan.crypto is None else _crypto_pair(row["crypto"]),
    }
    return StreamSettings(**values)  # type: ignore[arg-type]


def _crypto_pair(row: object) -> CryptoPair:
    if not isinstance(row, Mapping):
        raise TypeError("no key pair")
    return CryptoPair(SrtpKey(**row["send"]), tuple(SrtpKey(**key) for key in row["receive"]), bool(row["late"]))
