"""Joins the service that looks for new versions with what is known of this device, and with root's request file."""

import time

from offhook import __version__
from offhook.config.remote import Update
from offhook.device.rauc import Rauc
from offhook.device.request import UpdateRequest, write
from offhook.device.updatestate import Phase, at_rest
from offhook.device.updateview import UpdateView
from offhook.provisioning.updates import Offer


class UpdateDesk:
    """Implements :class:`offhook.provisioning.updates.UpdateDesk`."""

    def __init__(self, settings: Update, view: UpdateView, rauc: Rauc | None = None) -> None:
        self._settings, self._view, self._rauc = settings, view, rauc or Rauc()

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
        return ""

    def minute(self) -> int:
        now = time.localtime()
        return now.tm_hour * 60 + now.tm_min

    def ask(self, offer: Offer) -> None:
        write(UpdateRequest(offer.bundle, offer.version, self._settings.window, self._settings.ca_file or ""))
