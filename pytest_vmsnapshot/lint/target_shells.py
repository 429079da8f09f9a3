"""The shells that ``/bin/sh`` may be on the VMs, and how to name them to a reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..shells import DISTRIBUTIONS


def by_program(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The programs that names stand for, each with its names, in the order they came in."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        program = DISTRIBUTIONS.get(name, name)
        if name not in found.get(program, ()):
            found[program] = (*found.get(program, ()), name)
    return found


def described(programs: Collection[str], names: Iterable[str]) -> str:
    """Some of the shells as a phrase: ``dash (/bin/sh of debian and ubuntu)``.

    Args:
        programs: those that are meant.
        names: all that were asked for.
    """
    phrases = []
    for program, asked in by_program(names).items():
        if program in programs:
            distributions = [name for name in asked if name != program]
            told = f" (/bin/sh of {joined(distributions)})" if distributions else ""
            phrases.append(f"{program}{told}")
    return joined(phrases)


def joined(phrases: Collection[str]) -> str:
    """Phrases as an enumeration."""
    *first, last = phrases
    return f"{', '.join(first)} and {last}" if first else last
