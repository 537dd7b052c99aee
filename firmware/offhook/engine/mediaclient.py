"""Signalling's end of the media process: starts it, talks to it, and starts it again within a call if it dies."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from offhook.engine.mediachild import MediaChild
from offhook.errors import OffhookError
from offhook.media import messages as msg
from offhook.media.settings import MediaSettings, StreamSettings

_log = logging.getLogger(__name__)
_HEARTBEAT_LIMIT_S = 2.0
_START_LIMIT_S = 20.0  # a small board that reads everything from its card for the first time
_LOOK_S = 1.0
_MOST_STALE = 3
_FAREWELL_S = 1.0
_RESTART_S = 1.0
_MOST_AT_ONCE = 256


class _Stream(Struct):
    """A running stream and copies of its sockets, which outlive a media process."""

    plan: StreamSettings
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class MediaClient:
    """See :mod:`offhook.media.process` for the other end. All methods but start and stop return at once."""

    def __init__(
        self, settings: MediaSettings, on_message: Callable[[msg.FromMedia], None], child: MediaChild | None = None
    ) -> None:
        """``child``: a process that was started already and waits to be told what it shall be."""
        self._settings = settings
        self._on_message = on_message
        self._control: socket.socket | None = None
        self._waiting = child
        self._process: MediaChild | None = None
        self._watch: asyncio.Task[None] | None = None
        self._streams: dict[int, _Stream] = {}
        self._active = False
        self._tone: str | None = None
        self._volume: float | None = None
        self._mute = False
        self._heard = 0.0
        self._limit = _START_LIMIT_S
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Process id of the media process, None when it does not run."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the media process, once; it is ready some 0.2 s later, and what it is told until then waits for it."""
        if self._watch is not None:
            return
        self._stopping = False
        self._try_to_spawn()
        self._watch = asyncio.get_running_loop().create_task(self._keep_alive())

    async def stop(self) -> None:
        """End the media process: streams say goodbye, the sound fades out."""
        self._stopping = True
        self._hang_up()
        if self._watch is not None:
            done, _ = await asyncio.wait({self._watch}, timeout=_FAREWELL_S)
            if not done:
                self._kill()
                await self._watch
            self._watch = None
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def healthy(self, now: float) -> bool:
        """Return whether the media process was heard of in the last 2 s (``now``: loop time); 20 s after a start."""
        return self._process is not None and now - self._heard < self._limit

    def beats(self, now: float) -> bool:
        """Return whether the media process that runs now was heard of at all, and in the last 2 s."""
        return self._limit == _HEARTBEAT_LIMIT_S and self.healthy(now)

    def set_active(self, on: bool) -> None:
        """Make ear and mouth live (handset off hook), or not."""
        self._active = on
        self._send(msg.SetActive(on))

    def start_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Run an RTP session on these sockets; they stay the caller's to close."""
        self._forget(stream)
        kept = self._streams[stream] = _Stream(plan, rtp.dup(), rtcp.dup())
        self._send(msg.StartStream(stream, plan), [kept.rtp.fileno(), kept.rtcp.fileno()])

    def update_stream(self, stream: int, plan: StreamSettings) -> None:
        """Tell a running stream of a new offer and answer."""
        if stream in self._streams:
            self._streams[stream].plan = plan
            self._send(msg.UpdateStream(stream, plan))

    def move_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Let a running stream go on over other sockets; they stay the caller's to close."""
        if self._forget(stream):
            kept = self._streams[stream] = _Stream(plan, rtp.dup(), rtcp.dup())
            self._send(msg.MoveStream(stream, plan), [kept.rtp.fileno(), kept.rtcp.fileno()])

    def stop_stream(self, stream: int) -> None:
        """End a stream; one that does not run is no fault."""
        if self._forget(stream):
            self._send(msg.StopStream(stream))

    def play_tone(self, name: str) -> None:
        """Play a tone of the country's plan (``dial``, ``busy`` ...) until stopped or replaced."""
        self._tone = name
        self._send(msg.PlayTone(name))

    def stop_tone(self) -> None:
        """Silence tone and prompt."""
        self._tone = None
        self._send(msg.StopTone())

    def say(self, path: str, text: str) -> None:
        """Speak a prompt: an 8 kHz mono S16 WAV; without a path a short tone stands for it."""
        self._send(msg.Say(path, text))

    def start_dtmf(self, stream: int, digit: str) -> None:
        """Begin a telephone event (:rfc:`4733`)."""
        self._send(msg.StartDtmf(stream, digit))

    def stop_dtmf(self, stream: int, digit: str) -> None:
        """End it, though not before it lasted 70 ms."""
        self._send(msg.StopDtmf(stream, digit))

    def set_volume(self, db: float) -> None:
        """Set the ear's gain over the settings' own."""
        self._volume = db
        self._send(msg.SetVolume(db))

    def set_mute(self, on: bool) -> None:
        """Silence the microphone, or not."""
        self._mute = on
        self._send(msg.SetMute(on))

    def _try_to_spawn(self) -> None:
        try:
            self._spawn()
        except OSError as error:
            _log.error("the media process cannot be started: %s; it is tried again", error.strerror or error)

    def _spawn(self) -> None:
        loop = asyncio.get_running_loop()
        self._process, self._waiting = self._waiting or MediaChild(), None
        self._control = self._process.control
        self._heard, self._limit = loop.time(), _START_LIMIT_S
        loop.add_reader(self._control, self._receive, self._control)
        self._restore()

    def _restore(self) -> None:
        """Tell a fresh process everything that the last one knew."""
        self._send(msg.Configure(self._settings))
        if self._volume is not None:
            self._send(msg.SetVolume(self._volume))
        if self._mute:
            self._send(msg.SetMute(True))
        if self._active:
            self._send(msg.SetActive(True))
        if self._tone is not None:
            self._send(msg.PlayTone(self._tone))
        for number, stream in self._streams.items():
            plan = stream.plan
            if plan.crypto is not None:
                plan = replace(plan, crypto=replace(plan.crypto, late=True))
            self._send(msg.StartStream(number, plan), [stream.rtp.fileno(), stream.rtcp.fileno()])

    async def _keep_alive(self) -> None:
        """Start the process again each time it ends, until stopped."""
        loop = asyncio.get_running_loop()
        while self._process is not None or not self._stopping:
            began = loop.time()
            if self._process is None:
                self._try_to_spawn()
            if self._process is not None:
                status = await self._ended(self._process)
                self._hang_up()
                self._process = None
                if not self._stopping:
                    _log.error("the media process ended with status %d; it is started again", status)
            if not self._stopping:  # in any case once round the loop: a start that fails slowly must not hold up calls
                await asyncio.sleep(_RESTART_S if loop.time() - began < _RESTART_S else 0)

    async def _ended(self, process: MediaChild) -> int:
        """Return the exit status of the process, once it ends or was ended because it hangs."""
        loop = asyncio.get_running_loop()
        stale = 0
        with _watched(process) as gone:
            while (status := process.status()) is None:
                looked = loop.time()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await gone.wait()
                    continue
                # Where this loop stood still itself, the heartbeats of that time are yet to be read.
                punctual = loop.time() - looked < 2 * _LOOK_S
                stale = stale + 1 if punctual and not self.healthy(loop.time()) else 0
                if stale == _MOST_STALE:
                    _log.error("the media process hangs; it is killed")
                    self._kill()
            return status

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _hang_up(self) -> None:
        if self._control is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._control)
            loop.remove_writer(self._control)
            self._control.close()
            self._control = None

    def _forget(self, number: int) -> bool:
        stream = self._streams.pop(number, None)
        if stream is None:
            return False
        stream.close()
        return True

    def _send(self, message: msg.ToMedia, fds: list[int] | None = None) -> None:
        if self._control is None:
            return
        data = msg.encode(message)
        try:
            socket.send_fds(self._control, [data], fds or [])
        except BlockingIOError:
            # Its queue is full: it hangs, and the watchdog will end that.
            _log.error("the media process does not take messages; %s is lost", type(message).__name__)
        except OSError:
            return  # it just died; what matters is told to the next

    def _receive(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_MOST_AT_ONCE):
            try:
                data = control.recv(msg.MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                loop.remove_reader(control)
                return
            try:
                message = msg.decode(data)
            except OffhookError as error:
                _log.error("%s", error)
                continue
            if isinstance(message, msg.Heartbeat):
                self._heard, self._limit = loop.time(), _HEARTBEAT_LIMIT_S
            self._on_message(message)  # type: ignore[arg-type]


@contextlib.contextmanager
def _watched(process: MediaChild) -> Iterator[asyncio.Event]:
    """Yield what is set when the process ends; where the kernel does not tell it is never set, and who asks looks."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        yield gone
        return
    loop.add_reader(handle, gone.set)
    try:
        yield gone
    finally:
        loop.remove_reader(handle)
        os.close(handle)
