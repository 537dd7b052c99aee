"""The whole phone: files read, fixtures made, one daemon run to its end."""

import asyncio
import gc
import logging
import random
from contextlib import AsyncExitStack
from pathlib import Path

from offhook.daemon import journal
from offhook.daemon.build import Fixtures
from offhook.daemon.daemon import Daemon
from offhook.daemon.early import EarlyPhone
from offhook.daemon.faces import open_sockets, show_faces
from offhook.daemon.files import SIMULATED_CONFIG, VALIDATORS
from offhook.daemon.identity import device_uuid
from offhook.daemon.options import Options
from offhook.daemon.startfiles import StartFiles
from offhook.emergency.callback import CallbackSettings, CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.mediachild import MediaChild
from offhook.engine.prompter import Prompter, PrompterSettings
from offhook.provisioning.service import ProvisioningService

_log = logging.getLogger(__name__)


async def become_whole(
    options: Options, runtime: Path, early: EarlyPhone | None, child: MediaChild | None, stack: AsyncExitStack
) -> int:
    """Read the files, join the network to the handset (made now where ``early`` is None), and run to the end.

    Raises ConfigError for files with faults, OffhookError where nothing can start.
    """
    exchange = await _exchange(options, stack) if options.exchange else None
    built_in = SIMULATED_CONFIG.format(server=exchange) if exchange else None
    # In a thread, as the imports were: this loop has a handset to hear.
    files = await asyncio.to_thread(StartFiles.read, options, built_in)
    running = files.choice.running
    logging.getLogger().setLevel(running.config.log.level.upper())

    def on_network(up: bool) -> None:
        daemon.set_network(up)

    form = files.form(running.config)
    if early is not None and early.form != form:
        _log.error("what was kept of the last start is not what the files say: the handset begins anew")
        await early.close()
        early = child = None  # the media process went with it
    if early is None:
        early = EarlyPhone(form, options, runtime / "sound", child, on_network if options.simulator else None)
        stack.push_async_callback(early.close)
        await early.start()

    daemon = Daemon(running, _fixtures(options, files, early, exchange), journal.notifier(), early)
    await open_sockets(options, daemon, runtime, stack)
    stack.push_async_callback(daemon.close)  # before the sockets close: who watches sees the end of calls too
    await daemon.start()
    # What lives now lives to the end. Left out of collections, those are short and come when calls left something
    # behind, not when that is a quarter of the whole program.
    gc.freeze()
    gc.enable()

    _keep_forms(options, daemon, files)
    _provision(daemon, files)
    daemon.updates.follow(running.config.update)
    await show_faces(options, daemon, runtime, stack)
    await daemon.wait()
    return 0


async def _exchange(options: Options, stack: AsyncExitStack) -> str:
    """Open the built-in exchange; return where it is."""
    from offhook.sim.exchange import Exchange

    exchange = Exchange(Prompter(PrompterSettings(options.state_dir / "exchange")).render)
    host, port = await exchange.open()
    stack.push_async_callback(exchange.close)
    return f"{host}:{port}"


def _fixtures(options: Options, files: StartFiles, early: EarlyPhone, exchange: str | None) -> Fixtures:
    """Return what stays while configs come and go. A simulated board reaches no emergency desk but a test's."""
    desks = options.desks or ((exchange,) if exchange else ())
    window = files.choice.running.config.emergency.callback_window_s
    return Fixtures(
        board=early.board,
        board_audio=files.board.audio,
        watchers=early.watchers,
        guard=EmergencyGuard(desks if files.wiring.kind == "simulated" else None),
        callback=CallbackWindow(CallbackSettings(window)),
        prompts=early.prompts,
        device=device_uuid(options.state_dir),
        sound_socket=early.sound_socket,
    )


def _keep_forms(options: Options, daemon: Daemon, files: StartFiles) -> None:
    """Keep for the next start what this one made of its files, now and whenever a config is kept; none on trial."""

    def keep() -> None:
        daemon.spawn(files.keep(options, daemon.running.config))

    if daemon.running.origin != "candidate":
        keep()
    daemon.on_kept = keep


def _provision(daemon: Daemon, files: StartFiles) -> None:
    """Ask the server for configs, where the local file names one."""
    choice = files.choice
    if choice.provisioning.url is None and choice.running.origin != "candidate":
        return
    from offhook.provisioning.fetch import Fetcher

    service = ProvisioningService(
        choice,
        files.store,
        daemon,
        Fetcher(ca_file=choice.provisioning.ca_file),
        validators=VALIDATORS,
        clock=asyncio.get_running_loop().time,
        random=random.random,
        report=daemon.provisioning_report,
    )
    daemon.provisioning = service
    daemon.spawn(service.run())
