"""What a machine can do, row by row."""

from __future__ import annotations

import enum
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class State(enum.Enum):
    """Whether something can be had."""

    OK = "ok"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing a machine can or cannot do.

    Args:
        name: what it is.
        state: whether it can be had.
        why: what was found.
        remedy: how to have it; empty where nothing is to be done.
    """

    name: str
    state: State
    why: str
    remedy: str = ""


def look() -> Iterator[Row]:
    """Look at everything, the most important first. A VM's maker is started, and ended again."""
    if platform.system() != "Linux":
        what = f"{platform.system()}, Python {platform.python_version()}"
        yield Row("system", State.NO, what, "use Linux; the fixture memory_vm works anywhere")
        yield Row("VM", State.NO, "namespaces are Linux's", "a container, or a machine with Linux")
        return
    from .linux_report import look_at_linux

    yield from look_at_linux()


def can_make_vms(rows: Sequence[Row]) -> bool:
    """Whether a VM can be made."""
    return any(row.name == "VM" and row.state is State.OK for row in rows)
