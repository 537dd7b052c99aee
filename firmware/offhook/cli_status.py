"""``offhook status``: ask a running phone over its control socket."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Section = Mapping[str, object]

EX_UNAVAILABLE = 69
_TIMEOUT_S = 5.0
_MAX_ANSWER = 1 << 20


def main(args: argparse.Namespace) -> int:
    """Print the status; return 0, or 69 where no phone answers."""
    path = args.control_socket or default_control_socket()
    try:
        status = _ask(path)
    except (OSError, ValueError) as error:
        print(
            f"offhook: no phone answers at {path}: {_reason(error)}; is it running with --control-socket?",
            file=sys.stderr,
        )
        return EX_UNAVAILABLE
    if args.json:
        print(json.dumps(status, indent=2))
    else:
        print("\n".join(summary(status)))
    return 0


def default_control_socket() -> Path:
    """Return where the service listens: its runtime directory, which systemd names to the service itself."""
    return Path((os.environ.get("RUNTIME_DIRECTORY") or "/run/offhook").split(":")[0]) / "control.sock"


def summary(status: dict[str, object]) -> list[str]:
    """Return a status object as lines for a person."""
    lines = [f"phone      {status['phone']}, up {status['uptime_s']} s"]
    accounts, calls = status["accounts"], status["calls"]
    if isinstance(accounts, list):
        for row in accounts:
            standing = "in service" if row["in_service"] else f"out of service: {row['last_error'] or 'registering'}"
            lines.append(f"account    {row['name']}: {standing} ({row['server']})")
    if isinstance(calls, list):
        for row in calls:
            lines.append(
                f"call       {row['direction']} {row['peer']}: {row['state']}, {row['seconds']} s, {row['codec']}"
            )
    for name, facts in _SECTIONS.items():
        section = status.get(name)
        if isinstance(section, dict):
            lines.append(f"{name:<10} {', '.join(fact for fact in facts(section) if fact)}")
    return lines


def _power(section: Section) -> list[str]:
    percent, runtime = section.get("percent"), section.get("runtime_s")
    return [
        str(section.get("state")),
        f"battery at {percent} %" if percent is not None else "",
        f"for {runtime} s" if runtime is not None else "",
        "" if section.get("gauge_ok", True) else "the gauge does not answer",
    ]


def _emergency(section: Section) -> list[str]:
    window = section.get("callback_window_s")
    return [
        "a call is up" if section.get("up") else "",
        f"at {section['location']}" if section.get("location") else "no location",
        f"the desk may call back for {window} s" if window else "",
    ]


def _config(section: Section) -> list[str]:
    serial, pending = section.get("serial"), section.get("pending")
    return [str(section.get("origin")), f"serial {serial}" if serial else "", f"{pending} waits" if pending else ""]


def _audio(section: Section) -> list[str]:
    cards = dict.fromkeys(str(section[name]) for name in ("capture", "playback") if section.get(name))
    return [
        str(section.get("state")),
        " and ".join(cards),
        f"xruns {section.get('xruns')}",
        "real-time" if section.get("realtime") else "not real-time",
        str(section.get("detail", "")) if section.get("state") in ("missing", "busy") else "",
    ]


_SECTIONS: Mapping[str, Callable[[Section], list[str]]] = {
    "power": _power,
    "emergency": _emergency,
    "config": _config,
    "audio": _audio,
}


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _ask(path: Path) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_TIMEOUT_S)
        sock.connect(str(path))
        sock.sendall(b'{"do":"status"}\n')
        answer = b""
        while not answer.endswith(b"\n"):
            piece = sock.recv(65536)
            if not piece or len(answer) > _MAX_ANSWER:
                raise ValueError("the answer is cut off")
            answer += piece
    value = json.loads(answer)
    status = value.get("status") if isinstance(value, dict) else None
    if not isinstance(status, dict):
        raise ValueError("the answer has no status")
    return status
