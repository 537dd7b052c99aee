"""Which sound device the loop uses now: the cards, a stand-in while they are not there, or the simulator's own."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from offhook.errors import DeviceError
from offhook.media.clocked import ClockedDevice
from offhook.media.device import AudioDevice
from offhook.media.form import CardBusyError, CardRefusedError, PcmForm
from offhook.media.messages import DeviceChanged, DeviceState, FromMedia
from offhook.media.settings import MediaSettings

if TYPE_CHECKING:
    from offhook.media.alsa import AlsaDevice

RETRY_S = 2.0
_LOOK_S = 0.1
_MIXER_S = 2.0
_NEVER = float("inf")


class Cards:
    """Opens, closes, mourns and re-opens; each change is told once."""

    def __init__(
        self,
        settings: MediaSettings,
        realtime: bool,
        post: Callable[[FromMedia], None],
        now: float,
        nodes: Callable[[], object] = lambda: sound_nodes(),
    ) -> None:
        """Without card names this makes the simulator's device. Raises DeviceError where its socket cannot be made.

        ``nodes`` tells the kernel's sound devices: when they have changed a missing card is tried at once.
        """
        self._settings = settings
        self._queue_periods = 1.5 if realtime else 2.0
        self._post = post
        self._card: AlsaDevice | None = None
        self._forms: tuple[PcmForm, PcmForm] | None = None
        self._stand_in: ClockedDevice | None = None
        self._fault = False
        self._mixer = ""
        self._mixer_at = _NEVER
        self._told: tuple[DeviceState, str, str] | None = None
        self._xruns_before = 0
        self._retry_at = now
        self._nodes = nodes
        self._nodes_tried: object = None
        self._look_at = now
        self._simulated: ClockedDevice | None = None
        if settings.capture is None or settings.playback is None:
            self._simulated = ClockedDevice(settings.period_ms, now, settings.sound_socket)
            self._tell("open", "no card is configured: sound is exchanged with the simulator's page, by the clock")

    @property
    def xruns(self) -> int:
        """Xruns of all cards so far."""
        return self._xruns_before + (self._card.xruns if self._card else 0)

    @property
    def wake_at(self) -> float:
        """When a card that is not there shall be tried again."""
        return self._retry_at if self._fault else _NEVER

    def device(self, now: float, needed: bool) -> AudioDevice | None:
        """Return the device to serve; a card that is not needed is closed, one that is missing is tried again."""
        if self._simulated is not None:
            return self._simulated
        if self._card is not None and not needed:
            self._close_card()
            self._tell("closed", "")
        if self._card is None and (needed or self._fault) and (now >= self._retry_at or self._appeared(now)):
            self._open(now)
        if self._card is not None:
            if now >= self._mixer_at:
                self._look_after_mixer(self._card)
            return self._card
        if not needed:
            self._stand_in = None
        elif self._stand_in is None:
            self._stand_in = ClockedDevice(self._settings.period_ms, now, names=self._names)
        return self._stand_in

    def lost(self, error: DeviceError, now: float) -> None:
        """The card failed in use: stand in for it and try again."""
        self._close_card()
        self._fail(error, now)

    def close(self) -> None:
        """Let go of everything."""
        self._close_card()
        if self._simulated is not None:
            self._simulated.close()

    @property
    def _names(self) -> tuple[str, str]:
        return self._settings.capture or "", self._settings.playback or ""

    def _open(self, now: float) -> None:
        settings, (capture, playback) = self._settings, self._names
        self._nodes_tried = self._nodes()
        try:  # only here: a simulator without a card needs no ALSA, and its set-up compiles nothing
            from offhook.media.alsa import AlsaDevice
            from offhook.media.pcm import quiet_alsa
        except ImportError as error:
            self._fail(CardRefusedError(f"no sound card can be used ({error}): install pyalsaaudio"), now)
            return
        quiet_alsa()
        try:
            self._card = AlsaDevice(
                capture, playback, settings.period_ms, settings.periods, now, self._queue_periods, self._forms
            )
        except DeviceError as error:
            self._fail(error, now)
            return
        if self._fault or self._forms is None:
            self._mixer_at = now + _MIXER_S
        self._forms = self._card.forms
        # At every opening: a card that was pulled out meanwhile is muted again, and nobody would have noticed.
        self._set_mixer(self._card)
        self._stand_in = None
        self._fault = False
        mic, ear = self._forms
        self._tell("open", f"capture {mic.rate} Hz {mic.channels} ch, playback {ear.rate} Hz {ear.channels} ch")

    def _set_mixer(self, card: "AlsaDevice") -> None:
        if not self._settings.mixer:
            return
        from offhook.media.mixer import CardMixer

        self._mixer = CardMixer(self._settings.mixer).apply(card.controls)

    def _look_after_mixer(self, card: "AlsaDevice") -> None:
        """Set the mixer of a card that has just come once more: udev lets alsactl change it after we could open it."""
        self._mixer_at = _NEVER
        self._set_mixer(card)
        if self._told is not None:
            self._tell(*self._told[:2])

    def _fail(self, error: DeviceError, now: float) -> None:
        self._fault = True
        # What was refused stays refused: the config must change first.
        self._retry_at = _NEVER if isinstance(error, CardRefusedError) else now + RETRY_S
        self._tell("busy" if isinstance(error, CardBusyError) else "missing", str(error))

    def _appeared(self, now: float) -> bool:
        """Whether a card that failed is worth a try before its time: it was plugged in, or udev has given it to us."""
        if not self._fault or self._retry_at == _NEVER or now < self._look_at:
            return False
        self._look_at = now + _LOOK_S
        return self._nodes() != self._nodes_tried

    def _close_card(self) -> None:
        if self._card is not None:
            self._xruns_before += self._card.xruns
            self._card.close()
            self._card = None

    def _tell(self, state: DeviceState, detail: str) -> None:
        if self._told != (state, detail, self._mixer):
            self._told = (state, detail, self._mixer)
            self._post(DeviceChanged(state, *self._names, detail, self._mixer))


def sound_nodes(folder: str = "/dev/snd") -> object:
    """Return what changes when a card comes or goes, or another may open it: each device's name, mode, group, ctime."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries if entry.name != "by-path"]
    except OSError:  # no card at all, or one that went while we looked
        return None
    return sorted((name, stat.st_mode, stat.st_gid, stat.st_ctime_ns) for name, stat in found)
