"""A timeline as numbers: where each lane, bar, mark, word, tick and fold is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..backup import Backup, EventKind
from ..durations import duration
from .axis import Axis, Fold, axis
from .labels import Label, Span, Wanted, along, beside
from .lanes import Item, Lane, Look, Window, end_of, lanes_of, window_of

WIDTH = 1000.0
"""Of a drawing, in its own units."""

LEFT = 116.0
"""Where the axis begins; the names of the lanes stand before it."""

RIGHT = 984.0
"""Where it ends."""

ROW = 24.0
"""How high a lane is."""

_BAR = 16.0
_TOP = 40.0
_BOTTOM = 10.0
_THINNEST = 3.0
_MARK = 5.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A thing, and where it is drawn.

    Args:
        look: what it looks like.
        told: all that is to be said of it.
        left: where it begins; of a mark, its middle.
        top: its upper end; of a mark, its middle.
        width: how wide it is; 0 for a mark.
        height: how high it is.
        is_open: whether it goes on after the backup.
        label: what is written beside it, or None.
    """

    look: str
    told: str
    left: float
    top: float
    width: float
    height: float
    is_open: bool
    label: Label | None


@dataclass(frozen=True, slots=True)
class Row:
    """A lane, and where it is drawn.

    Args:
        name: what it is; empty for one that continues the lane above.
        top: its upper end.
        middle: the line on which words stand.
        is_below: whether it belongs to the lane above.
        shapes: what is drawn in it.
    """

    name: str
    top: float
    middle: float
    is_below: bool
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Crease:
    """A fold, and what is written at it.

    Args:
        left: where it begins.
        right: where it ends.
        words: how long it is, if there is room for that.
        middle: where these stand.
        told: all that is to be said of it.
        edge: the zigzag of its two edges, as a path.
    """

    left: float
    right: float
    words: str
    middle: float
    told: str
    edge: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline.

    Args:
        width: of all.
        height: of all.
        top: where the lanes begin.
        bottom: where they end.
        rows: from top to bottom.
        ticks: places on the axis, and what is written there.
        creases: stretches that are folded.
        window: left and right end of the freeze, or None.
        told: it all in a sentence, for who cannot see it.
    """

    width: float
    height: float
    top: float
    bottom: float
    rows: tuple[Row, ...]
    ticks: tuple[Wanted, ...]
    creases: tuple[Crease, ...]
    window: tuple[float, float] | None
    told: str


def drawing_of(backup: Backup) -> Drawing:
    """The timeline of a backup.

    Args:
        backup: the backup.
    """
    lanes = lanes_of(backup)
    window = window_of(backup)
    end = end_of(backup)
    skipped = backup.real_duration if _is_virtual(backup) else math.inf
    time = axis(_moments(lanes, window, end), LEFT, RIGHT, skipped)
    rows = tuple(_rows(lanes, time))
    bottom = _TOP + ROW * len(rows)
    words: dict[str, float] = {}
    for at in _told(lanes, time, end):
        words.setdefault(_second(at), time.place(at))
    ticks = along([Wanted(place, word) for word, place in words.items()], LEFT - ROW, WIDTH)
    return Drawing(
        WIDTH,
        bottom + _BOTTOM,
        _TOP,
        bottom,
        rows,
        tuple(ticks),
        tuple(_creases(time, backup, bottom)),
        None if window is None else (time.place(window.start), time.place(window.end)),
        _in_words(backup, time, window),
    )


def _moments(lanes: Sequence[Lane], window: Window | None, end: float) -> Iterator[float]:
    yield from (0.0, end)
    for lane in lanes:
        for item in lane.items:
            yield from (item.start, item.end)
    if window is not None:
        yield from (window.start, window.end)


def _told(lanes: Sequence[Lane], time: Axis, end: float) -> Iterator[float]:
    """Moments that are worth to be written on the axis, the weightiest first."""
    yield from (0.0, end)
    for fold in time.folds:
        yield from (fold.start, fold.end)
    order = (Look.SNAPSHOT, Look.FREEZE, Look.STOPPED, Look.BAD, Look.LEFT, Look.OK, Look.CALL)
    for look in order:
        for lane in lanes:
            for item in lane.items:
                if item.look is look:
                    yield from (item.start, item.end)


def _second(at: float) -> str:
    if at >= 3600:
        return duration(at)
    return "0" if at < 0.0005 else f"{at:.3f}".rstrip("0").rstrip(".") + " s"


def _rows(lanes: Sequence[Lane], time: Axis) -> Iterator[Row]:
    for index, lane in enumerate(lanes):
        top = _TOP + ROW * index
        items = sorted(lane.items, key=lambda item: (item.start, item.end))
        spans = [_span(item, time) for item in items]
        labels = beside(_apart(spans), LEFT, WIDTH)
        shapes = tuple(
            _shape(item, span, label, top)
            for item, span, label in zip(items, spans, labels, strict=True)
        )
        yield Row(lane.name, top, top + ROW / 2 + 4, lane.is_below, shapes)


def _span(item: Item, time: Axis) -> Span:
    left = time.place(item.start)
    if item.is_mark:
        return Span(left - _MARK, left + _MARK, item.label)
    right = max(time.place(item.end), left + _THINNEST)
    return Span(left, right, item.label)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Spans of which none lies upon another, so that labels keep clear of all of them.

    What begins within another one (a note at the end of an attempt) cuts that one short, and no
    label can be put inside it past there.
    """
    found: list[Span] = []
    furthest = LEFT
    for index, span in enumerate(spans):
        following = spans[index + 1].left if index + 1 < len(spans) else span.right
        left = max(span.left, min(furthest, span.right))
        right = max(left, min(span.right, following))
        furthest = max(furthest, span.right)
        found.append(Span(left, right if following < span.right else span.right, span.words))
    return found


