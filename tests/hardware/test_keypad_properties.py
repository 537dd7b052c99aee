"""Whatever fingers do on a matrix: no key is told that is not pressed, no two rows are driven against each other."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.phone.events import KeyDown, KeyUp
from tests.support.listener import Notebook, simulated
from tests.support.virtual_loop import run

KEYS = "123A456B789C*0#D"
PRESS = st.tuples(
    st.floats(0.0, 1.0),  # begin
    st.sampled_from(KEYS),
    st.floats(0.0, 0.5),  # how long
    st.lists(st.floats(0.0, 0.012), max_size=4).map(sorted),  # bounces after the begin
)


@given(st.lists(PRESS, max_size=8))
@settings(max_examples=50, deadline=None)
def test_only_keys_that_are_pressed_are_told_and_each_comes_up(
    presses: list[tuple[float, str, float, list[float]]],
) -> None:
    async def scenario() -> None:
        board, notes, loop = simulated(), Notebook(), asyncio.get_running_loop()
        board.start(notes)
        matrix = board.settings.matrix
        assert matrix is not None
        cells = {
            key: (row.bcm, column.bcm)
            for row, names in zip(matrix.rows, matrix.layout, strict=True)
            for column, key in zip(matrix.columns, names, strict=True)
        }
        begin = loop.time() + 0.1
        for after, key, hold, bounces in presses:
            for n, bounce in enumerate(bounces):
                loop.call_at(begin + after + bounce, board.pins.join, cells[key], n % 2 == 0)
            loop.call_at(begin + after + 0.013, board.pins.join, cells[key], True)
            loop.call_at(begin + after + 0.014 + hold, board.pins.join, cells[key], False)
        await asyncio.sleep(2.0)
        down: set[str] = set()
        for event in notes.events:
            match event:
                case KeyDown(key):
                    assert key not in down
                    down.add(key)
                case KeyUp(key):
                    down.remove(key)
        assert not down
        assert {event.key for event in notes.events if isinstance(event, KeyDown)} <= {key for _, key, _, _ in presses}
        assert board.pins.short_circuits == 0
        scans = board.board.keypad.scans  # type: ignore[union-attr]
        await asyncio.sleep(600)
        assert board.board.keypad.scans == scans  # type: ignore[union-attr]
        board.close()

    run(scenario)


@given(st.sampled_from(KEYS), st.floats(0.03, 0.5), st.lists(st.floats(0.0, 0.012), max_size=6).map(sorted))
@settings(max_examples=50, deadline=None)
def test_a_key_that_is_pressed_alone_is_told_once_through_bounce(key: str, hold: float, bounces: list[float]) -> None:
    async def scenario() -> None:
        board, notes, loop = simulated(), Notebook(), asyncio.get_running_loop()
        board.start(notes)
        matrix = board.settings.matrix
        assert matrix is not None
        row = next(n for n, names in enumerate(matrix.layout) if key in names)
        cell = (matrix.rows[row].bcm, matrix.columns[matrix.layout[row].index(key)].bcm)
        for start, closed in ((0.1, True), (0.2 + hold, False)):
            for n, bounce in enumerate(bounces):
                loop.call_later(start + bounce, board.pins.join, cell, closed == (n % 2 == 0))
            loop.call_later(start + 0.013, board.pins.join, cell, closed)
        await asyncio.sleep(2.0)
        assert notes.keys == key
        board.close()

    run(scenario)
