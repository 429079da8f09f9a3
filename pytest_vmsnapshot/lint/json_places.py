"""Where the values of a JSON object stand in its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_BLANKS = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Placed:
    """A value, with its place.

    Args:
        value: as Python has it.
        line: where it begins, from 1.
        column: where it begins, in characters from 1.
        items: the elements of a list, each with its place.
    """

    value: Any
    line: int
    column: int
    items: tuple[Placed, ...] = ()


def placed(text: str) -> dict[str, Placed]:
    """The values of an object by their keys; of several for one key the last, as in Python.

    Args:
        text: JSON; whatever is no object has no keys.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return {}
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        return {}
    return dict(_members(text, at + 1))


def _members(text: str, at: int) -> Iterator[tuple[str, Placed]]:
    at = _skip(text, at)
    while text[at] == '"':
        key, at = scanstring(text, at + 1, True)
        at = _skip(text, _skip(text, at) + 1)
        value, end = _value(text, at)
        yield key, value
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _value(text: str, at: int) -> tuple[Placed, int]:
    value, end = json.JSONDecoder().raw_decode(text, at)
    items = []
    if isinstance(value, list):
        inner = _skip(text, at + 1)
        while text[inner] != "]":
            item, inner = _value(text, inner)
            items.append(item)
            inner = _skip(text, inner)
            inner = _skip(text, inner + 1) if text[inner] == "," else inner
    line = 1 + text.count("\n", 0, at)
    column = at - text.rfind("\n", 0, at)
    return Placed(value, line, column, tuple(items)), end


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
