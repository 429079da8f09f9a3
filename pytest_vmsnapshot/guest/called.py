"""Calls of command doubles, as the harness has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..doubles import Asked, Call, Happened
from ..kept import TRACE_WORDS

Answer = Callable[[Asked], dict[str, Any]]
"""What is asked; returns what the stand-in shall do, as a request has it."""


def asked(message: dict[str, Any], from_guest: Callable[[float], float]) -> Asked:
    """What an agent asks, or tells.

    Args:
        message: what it sent.
        from_guest: turns a reading of the VM's clock into seconds since the VM was made.
    """
    row = message["call"]
    return Asked(
        row["id"],
        called(row, from_guest),
        Happened(message["happened"]),
        message["text"],
        from_guest(message["at"]),
    )


def called(row: dict[str, Any], from_guest: Callable[[float], float]) -> Call:
    """A call, as the agent wrote it down.

    Args:
        row: what it wrote.
        from_guest: turns a reading of the VM's clock into seconds since the VM was made.
    """
    ended = row["ended"]
    words = [word for word in row["env"] if "=" in word and word not in TRACE_WORDS]
    return Call(
        argv=tuple(row["argv"]),
        stdin=row["stdin"].encode("latin-1"),
        cwd=row["cwd"],
        env=dict(word.split("=", 1) for word in words),
        uid=row["uid"],
        pid=row["pid"],
        made_by=row["made_by"],
        started=from_guest(row["started"]),
        ended=None if ended is None else from_guest(ended),
        exit_status=row["exit_status"],
        unexpected=row["unexpected"],
    )
