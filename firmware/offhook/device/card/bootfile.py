"""``offhook.yaml`` on the boot partition, from its bytes to what is to be written where.

It is the phone's config file with more sections: ``board``, ``network``, ``certificates`` and ``ssh``. Everything that
is wrong with it is told at once; nothing is taken from a file with faults.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from offhook.config import nodes
from offhook.config.boot_schema import BootConfig, BootSettings, HostNetwork, Ssh, Wifi
from offhook.config.complaints import closest
from offhook.config.faults import ConfigError, Fault, quoted
from offhook.config.load import Validator, load_board, model_of, tree_of
from offhook.config.nodes import Node, Scalar, data_of
from offhook.config.rules import Complaint, board_rules, config_rules, value_at
from offhook.config.section import settings_of
from offhook.device.card.cardsecrets import secret_places, stripped, with_stored
from offhook.device.card.cardtext import CardText
from offhook.device.card.certificates import check_certificates
from offhook.device.card.spans import Spans
from offhook.device.card.yamledit import block_of, says, without, written

OWN_SECTIONS = tuple(settings_of(BootSettings))
"""What the phone's own config file does not have."""
HEAD = "# Made from offhook.yaml on the boot partition. A change there takes the place of this file.\n"


class Boards(Protocol):
    """The board files that come with offhook."""

    def names(self) -> list[str]:
        """Return the names of all boards."""

    def text(self, name: str) -> bytes:
        """Return one board's file."""


@dataclass(frozen=True, slots=True)
class BootFile:
    """What a boot file without faults says.

    Attributes:
        config: the text of the phone's own config file, secrets in it; None: the file has no such settings.
        board: the text of its board file, None where the file names none.
        overlays: what that board needs of the boot firmware.
        network, ssh: the models.
        certificates: those of an authority of one's own, as a PEM file.
        country: whose radio rules hold, for Wi-Fi.
        secrets: the file's secrets by the names under which they are kept.
        bare: the file's bytes without secrets; never shorter than the file.
        words: what the file is about, for a person.
    """

    config: bytes | None
    board: bytes | None
    overlays: tuple[str, ...]
    network: HostNetwork
    ssh: Ssh
    certificates: str | None
    country: str | None
    secrets: dict[str, str]
    bare: bytes
    words: tuple[str, ...]


def read_boot_file(
    data: bytes, file: str, boards: Boards, stored: Mapping[str, str] | None, validators: Mapping[str, Validator]
) -> BootFile:
    """Read a boot file; ``stored``: the secrets that the phone keeps, by name; None: another phone keeps them.

    Raises :class:`ConfigError` with every fault of the file, and nothing else, whatever the bytes.
    """
    card = CardText.of(data, file)
    try:
        written_root, faults = tree_of(card.text, file)
    except ConfigError as error:
        further = _further_tabs(card.text, file, error.faults)
        raise ConfigError([*_at_the_edge(card.text, file), *error.faults, *further]) from None
    root, kept, missing = with_stored(written_root, stored, file)
    board, complaints = _board_by_name(root, boards)
    faults = [*faults, *missing, *(_fault(file, each) for each in complaints)]
    assert isinstance(root, nodes.Mapping)
    own = any(entry.key not in OWN_SECTIONS for entry in root.entries)
    model: type[BootConfig] | type[BootSettings] = BootConfig if own else BootSettings
    tree = root if board is None and not complaints else _less(root, "board")
    settings = model_of(tree, faults, file, model, _rules, {**validators, "certificates": check_certificates})
    spans = Spans.of(card.text)
    if board is None and settings.board is not None:
        board = _inline_board(card.text, spans, root)
    secrets = {name: node.text for _, name, node in secret_places(root)}
    country = settings.country if isinstance(settings, BootConfig) else None
    wifi = settings.network.wifi
    return BootFile(
        config=_phone_part(card.text, spans, root, kept) if own else None,
        board=board,
        overlays=load_board(board, "board.yaml").overlays if board is not None else (),
        network=settings.network,
        ssh=settings.ssh,
        certificates=settings.certificates,
        country=wifi.country or country if wifi is not None else None,
        secrets=secrets,
        bare=stripped(card, written_root, secrets, stored or {}),
        words=tuple(_words(settings, root)),
    )


