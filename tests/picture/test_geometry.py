"""Where things are drawn: the time axis, labels, and the lanes of a backup."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.backup import Event, EventKind, Step
from pytest_vmsnapshot.durations import duration
from pytest_vmsnapshot.findings import Finding, FindingKind
from pytest_vmsnapshot.picture.axis import axis
from pytest_vmsnapshot.picture.drawing import LEFT, RIGHT, WIDTH, drawing_of
from pytest_vmsnapshot.picture.labels import Side, Span, Wanted, along, beside, width
from pytest_vmsnapshot.picture.lanes import Look, lanes_of, rows_of, window_of

from .made import EVENTS, attempt, backup, call, run

MOMENTS = st.lists(st.floats(0, 1e7, allow_nan=False), min_size=1, max_size=60)


@given(MOMENTS, st.one_of(st.just(math.inf), st.floats(0, 100)))
def test_an_axis_keeps_the_order_and_its_ends(moments: list[float], skipped: float) -> None:
    made = axis(moments, 100, 900, skipped)
    places = [made.place(at) for at in sorted(moments)]
    assert places == sorted(places)
    assert made.places[0] == 100
    assert made.place(min(moments) - 1) == 100
    assert all(100 <= place <= 900 + 1e-9 for place in places)
    if len(made.moments) > 1:
        assert made.places[-1] == 900
        assert all(b - a > 1e-3 for a, b in itertools.pairwise(made.places))


@given(MOMENTS)
def test_skipped_gaps_are_folded_and_all_else_is_to_scale(moments: list[float]) -> None:
    made = axis(moments, 0, 1000, 0.0)
    for fold in made.folds:
        assert fold.length >= 0.25
        assert fold.right > fold.left
    gaps = itertools.pairwise(zip(made.moments, made.places, strict=True))
    folded = {(fold.start, fold.end) for fold in made.folds}
    drawn = [(b - a, y - x) for (a, x), (b, y) in gaps if (a, b) not in folded]
    assert all(long < 0.25 for long, _ in drawn)
    for (long, wide), (short, narrow) in itertools.pairwise(sorted(drawn, reverse=True)):
        assert long == short or wide >= narrow - 1e-6


@pytest.mark.parametrize(
    ("moments", "folded"),
    [
        ([0, 0.01, 0.02, 30.02, 30.03], [(0.02, 30.02)]),
        (
            [0, 0.01, 6.01, 10.01, 11.01, 17.01],
            [(0.01, 6.01), (6.01, 10.01), (10.01, 11.01), (11.01, 17.01)],
        ),
        ([0, 10, 20, 30], []),  # nothing is short, so nothing needs room
        ([0, 0.001, 0.1, 0.2], []),  # too short for a fold
        ([0, 0.17, 1.18, 1.35, 2.38], []),  # only one of two is long enough, and they are alike
        ([0, 0.17, 1.2, 1.37, 2.42], [(0.17, 1.2), (1.37, 2.42)]),
        ([number + 0.001 * (number % 2) for number in range(60)], []),  # a script that polls
        ([0], []),
        ([], []),
    ],
)
def test_which_gaps_are_folded(moments: list[float], folded: list[tuple[float, float]]) -> None:
    found = axis(moments, 0, 1000).folds
    assert [(fold.start, fold.end) for fold in found] == folded


def test_a_longer_fold_is_wider() -> None:
    short, long = axis([0, 1, 1.01, 3601], 0, 1000, 0.5).folds
    assert long.right - long.left > short.right - short.left


def test_an_axis_of_folds_alone_is_filled() -> None:
    made = axis([0, 10, 400], 0, 1000, 1.0)
    assert len(made.folds) == 2
    assert made.places[-1] == 1000


SPANS = st.lists(
    st.tuples(st.floats(0, 900), st.floats(0, 300), st.text("abc", max_size=80)), max_size=12
)


@given(SPANS)
def test_labels_neither_leave_the_row_nor_run_into_each_other(
    rows: list[tuple[float, float, str]],
) -> None:
    spans, free = [], 0.0
    for gap, long, words in rows:
        spans.append(Span(free + gap, free + gap + long, words))
        free = spans[-1].right
    right = free + 50
    taken: list[tuple[float, float]] = []
    for span, label in zip(spans, beside(spans, 0, right), strict=True):
        if label is None:
            continue
        wide = width(label.words)
        start = label.at - wide if label.side is Side.LEFT else label.at
        assert start >= -1e-6
        assert start + wide <= right + 1e-6
        if label.side is Side.INSIDE:
            assert span.left <= start
            assert start + wide <= span.right
        taken.append((start, start + wide))
        others = [s for s in spans if s is not span]
        assert all(start + wide <= s.left + 1e-6 or start >= s.right - 1e-6 for s in others)
    assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(sorted(taken)))


def test_a_label_goes_where_there_is_room() -> None:
    inside, right, left = (
        beside([Span(*span)], 0, 400)[0]
        for span in ((0, 300, "ten letters"), (0, 5, "ten letters"), (380, 390, "ten letters"))
    )
    assert inside is not None
    assert inside.side is Side.INSIDE
    assert right is not None
    assert (right.side, right.at) == (Side.RIGHT, 9)
    assert left is not None
    assert (left.side, left.at) == (Side.LEFT, 376)


def test_a_label_is_shortened_or_left_out() -> None:
    (label,) = beside([Span(40, 50, "a very long label indeed")], 0, 120)
    assert label is not None
    assert label.words == "a very lo…"
    assert beside([Span(20, 30, "a very long label indeed")], 0, 60) == [None]


@given(st.lists(st.builds(Wanted, st.floats(0, 1000), st.text("x", max_size=20)), max_size=30))
def test_words_along_an_axis_keep_apart_and_the_first_wins(wanted: list[Wanted]) -> None:
    kept = along(wanted, 0, 1000)
    ends = [(k.at - width(k.words) / 2, k.at + width(k.words) / 2) for k in kept]
    assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(ends))
    assert all(a >= -1e-6 and b <= 1000 + 1e-6 for a, b in ends)
    assert not wanted or any(k.words == wanted[0].words for k in kept)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 ms"),
        (0.00049, "0.5 ms"),
        (0.0424, "42 ms"),
        (0.9996, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (11520, "3 h 12 min"),
        (90000, "1 d 1 h"),
        (math.inf, "for ever"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# -- lanes ---------------------------------------------------------------------------------------


def names(**facts: object) -> list[str]:
    return [lane.name for lane in lanes_of(backup(**facts))]  # type: ignore[arg-type]


def test_the_lanes_of_an_ordinary_backup() -> None:
    assert names() == ["precheck", "pre-script", "freeze", "snapshot", "post-script"]
    lanes = {lane.name: lane.items for lane in lanes_of(backup())}
    (pre,) = lanes["pre-script"]
    assert (pre.start, pre.end, pre.look) == (0.002, 0.010, Look.OK)
    assert pre.told == "pre-script: /opt/pre.sh; exit status 0; 0.002 s to 0.010 s (8.0 ms)"
    (freeze,) = lanes["freeze"]
    assert (freeze.start, freeze.end) == (0.011, 0.014)
    (snapshot,) = lanes["snapshot"]
    assert snapshot.is_mark
    assert snapshot.told == "snapshot: 7 files, 366 bytes in 1.5 ms; at 0.013 s"


def test_each_attempt_has_a_lane_and_very_many_share_one() -> None:
    tries = [attempt(n, n + 0.5, 1) for n in range(3)]
    assert names(pre=run(*tries), post=None, events=()) == [
        "pre-script, 1",
        "pre-script, 2",
        "pre-script, 3",
    ]
    many = [attempt(n, n + 0.5, 1) for n in range(200)]
    (lane,) = lanes_of(backup(pre=run(*many), post=None, events=()))
    assert (lane.name, len(lane.items)) == ("pre-script, 200 times", 200)


def test_doubles_lie_below_the_script_that_called_them() -> None:
    events = [
        *EVENTS,
        call(0.003, None, "mysql (still running)"),
        call(0.004, 0.005),
        call(0.016, 0.017, step=Step.POST_SCRIPT),
    ]
    lanes = lanes_of(backup(events=events))
    assert [lane.name for lane in lanes] == [
        "precheck",
        "pre-script",
        "doubles",
        "",
        "freeze",
        "snapshot",
        "post-script",
        "doubles",
    ]
    (held,) = lanes[2].items
    assert held.is_open
    assert held.end == 0.021
    assert held.told == (
        "command double: mysql (still running); from 0.003 s, still running at the end"
    )


def test_what_is_told_of_a_script_is_drawn_unless_it_is_drawn_already() -> None:
    noticed = Event(6.001, Step.PRE_SCRIPT, "noticed by the extension, which looks every 3 s")
    waiting = Event(0.009, Step.PRE_SCRIPT, "waiting in: sleep 40", EventKind.WAIT)
    lanes = {lane.name: lane for lane in lanes_of(backup(events=[*EVENTS, noticed, waiting]))}
    looks = [(item.look, item.label) for item in lanes["pre-script"].items]
    assert looks == [
        (Look.OK, "/opt/pre.sh"),
        (Look.NOTE, "noticed by the extension, which looks every 3 s"),
        (Look.WAIT, "waiting in: sleep 40"),
    ]


@pytest.mark.parametrize(
    ("tried", "look"),
    [
        (attempt(0, 1), Look.OK),
        (attempt(0, 1, 3), Look.BAD),
        (attempt(0, 1, None, signal=9), Look.BAD),
        (attempt(0, 1, None, timed_out=True, stopped_processes=1), Look.STOPPED),
        (attempt(0, 1, None, timed_out=True, left_running=True), Look.LEFT),
    ],
)
def test_looks_of_attempts(tried: object, look: Look) -> None:
    (lane,) = lanes_of(backup(pre=run(tried), post=None, events=()))  # type: ignore[arg-type]
    assert lane.items[0].look is look
    assert lane.items[0].is_open is (look is Look.LEFT)


def test_nothing_is_frozen_where_nothing_was_thawed() -> None:
    events = [Event(0.01, Step.FREEZE, "off"), Event(0.02, Step.SNAPSHOT, "7 files")]
    assert window_of(backup(events=events)) is None
    lanes = {lane.name: lane for lane in lanes_of(backup(events=events, pre=None, post=None))}
    assert [item.label for item in lanes["freeze"].items] == ["off"]


def test_a_process_left_running_is_drawn_from_the_end_of_its_script() -> None:
    text = "still running after the backup: sleep 600 (pid 4, by pre-script, attempt 1); end it"
    found = (Finding(FindingKind.PROCESSES, text), Finding(FindingKind.UNITS, "stopped: db"))
    lanes = {lane.name: lane for lane in lanes_of(backup(findings=found))}
    (left,) = lanes["left running"].items
    assert (left.start, left.end, left.is_open) == (0.010, 0.021, True)


def test_faults_and_what_a_test_did_have_lanes() -> None:
    events = [
        *EVENTS,
        Event(0.003, Step.PRE_SCRIPT, "  fault: the disk is full", EventKind.FAULT),
        Event(0.012, Step.FREEZE, "  test: true → 0", EventKind.TEST),
    ]
    lanes = {lane.name: lane for lane in lanes_of(backup(events=events))}
    assert [item.label for item in lanes["faults"].items] == ["the disk is full"]
    assert [item.label for item in lanes["test"].items] == ["true → 0"]


def test_rows_of_what_overlaps() -> None:
    lanes = lanes_of(backup(events=[call(0, 1), call(0.5, 2), call(1, 3)], pre=None, post=None))
    first, second = (lane.items for lane in lanes if lane.is_below)
    assert [(item.start, item.end) for item in first] == [(0, 1), (1, 3)]
    assert [(item.start, item.end) for item in second] == [(0.5, 2)]
    assert len(rows_of([*first, *second, *first], most=1)) == 1


# -- drawings ------------------------------------------------------------------------------------

TIMES = st.floats(0, 5000, allow_nan=False)


@given(
    st.lists(st.tuples(TIMES, st.one_of(st.none(), TIMES), st.sampled_from(Step)), max_size=25),
    st.floats(0, 5000),
)
def test_whatever_happened_is_drawn_inside(
    calls: list[tuple[float, float | None, Step]], long: float
) -> None:
    events = [
        call(at, None if lasted is None else at + lasted, step=step) for at, lasted, step in calls
    ]
    made = drawing_of(backup(events=[*EVENTS, *events], duration=long))
    shapes = [shape for row in made.rows for shape in row.shapes]
    assert len([shape for shape in shapes if shape.look == "call"]) == len(events)
    for shape in shapes:
        assert LEFT - 6 <= shape.left <= RIGHT + 1
        assert shape.left + shape.width <= RIGHT + 4
        assert 0 < shape.top < made.bottom
    for crease in made.creases:
        assert LEFT <= crease.left < crease.right <= RIGHT + 1e-6
    assert made.width == WIDTH


def test_a_fold_says_what_became_of_the_time() -> None:
    events = [*EVENTS, Event(30.02, Step.POST_SCRIPT, "given up")]
    made = backup(events=events, duration=30.03)
    (crease,) = drawing_of(made).creases
    assert crease.words == "30.0 s"
    assert crease.told == "30.0 s skipped: everything slept (0.02 s to 30.02 s); not to scale"
    real = dataclasses.replace(made, clock="real")
    (crease,) = drawing_of(real).creases
    assert crease.told == "30.0 s in which nothing happened (0.02 s to 30.02 s); not to scale"


def test_a_drawing_in_words() -> None:
    events = [*EVENTS, call(0.003, 0.004)]
    assert drawing_of(backup(events=events)).told == (
        "timeline of 21 ms on the VM's clock; pre-script: exit status 0; post-script: exit status "
        "0; frozen for 3.0 ms; 1 call of command doubles"
    )
