"""The virtual phone's hardware as QEMU's command line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

from imagebuild.debian import Arch

_PROGRAM: dict[Arch, str] = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}
_CONSOLE: dict[Arch, str] = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
# amd64: the least that numpy's wheels run on (x86-64-v2); newer ones cost more to emulate than they save. arm64: the
# Raspberry Pi 4's own.
_PROCESSOR: dict[Arch, str] = {"amd64": "Nehalem", "arm64": "cortex-a72"}
# What costs time under emulation: guards against attacks on a processor that is not there, and on amd64 a clock that is
# read from a device, since the kernel does not trust this processor's counter.
_KERNEL: dict[Arch, str] = {
    "amd64": "mitigations=off tsc=reliable clocksource=tsc no_timer_check",
    "arm64": "mitigations=off",
}
MAC = "52:54:00:0f:f0:0c"

SPEAKER, MICROPHONE = "speaker", "microphone"


@dataclass(frozen=True, slots=True)
class Machine:
    """One virtual phone; what is None is not plugged in."""

    arch: Arch
    disk: Path
    folder: Path
    """Where its sockets and its console's log are; two machines never share one."""
    disk_format: Literal["raw", "qcow2"] = "qcow2"
    tap: str | None = None
    pulse: Path | None = None
    """The socket of a PulseAudio server with the sinks of :class:`PulseServer`."""
    usb_card: bool = True
    """Whether the loudspeaker's USB card is plugged in at the start: it cannot be part of a snapshot."""
    dtb: Path | None = None
    memory: int = 512
    """MiB."""
    processors: int = 2
    serial: str = "10000000a0ff0001"
    append: str = ""
    extra: tuple[str, ...] = field(default=())

    @property
    def program(self) -> str:
        """QEMU's program."""
        return _PROGRAM[self.arch]

    @property
    def commands(self) -> Path:
        """The socket of the agent in the guest."""
        return self.folder / "commands.sock"

    @property
    def qmp(self) -> Path:
        """The socket by which the machine is steered."""
        return self.folder / "qmp.sock"

    @property
    def console(self) -> Path:
        """What the kernel and systemd say."""
        return self.folder / "console.log"

    @property
    def flags(self) -> Path:
        """What the guest hands to the boot firmware when it shuts down."""
        return self.folder / "firmware.out"

    @property
    def board(self) -> list[str]:
        """The program and what must be the same for its device tree."""
        kind = "virt" if self.arch == "arm64" else "q35"
        size = ["-smp", str(self.processors), "-m", str(self.memory)]
        return [self.program, "-M", kind, "-cpu", _PROCESSOR[self.arch], *size]

    def command(self, kernel: Path, initramfs: Path | None, cmdline: str, load: str | None = None) -> list[str]:
        """Start this kernel, or go on from the snapshot ``load``."""
        words = [*self.board, "-accel", "tcg,thread=multi", "-nodefaults", "-display", "none", "-no-reboot"]
        words += ["-kernel", str(kernel)]
        if initramfs is not None:
            words += ["-initrd", str(initramfs)]
        if self.dtb is not None:
            words += ["-dtb", str(self.dtb)]
        words += ["-append", f"console={_CONSOLE[self.arch]} {cmdline} {_KERNEL[self.arch]} {self.append}".rstrip()]
        words += ["-uuid", str(UUID(f"{int(self.serial, 16):032x}")), "-rtc", "base=utc,clock=vm"]
        words += ["-serial", f"file:{self.console}", "-qmp", f"unix:{self.qmp},server=on,wait=off"]
        drive = f"if=none,id=disk,format={self.disk_format},file={self.disk},cache=writeback,discard=unmap"
        words += ["-drive", drive, "-device", "virtio-blk-pci,drive=disk"]
        words += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        words += ["-chardev", f"socket,id=commands,path={self.commands},server=on,wait=off"]
        words += ["-device", "virtserialport,chardev=commands,name=commands"]
        words += ["-chardev", f"file,id=flags,path={self.flags},append=on"]
        words += ["-device", "virtserialport,chardev=flags,name=firmware"]
        words += ["-device", "i6300esb,id=watchdog", "-action", "watchdog=reset"]
        if self.tap is not None:
            words += ["-netdev", f"tap,id=net,ifname={self.tap},script=no,downscript=no"]
            words += ["-device", f"virtio-net-pci,netdev=net,mac={MAC},id=nic"]
        words += self._sound()
        words += self.extra
        return words + (["-loadvm", load] if load else [])

    def usb_card_device(self) -> dict[str, str]:
        """What ``device_add`` plugs the loudspeaker in with."""
        return {"driver": "usb-audio", "audiodev": "sound", "id": "usbcard", "bus": "usb.0"}

    def _sound(self) -> list[str]:
        """A USB card that plays (QEMU's cannot record) and an HDA card that records."""
        if self.pulse is None:
            audio = "none,id=sound"
        else:
            names = f"out.name={SPEAKER},in.name={MICROPHONE}.monitor"
            lengths = "out.buffer-length=60000,in.buffer-length=60000,timer-period=5000"
            # QEMU's way up from 44100 Hz, its default, clicks at the ends of its buffers: PESQ 3.2 instead of 4.1.
            # The way down does not, and without it the speaker loses sound: 3.0 instead of 4.1.
            rate = "in.frequency=48000"
            audio = f"pa,id=sound,server=unix:{self.pulse},{names},{lengths},{rate}"
        words = ["-audiodev", audio, "-device", "qemu-xhci,id=usb"]
        words += ["-device", "ich9-intel-hda,id=hda", "-device", "hda-micro,audiodev=sound,bus=hda.0,id=micro"]
        if self.usb_card:
            words += ["-device", ",".join(f"{key}={value}" for key, value in self.usb_card_device().items())]
        return words