def _rules(root: Node) -> Iterable[Complaint]:
    yield from config_rules(root)
    board = value_at(root, "board")
    if isinstance(board, nodes.Mapping):
        for each in board_rules(board):
            yield Complaint(f"board.{each.path}", each.mark, each.message, each.suggestion)


def _fault(file: str, each: Complaint) -> Fault:
    return Fault(file, each.mark.line, each.mark.column, each.path, each.message, each.suggestion)


def _less(root: nodes.Mapping, name: str) -> nodes.Mapping:
    return nodes.Mapping(tuple(entry for entry in root.entries if entry.key != name), root.mark)


def _board_by_name(root: Node, boards: Boards) -> tuple[bytes | None, list[Complaint]]:
    node = value_at(root, "board")
    if not isinstance(node, Scalar):
        return None, []
    names = boards.names()
    if node.text not in names:
        known = f"take one of {', '.join(names)}, or " if names else ""
        message = f"there is no board {quoted(node.text)}: {known}write its settings here"
        return None, [Complaint("board", node.mark, message, closest(node.text.replace("-", "_"), names))]
    text = boards.text(node.text)
    try:
        load_board(text, f"{node.text}.yaml")
    except ConfigError as error:
        return None, [Complaint("board", node.mark, f"the board file has faults: {error.faults[0]}")]
    return text, []


def _phone_part(text: str, spans: Spans, root: nodes.Mapping, kept: Mapping[str, str]) -> bytes:
    data = {entry.key: data_of(entry.value) for entry in root.entries if entry.key not in OWN_SECTIONS}
    part = HEAD + _plain_lines(without(text, spans, OWN_SECTIONS, kept))
    return (part if says(part, data) else HEAD + written(data)).encode()


def _inline_board(text: str, spans: Spans, root: Node) -> bytes:
    data = data_of(value_at(root, "board") or Scalar("", root.mark))
    assert isinstance(data, dict)
    block = block_of(text, spans, "board")
    part = HEAD + _plain_lines(block) if block is not None else None
    return (part if part is not None and says(part, data) else HEAD + written(data)).encode()


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"


def _further_tabs(text: str, file: str, known: tuple[Fault, ...]) -> Iterable[Fault]:
    """A parser stops at the first tab; a person mends them all at once."""
    if not any("tab is used" in fault.message for fault in known):
        return
    message = next(fault.message for fault in known if "tab is used" in fault.message)
    for number, line in enumerate(text.splitlines(), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip() and not line.lstrip().startswith("#"):
            yield Fault(file, number, indent.index("\t") + 1, "", message)


def _at_the_edge(text: str, file: str) -> Iterable[Fault]:
    """A parser stops one line too late where a .pem file was pasted as it is, and does not say why."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-----BEGIN "):
            yield Fault(file, number, 1, "certificates", "put two spaces in front of each line of the certificate")
            return


def _words(settings: BootSettings, root: Node) -> Iterable[str]:
    """Say in a few words what was read; no secrets."""
    if isinstance(settings, BootConfig):
        names = ", ".join(account.name for account in settings.accounts)
        yield f"Country {settings.country}; accounts: {names or 'none'}"
    board = value_at(root, "board")
    if board is not None:
        yield f"Board: {board.text if isinstance(board, Scalar) else 'the one that is written in the file'}"
    network = settings.network
    if network.hostname is not None:
        yield f"Name in the network: {network.hostname}"
    if network.wifi is not None:
        yield f"Wi-Fi: {network.wifi.ssid}{_at(network.wifi.address)}{_locked(network.wifi)}"
    if network.ethernet is not None:
        yield f"Cable: fixed address {network.ethernet.address}"
    if settings.certificates is not None:
        yield f"Certificates of your own: {settings.certificates.count('BEGIN')}, in /etc/offhook/ca.pem"
    if settings.ssh.authorized_keys:
        count = len(settings.ssh.authorized_keys)
        yield f"SSH: root may log in with {count} key{'s' if count > 1 else ''}"


def _at(address: str | None) -> str:
    return f", fixed address {address}" if address is not None else ""


def _locked(wifi: Wifi) -> str:
    return "" if wifi.psk is not None else " (a network without a password)"
