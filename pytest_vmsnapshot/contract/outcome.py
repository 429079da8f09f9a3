"""What became of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not hold.

    Args:
        text: what was seen, and why it matters, as a sentence without a full stop.
        remedy: what to write instead.
        evidence: what it was seen by: a timeline, output, paths; may be empty.
    """

    text: str
    remedy: str
    evidence: str = ""

    def __str__(self) -> str:
        lines = [self.text, f"  remedy: {self.remedy}"]
        lines += [f"  {line}" if line else "" for line in self.evidence.splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a check: it holds where there are no problems.

    Args:
        problems: all that does not hold.
        notes: what else is to be said, a sentence each.
        skipped: why it could not be tried; empty if it was.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


HOLDS = Outcome()
"""Nothing to be said."""


def failed(*problems: Problem) -> Outcome:
    """An outcome with these problems; without any, it holds."""
    return Outcome(problems)


def skipped(reason: str) -> Outcome:
    """The outcome of a check that could not be tried.

    Args:
        reason: why, as a phrase.
    """
    return Outcome(skipped=reason)
