"""Lines that come again and again, as of a script that polls: found, so that they are told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 4
"""Lines of which a repeated piece has at most."""

_LEAST: Final = 4
"""How often a piece must come in a row, so that leaving it out says more than showing it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines that come once, or several times in a row.

    Args:
        start: index of the first line.
        length: how many lines.
        times: how often they come in a row.
    """

    start: int
    length: int
    times: int

    @property
    def end(self) -> int:
        """Index after the last line of the last time."""
        return self.start + self.length * self.times

    @property
    def again(self) -> str:
        """What stands where the further times are left out; empty where there are none."""
        if self.times == 1:
            return ""
        if self.length == 1:
            return f"the same {self.times - 1} times more"
        return f"these {self.length} lines {self.times - 1} times more"


def pieces(lines: Sequence[str]) -> Iterator[Piece]:
    """All lines in order, cut into those that come once and those that come at least four times.

    Args:
        lines: what is to be shown.
    """
    start = 0
    while start < len(lines):
        piece = _piece(lines, start)
        yield piece
        start = piece.end


def _piece(lines: Sequence[str], start: int) -> Piece:
    for length in range(1, _LONGEST + 1):
        first = lines[start : start + length]
        times = 1
        while lines[start + length * times : start + length * (times + 1)] == first:
            times += 1
        if times >= _LEAST:
            return Piece(start, length, times)
    return Piece(start, 1, 1)
