"""Starting a program under the filter.

A filter binds the thread that installs it, and what that thread starts. So each program is started
by a thread made for it, which must not wait for anything once it is bound: its own waits would be
notified, to nobody. It makes one C call after another and runs no line of Python, so it never
waits for the interpreter's lock. (A fork would do as well, and take three times as long.)
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import errno
import functools
import gc
import operator
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from .keeping import DEFAULT_SIGNALS, Program
from .seccomp import Filter, Listener

# spawn.h
_SETSIGDEF = 0x04
_SETSIGMASK = 0x08
_SETSID = 0x80
_OPAQUE_SIZE = 512  # more than posix_spawnattr_t, posix_spawn_file_actions_t or sigset_t take

_keeping_the_lock = ctypes.PyDLL(None, use_errno=True)
"""The C library, called without letting go of the interpreter's lock."""


def start(program: Program, filtered: Filter) -> tuple[int, Listener]:
    """Start a program under the filter.

    Args:
        program: what to start, in a session of its own.
        filtered: the filter.

    Returns:
        The process, and the listener of its filter.

    Raises:
        OSError: it could not be started.
        ValueError: a NUL is in an argument.
    """
    os.close(os.dup(program.stdin))  # a descriptor is free for the listener
    with _Spawning(program) as spawning, _no_collection():
        *_, listener, error = _one_after_another([*filtered.calls(), spawning.call()])
    if listener < 0:  # nothing may run that nobody watches
        if not error:
            os.kill(spawning.pid, signal.SIGKILL)
            os.waitpid(spawning.pid, 0)
        raise OSError(errno.EPERM, "the filter could not be installed", program.path)
    found = Listener(listener)
    if error:
        found.close()
        raise OSError(error, os.strerror(error), program.path)
    return spawning.pid, found


def _one_after_another(calls: Iterable[Callable[[], int]]) -> list[int]:
    """Make calls in a thread of their own, which ends with them; returns what they returned."""
    done = _thread.allocate_lock()
    done.acquire()
    results: list[int | None] = []
    _thread.start_new_thread(results.extend, (map(operator.call, [*calls, done.release]),))
    done.acquire()
    return [result for result in results if result is not None]


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without the garbage collector, which may run Python wherever something is allocated."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Spawning:
    """A call of posix_spawn(3), put together.

    Args:
        program: what to start.

    Raises:
        ValueError: a NUL is in an argument.
    """

    def __init__(self, program: Program) -> None:
        self._path = os.fsencode(program.path)
        self._argv = _strings(program.argv)
        self._env = _strings(f"{name}={value}" for name, value in program.env.items())
        self._pid = ctypes.c_int()
        self._attributes = ctypes.create_string_buffer(_OPAQUE_SIZE)
        self._actions = ctypes.create_string_buffer(_OPAQUE_SIZE)
        self._program = program

    @property
    def pid(self) -> int:
        """The process, once it was started."""
        return self._pid.value

    def __enter__(self) -> Self:
        nothing, ignored = (ctypes.create_string_buffer(_OPAQUE_SIZE) for _ in range(2))
        _libc("sigemptyset", nothing)
        _libc("sigemptyset", ignored)
        for ignored_signal in DEFAULT_SIGNALS:
            _libc("sigaddset", ignored, int(ignored_signal))
        _libc("posix_spawnattr_init", self._attributes)
        flags = ctypes.c_short(_SETSID | _SETSIGMASK | _SETSIGDEF)
        _libc("posix_spawnattr_setflags", self._attributes, flags)
        _libc("posix_spawnattr_setsigmask", self._attributes, nothing)
        _libc("posix_spawnattr_setsigdefault", self._attributes, ignored)
        _libc("posix_spawn_file_actions_init", self._actions)
        for number, source in self._program.descriptors:
            _libc("posix_spawn_file_actions_adddup2", self._actions, source, number)
        return self

    def __exit__(self, *_: object) -> None:
        _libc("posix_spawn_file_actions_destroy", self._actions)
        _libc("posix_spawnattr_destroy", self._attributes)

    def call(self) -> Callable[[], int]:
        """The call itself; it returns 0 or an errno."""
        return functools.partial(
            _keeping_the_lock.posix_spawn,
            ctypes.byref(self._pid),
            self._path,
            self._actions,
            self._attributes,
            self._argv,
            self._env,
        )


def _libc(name: str, *arguments: Any) -> None:
    error = _keeping_the_lock[name](*arguments)
    if error:
        raise OSError(error, os.strerror(error), name)


def _strings(texts: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    """A null-terminated array of C strings."""
    encoded = [os.fsencode(text) for text in texts]
    if any(b"\0" in text for text in encoded):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
