"""The JSON Schema of a record, made from the dataclasses that it is made of."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from . import serialise
from .records import TestRecord

SCHEMA: Final = Path(__file__).with_name("record.schema.json")
"""The JSON Schema of a line of ``--vmsnapshot-jsonl``."""

_PLAIN: Final = {str: "string", bytes: "string", int: "integer", float: "number", bool: "boolean"}
_ARGUMENT: Final = re.compile(r"^    (\w+): (.*(?:\n {6,}.*)*)", re.MULTILINE)
_BYTES: Final = "bytes that are not UTF-8 are code points from U+DC80 to U+DCFF"


def schema() -> dict[str, Any]:
    """The schema as plain data."""
    kinds = list(kinds_below(TestRecord))
    whole = _object(TestRecord)
    whole["properties"] = {
        "format": {"const": serialise.FORMAT, "description": "the format of this record"},
        **whole["properties"],
    }
    whole["required"] = ["format", *whole["required"]]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A test of pytest-vmsnapshot, and its backups",
        **whole,
        "definitions": {kind.__name__: _object(kind) for kind in kinds[1:]},
    }


def kinds_below(kind: Any, seen: list[Any] | None = None) -> Iterator[Any]:
    """A dataclass and those it is made of, each once.

    Args:
        kind: the dataclass.
        seen: those that were met before.
    """
    seen = [] if seen is None else seen
    if typing.get_origin(kind) is not None:
        for part in typing.get_args(kind):
            yield from kinds_below(part, seen)
    elif dataclasses.is_dataclass(kind) and kind not in seen:
        seen.append(kind)
        yield kind
        for hint, _ in fields(kind).values():
            yield from kinds_below(hint, seen)


def fields(kind: Any) -> dict[str, tuple[Any, str]]:
    """The fields of a dataclass that are written, each with its type and what is said of it.

    Args:
        kind: the dataclass.
    """
    hints = typing.get_type_hints(kind)
    rows = _ARGUMENT.findall(inspect.getdoc(kind) or "")
    said = {
        name: " ".join(text.split()).replace("None", "null").replace("``", "`")
        for name, text in rows
    }
    return {
        field.name: (hints[field.name], said[field.name].removesuffix("."))
        for field in dataclasses.fields(kind)
        if field.compare
    }


def _object(kind: Any) -> dict[str, Any]:
    known = fields(kind)
    return {
        "description": (inspect.getdoc(kind) or "").partition("\n")[0].removesuffix("."),
        "type": "object",
        "properties": {name: _described(hint, said) for name, (hint, said) in known.items()},
        "required": list(known),
    }


def _described(hint: Any, said: str) -> dict[str, Any]:
    found = _type(hint)
    if hint is bytes:
        said = f"{said}; {_BYTES}"
    if "$ref" in found:  # nothing beside a reference counts
        found = {"allOf": [found]}
    return {"description": said, **found}


def _type(hint: Any) -> dict[str, Any]:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_type(part) for part in typing.get_args(hint)]}
    if origin is tuple:
        return {"type": "array", "items": _type(typing.get_args(hint)[0])}
    if hint is type(None):
        return {"type": "null"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint):
        return {"$ref": f"#/definitions/{getattr(hint, '__name__', '')}"}
    return {"type": _PLAIN[hint]}
