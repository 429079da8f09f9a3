"""The calls by which a program makes sure that data is on the disk, or takes it away from there."""

from __future__ import annotations

from collections.abc import Mapping

from .conditions import Condition, Kind
from .machine import Machine

# asm-generic/fcntl.h
O_TRUNC = 0o1000
O_DSYNC = 0o10000
"""O_SYNC has this bit, too."""

_MS_SYNC = 4  # asm-generic/mman-common.h
_RWF_DSYNC, _RWF_SYNC = 2, 4  # linux/fs.h
_TO_NOTHING = (Condition(Kind.EQUAL, 1, (0,)),)  # length of truncate(2)

_ALWAYS = (
    *("fsync", "fdatasync", "sync", "syncfs", "sync_file_range"),
    *("creat", "openat2", "rename", "renameat", "renameat2", "io_uring_setup"),
)

OPENING: Mapping[str, int] = {"open": 1, "openat": 2}
"""Calls that open a file, and which argument their flags are."""


def syncs(machine: Machine) -> dict[str, tuple[Condition, ...]]:
    """What is notified on a machine, with the arguments that count."""
    flags = through(machine) | O_TRUNC
    opening = {name: (Condition(Kind.ANY_BIT, at, (flags,)),) for name, at in OPENING.items()}
    return {
        **dict.fromkeys(_ALWAYS, ()),
        **opening,
        "msync": (Condition(Kind.ANY_BIT, 2, (_MS_SYNC,)),),
        "pwritev2": (Condition(Kind.ANY_BIT, 5, (_RWF_DSYNC | _RWF_SYNC,)),),
        "truncate": _TO_NOTHING,
        "ftruncate": _TO_NOTHING,
    }


def through(machine: Machine) -> int:
    """Flags of open(2) with which all that is written is on the disk at once."""
    return O_DSYNC | machine.direct
