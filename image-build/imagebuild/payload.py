"""Everything of the Debian package but the virtual environment: which file of this tree goes where."""

import gzip
import re
import shutil
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

# For /etc/offhook, and for the card of a device, whose file names board, network and keys too.
EXAMPLES = ("example.yaml", "card-example.yaml")
UNIT_KINDS = (".service", ".path", ".timer", ".socket", ".target")
_FOLDERS = {
    "sysusers.d": "usr/lib/sysusers.d",
    "tmpfiles.d": "usr/lib/tmpfiles.d",
    "udev": "usr/lib/udev/rules.d",
}


@dataclass(frozen=True, slots=True)
class Units:
    """The units of ``systemd/``: all of them, and those that are started with the machine."""

    all: tuple[str, ...]
    enabled: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> "Units":
        """Find them by their names; one with an ``[Install]`` section is enabled when the package is installed."""
        found = sorted(path for path in folder.iterdir() if path.suffix in UNIT_KINDS)
        enabled = (path.name for path in found if re.search(r"^\[Install\]", path.read_text(), re.MULTILINE))
        return cls(tuple(path.name for path in found), tuple(enabled))


class Payload:
    """Lays the files of a source tree into the tree of a package."""

    def __init__(self, source: Path, target: Path) -> None:
        """``source``: the checkout; ``target``: what will be the root of the device."""
        self._source, self._target = source, target
        self.units = Units.of(source / "systemd")

    def lay(self, site: Path) -> None:
        """Copy all of it. ``site``: the site-packages whose licences are told."""
        self._file(self._source / "image-build" / "package" / "offhook", "usr/bin/offhook", 0o755)
        for name in self.units.all:
            self._file(self._source / "systemd" / name, f"usr/lib/systemd/system/{name}")
        for folder, place in _FOLDERS.items():
            for path in sorted((self._source / "systemd" / folder).glob("*")):
                self._file(path, f"{place}/{path.name}")
        for path in sorted((self._source / "boardconfig").glob("*.yaml")):
            self._file(path, f"usr/share/offhook/boards/{path.name}")
        for name in EXAMPLES:
            self._file(self._source / "image-build" / "package" / name, f"usr/share/offhook/{name}")
        self._documents(site)

    def _documents(self, site: Path) -> None:
        place = "usr/share/doc/offhook"
        self._file(self._source / "README.md", f"{place}/README.md")
        for path in sorted((self._source / "docs").glob("*.md")):
            self._file(path, f"{place}/{path.name}")
        changelog = gzip.compress((self._source / "CHANGELOG.md").read_bytes(), mtime=0)
        (self._target / place / "changelog.gz").write_bytes(changelog)
        licence = (self._source / "LICENSE").read_text()
        (self._target / place / "copyright").write_text(f"{licence}\n{bundled_licences(site)}")

    def _file(self, source: Path, place: str, mode: int = 0o644) -> None:
        target = self._target / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(mode)


def bundled_licences(site: Path) -> str:
    """Return what other packages' own metadata says of their licences, one line each."""
    lines = [
        "",
        "The private environment /usr/lib/offhook holds these packages too, each under its own licence; the texts",
    ]
    lines.append("that came with them lie in their *.dist-info folders.")
    lines.append("")
    for path in sorted(site.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        licence = fields["License-Expression"] or _classifier(fields.get_all("Classifier", []))
        licence = licence or (fields["License"] or "see its folder").splitlines()[0]
        lines.append(f"  {fields['Name']} {fields['Version']}: {licence}")
    return "\n".join(lines) + "\n"


def _classifier(classifiers: list[str]) -> str:
    return ", ".join(line.split(" :: ")[-1] for line in classifiers if line.startswith("License ::"))
