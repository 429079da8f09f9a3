"""What became of checks, as facts, and in words."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from ..lint.finding import LintFinding
from .check_names import LINT
from .page import paragraph, say
from .stand_ins import show_stand_ins


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
        notes: what else is to be said, a sentence each.
        sections: what was printed meanwhile, each with its title.
        doubled: commands that are not here, and what stood in for each.
        findings: what was found without running anything.
    """

    config: str
    check: str
    name: str
    outcome: Outcome
    seconds: float
    text: str = ""
    notes: tuple[str, ...] = ()
    sections: tuple[tuple[str, str], ...] = ()
    doubled: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[LintFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all of them.

    Args:
        results: one for each check, in the order in which they ended.
        broken: what could not be checked at all, each a text.
        seconds: how long it all took.
    """

    results: tuple[Result, ...]
    broken: tuple[str, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Result, ...]:
        """Those that failed."""
        return tuple(result for result in self.results if result.outcome is Outcome.FAILED)

    @property
    def doubled(self) -> Mapping[str, str]:
        """Commands that are not here, and what stood in for each."""
        return {name: how for result in self.results for name, how in result.doubled.items()}

    @property
    def findings(self) -> tuple[LintFinding, ...]:
        """What was found without running anything."""
        found = {finding for result in self.results for finding in result.findings}
        return tuple(sorted(found, key=lambda f: (str(f.path), f.line, f.column, f.code)))


_MARKS = {
    Outcome.OK: ("ok", "green"),
    Outcome.FAILED: ("FAILED", "red"),
    Outcome.SKIPPED: ("skipped", "yellow"),
}
_COLUMN = 10

_LINES = 16
"""Lines of what is said of a failure, unless everything is to be told."""


class Lines:
    """A line for each check that has ended, below the config it is about.

    The codes of the lint that have found nothing are told in one line at the end, and checks that
    were skipped for one reason in one.

    Args:
        verbose: whether times and notes are told, and each code.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._config = ""
        self._silent = 0
        self._skipped: list[str] = []
        self._why = ""

    def show(self, result: Result) -> None:
        """Show one check."""
        if result.config != self._config:
            self._finish_config()
            self._config = result.config
            say(click.style(result.config, bold=True))
        if result.check == LINT and result.outcome is Outcome.OK and not self._verbose:
            self._silent += 1
            return
        text = result.name
        if result.outcome is Outcome.SKIPPED:
            why = " ".join(result.text.split())
            if not self._verbose:
                self._keep_back(result.name, why)
                return
            text += f": {why}"
        self._finish_skipped()
        if self._verbose:
            text += f" ({result.seconds:.2f} s)"
        _line(result.outcome, text)
        for note in result.notes if self._verbose else ():
            say(paragraph(f"note: {note}", " " * _COLUMN))

    def finish(self) -> None:
        """Show what has been kept back."""
        self._finish_config()

    def _keep_back(self, name: str, why: str) -> None:
        if why != self._why:
            self._finish_skipped()
        self._why = why
        self._skipped.append(name)

    def _finish_skipped(self) -> None:
        if self._skipped:
            _line(Outcome.SKIPPED, f"{', '.join(self._skipped)}: {self._why}")
        self._skipped.clear()

    def _finish_config(self) -> None:
        self._finish_skipped()
        if self._silent:
            codes = "code finds" if self._silent == 1 else "codes find"
            _line(Outcome.OK, f"{LINT} ({self._silent} {codes} nothing)")
        self._silent = 0


def _line(outcome: Outcome, text: str) -> None:
    mark, colour = _MARKS[outcome]
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
        say(_shortened(result.text, verbose=verbose))
        for title, text in result.sections if verbose else ():
            say(f"  {title}:")
            say(_indented(text, "    "))
    for text in summary.broken:
        say()
        say(click.style("this could not be checked", fg="red", bold=True))
        say(_indented(text))
    say()
    show_stand_ins(summary.doubled)
    say(click.style(closing(summary), fg="red" if _bad(summary) else "green"))


def closing(summary: Summary) -> str:
    """All of it in one line.

    Args:
        summary: what became of the checks.
    """
    counted = Counter(result.outcome for result in summary.results)
    parts = [f"{counted[outcome]} {outcome.value}" for outcome in Outcome if counted[outcome]]
    if summary.broken:
        parts.append(f"{len(summary.broken)} could not be checked")
    total = len(summary.results)
    checks = f"{total} check{'' if total == 1 else 's'}"
    return f"{checks}: {', '.join(parts) or 'none run'}, in {summary.seconds:.1f} s"


def _bad(summary: Summary) -> bool:
    return bool(summary.failed or summary.broken)


def _shortened(text: str, *, verbose: bool) -> str:
    lines = _indented(text).splitlines()
    if verbose or len(lines) <= _LINES + 1:
        return "\n".join(lines)
    return "\n".join([*lines[:_LINES], f"  [{len(lines) - _LINES} more lines, with -v]"])


def _indented(text: str, indent: str = "  ") -> str:
    return "\n".join(f"{indent}{line}".rstrip() for line in text.strip("\n").splitlines())
