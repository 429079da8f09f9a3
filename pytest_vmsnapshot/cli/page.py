"""Text for a terminal, or for a file: wrapped to its width, with colours where they are wanted."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import Any

import click

from ..explain import WIDTH
from ..harmless import harmless, harmless_json

_LEAST = 30
"""Columns below which wrapping makes text worse."""

_NARROW = 60
"""Columns below which a label has a line of its own."""


def width() -> int:
    """Columns of the terminal; where output goes elsewhere, those of a report."""
    if not sys.stdout.isatty():
        return WIDTH
    return max(_LEAST, min(WIDTH, shutil.get_terminal_size().columns))


def paragraph(text: str, indent: str = "", first: str | None = None) -> str:
    """Text wrapped to the width; words longer than that stay whole, so that they can be copied.

    Args:
        text: a sentence or several.
        indent: what each line begins with.
        first: what the first line begins with instead.
    """
    return textwrap.fill(
        text,
        width(),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def row(label: str, text: str, column: int) -> str:
    """A label, and a paragraph beside it.

    Args:
        label: what the paragraph is about.
        text: the paragraph.
        column: where the paragraph begins.
    """
    if width() < _NARROW:
        indent = " " * (len(label) - len(label.lstrip()) + 2)
        return f"{label}\n{paragraph(text, indent)}"
    return paragraph(text, " " * column, f"{label:<{column}}")


def say(text: str = "", *, err: bool = False) -> None:
    """Write a line, at once; nothing in it is a command for a CI.

    Args:
        text: the line, or several.
        err: whether it goes to standard error.
    """
    click.echo(harmless(text), err=err)


def say_json(facts: Any, *, err: bool = False) -> None:
    """Write facts as JSON; nothing in it is a command for a CI.

    Args:
        facts: plain data.
        err: whether it goes to standard error.
    """
    click.echo(harmless_json(json.dumps(facts, indent=1)), err=err)
