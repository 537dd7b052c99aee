"""What the media process is told at its start, and what it is told of each stream."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

Address = tuple[str, int]
Codec = Literal["PCMU", "PCMA"]
Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]

Level = int | Literal["on", "off"]


class ElementSetting(Struct, frozen=True):
    """What a simple element of the card's mixer shall be; see :class:`offhook.config.mixer.MixerValue`.

    A level is a volume in percent (its switch is on then) or the switch alone; ``either`` is that of capture where the
    element has it, else of playback.
    """

    name: str
    either: Level | None = None
    playback: Level | None = None
    capture: Level | None = None
    choice: str | None = None
    optional: bool = False


class MediaSettings(Struct, frozen=True):
    """Sound of one phone.

    Attributes:
        country: ISO 3166 code; chooses the tone plan.
        capture: ALSA PCM of the microphone; None with ``playback`` None is the simulator's clock-paced device.
        playback: ALSA PCM of the ear piece.
        period_ms: sound read and written at a time.
        periods: periods in the card's buffers.
        ear_gain_db: gain towards the ear, the volume keys' come on top.
        mic_gain_db: gain of the microphone.
        ear_limit_dbfs: no sample above this reaches the ear.
        realtime: ask for SCHED_FIFO and locked memory.
        sound_socket: Unix socket where the simulator's page exchanges sound (without cards); None: no page.
        idle_close_s: the card is closed when nobody has needed it for so long.
        srtp: secured calls may come: load what they need while nobody talks.
        mixer: what the cards' mixer elements shall be.
    """

    country: str
    capture: str | None = None
    playback: str | None = None
    period_ms: int = 10
    periods: int = 4
    ear_gain_db: float = 0.0
    mic_gain_db: float = 0.0
    ear_limit_dbfs: float = -3.0
    realtime: bool = True
    sound_socket: str | None = None
    idle_close_s: float = 5.0
    srtp: bool = False
    mixer: tuple[ElementSetting, ...] = ()


class SrtpKey(Struct, frozen=True):
    """A master key of SRTP: ``master`` is key and salt in hexadecimal, ``mki`` likewise and mostly empty."""

    suite: Suite
    master: str
    mki: str = ""

    def __repr__(self) -> str:
        return f"SrtpKey(suite={self.suite!r}, mki={self.mki!r})"  # never the key: a log may show this


class CryptoPair(Struct, frozen=True):
    """The key of what is sent, and those of what is received, told apart by their MKI.

    ``late``: the other side has sent by its keys for a while, so that its packet count may have wrapped unseen.
    """

    send: SrtpKey
    receive: tuple[SrtpKey, ...]
    late: bool = False


class StreamSettings(Struct, frozen=True):
    """One RTP session as offer and answer left it.

    Attributes:
        remote: where to send RTP; None until a packet tells (where ``symmetric``).
        codec: what is sent, as ``payload_type``.
        remote_rtcp: where to send RTCP; None: the port above ``remote``'s.
        receive_payload_types: the codec of each payload type that may come in.
        dtmf_payload_type: payload type for telephone events that are sent, None: the other side takes none.
        dtmf_receive_payload_type: payload type of telephone events that come in.
        ptime_ms: sound in a packet that is sent.
        send: whether the other side wants to hear us (hold: not).
        receive: whether what comes in is played.
        symmetric: send to where packets come from if that is not ``remote`` (:rfc:`4961`, NAT).
        cname: the name of this source in RTCP (:rfc:`7022`).
        crypto: keys of SRTP; None: plain RTP.
        relays: hosts that may send in place of ``remote`` at once: the account's server.
        silence_s: say so when neither RTP nor RTCP came for so long; 0: never.
    """

    remote: Address | None
    codec: Codec
    payload_type: int
    remote_rtcp: Address | None = None
    receive_payload_types: Mapping[int, str] = field(default_factory=dict)
    dtmf_payload_type: int | None = None
    dtmf_receive_payload_type: int | None = None
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True
    symmetric: bool = True
    cname: str = "offhook"
    crypto: CryptoPair | None = None
    relays: tuple[str, ...] = ()
    silence_s: float = 0.0
