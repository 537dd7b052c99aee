"""The virtual sound card of ``tests/card``: built with gcc, described in an asound.conf, driven while it runs.

::

    with VirtualCard(tmp_path, "phone") as card:
        environment = os.environ | write_asound_conf(tmp_path / "asound.conf", [card])
        ...                                 # audio: {capture: phone_mic, playback: phone_ear}
        card.speak(samples)                 # int16 mono at the rate that the card was opened with
        card.unplug(); card.replug(); card.xrun()
        heard = card.heard()                # int16 mono
"""

import hashlib
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.support.virtual_mixer import SOURCE as MIXER_SOURCE
from tests.support.virtual_mixer import VirtualMixer

Samples = NDArray[np.int16]
SampleFormat = Literal["S16_LE", "S32_LE"]
_SOURCE = Path(__file__).parent.parent / "card" / "virtual_card.c"
_CACHE = Path(__file__).parent.parent.parent / ".cache" / "card"
_CONTROL_BYTES = 64
_UNPLUGGED, _BUSY, _XRUNS, _OPEN_MS = (4 * i for i in range(4))


def build_library(source: Path = _SOURCE, kind: str = "pcm_offhook_card") -> Path:
    """Compile a plug-in unless its source was compiled before; return its path."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("the virtual card needs gcc and libasound2-dev: apt-get install gcc libasound2-dev")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    library = _CACHE / f"libasound_module_{kind}-{digest}.so"
    if not library.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        partial = library.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-Wall", "-fPIC", "-shared", "-DPIC", "-o", str(partial), str(source)]
        subprocess.run([*command, "-lasound", "-lm"], check=True, capture_output=True, text=True)
        partial.replace(library)
    return library


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a PCM: when (s, CLOCK_MONOTONIC), at which frame of its file, and as what it was opened."""

    t: float
    file_frame: int
    rate: int
    channels: int
    format: str
    period: int
    buffer: int


@dataclass(frozen=True, slots=True)
class Feed:
    """From frame ``pcm_frame`` after a start on, the microphone hears the file from ``file_frame`` on."""

    start: Start
    file_frame: int
    pcm_frame: int

    @property
    def t(self) -> float:
        """When the microphone heard ``file_frame``, s on CLOCK_MONOTONIC."""
        return self.start.t + self.pcm_frame / self.start.rate


