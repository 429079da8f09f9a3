"""From seconds of the VM's clock to places on paper, with long gaps folded."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

FOLD_WIDTH = 26.0
"""How wide the shortest fold is drawn, in units of the drawing."""

_WIDER = 7.0
"""How much wider a fold is that is ten times as long."""

SHORTEST_FOLD = 0.25
"""Seconds; a shorter gap is never folded, however little happens around it."""

_TIMES = 3
"""A gap is folded that is this many times as long as all that is much shorter than itself."""

_MUCH = 4
"""How many times shorter *much shorter* is."""

_ABOUT = 1.25
"""Gaps are about as long if the longer one is at most this many times as long."""

_CROWD = 12
"""More gaps that are about as long are not folded."""

_APART = 7.0
"""Units that two different moments are apart at least, where there is room."""

_ROOM_FOR_APART = 0.4
"""At most this share of the width goes into keeping moments apart."""

_ROOM_FOR_FOLDS = 0.5
"""At most this share of the width goes into folds."""

_SAME = 1e-7
"""Seconds within which two moments are one."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A stretch of time in which nothing happened, not drawn to scale.

    Args:
        start: seconds since the backup began.
        end: the same of its end.
        left: where it begins on paper.
        right: where it ends.
    """

    start: float
    end: float
    left: float
    right: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Axis:
    """A time axis.

    Args:
        moments: at which something happened, ascending, in seconds; at least one.
        places: where each is drawn, ascending.
        folds: stretches that are not to scale, ascending.
    """

    moments: tuple[float, ...]
    places: tuple[float, ...]
    folds: tuple[Fold, ...]

    def place(self, at: float) -> float:
        """Where a moment is drawn.

        Args:
            at: seconds since the backup began; what lies outside is drawn at the end.
        """
        after = bisect.bisect_left(self.moments, at)
        if after == 0:
            return self.places[0]
        if after == len(self.moments):
            return self.places[-1]
        first, last = self.moments[after - 1], self.moments[after]
        share = (at - first) / (last - first)
        left, right = self.places[after - 1], self.places[after]
        return left + share * (right - left)


def axis(moments: Iterable[float], left: float, right: float, skipped: float = math.inf) -> Axis:
    """An axis on which all moments can be told apart.

    Between folds it is to scale, but for moments that would be drawn upon each other.

    Args:
        moments: at which something happens, in seconds.
        left: where the first is drawn.
        right: where the last is drawn; greater than ``left``.
        skipped: seconds; a gap longer than this is one that a virtual clock has skipped, and is
            folded. Without one, gaps are folded that would leave no room for all else.
    """
    known = _distinct(sorted(moments))
    gaps = [after - before for before, after in itertools.pairwise(known)]
    if not gaps:
        return Axis(tuple(known or [0.0]), (left,), ())
    is_folded = _folded(gaps, skipped)
    widths = _widths(gaps, is_folded, right - left)
    places = [left]
    for width in widths:
        places.append(places[-1] + width)
    places[-1] = right
    folds = tuple(
        Fold(known[index], known[index + 1], places[index], places[index + 1])
        for index, folded in enumerate(is_folded)
        if folded
    )
    return Axis(tuple(known), tuple(places), folds)


def _distinct(moments: Sequence[float]) -> list[float]:
    found: list[float] = []
    for moment in moments:
        if not found or moment - found[-1] > _SAME:
            found.append(moment)
    return found


def _folded(gaps: Sequence[float], skipped: float) -> list[bool]:
    """Which gaps were skipped, or would leave no room for what is much shorter.

    Gaps that are about as long are treated alike; and a crowd of them, as of a script that polls,
    is its rhythm and left to scale.
    """
    ascending = sorted(gaps)
    sums = [0.0]
    for gap in ascending:
        sums.append(sums[-1] + gap)
    wanted = [
        gap >= SHORTEST_FOLD
        and (
            gap > skipped
            or (
                gap >= _TIMES * sums[bisect.bisect_left(ascending, gap / _MUCH)]
                and _has_company(gap, ascending)
            )
        )
        for gap in gaps
    ]
    folded = [False] * len(gaps)
    for alike in _alike(gaps):
        if len(alike) <= _CROWD and all(wanted[index] for index in alike):
            for index in alike:
                folded[index] = True
    return folded


def _alike(gaps: Sequence[float]) -> Iterator[list[int]]:
    """Gaps in groups, each as long as its neighbours, more or less."""
    group: list[int] = []
    for index in sorted(range(len(gaps)), key=lambda index: gaps[index]):
        if group and gaps[index] > _ABOUT * gaps[group[-1]]:
            yield group
            group = []
        group.append(index)
    yield group


def _has_company(gap: float, ascending: Sequence[float]) -> bool:
    """Whether there is anything to make room for."""
    return ascending[0] < gap / _MUCH


def _widths(gaps: Sequence[float], is_folded: Sequence[bool], width: float) -> list[float]:
    """How wide each gap is drawn: together ``width``."""
    wanted = [_fold(gap) if folded else 0.0 for gap, folded in zip(gaps, is_folded, strict=True)]
    drawn = len(gaps) - sum(is_folded)
    room = width if not drawn else _ROOM_FOR_FOLDS * width
    needed = sum(wanted)
    if needed > room or (needed and not drawn):
        wanted = [room / needed * want for want in wanted]
    left = width - sum(wanted)
    apart = min(_APART, _ROOM_FOR_APART * left / drawn) if drawn else 0.0
    to_scale = left - drawn * apart
    seconds = sum(gap for gap, folded in zip(gaps, is_folded, strict=True) if not folded)
    return [
        want if folded else apart + to_scale * gap / seconds
        for gap, folded, want in zip(gaps, is_folded, wanted, strict=True)
    ]


def _fold(seconds: float) -> float:
    """A longer fold is wider, though not to scale."""
    return FOLD_WIDTH + _WIDER * math.log10(seconds / SHORTEST_FOLD)
