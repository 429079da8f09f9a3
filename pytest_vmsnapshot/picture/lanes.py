"""What happened in a backup, sorted into lanes of things that are drawn side by side."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import explain
from ..backup import Backup, Event, EventKind, Step
from ..durations import duration, moment
from ..findings import Finding, FindingKind
from ..script_run import Attempt, ScriptRun

ATTEMPTS_APART = 6
"""With more attempts than this a script has one lane, not one for each."""

ROWS_OF_CALLS = 12
"""Rows in which calls that overlap are drawn; what is more lies in the last one."""


class Look(enum.Enum):
    """What a thing looks like. Each look differs by its shape or pattern, not by colour alone."""

    OK = "ok"
    BAD = "bad"
    STOPPED = "stopped"
    LEFT = "left"
    CALL = "call"
    FREEZE = "freeze"
    SNAPSHOT = "snapshot"
    WAIT = "wait"
    FAULT = "fault"
    TEST = "test"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is drawn.

    Args:
        start: seconds of the VM's clock since the backup began.
        end: the same of its end; equal to ``start`` for what has no length.
        look: what it looks like.
        label: what is written beside it, if there is room.
        told: all that is to be said of it, as one line.
        is_open: whether it goes on after the backup.
    """

    start: float
    end: float
    look: Look
    label: str
    told: str
    is_open: bool = False

    @property
    def is_mark(self) -> bool:
        """Whether it has no length."""
        return self.end <= self.start and not self.is_open


@dataclass(frozen=True, slots=True)
class Lane:
    """Things that are drawn side by side.

    Args:
        name: what they are.
        items: by their start; they may overlap.
        is_below: whether it belongs to the lane above.
    """

    name: str
    items: tuple[Item, ...]
    is_below: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """From the freeze to the thaw.

    Args:
        start: seconds of the VM's clock since the backup began.
        end: the same of its end.
        told: all that is to be said of it.
    """

    start: float
    end: float
    told: str


def end_of(backup: Backup) -> float:
    """The last second that is drawn.

    Args:
        backup: the backup.
    """
    ends = [backup.duration, *(event.until or event.at for event in backup.events)]
    for run in (backup.pre, backup.post):
        ends += [attempt.ended for attempt in run.attempts] if run is not None else []
    return max(0.0, *ends)


def window_of(backup: Backup) -> Window | None:
    """From the freeze to the thaw; None if nothing was frozen.

    Args:
        backup: the backup.
    """
    freezes = _steps(backup, Step.FREEZE)
    thaw = next(iter(_steps(backup, Step.THAW)), None)
    if thaw is None or not freezes:
        return None
    first = freezes[0]
    told = f"frozen: {explain.line(first.text)}; thaw: {explain.line(thaw.text)}"
    return Window(first.at, thaw.at, f"{told}; {span(first.at, thaw.at)}")


def lanes_of(backup: Backup) -> tuple[Lane, ...]:
    """All lanes that have something in them, from top to bottom.

    Args:
        backup: the backup.
    """
    end = end_of(backup)
    found = [Lane("precheck", tuple(_precheck(backup)))]
    found += _script(backup, Step.PRE_SCRIPT, backup.pre, end)
    found += [
        Lane("freeze", tuple(_freeze(backup))),
        Lane("snapshot", tuple(_marks(_snapshots(backup), Look.SNAPSHOT))),
    ]
    found += _script(backup, Step.POST_SCRIPT, backup.post, end)
    others = [e for e in _of_kind(backup, EventKind.CALL) if e.step not in _SCRIPTS]
    found += [
        Lane("doubles", tuple(_calls(others, end))),
        Lane("left running", tuple(_left(backup, end))),
        Lane("faults", tuple(_marks(_of_kind(backup, EventKind.FAULT), Look.FAULT))),
        Lane("test", tuple(_marks(_of_kind(backup, EventKind.TEST), Look.TEST))),
    ]
    return tuple(lane for lane in found if lane.items)


_SCRIPTS = (Step.PRE_SCRIPT, Step.POST_SCRIPT)


def span(start: float, end: float) -> str:
    """From when to when, and how long."""
    return f"{moment(start)} to {moment(end)} ({duration(end - start)})"


def rows_of(items: Sequence[Item], most: int = ROWS_OF_CALLS) -> list[list[Item]]:
    """Items in as few rows as they have room in without one lying upon another.

    Args:
        items: by their start.
        most: rows there may be; in the last one they may overlap.
    """
    rows: list[list[Item]] = []
    for item in items:
        free = next((row for row in rows if row[-1].end <= item.start and _ended(row[-1])), None)
        if free is not None:
            free.append(item)
        elif len(rows) < most:
            rows.append([item])
        else:
            rows[-1].append(item)
    return rows


def _ended(item: Item) -> bool:
    return not item.is_open


def _steps(backup: Backup, step: Step) -> list[Event]:
    return [e for e in backup.events if e.step is step and e.kind is EventKind.STEP]


def _of_kind(backup: Backup, kind: EventKind) -> list[Event]:
    return [event for event in backup.events if event.kind is kind]


def _precheck(backup: Backup) -> Iterator[Item]:
    for event in _steps(backup, Step.PRECHECK):
        text = explain.line(event.text.strip())
        look = Look.OK if text == "ok" else Look.NOTE
        yield Item(0.0, event.at, look, text, f"precheck: {text}; {span(0.0, event.at)}")


