"""A PulseAudio server of a test's own: what the virtual phone's two cards are wired to.

``speaker`` is a sink into which the phone's USB card plays; ``microphone`` is one whose monitor its HDA card hears::

    with PulseServer(tmp_path) as pulse:
        with pulse.recording() as heard:
            pulse.say(speech)               # int16 mono at 48000 Hz; returns when it has been played
        heard.samples()
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagebuild.machine import MICROPHONE, SPEAKER
from tests.support.child import Child

RATE = 48000
Samples = NDArray[np.int16]
_FORMAT = ["--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]


class Recording:
    """What a sink is playing, from its start on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def samples(self) -> Samples:
        """All so far, int16 mono at 48000 Hz."""
        data = self._path.read_bytes() if self._path.exists() else b""
        return np.frombuffer(data[: len(data) // 2 * 2], np.int16)


class PulseServer:
    """The server; sinks hold silence while nobody plays."""

    def __init__(self, folder: Path) -> None:
        """``folder``: for its socket and state; the path must be short (unix(7): 108 bytes)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.socket = folder / "native"
        self._count = 0
        sinks = [f"module-null-sink sink_name={name} rate={RATE} channels=1" for name in (SPEAKER, MICROPHONE)]
        modules = [f"module-native-protocol-unix socket={self.socket} auth-anonymous=1", *sinks]
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--realtime=no"]
        options += ["--high-priority=no", "--disallow-exit", "--log-level=notice"]
        loads = [word for module in modules for word in ("-L", module)]
        own = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PULSE_RUNTIME_PATH": str(folder)}
        self._server = Child(["pulseaudio", *options, *loads], folder / "pulseaudio.log", own)
        try:
            self._server.wait_until(self._answers, "answer of PulseAudio", timeout=30)
        except BaseException:
            self.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """For programs that are to speak to this server."""
        return {**os.environ, "PULSE_SERVER": f"unix:{self.socket}", "HOME": str(self.folder)}

    @contextmanager
    def recording(self, sink: str = SPEAKER) -> Iterator[Recording]:
        """Record what is played, while the block runs."""
        path = self.folder / f"{sink}-{self._next()}.raw"
        command = ["parec", f"--device={sink}.monitor", "--latency-msec=20", *_FORMAT]
        with path.open("wb") as output, subprocess.Popen(command, stdout=output, env=self.environment) as process:
            try:
                end = time.monotonic() + 20
                while path.stat().st_size == 0 and time.monotonic() < end:
                    time.sleep(0.02)
                yield Recording(path)
            finally:
                process.terminate()

    def say(self, samples: Samples, sink: str = MICROPHONE) -> None:
        """Play ``samples`` (int16 mono at 48000 Hz) to the end."""
        command = ["pacat", "--playback", f"--device={sink}", "--latency-msec=50", *_FORMAT]
        limit = len(samples) / RATE + 60
        subprocess.run(command, input=samples.tobytes(), env=self.environment, check=True, timeout=limit)

    @contextmanager
    def saying(self, samples: Samples, sink: str = MICROPHONE) -> Iterator[None]:
        """Play ``samples`` (int16 mono at 48000 Hz) while the block runs; what is left then is not played."""
        path = self.folder / f"said-{self._next()}.raw"
        path.write_bytes(samples.tobytes())
        command = ["pacat", "--playback", f"--device={sink}", "--latency-msec=50", *_FORMAT, str(path)]
        with subprocess.Popen(command, env=self.environment) as process:
            try:
                yield
            finally:
                process.terminate()

    def close(self) -> None:
        """End it."""
        self._server.stop()

    def __enter__(self) -> "PulseServer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _answers(self) -> bool:
        command = ["pactl", "info"]
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=20).returncode == 0
