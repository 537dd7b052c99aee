"""Reading the files that the daemon was started with: every fault told, the last good copy where there is one."""

import sys

from offhook.config.board_schema import BoardConfig
from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board, origins
from offhook.config.schema import Config
from offhook.hardware.settings import BoardSettings
from offhook.phone.dialplan import DialPlan

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
dialplan: "(1xx|x.T|*x.T)"
location: {{civic: {{country: US, A1: NY, A3: Springfield, RD: Evergreen, STS: Terrace, HNO: "742"}}}}
"""


def read_config(text: bytes | str, name: str) -> Config:
    """Return the config, its digit map tried as well. Raises ConfigError with every fault."""
    return load(text, name, {"dialplan": DialPlan})


def read_board(text: bytes | str, name: str) -> tuple[BoardConfig, BoardSettings]:
    """Return the board file's model and the wiring that it means. Raises ConfigError with every fault."""
    from offhook.daemon.boardfile import board_settings

    board = load_board(text, name)
    return board, board_settings(board, origins(text, name))


def complain(error: ConfigError) -> None:
    """Print every fault, one a line."""
    for fault in error.faults:
        sys.stderr.write(f"{fault}\n")
