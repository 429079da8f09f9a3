"""What the terminal shows of all backups of a run: one line, and those that went wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from .backup_totals import FAILED, Row, closing, rows
from .durations import duration
from .explain import line
from .records import TestSummary

_LEAST: Final = 20
"""Columns below which nothing is cut any more."""

_TABLE: Final = 78
"""Columns from which a backup has one line."""

_ROWS: Final = 20
"""Backups of failed tests that are shown without ``-v``."""

_GAP: Final = "  "
_HEADS: Final = ("test", "consistency", "error", "VM time")
_CUT: Final = "..."

_NUMBER: Final = re.compile(r"(?<=\d) (?=[a-z])")
"""A blank between a number and its unit."""

_TIED: Final = "\N{NO-BREAK SPACE}"


def show(reporter: Any, config: pytest.Config, tests: Sequence[TestSummary], again: int) -> None:
    """Write the closing line; and a table, if a failed test has a backup that is to be seen.

    With ``-v`` the table has also what is expected; with ``-q`` there is the line alone, and with
    ``-qq`` or ``--no-summary`` nothing.

    Args:
        reporter: of pytest.
        config: of the run.
        tests: the tests that used VMs.
        again: how often a test was run again, which is not counted.
    """
    verbosity = config.get_verbosity()
    text = closing(tests)
    if not text or verbosity < -1 or config.getoption("no_summary", False):
        return
    found = rows(tests)
    unexpected = [row for row in found if not row.expected]
    width = max(_LEAST, config.get_terminal_writer().fullwidth)
    if verbosity >= 0 and (shown := found if verbosity > 0 else unexpected):
        reporter.write_sep("=", "not application-consistent")
        _show_table(reporter, shown[: None if verbosity > 0 else _ROWS], width)
        if verbosity == 0 and (more := len(shown) - _ROWS) > 0:
            reporter.write_line(f"and {more} more, with -v")
    if again:
        text += f" ({again} earlier run{'' if again == 1 else 's'} of a test not counted)"
    colour = "red" if unexpected else "green"
    whole = _NUMBER.sub(_TIED, f"vmsnapshot: {text}")
    for part in textwrap.wrap(whole, width, subsequent_indent=_GAP):
        reporter.write_line(part.replace(_TIED, " "), **{colour: True})


def _show_table(reporter: Any, found: Sequence[Row], width: int) -> None:
    if width < _TABLE:
        for row in found:
            for text in _stacked(row, width):
                reporter.write_line(text, **_colour(row))
        return
    cells = [_cells(row) for row in found]
    widths = [
        max(len(head), *(len(each[index]) for each in cells)) for index, head in enumerate(_HEADS)
    ]
    others = sum(widths[1:]) + len(_GAP) * (len(_HEADS) - 1)
    widths[0] = min(widths[0], max(_LEAST, width - others))
    reporter.write_line(_joined(_HEADS, widths), bold=True)
    for row, each in zip(found, cells, strict=True):
        reporter.write_line(_joined(each, widths), **_colour(row))


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = _shortened(cells[0], widths[0])
    texts = (f"{cell:<{width}}" for cell, width in zip((first, *cells[1:]), widths, strict=True))
    return _GAP.join(texts).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    return (_name(row), row.worth, ", ".join(row.errors) or "-", duration(row.duration))


def _stacked(row: Row, width: int) -> Iterator[str]:
    """A backup in several lines, for a narrow terminal."""
    yield _shortened(_name(row), width)
    yield f"{_GAP}{row.worth}, {duration(row.duration)}"
    yield from (f"{_GAP}{error}" for error in row.errors)


def _name(row: Row) -> str:
    return line(f"{row.test} ({row.place})" if row.place else row.test)


def _shortened(text: str, width: int) -> str:
    """The end of a name says more than its beginning."""
    return text if len(text) <= width else _CUT + text[len(_CUT) - width :]


def _colour(row: Row) -> dict[str, bool]:
    if row.expected:
        return {}
    return {"red": True} if row.worth == FAILED else {"yellow": True}
