"""What a CI is told of a run, in the order in which it matters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..backup_totals import closing, is_expected, place_of, rows
from ..durations import duration
from ..records import TestSummary
from . import azure, github
from .annotation import Annotation, Level
from .markdown import Detail, Page, text_of
from .service import Service

_COMMANDS: Final = {Service.GITHUB: github.commands, Service.AZURE: azure.commands}
_COLUMNS: Final = ("test", "backup", "consistency", "error", "VM time")
_LEVELS: Final = tuple(Level)

_FILE: Final = "Backups.md"
"""Azure shows the name above the page."""


def commands(service: Service, annotations: Iterable[Annotation]) -> Iterator[str]:
    """Lines for the output of a step, errors first.

    Args:
        service: who reads them.
        annotations: what is to be told; of one level in this order.
    """
    for annotation in sorted(annotations, key=lambda each: _LEVELS.index(each.level)):
        yield from _COMMANDS[service](annotation)


def page_of_tests(tests: Sequence[TestSummary]) -> Page | None:
    """A page about a run of tests; None if no backup was taken.

    Args:
        tests: the tests that used VMs.
    """
    sentence = closing(tests)
    if not sentence:
        return None
    return Page(
        "Backups",
        sentence,
        _COLUMNS,
        [
            (row.test, row.place, row.worth, ", ".join(row.errors), duration(row.duration))
            for row in rows(tests)
            if not row.expected  # a gate alone has a score of backups that fail as they must
        ],
        [
            Detail(test.test, "\n\n".join(_texts(test)))
            for test in sorted(tests, key=lambda test: test.test)
            if test.backups and not is_expected(test)
        ],
    )


def _texts(test: TestSummary) -> Iterator[str]:
    yield test.message or "the test failed"
    for backup in test.backups:
        if backup.verdict:
            place = place_of(backup, test)
            yield f"{place}: {backup.verdict}" if place else backup.verdict


def publish(service: Service, page: Page, environ: Mapping[str, str]) -> Iterator[str]:
    """Put a page where the CI shows it.

    Args:
        service: who shows it.
        page: what it says.
        environ: environment variables.

    Yields:
        Lines for the output of the step; among them why there is no page.
    """
    variable = github.SUMMARY if service is Service.GITHUB else azure.TEMPORARY
    place = environ.get(variable)
    if not place:
        yield f"vmsnapshot: {service.value} gets no page about this run: {variable} is not set"
        return
    try:
        if service is Service.AZURE:
            yield azure.page_command(_new_file(page, Path(place)))
        elif not _append(page, Path(place)):
            yield "vmsnapshot: github gets no page about this run: this step's page is full"
    except OSError as error:
        yield (
            f"vmsnapshot: {service.value} gets no page about this run: {place} cannot be written: "
            f"{error.strerror}"
        )


def _append(page: Page, file: Path) -> bool:
    """Append to the page of a step; whether there was room."""
    size = file.stat().st_size if file.exists() else 0
    text = text_of(page, github.LIMIT - size - 1)
    if text:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"\n{text}" if size else text)
    return bool(text)


def _new_file(page: Page, directory: Path) -> Path:
    # The agent reads it later, maybe as another user; an earlier run's must still be there.
    made = Path(tempfile.mkdtemp(prefix="vmsnapshot-", dir=directory))
    made.chmod(0o755)
    file = made / _FILE
    file.write_text(text_of(page, github.LIMIT), encoding="utf-8")
    return file
