"""What a test is told once it has passed: warnings, or one failure that names everything."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from .errors import Noticed, RulesDiffer
from .failure_report import HasBackups, named
from .findings import Finding, FindingKind, permission
from .item_vms import VmItem
from .rule_differences import SILENCE, STRICT, told

_FAILED = "this test passed, but it fails for what was found on its VM afterwards:"
_SHOWN = "found on the VM of this test:"


def tell(machines: Sequence[HasBackups], item: pytest.Item, *, strict: bool) -> None:
    """Warn of what its backups depend on, and of what was found; or fail the test.

    The usual filters decide what becomes of a warning.

    Args:
        machines: the test's VMs.
        item: the test.
        strict: whether a warning is a failure unless a filter ignores it.

    Raises:
        pytest.fail.Exception: by what was found, by a filter, or because of ``strict``.
    """
    own = item if isinstance(item, VmItem) else None
    allowed_by = permission if own is None else own.permission
    found = list(_not_allowed(machines))
    left = [(place, finding) for place, finding in found if finding.kind.fails]
    failures = [_message(_FAILED, left, allowed_by, strict=False)] if left else []
    messages: list[Warning] = []
    backups = [backup for machine in machines for backup in machine.backups]
    if rules := dict.fromkeys(found.rule for backup in backups for found in backup.differences):
        silence = SILENCE if own is None else own.silence(list(rules))
        messages.append(RulesDiffer(told(machines, strict=strict, silence=silence)))
    if shown := [(place, finding) for place, finding in found if not finding.kind.fails]:
        messages.append(Noticed(_message(_SHOWN, shown, allowed_by, strict=strict)))
    failures += [str(message) for message in messages if _fails(message, item, strict=strict)]
    if failures:
        raise pytest.fail.Exception("\n".join(failures), pytrace=False)


def _not_allowed(machines: Sequence[HasBackups]) -> Iterator[tuple[str, Finding]]:
    for index, machine in enumerate(machines, 1):
        which = f"vm {index}" if len(machines) > 1 else ""
        for place, finding in named(machine):
            if finding.kind not in machine.allowed:
                yield ", ".join(filter(None, (which, place))), finding


def _message(
    head: str,
    found: Sequence[tuple[str, Finding]],
    allowed_by: Callable[[Iterable[FindingKind]], str],
    *,
    strict: bool,
) -> str:
    """Everything in one message; what was found in several backups is told once."""
    places: dict[str, list[str]] = {}
    for place, finding in found:
        places.setdefault(str(finding), []).append(place)
    lines = [head]
    for text, where in places.items():
        more = f" (and {len(where) - 1} more)" if len(where) > 1 else ""
        lines.append(f"  {where[0]}: {text}{more}" if where[0] else f"  {text}{more}")
    if strict:
        lines.append(STRICT)
    kinds = dict.fromkeys(finding.kind for _, finding in found)
    return "\n".join([*lines, f"to allow it: {allowed_by(kinds)}"])


def _fails(message: Warning, item: pytest.Item, *, strict: bool) -> bool:
    """Issue a warning that points at a test; whether it is a failure instead."""
    path, line, _ = item.location
    with warnings.catch_warnings(record=strict) as shown:
        try:
            warnings.warn_explicit(message, None, filename=path, lineno=(line or 0) + 1)
        except (RulesDiffer, Noticed):  # by a filter
            return True
    return bool(strict and shown)
