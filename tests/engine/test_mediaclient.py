"""The media process as signalling starts and ends it (what it does in between: tests/media/test_process.py)."""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest

from offhook.engine import mediaclient
from offhook.engine.mediachild import MediaChild
from offhook.engine.mediaclient import MediaClient
from offhook.media.settings import MediaSettings

SETTINGS = MediaSettings("NO", None, None)


def on_a_client(story: Callable[[MediaClient], Awaitable[None]]) -> None:
    async def main() -> None:
        client = MediaClient(SETTINGS, lambda message: None)
        await client.start()
        try:
            await story(client)
        finally:
            await client.stop()

    asyncio.run(main())


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not what():
            await asyncio.sleep(0.01)


async def in_time(client: MediaClient) -> None:
    begin = time.monotonic()
    await client.stop()
    assert time.monotonic() - begin < 3
    assert client.pid is None


def test_it_stops_at_once_after_the_start() -> None:
    on_a_client(in_time)


def test_it_stops_while_a_dead_one_is_being_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediaclient, "_RESTART_S", 0.0)

    async def story(client: MediaClient) -> None:
        first = client.pid
        assert first is not None
        begun = asyncio.Event()

        def refused() -> MediaChild:
            begun.set()
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(mediaclient, "MediaChild", refused)
        os.kill(first, signal.SIGKILL)
        await begun.wait()
        await in_time(client)

    on_a_client(story)


def test_it_kills_one_that_hangs_at_the_end() -> None:
    async def story(client: MediaClient) -> None:
        await until(lambda: client.healthy(asyncio.get_running_loop().time()))
        assert client.pid is not None
        os.kill(client.pid, signal.SIGSTOP)
        await in_time(client)

    on_a_client(story)


def test_looking_after_it_for_days_leaves_no_memory_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediaclient, "_LOOK_S", 0.001)
    looks = 0

    def looked(client: MediaClient, now: float) -> bool:
        nonlocal looks
        looks += 1
        return True

    monkeypatch.setattr(MediaClient, "healthy", looked)

    async def story(client: MediaClient) -> None:
        await until(lambda: looks >= 20)
        gc.collect()
        before, begin = sum(isinstance(found, asyncio.Future) for found in gc.get_objects()), looks
        await until(lambda: looks >= begin + 100)
        gc.collect()
        assert sum(isinstance(found, asyncio.Future) for found in gc.get_objects()) < before + 20

    on_a_client(story)


def test_one_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mediaclient, "_RESTART_S", 0.05)

    async def story(client: MediaClient) -> None:
        first = client.pid
        assert first is not None
        tries = []

        def reluctantly() -> MediaChild:
            tries.append(1)
            if len(tries) < 3:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return MediaChild()

        monkeypatch.setattr(mediaclient, "MediaChild", reluctantly)
        os.kill(first, signal.SIGKILL)
        await until(lambda: client.pid not in (None, first))

    with caplog.at_level(logging.ERROR):
        on_a_client(story)
    assert "cannot be started: Resource temporarily unavailable" in caplog.text


def test_a_process_that_was_started_before_is_taken_and_replaced_when_it_dies() -> None:
    async def main() -> None:
        child, said = MediaChild(), list[object]()
        client = MediaClient(SETTINGS, said.append, child)
        await client.start()
        await client.start()
        assert client.pid == child.pid
        await until(lambda: said)
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: client.pid not in (None, child.pid))
        await client.stop()

    asyncio.run(main())


def test_one_whose_end_the_kernel_does_not_tell_is_replaced_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pidfd_open", refused)
    monkeypatch.setattr(mediaclient, "_LOOK_S", 0.05)

    async def story(client: MediaClient) -> None:
        first = client.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: client.pid not in (None, first))

    on_a_client(story)


def test_one_that_is_not_needed_ends_without_having_been_told_anything() -> None:
    child = MediaChild()
    child.dismiss()
    assert child.status() == -signal.SIGKILL
