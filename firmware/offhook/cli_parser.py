"""The parser of the command line; each command's module is imported only when it is called."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from offhook import __version__

Command = Callable[[argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return what the words say; all but ``run`` and ``sim`` have a ``command``. Exits where they say nothing."""
    return _parser(words[0] if words else None).parse_args(words)


def _parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, or of ``run`` alone: dial tone would wait while the others are made."""
    parser = argparse.ArgumentParser(
        prog="offhook", description="Phone firmware that turns a Raspberry Pi into a real telephone."
    )
    parser.add_argument("--version", action="version", version=f"offhook {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _running(commands)
    if command == "run":
        return parser
    _simulating(commands)
    _reading(commands)
    _asking(commands)
    _machine(commands)
    return parser


_DATA_VERBS = ("check", "grow")
_SLOT_VERBS = ("get-primary", "set-primary", "get-state", "set-state", "get-current", "post-install")


def _running(commands: Commands) -> None:
    """Be the phone."""
    run = commands.add_parser("run", help="be the phone: drive a board by a config file")
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="the config file (offhook.yaml)")
    run.add_argument("--board", type=Path, required=True, metavar="FILE", help="how the handset is wired")
    _common(run)


def _simulating(commands: Commands) -> None:
    """Be a phone in the browser."""
    sim = commands.add_parser("sim", help="a simulated phone in the browser, with its own little exchange")
    sim.add_argument("--config", type=Path, metavar="FILE", help="a config instead of the built-in one")
    sim.add_argument("--board", type=Path, metavar="FILE", help="a board file of kind `simulated`")
    sim.add_argument(
        "--port", type=_port, help="port of the page on 127.0.0.1 (default: web.port of the config, else any)"
    )
    _common(sim)


def _reading(commands: Commands) -> None:
    """Read files."""
    check = commands.add_parser("check", help="say everything that is wrong in a config or board file")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--board", action="store_true", help="FILE is a board file")
    check.add_argument("--boot", action="store_true", help="FILE is the offhook.yaml of a boot partition")
    check.set_defaults(command=_check)

    schema = commands.add_parser("schema", help="print the JSON Schema of the config, for editors")
    schema.add_argument("--board", action="store_true", help="of the board file instead")
    schema.add_argument("--markdown", action="store_true", help="print the reference as Markdown instead")
    schema.set_defaults(command=_schema)


def _asking(commands: Commands) -> None:
    """Ask a running phone."""
    status = commands.add_parser("status", help="show what a running phone says of itself")
    _asks(status, "the whole object, for programs")
    status.set_defaults(command=_status)

    call = commands.add_parser(
        "call", help="call a number: prints the call's id; 0 when answered, else 1 and the cause"
    )
    call.add_argument("number", metavar="NUMBER", help="what would be dialled, or a SIP URI")
    _asks(call, "the outcome as one object")
    call.set_defaults(command=_call)

    for verb, text in (
        ("answer", "answer the call that rings or waits"),
        ("hangup", "end or refuse a call"),
        ("hold", "put a call on hold"),
        ("resume", "take a call back from hold"),
    ):
        command = commands.add_parser(verb, help=text)
        command.add_argument("call", nargs="?", metavar="CALL", help="its id; not given: the one that is meant")
        _asks(command, "the answer as it came")
        command.set_defaults(command=_use, verb=verb)

    for verb, field, what, text in (
        ("transfer", "number", "NUMBER", "hand the other side of a call over to a number"),
        ("dtmf", "digits", "DIGITS", "send digits into a call"),
    ):
        command = commands.add_parser(verb, help=text, usage=f"offhook {verb} [CALL] {what} [options]")
        command.add_argument("words", nargs="+", metavar=what, help=f"[CALL] {what}: the call's id may stand before")
        command.add_argument("--call", metavar="CALL", help="the call's id; not given: the one that is meant")
        _asks(command, "the answer as it came")
        command.set_defaults(command=_use, verb=verb, field=field, what=what)


def _machine(commands: Commands) -> None:
    """Serve root's units: the machine under the phone."""
    firstboot = commands.add_parser("firstboot", help="take over what is new in offhook.yaml on the boot partition")
    _device_places(firstboot)
    firstboot.add_argument(
        "--data", type=Path, default=Path("/data"), metavar="DIR", help="the data partition (default: /data)"
    )
    firstboot.add_argument("--restart", action="store_true", help="restart the machine where its new wiring needs that")
    firstboot.set_defaults(command=_firstboot)

    slot = commands.add_parser("slot", help="what RAUC asks of the two slots of a device")
    slot.add_argument("verb", choices=_SLOT_VERBS, metavar="VERB", help=", ".join(_SLOT_VERBS))
    slot.add_argument("words", nargs="*", metavar="WORD")
    slot.set_defaults(command=_slot)

    data = commands.add_parser("data", help="mend the data partition of a device, or let it take the card's room")
    data.add_argument("verb", choices=_DATA_VERBS, metavar="VERB", help=", ".join(_DATA_VERBS))
    data.add_argument("place", type=Path, metavar="PLACE", help="the partition; for `grow` where it is mounted")
    data.set_defaults(command=_data)

    health = commands.add_parser("health", help="at a start of a device: commit or end the trial of an update")
    health.add_argument("--within", type=float, default=300.0, metavar="SECONDS", help="time to become healthy (300)")
    health.add_argument("--control-socket", type=Path, metavar="PATH", help="where the phone listens")
    health.set_defaults(command=_health)

    update = commands.add_parser("update", help="install another version, and try it when nobody would notice")
    source = update.add_mutually_exclusive_group()
    source.add_argument("url", nargs="?", metavar="URL", help="where the bundle is, by HTTPS")
    source.add_argument("--from", dest="file", type=Path, metavar="FILE", help="a bundle that is here already")
    source.add_argument("--asked", action="store_true", help="do what the phone asks for (the update unit does this)")
    source.add_argument(
        "--ended", action="store_true", help="let go of a fetch whose updater is no more (so does the unit)"
    )
    update.add_argument("--ca-file", metavar="FILE", help="certificates (PEM) to trust instead of the system's")
    update.add_argument("--control-socket", type=Path, metavar="PATH", help="where the phone listens")
    update.set_defaults(command=_update)

    restart = commands.add_parser("restart", help="restart the phone once nobody uses it")
    restart.add_argument("--look", action="store_true", help="only say who uses it; 1 where somebody does")
    restart.add_argument("--control-socket", type=Path, metavar="PATH", help="where the phone listens")
    restart.set_defaults(command=_restart)


