"""Starting a program under the filter, and getting the listener from it."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import signal
import socket
from typing import NoReturn

from .. import syscalls
from .keeping import DEFAULT_SIGNALS, Program
from .seccomp import Filter, Listener

_NOTHING_WRONG = b"-"


def start(program: Program, filtered: Filter) -> tuple[int, Listener | None, int]:
    """Fork, install the filter, execute.

    Returns:
        The process, its listener, and errno if it could not become the program; then it has ended
        and waits to be reaped.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            _become(program, filtered, theirs)
        theirs.close()
        return pid, *_handed_over(ours)


def _become(program: Program, filtered: Filter, parent: socket.socket) -> NoReturn:
    """In the child: become the program. What goes wrong is said over the socket."""
    error = 0
    try:
        os.setsid()
        for ignored in DEFAULT_SIGNALS:
            signal.signal(ignored, signal.SIG_DFL)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        for number, source in enumerate((program.stdin, program.output, program.error_output)):
            os.dup2(source, number)
        fd = filtered.install()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
        parent.sendmsg([_NOTHING_WRONG], [rights])
        os.close(fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execve(program.argv[0], program.argv, program.env)
    except OSError as refused:
        error = refused.errno or 1
    except ValueError:
        error = errno.EINVAL  # a NUL in an argument
    finally:
        with contextlib.suppress(BaseException):
            parent.send(str(error).encode("ascii"))
        os._exit(127)


def _handed_over(sock: socket.socket) -> tuple[Listener | None, int]:
    """What the child says: the listener, and errno if it could not become the program."""
    listener = None
    while True:
        said, ancillary, _, _ = sock.recvmsg(16, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        for _, _, data in ancillary:
            listener = Listener(array.array("i", data)[0])
        if said != _NOTHING_WRONG:
            return listener, int(said or 0)
