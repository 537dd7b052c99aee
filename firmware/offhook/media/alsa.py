"""The sound card: a capture PCM that beats time and a playback PCM, at 8 to 48 kHz, on one clock or two.

::

    capture --period--> octets -> first channel, int16 -> 8 kHz -> read()
    write() -> 8 kHz -> card's rate -> every channel -> playback, kept ``queue`` deep

What is queued for playback is what the ear lags behind: 1.5 periods after a write (2 without SCHED_FIFO), half a period
more after each underrun, up to three. Where the two PCMs have different clocks the queue's mean moves slowly, and
:meth:`AlsaDevice.wanted` asks for a sample more or less now and then; the jitter buffer, which follows the far end's
clock anyway, takes care of the rest. The first period is ready at once and empty: it fills the queue and starts both.
"""

import select
from collections.abc import Sequence

import numpy as np

from offhook.media.convert import CardToLine, LineToCard
from offhook.media.device import RATE, Samples
from offhook.media.form import CardMissingError, CardRefusedError, PcmForm
from offhook.media.pcm import XRUN, open_pcm

_STALL_S = 0.5
_TROUBLE = select.POLLERR | select.POLLHUP | select.POLLNVAL
_PACE_WINDOW_S = 0.2
_MOST_QUEUE_PERIODS = 3.0
_LEVEL_TICKS = 16
_LOOK_TICKS = 4
_LEVEL_SLACK = RATE // 1000
_NOTHING = np.zeros(0, np.int16)


class AlsaDevice:
    """An :class:`offhook.media.device.AudioDevice` over two named ALSA PCMs."""

    def __init__(
        self,
        capture: str,
        playback: str,
        period_ms: int,
        periods: int,
        now: float,
        queue_periods: float = 1.5,
        last: "tuple[PcmForm, PcmForm] | None" = None,
    ) -> None:
        """Open both; ``last`` is :attr:`forms` of the last time. Raises a child of DeviceError (see ``pcm``)."""
        self.capture, self.playback = capture, playback
        self.xruns = 0
        self.changed = False
        self._mic = open_pcm("capture", capture, period_ms, periods, last[0] if last else None)
        try:
            self._ear = open_pcm("playback", playback, period_ms, periods, last[1] if last else self._mic.form)
        except BaseException:
            self._mic.close()
            raise
        self.forms = (self._mic.form, self._ear.form)
        self._to_line = CardToLine(self._mic.form)
        self._to_card = LineToCard(self._ear.form)
        self._period = RATE * self._mic.form.period // self._mic.form.rate
        self._queue = round(self._period * queue_periods)
        self._most_queue = round(self._period * _MOST_QUEUE_PERIODS)
        self._polled: list[tuple[int, int]] = [(int(fd), int(mask)) for fd, mask in self._mic.handle.polldescriptors()]
        self._fds = {fd for fd, _ in self._polled}
        self._started = False
        self._periods = 0  # that wait to be read
        self._heard_at = now
        self._window_start, self._window_frames = now, 0
        self._level_sum, self._level_ticks, self._nudge = 0, 0, 0
        self._looked, self._steady = 0, False

    @property
    def controls(self) -> tuple[str, ...]:
        """The control devices of the two PCMs' cards, each once."""
        return tuple(dict.fromkeys((self._mic.control, self._ear.control)))

    def descriptors(self) -> Sequence[tuple[int, int]]:
        """See AudioDevice."""
        self.changed = False
        return self._polled

    def deadline(self) -> float | None:
        """See AudioDevice: when a card that beats no time is given up."""
        return self._heard_at + _STALL_S if self._started else self._heard_at

    def ready(self, events: Sequence[tuple[int, int]], now: float) -> bool:
        """See AudioDevice."""
        if not self._started:
            self._periods = 1
            return True
        if now - self._heard_at > _STALL_S:
            raise CardMissingError(
                f"audio.capture {self.capture} delivers no sound: check the card; the phone tries again every 2 s"
            )
        mine = [event for event in events if event[0] in self._fds]
        if not mine:
            return False
        events_now = int(self._mic.handle.polldescriptors_revents(mine))
        # Part of a period is left where it is: what is read now would not wake us when the rest has come.
        self._periods = 1 if events_now & _TROUBLE else self._mic.recorded() // self._mic.form.period
        return self._periods > 0

    def read(self, now: float) -> Samples | None:
        """See AudioDevice."""
        first = not self._started
        self._started = True
        if not self._periods:
            return None
        self._periods -= 1
        frames, data = self._mic.read()
        if frames == XRUN:
            self.xruns += 1
            self._periods = 0
            self._mic.read()  # starts it again
            self._heard_at = now
            return None
        if first:
            self._heard_at = self._window_start = now
            return _NOTHING
        if frames <= 0:
            return None
        self._heard_at = now
        return self._to_line(data) if self._keeps_time(now) else None

    def wanted(self) -> int:
        """See AudioDevice."""
        self._looked += 1
        if self._looked % _LOOK_TICKS and self._steady and not self._nudge:
            return self._period
        queued = self._queued()
        self._steady = False
        if queued == 0:
            self._level_sum = self._level_ticks = self._nudge = 0
            return self._queue
        lack = self._queue - self._period - queued
        if lack > self._period or lack < -self._period // 2:
            return max(0, self._period + lack)
        self._steady = True
        self._level_sum += lack
        self._level_ticks += 1
        if self._level_ticks == _LEVEL_TICKS:
            mean = self._level_sum / _LEVEL_TICKS
            self._nudge = 0 if abs(mean) < _LEVEL_SLACK else round(mean)
            self._level_sum = self._level_ticks = 0
        step = (self._nudge > 0) - (self._nudge < 0)
        self._nudge -= step
        return self._period + step

    def write(self, samples: Samples) -> None:
        """See AudioDevice."""
        if not len(samples):
            return
        data = self._to_card(samples)
        taken = self._ear.write(data)
        if taken == XRUN:
            self.xruns += 1
            self._steady = False
            self._queue = min(self._queue + self._period // 2, self._most_queue)
            silence = self._to_card.silence(max(0, self._queue - len(samples)))
            taken = self._ear.write(silence + data)
            return
        rest = data[max(0, taken) * self._ear.form.frame_bytes :]
        if rest:
            self._ear.write(rest)  # what does not fit now is over the queue that is wanted: lost

    def close(self) -> None:
        """See AudioDevice."""
        self._mic.close()
        self._ear.close()

    def _queued(self) -> int:
        return self._ear.queued() * RATE // self._ear.form.rate

    def _keeps_time(self, now: float) -> bool:
        """Return whether this period may be used; refuse a PCM that does not keep time (ALSA's null and file)."""
        form = self._mic.form
        self._window_frames += form.period
        elapsed = now - self._window_start
        allowed = elapsed * form.rate + form.buffer
        if elapsed >= _PACE_WINDOW_S:
            if self._window_frames > 2 * elapsed * form.rate + form.buffer:
                raise CardRefusedError(
                    f"audio.capture {self.capture} does not keep time (it delivers "
                    f"{self._window_frames / elapsed / form.rate:.0f} times real time): name the PCM of a real card, "
                    "hw:CARD=NAME as `arecord -l` shows it"
                )
            self._window_start, self._window_frames = now, 0
            return True
        return self._window_frames <= allowed + form.buffer