def _shape(item: Item, span: Span, label: Label | None, top: float) -> Shape:
    look = item.look.value
    if item.is_mark:
        middle = (span.left + span.right) / 2
        return Shape(look, item.told, middle, top + ROW / 2, 0, _MARK, False, label)
    bar = top + (ROW - _BAR) / 2
    width = span.right - span.left
    return Shape(look, item.told, span.left, bar, width, _BAR, item.is_open, label)


def _creases(time: Axis, backup: Backup, bottom: float) -> Iterator[Crease]:
    wanted = [
        Wanted((fold.left + fold.right) / 2, duration(fold.length))
        for fold in sorted(time.folds, key=lambda fold: -fold.length)
    ]
    kept = along(wanted, LEFT, WIDTH)
    for fold in time.folds:
        middle = (fold.left + fold.right) / 2
        words = duration(fold.length)
        mine = [k for k in kept if k.words == words and abs(k.at - middle) < ROW]
        yield Crease(
            fold.left,
            fold.right,
            words if mine else "",
            mine[0].at if mine else middle,
            _of_fold(fold, backup),
            _zigzag(fold.left + 7, fold.right - 7, bottom),
        )


def _of_fold(fold: Fold, backup: Backup) -> str:
    """What became of the time in a fold: a gap longer than all real time was skipped."""
    ends = f"{_second(fold.start)} to {_second(fold.end)}"
    if _is_virtual(backup) and fold.length > backup.real_duration:
        return f"{duration(fold.length)} skipped: everything slept ({ends}); not to scale"
    return f"{duration(fold.length)} in which nothing happened ({ends}); not to scale"


def _is_virtual(backup: Backup) -> bool:
    return backup.clock == "virtual"


def _zigzag(left: float, right: float, bottom: float) -> str:
    """The outline of a strip with two jagged edges, as a path."""
    left, right = min(left, right - 4), max(right, left + 4)
    teeth = max(1, round((bottom - _TOP + 12) / 12))
    down, up = "l6 6l-6 6" * teeth, "l6 -6l-6 -6" * teeth
    return f"M{left - 3:.1f} {_TOP - 6:g}{down}h{right - left:.1f}{up}z"


def _in_words(backup: Backup, time: Axis, window: Window | None) -> str:
    calls = sum(event.kind is EventKind.CALL for event in backup.events)
    parts = [f"timeline of {duration(end_of(backup))} on the VM's clock"]
    for name, run in (("pre-script", backup.pre), ("post-script", backup.post)):
        if run is not None:
            tries = f" in {run.attempt_count} attempts" if run.attempt_count > 1 else ""
            parts.append(f"{name}{tries}: {run.last.ending}")
    if window is not None:
        parts.append(f"frozen for {duration(window.end - window.start)}")
    if calls:
        parts.append(f"{calls} call{'s' if calls != 1 else ''} of command doubles")
    if time.folds:
        parts.append(f"{duration(sum(fold.length for fold in time.folds))} folded")
    return "; ".join(parts)
