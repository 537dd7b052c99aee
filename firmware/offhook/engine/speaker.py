"""Words in the ear: rendered beside the loop, then handed to the media process."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Protocol

_log = logging.getLogger(__name__)


class Renderer(Protocol):
    """Makes sound files (:class:`offhook.engine.prompter.Prompter`)."""

    async def render(self, text: str) -> Path | None: ...


class Mouth(Protocol):
    """What words need of the media process (:class:`offhook.engine.mediaclient.MediaClient`)."""

    def say(self, path: str, text: str) -> None: ...


class Speaker:
    """``speaker(text)`` speaks as soon as the words are rendered; :meth:`prepare` renders them ahead of time."""

    def __init__(self, prompter: Renderer, media: Mouth) -> None:
        self._prompter = prompter
        self._media = media
        self._tasks: set[asyncio.Task[None]] = set()
        self._hushed = 0

    def __call__(self, text: str) -> None:
        """Speak ``text``; without a voice a short tone stands in for it."""
        self._spawn(self._speak(text, self._hushed))

    def hush(self) -> None:
        """Let no words begin that are still being rendered: they are kept for another time, and not spoken now.

        What speaks already is the media process's to stop.
        """
        self._hushed += 1

    def prepare(self, text: str) -> None:
        """Render ``text`` now, so that it starts at once when it is needed."""
        if text:
            self._spawn(self._render(text))

    def close(self) -> None:
        """Forget words that are being rendered."""
        for task in self._tasks:
            task.cancel()

    async def _speak(self, text: str, hushed: int) -> None:
        path = await self._prompter.render(text)
        if hushed == self._hushed:
            self._media.say("" if path is None else str(path), text)

    async def _render(self, text: str) -> None:
        await self._prompter.render(text)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("words could not be spoken: %s", error, exc_info=error)
