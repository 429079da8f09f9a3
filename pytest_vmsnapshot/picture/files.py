"""Configs and scripts of a page: each text once, however many backups had it."""

from __future__ import annotations

from dataclasses import dataclass

from .. import explain
from ..records import BackupRecord, CoveredLines, FileText

MOST_LINES = 3000
"""Lines of a file that are shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Args:
        number: from 1.
        text: on one printable line.
        mark: ``run``, ``missed``, or empty for one that cannot be executed or was not measured.
    """

    number: int
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file as it is shown.

    Args:
        number: its name on the page.
        path: where it lay on the VM.
        local: the project's file it was copied from, or empty.
        lines: its text.
        hidden: how many lines more it has.
        covered: how much of it was executed, in words; empty where that was not measured.
    """

    number: int
    path: str
    local: str
    lines: tuple[Line, ...]
    hidden: int
    covered: str


class Shelf:
    """The files of a page; equal ones are one."""

    def __init__(self) -> None:
        self._known: dict[tuple[FileText, CoveredLines | None], ShownFile] = {}

    @property
    def files(self) -> tuple[ShownFile, ...]:
        """All files so far."""
        return tuple(self._known.values())

    def of(self, record: BackupRecord) -> list[ShownFile]:
        """The files of a backup: its config, then its scripts.

        Args:
            record: the backup.
        """
        covered = {lines.path: lines for lines in record.lines}
        texts = [] if record.config is None else [record.config]
        texts += record.scripts
        return [self._put(text, covered.get(text.path)) for text in texts]

    def _put(self, file: FileText, covered: CoveredLines | None) -> ShownFile:
        key = (file, covered)
        if key not in self._known:
            self._known[key] = _shown(len(self._known) + 1, file, covered)
        return self._known[key]


def _shown(number: int, file: FileText, covered: CoveredLines | None) -> ShownFile:
    marks: dict[int, str] = {}
    words = ""
    if covered is not None:
        executed = set(covered.executed)
        marks = {line: "run" if line in executed else "missed" for line in covered.executable}
        words = f"{len(executed)} of {len(covered.executable)} lines executed"
    texts = explain.block(file.text) if file.text else []
    lines = tuple(
        Line(at, text, marks.get(at, "")) for at, text in enumerate(texts[:MOST_LINES], 1)
    )
    return ShownFile(number, file.path, file.local, lines, max(0, len(texts) - MOST_LINES), words)
