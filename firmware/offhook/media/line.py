"""Everything between the card and the network, one period at a time; no clock, no process, no ALSA in here.

::

    mic --gain, mute--> each stream that sends --> RTP
    each stream that receives --+
    tone, prompt ---------------+--> gain --> limiter --> ear
"""

import os
import time
from collections.abc import Callable

import numpy as np

from offhook.media.channel import Channel
from offhook.media.device import Samples
from offhook.media.ear import Ear
from offhook.media.messages import DtmfReceived, FromMedia, StreamSilent
from offhook.media.settings import MediaSettings, StreamSettings
from offhook.media.stream import Stream

_REPORT_S = 1.0
_NOTHING = np.zeros(0, np.int16)


class MediaLine:
    """What the media process runs; :meth:`tick` is called with each period of the microphone."""

    def __init__(
        self,
        settings: MediaSettings,
        post: Callable[[FromMedia], None],
        random: Callable[[int], bytes] = os.urandom,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._post = post
        self._random = random
        self._wall_clock = wall_clock
        self._ear = Ear(settings, post)
        self._streams: dict[int, Stream] = {}
        self._active = False
        self._mute = False
        self._mic_gain = 10 ** (settings.mic_gain_db / 20)
        self._report_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether anybody needs ear or mouth."""
        return self._active or bool(self._streams) or self._ear.busy

    def tick(self, mic: Samples, count: int, now: float) -> Samples:
        """Take a period of the microphone; return ``count`` samples for the ear (int16, 8 kHz).

        The two need not be equally long: ``count`` follows the ear's clock, ``mic`` the microphone's.
        """
        streams = tuple(self._streams.values())
        if streams:
            spoken = self._spoken(mic)
            for stream in streams:
                for digit in stream.drain(now):
                    self._post(DtmfReceived(stream.number, digit))
                stream.capture(spoken)
            if now >= self._report_at:
                self._report(streams, now)
        if not count:
            return _NOTHING
        heard = [samples for stream in streams if (samples := stream.play(count, now)) is not None]
        return self._ear.mix(heard if self._active else [], count)

    def handed_over(self, t: float) -> None:
        """The samples of the last tick were given to the card at ``t``."""
        self._ear.handed_over(t)

    def set_active(self, on: bool) -> None:
        """Make ear and mouth live."""
        self._active = on

    def set_mute(self, on: bool) -> None:
        """Silence the microphone; packets go on."""
        self._mute = on

    def set_volume(self, db: float) -> None:
        """Set the ear's gain over the settings' own."""
        self._ear.set_volume(db)

    def start_stream(self, number: int, plan: StreamSettings, rtp: Channel, rtcp: Channel, now: float) -> None:
        """Run an RTP session; one with this number is replaced."""
        self.stop_stream(number, now)
        self._streams[number] = Stream(number, plan, rtp, rtcp, self._random, self._wall_clock)

    def update_stream(self, number: int, plan: StreamSettings) -> None:
        """Take a new offer and answer for a stream; one that is gone is no fault."""
        if number in self._streams:
            self._streams[number].update(plan)

    def move_stream(self, number: int, plan: StreamSettings, rtp: Channel, rtcp: Channel) -> None:
        """Let a stream go on over other channels; where it is gone they are closed."""
        if number in self._streams:
            self._streams[number].move(plan, rtp, rtcp)
        else:
            rtp.close()
            rtcp.close()

    def stop_stream(self, number: int, now: float) -> None:
        """End a stream; one that is gone is no fault."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._post(stream.report(now))
            stream.close(now)

    def play_tone(self, name: str) -> None:
        """Play a tone of the country's plan; one that it lacks is silence."""
        self._ear.play_tone(name)

    def stop_tone(self) -> None:
        """Silence tone and prompt."""
        self._ear.stop()

    def say(self, path: str, text: str) -> None:
        """Speak a prompt."""
        self._ear.say(path, text)

    def start_dtmf(self, number: int, digit: str) -> None:
        """Begin a telephone event in a stream; one that is gone is no fault."""
        if number in self._streams:
            self._streams[number].press(digit)

    def stop_dtmf(self, number: int, digit: str) -> None:
        """End it."""
        if number in self._streams:
            self._streams[number].release(digit)

    def close(self, now: float) -> None:
        """End all streams and fall silent."""
        for number in list(self._streams):
            self.stop_stream(number, now)
        self._ear.stop()

    def _spoken(self, mic: Samples) -> Samples:
        if self._mute or not self._active:
            return np.zeros(len(mic), np.int16)
        if self._mic_gain == 1.0:
            return mic
        spoken: Samples = np.clip(mic * self._mic_gain, -32768, 32767).astype(np.int16)
        return spoken

    def _report(self, streams: tuple[Stream, ...], now: float) -> None:
        self._report_at = now + _REPORT_S
        for stream in streams:
            self._post(stream.report(now))
            seconds = stream.falls_silent(now)
            if seconds is not None:
                self._post(StreamSilent(stream.number, seconds))
