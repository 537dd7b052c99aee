"""``offhook run`` and ``offhook sim``: files read, fixtures made, one daemon run to its end."""

import asyncio
import gc
import logging
import os
import random
import signal
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from offhook.config.board_schema import BoardConfig
from offhook.config.disk import Directory
from offhook.config.faults import ConfigError
from offhook.config.remote import Update
from offhook.config.schema import Config
from offhook.config.store import ConfigStore
from offhook.daemon import journal, settings
from offhook.daemon.build import Fixtures
from offhook.daemon.daemon import Daemon
from offhook.daemon.files import (
    SIMULATED_BOARD,
    SIMULATED_CONFIG,
    VALIDATORS,
    choose_config,
    complain,
    read_board,
)
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
from offhook.provisioning.service import ProvisioningService
from offhook.provisioning.start import Choice
from offhook.status.control import ControlSocket
from offhook.status.linesocket import LineSocket

EX_UNAVAILABLE = 69
EX_CONFIG = 78
_log = logging.getLogger(__name__)


def run(options: Options) -> int:
    """Be the phone until SIGTERM; return the exit status: 0, 78 for files with faults, 69 where nothing can start."""
    journal.set_up("info")
    os.umask(0o077)  # configs, prompts and the phone's identity are nobody else's business
    try:
        return asyncio.run(_run(options))
    except ConfigError as error:
        complain(error.faults)
        return EX_CONFIG
    except OffhookError as error:
        _log.error("%s", error)
        return EX_UNAVAILABLE
    except asyncio.CancelledError:  # told to stop before it was up
        return 0


async def _run(options: Options) -> int:
    """Make everything in the order in which it is needed; the stack takes it down in the opposite one."""
    _stop_when_told()
    board_config, wiring = _board_file(options)
    notify = journal.notifier()
    async with AsyncExitStack() as stack:
        desks, built_in = options.desks, None
        prompts = options.state_dir / "prompts"
        if options.exchange:
            from offhook.sim.exchange import Exchange

            exchange = Exchange(Prompter(PrompterSettings(options.state_dir / "exchange")).render)
            host, port = await exchange.open()
            stack.push_async_callback(exchange.close)
            desks = desks or (f"{host}:{port}",)
            built_in = SIMULATED_CONFIG.format(server=f"{host}:{port}")
        store = ConfigStore(Directory(options.state_dir))
        choice = choose_config(options.config, built_in, store)
        config = choice.running.config
        logging.getLogger().setLevel(config.log.level.upper())

        watchers = Watchers()
        runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offhook-")))
        simulated = wiring.kind == "simulated"

        def on_network(up: bool) -> None:
            daemon.set_network(up)

        fixtures = Fixtures(
            board=_board(wiring, config, watchers, on_network if options.simulator else None),
            board_audio=board_config.audio,
            watchers=watchers,
            guard=EmergencyGuard(desks if simulated else None),
            callback=CallbackWindow(CallbackSettings(config.emergency.callback_window_s)),
            prompts=prompts,
            device=device_uuid(options.state_dir),
            sound_socket=runtime / "sound" if simulated else None,
        )
        daemon = Daemon(choice.running, fixtures, notify)
        await _sockets(options, daemon, runtime, stack)
        stack.push_async_callback(daemon.close)  # before the sockets close: who watches sees the end of calls too
        await daemon.start()
        # What lives now lives to the end. Left out of collections, those are short and come when calls left something
        # behind, not when that is a quarter of the whole program.
        gc.freeze()
        _provision(daemon, choice, store)
        _look_for_updates(daemon, config.update)
        await _faces(options, daemon, runtime, stack)
        await daemon.wait()
    return 0


