"""Frozen settings as plain values that JSON can carry, and back again without the schema library.

What is read back is what was written or an error: no field more or less, no value of another kind.
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

T = TypeVar("T")
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
_ATOMS = (bool, int, float, str)


def to_plain(value: object) -> Plain:
    """Return dataclasses as objects, tuples as lists, choices as their values. Raises TypeError for what is neither."""
    if value is None or isinstance(value, _ATOMS):
        return value
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, tuple):
        return [to_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(kind: type[T], plain: object) -> T:
    """Return a value of ``kind`` from its plain form. Raises ValueError for anything that is not one."""
    made: T = _value(kind, plain)
    return made


def _value(kind: Any, plain: object) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(inner, plain)
    if origin is Literal:
        if not any(type(plain) is type(choice) and plain == choice for choice in inner):
            raise ValueError(f"{plain!r} is no choice")
        return plain
    if origin is tuple:
        return _tuple(inner, plain)
    if kind in _ATOMS:
        if type(plain) is not kind:
            raise ValueError(f"{type(plain).__name__} is no {kind.__name__}")
        return plain
    if kind is types.NoneType:
        if plain is not None:
            raise ValueError("there should be nothing")
        return None
    if issubclass(kind, Enum):
        return kind(plain)
    return _dataclass(kind, plain)


def _one_of(kinds: tuple[Any, ...], plain: object) -> Any:
    for kind in kinds:
        try:
            return _value(kind, plain)
        except ValueError:
            continue
    raise ValueError("the value is of no kind that may stand here")


def _tuple(inner: tuple[Any, ...], plain: object) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise ValueError("a list should stand here")
    if inner[-1] is Ellipsis:
        return tuple(_value(inner[0], each) for each in plain)
    if len(plain) != len(inner):
        raise ValueError(f"{len(inner)} values should stand here")
    return tuple(_value(kind, each) for kind, each in zip(inner, plain, strict=True))


def _dataclass(kind: Any, plain: object) -> Any:
    wanted = {field.name: field.type for field in fields(kind)}
    if not isinstance(plain, Mapping) or set(plain) != set(wanted):
        raise ValueError(f"the fields are not those of {kind.__name__}")
    return kind(**{name: _value(each, plain[name]) for name, each in wanted.items()})
