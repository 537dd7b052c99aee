"""What a phone shows to programs and, simulated, to people: its sockets, the page, the terminal."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from offhook.daemon.daemon import Daemon
from offhook.daemon.options import Options
from offhook.errors import OffhookError
from offhook.status.control import ControlSocket
from offhook.status.linesocket import LineSocket

_log = logging.getLogger(__name__)


async def open_sockets(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
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


async def show_faces(options: Options, daemon: Daemon, runtime: Path, stack: AsyncExitStack) -> None:
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
