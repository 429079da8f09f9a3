"""``vmsnapshot explain``: everything that is known of an error."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from .mistakes import nearest
from .page import paragraph, row, say, say_json

if TYPE_CHECKING:
    from .knowledge import Entry

_LABELS = 18
"""Columns of the labels of an entry."""


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completions of a name or code."""
    from .knowledge import entries, folded

    begun = folded(incomplete)
    return [
        CompletionItem(word, help=entry.meaning)
        for entry in entries()
        for word in (entry.name, entry.code)
        if word and folded(word).startswith(begun)
    ]


@click.command("explain", short_help="Tell what an error means, and how to mend it.")
@click.argument("error", required=False, shell_complete=_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(error: str | None, *, as_json: bool) -> int:
    """Tell everything that is known of ERROR.

    ERROR is the name of an error or its code, or the name of a finding, of a check, or of a code of
    the lint. Case and hyphens do not matter. Without ERROR, list all there is.

    \b
    Examples:
      vmsnapshot explain Pre-ScriptTimeout
      vmsnapshot explain 317
      vmsnapshot explain VMS015

    Exit status: 0; or 2 if there is no such error.
    """
    from .knowledge import asked_for, entries, folded
    from .pages import directory

    known = entries()
    wanted = list(known) if error is None else asked_for(error, known)
    if error is not None and not wanted:
        words = {folded(word): word for entry in known for word in (entry.name, entry.code) if word}
        near = words.get(nearest(folded(error), words), "")
        meant = f"; is {near} meant?" if near else "."
        raise click.UsageError(
            f"nothing is known of {error!r}{meant} Without a name, all are listed"
        )
    if as_json:
        say_json([dataclasses.asdict(entry) for entry in wanted])
    elif error is None:
        for group, members in itertools.groupby(known, lambda entry: entry.group):
            say(click.style(group, bold=True))
            for entry in members:
                say(paragraph(f"{entry.title}: {entry.meaning}", "      ", "  "))
            say()
        say(
            paragraph(
                "vmsnapshot explain NAME tells more: rules, remedy, and a test that meets it."
            )
        )
        if place := directory():
            say(paragraph(f"The pages (docs/...) lie in {place}"))
    else:
        for number, entry in enumerate(wanted):
            if number:
                say()
            say(click.style(entry.title, bold=True))
            say(paragraph(entry.meaning, "  "))
            for label, text in entry.rows:
                say(row(f"  {label}", text, _LABELS + 2))
            say(row("  page", entry.page, _LABELS + 2))
            _show_page(entry)
            _show_sections(entry)
            if entry.provoke:
                say("  a test that meets it:")
                say("\n".join(f"    {line}".rstrip() for line in entry.provoke.splitlines()))
    return 0


_WITH_PAGE = ("checks of a config", "codes of the lint")
"""Groups of which a page says more than the rows of their entries."""

_SNIPPETS = {"bad": "found in", "good": "not found in"}
"""What is written above a snippet of a page, by the second word of its fence."""


_SECTIONS = {"errors of a backup": ("Typical causes", "Find the cause", "Mend it")}
"""Sections of the pages of a group that are shown, by their headings."""


def _show_sections(entry: Entry) -> None:
    """What the documentation says under some headings."""
    from .pages import BULLET, said_on, slug

    for heading in _SECTIONS.get(entry.group, ()):
        blocks = said_on(f"{entry.page}#{slug(heading)}")
        if blocks:
            say(f"  {heading[:1].lower()}{heading[1:]}:")
        for block in blocks:
            if block.snippet:
                say("\n".join(f"        {line}".rstrip() for line in block.text.splitlines()))
            else:
                hanging = "      " if block.text.startswith(BULLET) else "    "
                say(paragraph(block.text, hanging, "    "))


def _show_page(entry: Entry) -> None:
    """What the documentation says, where the entry has the summary only."""
    from .pages import said_on

    for block in said_on(entry.page) if entry.group in _WITH_PAGE else ():
        if block.text.startswith((entry.meaning, "To ignore it")):
            continue
        say()
        if block.snippet:
            _, kind, *saved = [*block.snippet.split(), ""]
            told = f" ({', '.join(filter(None, saved))})" if any(saved) else ""
            say(f"  {_SNIPPETS.get(kind, 'example')}{told}:")
            say("\n".join(f"    {line}".rstrip() for line in block.text.splitlines()))
        else:
            say(paragraph(block.text, "  "))
