from offhook.phone.diagram import state_diagram
from offhook.phone.states import State


def test_the_diagram_shows_every_state_and_the_way_from_lift_to_talk() -> None:
    lines = state_diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> ON_HOOK"]
    assert "    ON_HOOK --> DIAL_TONE: HookLifted" in lines
    assert "    RINGBACK --> TALKING: HookFlash, CallAnswered" in lines
    for state in State:
        assert any(f"--> {state.name}" in line for line in lines)
