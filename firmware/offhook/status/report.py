"""The status object: what ``offhook status --json``, the board socket and the page show. Keys are only ever added."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from offhook.engine.leg import Leg
from offhook.sip.identity import CallerIdentity
from offhook.status.accounts import AccountBook

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(slots=True)
class StreamFigures:
    """The last report of one stream: packet counts, times in ms, MOS by the E-model (ITU-T G.107)."""

    rx: int = 0
    tx: int = 0
    lost: int = 0
    concealed: int = 0
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    mos: float | None = None
    rejected: int = 0
    """Packets of a secured call that failed authentication or came twice: dropped."""


@dataclass(slots=True)
class AudioFigures:
    """What the media process last said of its devices; ms by which its ticks were late in this or the last call."""

    state: str = "closed"
    capture: str = ""
    playback: str = ""
    xruns: int = 0
    realtime: bool = False
    detail: str = ""
    mixer: str = ""
    """What the card's mixer did not take, in one line; empty: nothing."""
    late_p50_ms: float = 0.0
    late_p99_ms: float = 0.0
    late_p999_ms: float = 0.0
    late_max_ms: float = 0.0


@dataclass(slots=True)
class StatusReport:
    """Gathers the rooms' own words into one object; each callable returns what its room shows now."""

    version: str
    started: float
    phone: Callable[[], str]
    legs: Callable[[], list[Leg]]
    addresses: Callable[[], Mapping[str, tuple[str, int]]]
    power: Callable[[], dict[str, Json]]
    emergency: Callable[[], dict[str, Json]]
    config: Callable[[], dict[str, Json]]
    accounts: AccountBook
    audio: AudioFigures = field(default_factory=AudioFigures)
    streams: dict[int, StreamFigures] = field(default_factory=dict)
    mailbox: Callable[[], dict[str, Json]] = lambda: {"waiting": False, "accounts": []}
    watched: Callable[[], list[Json]] = list
    texts: Callable[[], dict[str, Json]] = lambda: {"count": 0, "last": []}
    beats: Callable[[], bool] = lambda: False
    faults: Callable[[], tuple[str, ...]] = tuple
    update: Callable[[], dict[str, Json]] = lambda: {"slot": None}
    data: Callable[[], dict[str, Json]] = lambda: {"made_anew": None}

    def __call__(self, now: float) -> dict[str, Json]:
        """Return the status object at ``now`` (loop time, seconds)."""
        return {
            "version": self.version,
            "uptime_s": round(now - self.started, 1),
            "phone": self.phone(),
            "sip": {name: _place(address) for name, address in self.addresses().items()},
            "accounts": self.accounts.to_json(),
            "calls": [self._call(leg, now) for leg in self.legs()],
            "power": self.power(),
            "emergency": self.emergency(),
            "config": self.config(),
            "mailbox": self.mailbox(),
            "watched": self.watched(),
            "texts": self.texts(),
            "board": {"faults": list(self.faults())},
            "update": self.update(),
            "data": self.data(),
            "audio": {
                "state": self.audio.state,
                "beats": self.beats(),
                "capture": self.audio.capture,
                "playback": self.audio.playback,
                "xruns": self.audio.xruns,
                "realtime": self.audio.realtime,
                "detail": self.audio.detail,
                "mixer": self.audio.mixer,
                "late_p50_ms": round(self.audio.late_p50_ms, 2),
                "late_p99_ms": round(self.audio.late_p99_ms, 2),
                "late_p999_ms": round(self.audio.late_p999_ms, 2),
                "late_max_ms": round(self.audio.late_max_ms, 2),
            },
        }

    def _call(self, leg: Leg, now: float) -> Json:
        figures = self.streams.get(leg.session.stream, StreamFigures()) if leg.session else StreamFigures()
        return {
            "call": leg.call,
            "direction": leg.direction,
            "peer": leg.peer,
            "state": leg.state,
            "codec": leg.session.codec if leg.session else "",
            "srtp": leg.session is not None and leg.session.secured,
            "secured": self._secured(leg),
            "emergency": leg.emergency,
            "account": leg.account,
            "seconds": round(now - leg.answered_at, 1) if leg.answered_at is not None else 0.0,
            "rx": figures.rx,
            "tx": figures.tx,
            "lost": figures.lost,
            "concealed": figures.concealed,
            "jitter_ms": round(figures.jitter_ms, 1),
            "buffer_ms": round(figures.buffer_ms, 1),
            "mos": None if figures.mos is None else round(figures.mos, 2),
            "rejected": figures.rejected,
            **_caller(leg.caller),
        }

    def _secured(self, leg: Leg) -> str:
        """Return how well a call is kept from listeners on the way, in a word."""
        if leg.session is None or not leg.session.secured:
            return "no"
        return "keys in clear" if self.accounts.keys_in_clear(leg.account) else "yes"


def _caller(caller: CallerIdentity | None) -> dict[str, Json]:
    """Return who passed a call on and why, what the network found out about its number, and how it wants to ring."""
    known = caller or CallerIdentity()
    return {
        "private": known.privacy,
        "diverted_from": known.diverted_from,
        "diversion": known.diversion,
        "verstat": known.verstat,
        "alert_info": known.alert_info,
    }


def _place(address: tuple[str, int]) -> str:
    ip, port = address
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
