"""Lines of a log that are not known: counted by their shape, never guessed at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .reading import Line

_MOST_SHAPES = 500
"""Shapes that are told apart; a damaged log could have a million."""

_SHOWN = 200
"""Characters of a line."""

_PARTS = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "GUID"),
    (re.compile(r"\b(?:https?)://\S+"), "URL"),
    (re.compile(r"(?<![\w/])/[\w./+@:~-]+"), "PATH"),
    (re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)*"), "N"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "TEXT"),
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Lines of one shape that are not known.

    Args:
        shape: with numbers, paths and quoted words taken out.
        count: how many lines.
        first: the first of them.
    """

    shape: str
    count: int
    first: Line

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.first.place}: {_shortened(self.first.text.strip())} ({times})"


@dataclass(slots=True)
class NotUnderstood:
    """Collects lines."""

    _found: dict[str, tuple[int, Line]] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Count a line."""
        shape = _shape(line.text)
        if shape not in self._found and len(self._found) >= _MOST_SHAPES:
            shape = "(further ones)"
        count, first = self._found.get(shape, (0, line))
        self._found[shape] = count + 1, first

    def told(self) -> tuple[Unknown, ...]:
        """Every shape, in the order in which they were found."""
        return tuple(Unknown(shape, count, line) for shape, (count, line) in self._found.items())


def _shape(text: str) -> str:
    shape = _shortened(text.strip())
    for part, word in _PARTS:
        shape = part.sub(word, shape)
    return shape


def _shortened(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
