"""docs/install.md agrees with the board files, the config's schema and the commands that there are."""

import re
from pathlib import Path

import pytest
import yaml
from gpiozero.pins.mock import MockFactory

from imagebuild.lint.wiring import pins_of
from offhook.cli import main
from offhook.config.load import load, load_board
from offhook.config.overlays import overlay_pins

DOCUMENT = Path("docs/install.md").read_text()
BOARDS = re.findall(r"^### .* \(`([a-z0-9-]+)`\)$", DOCUMENT, re.MULTILINE)
MARK = "†"


def section(title: str) -> str:
    """The text below a heading, up to the next of the same or a higher level."""
    start = re.search(rf"^(#+) .*{re.escape(title)}.*$", DOCUMENT, re.MULTILINE)
    assert start is not None, title
    rest = DOCUMENT[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def wiring(text: str) -> dict[int, int]:
    """BCM number to header pin, as a table says it."""
    return {int(bcm): int(pin) for bcm, pin in re.findall(r"^\|[^|]+\| GPIO(\d+) \| pin (\d+) \|", text, re.MULTILINE)}


def names_of(text: str) -> dict[int, str]:
    rows = re.findall(r"^\| ([^|]+) \| GPIO(\d+) \|", text, re.MULTILINE)
    return {int(bcm): name for name, bcm in rows}


def commands() -> list[str]:
    """Every line of a shell block, and every command in the table of checks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    rows = [row.split("|")[2] for row in section("6. Check").splitlines() if row.startswith("| ")][1:]
    return [*lines, *rows]


def test_both_boards_are_described() -> None:
    assert BOARDS == ["usb-handset-4x3", "wm8960-hat-4x4"]


@pytest.mark.parametrize("board", BOARDS)
def test_the_wiring_table_is_that_of_the_board_file(board: str) -> None:
    header = {
        int(pin.name[4:]): number
        for number, pin in MockFactory().board_info.headers["J8"].pins.items()
        if pin.name.startswith("GPIO")
    }
    pins = pins_of(load_board(Path(f"boardconfig/{board}.yaml").read_text()))
    table = section(f"(`{board}`)")
    assert wiring(table) == {pin: header[pin] for pin in pins}
    for pin, name in names_of(table).items():
        words = {"matrix.rows": "keypad row", "matrix.columns": "keypad column", "hook": "hook", "ringer": "buzzer"}
        setting = pins[pin]
        word = next(
            (word for start, word in words.items() if setting.startswith(start)), setting.partition("[")[0][:-1]
        )
        assert word in name, f"GPIO{pin} is {setting} in the board file and {name!r} in the table"


def test_the_pins_that_the_hat_takes_are_those_of_its_overlay() -> None:
    told = re.search(r"It takes BCM ([\d, and]+),", section("(`wm8960-hat-4x4`)"))
    assert told is not None
    assert {int(number) for number in re.findall(r"\d+", told[1])} == overlay_pins("wm8960-soundcard")


def test_the_config_in_it_has_no_fault() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", section("3. The config"), re.MULTILINE | re.DOTALL)
    assert load(text).accounts[0].name == "home"


def test_the_mixer_in_it_has_no_fault() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", section("Volume and what is muted"), re.MULTILINE | re.DOTALL)
    (config,) = re.findall(r"^```yaml\n(.*?)^```", section("3. The config"), re.MULTILINE | re.DOTALL)
    assert load(config + text).audio.mixer["Mic"].capture == 60


def test_what_the_boot_file_adds_names_a_board_that_there_is() -> None:
    (block,) = re.findall(r"^   ```yaml\n(.*?)^   ```", DOCUMENT, re.MULTILINE | re.DOTALL)
    settings = yaml.safe_load(block)
    assert set(settings) == {"board", "network", "ssh"}
    assert settings["board"] in BOARDS


def test_every_command_of_ours_is_one() -> None:
    ours = {words for line in commands() for words in re.findall(r"\boffhook (check|status|[a-z]+) ?(--board)?", line)}
    verbs = {verb for verb, _ in ours if verb not in ("on", "now")}
    assert {"check", "status"} <= verbs
    for verb in verbs:
        with pytest.raises(SystemExit) as left:
            main([verb, "--help"])
        assert left.value.code == 0


@pytest.mark.parametrize("word", ["dtoverlay", "amixer", "speaker-test", "aplay -l", "gpioinfo", "reboot"])
def test_what_wants_hardware_is_marked_as_not_yet_tried_on_it(word: str) -> None:
    lines = [line for line in commands() if word in line]
    assert lines
    assert all(MARK in line for line in lines)


def test_links_lead_to_files_that_are_there() -> None:
    missing = [link for link in re.findall(r"\]\(([^)#:]+)\)", DOCUMENT) if not (Path("docs") / link).exists()]
    assert set(missing) <= {"first-boot.md", "packages.md"}
