"""Root's part of an update: fetch, verify, install, and restart into the other slot when nobody would notice."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from offhook.config.disk import StoreError
from offhook.config.versions import newer
from offhook.device.boot.slots import Slot, other
from offhook.device.update.fetching import BundleFetchError
from offhook.device.update.health import before_of
from offhook.device.update.quiet import Status, Waiter, hinders, hinders_restart, in_use
from offhook.device.update.rauc import BundleError, BundleInfo
from offhook.device.update.request import UpdateRequest
from offhook.device.update.updaterecord import Record, Records
from offhook.device.update.updatestate import Happening, Phase
from offhook.errors import OffhookError

_log = logging.getLogger(__name__)


class Installer(Protocol):
    """See :class:`offhook.device.update.rauc.Rauc`."""

    def verify(self, bundle: Path) -> BundleInfo: ...
    def install(self, bundle: Path, in_use: Callable[[], str]) -> None: ...
    def stop(self) -> None: ...


class Machine(Protocol):
    """What is asked of the machine. Each raises OffhookError."""

    def status(self) -> Status | None:
        """Return the phone's status object, None where no phone answers."""

    def fetch(self, request: UpdateRequest, target: Path) -> None:
        """Fetch a bundle. Raises BundleFetchError."""

    def prepare(self, slot: Slot) -> None:
        """See to it that this slot would be tried. Raises SlotError, CardError."""

    def restart_to_try(self) -> None:
        """Restart into the other slot, once."""

    def minute(self) -> int:
        """Return the minute of the local day."""


class Updater:
    """``running``: the slot and version that run now; ``store``: where a bundle is kept while it is needed."""

    def __init__(
        self,
        running: tuple[Slot, str],
        records: Records,
        installer: Installer,
        machine: Machine,
        store: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._slot, self._version = running
        self._records, self._installer, self._machine, self._store = records, installer, machine, store
        self._wall = wall
        self._waiter = Waiter(machine.status, clock, sleep)

    def update(self, request: UpdateRequest, *, only_newer: bool) -> Record:
        """Take an update from its URL to the restart; return the record as it is then.

        ``only_newer``: refuse what is not newer than what runs, or not what was asked for. So the phone's own requests
        are judged: an old signed bundle with known faults could be put in front of it. Raises OffhookError where
        nothing could be begun.
        """
        record = self._begin(request.version, request.url, request.when, refuse_failed=only_newer)
        try:
            self._machine.fetch(request, self._store)
            record = self._install(record, self._store, request.version if only_newer else None)
        except BundleFetchError as error:
            return self._happened(record, Happening.GAVE_UP, str(error))
        finally:
            self._store.unlink(missing_ok=True)
        return self._try(record)

    def update_from(self, bundle: Path) -> Record:
        """The same with a bundle that is here already. Raises OffhookError where nothing could be begun."""
        return self._try(self._install(self._begin("", str(bundle), "", refuse_failed=False), bundle, None))

    def resume(self) -> Record:
        """Go on with an update that is installed and waits for its trial; anything else is left as it is."""
        return self._try(self._records.read())

    def ended(self) -> Record:
        """Let go of what an updater was at that is no more: it was killed, or could not note its end on a full disk.

        What is installed already waits for its trial.
        """
        record = self._records.read()
        if record.phase not in (Phase.FETCHING, Phase.VERIFIED):
            return record
        if record.phase is Phase.VERIFIED:
            self._installer.stop()
            record = self._records.read()  # rauc wrote to it until now
        self._store.unlink(missing_ok=True)
        return self._happened(
            record, Happening.GAVE_UP, "the updater ended before it was done: journalctl -u offhook-update"
        )

    def _begin(self, version: str, url: str, when: str, *, refuse_failed: bool) -> Record:
        record = self._records.read()
        if refuse_failed and record.phase is Phase.FAILED and version and record.version == version:
            raise BundleError(f"version {version} failed already ({record.reason}): it is not tried again by itself")
        if record.phase is Phase.TRYING:
            raise BundleError("an update is on trial: wait for its end")
        record = replace(record, slot=other(self._slot))
        # Whoever calls this is the only one that does (see ``cli_update``): what was under way was broken off.
        record, _ = record.after(Happening.NORMAL_START, self._wall())
        after, _ = record.after(Happening.REQUESTED, self._wall())
        place = urlsplit(url)
        shown = f"{place.scheme}://{place.hostname}{place.path}" if place.scheme else url
        after = replace(after, version=version, url=shown, when=when, stage="", reason="")
        self._records.save(after)
        return after

    def _install(self, record: Record, bundle: Path, promised: str | None) -> Record:
        try:
            info = self._installer.verify(bundle)
            if promised is not None and info.version != promised:
                raise BundleError(f"version {promised} was promised, and the bundle is {info.version}: mend the server")
            record = replace(record, version=info.version or record.version)
            if promised is not None and not newer(info.version, self._version):
                raise BundleError(
                    f"version {info.version} is not newer than {self._version}, which runs: nothing to do"
                )
            self._machine.prepare(other(self._slot))
        except OffhookError as error:
            return self._happened(record, Happening.REFUSED, str(error))
        record = self._happened(record, Happening.FETCHED)
        self._waiter.wait(hinders, self._tell)
        try:
            self._installer.install(bundle, lambda: in_use(self._machine.status()))
        except BundleError as error:
            return self._happened(self._records.read(), Happening.REFUSED, str(error))
        record = self._records.read().marked(other(self._slot), "good")  # rauc wrote to it meanwhile
        return self._happened(replace(record, armed=other(self._slot)), Happening.INSTALLED)

    def _try(self, record: Record) -> Record:
        """Wait for a good moment and restart into the other slot; where nothing is installed, nothing happens."""
        if record.phase is not Phase.INSTALLED:
            return record

        def hindrance(status: Status | None) -> str:
            return hinders_restart(status, record.when, self._machine.minute())

        before = before_of(self._waiter.wait(hindrance, self._tell))
        record = replace(self._records.read(), before=before)
        try:
            self._machine.prepare(other(self._slot))
            record = self._happened(record, Happening.TRIAL_STARTED)
            self._machine.restart_to_try()
        except StoreError:
            raise  # without the note a trial that does not come back would be tried again and again
        except OffhookError as error:
            failure = Happening.UNHEALTHY if record.phase is Phase.TRYING else Happening.REFUSED
            return self._happened(record, failure, f"no trial could be begun: {error}")
        return record

    def _tell(self, reason: str) -> None:
        _log.info("the update waits: %s", reason)
        try:
            self._records.save(replace(self._records.read(), reason=f"waits: {reason}"))
        except StoreError as error:  # it goes on to wait all the same: the disk may take something again
            _log.error("what the update waits for cannot be noted: %s", error)

    def _happened(self, record: Record, happening: Happening, reason: str = "") -> Record:
        after, _ = record.after(happening, self._wall(), reason)
        self._records.save(after)
        level = logging.WARNING if after.phase is Phase.FAILED or happening is Happening.GAVE_UP else logging.INFO
        _log.log(level, "update to version %s: %s %s", after.version or "unknown", after.phase.value, reason)
        return after
