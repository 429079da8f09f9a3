"""Printing: the page of a run, and the piece of it that other reports take."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import explain
from ..durations import duration
from ..records import TestOutcome, TestRecord
from .detail import Detail, detail_of
from .files import Shelf
from .glossary import anchor_of, explained
from .rows import Row, counted, failed_in_short, in_short, rows, worths

OPEN = 3
"""Of failed tests so many backups are open when the page is opened; if none failed, the first."""

_BREAKS = re.compile(r"(?<=[/_])(?=[^/_])|(?<=[^:])(?=::)")
"""Where a long name may go on in the next line."""


def page(records: Sequence[TestRecord], title: str, made: str = "") -> str:
    """A run's backups as one HTML page that needs nothing else.

    Args:
        records: of its tests.
        title: what the page is called.
        made: when and of what it was made, as a sentence.

    Returns:
        HTML, all of whose characters can be encoded.
    """
    table = rows(records)
    shelf = Shelf()
    errors = [e for row in table for e in (*row.errors, *row.record.backup.unreported)]
    script, style = _part("page.js"), styles()
    failed = {row.number for row in table if row.test.outcome is TestOutcome.FAILED}
    template = _environment().get_template("page.html.j2")
    return template.render(
        title=title,
        made=made,
        failed=failed_in_short(records),
        short=in_short(table, records),
        rows=table,
        details=_details(table, shelf),
        shelf=shelf,
        worths=worths(table),
        outcomes=counted([row.outcome for row in table]),
        rules=counted([row.record.backup.rules for row in table]),
        without=[record for record in records if not record.backups],
        errors=explained(errors),
        open_ones=set(sorted(failed)[:OPEN]) or {1},
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def fragment(record: TestRecord) -> str:
    """The backups of one test, as a piece of HTML for another report; see ``styles``.

    Args:
        record: of the test.
    """
    shelf = Shelf()
    details = list(_details(rows([record]), shelf))
    return _environment().get_template("fragment.html.j2").render(details=details, shelf=shelf)


def styles() -> str:
    """What a page, or a report with pieces of one, needs as its style sheet."""
    return _part("page.css")


def _details(table: Sequence[Row], shelf: Shelf) -> Iterator[Detail]:
    """One after the other: the page of a thousand need not be in memory twice."""
    for row in table:
        yield detail_of(row, shelf)


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath("parts", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("pytest_vmsnapshot.picture", "parts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {"n": _number, "duration": duration, "anchor": anchor_of, "name": _name}
    return made


def _printable(value: Any) -> Any:
    """Whatever is printed: no control characters, nothing that turns text round, no surrogates, and
    no line without end.
    """
    if type(value) is str and not (value.isprintable() and len(value) <= 2 * explain.LINE):
        return "\t".join(map(explain.line, value.split("\t")))
    return value


def _name(text: str) -> Markup:
    """A name that has good places to break, and breaks elsewhere only where none is left."""
    return Markup("<wbr>").join(_BREAKS.split(_printable(text)))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _hash(text: str) -> str:
    """What a content security policy knows a script or a style sheet by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
