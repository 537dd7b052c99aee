import asyncio
from pathlib import Path

import pytest

from offhook.engine.speaker import Speaker
from tests.support.engine_bench import MediaNotes
from tests.support.virtual_loop import run


class SlowVoice:
    """Takes two seconds for each text; has no voice at all for some, and breaks at others."""

    def __init__(self) -> None:
        self.rendered: list[str] = []

    async def render(self, text: str) -> Path | None:
        await asyncio.sleep(2)
        if text == "broken":
            raise RuntimeError("on purpose")
        self.rendered.append(text)
        return None if text == "mute" else Path("/words") / f"{text}.wav"


def test_words_are_spoken_when_they_are_rendered() -> None:
    async def scenario() -> None:
        media, voice = MediaNotes(), SlowVoice()
        speaker = Speaker(voice, media)
        speaker("hello")
        speaker("mute")
        await asyncio.sleep(1)
        assert media.notes == []
        await asyncio.sleep(2)
        assert media.notes == ["say hello", "say mute"]

    run(scenario)


def test_words_that_are_hushed_while_they_are_rendered_never_start_but_are_kept() -> None:
    async def scenario() -> None:
        media, voice = MediaNotes(), SlowVoice()
        speaker = Speaker(voice, media)
        speaker("too late")
        await asyncio.sleep(1)
        speaker.hush()
        speaker("in time")
        await asyncio.sleep(5)
        assert media.notes == ["say in time"]
        assert voice.rendered == ["too late", "in time"]

    run(scenario)


def test_preparing_renders_and_says_nothing() -> None:
    async def scenario() -> None:
        media, voice = MediaNotes(), SlowVoice()
        speaker = Speaker(voice, media)
        speaker.prepare("soon")
        speaker.prepare("")
        await asyncio.sleep(3)
        assert voice.rendered == ["soon"]
        assert media.notes == []

    run(scenario)


def test_a_voice_that_breaks_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        media = MediaNotes()
        speaker = Speaker(SlowVoice(), media)
        speaker("broken")
        speaker("whole")
        await asyncio.sleep(3)
        assert media.notes == ["say whole"]

    run(scenario)
    assert "on purpose" in caplog.text


def test_closing_forgets_what_is_being_rendered() -> None:
    async def scenario() -> None:
        media, voice = MediaNotes(), SlowVoice()
        speaker = Speaker(voice, media)
        speaker("hello")
        await asyncio.sleep(1)
        speaker.close()
        await asyncio.sleep(3)
        assert (media.notes, voice.rendered) == ([], [])

    run(scenario)
