"""Fans observations out to everybody who watches the phone."""

import logging

from offhook.engine.observations import Observation
from offhook.engine.ports import Observer

_log = logging.getLogger(__name__)


class Watchers:
    """An ordered list of observers; one that fails is dropped with a line in the log, the others go on."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell ``observer`` everything from now on."""
        self._observers.append(observer)

    def remove(self, observer: Observer) -> None:
        """Stop telling it; one that is not there is no fault."""
        if observer in self._observers:
            self._observers.remove(observer)

    def note(self, observation: Observation) -> None:
        """Tell every observer."""
        for observer in list(self._observers):
            try:
                observer.note(observation)
            except Exception:
                _log.exception("a watcher of the phone failed and is left out from now on")
                self.remove(observer)
