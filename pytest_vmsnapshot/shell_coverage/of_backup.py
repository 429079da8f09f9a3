"""Which lines of its scripts one backup has executed, for reports about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..kept import KeptBackup, Measured
from ..records import CoveredLines
from .measuring import Scripts, runs


def covered_lines(kept: KeptBackup) -> tuple[CoveredLines, ...]:
    """The lines of a backup's scripts, as they lay on the VM, all attempts together.

    Args:
        kept: what was kept of the backup, texts and traces.
    """
    if kept.measured is None or not kept.measured.shell:
        return ()
    contents = {Path(script.path): script.content for script in kept.scripts}
    scripts = Scripts(contents.__getitem__)
    executed: dict[str, set[int]] = {script.path: set() for script in kept.scripts}
    for run in runs(kept.measured, {str(path): path for path in contents}, scripts):
        executed[run.path] |= run.lines
    found = []
    for path, lines in executed.items():
        script = scripts.of(Path(path))
        if script is not None and (lines or path not in kept.measured.untraced):
            found.append(CoveredLines(path, tuple(sorted(script.lines)), tuple(sorted(lines))))
    return tuple(found)


def in_words(measured: Measured) -> Iterator[str]:
    """How a backup was measured, and what was not.

    Args:
        measured: the backup.
    """
    if measured.twin:
        yield f"lines measured by {measured.shell} in a twin VM: {measured.twin}"
    elif measured.shell:
        yield f"lines measured by {measured.shell}"
    yield from measured.notes
