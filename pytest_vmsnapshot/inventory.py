"""What lies on a VM at a moment, and how two moments differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileState:
    """What lies at a path, as far as a later look can tell a change.

    Args:
        kind: ``file``, ``directory``, ``link``, ``fifo``, ``socket``, ``device``, or ``removed``.
        mode: permission bits, special bits included.
        uid: number of the owner.
        size: bytes of content; 0 but for files.
        content: a digest of a file's content, of a link's target; empty where the file is as every
            VM has it.
        original: whether the machine that the VM runs on has something at this path, too, which is
            what a VM shows until it is changed or removed.
    """

    kind: str
    mode: int = 0
    uid: int = 0
    size: int = 0
    content: str = ""
    original: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """How an inventory differs from an earlier one; each a sorted list of paths.

    Args:
        created: what is there now and was not.
        changed: what is there now in another state: content, mode, owner, or kind.
        removed: what was there and is not.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.removed)

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted((*self.created, *self.changed, *self.removed)))


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a VM has of its own at a moment: all that its scripts, the test and the harness wrote.

    What every VM shows of the machine it runs on is listed only once it was changed.

    Args:
        files: what lies at each path.
    """

    files: Mapping[str, FileState]

    def since(self, earlier: Inventory) -> Changes:
        """How this differs from what was there before.

        Args:
            earlier: of the same VM.
        """
        created, changed, removed = [], [], []
        for path in sorted({*earlier.files, *self.files}):
            before, now = earlier.files.get(path), self.files.get(path)
            if before == now:
                continue
            was_there = before.kind != _REMOVED if before else bool(now and now.original)
            is_there = now.kind != _REMOVED if now else bool(before and before.original)
            if was_there and is_there:
                changed.append(path)
            elif is_there:
                created.append(path)
            elif was_there:
                removed.append(path)
        return Changes(tuple(created), tuple(changed), tuple(removed))
