"""What pydantic objects to, in plain words and at its place in the file."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic_core import ErrorDetails

from offhook.config.faults import joined, quoted
from offhook.config.nodes import Mapping, Mark, Node, Scalar, Sequence
from offhook.config.rules import Complaint
from offhook.config.section import Section, settings_of

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error's location leads: the path as a person writes it, the node, the section model that holds it."""

    path: str
    node: Node
    model: type[Section] | None


@dataclass(frozen=True, slots=True)
class Located:
    """A tree and the model that it was read with."""

    root: Node
    model: type[Section]

    def follow(self, location: Location) -> Place:
        """Walk as far as the tree goes; steps that name no part of the file (a union's tag, say) are passed over."""
        place = Place("", self.root, self.model)
        for step in location:
            place = _step(place, step) or place
        return place


def _step(place: Place, step: int | str) -> Place | None:
    match place.node:
        case Mapping() as mapping if isinstance(step, str):
            entry = mapping.get(step)
            if entry is None:
                return None
            field = settings_of(place.model).get(step) if place.model is not None else None
            model = section_in(field.annotation) if field is not None else None
            return Place(joined(place.path, step), entry.value, model)
        case Sequence(items=items) if isinstance(step, int) and step < len(items):
            return Place(f"{place.path}[{step}]", items[step], place.model)
    return None


def section_in(annotation: object) -> type[Section] | None:
    """Return the section model inside ``X | None``, ``tuple[X, ...]`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((model for part in get_args(annotation) if (model := section_in(part)) is not None), None)


def complaint_of(error: ErrorDetails, located: Located) -> Complaint:
    """Turn one of pydantic's errors into a complaint."""
    location = error["loc"]
    match error["type"]:
        case "missing":
            place = located.follow(location[:-1])
            name = str(location[-1])
            return Complaint(joined(place.path, name), place.node.mark, _missing(name, place))
        case "extra_forbidden":
            return _unknown(located.follow(location[:-1]), str(location[-1]), located.model)
        case "literal_error":
            return _not_one_of(located.follow(location), error)
        case "offhook":
            return _ours(error, located)
        case kind:
            place = located.follow(location)
            say = _MESSAGES.get(kind, _refused)
            return Complaint(place.path, place.node.mark, say(error, place.node))


def _ours(error: ErrorDetails, located: Located) -> Complaint:
    """A refusal by one of our own rules; one about a whole section may name the setting that is to be changed."""
    context = error.get("ctx", {})
    place = located.follow(error["loc"])
    path, mark, field = place.path, place.node.mark, context.get("field")
    if isinstance(field, str):
        path, mark = joined(path, field), located.follow((*error["loc"], field)).node.mark
    suggestion = context.get("suggestion")
    return Complaint(path, mark, str(context.get("message")), suggestion if isinstance(suggestion, str) else None)


def _missing(name: str, place: Place) -> str:
    example = _EXAMPLES.get(name)
    return f"is missing: add it, as in {example}" if example else "is missing: add it"


_EXAMPLES = {
    "country": "country: NO",
    "name": "name: desk",
    "uri": "uri: sip:1001@pbx.example",
    "kind": "kind: gpio (or simulated)",
    "latitude": "latitude: 59.9139",
    "longitude": "longitude: 10.7522",
    "pin": "pin: 17",
    "rows": "rows: [5, 6, 13, 19]",
    "columns": "columns: [12, 16, 20, 21]",
    "ssid": 'ssid: "Name of the network"',
    "address": "address: 192.168.1.20/24",
}


def _unknown(place: Place, key: str, root: type[Section]) -> Complaint:
    entry = place.node.get(key) if isinstance(place.node, Mapping) else None
    mark = entry.mark if entry is not None else place.node.mark
    path = joined(place.path, key)
    names = list(settings_of(place.model)) if place.model is not None else []
    elsewhere = sorted({section for name, section in _everywhere(root) if name == key and section != place.path})
    if elsewhere:
        return Complaint(path, mark, f"stands in the wrong place: it belongs under {' or '.join(elsewhere)}")
    suggestion = closest(key, names)
    if suggestion is not None:
        return Complaint(path, mark, "there is no such setting", suggestion)
    here = ", ".join(names) if len(names) <= 12 else "see docs/config-reference.md"
    return Complaint(
        path, mark, f"there is no such setting: remove it ({'here go ' if len(names) <= 12 else ''}{here})"
    )


def _everywhere(model: type[Section], path: str = "") -> Iterator[tuple[str, str]]:
    """Every setting with the section that it belongs to."""
    for name, field in settings_of(model).items():
        yield name, path or "no section, at the left margin"
        inner = section_in(field.annotation)
        if inner is not None:
            yield from _everywhere(inner, f"{path}.{name}" if path else name)


def closest(word: str, names: list[str]) -> str | None:
    """Return the name that was probably meant."""
    by_case = {name.casefold(): name for name in names}
    low = word.casefold().replace("-", "_")
    if low in by_case:
        return by_case[low]
    found = difflib.get_close_matches(low, list(by_case), n=1, cutoff=0.65)
    return by_case[found[0]] if found else None


def _not_one_of(place: Place, error: ErrorDetails) -> Complaint:
    expected = str(error.get("ctx", {}).get("expected", ""))
    names = [part for part in expected.split("'")[1::2] if part]
    if not isinstance(place.node, Scalar):
        return Complaint(place.path, place.node.mark, f"must be one of {', '.join(names)}")
    given = place.node.text
    message = f"{quoted(given)} is not one of {', '.join(names)}"
    return Complaint(place.path, place.node.mark, message, closest(given, names))


def _shown(node: Node) -> str:
    return quoted(node.text) if isinstance(node, Scalar) else "this"


def _limit(error: ErrorDetails, name: str) -> str:
    value = error.get("ctx", {}).get(name)
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _what(node: Node) -> str:
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "settings"
    return "a text"


def _wants_settings(error: ErrorDetails, node: Node) -> str:
    return f"must hold settings, one name: value a line, and not {_what(node)}"


def _wants_list(error: ErrorDetails, node: Node) -> str:
    return f"must be a list, as in [first, second], and not {_what(node)}"


def _refused(error: ErrorDetails, node: Node) -> str:
    return "has a value that cannot be used here: see docs/config-reference.md"


_MESSAGES: dict[str, Callable[[ErrorDetails, Node], str]] = {
    "model_type": _wants_settings,
    "model_attributes_type": _wants_settings,
    "dict_type": _wants_settings,
    "tuple_type": _wants_list,
    "list_type": _wants_list,
    "greater_than_equal": lambda error, node: f"{_shown(node)} is too small: {_limit(error, 'ge')} is the least",
    "less_than_equal": lambda error, node: f"{_shown(node)} is too large: {_limit(error, 'le')} is the most",
    "multiple_of": lambda error, node: f"{_shown(node)} must be a multiple of {_limit(error, 'multiple_of')}",
    "too_short": lambda error, node: f"is too short: it needs at least {_limit(error, 'min_length')}",
    "too_long": lambda error, node: f"is too long: {_limit(error, 'max_length')} are the most",
    "string_too_long": lambda error, node: f"is too long: {_limit(error, 'max_length')} characters are the most",
}

__all__ = ["Complaint", "Located", "Mark", "closest", "complaint_of", "section_in"]
