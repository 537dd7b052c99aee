"""The phone before its network: sound started, pins open, the hook listened to.

Nothing here imports SIP, the schema library or anything else that a lift, a tone and digits can do without.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from offhook.daemon.handset import Handset
from offhook.daemon.options import Options
from offhook.daemon.quickform import QuickForm
from offhook.engine.mediachild import MediaChild
from offhook.engine.observations import PowerOffSeen
from offhook.engine.ports import Board, BoardListener
from offhook.engine.watchers import Watchers
from offhook.phone.events import Event
from offhook.power.reading import PowerReading


class Relay:
    """Implements :class:`offhook.engine.ports.BoardListener`: passes on to whoever listens at the moment."""

    def __init__(self, listener: BoardListener) -> None:
        self.listener = listener

    def phone_event(self, event: Event, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`."""
        self.listener.phone_event(event, t)

    def button(self, name: str, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`."""
        self.listener.button(name, t)


class EarlyPhone:
    """Board and handset of one form: a lift has its tone, and an emergency number is kept until it can be called."""

    def __init__(
        self,
        form: QuickForm,
        options: Options,
        sound_socket: Path,
        child: MediaChild | None,
        on_network: Callable[[bool], None] | None = None,
    ) -> None:
        """``sound_socket``: where a simulated board exchanges sound. Raises DeviceError where there are no pins."""
        self.form = form
        self.watchers = Watchers()
        self.sound_socket = sound_socket if form.board.kind == "simulated" else None
        self.prompts = options.state_dir / "prompts"
        self.board = self._board(options, on_network)
        media = replace(form.handset.media, sound_socket=str(self.sound_socket) if self.sound_socket else None)
        settings = replace(form.handset, media=media)
        self.handset = Handset(settings, self.board, self.prompts, self.watchers.note, child)
        self.relay = Relay(self.handset.switchboard)

    async def start(self) -> None:
        """Sound first, then pins: a handset that is off the hook already gets its tone at once.

        That is dial tone: a number that is dialled now is called as soon as an account is in service.
        """
        await self.handset.media.start()
        self.handset.switchboard.expect_network()
        self.handset.switchboard.expect_service()
        self.board.start(self.relay)

    async def close(self) -> None:
        """Release pins and sound."""
        await self.handset.close()
        self.board.close()

    def _board(self, options: Options, on_network: Callable[[bool], None] | None) -> Board:
        """Make the handset's body; ``on_network``: the simulator owns the link, and tells when it is pulled."""
        form = self.form
        if form.board.kind == "simulated":
            from offhook.sim.board import SimulatedBoard

            loop = asyncio.get_running_loop()
            switched_off = lambda: self.watchers.note(PowerOffSeen())  # noqa: E731
            return SimulatedBoard(form.board, form.flash, loop, switched_off, on_network, lifted=options.off_hook)
        from offhook.hardware.battery import KernelBattery
        from offhook.hardware.board import GpioBoard
        from offhook.hardware.factory import open_factory

        read_power = KernelBattery(Path(form.supply)).read if form.board.power == "kernel" else PowerReading
        return GpioBoard(form.board, open_factory(form.board.gpio), form.flash, read_power)