def _stop_when_told() -> None:
    """Let SIGTERM and control-C end this task until the daemon is there to take them."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _board_file(options: Options) -> tuple[BoardConfig, BoardSettings]:
    if options.board is None:
        return read_board(SIMULATED_BOARD, "the built-in board")
    try:
        return read_board(options.board.read_bytes(), str(options.board))
    except OSError as error:
        raise OffhookError(f"{options.board}: cannot be read ({error.strerror}): check --board") from error


def _board(
    wiring: BoardSettings, config: Config, watchers: Watchers, on_network: Callable[[bool], None] | None
) -> Board:
    """Make the handset's body; ``on_network``: the simulator owns the link, and tells when it is pulled."""
    flash = settings.flash_window(config, plan(config.country))
    if wiring.kind == "simulated":
        from offhook.sim.board import SimulatedBoard

        loop = asyncio.get_running_loop()
        return SimulatedBoard(wiring, flash, loop, lambda: watchers.note(PowerOffSeen()), on_network)
    from offhook.hardware.battery import KernelBattery
    from offhook.hardware.board import GpioBoard
    from offhook.hardware.factory import open_factory

    supply = KernelBattery(Path(config.power.supply))
    return GpioBoard(wiring, open_factory(wiring.gpio), flash, supply.read)


async def _sockets(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
    """Open the sockets for programs before the phone starts, so that they see all of it."""
    from offhook.sim.board import SimulatedBoard

    board, loop = daemon.fixtures.board, asyncio.get_running_loop()
    sockets: list[LineSocket] = []
    if isinstance(board, SimulatedBoard):
        from offhook.sim.socket import BoardSocket

        paths = [runtime / "board"] + ([options.board_socket] if options.board_socket else [])
        sockets += [BoardSocket(board, path, daemon.status, loop.time) for path in paths]
    if options.control_socket is not None:
        control = ControlSocket(options.control_socket, daemon.status, lambda: daemon.line.programs, loop.time)
        if options.control_asked or await _opens(control):
            sockets.append(control)
    for socket in sockets:
        await socket.start()
        stack.push_async_callback(socket.stop)
        daemon.fixtures.watchers.add(socket)


async def _opens(control: ControlSocket) -> bool:
    """Open the control socket where it is looked for, if that can be: a phone beside another has to do without."""
    try:
        with suppress(FileExistsError):
            control.path.parent.mkdir(mode=0o750)
        await control.start()
    except (OSError, OffhookError) as error:
        _log.warning("no control socket: %s", error)
        return False
    return True


def _provision(daemon: Daemon, choice: Choice, store: ConfigStore) -> None:
    """Ask the server for configs, where the local file names one."""
    if choice.provisioning.url is None and choice.running.origin != "candidate":
        return
    from offhook.provisioning.fetch import Fetcher

    service = ProvisioningService(
        choice,
        store,
        daemon,
        Fetcher(ca_file=choice.provisioning.ca_file),
        validators=VALIDATORS,
        clock=asyncio.get_running_loop().time,
        random=random.random,
        report=daemon.provisioning_report,
    )
    daemon.provisioning = service
    daemon.spawn(service.run())


def _look_for_updates(daemon: Daemon, update: Update) -> None:
    """Ask the server for new versions, where the config names one and this device has a slot for them."""
    if update.url is None:
        return
    if daemon.updated.boot is None:
        _log.warning("update.url is left out: this machine has no two slots; update it by apt")
        return
    from offhook.daemon.updating import UpdateDesk
    from offhook.provisioning.fetch import Fetcher
    from offhook.provisioning.updates import UpdateService

    service = UpdateService(
        update,
        Fetcher(ca_file=update.ca_file, setting="update"),
        UpdateDesk(update, daemon.updated),
        clock=asyncio.get_running_loop().time,
        random=random.random,
        report=lambda line: _log.info("updates: %s", line),
    )
    daemon.updates = service
    daemon.spawn(service.run())


async def _faces(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
    """Show the page, or the terminal phone."""
    if options.web:
        from offhook.sim.terminal import announce
        from offhook.sim.web import PageServer, kept_token

        page = PageServer(runtime / "board", runtime / "sound", kept_token(options.state_dir / "page-token"))
        await page.start(daemon.running.config.web.port if options.web_port is None else options.web_port)
        stack.push_async_callback(page.stop)
        announce(page.url)
    if options.simulator:
        from offhook.sim.terminal import Terminal

        daemon.spawn(Terminal(runtime / "board", daemon.stop, quiet=options.web).run())
