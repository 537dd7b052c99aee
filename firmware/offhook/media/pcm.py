"""One PCM of a card: opened at a rate that we can use, and read back as what the card really gave."""

import ctypes
from dataclasses import dataclass
from typing import Literal

import alsaaudio

from offhook.media.form import CardBusyError, CardMissingError, CardRefusedError, PcmForm

Direction = Literal["capture", "playback"]
XRUN = -32  # -EPIPE: pyalsaaudio returns it, and has prepared the PCM again by then
# 8 kHz needs no resampling where the hardware has it; 48 kHz is what every card has.
_RATES = (8000, 48000, 16000, 32000, 24000)
_WIDTHS = {alsaaudio.PCM_FORMAT_S16_LE: 2, alsaaudio.PCM_FORMAT_S32_LE: 4}
_MOST_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Pcm:
    """An open PCM, non-blocking; its methods turn pyalsaaudio's errors into DeviceErrors."""

    direction: Direction
    name: str
    handle: "alsaaudio.PCM"
    form: PcmForm

    @property
    def control(self) -> str:
        """The control device of the card behind this PCM; of a plug-in that is no card's, the one of its own name."""
        card = int(self.handle.info().get("card_no", -1))
        return f"hw:{card}" if card >= 0 else self.name

    def read(self) -> tuple[int, bytes]:
        """Return up to a period, frames and data; ``(XRUN, b"")`` after an overrun, ``(0, b"")`` for nothing."""
        try:
            frames, data = self.handle.read()
        except alsaaudio.ALSAAudioError as error:
            raise self.lost(error) from error
        return int(frames), data

    def write(self, data: bytes) -> int:
        """Hand over whole frames; return how many were taken, or XRUN after an underrun (then none were)."""
        try:
            return int(self.handle.write(data))
        except alsaaudio.ALSAAudioError as error:
            raise self.lost(error) from error

    def recorded(self) -> int:
        """Return the frames that wait to be read; a whole buffer after an overrun, so that reading tells."""
        try:
            frames = int(self.handle.avail())
        except alsaaudio.ALSAAudioError:
            frames = -1
        return frames if frames >= 0 else self.form.buffer

    def queued(self) -> int:
        """Return the frames that are yet to be played; 0 after an underrun."""
        try:
            free = int(self.handle.avail())
        except alsaaudio.ALSAAudioError:
            return 0
        return self.form.buffer - free if 0 <= free <= self.form.buffer else 0

    def close(self) -> None:
        """Stop at once and let go."""
        try:
            # Otherwise close() would wait until everything queued is played.
            self.handle.drop()
        except alsaaudio.ALSAAudioError:
            pass
        finally:
            self.handle.close()

    def lost(self, error: Exception) -> CardMissingError:
        """Return the error for a card that vanished in use."""
        return CardMissingError(
            f"the sound card of {self.name} ({self.direction}) is gone ({_reason(error)}): plug it in again; "
            "the phone tries again every 2 s"
        )


def open_pcm(direction: Direction, name: str, period_ms: int, periods: int, first: PcmForm | None = None) -> Pcm:
    """Open ``name``, trying what worked the last time first. Raises a DeviceError that says what to do."""
    rates = _RATES if first is None else (first.rate, *(rate for rate in _RATES if rate != first.rate))
    tried: list[str] = []
    for rate in rates:
        for fmt in (alsaaudio.PCM_FORMAT_S16_LE, alsaaudio.PCM_FORMAT_S32_LE):
            handle = _open(direction, name, rate, fmt, period_ms, periods)
            form, fault = _form(handle.info())
            if form is not None and form.rate == rate:
                return Pcm(direction, name, handle, form)
            handle.drop()
            handle.close()
            tried.append(fault or f"{form.rate if form else 0} Hz")
            if not fault:
                break  # another sample format does not make another rate
    raise CardRefusedError(
        f"audio.{direction} {name} offers only {', '.join(sorted(set(tried)))}: "
        "offhook needs S16_LE or S32_LE at 8, 16, 24, 32 or 48 kHz; name another card or a plughw: device"
    )


def _open(direction: Direction, name: str, rate: int, fmt: int, period_ms: int, periods: int) -> "alsaaudio.PCM":
    kind = alsaaudio.PCM_CAPTURE if direction == "capture" else alsaaudio.PCM_PLAYBACK
    try:
        return alsaaudio.PCM(
            type=kind,
            mode=alsaaudio.PCM_NONBLOCK,
            device=name,
            rate=rate,
            channels=1,
            format=fmt,
            periodsize=rate * period_ms // 1000,
            periods=periods,
        )
    except alsaaudio.ALSAAudioError as error:
        reason = _reason(error)
        if "busy" in reason.lower():
            raise CardBusyError(
                f"audio.{direction} {name} is in use by another program: end that program "
                "(`fuser -v /dev/snd/*` names it); the phone tries again every 2 s"
            ) from error
        tool = "arecord -L" if direction == "capture" else "aplay -L"
        raise CardMissingError(
            f"audio.{direction} {name} cannot be opened ({reason}): plug the card in, or name one that `{tool}` "
            "shows; the phone tries again every 2 s"
        ) from error


def _form(info: dict[str, int]) -> tuple[PcmForm | None, str]:
    """Return what the card gave and, where we cannot use it, why."""
    width = _WIDTHS.get(info["format"], 0)
    form = PcmForm(info["rate"], info["channels"], width, info["period_size"], info["buffer_size"])
    if not width:
        return None, f"sample format {info['format_name']}"
    if form.channels > _MOST_CHANNELS:
        return None, f"{form.channels} channels"
    return form, ""


def _reason(error: Exception) -> str:
    return str(error).rpartition(" [")[0] or str(error)


# ALSA's library writes a paragraph to stderr for each card that it cannot open; our one line says it better.
_IGNORE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(
    lambda file, line, function, code, text: None
)


def quiet_alsa() -> None:
    """Keep ALSA's library from writing to stderr."""
    ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_IGNORE)
