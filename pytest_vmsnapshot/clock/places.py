"""Where a path of a program of the VM leads, as a path that leads there from the agent."""

from __future__ import annotations

import contextlib
import os

from .tracee import Memory

AT_FDCWD = -100  # linux/fcntl.h


def place_of(memory: Memory, thread: int, directory: int, address: int) -> str:
    """A path that leads us where a thread's path leads it.

    Args:
        memory: reads the thread's memory.
        thread: whose path it is.
        directory: descriptor from which a relative path counts, or ``AT_FDCWD``.
        address: of the path; 0 for the descriptor itself.

    Raises:
        OSError: the address is not readable, or the thread has ended.
    """
    path = os.fsdecode(memory.text(thread, address)) if address else ""
    if path.startswith("/"):
        # Its root is ours, unless it made itself another one.
        return path if _has_our_root(thread) else f"/proc/{thread}/root{path}"
    number = directory & 0xFFFFFFFF
    number -= (number & 1 << 31) << 1
    base = f"/proc/{thread}/cwd" if number == AT_FDCWD else f"/proc/{thread}/fd/{number}"
    return f"{base}/{path}" if path else base


def _has_our_root(thread: int) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{thread}/root") == "/"
    return True
