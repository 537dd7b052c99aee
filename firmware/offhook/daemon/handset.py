"""What the person has, from one config: ear, voice and the phone machine. It works before the network does."""

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from offhook.engine.mediachild import MediaChild
from offhook.engine.mediaclient import MediaClient
from offhook.engine.observations import Observation
from offhook.engine.ports import Board
from offhook.engine.prompter import Prompter, PrompterSettings
from offhook.engine.speaker import Speaker
from offhook.engine.switchboard import Keys, Switchboard, SwitchboardSettings
from offhook.media.messages import FromMedia, ToneStarted
from offhook.media.settings import MediaSettings
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings

_log = logging.getLogger(__name__)
_MOST_KEPT = 64


class HandsetSettings(Struct, frozen=True):
    """The phone machine, ringing and volume, sound, and the language of what is spoken."""

    phone: PhoneSettings
    switchboard: SwitchboardSettings
    media: MediaSettings
    language: str


class Handset:
    """Media process, speaker and switchboard, joined.

    Until :meth:`connect` there is nobody who could send digits into a call, and nobody who hears what the media process
    says: the former are dropped, the latter is kept.
    """

    def __init__(
        self,
        settings: HandsetSettings,
        board: Board,
        prompts: Path,
        observe: Callable[[Observation], None],
        child: MediaChild | None = None,
    ) -> None:
        """``prompts`` is the folder of rendered words; ``child`` a media process that waits already."""
        self.settings = settings
        self.media = MediaClient(settings.media, self._heard, child)
        self.speaker = Speaker(Prompter(PrompterSettings(prompts, settings.language)), self.media)
        self.switchboard = Switchboard(
            Phone(settings.phone), board, self.media, self, self.speaker, observe, settings.switchboard
        )
        self._keys: Keys | None = None
        self._hear: Callable[[FromMedia], None] | None = None
        self._toned = False
        self._kept: deque[FromMedia] = deque(maxlen=_MOST_KEPT)

    def connect(self, hear: Callable[[FromMedia], None], keys: Keys) -> None:
        """Tell ``hear`` what the media process says and said; ``keys`` send digits into calls."""
        self._hear, self._keys = hear, keys
        while self._kept:
            hear(self._kept.popleft())

    async def close(self) -> None:
        """Stop sound and timers."""
        self.switchboard.close()
        self.speaker.close()
        await self.media.stop()

    def start_dtmf(self, call: str, digit: str) -> None:
        """See :class:`offhook.engine.switchboard.Keys`."""
        if self._keys is not None:
            self._keys.start_dtmf(call, digit)

    def stop_dtmf(self, call: str, digit: str) -> None:
        """See :class:`offhook.engine.switchboard.Keys`."""
        if self._keys is not None:
            self._keys.stop_dtmf(call, digit)

    def _heard(self, message: FromMedia) -> None:
        if isinstance(message, ToneStarted) and not self._toned:
            self._toned = True
            _log.info("the first tone, %s, began at %.3f s of CLOCK_MONOTONIC", message.name, message.t)
        if self._hear is None:
            self._kept.append(message)
        else:
            self._hear(message)
