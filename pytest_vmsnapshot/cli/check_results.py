"""What became of checks, as facts, and in words."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

import click

from .page import paragraph, say


class Outcome(enum.Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check.

    Args:
        config: the config it was about, as it was given.
        check: the name by which the check is chosen.
        name: the name of this run of it: the check's, and what it was run with.
        outcome: how it ended.
        seconds: how long it took.
        text: why it failed or was skipped: what, why, and what to do.
        sections: what else was told, each with its title.
    """

    config: str
    check: str
    name: str
    outcome: Outcome
    seconds: float
    text: str = ""
    sections: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all of them.

    Args:
        results: one for each check, in the order in which they ended.
        broken: what could not be checked at all, each a text.
        doubled: commands that stand-ins took the place of.
        seconds: how long it all took.
    """

    results: tuple[Result, ...]
    broken: tuple[str, ...]
    doubled: tuple[str, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Result, ...]:
        """Those that failed."""
        return tuple(result for result in self.results if result.outcome is Outcome.FAILED)


_MARKS = {
    Outcome.OK: ("ok", "green"),
    Outcome.FAILED: ("FAILED", "red"),
    Outcome.SKIPPED: ("skipped", "yellow"),
}
_COLUMN = 10


class Lines:
    """A line for each check that has ended, below the config it is about.

    Args:
        verbose: whether times are told.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._config = ""

    def show(self, result: Result) -> None:
        """Show one check."""
        if result.config != self._config:
            self._config = result.config
            say(click.style(result.config, bold=True))
        mark, colour = _MARKS[result.outcome]
        text = result.name
        if result.outcome is Outcome.SKIPPED:
            text += f": {' '.join(result.text.split())}"
        if self._verbose:
            text += f" ({result.seconds:.2f} s)"
        line = paragraph(text, " " * _COLUMN, f"  {mark:<{_COLUMN - 2}}")
        say(line.replace(mark, click.style(mark, fg=colour), 1))


def show_summary(summary: Summary, *, verbose: bool) -> None:
    """All that is to be said at the end.

    Args:
        summary: what became of the checks.
        verbose: whether all sections of a failure are shown.
    """
    for result in summary.failed:
        say()
        heading = f"{result.name} failed for {result.config}"
        say(click.style(heading, fg="red", bold=True))
        say(_indented(result.text))
        for title, text in result.sections if verbose else ():
            say(f"  {title}:")
            say(_indented(text, "    "))
    for text in summary.broken:
        say()
        say(click.style("this could not be checked", fg="red", bold=True))
        say(_indented(text))
    say()
    if summary.doubled:
        names = ", ".join(summary.doubled)
        say(
            paragraph(
                f"commands that are not here, for which stand-ins answered: {names}", "  ", ""
            )
        )
    if not verbose and any(result.sections for result in summary.failed):
        say("-v shows the backups, and what the scripts printed")
    say(click.style(_closing(summary), fg="red" if _bad(summary) else "green"))


def _closing(summary: Summary) -> str:
    counted = Counter(result.outcome for result in summary.results)
    parts = [f"{counted[outcome]} {outcome.value}" for outcome in Outcome if counted[outcome]]
    if summary.broken:
        parts.append(f"{len(summary.broken)} could not be checked")
    total = len(summary.results)
    checks = f"{total} check{'' if total == 1 else 's'}"
    return f"{checks}: {', '.join(parts) or 'none run'}, in {summary.seconds:.1f} s"


def _bad(summary: Summary) -> bool:
    return bool(summary.failed or summary.broken)


def _indented(text: str, indent: str = "  ") -> str:
    return "\n".join(f"{indent}{line}".rstrip() for line in text.strip("\n").splitlines())
