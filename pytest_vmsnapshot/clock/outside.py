"""Waits whose end comes from outside the VM: while one lasts, the clock must not jump.

A thread that sleeps waits for another process of the VM, or for time to pass. Where it can be
waiting for somebody else (a server of the network, a program on the machine's own clock), or where
nobody can tell, time is left to pass by itself.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .idle import Look, Sleeper
from .machine import Machine
from .shift import SECOND
from .tracee import Memory, copy_descriptor
from .waits import Waits, descriptor_count, is_timed

_ON_DESCRIPTOR = frozenset(
    {"accept", "accept4", "connect", "pread64", "pwrite64", "read", "readv", "recvfrom", "recvmmsg"}
    | {"recvmsg", "sendfile", "sendmmsg", "sendmsg", "sendto", "splice", "tee", "write", "writev"}
)
"""Calls that wait for the descriptor that is their first argument."""

_ON_SEVERAL = frozenset(
    {"poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2"}
)

_INSIDE = frozenset(
    {"clock_nanosleep", "clone", "clone3", "fork", "futex", "futex_wait", "futex_waitv"}
    | {"mq_timedreceive", "mq_timedsend", "msgrcv", "msgsnd", "nanosleep", "open", "openat"}
    | {"pause", "restart_syscall", "rt_sigsuspend", "rt_sigtimedwait", "semop", "semtimedop"}
    | {"vfork", "wait4", "waitid"}
)
"""Calls that wait for a process of the VM, or for time."""

_LOCKS = frozenset({"fcntl", "flock"})
"""These wait for a process that holds a lock, of this VM unless its files are shared."""

# asm-generic/socket.h, for 64 bits
_SO_RCVTIMEO, _SO_SNDTIMEO = 20, 21
_SENDING = frozenset({"connect", "sendmsg", "sendto", "write", "writev"})

_RECVMMSG_TIMEOUT = 4
_BACKLOG_COLUMN = 11  # net/core/net-procfs.c: packets received and not yet handed on

_NETWORK_SETTLE = SECOND // 200
_TERMINAL_SETTLE = SECOND // 50
"""Nanoseconds: what wakes these waits is a worker of the kernel, which no look at processes shows.
It needs some time of a processor; then nothing is under way any more."""


_SERVER = "waits for a server outside the VM"
_REAL = "waits for a program that runs on the machine's clock"


@dataclass(slots=True)
class Waiting:
    """What the sleepers wait for, as far as the clock must know.

    Args:
        reason: why the clock must not jump, or empty.
        pid: who waits so.
        settle: nanoseconds everybody must have slept before a jump is sound.
        tcp: whether somebody waits for a connection, so that the kernel's own timers count.
        threads: threads that are in a wait that was recorded.
    """

    reason: str = ""
    pid: int = 0
    settle: int = 0
    tcp: bool = False
    threads: set[int] = field(default_factory=set)


class Outside:
    """Tells what sleepers wait for.

    Args:
        machine: what this runs on.
        waits: the waits that were recorded.
        shared: whether the VM's files and locks are the machine's.
        shares_network: whether the VM's network is the machine's.
    """

    def __init__(
        self, machine: Machine, waits: Waits, *, shared: bool, shares_network: bool
    ) -> None:
        self._machine = machine
        self._waits = waits
        self._shared = shared
        self._shares_network = shares_network
        self._memory = Memory()

    def waiting(self, look: Look, *, socket_timeouts: bool) -> Waiting:
        """What the sleepers wait for.

        Args:
            look: a proof that all sleep.
            socket_timeouts: whether any program has given a socket a time-out.
        """
        found = Waiting()
        real = _Real(look)
        for sleeper in look.sleepers or ():
            with contextlib.suppress(OSError):  # it has ended: the next look will show that
                reason = self._of(sleeper, found, real, socket_timeouts=socket_timeouts)
                if reason and not found.reason:
                    found.reason, found.pid = reason, sleeper.pid
        if found.tcp and not found.reason and self._is_tcp_at_work(look):
            found.reason = "the kernel is about to send a packet by its own clock"
        if found.settle == _NETWORK_SETTLE and _packets_under_way():
            found.settle = _TERMINAL_SETTLE
        return found

    def _of(self, sleeper: Sleeper, found: Waiting, real: _Real, *, socket_timeouts: bool) -> str:
        name = self._machine.names.get(sleeper.call, "")
        recorded = self._waits.of(sleeper.thread, sleeper.call, sleeper.arguments)
        if recorded is not None:
            found.threads.add(sleeper.thread)
            name = self._machine.names[recorded.call]
            arguments = recorded.arguments
        else:
            arguments = sleeper.arguments
            if is_timed(name, arguments) or name == "restart_syscall":
                return f"waits in {name} with a time-out that could not be read"
        if sleeper.stopped:
            return ""  # until a process goes on with it
        if name in _LOCKS:
            if self._shared:
                return "waits for a lock that somebody outside may hold"
            return _REAL if real.pids else ""
        if name in ("open", "openat") and real.pids:
            return _REAL
        if name in _INSIDE:
            return ""
        if name == "recvmmsg" and arguments[_RECVMMSG_TIMEOUT]:
            return "waits in recvmmsg with a time-out"
        if name in _ON_DESCRIPTOR:
            descriptors: Iterator[int] = iter((arguments[0] & 0xFFFFFFFF,))
        elif name in _ON_SEVERAL:
            descriptors = self._descriptors(sleeper, name, arguments)
        elif sleeper.call < 0:
            return ""  # it sleeps in no call: stopped on its way
        else:
            called = name or f"system call {sleeper.call}"
            return f"waits in {called}, of which it cannot be told who ends it"
        for number in descriptors:
            timed = socket_timeouts and name in _ON_DESCRIPTOR and recorded is None
            reason = self._of_descriptor(sleeper, number, found, real, name if timed else "")
            if reason:
                return reason
        return ""

    def _descriptors(
        self, sleeper: Sleeper, name: str, arguments: tuple[int, ...]
    ) -> Iterator[int]:
        """The descriptors a call waits for."""
        thread = sleeper.thread
        if name in ("poll", "ppoll"):
            for index in range(arguments[1] & 0xFFFFFFFF):
                number = self._memory.unpack(thread, arguments[0] + 8 * index, "=i")[0]
                if number >= 0:
                    yield number
        elif name in ("select", "pselect6"):
            size = (descriptor_count(thread, arguments[0]) + 63) // 64 * 8
            for place in filter(None, arguments[1:4]) if size else ():
                for index, byte in enumerate(self._memory.read(thread, place, size)):
                    if byte:
                        yield from (8 * index + bit for bit in range(8) if byte >> bit & 1)
        else:
            with open(f"/proc/{sleeper.pid}/fdinfo/{arguments[0]}", "rb") as file:
                for line in file:
                    if line.startswith(b"tfd:"):
                        yield int(line.split()[1])

    def _of_descriptor(
        self, sleeper: Sleeper, number: int, found: Waiting, real: _Real, timed: str
    ) -> str:
        """Why the other end of a descriptor may be outside, or nothing."""
        try:
            target = os.readlink(f"/proc/{sleeper.pid}/fd/{number}")
        except OSError:
            return ""
        if target.startswith(("/dev/pts/", "/dev/tty", "/dev/ptmx")):
            found.settle = max(found.settle, _TERMINAL_SETTLE)
            return self._of_terminal(sleeper.pid, number)
        if target in real.files:
            return _REAL
        if not target.startswith("socket:"):
            return ""
        copy = copy_descriptor(sleeper.pid, number)
        with socket.socket(fileno=copy) as end:
            if timed:
                self._note_timeout(sleeper, end, timed, found)
            if end.family == socket.AF_UNIX:
                return _of_unix(end, real)
            if end.family in (socket.AF_INET, socket.AF_INET6):
                found.settle = max(found.settle, _NETWORK_SETTLE)
                found.tcp = True
                if self._shares_network or real.pids:
                    return _of_internet(end, real.has_socket_outside)
        return ""

    def _is_tcp_at_work(self, look: Look) -> bool:
        """Whether a connection of the VM waits for a timer of the kernel: an answer that was
        delayed, a packet that is sent again, one that was held back.
        """
        rows = [row for table in ("tcp", "tcp6") for row in _rows(table)]
        if self._shares_network:
            inside = {target for pid in look.pids for target in _meeting_points(pid)}
            rows = [row for row in rows if f"socket:[{row[_INODE]}]" in inside]
        unread = {row[_LOCAL] for row in rows if not row[_QUEUES].endswith(":00000000")}
        for row in rows:
            timer = row[_TIMER][:2]
            if row[_STATE] == _SYN_SENT or timer == _RETRANSMIT:
                return True
            # A full window is probed for ever while its reader does not read.
            if timer == _PROBE and row[_REMOTE] not in unread:
                return True
        return False

    def _note_timeout(
        self, sleeper: Sleeper, end: socket.socket, name: str, found: Waiting
    ) -> None:
        option = _SO_SNDTIMEO if name in _SENDING else _SO_RCVTIMEO
        seconds, part = struct.unpack("@qq", end.getsockopt(socket.SOL_SOCKET, option, 16))
        duration = seconds * SECOND + part * 1000
        if duration:
            self._waits.note(sleeper.thread, sleeper.call, sleeper.arguments, duration)
            found.threads.add(sleeper.thread)

    def _of_terminal(self, pid: int, number: int) -> str:
        copy = copy_descriptor(pid, number)
        try:
            _, _, _, local, _, _, characters = termios.tcgetattr(copy)
        except termios.error:
            return ""
        finally:
            os.close(copy)
        timeout = characters[termios.VTIME]
        if not local & termios.ICANON and timeout not in (0, b"\0"):
            return "waits for a terminal with a time-out (VTIME)"
        return ""


class _Real:
    """Programs on the machine's clock, and what they have open.

    Args:
        look: all processes of the VM.
    """

    def __init__(self, look: Look) -> None:
        self.pids = look.real
        self.files = {target for pid in look.real for target in _meeting_points(pid)}
        self.inside = look.pids

    def has_socket_outside(self, inode: str) -> bool:
        """Whether a socket does not belong to a process under the VM's clock."""
        wanted = f"socket:[{inode}]"
        return not any(wanted in _meeting_points(pid) for pid in self.inside)


