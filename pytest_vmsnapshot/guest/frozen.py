"""Freezing file systems and thawing them: FIFREEZE and FITHAW. For root only.

A frozen file system lets nobody write: a process that tries hangs, and no signal ends it before
the thaw. So a thaw must need nothing that could hang: the directories are opened before the first
freeze, and all or none are frozen.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .. import syscalls
from ..clock.freezing import FIFREEZE, FITHAW


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted file system.

    Args:
        path: where it is mounted, for messages.
        directory: descriptor of any directory on it.
    """

    path: str
    directory: int


class Cause(enum.Enum):
    """Why a file system could not be frozen."""

    FROZEN_ALREADY = "frozen_already"
    UNSUPPORTED = "unsupported"
    DENIED = "denied"
    LATE = "late"
    OTHER = "other"


_CAUSES = {
    errno.EBUSY: Cause.FROZEN_ALREADY,
    errno.EOPNOTSUPP: Cause.UNSUPPORTED,
    errno.ENOTTY: Cause.UNSUPPORTED,
    errno.EPERM: Cause.DENIED,
    errno.ETIMEDOUT: Cause.LATE,
}

_SAID = {
    Cause.FROZEN_ALREADY: (
        "somebody else has frozen it already (fsfreeze in a script, for instance); "
        "whoever did must thaw it before the snapshot"
    ),
    Cause.UNSUPPORTED: "its type cannot be frozen; leave it out, or use ext4, xfs or btrfs",
    Cause.DENIED: "freezing needs root with CAP_SYS_ADMIN",
    Cause.LATE: "the time for freezing was over before all were frozen",
}


class FreezeRefused(OSError):
    """A file system could not be frozen; those frozen before it were thawed again.

    Args:
        number: errno.
        path: where it is mounted.
    """

    def __init__(self, number: int, path: str) -> None:
        self.cause = _CAUSES.get(number, Cause.OTHER)
        reason = _SAID.get(self.cause, os.strerror(number))
        super().__init__(number, f"{path} could not be frozen: {reason}", path)


class Thaw(enum.Enum):
    """What became of a thaw."""

    THAWED = "thawed"
    WAS_NOT_FROZEN = "was_not_frozen"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Thawed:
    """The thaw of one file system.

    Args:
        path: where it is mounted.
        outcome: what became of it.
        number: errno, 0 if it was thawed.
    """

    path: str
    outcome: Thaw
    number: int = 0


@contextlib.contextmanager
def opened(paths: Iterable[str]) -> Iterator[list[Volume]]:
    """The file systems mounted at these paths, open for as long as the block lasts.

    Raises:
        OSError: one cannot be opened.
    """
    volumes: list[Volume] = []
    try:
        for path in paths:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            volumes.append(Volume(path, fd))
        yield volumes
    finally:
        for volume in volumes:
            os.close(volume.directory)


def freeze(volumes: Sequence[Volume], deadline: float | None = None) -> None:
    """Freeze all, in this order, or none.

    What is to be written is written before the first freeze, as far as possible: a freeze that has
    begun cannot be cut short, and it keeps writers waiting while it writes.

    Args:
        volumes: what to freeze.
        deadline: reading of the monotonic clock. Whoever watches over them will have thawed what
            was frozen by then, so what is frozen later must not stay so.

    Raises:
        FreezeRefused: one could not be frozen, or not in time.
    """
    for volume in volumes:
        with contextlib.suppress(OSError):  # what it could not write, the freeze will report
            syscalls.sync_file_system(volume.directory)
    frozen: list[Volume] = []
    try:
        for volume in volumes:
            _freeze(volume)
            frozen.append(volume)
            if deadline is not None and time.monotonic() > deadline:
                raise FreezeRefused(errno.ETIMEDOUT, volume.path)
    except BaseException:
        thaw(frozen)
        raise


def thaw(volumes: Sequence[Volume]) -> list[Thawed]:
    """Thaw all, in the reverse order. What happens to one keeps none of the others frozen.

    Returns:
        What became of each, in the order of the thaw.
    """
    return [_thaw(volume) for volume in reversed(volumes)]


def _freeze(volume: Volume) -> None:
    try:
        fcntl.ioctl(volume.directory, FIFREEZE, 0)
    except OSError as error:
        raise FreezeRefused(error.errno or 0, volume.path) from error


def _thaw(volume: Volume) -> Thawed:
    try:
        fcntl.ioctl(volume.directory, FITHAW, 0)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return Thawed(volume.path, Thaw.WAS_NOT_FROZEN, errno.EINVAL)
        return Thawed(volume.path, Thaw.REFUSED, error.errno or 0)
    return Thawed(volume.path, Thaw.THAWED)
