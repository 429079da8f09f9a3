"""Numbered records, and what is wrong with those that were read back."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NAMED = 8
"""Numbers that a sentence names; the rest is counted."""

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def text(number: int | str) -> str:
    """The text of a record, which says by itself whether it is whole.

    Args:
        number: from 1; or what stands for it.
    """
    return f"{number}-record-{number}"


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer knew when a snapshot was taken, and what it knows by now.

    Args:
        before: numbers acknowledged before the snapshot began; all must be there.
        after: numbers acknowledged later; some may be there.
        begun: the last number that was sent at all.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    begun: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the probe that was sent between the pre-script and the freeze.

    Args:
        refused: whether the application refused it; None if it gave no answer.
        said: its answer, in words.
    """

    refused: bool | None
    said: str


def wrong(lines: Sequence[str], written: Written | None) -> list[str]:
    """What is wrong with records that were read back, each a sentence.

    Args:
        lines: what was read, the oldest first.
        written: what must be there; without it nobody knows what is missing.
    """
    found: list[int] = []
    torn: list[str] = []
    for line in lines:
        number = _number(line)
        if number is None:
            torn.append(line)
        else:
            found.append(number)
    told = []
    if torn:
        shown = ", ".join(repr(line[:60]) for line in torn[:_NAMED])
        told.append(f"{_count(len(torn), 'record')} torn: {shown}{_more(torn)}")
    late = [number for before, number in itertools.pairwise(found) if number <= before]
    if late:
        told.append(f"{_count(len(late), 'record')} out of order or twice: {named(late)}")
    if written is None:
        return told
    present = set(found)
    missing = [number for number in written.before if number not in present]
    if missing:
        told.append(
            f"{len(missing)} of {len(written.before)} records that were acknowledged before the "
            f"snapshot are missing: {named(missing)}"
        )
    last = max(present, default=0)
    gaps = [number for number in written.after if number < last and number not in present]
    if gaps:
        told.append(
            f"{_count(len(gaps), 'acknowledged record')} missing though later ones are there: "
            f"{named(gaps)}"
        )
    unknown = [number for number in found if number > written.begun]
    if unknown:
        told.append(f"{_count(len(unknown), 'record')} never written: {named(unknown)}")
    return told


def named(numbers: Iterable[int]) -> str:
    """Numbers in words, neighbours as a range."""
    spans: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    shown = ", ".join(
        str(first) if first == last else f"{first} to {last}" for first, last in spans[:_NAMED]
    )
    return shown + _more(spans)


def _number(line: str) -> int | None:
    """The number of a line that is whole, or None."""
    found = _NUMBER.match(line)
    if found is None:
        return None
    number = int(found[0])
    return number if line in (found[0], text(number)) else None


def _count(count: int, noun: str) -> str:
    return f"{count} {noun} is" if count == 1 else f"{count} {noun}s are"


def _more(items: Sequence[object]) -> str:
    return f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
