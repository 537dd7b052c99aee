"""Logging: journald with structured fields under systemd, plain lines on a terminal.

Fields ride in ``extra={"call": ..., "account": ...}`` and become ``OFFHOOK_CALL=`` and so on. What somebody dialled
is logged at debug level only, emergency numbers excepted; secrets never.
"""

import logging
import os
import sys
from typing import Protocol

FIELDS = ("call", "account", "status", "device", "peer")


class _Terminal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        text = super().format(record)
        return f"{text} [{fields}]" if fields else text


class _JournalFields(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for name in FIELDS:
            if hasattr(record, name):
                setattr(record, f"OFFHOOK_{name.upper()}", getattr(record, name))
        return True


class Notifier(Protocol):
    """Tells the service manager a state string (sd_notify(3))."""

    def __call__(self, state: str, /) -> object: ...


def set_up(level: str) -> None:
    """Send the log of the whole program to the journal, or to stderr where there is none."""
    handler = _journal_handler()
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Terminal("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def notifier() -> Notifier:
    """Return ``systemd.daemon.notify``, or something that does nothing outside systemd."""
    if "NOTIFY_SOCKET" in os.environ:
        try:
            from systemd.daemon import notify
        except ImportError:
            logging.getLogger(__name__).error(
                "the service manager waits for a notice, but systemd-python is not installed: "
                "install it, or set Type=exec in the unit"
            )
        else:
            return _keep_type(notify)
    return lambda state: None


def _keep_type(notify: Notifier) -> Notifier:
    return notify


def _journal_handler() -> logging.Handler | None:
    # JOURNAL_STREAM is set where stderr goes to the journal (systemd.exec(5)).
    if "JOURNAL_STREAM" not in os.environ:
        return None
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        return None
    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="offhook")
    handler.addFilter(_JournalFields())
    return handler
