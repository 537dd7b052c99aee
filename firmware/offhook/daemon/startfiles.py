"""The files of one start, read once: board, config, and what of them is kept for the next start."""

import asyncio
import logging
from dataclasses import dataclass

from offhook.config.board_schema import BoardConfig
from offhook.config.disk import Directory, StoreError
from offhook.config.schema import Config
from offhook.config.store import ConfigStore
from offhook.daemon import settings
from offhook.daemon.build import handset_settings
from offhook.daemon.files import SIMULATED_BOARD, choose_config, read_board
from offhook.daemon.options import Options
from offhook.daemon.quickform import QuickForm, key_of, remember, texts_of
from offhook.dsp.regions import plan
from offhook.errors import OffhookError
from offhook.hardware.settings import BoardSettings
from offhook.provisioning.start import Choice

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartFiles:
    """See the module. ``texts`` binds a form to the files that it is made of; None: none is kept of this start."""

    choice: Choice
    board: BoardConfig
    wiring: BoardSettings
    store: ConfigStore
    texts: str | None

    @classmethod
    def read(cls, options: Options, built_in: str | None) -> "StartFiles":
        """Read all of them. Raises ConfigError for files with faults, OffhookError where nothing can start."""
        texts = _texts(options)  # first: a file that is changed meanwhile must not be taken for what is read here
        board, wiring = _board(options)
        store = ConfigStore(Directory(options.state_dir))
        return cls(choose_config(options.config, built_in, store), board, wiring, store, texts)

    def form(self, config: Config) -> QuickForm:
        """Return what dial tone needs of a config and this board."""
        return quick_form(config, self.board, self.wiring)

    async def keep(self, options: Options, config: Config) -> None:
        """Keep the form for the next start; a folder that cannot be written costs that one its haste."""
        if self.texts is None or self.choice.faults:
            return
        try:
            await asyncio.to_thread(
                remember, options.state_dir, self.form(config), key_of(self.texts, self.store.state)
            )
        except StoreError as error:
            _log.warning("the next start will not be a quick one: %s", error)


def quick_form(config: Config, board: BoardConfig, wiring: BoardSettings) -> QuickForm:
    """Return what dial tone needs of these files."""
    return QuickForm(
        handset=handset_settings(config, board.audio, None),
        board=wiring,
        flash=settings.flash_window(config, plan(config.country)),
        supply=config.power.supply,
        log_level=config.log.level,
    )


def _texts(options: Options) -> str | None:
    """Return what a form of these files would be bound to; None where none is kept."""
    if options.simulator or options.config is None or options.board is None:
        return None
    try:
        return texts_of(options.config, options.board)
    except OSError:
        return None  # said by whoever reads the file


def _board(options: Options) -> tuple[BoardConfig, BoardSettings]:
    if options.board is None:
        return read_board(SIMULATED_BOARD, "the built-in board")
    try:
        text = options.board.read_bytes()
    except OSError as error:
        raise OffhookError(f"{options.board}: cannot be read ({error.strerror}): check --board") from error
    return read_board(text, str(options.board))