def _freeze(backup: Backup) -> Iterator[Item]:
    window = window_of(backup)
    events = _steps(backup, Step.FREEZE)
    if window is not None:
        label = explain.line(events[0].text)
        yield Item(window.start, window.end, Look.FREEZE, label, window.told)
        thaws = _steps(backup, Step.THAW)
        events = [*events[1:], *(event for event in thaws if event.text != "done")]
    for event in events:
        text = explain.line(event.text.strip())
        yield Item(event.at, event.at, Look.NOTE, text, _at(event))


def _snapshots(backup: Backup) -> list[Event]:
    """What is not indented; a line for each lost file would hide the snapshot."""
    return [e for e in _steps(backup, Step.SNAPSHOT) if not e.text.startswith("  ")]


def _marks(events: Sequence[Event], look: Look) -> Iterator[Item]:
    for event in events:
        text = explain.line(event.text.strip()).removeprefix("fault: ").removeprefix("test: ")
        yield Item(event.at, event.at, look, text, _at(event))


def _at(event: Event) -> str:
    return f"{event.step.value}: {explain.line(event.text.strip())}; at {moment(event.at)}"


def _calls(events: Sequence[Event], end: float) -> Iterator[Item]:
    for event in sorted(events, key=lambda event: event.at):
        until = end if event.until is None else event.until
        text = explain.line(event.text.strip())
        times = span(event.at, until)
        if event.until is None:
            times = f"from {moment(event.at)}, still running at the end"
        told = f"command double: {text}; {times}"
        yield Item(event.at, until, Look.CALL, text, told, event.until is None)


def _script(backup: Backup, step: Step, run: ScriptRun | None, end: float) -> Iterator[Lane]:
    """A lane for each attempt, or one for very many; then the doubles they called."""
    events = _steps(backup, step)
    waits = [e for e in backup.events if e.step is step and e.kind is EventKind.WAIT]
    attempts = run.attempts if run is not None else ()
    total = run.attempt_count if run is not None else 0
    items = [_attempt(step, attempt, end) for attempt in attempts]
    notes = [*_notes(events, run), *waits]
    if len(attempts) > ATTEMPTS_APART or not attempts:
        name = f"{step.value}, {total} times" if attempts else step.value
        found = sorted([*items, *map(_note, notes)], key=lambda item: item.start)
        yield Lane(name, tuple(found))
    else:
        first = total - len(attempts) + 1
        for index, item in enumerate(items):
            name = f"{step.value}, {index + first}" if total > 1 else step.value
            here = [e for e in notes if _owner(e, attempts) == index]
            yield Lane(name, (item, *map(_note, here)), is_below=index > 0)
    calls = [e for e in backup.events if e.step is step and e.kind is EventKind.CALL]
    for number, row in enumerate(rows_of(tuple(_calls(calls, end)))):
        yield Lane("" if number else "doubles", tuple(row), is_below=True)


def _owner(event: Event, attempts: Sequence[Attempt]) -> int:
    """Which attempt an event belongs to: the last that had begun."""
    begun = [i for i, attempt in enumerate(attempts) if attempt.started <= event.at]
    return begun[-1] if begun else 0


def _notes(events: Sequence[Event], run: ScriptRun | None) -> Iterator[Event]:
    """What is told of a script, but for its launches and how they ended: these are drawn."""
    if run is None:
        yield from events
        return
    endings = {attempt.ending for attempt in run.attempts}
    launches = {explain.command(attempt.argv) for attempt in run.attempts}
    launches.add(explain.command((run.path, *run.params)))
    for event in events:
        text = event.text.strip()
        whole = text.partition(", attempt ")[0]
        if not (text in endings or text.startswith("stopped at its limit") or whole in launches):
            yield event


def _note(event: Event) -> Item:
    look = Look.WAIT if event.kind is EventKind.WAIT else Look.NOTE
    return Item(event.at, event.at, look, explain.line(event.text.strip()), _at(event))


def _attempt(step: Step, attempt: Attempt, end: float) -> Item:
    look = Look.BAD
    if attempt.left_running:
        look = Look.LEFT
    elif attempt.ok:
        look = Look.OK
    elif attempt.timed_out:
        look = Look.STOPPED
    until = end if attempt.left_running else max(attempt.started, attempt.ended)
    command = explain.command(attempt.argv)
    told = f"{step.value}: {command}; {attempt.ending}; {span(attempt.started, until)}"
    label = attempt.ending if not attempt.ok else command
    return Item(attempt.started, until, look, label, told, attempt.left_running)


_LASTING = (FindingKind.PROCESSES, FindingKind.SESSIONS)


def _left(backup: Backup, end: float) -> Iterator[Item]:
    """What a script started that had not ended: it ran from the end of that script at least."""
    for finding in backup.findings:
        if finding.kind in _LASTING:
            start = _known_since(backup, finding, end)
            text = explain.line(finding.text)
            told = f"{finding.kind.value}: {text}"
            yield Item(start, end, Look.LEFT, text, told, is_open=True)


def _known_since(backup: Backup, finding: Finding, end: float) -> float:
    runs = {Step.PRE_SCRIPT: backup.pre, Step.POST_SCRIPT: backup.post}
    ends = [
        run.last.ended
        for step, run in runs.items()
        if run is not None and f"{step.value}, attempt" in finding.text
    ]
    return min(*ends, end) if ends else end
