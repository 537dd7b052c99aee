"""Spoken words: a text becomes a sound file once, and is found again afterwards.

The voice is the program ``espeak-ng``, run for each new text and never in the way: without it, or where it fails or
takes too long, there is no file, one line in the log, and whoever asked goes on without the words.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
from pathlib import Path

from msgspec import Struct

from offhook.engine.wav import to_telephone
from offhook.errors import DeviceError

_log = logging.getLogger(__name__)


class PrompterSettings(Struct, frozen=True):
    """How the phone speaks.

    Attributes:
        folder: where sound files are kept; made when first needed.
        language: tag of the voice, as ``en`` or ``en-US``; where there is no such voice, its first part, then English.
        program: the speech program, with espeak-ng's options.
        time_limit: seconds for one text.
        text_limit: characters; a longer text is cut.
        files: how many sound files are kept; the oldest go first.
    """

    folder: Path
    language: str = "en"
    program: str = "espeak-ng"
    time_limit: float = 5.0
    text_limit: int = 400
    files: int = 64


class Prompter:
    """Renders texts one after another."""

    def __init__(self, settings: PrompterSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._complaint = ""

    async def render(self, text: str) -> Path | None:
        """Return an 8 kHz mono 16 bit WAV file that speaks ``text``, None where there can be none."""
        text = " ".join(text.split())[: self._settings.text_limit]
        path = self._settings.folder / f"{self._key(text)}.wav"
        if not text:
            return None
        async with self._turn:
            if path.exists():
                return path
            try:
                await self._make(text, path)
            except FileNotFoundError:
                self._complain(f"spoken words are left out: install {self._settings.program}")
            except TimeoutError:
                self._complain(
                    f"spoken words are left out: {self._settings.program} took too long; is the device busy?"
                )
            except (DeviceError, OSError) as error:
                self._complain(f"spoken words are left out: {error}; check {self._settings.folder}")
            else:
                self._complaint = ""
                return path
            return None

    async def _make(self, text: str, path: Path) -> None:
        folder = path.parent
        folder.mkdir(parents=True, exist_ok=True)
        raw, done = folder / f"{path.stem}.raw", folder / f"{path.stem}.new"
        try:
            await self._speak(text, raw)
            await asyncio.to_thread(to_telephone, raw, done)
            os.replace(done, path)
        finally:
            raw.unlink(missing_ok=True)
            done.unlink(missing_ok=True)
        self._forget_oldest(folder)

    async def _speak(self, text: str, raw: Path) -> None:
        said = b""
        async with asyncio.timeout(self._settings.time_limit):
            for voice in self._voices():
                status, said = await self._run("-v", voice, "-b", "1", "-w", str(raw), "--stdin", text=text)
                if status == 0:
                    return
        complaint = said.decode(errors="replace").strip().splitlines()
        raise DeviceError(f"{self._settings.program} failed: {complaint[-1] if complaint else 'no word why'}")

    async def _run(self, *arguments: str, text: str) -> tuple[int, bytes]:
        """Run the program to its end and return its status and complaints; it is killed where nobody waits any more."""
        process = await asyncio.create_subprocess_exec(
            self._settings.program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate(text.encode(errors="replace"))
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, errors[-2000:]

    def _voices(self) -> list[str]:
        language = self._settings.language.lower()
        return list(dict.fromkeys([language, language.partition("-")[0], "en"]))

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self._settings.language}\n{text}".encode(errors="replace")).hexdigest()[:32]

    def _forget_oldest(self, folder: Path) -> None:
        files = sorted(folder.glob("*.wav"), key=lambda file: file.stat().st_mtime)
        for file in files[: max(0, len(files) - self._settings.files)]:
            file.unlink(missing_ok=True)

    def _complain(self, complaint: str) -> None:
        """Log a fault once, and again only when it is another one."""
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("%s", complaint)
