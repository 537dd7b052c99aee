"""Taking over ``offhook.yaml`` from the boot partition, at any start at which it is new.

Order is what makes it survive power cuts. First all that is to be written is put into root's own state as one file:
from then on the boot file counts, and every later start finishes what is missing. Then come the targets, each
atomically, then the card, where secrets are written over in place; last the note that all is done. A file with faults
changes nothing but ``offhook-errors.txt`` beside it.

A start that finds nothing new reads two small files and imports neither YAML nor the schema.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Literal

from offhook import __version__
from offhook.config.disk import FileOperations, StoreError, write_atomically
from offhook.config.faults import ConfigError
from offhook.device.boot.bootpartition import Card, CardError, boot_files, is_torn, write_over
from offhook.device.card.appliedstate import WIFI, AppliedState, Outputs, Strip, digest_of, load_state, save_state
from offhook.device.card.notes import APPLIED, ERRORS, applied_note, errors_note, remade_note, several_note

if TYPE_CHECKING:
    from offhook.device.card.bootfile import BootFile

Folder = Literal["etc", "connections", "state", "ssh"]
TARGETS: Mapping[str, tuple[Folder, str]] = {
    "config": ("etc", "offhook.yaml"),
    "board": ("etc", "board.yaml"),
    "wifi": ("connections", "offhook-wifi.nmconnection"),
    "ethernet": ("connections", "offhook-ethernet.nmconnection"),
    "hostname": ("state", "hostname"),
    "wifi-country": ("state", "wifi-country"),
    "ssh": ("ssh", "authorized_keys"),
    "overlays": ("state", "overlays"),
    "certificates": ("etc", "ca.pem"),
}
"""Where each part of a boot file goes."""
LASTING = frozenset({"config", "board", "overlays", "certificates"})
"""What stays where the file does not say anything of it any more: a phone without a config is none, and that names the
certificates."""

Reader = Callable[[bytes, str, Mapping[str, str]], "BootFile"]
"""Reads a boot file: bytes, name, stored secrets. Raises ConfigError."""


class Outcome(Enum):
    """What a start found."""

    NOTHING = "nothing new"
    APPLIED = "applied"
    FAULTY = "the file has faults"
    PARTLY = "applied, but for what could not be written"
    CARD = "applied, but the card cannot be written"


@dataclass(frozen=True, slots=True)
class FirstBoot:
    """One start.

    Attributes:
        card: the boot partition.
        folders: where the targets are.
        read: reads a boot file, and imports what that needs when it is called.
        now: the time in UTC, for the note.
        say: takes lines for the journal.
        remade: why the partition of ``folders`` was made anew, None where it was not. It is told on the card until a
            boot file is applied.
    """

    card: Card
    folders: Mapping[Folder, FileOperations]
    read: Reader
    now: Callable[[], datetime]
    say: Callable[[str], None]
    remade: str | None = None

    def run(self) -> Outcome:
        """Do what is to be done.

        Raises StoreError where a target or the state cannot be written, CardError where the card cannot be read.
        """
        state = load_state(self.folders["state"])
        if state.pending is not None:
            state = self._write_targets(state)
        names = boot_files(self.card)
        if len(names) > 1:
            self.say(f"several boot files, keep one: {', '.join(names)}")
            self._note(ERRORS, several_note(names))
            return Outcome.FAULTY
        data = self.card.read(names[0]) if names else None
        if not names or data is None:
            return self._nothing(state)
        unfinished = state.strip
        if unfinished is not None:
            if data == unfinished.new or is_torn(data, unfinished.old, unfinished.new):
                return self._strip(state, names[0], unfinished)
            state = replace(state, strip=None)  # the card holds another file by now
        if digest_of(data) == state.seen:
            self._forget_note(ERRORS)
            return Outcome.NOTHING
        return self._take_over(state, names[0], data)

    def _take_over(self, state: AppliedState, name: str, data: bytes) -> Outcome:
        refused = digest_of(data, name.encode(), __version__.encode())
        if refused == state.refused and self.card.read(ERRORS):
            return Outcome.FAULTY
        try:
            file = self.read(data, name, state.secrets)
        except ConfigError as error:
            for fault in error.faults:
                self.say(str(fault))
            first = self.folders["etc"].read(TARGETS["config"][1]) is None
            self._note(ERRORS, errors_note(name, error.faults, first=first, remade=self._lost(state)))
            save_state(self.folders["state"], replace(state, refused=refused))
            return Outcome.FAULTY
        outputs = outputs_of(file)
        if not outputs:  # nothing but comments, or what a broken card left of a file: no reason to take anything back
            return self._nothing(state)
        gone = state.applied - outputs.keys() - LASTING
        kept = {name: secret for name, secret in state.secrets.items() if name != WIFI}  # the config stays, so do these
        state = AppliedState(
            seen=state.seen,
            applied=frozenset(outputs) | (state.applied & LASTING),
            secrets=(kept if file.config is None else {}) | file.secrets,
            pending=outputs | dict.fromkeys(sorted(gone)),
            strip=Strip(data, file.bare),
            words=file.words,
        )
        save_state(self.folders["state"], state)  # from here on the file counts
        state = self._write_targets(state)
        assert state.strip is not None
        return self._strip(state, name, state.strip)

    def _write_targets(self, state: AppliedState) -> AppliedState:
        """Write what is pending; what the system refuses (no NetworkManager, say) stays so, and the rest is done."""
        failed: Outputs = {}
        for target, data in (state.pending or {}).items():
            place = TARGETS.get(target)
            if place is None:
                continue  # a later version of offhook knew more
            try:
                _put(self.folders[place[0]], place[1], data)
            except StoreError as error:
                self.say(str(error))
                failed[target] = data
        if failed != state.pending:
            state = replace(state, pending=failed or None)
            save_state(self.folders["state"], state)
        return state

    def _strip(self, state: AppliedState, name: str, strip: Strip) -> Outcome:
        missing = [str(TARGETS[target][1]) for target in state.pending or {} if target in TARGETS]
        lost = self._lost(state)
        note = applied_note(name, state.words, missing, self.now(), secrets=bool(state.secrets), remade=lost)
        try:
            with self.card.changing():
                write_over(self.card, name, strip.new)
                self.card.remove(ERRORS)
                self.card.write(APPLIED, note)
                self.card.sync(APPLIED)
        except CardError as error:
            self.say(f"{error}. Secrets stay in {name} until it can be written")
            return Outcome.CARD
        save_state(self.folders["state"], replace(state, seen=digest_of(strip.new), strip=None, refused=None))
        return Outcome.PARTLY if state.pending else Outcome.APPLIED

    def _nothing(self, state: AppliedState) -> Outcome:
        lost = self._lost(state)
        if lost is not None:
            self._note(ERRORS, remade_note(lost))
        else:
            self._forget_note(ERRORS)
        return Outcome.NOTHING

    def _lost(self, state: AppliedState) -> str | None:
        """Return why the phone lost all it kept, where no boot file was applied since."""
        return self.remade if state.seen is None else None

    def _note(self, name: str, text: bytes) -> None:
        try:
            if self.card.read(name) != text:
                with self.card.changing():
                    self.card.write(name, text)
                    self.card.sync(name)
        except CardError as error:
            self.say(str(error))

    def _forget_note(self, name: str) -> None:
        try:
            if name in self.card.names():
                with self.card.changing():
                    self.card.remove(name)
                    self.card.sync(name)
        except CardError as error:
            self.say(str(error))


def _put(folder: FileOperations, name: str, data: bytes | None) -> None:
    if data is not None:
        write_atomically(folder, name, data)
    elif folder.read(name) is not None:
        folder.remove(name)
        folder.sync_names()


def outputs_of(file: "BootFile") -> Outputs:
    """Return what a boot file wants written, by target."""
    from offhook.device.boot.overlaylines import overlays_data
    from offhook.device.card.networkmanager import ethernet_keyfile, named_cable_keyfile, wifi_keyfile

    outputs: Outputs = {}
    if file.config is not None:
        outputs["config"] = file.config
    if file.board is not None:
        outputs["board"] = file.board
        outputs["overlays"] = overlays_data(file.overlays)
    network = file.network
    if network.wifi is not None:
        outputs["wifi"] = wifi_keyfile(network.wifi, network.hostname)
        if file.country is not None:
            outputs["wifi-country"] = f"COUNTRY={file.country}\n".encode()
    if network.ethernet is not None:
        outputs["ethernet"] = ethernet_keyfile(network.ethernet, network.hostname)
    elif network.hostname is not None:
        outputs["ethernet"] = named_cable_keyfile(network.hostname)
    if network.hostname is not None:
        outputs["hostname"] = f"{network.hostname}\n".encode()
    if file.certificates is not None:
        outputs["certificates"] = file.certificates.encode()
    if file.ssh.authorized_keys:
        outputs["ssh"] = "".join(f"{key}\n" for key in file.ssh.authorized_keys).encode()
    return outputs
