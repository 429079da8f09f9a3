"""Telling a test that its backups depend on the rule set: a warning, or a failure."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest

from .errors import RulesDiffer
from .failure_report import HasBackups

_SILENCE = (
    "to silence this: @pytest.mark.filterwarnings('ignore::pytest_vmsnapshot.RulesDiffer'), "
    "or the same in the ini value filterwarnings"
)
_STRICT = "this fails the test because of --vmsnapshot-strict (marker and ini value: strict)"


def told(machines: Sequence[HasBackups], *, strict: bool = False) -> str:
    """All differences of a test's backups, as one message.

    Args:
        machines: its VMs.
        strict: whether they fail the test.
    """
    found: dict[str, list[str]] = {}
    for index, machine in enumerate(machines, 1):
        for backup in machine.backups:
            which = f"vm {index}, " if len(machines) > 1 else ""
            for difference in backup.differences:
                found.setdefault(str(difference), []).append(f"{which}backup {backup.number}")
    lines = ["the documented and the shipped rules differ about this test:"]
    lines += [f"  {places[0]}: {text}{_more(places)}" for text, places in found.items()]
    return "\n".join([*lines, _STRICT if strict else _SILENCE])


def _more(places: Sequence[str]) -> str:
    return f" (and {len(places) - 1} more)" if len(places) > 1 else ""


def tell(machines: Sequence[HasBackups], item: pytest.Item, *, strict: bool) -> None:
    """Issue a warning that points at a test. The usual filters decide what becomes of it.

    Args:
        machines: the test's VMs.
        item: the test.
        strict: whether it is a failure unless a filter ignores it.

    Raises:
        RulesDiffer: by a filter, or because of ``strict``.
    """
    path, line, _ = item.location
    lineno = (line or 0) + 1
    message = RulesDiffer(told(machines, strict=strict))
    with warnings.catch_warnings(record=strict) as shown:
        warnings.warn_explicit(message, None, filename=path, lineno=lineno)
    if strict and shown:
        raise message
