"""Kamailio as a program: its config written, its control tool, its end. What it is depends on the config."""

import subprocess
from pathlib import Path
from typing import Self

from tests.support.child import Child


class KamailioProgram:
    """One at ``address``, ready when it is made; use as a context manager."""

    def __init__(self, folder: Path, config: str, ip: str, port: int, **more: object) -> None:
        """``config``: a template of ip, port, folder, modules and ``more``; ``folder`` is there already."""
        path = folder / "kamailio.cfg"
        modules = next(Path("/usr/lib").glob("*/kamailio/modules"))
        path.write_text(config.format(ip=ip, port=port, folder=folder, modules=modules, **more))
        self.folder = folder
        self.address = f"{ip}:{port}"
        command = ["kamailio", "-f", str(path), "-P", str(folder / "pid"), "-Y", str(folder)]
        self._child = Child([*command, "-m", "64", "-M", "8", "-DD", "-E"], folder / "kamailio.log")
        try:
            self._child.wait_until(lambda: "kamailio" in self.rpc("core.version").lower(), "answer to its control tool")
        except BaseException:
            self._child.stop()
            raise

    def rpc(self, *words: str) -> str:
        """Ask its control tool."""
        command = ["kamcmd", "-s", f"unix:{self.folder}/ctl.sock", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def output(self) -> str:
        """What it logged."""
        return self._child.output()

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
