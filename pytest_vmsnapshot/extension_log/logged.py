"""A whole log, understood: its backups, and every line that was not understood."""

from __future__ import annotations

from dataclasses import dataclass

from .backups import LoggedBackup
from .kinds import Fact, Kind
from .messages import continues, fact_of
from .not_understood import NotUnderstood, Unknown
from .reading import LogText
from .recovering import recover
from .runs import group
from .status_report import read_report


@dataclass(frozen=True, slots=True)
class Logged:
    """What a log holds.

    Args:
        files: its files, the oldest first.
        backups: what it says of each backup.
        unknown: lines that are not known, by their shape.
        lines: how many lines there are.
        repeated: how many times the agent asked for a backup that was taken already.
        notes: what was odd about the files, each a sentence.
    """

    files: tuple[str, ...]
    backups: tuple[LoggedBackup, ...]
    unknown: tuple[Unknown, ...] = ()
    lines: int = 0
    repeated: int = 0
    notes: tuple[str, ...] = ()


def understand(text: LogText) -> Logged:
    """Find the backups in a log.

    Args:
        text: the log.
    """
    unknown = NotUnderstood()
    for line in text.headless:
        unknown.add(line)
    facts: list[Fact] = []
    for message in text.messages:
        fact = fact_of(message)
        if fact is None or not _holds(fact):
            if message.text:
                unknown.add(message.line)
        else:
            facts.append(fact)
        if message.more and (fact is None or not continues(fact)):
            for line in message.more:
                unknown.add(line)
    grouped = group(facts)
    backups = [recover(run, number) for number, run in enumerate(grouped.runs, 1)]
    return Logged(
        text.files, tuple(backups), unknown.told(), text.lines, grouped.repeated, text.notes
    )


def _holds(fact: Fact) -> bool:
    """Whether a fact is what its message looks like."""
    return fact.kind is not Kind.REPORT or read_report(fact.value, to_file=True) is not None
