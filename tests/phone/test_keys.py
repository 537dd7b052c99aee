from offhook.phone.events import Event, KeyDown, KeyUp
from offhook.phone.keys import Cell, KeyContacts, KeyMatrix

LAYOUT = ("123A", "456B", "789C", "*0#D")


class Scanner:
    """Scans a matrix every 5 ms."""

    def __init__(self) -> None:
        self.matrix = KeyMatrix(LAYOUT)  # type: ignore[arg-type]
        self.t = 1.0

    def scan(self, *steps: tuple[int, set[Cell]]) -> list[Event]:
        """Each step gives how many times, and which cells are closed."""
        events: list[Event] = []
        for count, closed in steps:
            for _ in range(count):
                events += [timed.event for timed in self.matrix.scan(frozenset(closed), self.t)]
                self.t += 0.005
        return events


def test_a_pressed_cell_is_its_key() -> None:
    assert Scanner().scan((10, {(1, 1)}), (10, set())) == [KeyDown("5"), KeyUp("5")]


def test_a_bouncing_key_is_one_press() -> None:
    keys = Scanner()
    bouncing = [(1, {(3, 2)}), (1, set())] * 3
    assert keys.scan(*bouncing, (10, {(3, 2)}), *bouncing, (10, set())) == [KeyDown("#"), KeyUp("#")]
    assert keys.matrix.at_rest


def test_two_keys_roll_over() -> None:
    events = Scanner().scan((4, {(0, 0)}), (10, {(0, 0), (1, 1)}), (10, {(1, 1)}), (10, set()))
    assert events == [KeyDown("1"), KeyDown("5"), KeyUp("1"), KeyUp("5")]


def test_three_corners_do_not_press_the_fourth() -> None:
    events = Scanner().scan((4, {(0, 0), (0, 1)}), (20, {(0, 0), (0, 1), (1, 0), (1, 1)}))
    assert events == [KeyDown("1"), KeyDown("2")]


def test_three_keys_at_once_press_nothing_until_one_is_let_go() -> None:
    rectangle: set[Cell] = {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert Scanner().scan((20, rectangle)) == []
    assert Scanner().scan((4, rectangle), (10, {(0, 0)})) == [KeyDown("1")]


def test_a_row_of_three_is_no_rectangle() -> None:
    assert len(Scanner().scan((10, {(0, 0), (0, 1), (0, 2)}))) == 3


def test_single_contacts_are_timed_by_their_edges() -> None:
    keys = KeyContacts(["1", "2"])
    events = keys.edge("1", True, 1.0) + keys.edge("2", True, 1.1)
    events += keys.edge("2", False, 1.2) + keys.edge("1", False, 1.3) + keys.tick(5.0)
    told = {(timed.event, timed.t) for timed in events}
    assert told == {(KeyDown("1"), 1.0), (KeyDown("2"), 1.1), (KeyUp("2"), 1.2), (KeyUp("1"), 1.3)}
    assert keys.at_rest
    assert keys.deadline() is None
