"""What a VM starts with, and whether anything of it was touched."""

from __future__ import annotations

import os
import time

Marks = tuple[int, int, int, int, int]
"""Mode, owner, group, times of modification and of change."""


def mark_directories(top: str) -> dict[str, Marks]:
    """Date each directory of a tree back and note its facts, to see later whether it changed.

    Dated back, because times are counted in ticks: a change in the very tick in which the
    directory was made would not show otherwise.
    """
    found: dict[str, Marks] = {}
    before = time.time_ns() - 10**9
    pending = [top]
    while pending:
        here = pending.pop()
        with os.scandir(here) as entries:
            pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        os.utime(here, ns=(before, before))
        found[here] = _marks(here)
    return found


def _marks(path: str) -> Marks:
    facts = os.lstat(path)
    return facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_ctime_ns


def untouched(marks: dict[str, Marks]) -> bool:
    """Whether a tree is as it was when its directories were marked."""
    try:
        return all(_marks(path) == before for path, before in marks.items())
    except FileNotFoundError:
        return False