def _asks(parser: argparse.ArgumentParser, json: str) -> None:
    """Give a command that asks a running phone its options."""
    parser.add_argument("--control-socket", type=Path, metavar="PATH", help="where the phone listens")
    parser.add_argument("--account", metavar="NAME", help="only calls of this account, or by it")
    parser.add_argument("--json", action="store_true", help=json)


def _device_places(parser: argparse.ArgumentParser) -> None:
    """Give a command of the device the places of its files."""
    for option, default, text in (
        ("--boot", "/boot/firmware", "the FAT partition with offhook.yaml"),
        ("--etc", "/etc/offhook", "config and board file"),
        ("--state", "/var/lib/offhook-device", "what root remembers"),
        ("--connections", "/etc/NetworkManager/system-connections", "NetworkManager's key files"),
        ("--ssh", "/etc/ssh/keys", "authorized keys and host key"),
        ("--boards", "/usr/share/offhook/boards", "the board files that come with offhook"),
    ):
        parser.add_argument(
            option, type=Path, default=Path(default), metavar="DIR", help=f"{text} (default: {default})"
        )


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-web", action="store_true", help="no page (`run` never has one)")
    parser.add_argument(
        "--no-exchange",
        action="store_true",
        help="no built-in exchange, the accounts of --config (as `run` always does)",
    )
    parser.add_argument("--board-socket", type=Path, metavar="PATH", help="Unix socket of a simulated board")
    parser.add_argument("--control-socket", type=Path, metavar="PATH", help="Unix socket for programs")
    parser.add_argument("--off-hook", action="store_true", help="simulated board: the handset is lifted at the start")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="last good config, prompts")
    parser.add_argument(
        "--emergency-desk",
        action="append",
        type=_desk,
        default=[],
        metavar="IP:PORT",
        help="simulated board: where emergency calls go, on loopback or in a test's network (may be repeated)",
    )


def _desk(text: str) -> str:
    from offhook.engine.guard import desk_place
    from offhook.errors import OffhookError

    try:
        return desk_place(text)
    except OffhookError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number up to 65535, or 0 for any")
    return int(text)


def _check(args: argparse.Namespace) -> int:
    from offhook.cli_check import main as check

    return check(args)


def _schema(args: argparse.Namespace) -> int:
    from offhook.cli_schema import main as schema

    return schema(args)


def _firstboot(args: argparse.Namespace) -> int:
    from offhook.cli_firstboot import main as firstboot

    return firstboot(args)


def _status(args: argparse.Namespace) -> int:
    from offhook.cli_status import main as status

    return status(args)


def _call(args: argparse.Namespace) -> int:
    from offhook.cli_calls import call

    return call(args)


def _use(args: argparse.Namespace) -> int:
    from offhook.cli_calls import use

    return use(args)


def _slot(args: argparse.Namespace) -> int:
    from offhook.cli_slot import main as slot

    return slot(args)


def _data(args: argparse.Namespace) -> int:
    from offhook.cli_data import main as data

    return data(args)


def _health(args: argparse.Namespace) -> int:
    from offhook.cli_health import main as health

    return health(args)


def _update(args: argparse.Namespace) -> int:
    from offhook.cli_update import main as update

    return update(args)


def _restart(args: argparse.Namespace) -> int:
    from offhook.cli_restart import main as restart

    return restart(args)
