"""What text is expected to be, or to have in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..declared import Table
from ..declared.mistakes import shown
from ..explain import line

_LINES = 40
"""Lines shown of a difference."""


@dataclass(frozen=True, slots=True)
class ExpectedText:
    """What text is expected.

    Args:
        exactly: all of it; None where only a part is looked for.
        contains: what must be in it.
        matches: regular expressions of which each must be found in it.
    """

    exactly: str | None = None
    contains: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()

    def mismatches(self, text: str) -> Iterator[str]:
        """What is not as expected, each as a phrase after the name of the text.

        Args:
            text: what there is.
        """
        if self.exactly is not None and text != self.exactly:
            yield _difference(self.exactly, text)
        for part in self.contains:
            if part not in text:
                yield f"expected {shown(part)} in it, got {shown(text)}"
        for pattern in self.matches:
            if re.search(pattern, text, re.MULTILINE) is None:
                yield f"expected a match of {shown(pattern)}, got {shown(text)}"

    def told(self) -> str:
        """What is expected, in a few words."""
        if self.exactly is not None:
            return shown(self.exactly)
        parts = [f"{shown(part)} in it" for part in self.contains]
        parts += [f"a match of {shown(pattern)}" for pattern in self.matches]
        return " and ".join(parts)


def _difference(expected: str, text: str) -> str:
    if expected.count("\n") < 2 and text.count("\n") < 2:
        return f"expected {shown(expected)}, got {shown(text)}"
    rows = list(
        difflib.unified_diff(expected.split("\n"), text.split("\n"), "expected", "got", n=2)
    )
    head = [f"  {line(row.rstrip())}" for row in rows[:_LINES]]
    more = [f"  [{len(rows) - _LINES} lines not shown]"] if len(rows) > _LINES else []
    return "\n".join(["got another text:", *head, *more])


def read_text(table: Table, key: str) -> ExpectedText | None:
    """Read what text is expected.

    Args:
        table: has it under a key: the text itself, or a table.
        key: the key.
    """
    if not table.is_table(key):
        exactly = table.text(key, None)
        return None if exactly is None else ExpectedText(exactly)
    inner = table.table(key)
    assert inner is not None
    found = text_of(inner)
    if found is None:
        wanted = 'write contains = "text", or matches = "a regular expression"'
        table.wrong(key, f"{table.name_of(key)} expects nothing; {wanted}")
    return found


def text_of(table: Table) -> ExpectedText | None:
    """What text a table with ``contains`` and ``matches`` expects; None if it has neither.

    Args:
        table: the table.
    """
    contains = _one_or_more(table, "contains")
    matches = _one_or_more(table, "matches")
    for pattern in matches:
        try:
            re.compile(pattern, re.MULTILINE)
        except re.error as error:
            told = f"{table.name_of('matches')} has {shown(pattern)} in it; as a regular expression"
            table.wrong("matches", f"{told} that is wrong: {error}")
            return ExpectedText(contains=contains)
    return ExpectedText(None, contains, matches) if contains or matches else None


def _one_or_more(table: Table, key: str) -> tuple[str, ...]:
    if table.is_list(key):
        return table.texts(key, ())
    text = table.text(key, None)
    return () if text is None else (text,)
