"""The media process: one thread, clocked by the capture device.

::

    signalling --socket--> messages --> MediaLine <--tick-- a period of the card (or of the clock)
    signalling <--socket-- messages <--           --ear-->  the card

Started by :class:`offhook.engine.mediaclient.MediaClient` as ``python -m offhook.media FD``; ``FD`` is one end
of a ``SOCK_SEQPACKET`` pair. It ends, after a fade to silence, when signalling closes the other end.

The card is opened when the handset is lifted or a stream starts, and at the start of the process to see that it is
there; it is closed when nobody has needed it for ``idle_close_s``. On hook, without a call, the loop wakes once a
second to say that it lives. RTP is not polled: packets wait in the kernel, stamped, for the next tick, which is when
the ear needs them.
"""

import select
import socket
import sys
import time
from collections.abc import Sequence

import numpy as np

from offhook.errors import DeviceError
from offhook.media import messages as msg
from offhook.media.cards import Cards
from offhook.media.channel import UdpChannel
from offhook.media.device import RATE, AudioDevice
from offhook.media.lateness import Lateness
from offhook.media.line import MediaLine
from offhook.media.scheduling import collect_idle, freeze_collector, go_realtime, leave_signals_to_signalling
from offhook.media.warmup import load_srtp, warm_up

_BEAT_S = 1.0
_FADE_S = 0.04
_MOST_AT_ONCE = 8
_SHARES = (0.5, 0.99, 0.999)
_NO_MIC = np.zeros(0, np.int16)
Events = Sequence[tuple[int, int]]


