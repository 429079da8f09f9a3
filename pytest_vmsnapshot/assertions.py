"""Assertions on a backup: a failure points at the test's line and explains the backup."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from . import explain
from .catalogue import CATALOGUE, NAMES
from .errors import UsageError

if TYPE_CHECKING:
    from .backup import Backup, Consistency


def consistent(backup: Backup, expected: Consistency) -> None:
    """Fail unless the recovery point is worth exactly this."""
    __tracebackhide__ = True
    if backup.consistency is not expected:
        _fail(backup, f"expected {explain.kind_of_backup(expected)}")


def failed(backup: Backup) -> None:
    """Fail unless the backup failed."""
    __tracebackhide__ = True
    if backup.status.value != "failed":
        _fail(backup, "expected a failed backup")


def error(backup: Backup, name: str) -> None:
    """Fail unless the backup has the named error."""
    __tracebackhide__ = True
    if name not in NAMES:
        near = _nearest(name)
        meant = f"; is {near!r} meant?" if near else "."
        raise UsageError([f"the framework has no error {name!r}{meant} It has: {', '.join(NAMES)}"])
    if name not in [found.name for found in backup.errors]:
        _fail(backup, f"expected the error {name}")


def _nearest(name: object) -> str:
    """The name that may be meant, by its spelling or by its code; empty when there is none."""
    if not isinstance(name, str):
        return next((kind.name for kind in CATALOGUE if kind.code == name), "")
    return next(iter(difflib.get_close_matches(name, NAMES, 1, 0.5)), "")


def _fail(backup: Backup, expectation: str) -> None:
    __tracebackhide__ = True
    raise AssertionError(f"{expectation}, got {explain.verdict(backup)}")
