"""From the text of a file to a typed model, or to every fault in it.

>>> config = load('country: NO', file='offhook.yaml')

A model is frozen and whole; whoever gets one needs no further check. Anything else is :class:`ConfigError`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from offhook.config import nodes
from offhook.config.board_schema import BoardConfig
from offhook.config.complaints import Located, complaint_of
from offhook.config.faults import ConfigError, Fault, joined
from offhook.config.nodes import Broken, Mark, Node, Scalar, compose, data_of
from offhook.config.rules import Complaint, board_rules, config_rules, scalars
from offhook.config.schema import Config
from offhook.config.section import Section
from offhook.errors import OffhookError

Validator = Callable[[str], object]
"""Checks one text (a dial plan, say): raises OffhookError or ValueError, whose ``position`` may be an index into it."""

SECRETS = frozenset({"password", "psk"})

SectionT = TypeVar("SectionT", bound=Section)


def load(source: bytes | str, file: str = "offhook.yaml", validators: Mapping[str, Validator] | None = None) -> Config:
    """Read a config file. ``validators``: further checks by path, as ``{"dialplan": DialPlan}``.

    Raises :class:`ConfigError` with every fault of the file, and nothing else, whatever the bytes.
    """
    return _load(source, file, Config, config_rules, validators or {})


def load_board(source: bytes | str, file: str = "board.yaml") -> BoardConfig:
    """Read a board file. Raises :class:`ConfigError` with every fault of the file."""
    return _load(source, file, BoardConfig, board_rules, {})


def origins(source: bytes | str, file: str) -> dict[str, str]:
    """Return where each text of a file stands, by path: ``{"hook.pin": "board.yaml:7: hook.pin"}``."""
    root, _ = compose(source, file)
    return {path: f"{file}:{node.mark.line}: {path}" for path, node in scalars(root)} if root is not None else {}


def tree_of(source: bytes | str, file: str) -> tuple[nodes.Mapping, list[Fault]]:
    """Return a file's settings as a tree, and the faults that the tree alone shows; an empty file is an empty tree.

    Raises :class:`ConfigError` where there is no tree, or one that holds no settings.
    """
    root, faults = compose(source, file)
    if root is None and faults:
        raise ConfigError(_discreet(faults))
    if root is None or (isinstance(root, Scalar) and root.unset):
        root = nodes.Mapping((), Mark(1, 1))
    if not isinstance(root, nodes.Mapping):
        message = "does not hold settings: write one setting a line, as in country: NO"
        raise ConfigError([*faults, Fault(file, root.mark.line, root.mark.column, "", message)])
    return root, faults


def model_of(
    root: nodes.Mapping,
    faults: list[Fault],
    file: str,
    model: type[SectionT],
    rules: Callable[[Node], Iterable[Complaint]],
    validators: Mapping[str, Validator],
) -> SectionT:
    """Return the model of a tree; ``faults``: what was found in it before.

    Raises :class:`ConfigError` with those, and with all that the model, the rules and the validators object to.
    """
    faults = list(faults)
    found = list(rules(root))
    result: SectionT | None = None
    try:
        result = model.model_validate(data_of(root))
    except ValidationError as error:
        located = Located(root, model)
        found += [complaint_of(detail, located) for detail in error.errors(include_url=False)]
    paths = {each.path for each in found}
    found += [each for each in _validated(root, validators) if each.path not in paths]
    broken = tuple(_broken(root))
    for each in found:
        if not _is_below(each.path, broken):
            faults.append(Fault(file, each.mark.line, each.mark.column, each.path, each.message, each.suggestion))
    if faults or result is None:
        raise ConfigError(_discreet(faults))
    return result


def _load(
    source: bytes | str,
    file: str,
    model: type[SectionT],
    rules: Callable[[Node], Iterable[Complaint]],
    validators: Mapping[str, Validator],
) -> SectionT:
    root, faults = tree_of(source, file)
    return model_of(root, faults, file, model, rules, validators)


def _validated(root: Node, validators: Mapping[str, Validator]) -> Iterator[Complaint]:
    for path, node in scalars(root):
        check = validators.get(path)
        if check is None:
            continue
        try:
            check(node.text)
        except (OffhookError, ValueError) as error:
            yield Complaint(path, _inside(node, getattr(error, "position", None)), str(error).replace("\n", " "))


def _inside(node: Scalar, position: object) -> Mark:
    """Return the place of a character of a text, where it can be told."""
    if not node.straight or not isinstance(position, int) or not 0 <= position <= len(node.text):
        return node.mark
    return Mark(node.mark.line, node.mark.column + position + (0 if node.plain else 1))


def _broken(node: Node, path: str = "") -> Iterator[str]:
    match node:
        case Broken():
            yield path
        case nodes.Sequence():
            for index, item in enumerate(node.items):
                yield from _broken(item, f"{path}[{index}]")
        case nodes.Mapping():
            for entry in node.entries:
                yield from _broken(entry.value, joined(path, entry.key))


def _is_below(path: str, broken: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in broken)


def _discreet(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Cut what lies below a secret: a password that was not quoted may have become names and lists."""
    for fault in faults:
        steps = fault.path.split(".")
        depth = next((i for i, step in enumerate(steps) if step.partition("[")[0] in SECRETS), None)
        if depth is None or steps[depth:] in ([name] for name in SECRETS):
            yield fault
        else:
            path = ".".join([*steps[:depth], steps[depth].partition("[")[0]])
            yield Fault(fault.file, fault.line, fault.column, path, "must be one text: put it in quotes")