class MediaProcess:
    """Joins socket, line and device; :meth:`run` is the life of the process."""

    def __init__(self, control: socket.socket, configure: msg.Configure) -> None:
        now = time.monotonic()
        self._control = control
        self._control_fd = control.fileno()
        control.setblocking(False)
        self._settings = configure.settings
        self._realtime = self._settings.realtime and go_realtime()
        self._line = MediaLine(self._settings, self._post)
        self._cards = Cards(self._settings, self._realtime, self._post, now)
        self._lateness = Lateness(self._settings.period_ms / 1000)
        self._poller = select.poll()
        self._registered: tuple[AudioDevice | None, list[int]] = (None, [])
        self._ticks = 0
        self._needed_at = now
        self._beat_at = now
        self._ended = False

    def run(self) -> None:
        """Tick until signalling goes away."""
        self._poller.register(self._control, select.POLLIN)
        freeze_collector()
        while not self._ended:
            now = time.monotonic()
            needed = self._needed(now)
            device = self._cards.device(now, needed)
            self._register(device)
            events = self._poller.poll(self._timeout_ms(device if needed else None, now))
            now = time.monotonic()
            for fd, _ in events:
                if fd == self._control_fd:
                    self._take_messages(now)
            if device is not None:
                self._serve(device, events, needed, now)
            if now >= self._beat_at:
                self._beat(needed, now)
        self._fade_out()

    def _needed(self, now: float) -> bool:
        """Return whether sound is needed, or was a moment ago."""
        if self._line.busy:
            self._needed_at = now
        return now - self._needed_at < self._settings.idle_close_s

    def _register(self, device: AudioDevice | None) -> None:
        known, fds = self._registered
        if device is known and (device is None or not device.changed):
            return
        for fd in fds:
            self._poller.unregister(fd)
        fds = []
        for fd, mask in device.descriptors() if device is not None else ():
            self._poller.register(fd, mask)
            fds.append(fd)
        self._registered = (device, fds)

    def _timeout_ms(self, device: AudioDevice | None, now: float) -> float:
        deadline = min(self._beat_at, self._cards.wake_at) if device is None else self._beat_at
        due = device.deadline() if device is not None else None
        return max(0.0, ((deadline if due is None else min(due, deadline)) - now) * 1000)

    def _serve(self, device: AudioDevice, events: Events, needed: bool, now: float) -> None:
        if not needed:
            self._lateness.restart()  # nobody is late for what nobody wants
        try:
            if not device.ready(events, now) or not needed:
                return
            for _ in range(_MOST_AT_ONCE):
                xruns = device.xruns
                mic = device.read(now)
                if mic is None:
                    if device.xruns != xruns:
                        self._lateness.restart()  # the microphone was started again
                    return
                self._lateness.note(now)
                device.write(self._line.tick(mic, device.wanted(), now))
                self._line.handed_over(time.monotonic())
                self._ticks += 1
        except DeviceError as error:
            self._cards.lost(error, now)

    def _take_messages(self, now: float) -> None:
        while not self._ended:
            try:
                data, fds, _, _ = socket.recv_fds(self._control, msg.MAX_MESSAGE, 2)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._ended = True
                return
            self._take(msg.decode(data), fds, now)

    def _take(self, message: msg.Message, fds: list[int], now: float) -> None:
        line = self._line
        match message:
            case msg.StartStream(stream, plan):
                rtp, rtcp = (UdpChannel(socket.socket(fileno=fd)) for fd in fds)
                line.start_stream(stream, plan, rtp, rtcp, now)
                self._lateness.reset()
            case msg.MoveStream(stream, plan):
                rtp, rtcp = (UdpChannel(socket.socket(fileno=fd)) for fd in fds)
                line.move_stream(stream, plan, rtp, rtcp)
            case msg.UpdateStream(stream, plan):
                line.update_stream(stream, plan)
            case msg.StopStream(stream):
                line.stop_stream(stream, now)
            case msg.SetActive(on):
                line.set_active(on)
            case msg.PlayTone(name):
                line.play_tone(name)
            case msg.StopTone():
                line.stop_tone()
            case msg.Say(path, text):
                line.say(path, text)
            case msg.StartDtmf(stream, digit):
                line.start_dtmf(stream, digit)
            case msg.StopDtmf(stream, digit):
                line.stop_dtmf(stream, digit)
            case msg.SetVolume(db):
                line.set_volume(db)
            case msg.SetMute(on):
                line.set_mute(on)
            case _:
                raise msg.MessageError(f"{type(message).__name__} is no message for media: restart offhook")

    def _beat(self, needed: bool, now: float) -> None:
        self._beat_at = now + _BEAT_S
        if not needed:
            if self._settings.srtp:
                load_srtp()
            collect_idle()
        late = (*map(self._lateness.quantile, _SHARES), self._lateness.worst)
        self._post(msg.Heartbeat(self._ticks, self._cards.xruns, self._realtime, *(1000 * t for t in late)))

    def _post(self, message: msg.FromMedia) -> None:
        try:
            self._control.send(msg.encode(message))
        except BlockingIOError:
            return  # signalling is stuck; the watchdog sees that, and sound goes on
        except OSError:
            self._ended = True

    def _fade_out(self) -> None:
        """End streams with an RTCP BYE and the sound without a click."""
        now = time.monotonic()
        self._line.close(now)
        device = self._registered[0]
        if device is not None and self._needed(now):
            try:
                # At least a period: a queue that is full wants nothing, and nothing cannot fade.
                ear = self._line.tick(_NO_MIC, max(device.wanted(), RATE * self._settings.period_ms // 1000), now)
                device.write((ear * np.linspace(1, 0, len(ear))).astype(np.int16))
                time.sleep(_FADE_S)
            except DeviceError:
                pass
        self._cards.close()


def main() -> int:
    """Serve the socket whose number is the only argument."""
    leave_signals_to_signalling()
    control = socket.socket(fileno=int(sys.argv[1]))
    first = control.recv(msg.MAX_MESSAGE)
    if not first:
        return 0
    configure = msg.decode(first)
    if not isinstance(configure, msg.Configure):
        raise msg.MessageError("the first message is not Configure: restart offhook, its two processes do not match")
    warm_up(configure.settings)
    MediaProcess(control, configure).run()
    return 0
