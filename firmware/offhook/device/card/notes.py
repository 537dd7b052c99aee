"""What the phone writes beside the boot file, for a person at a PC: what is wrong with it, or what was taken over."""

from collections.abc import Sequence
from datetime import datetime

from offhook.config.faults import Fault

ERRORS = "offhook-errors.txt"
APPLIED = "offhook-applied.txt"
_OLD_SETTINGS = "Nothing was changed: the phone goes on with what it had before."
_NO_SETTINGS = "The phone has no settings yet."
_FRESH = "Until it can, the phone is as it came from the image."


def remade_note(reason: str) -> bytes:
    """Return the note about a phone that lost all it kept, where no file gives it settings."""
    return _windows(
        [
            *_remade(reason),
            "",
            "There are no settings on this card: write offhook.yaml anew (offhook-example.yaml shows how), with all",
            "passwords, and start the phone again. This note goes away by itself then.",
        ]
    )


def errors_note(file: str, faults: Sequence[Fault], *, first: bool, remade: str | None = None) -> bytes:
    """Return the note about a file with faults.

    ``first``: there is nothing that the phone could go on with; ``remade``: why the phone lost all it kept, if so.
    """
    lines = [
        *([*_remade(remade), ""] if remade is not None else []),
        f"offhook could not use {file}.",
        _FRESH if remade is not None else _NO_SETTINGS if first else _OLD_SETTINGS,
        "",
        f"Mend this in {file}, put the card back and start the phone again:",
        "",
    ]
    for fault in faults:
        setting = f"{fault.path} " if fault.path else ""
        hint = f' Did you mean "{fault.suggestion}"?' if fault.suggestion is not None else ""
        lines.append(f"* Line {fault.line}, column {fault.column}: {setting}{fault.message}.{hint}")
    return _windows([*lines, "", "This note goes away by itself once the file is right."])


def several_note(files: Sequence[str]) -> bytes:
    """Return the note about several files of which only one can be meant."""
    return _windows(
        [
            f"There are several files with settings here: {', '.join(files)}.",
            "",
            "Keep the one that is meant and delete the others, then start the phone again.",
            "Until then the phone goes on with what it had before.",
        ]
    )


def applied_note(
    file: str,
    words: Sequence[str],
    missing: Sequence[str],
    now: datetime,
    *,
    secrets: bool,
    remade: str | None = None,
) -> bytes:
    """Return the note about a file that was taken over.

    ``missing``: what the system did not let us write; ``remade``: why the phone had lost all it kept, if so.
    """
    lines = [
        f"offhook has taken over {file}.",
        f"When: {now:%Y-%m-%d %H:%M} UTC, by the phone's clock (which may be wrong until it has met the network)",
        "",
        *words,
    ]
    if missing:
        lines += ["", f"Could not be written, and is tried again at every start: {', '.join(missing)}"]
    if remade is not None:
        lines += ["", *_remade(remade), "All that this file says is there again."]
    if secrets:
        lines += [
            "",
            "Passwords were removed from the file; where they stood it says <stored>, and the phone keeps them.",
            "To change one, write the new one in that place. The card may still hold traces of what was removed:",
            "do not give it away without wiping it.",
        ]
    return _windows(lines)


def _remade(reason: str) -> list[str]:
    return [
        "The phone could not read its own memory any more, and made it anew.",
        f"Why: {reason}",
        "All that it kept is gone: its settings, its log, and the passwords that it had taken from this card. Where a",
        "file says <stored>, the password must be written again. If this comes again, the card is worn out: change it.",
    ]


def _windows(lines: Sequence[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode()
