"""``offhook status``: ask a running phone over its control socket."""

import argparse
import json
from collections.abc import Callable, Mapping

from offhook.cli_control import Control, NoPhoneError, complain
from offhook.errors import OffhookError

Section = Mapping[str, object]


def main(args: argparse.Namespace) -> int:
    """Print the status; return 0, 1 where there is no such account, or 69 where no phone answers."""
    try:
        with Control(args.control_socket) as phone:
            status = phone.ask("status", account=args.account).get("status")
            if not isinstance(status, dict):
                raise NoPhoneError(f"what answers at {phone.path} has no status: is it a phone?")
    except OffhookError as error:
        return complain(error)
    if args.json:
        print(json.dumps(status, indent=2))
    else:
        print("\n".join(summary(status)))
    return 0


def summary(status: dict[str, object]) -> list[str]:
    """Return a status object as lines for a person."""
    lines = [f"phone      {status['phone']}, up {status['uptime_s']} s"]
    accounts, calls = status["accounts"], status["calls"]
    if isinstance(accounts, list):
        for row in accounts:
            standing = "in service" if row["in_service"] else f"out of service: {row['last_error'] or 'registering'}"
            srtp = f", SRTP {row['srtp']}" if row.get("srtp", "off") != "off" else ""
            clear = ", its keys in clear" if row.get("keys_in_clear") else ""
            lines.append(f"account    {row['name']}: {standing} ({row['server']}){srtp}{clear}")
    if isinstance(calls, list):
        for row in calls:
            standing = f"{row['state']}, {row['seconds']} s, {row['codec']}".rstrip(", ")
            secured = _SECURED.get(str(row.get("secured")), "")
            secured += f", {row['rejected']} packets rejected" if row.get("rejected") else ""
            lines.append(f"call       {row['call']}: {row['direction']} {row['peer']}: {standing}{secured}")
    for name, facts in _SECTIONS.items():
        section = status.get(name)
        said = [fact for fact in facts(section) if fact] if isinstance(section, dict) else []
        if said:
            lines.append(f"{name:<10} {', '.join(said)}")
    watched = status.get("watched")
    for row in watched if isinstance(watched, list) else ():
        lines.append(f"watched    {row['uri']}: {row['state']}")
    return lines


_SECURED = {"yes": ", SRTP", "keys in clear": ", SRTP with keys in clear"}


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
        str(section.get("mixer", "")),
    ]


def _mailbox(section: Section) -> list[str]:
    rows = section.get("accounts")
    waiting = [row for row in rows if row["waiting"]] if isinstance(rows, list) else []
    return [f"{row['new']} new for account {row['account']}" for row in waiting]


def _texts(section: Section) -> list[str]:
    last = section.get("last")
    if not isinstance(last, list) or not last:
        return []
    return [f"{section.get('count')} received", f"the last from {last[-1]['from']}"]


def _board(section: Section) -> list[str]:
    faults = section.get("faults")
    return [str(line) for line in faults] if isinstance(faults, list) else []


def _update(section: Section) -> list[str]:
    if section.get("slot") is None:
        return []
    trial = " on trial" if section.get("trial") else ""
    version, phase = section.get("to_version") or "unknown", section.get("phase")
    return [
        f"slot {section['slot']}{trial}, version {section.get('version') or 'unknown'}",
        f"{version} {phase}" if phase != "idle" else "",
        str(section.get("reason") or ""),
        f"it reached: {section['stage']}" if phase == "failed" and section.get("stage") else "",
        f"{section['offered']} is offered" if section.get("offered") else "",
    ]


def _data(section: Section) -> list[str]:
    reason = section.get("made_anew")
    return [f"all that was kept was lost once: {reason}"] if reason is not None else []


_SECTIONS: Mapping[str, Callable[[Section], list[str]]] = {
    "power": _power,
    "emergency": _emergency,
    "config": _config,
    "audio": _audio,
    "board": _board,
    "update": _update,
    "data": _data,
    "mailbox": _mailbox,
    "texts": _texts,
}
