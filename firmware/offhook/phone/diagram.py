"""Draws the phone machine's table as a Mermaid state diagram."""

from collections.abc import Iterator

from offhook.phone.states import State
from offhook.phone.transitions import ASIDE, TRANSITIONS


def state_diagram() -> str:
    """Return the text of a Mermaid ``stateDiagram-v2``: one arrow for each pair of states, labelled with its events."""
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.ON_HOOK.name}", *_arrows()]) + "\n"


def _arrows() -> Iterator[str]:
    for state, rows in TRANSITIONS.items():
        labels: dict[State, list[str]] = {}
        for event, row in (*rows.items(), *ASIDE[state].items()):
            for target in sorted(row.targets - {state}, key=lambda target: target.value):
                names = labels.setdefault(target, [])
                if event.__name__ not in names:
                    names.append(event.__name__)
        for target, events in labels.items():
            yield f"    {state.name} --> {target.name}: {', '.join(_by_hand(events))}"


def _by_hand(events: list[str]) -> list[str]:
    """Leave out what programs ask for where hand or line lead the same way."""
    return [event for event in events if not event.endswith("Requested")] or events
