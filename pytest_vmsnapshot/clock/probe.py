"""Trying out whether a VM can have a virtual clock on this machine."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import platform
import select
import signal
import socket
import time

from .idle import Observer, own_filters
from .machine import MACHINES, Machine, this_machine
from .seccomp import Filter, Listener
from .shift import SECOND, Shift
from .vdso import Vdso
from .waits import Waits

_LIMIT = 5.0
"""Seconds for each answer of the child: it has nothing else to do."""

_SLEEP = 3600
"""Seconds the child asks to sleep, and must not."""


def why_no_virtual_clock() -> str:
    """Let a child sleep an hour in no time.

    Returns:
        The step that was refused and why, with what to do; empty if all went well.
    """
    machine = this_machine()
    if machine is None:
        return f"its system calls are known for {' and '.join(MACHINES)}, not {platform.machine()}"
    try:
        _Attempt(machine).run()
    except _Refused as refused:
        return str(refused)
    except OSError as error:
        return f"{error.filename or 'a call'} was refused ({error.strerror})"
    return ""


class _Refused(Exception):
    """The text says which step it was, and why."""


def _refused(step: str, error: OSError) -> _Refused:
    name = errno.errorcode.get(error.errno or 0, "?")
    return _Refused(f"{step} was refused ({name})")


class _Attempt:
    """One child that sleeps, and the steps of a jump."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._shift = Shift()

    def run(self) -> None:
        if not own_filters():
            raise _Refused(
                "/proc/self/status does not count seccomp filters, as Linux does since 5.10"
            )
        try:
            vdso = Vdso.of_this_kernel(self._machine)
        except OSError as unknown:
            raise _Refused(str(unknown)) from None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            pid = os.fork()
            if pid == 0:
                _sleep(Filter(self._machine), theirs)
            theirs.close()
            try:
                self._follow(pid, ours, vdso)
            finally:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _follow(self, pid: int, sock: socket.socket, vdso: Vdso) -> None:
        said, ancillary, _, _ = sock.recvmsg(16, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        if not ancillary:
            number = int(said or 0)
            raise _refused(
                "a seccomp listener (a container's profile may deny it, and a program that watches "
                "this one, too)",
                OSError(number, os.strerror(number)),
            )
        listener = Listener(array.array("i", ancillary[0][2])[0])
        try:
            self._jump_over(pid, listener, vdso)
        finally:
            listener.close()
        ended = os.pidfd_open(pid)
        try:
            if not select.select([ended], [], [], _LIMIT)[0]:
                raise _Refused("a sleep that was cut short did not end")
        finally:
            os.close(ended)

    def _jump_over(self, pid: int, listener: Listener, vdso: Vdso) -> None:
        waits = Waits(self._machine, self._shift, lambda *_: None)
        if not select.select([listener.fd], [], [], _LIMIT)[0]:
            raise _Refused("no notification of a sleep arrived")
        notified = listener.receive()
        if notified is None:
            raise _Refused("a notification could not be received")
        try:
            waits.begin(notified, listener.is_waiting)
        except OSError as error:
            raise _refused("reading another process's memory (process_vm_readv)", error) from None
        try:
            vdso.start(pid, self._shift)
        except OSError as error:
            raise _refused(
                "writing another process's code (/proc/PID/mem; proc_mem.force_override of the "
                "kernel may deny it)",
                error,
            ) from None
        listener.let(notified)
        observer = Observer()
        until = time.monotonic() + _LIMIT
        while observer.look([pid]).sleepers is None:
            if time.monotonic() > until:
                raise _Refused("a sleeping process is not seen to sleep (/proc/PID/syscall)")
            select.select([], [], [], 0.001)
        self._shift.jump(2 * _SLEEP * SECOND)
        if not waits.due(self._shift.now()) or not waits.expire(pid):
            raise _Refused("ending another process's sleep (ptrace) was refused")


def _sleep(filtered: Filter, parent: socket.socket) -> None:
    try:
        fd = filtered.install()
        parent.sendmsg([b"-"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)
        select.select([], [], [], _SLEEP)
    except OSError as error:
        parent.send(str(error.errno).encode("ascii"))
    finally:
        os._exit(0)
