"""Which pytest process runs which test where ``tests/run.py`` runs several side by side.

A shard is a set of tests with a name. Every test is in exactly one: :meth:`Shards.of` is a function of its id and its
marks, and nothing else. Tests with real peers mostly wait, so several shards of them share two cores; files go to the
lighter shard, the longest first, by the seconds that they were seen to take.
"""

import re
from collections.abc import Collection
from pathlib import Path

UNIT, BROWSER, PHONE = "unit", "browser", "virtual phone"
PEERS = ("peers 1", "peers 2")

# Real calls that are judged by ear (PESQ): they come last, one by one, with the machine to themselves.
SPEECH = "speech"
BY_EAR = ("tests/e2e/test_speech.py", "tests/e2e/test_peers.py::test_baresip_talks")

# Seconds that the tests with peers of a file take, about. What is not here is taken for UNMEASURED_S.
SECONDS = {
    "tests/e2e/test_sipp_scenarios.py": 210,
    "tests/e2e/test_interop.py": 185,
    "tests/e2e/test_emergency.py": 100,
    "tests/e2e/test_sipp.py": 95,
    "tests/e2e/test_calls.py": 90,
    "tests/e2e/test_network.py": 90,
    "tests/e2e/test_registration.py": 75,
    "tests/media/test_process.py": 65,
    "tests/e2e/test_provisioning.py": 60,
    "tests/e2e/test_scanners.py": 60,
    "tests/e2e/test_hostile.py": 55,
    "tests/e2e/test_control.py": 50,
    "tests/e2e/test_lifecycle.py": 50,
    "tests/e2e/test_proxies.py": 50,
    "tests/e2e/test_contract.py": 45,
    "tests/e2e/test_power.py": 45,
    "tests/e2e/test_peers.py": 40,
    "tests/e2e/test_torture.py": 40,
    "tests/e2e/test_transfers.py": 35,
    "tests/e2e/test_cards.py": 30,
    "tests/e2e/test_many_calls.py": 25,
    "tests/dsp/test_playout.py": 20,
    "tests/e2e/test_sipsak.py": 20,
    "tests/dsp/test_conceal.py": 15,
    "tests/e2e/test_silence.py": 10,
    "tests/engine/test_network.py": 1,
    "tests/engine/test_prompter.py": 1,
    "tests/systemd/test_unit.py": 1,
}
UNMEASURED_S = 15

# Unit tests in two halves of about the same length: these folders, and all others.
FIRST_HALF = ("engine", "phone", "sip")
_MARKED = re.compile(r"\bmark\.(peer|browser|vm)\b")


class Shards:
    """The shards of the tests under ``root`` (the folder that contains ``tests``)."""

    def __init__(self, root: Path) -> None:
        """Read which test files speak of which mark. Raises OSError."""
        self._files: dict[str, set[str]] = {"peer": set(), "browser": set(), "vm": set()}
        for path in sorted((root / "tests").rglob("test_*.py")):
            for mark in _MARKED.findall(path.read_text(encoding="utf-8")):
                self._files[mark].add(path.relative_to(root).as_posix())
        self._peers = self._spread(self._files["peer"] - {file for file in BY_EAR if "::" not in file})

    @staticmethod
    def _spread(files: Collection[str]) -> dict[str, str]:
        """Give each file to the shard that has the least to do so far."""
        load = dict.fromkeys(PEERS, 0.0)
        found: dict[str, str] = {}
        for file in sorted(files, key=lambda file: (-SECONDS.get(file, UNMEASURED_S), file)):
            lightest = min(PEERS, key=lambda name: load[name])
            load[lightest] += SECONDS.get(file, UNMEASURED_S)
            found[file] = lightest
        return found

    def of(self, test: str, marks: Collection[str]) -> str:
        """The shard of a test, by its id (``tests/sip/test_uri.py::test_...``) and its marks."""
        if "vm" in marks:
            return PHONE
        if "browser" in marks:
            return BROWSER
        if "peer" in marks:
            if test.startswith(BY_EAR):
                return SPEECH
            return self._peers.get(test.partition("::")[0], PEERS[0])
        return UNIT + (" 1" if test.split("/")[1] in FIRST_HALF else " 2")

    def files(self, shard: str) -> list[str]:
        """The files that a process must read to find this shard's tests; empty: all of them."""
        if shard == PHONE:
            return sorted(self._files["vm"])
        if shard == BROWSER:
            return sorted(self._files["browser"])
        if shard in PEERS:
            return sorted(file for file, found in self._peers.items() if found == shard)
        if shard == SPEECH:
            return sorted(beginning.partition("::")[0] for beginning in BY_EAR)
        return [f"tests/{folder}" for folder in FIRST_HALF] if shard == f"{UNIT} 1" else []

    def are_in(self, shard: str) -> bool:
        """Whether there are tests in a shard."""
        return shard != PHONE or bool(self._files["vm"])

    @property
    def needs_image(self) -> bool:
        """Whether there are tests that boot the virtual phone: those in ``tests/vm``."""
        return any(file.startswith("tests/vm/") for file in self._files["vm"])
