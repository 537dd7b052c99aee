"""The secrets of a boot file: where they stand, what is left in their place, and how they are found again.

A card is lent, copied and thrown away; what opens an account or a network does not stay on it. In its place stands
:data:`STORED`, which at the next start means: the one that the phone keeps.
"""

import re
from collections.abc import Iterator, Mapping

from offhook.config.faults import Fault
from offhook.config.nodes import Node, Scalar, data_of
from offhook.config.rules import items_at, text_at, value_at
from offhook.device.card.appliedstate import WIFI
from offhook.device.card.cardtext import CardText
from offhook.device.card.spans import Span, Spans
from offhook.device.card.yamledit import Edit, edited, replaced_in, says, written

STORED = "<stored>"
_STAND_INS = {"provisioning": "https://stored.invalid/"}
_COMMENT = re.compile(r"(?:(?<=\s)|(?<![\s\S]))#[^\r\n]*")
SHORTEST_IN_COMMENTS = 6
"""A secret that is shorter is not looked for in comments: it might be a word."""


def secret_places(root: Node) -> Iterator[tuple[str, str, Scalar]]:
    """Every place of the file that holds a secret: its path, the name under which the phone keeps it, and the text.

    An account's password is kept under the account's name, so that accounts may change their order. The address of the
    provisioning server is a secret: who knows it fetches the passwords.
    """
    network, provisioning = value_at(root, "network"), value_at(root, "provisioning")
    places = [
        ("network.wifi.psk", WIFI, value_at(value_at(network, "wifi"), "psk")),
        ("provisioning.url", "provisioning", value_at(provisioning, "url")),
    ]
    for index, account in enumerate(items_at(root, "accounts")):
        name = text_at(account, "name") or ""
        places.append((f"accounts[{index}].password", f"account {name}", value_at(account, "password")))
    for path, name, node in places:
        if isinstance(node, Scalar):
            yield path, name, node


def with_stored(root: Node, stored: Mapping[str, str] | None, file: str) -> tuple[Node, dict[str, str], list[Fault]]:
    """Return the tree with the kept secrets in their places, those by path, and a fault for each that is not kept.

    ``stored`` None: another phone keeps them; something of the right form takes their places.
    """
    values: dict[str, str | None] = {}
    faults: list[Fault] = []
    for path, name, node in secret_places(root):
        if node.text.strip() != STORED:
            continue
        values[path] = _STAND_INS.get(name, STORED) if stored is None else stored.get(name)
        if values[path] is None:
            message = f"says {STORED}, but this phone keeps none: write it again"
            faults.append(Fault(file, node.mark.line, node.mark.column, path, message))
    return replaced_in(root, values), {path: value for path, value in values.items() if value is not None}, faults


def stripped(card: CardText, root: Node, kept: Mapping[str, str], old: Mapping[str, str]) -> bytes:
    """Return the file with :data:`STORED` in the place of each secret, never shorter than it was.

    The length stays where the secret was long enough, so that writing over it in place changes nothing but its own
    bytes. ``kept``: the secrets by name, which are taken out of comments too; ``old``: those that they replace.
    """
    spans = Spans.of(card.text)
    edits: list[Edit] = []
    data: dict[str, str | None] = {}
    for path, _, node in secret_places(root):
        span = spans.values.get(path)
        if span is None or node.text.strip() == STORED:
            continue
        data[path] = STORED
        edits.append((span, _marker(card, span)))
    edits += _in_comments(card, spans, {*kept.values(), *old.values()})
    text = edited(card.text, edits)
    if not edits:
        return card.encode(card.text)
    wanted = data_of(replaced_in(root, data))
    if not says(text, wanted) and isinstance(wanted, dict):
        text = written(wanted).replace("\n", card.newline)
        text += "\n" * ((card.size(card.text) - card.size(text)) // card.size("\n"))
    return card.encode(text)


def _marker(card: CardText, span: Span) -> str:
    """The marker, filled up with spaces to the length of what it replaces."""
    before = card.text[span.start : span.end]
    end = card.newline if before[:1] in ("|", ">") and before.endswith("\n") else ""
    missing = card.size(before) - card.size(STORED + end)
    return STORED + " " * max(0, missing // card.size(" ")) + end


def _in_comments(card: CardText, spans: Spans, secrets: set[str]) -> list[Edit]:
    """Cover what a person kept in a comment, beside the value that is in use."""
    words = [re.escape(word) for word in secrets if len(word) >= SHORTEST_IN_COMMENTS]
    if not words:
        return []
    pattern = re.compile("|".join(sorted(words, key=len, reverse=True)))
    edits: list[Edit] = []
    for start, end in _comments(card.text, spans):
        for found in pattern.finditer(card.text, start, end):
            covered = "*" * (card.size(found.group()) // card.size("*"))
            edits.append((Span(found.start(), found.end()), covered))
    return edits


def _comments(text: str, spans: Spans) -> Iterator[tuple[int, int]]:
    at = 0
    for span in [*spans.texts, Span(len(text), len(text))]:
        for found in _COMMENT.finditer(text, at, max(at, span.start)):
            yield found.span()
        at = max(at, span.end)
