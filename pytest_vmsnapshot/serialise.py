"""Facts as JSON and back, driven by the dataclasses' own type hints."""

from __future__ import annotations

import dataclasses
import enum
import json
import reprlib
import sys
import types
import typing
from typing import Any, TypeVar

from .errors import UsageError

FORMAT = 5
"""Raised when a reader of the former format could no longer read a backup."""

_T = TypeVar("_T")


def dump(fact: Any) -> str:
    """A dataclass as JSON. Fields that do not count in comparisons are left out."""
    return json.dumps({"format": FORMAT, **_plain(fact)}, indent=1)


def load(kind: type[_T], text: str) -> _T:
    """The dataclass that ``dump`` wrote.

    Raises:
        UsageError: the text is not one, or of another format.
    """
    try:
        plain = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError([f"not JSON: {error}; give the text that to_json() returned"]) from None
    found = plain.pop("format", None) if isinstance(plain, dict) else None
    if found != FORMAT:
        raise UsageError(
            [f"not a {kind.__name__} of format {FORMAT}; give the text that to_json() returned"]
        )
    try:
        value: _T = _fact(kind, plain, kind.__name__)
    except ValueError as wrong:
        raise UsageError(
            [f"not a complete {kind.__name__}: {wrong}; give the text that to_json() returned"]
        ) from None
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.compare
        }
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _fact(kind: Any, plain: Any, where: str) -> Any:
    """The value of a type; ``where`` is how a person would call its place.

    Raises:
        ValueError: the plain value cannot be of this type.
    """
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if plain is None:
            return None
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
        origin = typing.get_origin(kind)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        parts = _expect(list, plain, where)
        return tuple(_fact(item, part, f"{where}[{index}]") for index, part in enumerate(parts))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if plain not in [member.value for member in kind]:
            raise ValueError(f"{where} is {reprlib.repr(plain)}, which is no {kind.__name__}")
        return kind(plain)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, _expect(dict, plain, where), where)
    if kind is bytes:
        return _expect(str, plain, where).encode("utf-8", "surrogateescape")
    if kind is float and type(plain) is int and abs(plain) <= sys.maxsize:
        return float(plain)
    return _expect(kind, plain, where)


def _dataclass(kind: Any, plain: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if field.compare:
            if field.name not in plain:
                raise ValueError(f"{where}.{field.name} is missing")
            values[field.name] = _fact(
                hints[field.name], plain[field.name], f"{where}.{field.name}"
            )
    return kind(**values)


def _expect(kind: type[Any], plain: Any, where: str) -> Any:
    if type(plain) is not kind:
        raise ValueError(f"{where} is {reprlib.repr(plain)} where {kind.__name__} is meant")
    return plain
