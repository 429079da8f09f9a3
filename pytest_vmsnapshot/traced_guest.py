"""A guest whose scripts tell which lines they execute, as far as bash runs them.

bash reads what ``BASH_ENV`` names, and writes its trace to a descriptor of its own. Both are memory
files of the harness that a script inherits, so nothing of it lies on the VM.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace

from .guest_around import GuestAround
from .kept import POSIX_START_UP, START_UP, TRACE, ScriptTrace, Tracer
from .protocols import Guest, Launch

BASH = "/bin/bash"
"""What traces."""

_TRACE_SIZE = 32 * 1024 * 1024
"""Bytes kept of a trace; what a script that runs in circles writes beyond them is dropped."""

_ATTEMPTS = 20
"""Attempts that are traced; a script that is tried again and again executes the same lines."""


class TracedGuest(GuestAround):
    """Another guest, whose scripts are traced.

    Args:
        guest: where they run.
        tracer: knows how.
        of_sh: paths of scripts that sh would run, and bash runs instead.
    """

    def __init__(self, guest: Guest, tracer: Tracer, of_sh: Collection[str] = ()) -> None:
        super().__init__(guest)
        self._of_sh = of_sh
        self._start_up = {
            START_UP: _sealed(tracer.start_up(TRACE, posix=False)),
            POSIX_START_UP: _sealed(tracer.start_up(TRACE, posix=True)),
        }
        self._traces: list[tuple[str, int, int]] = []

    def _changed(self, launch: Launch) -> Launch:
        if not launch.label or launch.attempt > _ATTEMPTS or "BASH_ENV" in launch.env:
            return launch
        trace = _memory_file(_TRACE_SIZE)
        self._traces.append((launch.label.split(",")[0], launch.attempt, trace))
        start_up, argv = START_UP, launch.argv
        if launch.script in self._of_sh:
            start_up, argv = POSIX_START_UP, (BASH, launch.script, *launch.params)
        env = {**launch.env, "BASH_ENV": f"/proc/self/fd/{start_up}"}
        descriptors = (*self._start_up.items(), (TRACE, trace))
        return replace(launch, argv=argv, env=env, descriptors=descriptors)

    def close(self) -> tuple[ScriptTrace, ...]:
        """What was traced. Nothing is traced any more."""
        found = []
        for script, attempt, fd in self._traces:
            size = os.lseek(fd, 0, os.SEEK_CUR)  # all who write share one place in the file
            text = os.pread(fd, size, 0)
            found.append(ScriptTrace(script, attempt, text, is_cut=size >= _TRACE_SIZE))
            os.close(fd)
        for fd in self._start_up.values():
            os.close(fd)
        self._traces, self._start_up = [], {}
        return tuple(found)


def _memory_file(size: int) -> int:
    """A memory file that is never longer; it takes memory only for what is written."""
    import fcntl  # only here: a VM in memory is had on any system

    fd = os.memfd_create("vmsnapshot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return fd


def _sealed(content: bytes) -> int:
    """A memory file that nobody changes."""
    import fcntl

    fd = os.memfd_create("vmsnapshot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW)
    return fd
