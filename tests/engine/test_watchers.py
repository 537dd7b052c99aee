import pytest

from offhook.engine.observations import Observation, StateSeen
from offhook.engine.watchers import Watchers


class Notes:
    def __init__(self) -> None:
        self.seen: list[Observation] = []

    def note(self, observation: Observation) -> None:
        self.seen.append(observation)


class Broken:
    def note(self, observation: Observation) -> None:
        raise RuntimeError("on purpose")


def test_everybody_is_told_in_order() -> None:
    watchers, one, two = Watchers(), Notes(), Notes()
    watchers.add(one)
    watchers.add(two)
    watchers.note(StateSeen("RINGING"))
    watchers.remove(one)
    watchers.remove(one)
    watchers.note(StateSeen("TALKING"))
    assert one.seen == [StateSeen("RINGING")]
    assert two.seen == [StateSeen("RINGING"), StateSeen("TALKING")]


def test_one_that_fails_is_left_out_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    watchers, notes = Watchers(), Notes()
    watchers.add(Broken())
    watchers.add(notes)
    watchers.note(StateSeen("RINGING"))
    watchers.note(StateSeen("TALKING"))
    assert len(notes.seen) == 2
    assert len(caplog.records) == 1
