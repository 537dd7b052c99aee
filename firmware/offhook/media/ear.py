"""What the ear hears: speech, a tone or a prompt, gain, and a limit that spares the ear."""

from collections.abc import Callable

import numpy as np

from offhook.dsp.errors import ToneError
from offhook.dsp.limiter import Limiter
from offhook.dsp.regions import plan
from offhook.dsp.tones import ToneGenerator
from offhook.media.device import RATE, Samples
from offhook.media.messages import FromMedia, SayEnded, SayStarted, ToneStarted
from offhook.media.prompt import load_prompt
from offhook.media.settings import MediaSettings

_STAND_IN = "confirm"  # for a prompt that has no file
_STAND_IN_SAMPLES = RATE // 2
_FADE = np.linspace(1, 0, RATE * 5 // 1000)


class Ear:
    """Mixes; one tone and one prompt at a time, the prompt instead of the tone while it speaks."""

    def __init__(self, settings: MediaSettings, post: Callable[[FromMedia], None]) -> None:
        self._post = post
        self._plan = plan(settings.country)
        self._limiter = Limiter(settings.ear_limit_dbfs, RATE)
        self._settings_gain = settings.ear_gain_db
        self._gain = 1.0
        self._tone: ToneGenerator | None = None
        self._dying: list[ToneGenerator] = []
        self._fading: list[Samples] = []
        self._prompt = np.zeros(0, np.int16)
        self._prompt_at = 0
        self._text: str | None = None
        self._news: list[ToneStarted | SayStarted] = []
        self.set_volume(0.0)

    @property
    def busy(self) -> bool:
        """Whether anything but speech is to be heard."""
        return bool(self._tone or self._dying or self._fading) or self._text is not None

    def set_volume(self, db: float) -> None:
        """Set the gain over the settings' own."""
        self._gain = 10 ** ((self._settings_gain + db) / 20)

    def play_tone(self, name: str) -> None:
        """Begin a tone; the one before fades out beneath it."""
        self._fade_tone()
        try:
            self._tone = self._generator(name)
        except ToneError:
            return  # silence: no message may end the sound of a call
        self._news.append(ToneStarted(name, 0.0))

    def say(self, path: str, text: str) -> None:
        """Begin a prompt; without a usable file the confirmation tone stands for it."""
        self._end_prompt()
        samples = load_prompt(path) if path else np.zeros(0, np.int16)
        if not len(samples):
            samples = self._generator(_STAND_IN).read(_STAND_IN_SAMPLES)
        self._prompt, self._prompt_at, self._text = samples, 0, text
        self._news.append(SayStarted(text, 0.0))

    def stop(self) -> None:
        """Silence tone and prompt, without a click."""
        self._fade_tone()
        self._end_prompt()
        self._news.clear()

    def mix(self, speech: list[Samples], count: int) -> Samples:
        """Return ``count`` samples: speech, and what else there is."""
        parts = speech
        if self.busy:
            parts = [*speech, *self._announcements(count)]
        if not parts:
            return self._limiter.process(np.zeros(count, np.int16))
        if len(parts) == 1 and self._gain == 1.0 and len(parts[0]) == count:
            return self._limiter.process(parts[0])
        mixed = np.zeros(count, np.float32)
        for part in parts:
            mixed[: len(part)] += part
        return self._limiter.process(mixed * np.float32(self._gain))

    def handed_over(self, t: float) -> None:
        """What was mixed last was given to the card at ``t``: tell what began with it."""
        if not self._news:
            return
        for news in self._news:
            self._post(ToneStarted(news.name, t) if isinstance(news, ToneStarted) else SayStarted(news.text, t))
        self._news.clear()

    def _announcements(self, count: int) -> list[Samples]:
        parts = [samples[:count] for samples in self._fading]
        self._fading = [samples[count:] for samples in self._fading if len(samples) > count]
        parts += [tone.read(count) for tone in self._dying]
        self._dying = [tone for tone in self._dying if not tone.done]
        if self._text is not None:
            parts.append(self._prompt[self._prompt_at : self._prompt_at + count])
            self._prompt_at += count
            if self._prompt_at >= len(self._prompt):
                self._end_prompt()
        elif self._tone is not None:
            parts.append(self._tone.read(count))
        return parts

    def _fade_tone(self) -> None:
        if self._tone is not None:
            self._tone.stop()
            self._dying.append(self._tone)
            self._tone = None

    def _end_prompt(self) -> None:
        if self._text is None:
            return
        rest = self._prompt[self._prompt_at : self._prompt_at + len(_FADE)]
        if len(rest):
            self._fading.append((rest * _FADE[: len(rest)]).astype(np.int16))
        text, self._text = self._text, None
        self._post(SayEnded(text))

    def _generator(self, name: str) -> ToneGenerator:
        return ToneGenerator(self._plan.tone(name), RATE)
