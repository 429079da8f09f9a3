"""From messages to facts. What matches no row of the table is unknown, and is told as such."""

from __future__ import annotations

import re
from functools import cache

from .kinds import Fact, Kind, Pattern
from .message_table import PATTERNS
from .reading import Message

_KEY = 4
"""Characters by which rows are looked up."""

_VALUES = frozenset({"name", "path", "value", "number"})


@cache
def _by_beginning() -> dict[str, list[tuple[Pattern, re.Pattern[str]]]]:
    found: dict[str, list[tuple[Pattern, re.Pattern[str]]]] = {}
    for pattern in PATTERNS:
        row = pattern, re.compile(pattern.rest, re.DOTALL)
        found.setdefault(pattern.begins[:_KEY], []).append(row)
    return found


def fact_of(message: Message) -> Fact | None:
    """What a message says; None for one that is not known.

    Args:
        message: to be understood.
    """
    text = message.text
    table = _by_beginning()
    candidates = [row for size in range(1, _KEY + 1) for row in table.get(text[:size], ())]
    for pattern, rest in candidates:
        if not text.startswith(pattern.begins.rstrip()):
            continue
        found = rest.fullmatch(text[len(pattern.begins) :])
        if found is None or (message.is_cut and not pattern.ends):
            continue
        return _made(pattern, message, found.groupdict(""))
    return None


def _made(pattern: Pattern, message: Message, groups: dict[str, str]) -> Fact:
    number = groups.get("number", "")
    value = groups.get("value", "")
    if pattern.kind in (Kind.REPORT, Kind.FREEZE_ORDER):
        value = message.text.removeprefix("arg : ")
    if pattern.kind is Kind.REPORT_LABEL:
        value = pattern.begins.split(" ", 1)[0]
    return Fact(
        pattern.kind,
        message,
        pattern.step,
        groups.get("name", ""),
        groups.get("path", ""),
        value,
        int(number) if number and len(number) <= 18 else None,
        tuple((name, text) for name, text in groups.items() if name not in _VALUES),
    )


def continues(fact: Fact) -> bool:
    """Whether the lines without a prefix after a fact's message belong to it."""
    return any(
        row.continues
        and row.kind is fact.kind
        and fact.message.text.startswith(row.begins.rstrip())
        for row in PATTERNS
    )
