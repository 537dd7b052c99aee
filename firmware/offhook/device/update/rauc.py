"""RAUC, which verifies bundles and writes slots (rauc(1)); it calls back by ``offhook slot``."""

import configparser
import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offhook.device.systemctl import systemctl
from offhook.errors import DeviceError, OffhookError

SYSTEM_CONF = Path("/etc/rauc/system.conf")
SERVICE = "rauc.service"
_LOOK_S = 1.0
_INFO_LIMIT_S = 300.0


class BundleError(OffhookError):
    """A bundle is not signed, not for this machine, or cannot be installed."""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What a bundle whose signature is right says of itself."""

    compatible: str
    version: str


class Rauc:
    """The program of that name. ``conf``: its system.conf, which names the keyring."""

    def __init__(self, conf: Path = SYSTEM_CONF) -> None:
        self._conf = conf

    def compatible(self) -> str:
        """Return the kind of machine that this is. Raises BundleError where it takes no bundles."""
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self._conf.read_text("utf-8"))
            return parser["system"]["compatible"]
        except (OSError, UnicodeError, configparser.Error, KeyError):
            raise BundleError(
                f"{self._conf} names no machine: this device takes no bundles, update it by apt"
            ) from None

    def verify(self, bundle: Path) -> BundleInfo:
        """Check signature and machine. Raises BundleError."""
        said = self._info(bundle)
        try:
            value = json.loads(said)
            info = BundleInfo(str(value["compatible"]), str(value.get("version") or ""))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BundleError("the bundle says nothing of itself: build it anew") from None
        wanted = self.compatible()
        if info.compatible != wanted:
            raise BundleError(f"the bundle is for {info.compatible}, and this is {wanted}: take the right one")
        return info

    def install(self, bundle: Path, in_use: Callable[[], str]) -> None:
        """Write the other slot, and have it armed. While the phone is in use nothing is written. Raises BundleError."""
        try:
            process = subprocess.Popen(
                [*self._command, "install", str(bundle)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        except OSError as error:
            raise BundleError(f"rauc does not run ({error}): is it installed?") from error
        frozen = False
        try:
            while True:
                try:
                    said, _ = process.communicate(timeout=_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    if bool(in_use()) is not frozen:
                        frozen = not frozen
                        self._freeze(frozen)
        finally:
            if frozen:
                self._freeze(False)
        if process.returncode != 0:
            raise BundleError(f"rauc install: {_reason(said)}")

    def stop(self) -> None:
        """End what is being installed, of which nobody waits for the end any more; the service may have been halted."""
        self._freeze(False)
        with suppress(DeviceError):
            systemctl("stop", SERVICE)

    @property
    def _command(self) -> list[str]:
        return ["rauc", f"--conf={self._conf}"]

    def _freeze(self, on: bool) -> None:
        """Halt the service that writes, or let it go on (the cgroup's freezer)."""
        with suppress(DeviceError):
            systemctl("freeze" if on else "thaw", SERVICE)

    def _info(self, bundle: Path) -> str:
        command = [*self._command, "info", "--output-format=json", str(bundle)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INFO_LIMIT_S, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise BundleError(f"rauc does not run ({error}): is it installed?") from error
        if done.returncode != 0:
            raise BundleError(f"rauc info: {_reason(done.stderr) or _reason(done.stdout)}")
        return done.stdout


def _reason(output: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower() or "failed" in line.lower()]
    return (told or lines or [""])[-1][:300]
