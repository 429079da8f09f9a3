"""``fsfreeze`` and ``xfs_freeze`` as command doubles, with file systems that are frozen or not."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from ..doubles import Call, Reply
from ..findings import Finding, FindingKind
from .several_places import SeveralPlaces
from .systemctl import AnsweringMachine

_FREEZES = ("-f", "--freeze")
_THAWS = ("-u", "--unfreeze")


class Fsfreeze(SeveralPlaces):
    """``fsfreeze`` and ``xfs_freeze``: what is frozen is only remembered, writes go on.

    Args:
        vm: where they are put in place.
    """

    def __init__(self, vm: AnsweringMachine) -> None:
        self.frozen: set[str] = set()
        """Mount points that are frozen now."""
        places = ("fsfreeze", "/usr/sbin/fsfreeze", "xfs_freeze", "/usr/sbin/xfs_freeze")
        self._before: frozenset[str] = frozenset()
        vm.watch_over(self)
        self._doubles = [vm.command(place, answer=self._answer, optional=True) for place in places]

    def backup_begins(self) -> None:
        """Remember what is frozen."""
        self._before = frozenset(self.frozen)

    def findings(self) -> Sequence[Finding]:
        """What is frozen now and was not when the backup began."""
        return [
            Finding(
                FindingKind.FROZEN,
                f"{place} is still frozen after the backup, and whoever writes there hangs; thaw "
                "it in the post-script, whatever became of the pre-script",
                place,
            )
            for place in sorted(self.frozen - self._before)
        ]

    def _answer(self, call: Call) -> Reply:
        name = posixpath.basename(call.argv[0])
        places = [
            posixpath.normpath(posixpath.join(call.cwd, word))
            for word in call.args
            if not word.startswith("-")
        ]
        freezes = any(word in _FREEZES for word in call.args)
        if len(places) != 1 or freezes == any(word in _THAWS for word in call.args):
            return Reply(stderr=f"{name}: no filesystem, or no action, specified\n", exit_status=1)
        (place,) = places
        if freezes == (place in self.frozen):
            what = "freeze failed: Device or resource busy"
            what = what if freezes else "unfreeze failed: Invalid argument"
            return Reply(stderr=f"{name}: {place}: {what}\n", exit_status=1)
        if freezes:
            self.frozen.add(place)
        else:
            self.frozen.discard(place)
        return Reply()
