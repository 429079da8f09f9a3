"""Two pieces of work at a time: copying many files is calls to the kernel, one after the other.

Threads would not help: the calls are so short that handing over the interpreter's lock costs more.
"""

from __future__ import annotations

import errno
import gc
import marshal
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

_READ_SIZE = 1024 * 1024

_Ours = TypeVar("_Ours")

Work = Callable[[], tuple[Any, ...]]
"""Returns what ``marshal`` can write: plain numbers, texts, tuples, lists and dictionaries."""


class HelperFailed(Exception):
    """The second process met with something that is no refusal of the kernel."""


def two_processors() -> bool:
    """Whether this process may run on more than one."""
    return len(os.sched_getaffinity(0)) > 1


def both(here: Callable[[], _Ours], there: Work) -> tuple[_Ours, tuple[Any, ...]]:
    """Do two pieces of work at a time, the second in a process that has ended when this returns.

    Args:
        here: done by this process.
        there: done by a fork of it; what it changes in memory is lost. Where none can be made, it
            is done by this process afterwards.

    Returns:
        What each returned.

    Raises:
        OSError: of either of them; the second process is killed when it was the first's.
        HelperFailed: what else the second one raised.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError:  # no more processes are allowed
        os.close(reading)
        os.close(writing)
        return here(), there()
    if pid == 0:
        _be_helper(there, writing)
    os.close(writing)
    try:
        ours = here()
        answer = _read_all(reading)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        os.waitpid(pid, 0)  # it has closed its end, or was killed
    return ours, _result(answer)


def _be_helper(work: Work, writing: int) -> NoReturn:
    gc.disable()  # it would write to pages shared with the parent
    answer: tuple[Any, ...] = ("failed", "it could not say why")
    try:
        try:
            answer = ("done", work())
        except OSError as error:
            answer = ("refused", error.errno, error.strerror, os.fspath(error.filename or ""))
        except BaseException:
            answer = ("failed", traceback.format_exc())
        data = memoryview(marshal.dumps(answer))
        while data:
            data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _read_all(reading: int) -> bytes:
    parts = []
    while part := os.read(reading, _READ_SIZE):
        parts.append(part)
    return b"".join(parts)


def _result(answer: bytes) -> tuple[Any, ...]:
    if not answer:  # killed, for want of memory say
        raise OSError(errno.ECHILD, "the process that helped to copy was killed")
    kind, *rest = marshal.loads(answer)  # written by our own fork
    if kind == "refused":
        number, text, name = rest
        raise OSError(number, text, name or None)
    if kind == "failed":
        raise HelperFailed(rest[0])
    result: tuple[Any, ...] = rest[0]
    return result
