"""A running virtual phone."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from imagebuild.agent import AgentChannel, Done, GuestError
from imagebuild.command import run
from imagebuild.devicetree import DeviceTree
from imagebuild.facts import ImageFacts
from imagebuild.fat import FatFiles
from imagebuild.firmware import BootChoice, BootFirmware
from imagebuild.machine import Machine
from imagebuild.qmp import Qmp

End = Literal["reset", "off", "cut"]


class Guest:
    """One virtual phone with a disk of its own, in a folder of its own.

    ::

        with Guest.on_new_disk(image_folder, tmp_path) as guest:
            guest.boot()
            guest.sh("systemctl --failed")
            guest.cut_power()
            guest.boot()                      # the disk is as the cut left it

    The machine ends at each reset, as QEMU is told to: :meth:`boot` then does what the boot firmware does, and may
    start another slot.
    """

    def __init__(self, machine: Machine, facts: ImageFacts) -> None:
        """Nothing runs yet; ``machine.folder`` is made."""
        self.machine = machine
        self.facts = facts
        self.choice: BootChoice | None = None
        """What the boot firmware chose last."""
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        self._agent: AgentChannel | None = None
        machine.folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def on_new_disk(cls, image: Path, folder: Path, **parts: Any) -> "Guest":
        """A phone fresh from the image in ``image``; ``parts`` are those of :class:`Machine`. Raises BuildError."""
        facts = ImageFacts.read(image)
        folder.mkdir(parents=True, exist_ok=True)
        disk = folder / "disk.qcow2"
        base = (image / facts.disk).resolve()
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", disk])
        return cls(Machine(arch=facts.arch, disk=disk, folder=folder, **parts), facts)

    # Starting and ending

    def boot(self, timeout: float = 300.0, *, wait: bool = True) -> None:
        """Do what the boot firmware does, start what it chose, and wait until the agent answers.

        Raises GuestError when it does not within ``timeout`` seconds, NoBootError when there is nothing to start.
        """
        tryboot = self._take_flag() == "0 tryboot"
        with self.fat().reader() as reader:
            self.choice = BootFirmware(reader.read).choose(tryboot=tryboot)
        kernel, initramfs = self.machine.folder / "kernel", self.machine.folder / "initramfs"
        kernel.write_bytes(self.choice.kernel)
        initramfs.write_bytes(self.choice.initramfs or b"")
        if self.machine.arch == "arm64" and self.machine.dtb is None:
            dtb = self.machine.folder / "phone.dtb"
            DeviceTree(self.machine.board, self.machine.serial).write(dtb)
            self.machine = replace(self.machine, dtb=dtb)
        self._start(self.machine.command(kernel, initramfs if self.choice.initramfs else None, self.choice.cmdline))
        if wait:
            self.wait_for_agent(timeout)

    def wait_for_agent(self, timeout: float = 300.0) -> None:
        """Wait until the guest takes commands, which is before its services are up. Raises GuestError."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self._must_run()
            if self._channel().answers(timeout=min(5.0, timeout)):
                return
        raise GuestError(f"the guest takes no commands within {timeout:g} s; its console ends:\n{self.console_tail()}")

    def wait_until_up(self, timeout: float = 300.0) -> str:
        """Wait until systemd has started everything; "running", or "degraded" when units failed. Raises GuestError."""
        done = self.sh("systemctl is-system-running --wait", timeout=timeout, check=False)
        return done.out.strip()

    def wait_for_end(self, timeout: float = 120.0) -> End:
        """Wait until the machine resets or switches itself off. Raises QmpError."""
        event = self.qmp.wait_for("SHUTDOWN", timeout)
        assert self._process is not None, "not started"
        self._process.wait(30)
        self._hang_up()
        return "reset" if event["data"]["reason"] in ("guest-reset", "host-qmp-system-reset") else "off"

    def reboot(self, argument: str = "", timeout: float = 300.0) -> None:
        """Have the guest reboot, with what it tells the boot firmware, and wait until it takes commands again."""
        self.sh(f"systemd-run --no-block --collect reboot {shlex.quote(argument) if argument else ''}", timeout=60)
        self.wait_for_end(timeout)
        self.boot(timeout)

    def cut_power(self) -> None:
        """End the machine at once: what it has not flushed to its disk is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
        self._hang_up()

    def close(self) -> None:
        """End it, whatever it does."""
        self.cut_power()

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # What is done in it

    def sh(self, command: str, timeout: float = 120.0, *, check: bool = True) -> Done:
        """Run a shell command as root. Raises GuestError when it fails (unless not to ``check``) or does not end."""
        done = self._channel().sh(command, timeout)
        if check and done.status != 0:
            raise GuestError(f"`{command}` ended with {done.status} in the guest:\n{done.out}{done.err}")
        return done

    def python(self, code: str, timeout: float = 120.0, **names: object) -> Any:
        """Run Python in the guest's agent, with ``names`` set; returns what it puts into ``result`` (as JSON can)."""
        return self._channel().python(code, names, timeout)

    def put(self, path: str, content: str) -> None:
        """Write a file in the guest, its folder too."""
        code = "import os; os.makedirs(os.path.dirname(path), exist_ok=True); open(path, 'w').write(content)"
        self.python(code, path=path, content=content)

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 60.0, period: float = 0.3) -> None:
        """Look again and again. Raises GuestError."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise GuestError(f"no {what} within {timeout:g} s")
            time.sleep(period)

    # The machine

    @property
    def qmp(self) -> Qmp:
        """QEMU's side. Raises GuestError when it does not run."""
        if self._qmp is None:
            raise GuestError("the virtual phone is off: boot it first")
        return self._qmp

    def fat(self) -> FatFiles:
        """The FAT partitions of its disk, while it is off."""
        return FatFiles(self.machine.disk, self.machine.disk_format, self.facts.layout)

    def plug_usb_card(self) -> None:
        """Plug the loudspeaker's USB card in. Raises QmpError."""
        self.qmp.ask("device_add", self.machine.usb_card_device())

    def unplug_usb_card(self, timeout: float = 30.0) -> None:
        """Pull it out, and wait until it is out. Raises QmpError."""
        device = self.machine.usb_card_device()["id"]
        before = len(self.qmp.events("DEVICE_DELETED"))
        self.qmp.ask("device_del", {"id": device})
        self.qmp.wait_for("DEVICE_DELETED", timeout, count=before + 1)

    def save(self, name: str = "ready") -> None:
        """Keep the whole machine, as it runs, in its disk. Raises QmpError while the USB card is plugged in."""
        self.qmp.monitor(f"savevm {name}")

    def load(self, name: str = "ready", timeout: float = 60.0) -> None:
        """Go on from what :meth:`save` kept, with the time of today. Raises GuestError."""
        if self.machine.arch == "arm64" and self.machine.dtb is None:
            self.machine = replace(self.machine, dtb=self.machine.folder / "phone.dtb")
        kernel, initramfs = self.machine.folder / "kernel", self.machine.folder / "initramfs"
        self._start(self.machine.command(kernel, initramfs, self._saved_cmdline(), load=name))
        self.wait_for_agent(timeout)
        self.python("import time; time.clock_settime(time.CLOCK_REALTIME, now)", now=time.time())

    def clone(self, folder: Path, **parts: Any) -> "Guest":
        """Another phone with a copy of this one's disk and of what was saved in it, while this one is off."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("kernel", "initramfs", "cmdline", "phone.dtb"):
            if (self.machine.folder / name).exists():
                shutil.copy(self.machine.folder / name, folder / name)
        run(["cp", "--sparse=always", "--reflink=auto", self.machine.disk, folder / "disk.qcow2"])
        changes: Mapping[str, Any] = {"disk": folder / "disk.qcow2", "folder": folder, "dtb": None, **parts}
        return Guest(replace(self.machine, **changes), self.facts)

    def console_tail(self, lines: int = 30) -> str:
        """What the kernel and systemd said last."""
        try:
            return "\n".join(self.machine.console.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def cpu_seconds(self) -> float:
        """The processor time that the machine has taken on the host so far."""
        assert self._process is not None, "not started"
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # Inside

    def _start(self, command: list[str]) -> None:
        self.close()
        (self.machine.folder / "cmdline").write_text(self.choice.cmdline if self.choice else self._saved_cmdline())
        for path in (self.machine.commands, self.machine.qmp):
            path.unlink(missing_ok=True)
        with (self.machine.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + 60.0
        while self._agent is None:
            self._must_run()
            try:
                self._qmp = self._qmp or Qmp(self.machine.qmp)
                self._agent = AgentChannel(self.machine.commands)
            except OSError:
                if time.monotonic() > end:
                    raise GuestError(f"QEMU does not listen: see {self.machine.folder / 'qemu.log'}") from None
                time.sleep(0.02)

    def _saved_cmdline(self) -> str:
        file = self.machine.folder / "cmdline"
        return file.read_text() if file.exists() else ""

    def _must_run(self) -> None:
        if self._process is None:
            raise GuestError("the virtual phone is off: boot it first")
        if self._process.poll() is not None:
            said = (self.machine.folder / "qemu.log").read_text(errors="replace")[-2000:]
            raise GuestError(f"QEMU ended with {self._process.returncode}: {said}\n{self.console_tail()}")

    def _channel(self) -> AgentChannel:
        if self._agent is None:
            raise GuestError("the virtual phone is off: boot it first")
        return self._agent

    def _take_flag(self) -> str:
        """What the last shutdown handed to the boot firmware; it is handed out once."""
        flags = self.machine.flags
        text = flags.read_text(errors="replace") if flags.exists() else ""
        flags.unlink(missing_ok=True)
        words = text.strip().splitlines()
        return words[-1].strip() if words else ""

    def _hang_up(self) -> None:
        for part in (self._agent, self._qmp):
            if part is not None:
                part.close()
        self._agent, self._qmp, self._process = None, None, None
