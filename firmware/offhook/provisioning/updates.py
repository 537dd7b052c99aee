"""New versions of the device: asks a server what there is, and asks root to install it.

The server has a small JSON file::

    {"version": "1.4", "compatible": ["offhook-rpi-partition"], "bundle": {"offhook-rpi-partition": "phone-1.4.raucb"}}

``bundle`` is one URL, or one for each kind of machine; it may be relative to the file's own. Fetched by HTTPS like a
config (:mod:`offhook.provisioning.fetch`). The bundle itself is root's business, and so is whether it may be installed.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin

from offhook.config.clockwindow import within
from offhook.config.remote import Update, https_url
from offhook.config.versions import newer
from offhook.errors import OffhookError
from offhook.provisioning.fetch import Fetched, FetchError, NotModified, shown
from offhook.provisioning.schedule import PollSchedule

INTERVAL_S = 6 * 3600.0
LOOK_EVERY_S = 60.0
ASK_AGAIN_S = 3600.0
"""So long root is not asked for the same version again: a server of bundles that fails is not to be hammered."""
_LONGEST_VERSION = 64


class OfferError(OffhookError):
    """What a server offers cannot be understood, or is not for this machine."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A version, and where its bundle for this machine is."""

    version: str
    bundle: str


class UpdateDesk(Protocol):
    """What is known of this device, and how root is asked."""

    def running(self) -> str:
        """Return the version that runs."""

    def compatible(self) -> str:
        """Return the kind of machine. Raises OffhookError where it takes no bundles."""

    def refuses(self, version: str) -> str:
        """Return why this version is not to be asked for: it failed, or one is under way. Empty: it may."""

    def minute(self) -> int:
        """Return the minute of the local day."""

    def ask(self, offer: Offer) -> None:
        """Ask root to install. Raises OffhookError."""


class FileFetcher(Protocol):
    """See :class:`offhook.provisioning.fetch.Fetcher`."""

    async def fetch(self, url: str, etag: str | None = None) -> Fetched | NotModified: ...


class UpdateService:
    """Runs until cancelled; ``report`` gets lines for the journal, each once until another takes its place."""

    def __init__(
        self,
        settings: Update,
        fetcher: FileFetcher,
        desk: UpdateDesk,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self._settings, self._fetcher, self._desk = settings, fetcher, desk
        self._clock, self._report = clock, report
        self._schedule = PollSchedule(INTERVAL_S, random, clock())
        self._etag: str | None = None
        self._offer: Offer | None = None
        self._told = ""
        self._asked = ("", 0.0)

    @property
    def offered(self) -> str:
        """The version that the server has and that is newer than what runs, empty: none."""
        return self._offer.version if self._offer is not None else ""

    async def run(self) -> None:
        """Ask the server, and root, for ever."""
        url = self._settings.url
        while url is not None:
            if self._clock() >= self._schedule.next:
                await self._look(url)
            self._ask_root()
            wait = self._schedule.next - self._clock()
            await asyncio.sleep(max(0.0, wait if self._offer is None else min(wait, LOOK_EVERY_S)))

    async def _look(self, url: str) -> None:
        try:
            answer = await self._fetcher.fetch(url, self._etag)
        except FetchError as error:
            self._schedule.failed(self._clock())
            self._tell(str(error))
            return
        self._schedule.answered(self._clock())
        if not isinstance(answer, Fetched):
            return
        self._etag = answer.etag
        self._offer = None
        try:
            offer = read_offer(answer.data, url, self._desk.compatible())
        except OffhookError as error:
            self._tell(str(error))
            return
        if newer(offer.version, self._desk.running()):
            self._offer = offer
            self._tell(f"version {offer.version} is there; {self._desk.running()} runs")

    def _ask_root(self) -> None:
        offer, settings = self._offer, self._settings
        if offer is None or not settings.auto or not within(settings.window, self._desk.minute()):
            return
        refusal = self._desk.refuses(offer.version)
        if refusal:
            self._tell(refusal)
            return
        version, since = self._asked
        if version == offer.version and self._clock() - since < ASK_AGAIN_S:
            return
        try:
            self._desk.ask(offer)
        except OffhookError as error:
            self._tell(str(error))
            return
        self._asked = (offer.version, self._clock())
        self._tell(f"asked for version {offer.version}")

    def _tell(self, line: str) -> None:
        if line != self._told:
            self._told = line
            self._report(line)


def read_offer(data: bytes, url: str, compatible: str) -> Offer:
    """Read the server's file. Raises OfferError where it is not one, or has nothing for this kind of machine."""
    place = shown(url)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise OfferError(f"{place} is no JSON: see docs/updates.md for what it holds") from None
    if not isinstance(value, dict):
        raise OfferError(f"{place} is no JSON object: see docs/updates.md for what it holds")
    version, kinds, bundle = value.get("version"), value.get("compatible"), value.get("bundle")
    if not isinstance(version, str) or not 0 < len(version) <= _LONGEST_VERSION or not version.isprintable():
        raise OfferError(f"{place} names no version: mend it")
    if compatible not in ([kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []):
        raise OfferError(f"{place} has nothing for {compatible}, which this is")
    where = bundle.get(compatible) if isinstance(bundle, dict) else bundle
    try:
        if not isinstance(where, str):
            raise ValueError
        return Offer(version, https_url(urljoin(url, where)))
    except ValueError:
        raise OfferError(f"{place} names no bundle for {compatible} by https: mend it") from None
