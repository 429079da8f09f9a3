"""Calls that no signal can interrupt must not be interrupted because they are notified.

A call that waits until the agent takes its notification ends with EINTR if a signal comes meanwhile
whose handler was installed without SA_RESTART. For stat(2), open(2) or rename(2) that is what no
program expects: a shell takes the next directory of its PATH. The one signal that comes at any
moment, and that every shell handles, is that of a child which has ended. So its handlers get
SA_RESTART. Who waits for children waits with sigsuspend(2) or wait(2), which return all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import struct
from collections.abc import Mapping

from .conditions import Condition, Kind
from .tracee import Memory

_SA_RESTART = 0x10000000  # asm-generic/signal-defs.h
_FLAGS_AT = 8  # of struct sigaction as the kernel has it (asm-generic/signal.h): after sa_handler
_FLAGS = struct.Struct("=Q")

CALL = "rt_sigaction"
"""What installs a handler."""


def _c_library() -> tuple[int, int] | None:
    """Where the code of our C library begins and ends."""
    inside = ctypes.cast(ctypes.CDLL(None).sigaction, ctypes.c_void_p).value or 0
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as file:
        for line in file:
            start, end = (int(word, 16) for word in line.split(" ", 1)[0].split("-"))
            if start <= inside < end:
                return start, end
    return None


_C_LIBRARY = _c_library()
"""Looked up at once: later this process has another root. Those it forks have it there, too."""


def child_signals() -> Mapping[str, tuple[Condition, ...]]:
    """What is notified: a handler for the end of children is installed.

    Not by posix_spawn(3) in the child that is about to become a program of the VM: it does so in
    our own C library, while we wait for it. Another program has its library elsewhere.
    """
    if _C_LIBRARY is None:
        return {}
    is_handler = Condition(Kind.EQUAL, 0, (int(signal.SIGCHLD),)), Condition(Kind.POINTER, 1)
    return {CALL: (*is_handler, Condition(Kind.ELSEWHERE, 0, _C_LIBRARY))}


def let_restart(memory: Memory, thread: int, address: int) -> None:
    """Have calls taken up again that the handler about to be installed interrupts.

    Args:
        memory: reads and writes that of programs.
        thread: is about to install the handler.
        address: of the struct sigaction in its memory.

    Raises:
        OSError: it is a bad address: the kernel will say so to the program.
    """
    place = address + _FLAGS_AT
    (flags,) = memory.unpack(thread, place, _FLAGS.format)
    if not flags & _SA_RESTART:
        memory.write(thread, place, _FLAGS.pack(flags | _SA_RESTART))
