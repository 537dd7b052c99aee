"""Joins the service that looks for new versions with what is known of this device, and with root's request file."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine

from offhook import __version__
from offhook.config.remote import Update
from offhook.device.update.rauc import Rauc
from offhook.device.update.request import UpdateRequest, write
from offhook.device.update.updatestate import Phase, at_rest
from offhook.device.update.updateview import UpdateView
from offhook.provisioning.updates import Offer, UpdateService

_log = logging.getLogger(__name__)


class UpdateDesk:
    """Implements :class:`offhook.provisioning.updates.UpdateDesk`; ``on_trial``: whether the config is not kept yet."""

    def __init__(
        self, settings: Update, view: UpdateView, on_trial: Callable[[], bool], rauc: Rauc | None = None
    ) -> None:
        self._settings, self._view, self._on_trial, self._rauc = settings, view, on_trial, rauc or Rauc()

    def running(self) -> str:
        return self._view.version or __version__

    def compatible(self) -> str:
        return self._rauc.compatible()

    def refuses(self, version: str) -> str:
        record = self._view.record()
        if record.phase is Phase.FAILED and record.version == version:
            return f"version {version} failed and is not tried again by itself: {record.reason}"
        if not at_rest(record.phase):
            return f"version {version} waits: an update is {record.phase.value}"
        if self._on_trial():
            return f"version {version} waits: the config is on trial"
        return ""

    def minute(self) -> int:
        now = time.localtime()
        return now.tm_hour * 60 + now.tm_min

    def ask(self, offer: Offer) -> None:
        write(UpdateRequest(offer.bundle, offer.version, self._settings.window, self._settings.ca_file or ""))


class UpdateWatch:
    """Looks for new versions as the present config says, and asks for one by a config that is kept.

    ``spawn`` runs the looking beside the phone.
    """

    def __init__(
        self,
        view: UpdateView,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        on_trial: Callable[[], bool],
        rauc: Rauc | None = None,
    ) -> None:
        self._view, self._spawn, self._on_trial, self._rauc = view, spawn, on_trial, rauc
        self._settings = Update()
        self._service: UpdateService | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def offered(self) -> str:
        """The version that the server has and that is newer than what runs, empty: none."""
        return self._service.offered if self._service is not None else ""

    def follow(self, settings: Update) -> None:
        """Go by these settings from now on; where they are the ones of before, nothing is begun anew."""
        if settings == self._settings:
            return
        self._settings = settings
        if self._task is not None:
            self._task.cancel()
        self._service = self._task = None
        if settings.url is None:
            return
        if self._view.boot is None:
            _log.warning("update.url is left out: this machine has no two slots; update it by apt")
            return
        from offhook.provisioning.fetch import Fetcher  # http and TLS: most phones do without

        self._service = UpdateService(
            settings,
            Fetcher(ca_file=settings.ca_file, setting="update"),
            UpdateDesk(settings, self._view, self._on_trial, self._rauc),
            clock=asyncio.get_running_loop().time,
            random=random.random,
            report=lambda line: _log.info("updates: %s", line),
        )
        self._task = self._spawn(self._service.run())
