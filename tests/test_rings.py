"""The rings hold: imports point inward only, the core has no clock, socket or thread of its own, modules stay short."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "firmware" / "offhook"
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))

PURE = {"sip", "sdp", "rtp", "dsp", "phone", "emergency", "power", "config"}
MIDDLE = {"engine", "media"}
OUTER = {"sim", "hardware", "status", "provisioning", "device"}
IMPURE_LIBRARIES = {
    *("asyncio", "socket", "ssl", "select", "selectors", "subprocess", "threading", "multiprocessing", "concurrent"),
    *("time", "random", "secrets", "logging", "aiohttp", "alsaaudio", "gpiozero", "systemd"),
}
MAY_READ_FILES = {"config"}  # text to models; the path is an argument
ALLOWED = {
    **{room: {"errors"} for room in PURE},
    "sip": {"errors", "sdp"},
    "engine": {"errors", *PURE - {"config"}, "media", "engine"},
    "media": {"errors", "rtp", "dsp"},
    **{room: {"errors", *PURE - {"config"}, *MIDDLE, *OUTER} for room in OUTER},
    "provisioning": {"errors", "config", "engine"},
    "device": {"errors", "config"},
    "daemon": {"errors", *PURE, *MIDDLE, *OUTER},
    "errors": set(),
}
LIMIT_LINES = 400


def room_of(path: Path) -> str:
    """The room a module stands in; top-level modules (``cli``, ``errors``) are rooms of their own."""
    return path.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of what a module imports at run time or for types, with line numbers."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write it in full"
            for alias in node.names:
                yield (f"{node.module}.{alias.name}", node.lineno)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_inward(path: Path) -> None:
    room = room_of(path)
    if room.startswith(("cli", "__")):
        return  # the outermost ring may import all
    assert room in ALLOWED, f"{room} is a new room: say here what it may import"
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "offhook":
            target = parts[1] if len(parts) > 1 else ""
            allowed = ALLOWED[room] | {room, "__version__"}
            assert target in allowed, f"{path}:{line}: {room} may not import {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) in PURE], ids=str)
def test_the_core_is_pure(path: Path) -> None:
    for name, line in imports(path):
        library = name.split(".")[0]
        assert library not in IMPURE_LIBRARIES, f"{path}:{line}: the core does not import {library}"
        if library == "os":
            assert room_of(path) in MAY_READ_FILES, f"{path}:{line}: the core does not import os"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = (ROOT / path).read_text()
    if path.name not in ("number_table.py", "region_table.py", "plan_table.py"):  # generated data
        assert text.count("\n") <= LIMIT_LINES, f"{path} has more than {LIMIT_LINES} lines: split it"
    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=str)
def test_packages_import_nothing(path: Path) -> None:
    found = [name for name, _ in imports(path)]
    assert not found, f"{path} imports {found}: start-up time is counted"


def test_everything_but_cards_and_pins_themselves_runs_without_what_must_be_compiled() -> None:
    names = [".".join(("offhook", *path.with_suffix("").parts)).removesuffix(".__init__") for path in MODULES]
    compiled = ("alsaaudio", "systemd", "lgpio", "gpiod")
    on_the_device = {
        "offhook.media.pcm",
        "offhook.media.alsa",
        "offhook.media.mixer",
        "offhook.hardware.gpiodpin",
        "offhook.hardware.gpiodpins",
    }
    wanted = [name for name in names if name not in on_the_device | {"offhook.__main__"}]
    code = f"import importlib, sys\nfor name in {compiled}: sys.modules[name] = None\n"
    code += f"for name in {wanted}: importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr


def environment() -> dict[str, str]:
    """The environment in which ``offhook`` can be imported."""
    return {**os.environ, "PYTHONPATH": str(ROOT.parent)}
