"""Reading the files that the daemon was started with: every fault told, the last good copy where there is one."""

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from offhook.config.board_schema import BoardAudio, BoardConfig
from offhook.config.faults import Fault
from offhook.config.load import Validator, load, load_board, origins
from offhook.config.schema import Config
from offhook.config.store import ConfigStore
from offhook.emergency.numbers import numbers_for
from offhook.errors import OffhookError
from offhook.hardware.settings import BoardSettings
from offhook.phone.dialplan import DialPlan
from offhook.provisioning.start import Choice, Running, choose

_log = logging.getLogger(__name__)

SIMULATED_BOARD = """\
kind: simulated
keypad: 4x3
lamps: [line, message, battery]
buttons: [volume_up, volume_down]
"""

SIMULATED_CONFIG = """\
country: US
accounts:
  - name: exchange
    uri: sip:1001@offhook.invalid
    server: {server}
    expires: 600
sip: {{listen: "127.0.0.1:0"}}
rtp: {{ports: 41000-41100}}
dialplan: "(1xx|[02-9]x.T|*x.T)"
location: {{civic: {{country: US, A1: NY, A3: Springfield, RD: Evergreen, STS: Terrace, HNO: "742"}}}}
"""


VALIDATORS: Mapping[str, Validator] = {"country": numbers_for, "dialplan": DialPlan}
"""What the rooms say of single settings: a country without known emergency numbers is a fault of the file."""


def choose_config(path: Path | None, built_in: str | None, store: ConfigStore) -> Choice:
    """Return the config to start on: the file's, its last good copy, a provisioned one, or the built-in one.

    Every fault of the file is printed. Raises ConfigError where nothing good is left, OffhookError where neither a
    file nor a built-in config is there.
    """
    if path is None:
        if built_in is None:
            raise OffhookError("without the built-in exchange there is no account: give a config with --config FILE")
        running = Running(load(built_in, "the built-in config", VALIDATORS), "built-in")
        return Choice(running, running, running.config.provisioning)
    choice = choose(_read(path), str(path), store, VALIDATORS)
    if choice.faults:
        complain(choice.faults)
    for note in choice.notes:
        _log.warning("%s", note)
    return choice


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def with_board_audio(config: Config, audio: BoardAudio | None) -> Config:
    """Return ``config`` with the board's own card where it names none; its mixer is laid over the board's."""
    if audio is None or config.audio.capture is not None:
        return config
    mixer = {**audio.mixer, **config.audio.mixer}
    cards = config.audio.model_copy(update={"capture": audio.capture, "playback": audio.playback, "mixer": mixer})
    return config.model_copy(update={"audio": cards})


def read_board(text: bytes | str, name: str) -> tuple[BoardConfig, BoardSettings]:
    """Return the board file's model and the wiring that it means. Raises ConfigError with every fault."""
    from offhook.daemon.boardfile import board_settings

    board = load_board(text, name)
    return board, board_settings(board, origins(text, name))


def complain(faults: Iterable[Fault]) -> None:
    """Print every fault, one a line."""
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
