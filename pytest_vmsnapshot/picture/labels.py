"""Where words fit: beside what is drawn, and along an axis."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

CHARACTER = 6.1
"""How wide a character of a label is about, in units of the drawing."""

_PAD = 4.0
"""Between a label and what is beside it."""

_FEWEST = 6
"""A label is not shortened to fewer characters than this."""

ELLIPSIS = "…"


class Side(enum.Enum):
    """Where a label stands."""

    INSIDE = "inside"
    RIGHT = "right"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Span:
    """What is drawn in a row.

    Args:
        left: where it begins.
        right: where it ends.
        words: what it would like to be labelled.
    """

    left: float
    right: float
    words: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words, and where they stand.

    Args:
        words: the words, shortened if need be.
        at: where they begin; on the left side, where they end.
        side: on which side of what they name.
    """

    words: str
    at: float
    side: Side


def width(words: str) -> float:
    """How wide words are about."""
    return len(words) * CHARACTER


def shortened(words: str, room: float) -> str:
    """Words, or as many of them as have room; empty if that is next to nothing."""
    fits = int(room / CHARACTER)
    if len(words) <= fits:
        return words
    return words[: fits - 1] + ELLIPSIS if fits >= _FEWEST else ""


def beside(spans: Sequence[Span], left: float, right: float) -> list[Label | None]:
    """A label for each span of one row, where there is room for one.

    Args:
        spans: ascending, none upon another.
        left: where the row begins.
        right: where it ends.
    """
    found: list[Label | None] = []
    free = left  # up to here the row is taken
    for index, span in enumerate(spans):
        until = spans[index + 1].left if index + 1 < len(spans) else right
        label = _label(span, free, until)
        found.append(label)
        free = span.right
        if label is not None and label.side is Side.RIGHT:
            free = label.at + width(label.words)
    return found


def _label(span: Span, free: float, until: float) -> Label | None:
    if not span.words:
        return None
    needed = width(span.words)
    rooms = {
        Side.INSIDE: span.right - span.left - 2 * _PAD,
        Side.RIGHT: until - span.right - 2 * _PAD,
        Side.LEFT: span.left - free - 2 * _PAD,
    }
    starts = {
        Side.INSIDE: span.left + _PAD,
        Side.RIGHT: span.right + _PAD,
        Side.LEFT: span.left - _PAD,
    }
    for side, room in rooms.items():
        if needed <= room:
            return Label(span.words, starts[side], side)
    side = max(rooms, key=lambda side: rooms[side])
    words = shortened(span.words, rooms[side])
    return Label(words, starts[side], side) if words else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that would like to stand at a place of an axis, in its middle.

    Args:
        at: the place.
        words: the words.
    """

    at: float
    words: str


def along(wanted: Sequence[Wanted], left: float, right: float) -> list[Wanted]:
    """Those of the words that do not run into each other.

    Args:
        wanted: the most important first.
        left: where the axis begins; words near an end are moved inside.
        right: where it ends.
    """
    kept: list[Wanted] = []
    for want in wanted:
        half = width(want.words) / 2
        at = min(max(want.at, left + half), right - half)
        if all(abs(at - k.at) >= half + width(k.words) / 2 + _PAD for k in kept):
            kept.append(Wanted(at, want.words))
    return sorted(kept, key=lambda want: want.at)
