"""Which file systems are frozen, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .rules import RuleSet
from .vm_facts import Mount


def to_freeze(mounts: Sequence[Mount], skipped: Collection[str], rules: RuleSet) -> tuple[str, ...]:
    """The mount points to freeze: the last mounted first, the root last.

    Args:
        mounts: what is mounted, in the order in which it was mounted.
        skipped: mount points the owner of the VM has excluded.
        rules: the rule set.
    """
    places = [
        mount.place
        for mount in reversed(mounts)
        if mount.fstype in rules.freezable_types
        and mount.kind != "loop"
        and mount.place not in skipped
    ]
    unique = list(dict.fromkeys(places))
    return tuple(sorted(unique, key=lambda place: place == "/"))


def left_as_they_are(
    mounts: Sequence[Mount], frozen: Collection[str], rules: RuleSet
) -> tuple[str, ...]:
    """Mount points of file systems that could be frozen by their type, and are not.

    Args:
        mounts: what is mounted.
        frozen: the mount points to freeze.
        rules: the rule set.
    """
    places = [mount.place for mount in mounts if mount.fstype in rules.freezable_types]
    return tuple(place for place in dict.fromkeys(places) if place not in frozen)
