"""Words in the ear: rendered beside the loop, then handed to the media process."""

import asyncio
from collections.abc import Coroutine

from offhook.engine.mediaclient import MediaClient
from offhook.engine.prompter import Prompter


class Speaker:
    """``speaker(text)`` speaks as soon as the words are rendered; :meth:`prepare` renders them ahead of time."""

    def __init__(self, prompter: Prompter, media: MediaClient) -> None:
        self._prompter = prompter
        self._media = media
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, text: str) -> None:
        """Speak ``text``; without a voice a short tone stands in for it."""
        self._spawn(self._speak(text))

    def prepare(self, text: str) -> None:
        """Render ``text`` now, so that it starts at once when it is needed."""
        if text:
            self._spawn(self._render(text))

    def close(self) -> None:
        """Forget words that are being rendered."""
        for task in self._tasks:
            task.cancel()

    async def _speak(self, text: str) -> None:
        path = await self._prompter.render(text)
        self._media.say("" if path is None else str(path), text)

    async def _render(self, text: str) -> None:
        await self._prompter.render(text)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
