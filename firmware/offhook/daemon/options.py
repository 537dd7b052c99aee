"""What the command line says about how to run: plain values for the daemon."""

import argparse
import os
from pathlib import Path

from msgspec import Struct

from offhook.status.paths import runtime_socket


class Options(Struct, frozen=True):
    """How to run. ``config`` and ``board`` None: the simulator's own; ``web_port`` None: the config's.

    ``control_asked``: the control socket's place was given, not found; the phone does not start without it then.
    """

    config: Path | None
    board: Path | None
    state_dir: Path
    simulator: bool = False
    board_socket: Path | None = None
    control_socket: Path | None = None
    control_asked: bool = False
    web: bool = False
    web_port: int | None = None
    exchange: bool = False
    desks: tuple[str, ...] = ()
    off_hook: bool = False

    @classmethod
    def of_run(cls, args: argparse.Namespace) -> "Options":
        """Return the options of ``offhook run``."""
        return cls(
            config=args.config,
            board=args.board,
            state_dir=args.state_dir or _state_dir("offhook"),
            board_socket=args.board_socket,
            control_socket=args.control_socket or runtime_socket(),
            control_asked=args.control_socket is not None,
            desks=tuple(args.emergency_desk),
            off_hook=args.off_hook,
        )

    @classmethod
    def of_sim(cls, args: argparse.Namespace) -> "Options":
        """Return the options of ``offhook sim``."""
        return cls(
            config=args.config,
            board=args.board,
            state_dir=args.state_dir or _state_dir("offhook-sim"),
            simulator=True,
            board_socket=args.board_socket,
            control_socket=args.control_socket or runtime_socket(),
            control_asked=args.control_socket is not None,
            web=not args.no_web,
            web_port=args.port,
            exchange=not args.no_exchange,
            desks=tuple(args.emergency_desk),
            off_hook=args.off_hook,
        )


def _state_dir(name: str) -> Path:
    # STATE_DIRECTORY is what systemd made for the service (systemd.exec(5)).
    service = os.environ.get("STATE_DIRECTORY")
    if service:
        return Path(service.split(":")[0])
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / name
