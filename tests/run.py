"""The whole suite in several pytest processes side by side, each in a network namespace of its own.

``./dev test`` without arguments is ``python -m tests.run all PREFIX...``; ``./dev check`` uses ``unit``.
PREFIX are the words before a command that put it into such a namespace. What is found is what runs: a test that no
process ran, or that two ran, fails the whole. Where up to three tests failed, all of those that live in real time
(peers, browser, virtual phone, speech), they run once more in the end, alone. One that passes then counts as passed and
is named as unsteady, for it is a fault of the test or of the phone all the same; a second failure stands. The last line
is ``N passed, N failed, N skipped``.
"""

import asyncio
import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.shards import BROWSER, PEERS, PHONE, SPEECH, UNIT, Shards
from tests.support.verdict import Record, Verdict, add_up

ROOT = Path(__file__).resolve().parents[1]
UNITS = (f"{UNIT} 1", f"{UNIT} 2")
# What stands in one row runs one after the other, the rows side by side. Unit tests give way: only calls have a clock.
ROWS = {"unit": [[name] for name in UNITS], "all": [[*UNITS, BROWSER], *([name] for name in PEERS), [PHONE]]}
IN_REAL_TIME = (BROWSER, *PEERS, PHONE, SPEECH)
LAST = {"unit": [], "all": [[SPEECH]]}  # once the rows are through
GIVES_WAY = ["nice", "-n", "5"]
ARCH = "amd64"
IMAGE = ROOT / "build" / "image" / ARCH
# What the virtual phone is built by, one after the other: its package, and the disk with that package in it.
BUILDS = {"package": ("deb", "--arch", ARCH), "disk of the virtual phone": ("image", "--arch", ARCH)}
TRIAL = {"package tried in a root": ("deb", "--arch", ARCH, "--try")}
SHOWN = 20
REPEATED = 3  # more failures than these are no accident


class Suite:
    """One run of it; ``mode`` is ``unit`` or ``all``, ``prefix`` leads into a network namespace."""

    def __init__(self, mode: str, prefix: Sequence[str]) -> None:
        self._mode, self._prefix = mode, list(prefix)
        self._shards = Shards(ROOT)
        self._folder = ROOT / ".cache" / "tests" / mode
        self._exits: dict[str, int] = {}

    async def run(self) -> int:
        """Run everything; returns the exit status."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        for rows in (ROWS[self._mode], LAST[self._mode]):
            async with asyncio.TaskGroup() as group:
                for row in rows:
                    group.create_task(self._run_row(row))
        repeated = await self._repeat(self._verdict().failed)
        return self._conclude(self._verdict(repeated))

    async def _run_row(self, row: Sequence[str]) -> None:
        for name in row:
            builds = name == PHONE and self._shards.needs_image
            if builds:
                await self._build(BUILDS)  # its tests say what became of it
            if self._shards.are_in(name):
                await self._run_shard(name)
            if builds:
                await self._build(TRIAL)

    async def _build(self, steps: Mapping[str, Sequence[str]]) -> None:
        """Build with the network that tests do not have; a faulty package gets no disk."""
        for name, arguments in steps.items():
            await self._run_process(name, [*GIVES_WAY, sys.executable, "-m", "imagebuild", *arguments], {})
            if self._exits[name] != 0:
                return

    async def _repeat(self, failed: Sequence[str]) -> dict[str, str]:
        """Run failed tests of real time again, one shard after the other; returns what became of them."""
        homes = {test: self._home(test) for test in failed}
        if not 0 < len(failed) <= REPEATED or not all(name in IN_REAL_TIME for name in homes.values()):
            return {}
        outcomes: dict[str, str] = {}
        for name in dict.fromkeys(homes.values()):
            again = f"{name}, again"
            await self._run_shard(name, again, [test for test, home in homes.items() if home == name])
            del self._exits[again]
            if self._record(again).exists():
                outcomes |= json.loads(self._record(again).read_text())["outcomes"]
        return outcomes

    def _home(self, test: str) -> str:
        """The shard in which a test ran; empty for a file that could not be read, and for a test that did not run."""
        return next((name for name, record in self._records().items() if test in record["outcomes"]), "")

    async def _run_shard(self, name: str, title: str = "", tests: Sequence[str] = ()) -> None:
        """Run a shard, or some tests of it."""
        env = {"OFFHOOK_VM_IMAGE": str(IMAGE)} if name == PHONE else {}
        options = ["--shard", name, "--record", str(self._record(title or name)), "-p", "no:cacheprovider"]
        command = [*self._prefix, *(GIVES_WAY if name in UNITS and self._mode == "all" else [])]
        command += [sys.executable, "-m", "pytest", *options, *(tests or self._shards.files(name))]
        await self._run_process(title or name, command, env)

    async def _run_process(self, name: str, command: Sequence[str], env: dict[str, str]) -> None:
        """Run to the end; then show all that it said in one piece."""
        log = self._folder / f"{name}.log"
        begin = time.monotonic()
        print(f"-- {name}: begins", flush=True)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **env},
                start_new_session=True,  # Ctrl-C comes from us, once: a second one would cut the tests' clean-up short
            )
        try:
            self._exits[name] = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            await process.wait()
            raise
        print(f"\n-- {name}: {time.monotonic() - begin:.0f} s", flush=True)
        print(log.read_text(errors="replace").rstrip(), flush=True)

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _names(self) -> list[str]:
        """The shards of this mode."""
        shards = [name for rows in (ROWS[self._mode], LAST[self._mode]) for row in rows for name in row]
        return [name for name in shards if self._shards.are_in(name)]

    def _records(self) -> dict[str, Record]:
        """What the shards wrote down."""
        paths = {name: self._record(name) for name in self._names()}
        return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}

    def _verdict(self, repeated: Mapping[str, str] | None = None) -> Verdict:
        return add_up(self._records(), self._exits, self._names(), repeated)

    @staticmethod
    def _conclude(verdict: Verdict) -> int:
        """Say what it all adds up to."""
        print()
        for fault in verdict.faults[:SHOWN]:
            print(f"-- {fault}")
        if len(verdict.faults) > SHOWN:
            print(f"-- and {len(verdict.faults) - SHOWN} more like these")
        for test in verdict.unsteady:
            print(f"-- unsteady: failed, and passed when repeated alone: {test}")
        if verdict.failed:
            print(f"-- again: ./dev test {' '.join(map(shlex.quote, verdict.failed[:SHOWN]))}")
        print(verdict.line, flush=True)
        return 0 if verdict.is_fine else 1


async def run(mode: str, prefix: Sequence[str]) -> int:
    """Run the suite; SIGTERM ends it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await Suite(mode, prefix).run()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs would not hear it
    try:
        sys.exit(asyncio.run(run(sys.argv[1], sys.argv[2:])))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
