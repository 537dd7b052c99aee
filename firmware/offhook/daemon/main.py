"""``offhook run`` and ``offhook sim``: files read, fixtures made, one daemon run to its end."""

import asyncio
import logging
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from offhook.config.board_schema import BoardConfig
from offhook.config.faults import ConfigError
from offhook.config.schema import Config
from offhook.daemon import journal, settings
from offhook.daemon.build import Fixtures
from offhook.daemon.daemon import Daemon
from offhook.daemon.files import SIMULATED_BOARD, SIMULATED_CONFIG, complain, read_board, read_config
from offhook.daemon.identity import device_uuid
from offhook.daemon.options import Options
from offhook.dsp.regions import plan
from offhook.emergency.callback import CallbackSettings, CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.observations import PowerOffSeen
from offhook.engine.ports import Board
from offhook.engine.prompter import Prompter, PrompterSettings
from offhook.engine.watchers import Watchers
from offhook.errors import OffhookError
from offhook.hardware.settings import BoardSettings

EX_UNAVAILABLE = 69
EX_CONFIG = 78
_log = logging.getLogger(__name__)


def run(options: Options) -> int:
    """Be the phone until SIGTERM; return the exit status: 0, 78 for files with faults, 69 where nothing can start."""
    journal.set_up("info")
    try:
        return asyncio.run(_run(options))
    except ConfigError as error:
        complain(error)
        return EX_CONFIG
    except OffhookError as error:
        _log.error("%s", error)
        return EX_UNAVAILABLE


async def _run(options: Options) -> int:
    """Make everything in the order in which it is needed; the stack takes it down in the opposite one."""
    board_config, wiring = _board_file(options)
    notify = journal.notifier()
    async with AsyncExitStack() as stack:
        desks = options.desks
        prompts = options.state_dir / "prompts"
        if options.exchange:
            from offhook.sim.exchange import Exchange

            exchange = Exchange(Prompter(PrompterSettings(prompts)).render)
            host, port = await exchange.open()
            stack.push_async_callback(exchange.close)
            desks = desks or (f"{host}:{port}",)
            config, origin = _config(options, SIMULATED_CONFIG.format(server=f"{host}:{port}"))
        else:
            config, origin = _config(options, None)
        logging.getLogger().setLevel(config.log.level.upper())
        config = _with_board_audio(config, board_config)

        watchers = Watchers()
        runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offhook-")))
        fixtures = Fixtures(
            board=_board(wiring, config, watchers),
            watchers=watchers,
            guard=EmergencyGuard(desks if wiring.kind == "simulated" else None),
            callback=CallbackWindow(CallbackSettings(config.emergency.callback_window_s)),
            prompts=prompts,
            device=device_uuid(options.state_dir),
            sound_socket=runtime / "sound" if wiring.kind == "simulated" else None,
        )
        daemon = Daemon(config, origin, fixtures, notify)
        stack.push_async_callback(daemon.close)
        await _sockets(options, daemon, runtime, stack)
        await daemon.start()
        await _faces(options, daemon, runtime, stack)
        await daemon.wait()
    return 0


def _board_file(options: Options) -> tuple[BoardConfig, BoardSettings]:
    if options.board is None:
        return read_board(SIMULATED_BOARD, "the built-in board")
    try:
        return read_board(options.board.read_bytes(), str(options.board))
    except OSError as error:
        raise OffhookError(f"{options.board}: cannot be read ({error.strerror}): check --board") from error


def _config(options: Options, built_in: str | None) -> tuple[Config, str]:
    """Return the config to start with, and where it came from. Raises ConfigError, OffhookError."""
    if options.config is None:
        if built_in is None:
            raise OffhookError("without the built-in exchange there is no account: give a config with --config FILE")
        return read_config(built_in, "the built-in config"), "built in"
    try:
        return read_config(options.config.read_bytes(), str(options.config)), str(options.config)
    except OSError as error:
        raise OffhookError(f"{options.config}: cannot be read ({error.strerror}): check --config") from error


def _with_board_audio(config: Config, board: BoardConfig) -> Config:
    if board.audio is None or config.audio.capture is not None:
        return config
    audio = config.audio.model_copy(update={"capture": board.audio.capture, "playback": board.audio.playback})
    return config.model_copy(update={"audio": audio})


def _board(wiring: BoardSettings, config: Config, watchers: Watchers) -> Board:
    flash = settings.flash_window(config, plan(config.country))
    if wiring.kind == "simulated":
        from offhook.sim.board import SimulatedBoard

        loop = asyncio.get_running_loop()
        return SimulatedBoard(wiring, flash, loop, lambda: watchers.note(PowerOffSeen()))
    from offhook.hardware.battery import KernelBattery
    from offhook.hardware.board import GpioBoard
    from offhook.hardware.pins import open_factory

    supply = KernelBattery(Path(config.power.supply))
    return GpioBoard(wiring, open_factory(), flash, supply.read)


async def _sockets(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
    """Open the sockets for programs before the phone starts, so that they see all of it."""
    from offhook.sim.board import SimulatedBoard

    board = daemon.fixtures.board
    if isinstance(board, SimulatedBoard):
        from offhook.sim.socket import BoardSocket

        loop = asyncio.get_running_loop()
        for path in {runtime / "board", options.board_socket} - {None}:
            socket = BoardSocket(board, Path(str(path)), daemon.status, loop.time)
            await socket.start()
            stack.push_async_callback(socket.stop)
            daemon.fixtures.watchers.add(socket)


async def _faces(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
    """Show the page, or the terminal phone."""
    if options.web:
        from offhook.sim.web import PageServer

        page = PageServer(runtime / "board", runtime / "sound")
        await page.start(options.web_port)
        stack.push_async_callback(page.stop)
        _log.info("open the phone at %s", page.url)
    if options.simulator:
        from offhook.sim.terminal import Terminal

        daemon.spawn(Terminal(runtime / "board").run())
