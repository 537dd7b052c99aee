"""A package put to the test: installed, run, upgraded, removed and purged in a root of its suite, without a network."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from imagebuild.buildroot import BuildRoot, OpenRoot
from imagebuild.debian import Arch, Suite, output_of
from imagebuild.errors import BuildError

EXPOSURE_LIMIT = 2.0
_HARDENED = ("offhook.service", "offhook-poweroff.service", "offhook-restart.service")
_TREE = "/usr/src/offhook"
_CONFIG = "country: NO\nsip: {listen: '127.0.0.1:0'}\n"

# The phone on a simulated board as the user that systemd gives it, until it answers at its control socket.
_PHONE = """
mkdir -p /run/offhook /var/lib/offhook && chown offhook: /run/offhook /var/lib/offhook
cd /run/offhook
export RUNTIME_DIRECTORY=/run/offhook STATE_DIRECTORY=/var/lib/offhook
unshare --mount --propagation=unchanged setpriv --reuid offhook --regid offhook --init-groups \
    /usr/lib/offhook/bin/python -P -m offhook run --config /etc/offhook/offhook.yaml \
    --board /usr/share/offhook/boards/simulated-4x4.yaml $options >/tmp/phone.log 2>&1 &
phone=$!
for _ in $(seq 600); do
    offhook status --json >/tmp/status 2>/dev/null && break
    kill -0 $phone || { cat /tmp/phone.log; exit 1; }
    sleep 0.1
done
cd /
"""
_END = """
kill $phone && wait $phone
rm -r /run/offhook
"""

# Somebody has lifted the handset while the package is installed again. In the place of systemd is a note of what it is
# told; that the phone has a mount namespace of its own is what its unit does.
_SYSTEMCTL = """#!/bin/sh
echo "$*" >>/tmp/told
case "$*" in
*ActiveState*) echo active ;;
show*) cat /tmp/pid ;;
try-restart*) echo 0 >/tmp/pid ;;
esac
"""
_UPGRADE_IN_USE = """
echo $phone >/tmp/pid
child() { cat /proc/$phone/task/$phone/children; }
theirs() { nsenter --target $phone --mount --root stat -c %i /usr/lib/offhook/pyvenv.cfg; }
before=$(theirs)
dpkg --install /tmp/newer.deb
grep -qx -e '--no-block start offhook-restart.service' /tmp/told
if grep 'restart offhook.service' /tmp/told; then exit 1; fi
[ "$(theirs)" = "$before" ]
[ "$(stat -c %i /usr/lib/offhook/pyvenv.cfg)" != "$before" ]
sound=$(child)
kill -KILL $sound
for _ in $(seq 100); do
    [ -n "$(child)" ] && [ "$(child)" != "$sound" ] && break
    sleep 0.1
