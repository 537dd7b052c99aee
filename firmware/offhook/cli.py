"""The command line. ``run`` and ``sim`` do not wait for their parser: the media process is started before it."""

import os
import signal
import sys
from collections.abc import Sequence

EX_IOERR = 74


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit status."""
    words = sys.argv[1:] if argv is None else argv
    return _phone(words) if words[:1] in (["run"], ["sim"]) else _command(words)


def _phone(words: Sequence[str]) -> int:
    # Control-C and SIGTERM end the program in good order while modules are still being imported.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    from offhook.daemon.main import run
    from offhook.engine.mediachild import MediaChild

    def phone(child: MediaChild | None) -> int:
        from offhook.cli_parser import parse

        args = parse(words)
        from offhook.daemon.life import live
        from offhook.daemon.options import Options

        return live(Options.of_run(args) if words[0] == "run" else Options.of_sim(args), child)

    return run(phone)


def _command(words: Sequence[str]) -> int:
    from offhook.cli_parser import parse

    args = parse(words)
    try:
        status: int = args.command(args)
        sys.stdout.flush()
    except BrokenPipeError:  # `offhook schema | head`: who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_IOERR
    return status
