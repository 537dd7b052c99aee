"""Rules that join several settings. They look at the tree, so that they hold beside every other fault of the file."""

from collections.abc import Iterator
from dataclasses import dataclass

from offhook.config.board_schema import KEYPAD_SIZE, pin_number
from offhook.config.faults import joined
from offhook.config.nodes import Mapping, Mark, Node, Scalar, Sequence
from offhook.config.overlays import overlay_name, overlay_pins


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a rule finds; the loader adds the file."""

    path: str
    mark: Mark
    message: str
    suggestion: str | None = None


def value_at(node: Node | None, key: str) -> Node | None:
    """Return what stands under ``key``, where that is set."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.unset):
        return None
    return entry.value


def text_at(node: Node | None, key: str) -> str | None:
    """Return the text under ``key``."""
    value = value_at(node, key)
    return value.text if isinstance(value, Scalar) else None


def items_at(node: Node | None, key: str) -> tuple[Node, ...]:
    """Return the list under ``key``."""
    value = value_at(node, key)
    return value.items if isinstance(value, Sequence) else ()


def config_rules(root: Node) -> Iterator[Complaint]:
    """Accounts have names of their own, and no key without its certificate."""
    names: dict[str, Mark] = {}
    for index, account in enumerate(items_at(root, "accounts")):
        path = f"accounts[{index}]"
        name = value_at(account, "name")
        if isinstance(name, Scalar):
            first = names.setdefault(name.text, name.mark)
            if first is not name.mark:
                yield Complaint(f"{path}.name", name.mark, f"is the name of the account in line {first.line} already")
        tls = value_at(account, "tls")
        key = value_at(tls, "key")
        if key is not None and value_at(tls, "certificate") is None:
            yield Complaint(f"{path}.tls.key", key.mark, "has no certificate: set tls.certificate too")

    sip = value_at(root, "sip")
    listed = value_at(sip, "listed")
    if listed is not None and text_at(sip, "accept_from") != "listed":
        yield Complaint("sip.listed", listed.mark, "lets nobody in without accept_from: listed beside it")


def board_rules(root: Node) -> Iterator[Complaint]:
    """A real board names its pins, each once and none that an overlay takes; a keypad has as many as its kind wants."""
    yield from _pins_once(root)
    if text_at(root, "kind") != "gpio":
        return
    yield from _pins_beside_overlays(root)
    if value_at(root, "hook") is None:
        yield Complaint("hook", root.mark, "is missing: a gpio board needs its hook switch, as hook: {pin: 17}")
    yield from _keypad_pins(root, text_at(root, "keypad") or "4x4")
    for group in ("lamps", "buttons"):
        for index, item in enumerate(items_at(root, group)):
            if value_at(item, "pin") is None:
                example = "{name: line, pin: 24}" if group == "lamps" else "{name: volume_up, pin: 22}"
                yield Complaint(f"{group}[{index}]", item.mark, f"has no pin: on a gpio board write {example}")


def _keypad_pins(root: Node, keypad: str) -> Iterator[Complaint]:
    wants = {"4x4": "matrix", "4x3": "matrix", "direct": "keys", "rotary": "rotary"}.get(keypad)
    if wants is None:
        return
    section = value_at(root, wants)
    if section is None:
        yield Complaint(wants, root.mark, f"is missing: keypad {keypad} needs its pins under {wants}")
    elif keypad in KEYPAD_SIZE:
        for name, count in zip(("rows", "columns"), KEYPAD_SIZE[keypad], strict=True):
            pins = value_at(section, name)
            if isinstance(pins, Sequence) and len(pins.items) != count:
                message = f"has {len(pins.items)} pins, and keypad {keypad} has {count} {name}: mend one of the two"
                yield Complaint(f"matrix.{name}", pins.mark, message)


def _pins_once(root: Node) -> Iterator[Complaint]:
    seen: dict[int, str] = {}
    for path, node in _pins(root):
        try:
            number = pin_number(node.text)
        except ValueError:
            continue  # the schema says so
        other = seen.setdefault(number, path)
        if other != path:
            yield Complaint(path, node.mark, f"GPIO{number} is taken by {other} already: every pin has one use")


def _pins_beside_overlays(root: Node) -> Iterator[Complaint]:
    taken: dict[int, str] = {}
    for item in items_at(root, "overlays"):
        if isinstance(item, Scalar):
            line = item.text.removeprefix("dtoverlay=")
            taken |= {pin: overlay_name(line) for pin in overlay_pins(line) or ()}
    for path, node in _pins(root):
        try:
            number = pin_number(node.text)
        except ValueError:
            continue  # the schema says so
        if number in taken:
            message = f"GPIO{number} is taken by the overlay {taken[number]}: wire it to another pin"
            yield Complaint(path, node.mark, message)


def _pins(root: Node) -> Iterator[tuple[str, Scalar]]:
    """Every scalar that stands where a pin does."""
    for path, node in scalars(root):
        last = path.rpartition(".")[2]
        if last in ("pin", "pulse", "off_normal") or path.startswith(("matrix.rows[", "matrix.columns[", "keys.")):
            yield path, node


def scalars(node: Node, path: str = "") -> Iterator[tuple[str, Scalar]]:
    """Every text of the tree that is set, with its path, in the order of the file."""
    match node:
        case Scalar() if not node.unset:
            yield path, node
        case Sequence():
            for index, item in enumerate(node.items):
                yield from scalars(item, f"{path}[{index}]")
        case Mapping():
            for entry in node.entries:
                yield from scalars(entry.value, joined(path, entry.key))