done
[ -n "$(child)" ]
[ "$(child)" != "$sound" ]
offhook status --json >/dev/null
"""
_RESTART = """
offhook restart
grep -qx 'try-restart offhook.service' /tmp/told
[ -z "$(find /usr/lib -maxdepth 1 -name 'offhook.kept*')" ]
"""


class InstallTrial:
    """Tries one package; each step is said when it has passed."""

    def __init__(self, deb: Path, source: Path, suite: Suite, arch: Arch) -> None:
        """``source``: the checkout that it was built from."""
        self._deb, self._source, self._suite, self._arch = deb, source, suite, arch

    def run(self) -> None:
        """Do all of it. Raises BuildError for the first step that does not do what it should."""
        with BuildRoot(self._suite, self._arch, needed_packages(self._deb)).open() as root:
            before = _files(root)
            for step in (
                self._install,
                self._harden,
                self._start,
                self._upgrade,
                self._upgrade_in_use,
                self._keep_disabled,
                self._remove,
                self._purge,
                self._install_from_checkout,
            ):
                step(root)
                print(f"imagebuild: {self._deb.name}: {_words(step)}: ok", file=sys.stderr, flush=True)
                if step == self._purge:
                    left = {path for path in _files(root) - before if "offhook" in path}
                    _expect(not left, f"purging leaves {sorted(left)[:5]}")

    def _install(self, root: OpenRoot) -> None:
        said = self._dpkg(root, "--install", "/tmp/offhook.deb")
        _expect(
            "copy a board file" in said and "/etc/offhook/offhook.yaml" in said, f"postinst does not advise: {said}"
        )
        _expect(root.run(["dpkg", "--audit"], capture=True) == "", "dpkg --audit complains")
        _expect(
            self._sh(root, "stat -c '%a %U %G' /etc/offhook") == "750 root offhook", "/etc/offhook has other rights"
        )
        groups = set(self._sh(root, "id -nG offhook").split())
        _expect({"offhook", "audio", "gpio", "i2c"} <= groups, f"the user is in {sorted(groups)} only")
        for unit in ("offhook.service", "offhook-poweroff.path"):
            _expect(self._sh(root, f"systemctl is-enabled {unit}") == "enabled", f"{unit} is not enabled")
        _expect(self._sh(root, "offhook --version").startswith("offhook "), "the command does not run")

    def _harden(self, root: OpenRoot) -> None:
        for unit in _HARDENED:
            place = f"/usr/lib/systemd/system/{unit}"
            said = self._sh(root, f"systemd-analyze security --offline=true --no-pager {place} 2>&1 | tail -n 1")
            found = re.search(r"exposure level for \S+: ([\d.]+)", said)
            _expect(found is not None and float(found[1]) <= EXPOSURE_LIMIT, f"too exposed: {said}")
        if self._suite.number >= 13:  # systemd 254 brought it
            root.run(["udevadm", "verify", "/usr/lib/udev/rules.d/60-offhook.rules"])
        root.run(["systemd-analyze", "verify", "/usr/lib/systemd/system/offhook.service"])

    def _start(self, root: OpenRoot) -> None:
        (root.path / "etc/offhook/offhook.yaml").write_text(_CONFIG)
        shutil.copy(root.path / "usr/share/offhook/boards/usb-handset-4x3.yaml", root.path / "etc/offhook/board.yaml")
        self._sh(root, "systemd-tmpfiles --create offhook.conf")
        _expect(
            self._sh(root, "stat -c '%a %G' /etc/offhook/offhook.yaml") == "640 offhook", "config may be read by all"
        )
        self._sh(root, "offhook check /etc/offhook/offhook.yaml")
        self._sh(root, "for board in /usr/share/offhook/boards/*.yaml; do offhook check --board $board || exit 1; done")
        status = self._sh(root, f"{_PHONE}cat /tmp/status\n{_END}")
        _expect('"phone"' in status and "ON_HOOK" in status.upper(), f"the phone says {status[:200]!r}")

    def _upgrade(self, root: OpenRoot) -> None:
        """To a version that is the same but for its number."""
        newer = root.path / "tmp" / "newer"
        output_of(["dpkg-deb", "--raw-extract", str(self._deb), str(newer)])
        control = newer / "DEBIAN" / "control"
        control.write_text(re.sub(r"^Version: .*$", "Version: 9:9", control.read_text(), flags=re.MULTILINE))
        (newer / "usr/lib/offhook/gone").mkdir()
        output_of(["dpkg-deb", "--build", "-Zgzip", "-z1", str(newer), str(root.path / "tmp" / "newer.deb")])
        shutil.rmtree(newer)
        said = self._dpkg(root, "--install", "/tmp/newer.deb")
        _expect("starts with the machine" in said and "copy a board file" not in said, f"the upgrade says {said}")
        _expect((root.path / "etc/offhook/offhook.yaml").read_text() == _CONFIG, "an upgrade changes the config")

    def _upgrade_in_use(self, root: OpenRoot) -> None:
        """The phone goes on with the files that it has, and is restarted afterwards."""
        stub, sign = root.path / "usr/local/sbin/systemctl", root.path / "run/systemd/system"
        stub.write_text(_SYSTEMCTL)
        stub.chmod(0o755)
        sign.mkdir(parents=True)
        said = self._sh(root, f"exec 2>&1\noptions=--off-hook\n{_PHONE}set -ex\n{_UPGRADE_IN_USE}{_END}{_RESTART}")
        _expect("the handset is in use; it goes on with the old version" in said, f"postinst does not tell: {said}")
        stub.unlink()
        sign.rmdir()

    def _keep_disabled(self, root: OpenRoot) -> None:
        self._sh(root, "systemctl disable offhook.service")
        self._dpkg(root, "--install", "/tmp/newer.deb")
        state = self._sh(root, "systemctl is-enabled offhook.service || true")
        _expect(state == "disabled", f"an upgrade makes a unit that was disabled {state}")

    def _remove(self, root: OpenRoot) -> None:
        self._dpkg(root, "--remove", "offhook")
        _expect((root.path / "etc/offhook/offhook.yaml").exists(), "removing takes the config away")
        _expect((root.path / "var/lib/offhook").exists(), "removing takes the state away")
        _expect(not (root.path / "usr/lib/offhook").exists(), "removing leaves /usr/lib/offhook")

    def _purge(self, root: OpenRoot) -> None:
        for _ in range(2):  # and once more, when there is nothing left
            self._dpkg(root, "--purge", "offhook")
        for place in ("etc/offhook", "var/lib/offhook", "var/lib/offhook-device"):
            _expect(not (root.path / place).exists(), f"purging leaves /{place}")

    def _install_from_checkout(self, root: OpenRoot) -> None:
        """What ``./dev install`` does; the package is current, so it is not built again inside."""
        command = (
            f"cd {_TREE} && PYTHONPATH=firmware:image-build PYTHONDONTWRITEBYTECODE=1 python3 -m imagebuild install"
        )
        binds = {_TREE: self._source}
        wrong = root.run(["sh", "-c", f"{command} --board nosuch 2>&1 || true"], binds=binds, capture=True)
        _expect("there is no board nosuch" in wrong and "usb-handset-4x3" in wrong, f"a wrong board: {wrong}")
        said = root.run(["sh", "-c", f"{command} --board usb-handset-4x3 2>&1"], binds=binds, capture=True)
        _expect("country" in said and "systemd does not run here" in said, f"it does not say what to do: {said}")
        wanted = (self._source / "boardconfig/usb-handset-4x3.yaml").read_text()
        _expect((root.path / "etc/offhook/board.yaml").read_text() == wanted, "the board file is another")
        _expect(
            self._sh(root, "stat -c '%a %G' /etc/offhook/offhook.yaml") == "640 offhook", "config may be read by all"
        )
        config = root.path / "etc/offhook/offhook.yaml"
        config.write_text(config.read_text().replace("country:\n", "country: NO\n"))
        said = root.run(["sh", "-c", f"{command} --board rotary-phone 2>&1"], binds=binds, capture=True)
        _expect("country: NO" in config.read_text(), "a second run changes the config")
        _expect((root.path / "etc/offhook/board.yaml.before").read_text() == wanted, "the board file before is lost")
        self._dpkg(root, "--purge", "offhook")

    def _dpkg(self, root: OpenRoot, *words: str) -> str:
        command = ["sh", "-c", 'exec "$@" 2>&1', "sh", "dpkg", *words]
        return root.run(command, binds={"/tmp/offhook.deb": self._deb}, capture=True)

    def _sh(self, root: OpenRoot, script: str) -> str:
        return root.run(["sh", "-c", script], capture=True).strip()


def needed_packages(deb: Path) -> list[str]:
    """Return what a package depends on, and what the trial itself uses; the first where there is a choice."""
    depends = output_of(["dpkg-deb", "--field", str(deb), "Depends"])
    return sorted({re.split(r"[ (:]", part.strip())[0] for part in depends.split(",")} | {"util-linux"})


def _files(root: OpenRoot) -> set[str]:
    command = ["find", str(root.path), "-xdev", "-path", str(root.path / "tmp"), "-prune", "-o", "-printf", "%P\\n"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {line for line in said.splitlines() if not line.startswith(("var/lib/dpkg/info", "usr/src", "var/log"))}


def _words(step: Callable[[OpenRoot], None]) -> str:
    return step.__name__.strip("_").replace("_", " ")


def _expect(fine: bool, otherwise: str) -> None:
    if not fine:
        raise BuildError(f"the package fails its trial: {otherwise.strip()}: mend image-build/package or systemd/")
