"""The whole phone: files read, fixtures made, one daemon run to its end."""

import asyncio
import gc
import logging
import random
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from offhook.config.board_schema import BoardConfig
from offhook.config.disk import Directory, StoreError
from offhook.config.schema import Config
from offhook.config.store import ConfigStore
from offhook.daemon import journal, settings
from offhook.daemon.build import Fixtures, handset_settings
from offhook.daemon.daemon import Daemon
from offhook.daemon.early import EarlyPhone
from offhook.daemon.files import SIMULATED_BOARD, SIMULATED_CONFIG, VALIDATORS, choose_config, read_board
from offhook.daemon.identity import device_uuid
from offhook.daemon.options import Options
from offhook.daemon.quickform import QuickForm, key_of, remember, texts_of
from offhook.dsp.regions import plan
from offhook.emergency.callback import CallbackSettings, CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.mediachild import MediaChild
from offhook.engine.prompter import Prompter, PrompterSettings
from offhook.errors import OffhookError
from offhook.hardware.settings import BoardSettings
from offhook.provisioning.service import ProvisioningService
from offhook.provisioning.start import Choice
from offhook.status.control import ControlSocket
from offhook.status.linesocket import LineSocket

_log = logging.getLogger(__name__)


async def become_whole(
    options: Options, runtime: Path, early: EarlyPhone | None, child: MediaChild | None, stack: AsyncExitStack
) -> int:
    """Read the files, join the network to the handset (made now where ``early`` is None), and run to the end.

    Raises ConfigError for files with faults, OffhookError where nothing can start.
    """
    # In a thread, as the imports were: this loop has a handset to hear.
    texts = await asyncio.to_thread(_texts, options)
    board_config, wiring = await asyncio.to_thread(_board_file, options)
    notify = journal.notifier()
    desks, built_in = options.desks, None
    if options.exchange:
        from offhook.sim.exchange import Exchange

        exchange = Exchange(Prompter(PrompterSettings(options.state_dir / "exchange")).render)
        host, port = await exchange.open()
        stack.push_async_callback(exchange.close)
        desks = desks or (f"{host}:{port}",)
        built_in = SIMULATED_CONFIG.format(server=f"{host}:{port}")
    store = ConfigStore(Directory(options.state_dir))
    choice = await asyncio.to_thread(choose_config, options.config, built_in, store)
    config = choice.running.config
    logging.getLogger().setLevel(config.log.level.upper())

    def on_network(up: bool) -> None:
        daemon.set_network(up)

    form = quick_form(config, board_config, wiring)
    if early is not None and early.form != form:
        _log.error("what was kept of the last start is not what the files say: the handset begins anew")
        await early.close()
        early = child = None  # the media process went with it
    if early is None:
        early = EarlyPhone(form, options, runtime / "sound", child, on_network if options.simulator else None)
        stack.push_async_callback(early.close)
        await early.start()

    fixtures = Fixtures(
        board=early.board,
        board_audio=board_config.audio,
        watchers=early.watchers,
        guard=EmergencyGuard(desks if wiring.kind == "simulated" else None),
        callback=CallbackWindow(CallbackSettings(config.emergency.callback_window_s)),
        prompts=early.prompts,
        device=device_uuid(options.state_dir),
        sound_socket=early.sound_socket,
    )
    daemon = Daemon(choice.running, fixtures, notify, early)
    await _sockets(options, daemon, runtime, stack)
    stack.push_async_callback(daemon.close)  # before the sockets close: who watches sees the end of calls too
    await daemon.start()
    # What lives now lives to the end. Left out of collections, those are short and come when calls left something
    # behind, not when that is a quarter of the whole program.
    gc.freeze()
    gc.enable()

    def keep_form() -> None:
        """Keep for the next start what this one made of its files."""
        if not choice.faults:
            daemon.spawn(_keep(options, quick_form(daemon.running.config, board_config, wiring), texts, store))

    if daemon.running.origin != "candidate":
        keep_form()
    daemon.on_kept = keep_form
    _provision(daemon, choice, store)
    daemon.updates.follow(config.update)
    await _faces(options, daemon, runtime, stack)
    await daemon.wait()
    return 0


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


async def _keep(options: Options, form: QuickForm, texts: str | None, store: ConfigStore) -> None:
    """Write a form beside the loop; a state directory that cannot be written costs the next start its haste."""
    if texts is None:
        return
    try:
        await asyncio.to_thread(remember, options.state_dir, form, key_of(texts, store.state))
    except StoreError as error:
        _log.warning("the next start will not be a quick one: %s", error)


def _board_file(options: Options) -> tuple[BoardConfig, BoardSettings]:
    if options.board is None:
        return read_board(SIMULATED_BOARD, "the built-in board")
    try:
        text = options.board.read_bytes()
    except OSError as error:
        raise OffhookError(f"{options.board}: cannot be read ({error.strerror}): check --board") from error
    return read_board(text, str(options.board))


async def _sockets(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
    """Open the sockets for programs before the phone starts, so that they see all of it."""
    board, loop = daemon.fixtures.board, asyncio.get_running_loop()
    sockets: list[LineSocket] = []
    if daemon.fixtures.sound_socket is not None:  # a simulated board
        from offhook.sim.board import SimulatedBoard
        from offhook.sim.socket import BoardSocket

        assert isinstance(board, SimulatedBoard)
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
