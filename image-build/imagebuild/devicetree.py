"""The device tree of the arm64 virtual phone: QEMU's ``virt`` machine, dressed as a Raspberry Pi.

It has the board's revision and serial number, by which gpiozero knows the pins, and 54 simulated GPIO lines that carry
the label of the Raspberry Pi's own chip.
"""

import re
from pathlib import Path

from imagebuild.command import run
from imagebuild.errors import BuildError

REVISION = 0x902120  # Zero 2 W 1.0, 512 MB (Raspberry Pi documentation, "new-style revision codes")
CHIP_LABEL = "pinctrl-bcm2835"
LINES = 54

_DROPPED = ("gpio-keys", "pl061@9030000")  # QEMU's own GPIO chip would be the first one


def without_node(source: str, name: str) -> str:
    """A device tree source without the node ``name`` and what is in it; raises BuildError where it is not there."""
    start = re.search(rf"^[ \t]*{re.escape(name)} \{{", source, re.MULTILINE)
    if start is None:
        raise BuildError(f"QEMU's device tree has no node {name}: look at devicetree.py again")
    depth, position = 1, start.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(source[position], 0)
        position += 1
    return source[: start.start()] + source[source.index("\n", position) + 1 :]


def as_raspberry_pi(source: str, serial: str) -> str:
    """Turn the source of QEMU's tree into that of the virtual phone; ``serial`` is what each device has for itself."""
    for name in _DROPPED:
        source = without_node(source, name)
    source = re.sub(r'model = "[^"]*";', 'model = "Raspberry Pi Zero 2 W (virtual phone)";', source, count=1)
    names = ", ".join(f'"GPIO{line}"' for line in range(LINES))
    added = f"""
	serial-number = "{serial}";

	system {{
		linux,revision = <{REVISION:#x}>;
	}};

	gpio-sim {{
		compatible = "gpio-simulator";

		bank0 {{
			gpio-controller;
			#gpio-cells = <2>;
			ngpios = <{LINES}>;
			gpio-sim,label = "{CHIP_LABEL}";
			gpio-line-names = {names};
		}};
	}};
"""
    # Properties come before nodes: the serial number goes in at the start of the root.
    head, rest = source.split("/ {\n", 1)
    properties, nodes = added.split("\n\n", 1)
    end = rest.rindex("};")
    return f"{head}/ {{{properties}\n{rest[:end]}{nodes}{rest[end:]}"


class DeviceTree:
    """Made for one machine: it must fit its processors and memory."""

    def __init__(self, machine: list[str], serial: str) -> None:
        """``machine``: QEMU's program and the options that choose machine, processor and memory."""
        self._machine = machine
        self._serial = serial

    def write(self, path: Path) -> None:
        """Write the blob. Raises BuildError."""
        dumped = path.with_suffix(".qemu")
        program, kind, *rest = self._machine
        index = rest.index("virt")
        rest[index] = f"virt,dumpdtb={dumped}"
        run([program, kind, *rest, "-nodefaults", "-display", "none"])
        source = run(["dtc", "-q", "-I", "dtb", "-O", "dts", dumped])
        dumped.unlink()
        run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", path], stdin=as_raspberry_pi(source, self._serial))