def _meeting_points(pid: int) -> Iterator[str]:
    """Pipes and sockets a process has open, as its descriptors name them."""
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                mode = os.stat(entry.path).st_mode
                if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                    yield os.readlink(entry.path)


def _of_unix(end: socket.socket, real: _Real) -> str:
    try:
        end.getpeername()
    except OSError:
        listens = end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return _REAL if real.pids and not listens else ""
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    (peer,) = struct.unpack_from("=i", credentials)
    if peer == 0:
        return _SERVER
    # A server that has forked since it began to listen is known by the number of its parent.
    if peer in real.pids or (real.pids and peer not in real.inside):
        return _REAL
    return ""


def _of_internet(end: socket.socket, is_outside: Callable[[str], bool]) -> str:
    try:
        peer, own = (
            (name[0].removeprefix("::ffff:"), name[1])
            for name in (end.getpeername(), end.getsockname())
        )
    except OSError:  # no connection yet, or none at all
        return "" if end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else _SERVER
    kind = "tcp" if end.type == socket.SOCK_STREAM else "udp"
    for table in (kind, kind + "6"):
        for local, remote, inode in _connections(table):
            if local == peer and remote == own:
                return _SERVER if is_outside(inode) else ""
            if kind == "udp" and local[1] == peer[1] and not is_outside(inode):
                return ""
    return _SERVER


