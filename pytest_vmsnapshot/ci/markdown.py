"""A page of Markdown about a run, in which no text of a script, or of a test, is Markdown."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..explain import block, line

_MARKS: Final = "\\`*_{}[]()|~@:.^$"
"""Characters that mean something to Markdown within a line, or to what a host makes of it."""

_ROOM: Final = 200
"""Bytes that the last sentence of a page needs."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Something that can be unfolded.

    Args:
        title: what is seen before.
        text: what is seen then, as it is.
    """

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Args:
        title: its heading.
        sentence: what is to be said first.
        columns: headings of its table.
        rows: of the table, the most important first.
        details: what can be unfolded below it.
    """

    title: str
    sentence: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    details: Sequence[Detail] = field(default=())


def cell(text: str) -> str:
    """Text that Markdown shows as it is, in a table too.

    Args:
        text: any text.
    """
    escaped = "".join(
        f"&#{ord(char)};" if char in _MARKS else html.escape(char) for char in line(text)
    )
    # A host makes links of names and numbers, but not in code.
    return f"<code>{escaped}</code>" if escaped else ""


def preformatted(text: str) -> str:
    """Lines that are shown as they are.

    Args:
        text: any text.
    """
    escaped = "\n".join(html.escape(shown) for shown in block(text))
    return f"<pre>\n{escaped}\n</pre>"


def text_of(page: Page, limit: int) -> str:
    """A page as Markdown; what has no room is counted instead.

    Args:
        page: what it says.
        limit: bytes there is room for; with too little there is no page.
    """
    parts = [f"### {page.title}\n\n{html.escape(line(page.sentence))}\n"]
    room = limit - len(parts[0].encode()) - _ROOM
    if room < 0:
        return ""
    left_out = 0
    for part, counts in _parts(page):
        size = len(part.encode("utf-8", "replace"))
        if left_out or size > room:
            left_out += counts
            continue
        room -= size
        parts.append(part)
    if left_out:
        what = "row or text" if left_out == 1 else "rows and texts"
        parts.append(f"\n{left_out} more {what} had no room on this page.\n")
    return "".join(parts)


def _parts(page: Page) -> Iterator[tuple[str, int]]:
    """The rest of a page in parts, each with what it counts."""
    if page.rows:
        heads = " | ".join(page.columns)
        yield f"\n| {heads} |\n|{' --- |' * len(page.columns)}\n", 0
        for row in page.rows:
            yield f"| {' | '.join(map(cell, row))} |\n", 1
    for detail in page.details:
        summary = f"<summary>{cell(detail.title)}</summary>"
        yield f"\n<details>{summary}\n\n{preformatted(detail.text)}\n\n</details>\n", 1
