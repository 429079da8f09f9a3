"""What a test makes go wrong about freeze and snapshot."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TypeVar

from .errors import UsageError

_F = TypeVar("_F", bound=enum.Enum)


class FreezeFault(enum.Enum):
    """How a freeze goes wrong."""

    FAIL = "fail"
    LOCK_HELD = "lock_held"
    TIMEOUT = "timeout"
    OPEN_FAILED = "open_failed"
    LATE_THAW = "late_thaw"
    SLEEP_UNABLE = "sleep_unable"
    THAW_FAIL = "thaw_fail"


class SnapshotFault(enum.Enum):
    """How a snapshot goes wrong."""

    ALL_FAILED = "all_failed"


NONE = "ok"
"""What a test writes for a step that shall go well again."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong from now on.

    Args:
        freeze: about the freeze, or None.
        snapshot: about the snapshot, or None.
    """

    freeze: FreezeFault | None = None
    snapshot: SnapshotFault | None = None


def changed_faults(faults: Faults, freeze: object, snapshot: object) -> Faults:
    """Faults as a test wants them from now on.

    Args:
        faults: what went wrong so far.
        freeze: the name of a fault of the freeze, ``ok`` for none, or None to leave it.
        snapshot: the same for the snapshot.

    Raises:
        UsageError: there is no such fault; all mistakes are named.
    """
    mistakes: list[str] = []
    if freeze is not None:
        faults = replace(faults, freeze=_named("freeze", freeze, FreezeFault, mistakes))
    if snapshot is not None:
        faults = replace(faults, snapshot=_named("snapshot", snapshot, SnapshotFault, mistakes))
    if mistakes:
        raise UsageError(mistakes)
    return faults


def _named(step: str, name: object, kind: type[_F], mistakes: list[str]) -> _F | None:
    if name == NONE:
        return None
    for fault in kind:
        if name == fault.value:
            return fault
    names = ", ".join([*(str(fault.value) for fault in kind), NONE])
    mistakes.append(f"{step}={name!r} is no fault; write one of {names}")
    return None