# Columns of /proc/net/tcp, states and timers (net/ipv4/tcp_ipv4.c, net/tcp_states.h).
_LOCAL, _REMOTE, _STATE, _QUEUES, _TIMER, _INODE = 1, 2, 3, 4, 5, 9
_SYN_SENT = "02"
_RETRANSMIT, _PROBE = "01", "04"


def _rows(table: str) -> Iterator[list[str]]:
    """The sockets of a table in /proc/net, as words."""
    with contextlib.suppress(OSError), open(f"/proc/net/{table}", encoding="utf-8") as file:
        next(file, None)
        for line in file:
            yield line.split()


def _connections(table: str) -> Iterator[tuple[tuple[str, int], tuple[str, int], str]]:
    """Both ends and the inode of each socket of a table."""
    for row in _rows(table):
        yield _address(row[_LOCAL]), _address(row[_REMOTE]), row[_INODE]


def _address(text: str) -> tuple[str, int]:
    host, port = text.split(":")
    words = [struct.pack("=I", int(host[i : i + 8], 16)) for i in range(0, len(host), 8)]
    raw = b"".join(words)
    if len(raw) == 16 and raw.startswith(bytes(10) + b"\xff\xff"):
        raw = raw[12:]
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw), int(port, 16)


def _packets_under_way() -> bool:
    """Whether packets of the loopback interface were sent and have not arrived."""
    try:
        with open("/proc/net/softnet_stat", encoding="utf-8") as file:
            return any(int(line.split()[_BACKLOG_COLUMN], 16) for line in file)
    except (OSError, IndexError, ValueError):  # a kernel that does not tell
        return False
