"""What the scripts of a backup have left running, told from what was there before."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .processes import Household, command_line, descendants, is_zombie


class LeftBehind:
    """Knows who was there before the scripts, and whom a test has started meanwhile.

    Args:
        household: the VM's processes.
        labels: what programs were started as, by their number, which is that of their session
            too; a command of a test has an empty label.
    """

    def __init__(self, household: Household, labels: Mapping[int, str]) -> None:
        self._household = household
        self._labels = labels
        self._spared: set[int] = set()

    def begin(self) -> None:
        """The first script of a backup is about to be started."""
        self._spared = set(self._household.living())

    def command_ended(self, before: Iterable[int]) -> None:
        """A command of the test has ended: what is new since then is not of the scripts.

        Args:
            before: who was there before the command.
        """
        fresh = set(self._household.living()).difference(before)
        self._spared |= {pid for pid in fresh if not self._label_of(pid)}

    def pids(self, watched: Collection[int]) -> list[int]:
        """Processes that scripts have started and that have not ended.

        Args:
            watched: scripts that the rules let run on; what belongs to them is not meant.
        """
        living = self._household.living()
        spared = {*self._spared, *watched}
        if not living or spared.issuperset(living):
            return []
        spared.update(descendants(spared))
        return [
            pid
            for pid in living
            if pid not in spared and _session(pid) not in watched and self._label_of(pid) != ""
        ]

    def rows(self, watched: Collection[int]) -> list[dict[str, Any]]:
        """The same, as the harness is told of them."""
        return [
            {"pid": pid, "command": command_line(pid), "made_by": self._label_of(pid) or ""}
            for pid in self.pids(watched)
        ]

    def _label_of(self, pid: int) -> str | None:
        """What the session of a process was started as; None if it has left any such session."""
        return self._labels.get(_session(pid))


def all_gone(pids: Iterable[int]) -> bool:
    """Whether all of some processes have ended."""
    return all(is_zombie(pid) for pid in pids)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
