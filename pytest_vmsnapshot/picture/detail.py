"""All that is shown of one backup beside its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import explain
from ..backup import Backup, Status
from ..durations import duration, moment
from .drawing import Drawing, drawing_of
from .files import Shelf, ShownFile
from .rows import Row

ATTEMPTS_SHOWN = 20
"""Attempts whose output is shown, counted from the last."""

MOST_LINES = 400
"""Lines of an output that are shown: the first and the last half."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a script has printed into one stream.

    Args:
        title: script, attempt and stream.
        lines: each on one printable line.
    """

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, in a table.

    Args:
        at: when.
        step: the step of the lifecycle.
        kind: what sort of thing it is.
        text: what happened.
        lasted: how long, where that is known.
    """

    at: str
    step: str
    kind: str
    text: str
    lasted: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is to be told, under a label.

    Args:
        label: what it is.
        texts: each a sentence.
    """

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One backup, told.

    Args:
        row: its place in the table.
        drawing: its timeline.
        verdict: what it is, with its article.
        events: the timeline as a table.
        remedies: what to do, each a sentence.
        message: why its test failed, as lines; none if it did not.
        facts: what else is to be told.
        printed: what its scripts have printed.
        files: its config and scripts.
        seconds: how long it took on the VM's clock, and really.
    """

    row: Row
    drawing: Drawing
    verdict: str
    events: tuple[Happened, ...]
    remedies: tuple[str, ...]
    message: tuple[str, ...]
    facts: tuple[Fact, ...]
    printed: tuple[Printed, ...]
    files: tuple[ShownFile, ...]
    seconds: str


def detail_of(row: Row, shelf: Shelf) -> Detail:
    """All there is to show of a backup.

    Args:
        row: the backup.
        shelf: where the page keeps its files.
    """
    backup = row.record.backup
    has_failed = backup.status is Status.FAILED
    verdict = "a failed backup" if has_failed else explain.kind_of_backup(backup.consistency)
    errors = (*backup.errors, *backup.unreported)
    remedies = [text for error in errors for text in error.advice or (error.remedy,)]
    real = duration(backup.real_duration)
    return Detail(
        row,
        drawing_of(backup),
        verdict[0].upper() + verdict[1:],
        tuple(_events(backup)),
        tuple(dict.fromkeys(remedies)),
        _shortened(explain.block(row.test.message)) if row.test.message else (),
        tuple(_facts(row)),
        tuple(
            Printed(title, _shortened(lines))
            for title, lines in explain.outputs(backup, ATTEMPTS_SHOWN)
        ),
        tuple(shelf.of(row.record)),
        f"{duration(backup.duration)} on the VM's clock, {real} real",
    )


def _events(backup: Backup) -> Iterator[Happened]:
    for event in backup.events:
        lasted = "" if event.until is None else duration(event.until - event.at)
        kind = {"step": "", "call": "command double"}.get(event.kind.value, event.kind.value)
        text = event.text.strip().removeprefix(f"{kind}: ")
        yield Happened(moment(event.at), event.step.value, kind, explain.line(text), lasted)


def _facts(row: Row) -> Iterator[Fact]:
    backup, point = row.record.backup, row.record.backup.recovery_point
    other = "documented" if backup.rules == "shipped" else "shipped"
    yield from _fact("fault the test asked for", backup.faults)
    yield from _fact(f"under {other} rules", backup.differences)
    yield from _fact("found", backup.findings)
    yield from _fact("found on command doubles", row.test.findings)
    yield from _fact("modelled", backup.modelled)
    yield from _fact("lost", () if point is None else point.lost)
    yield from _fact("measured", row.record.measured)
    if point is not None:
        size = f"{point.files} files, {point.size} bytes of content in the VM's own layer"
        yield Fact("recovery point", (size,))
    told = backup.extension
    code = "" if told.precheck is None else f", precheck {told.precheck}"
    numbers = f"status {told.status}, result {told.result}, error {told.error}{code}"
    yield Fact("the extension reports", (numbers,))
    shell = f", /bin/sh {row.record.shell}" if row.record.shell else ""
    yield Fact("VM", (f"{backup.guest}, clock {backup.clock}, storage {backup.storage}{shell}",))


def _fact(label: str, texts: Sequence[object]) -> Iterator[Fact]:
    if texts:
        yield Fact(label, tuple(explain.line(str(text)) for text in texts))


def _shortened(lines: Sequence[str]) -> tuple[str, ...]:
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    half = MOST_LINES // 2
    return (*lines[:half], f"[{len(lines) - 2 * half} lines not shown]", *lines[-half:])