class VirtualCard:
    """A card with a microphone PCM ``NAME_mic`` and a loudspeaker PCM ``NAME_ear``; files in ``directory``.

    ``rate``, ``channels`` and ``sample_format`` limit what the hardware can do (None: 8-48 kHz, 1-2, S16 and S32).
    """

    def __init__(
        self,
        directory: Path,
        name: str = "phone",
        *,
        rate: int | None = None,
        channels: int | None = None,
        sample_format: SampleFormat | None = None,
        mic_ppm: float = 0.0,
        ear_ppm: float = 0.0,
    ) -> None:
        self.capture, self.playback = f"{name}_mic", f"{name}_ear"
        self._limits = {"rate": rate, "channels": channels, "format": sample_format}
        self._ppm = {"mic": mic_ppm, "ear": ear_ppm}
        self.mic, self.ear = directory / f"{name}_mic.raw", directory / f"{name}_ear.raw"
        self.mic_log, self.ear_log = directory / f"{name}_mic.log", directory / f"{name}_ear.log"
        self.mixer = VirtualMixer(directory / f"{name}.mixer")
        self._control_path = directory / f"{name}.ctl"
        self._control_path.write_bytes(bytes(_CONTROL_BYTES))
        with self._control_path.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL_BYTES)

    def __enter__(self) -> "VirtualCard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the control file; the files stay."""
        self._control.close()

    def config(self) -> str:
        """Return this card's part of an asound.conf."""
        limits = "".join(f"    {key} {value!r}\n".replace("'", '"') for key, value in self._limits.items() if value)
        return "".join(
            f"pcm.{pcm} {{\n    type offhook_card\n    {direction} {_quoted(path)}\n    log {_quoted(log)}\n"
            f"    control {_quoted(self._control_path)}\n    ppm {self._ppm[side]:.3f}\n{limits}}}\n"
            f"ctl.{pcm} {{\n    type offhook_mixer\n    state {_quoted(self.mixer.path)}\n}}\n"
            for pcm, direction, path, log, side in (
                (self.capture, "infile", self.mic, self.mic_log, "mic"),
                (self.playback, "outfile", self.ear, self.ear_log, "ear"),
            )
        )

    # What happens to it.

    def unplug(self) -> None:
        """From now on every use fails with ENODEV."""
        self._set(_UNPLUGGED, 1)

    def replug(self) -> None:
        """The card is there again; who had it open must open it anew."""
        self._set(_UNPLUGGED, 0)

    def occupy(self, busy: bool = True) -> None:
        """Opening fails with EBUSY, as if another program had the card."""
        self._set(_BUSY, int(busy))

    def xrun(self) -> None:
        """One xrun of each running PCM."""
        self._set(_XRUNS, struct.unpack_from("<i", self._control, _XRUNS)[0] + 1)

    def slow_open(self, ms: int) -> None:
        """Opening takes this long from now on."""
        self._set(_OPEN_MS, ms)

    # What it hears and says.

    def speak(self, samples: Samples, start: Start | None = None) -> None:
        """Say ``samples`` (mono) into the microphone, after what it was told before.

        They are written as the format that the microphone was opened with (``start``; its last by default), or that
        the limits name while it was never open.
        """
        form = start or (self.mic_starts() or [self._presumed()])[-1]
        wide = np.repeat(samples, form.channels)
        data = wide.astype("<i2") if form.format == "S16_LE" else wide.astype("<i4") << 16
        with self.mic.open("ab") as file:
            file.write(data.tobytes())

    def heard(self) -> Samples:
        """Everything that the loudspeaker was given, mono (its first channel), at the rate of its last start."""
        starts = self.ear_starts()
        if not starts or not self.ear.exists():
            return np.zeros(0, np.int16)
        form = starts[-1]
        width = 2 if form.format == "S16_LE" else 4
        raw = self.ear.read_bytes()
        raw = raw[: len(raw) // (width * form.channels) * width * form.channels]
        data = np.frombuffer(raw, "<i2" if width == 2 else "<i4")[:: form.channels]
        return data.astype(np.int16) if width == 2 else (data >> 16).astype(np.int16)

    def mic_starts(self) -> list[Start]:
        """Every start of the microphone so far."""
        return [value for value in _events(self.mic_log) if isinstance(value, Start)]

    def ear_starts(self) -> list[Start]:
        """Every start of the loudspeaker so far."""
        return [value for value in _events(self.ear_log) if isinstance(value, Start)]

    def feeds(self) -> list[Feed]:
        """When the microphone heard which part of its file."""
        return [value for value in _events(self.mic_log) if isinstance(value, Feed)]

    def count(self, event: str) -> int:
        """How often ``open``, ``close``, ``start``, ``xrun`` or ``gone`` happened, both PCMs together."""
        logs = (log.read_text().splitlines() for log in (self.mic_log, self.ear_log) if log.exists())
        return sum(line.split(" ", 1)[0] == event for lines in logs for line in lines)

    def _set(self, offset: int, value: int) -> None:
        struct.pack_into("<i", self._control, offset, value)

    def _presumed(self) -> Start:
        limits = self._limits
        return Start(
            0.0, 0, int(limits["rate"] or 8000), int(limits["channels"] or 1), str(limits["format"] or "S16_LE"), 0, 0
        )


def write_asound_conf(path: Path, cards: Iterable[VirtualCard], more: str = "") -> dict[str, str]:
    """Write a config that knows these cards and nothing else; return the environment that makes ALSA use it."""
    text = f'pcm_type.offhook_card {{ lib "{build_library()}" }}\n'
    text += f'ctl_type.offhook_mixer {{ lib "{build_library(MIXER_SOURCE, "ctl_offhook_mixer")}" }}\n'
    path.write_text(text + "".join(card.config() for card in cards) + more)
    return {"ALSA_CONFIG_PATH": str(path)}


def _quoted(path: Path) -> str:
    return f'"{path}"'


def _events(log: Path) -> list[Start | Feed]:
    events: list[Start | Feed] = []
    start: Start | None = None
    for line in log.read_text().splitlines() if log.exists() else []:
        match line.split():
            case ["start", t, frame, rate, channels, form, period, size]:
                start = Start(int(t) / 1e9, int(frame), int(rate), int(channels), form, int(period), int(size))
                events.append(start)
            case ["feed", file_frame, pcm_frame] if start is not None:
                events.append(Feed(start, int(file_frame), int(pcm_frame)))
            case _:
                pass
    return events
