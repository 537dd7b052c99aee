"""The life of the program: early from what was kept of the last start, where that still holds, then whole."""

import asyncio
import importlib
import logging
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from offhook.config.faults import ConfigError
from offhook.daemon.early import EarlyPhone
from offhook.daemon.options import Options
from offhook.daemon.quickform import forget, recall
from offhook.engine.mediachild import MediaChild
from offhook.errors import OffhookError

EX_UNAVAILABLE = 69
EX_CONFIG = 78
_log = logging.getLogger(__name__)


def live(options: Options, child: MediaChild | None) -> int:
    """Be the phone until SIGTERM; return the exit status."""
    try:
        return asyncio.run(_live(options, child))
    except ConfigError as error:
        from offhook.daemon.files import complain

        complain(error.faults)
        return EX_CONFIG
    except OffhookError as error:
        _log.error("%s", error)
        return EX_UNAVAILABLE
    except asyncio.CancelledError:  # told to stop before it was up
        return 0


async def _live(options: Options, child: MediaChild | None) -> int:
    """Make everything in the order in which it is needed; the stack takes it down in the opposite one."""
    _stop_when_told()
    async with AsyncExitStack() as stack:
        runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offhook-")))
        early = await _begin(options, runtime, child, stack)
        # In a thread: whoever lifts now is heard by this loop, and has the tone already.
        await asyncio.to_thread(importlib.import_module, "offhook.daemon.whole")
        from offhook.daemon.whole import become_whole

        return await become_whole(options, runtime, early, child, stack)


async def _begin(options: Options, runtime: Path, child: MediaChild | None, stack: AsyncExitStack) -> EarlyPhone | None:
    """Start on the form that was kept; None: there is none that holds, or it cannot be started on."""
    form = None if options.simulator else recall(options.state_dir, options.config, options.board)
    if form is None:
        return None
    logging.getLogger().setLevel(form.log_level.upper())
    try:
        try:
            early = EarlyPhone(form, options, runtime / "sound", child)
        except OffhookError:
            return None  # the files are read, and whatever is wrong is said then
        stack.push_async_callback(early.close)
        await early.start()
    except Exception:
        forget(options.state_dir)  # the program ends and is started again: not on this, or it would go on so for ever
        raise
    _log.info("the handset works, by what was kept of the last start; the network follows")
    return early


def _stop_when_told() -> None:
    """Let SIGTERM and control-C end this task until the daemon is there to take them."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
