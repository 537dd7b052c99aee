import re
from pathlib import Path

from offhook.phone.diagram import state_diagram

ROOT = Path(__file__).resolve().parents[2]


def test_the_drawing_of_the_phone_machine_is_the_table() -> None:
    assert f"```mermaid\n{state_diagram()}```" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_room_is_on_the_map() -> None:
    rooms = {path.name for path in (ROOT / "firmware" / "offhook").iterdir() if (path / "__init__.py").exists()}
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert {room for room in rooms if f"| `{room}` |" not in text} == set()


def test_every_file_that_the_readme_links_to_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
