"""What dpkg calls at an upgrade: the phone that runs keeps its files, and nobody's call is cut off."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from imagebuild.debpackage import SCRIPTS

PACKAGE = Path(__file__).resolve().parents[2] / "image-build" / "package"


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_maintainer_scripts_are_shell(name: str) -> None:
    checked = subprocess.run(["sh", "-n", str(PACKAGE / name)], capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    assert "set -e\n" in (PACKAGE / name).read_text()


def test_purging_is_the_only_way_that_takes_config_or_state_away() -> None:
    others = "".join((PACKAGE / name).read_text() for name in SCRIPTS if name != "postrm")
    assert set(re.findall(r"\brm .*", others)) == {'rm -rf "$KEPT.$pid"', 'rm -rf "$kept"'}
    script = (PACKAGE / "postrm").read_text()
    assert script.index('if [ "$1" = purge ]') < script.index("rm -rf /etc/offhook")


@pytest.mark.peer
def test_a_phone_that_runs_keeps_the_files_of_its_version(tmp_path: Path) -> None:
    """The script of the package, with a process in a mount namespace of its own in the place of the phone."""
    home = tmp_path / "offhook"
    (home / "lib").mkdir(parents=True)
    (home / "lib/module.py").write_text("old")
    phone = subprocess.Popen(["unshare", "--mount", "--propagation=slave", "sleep", "600"])
    kept = tmp_path / f"offhook.kept.{phone.pid}"
    try:
        stub = Systemctl(tmp_path / "bin")
        stub.says(MainPID=phone.pid)
        text = (PACKAGE / "preinst").read_text().replace("/usr/lib/offhook", str(home))
        script = tmp_path / "preinst"
        script.write_text(text.replace("/run/systemd/system", str(tmp_path)))
        _until_apart(phone.pid)

        def upgrade(version: str) -> str:
            """Do what dpkg does: each new file takes the place of the old one by a rename, others go."""
            said = subprocess.run(
                ["sh", str(script), "upgrade", "1"], env=stub.env, check=True, capture_output=True, text=True
            )
            (home / "lib/new").write_text(version)
            (home / "lib/new").rename(home / "lib/module.py")
            return said.stdout + said.stderr

        def seen() -> str:
            view = ["nsenter", "--target", str(phone.pid), "--mount", "cat", str(home / "lib/module.py")]
            return subprocess.run(view, check=True, capture_output=True, text=True).stdout

        for version in ("new", "newer"):  # the phone may outlive more than one
            assert upgrade(version) == ""
            assert seen() == "old"
            assert (home / "lib/module.py").read_text() == version
            assert (kept / "lib/module.py").read_text() == "old"
            # No restart of the phone may fall among files of two versions; postinst asks for it again.
            assert stub.told()[0] == "stop offhook-restart.service"
        stub.says(MainPID=os.getpid())
        assert "restart it soon" in upgrade("newest"), "nothing is mounted where everybody would see it"
        stub.says(MainPID=0)
        assert upgrade("last") == ""
        assert not os.path.ismount(home)
    finally:
        phone.kill()
        phone.wait()


def test_files_that_a_phone_still_runs_by_are_not_removed(tmp_path: Path) -> None:
    """The function of postinst, where a policy has kept the phone from its restart, and where it has ended."""
    stub = Systemctl(tmp_path / "bin")
    script = f"{function('forget').replace('/usr/lib/offhook', str(tmp_path / 'offhook'))}forget\n"
    for pid, stays in ((17, {"offhook.kept.17"}), (18, set())):
        for name in ("offhook.kept.17", "offhook.kept.16"):
            (tmp_path / name / "lib").mkdir(parents=True, exist_ok=True)
        stub.says(MainPID=pid)
        for _ in range(2):
            subprocess.run(["sh", "-e", "-c", script], env=stub.env, check=True)
            assert {path.name for path in tmp_path.glob("offhook.kept.*")} == stays


@pytest.mark.parametrize(
    ("state", "look", "used"),
    [
        ("inactive", 0, False),
        ("failed", 0, False),
        ("active", 0, False),
        ("active", 1, True),
        ("activating", 0, True),  # its handset works before it can be asked
        ("deactivating", 0, True),
        ("reloading", 0, True),
    ],
)
def test_a_phone_is_restarted_at_once_only_where_nobody_can_be_using_it(
    state: str, look: int, used: bool, tmp_path: Path
) -> None:
    stub = Systemctl(tmp_path / "bin")
    stub.says(ActiveState=state)
    offhook = tmp_path / "bin/offhook"
    offhook.write_text(f"#!/bin/sh\necho somebody talks\nexit {look}\n")
    offhook.chmod(0o755)
    script = f'{function("in_use")}if in_use; then echo "${{reason:-none}}"; else echo unused; fi\n'
    said = subprocess.run(["sh", "-e", "-c", script], env=stub.env, check=True, capture_output=True, text=True).stdout
    assert (said != "unused\n") is used
    if used:
        assert said == ("somebody talks\n" if state == "active" else "the phone starts or ends just now\n")


def function(name: str) -> str:
    """Return a function of postinst."""
    script = (PACKAGE / "postinst").read_text()
    (found,) = re.findall(rf"^{name}\(\) \{{\n.*?^\}}\n", script, re.MULTILINE | re.DOTALL)
    return str(found)


class Systemctl:
    """In the place of the program: notes what it is told, and says what it is to say."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}

    def says(self, **properties: object) -> None:
        """Let ``systemctl show --property=NAME --value`` say these, and forget what was told."""
        cases = "".join(f"*--property={name}*) echo {value} ;;\n" for name, value in properties.items())
        place = self._folder / "systemctl"
        place.write_text(f'#!/bin/sh\necho "$*" >>{self._folder}/told\ncase "$*" in\n{cases}esac\n')
        place.chmod(0o755)
        (self._folder / "told").unlink(missing_ok=True)

    def told(self) -> list[str]:
        """Return the calls since then."""
        return (self._folder / "told").read_text().splitlines()


def _until_apart(pid: int) -> None:
    """Wait until a process that was just started is in another mount namespace than this one."""
    while os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
        time.sleep(0.01)
