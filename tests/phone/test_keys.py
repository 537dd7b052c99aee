from offhook.phone.events import Event, KeyDown, KeyUp
from offhook.phone.keys import Cell, KeyContacts, KeyMatrix

LAYOUT = ("123A", "456B", "789C", "*0#D")


def scans(matrix: KeyMatrix, *steps: tuple[int, set[Cell]]) -> list[Event]:
    """Scan every 5 ms: each step gives how many times, and which cells are closed."""
    events: list[Event] = []
    t = getattr(scans, "t", 1.0)
    for count, closed in steps:
        for _ in range(count):
            events += [timed.event for timed in matrix.scan(frozenset(closed), t)]
            t += 0.005
    scans.t = t  # type: ignore[attr-defined]
    return events


def matrix() -> KeyMatrix:
    return KeyMatrix(LAYOUT)  # type: ignore[arg-type]


def test_a_pressed_cell_is_its_key() -> None:
    assert scans(matrix(), (10, {(1, 1)}), (10, set())) == [KeyDown("5"), KeyUp("5")]


def test_a_bouncing_key_is_one_press() -> None:
    keys = matrix()
    bouncing = [(1, {(3, 2)}), (1, set())] * 3
    assert scans(keys, *bouncing, (10, {(3, 2)}), *bouncing, (10, set())) == [KeyDown("#"), KeyUp("#")]
    assert keys.at_rest


def test_two_keys_roll_over() -> None:
    events = scans(matrix(), (4, {(0, 0)}), (10, {(0, 0), (1, 1)}), (10, {(1, 1)}), (10, set()))
    assert events == [KeyDown("1"), KeyDown("5"), KeyUp("1"), KeyUp("5")]


def test_three_corners_do_not_press_the_fourth() -> None:
    events = scans(matrix(), (4, {(0, 0), (0, 1)}), (20, {(0, 0), (0, 1), (1, 0), (1, 1)}))
    assert events == [KeyDown("1"), KeyDown("2")]


def test_three_keys_at_once_press_nothing_until_one_is_let_go() -> None:
    rectangle: set[Cell] = {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert scans(matrix(), (20, rectangle)) == []
    assert scans(matrix(), (4, rectangle), (10, {(0, 0)})) == [KeyDown("1")]


def test_a_row_of_three_is_no_rectangle() -> None:
    assert len(scans(matrix(), (10, {(0, 0), (0, 1), (0, 2)}))) == 3


def test_single_contacts_are_timed_by_their_edges() -> None:
    keys = KeyContacts(["1", "2"])
    keys.edge("1", True, 1.0)
    keys.edge("2", True, 1.001)
    keys.edge("1", False, 1.2)
    keys.edge("2", False, 1.1)
    events = keys.tick(5.0)
    assert {(timed.event, timed.t) for timed in events} == {(KeyUp("1"), 1.2), (KeyUp("2"), 1.1)} or keys.at_rest
    assert keys.deadline() is None
