"""What of the documentation is made from the code: whole pages, and parts of pages.

A part stands between two comments, ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from . import api, schemas, tables

DOCS = tables.DOCS

WHOLE: dict[str, Callable[[], str]] = {
    "reference/api.md": api.page,
    "reference/schemas.md": schemas.page,
}
"""Pages by their paths below docs, and what makes each."""

PARTS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "options": ("options.md", tables.options),
    "errors": ("errors.md", tables.errors),
    "lint": ("lint.md", tables.lint),
}
"""Parts by name: the page each stands in, and what makes its lines."""


def pages() -> Iterator[tuple[Path, str]]:
    """Each page with something generated, and what it should be."""
    for name, make in WHOLE.items():
        yield DOCS / name, make()
    for part, (name, lines) in PARTS.items():
        path = DOCS / name
        yield path, with_part(path.read_text(encoding="utf-8"), part, "\n".join(lines()))


def with_part(text: str, name: str, part: str) -> str:
    """A page with a part of it made anew.

    Raises:
        ValueError: the page has no place for it, or several.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    made, count = pattern.subn(lambda _: f"\n{part}\n\n", text)
    if count != 1:
        raise ValueError(f"{count} places for {name}; write one, between {begin} and {end}")
    return made
