"""Command doubles inside a VM: its agent is called by stand-ins, writes down and answers."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import secrets
import select
import socket
import stat
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import syscalls
from ..doubles import STDIN_KEPT
from . import stand_in
from .stand_in import Order

_ENVIRON_READ = 256 * 1024
_NUMBER_SIZE = 4

_ENVIRONMENTS_KEPT = 1000
"""Calls whose environment is kept; a script that is tried again and again makes very many."""

_CALLS_KEPT = 100_000
"""Calls that are kept, the last ones."""


@dataclass(slots=True)
class Double:
    """One command double, as the harness registered it.

    Args:
        number: what its stand-in calls itself.
        real: the command it stands in for, or empty where there is none.
        replies: what it does at its first call, its second and so on; the last one stays.
        patterns: replies for calls whose arguments, joined by blanks, match a pattern.
        asks: whether the harness is asked at each call.
        reads_stdin: whether it reads its standard input to the end before it replies.
    """

    number: int
    real: str
    replies: list[dict[str, Any]]
    patterns: list[tuple[str, dict[str, Any]]]
    asks: bool
    reads_stdin: bool
    calls: int = 0

    def reply_to(self, args: list[str]) -> dict[str, Any]:
        """What it does at a call."""
        line = " ".join(args)
        for pattern, reply in self.patterns:
            if fnmatch.fnmatchcase(line, pattern):
                return reply
        return self.replies[min(self.calls, len(self.replies)) - 1]


@dataclass(slots=True)
class _Caller:
    """A stand-in that has called and lives.

    Args:
        sock: the way to it.
        number: of its double; -1 until it has said so.
        record: the call, as the harness gets it.
        orders: what it is still told, the next one first.
        stdin: descriptor that is read to its end, or -1.
    """

    sock: socket.socket
    number: int = -1
    record: dict[str, Any] = field(default_factory=dict)
    orders: list[bytes] = field(default_factory=list)
    stdin: int = -1


class Doubles:
    """Serves the command doubles of one VM.

    Args:
        now: the VM's time in seconds.
        made_by: says which script a process belongs to.
        poller: told of what is to be waited for.
    """

    def __init__(
        self, now: Callable[[], float], made_by: Callable[[int], str], poller: select.poll
    ) -> None:
        self._now = now
        self._made_by = made_by
        self._doubles: dict[int, Double] = {}
        self._callers: dict[int, _Caller] = {}
        self._inputs: dict[int, _Caller] = {}
        self._records: list[dict[str, Any]] = []
        self._count = 0
        self._listener: socket.socket | None = None
        self._name = b"\0vmsnapshot-" + secrets.token_hex(6).encode("ascii")
        self._unasked: list[_Caller] = []
        self._asked: dict[int, _Caller] = {}
        self._poller = poller

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for the harness: no time may be skipped meanwhile."""
        return bool(self._unasked or self._asked)

    def program(self, number: int) -> bytes:
        """The file of a double's stand-in."""
        return stand_in.program(number, self._name)

    def add(self, double: Double) -> None:
        """Take a double in."""
        self._doubles[double.number] = double
        if self._listener is None:
            kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            self._listener = socket.socket(socket.AF_UNIX, kind)
            self._listener.bind(self._name)
            self._listener.listen(128)
            self._watch(self._listener.fileno())

    def calls(self, number: int) -> list[dict[str, Any]]:
        """All calls of a double, in order."""
        return [record for record in self._records if record["double"] == number]

    def questions(self) -> Iterator[dict[str, Any]]:
        """Calls the harness is to answer, each once."""
        while self._unasked:
            caller = self._unasked.pop(0)
            self._asked[caller.record["id"]] = caller
            yield caller.record

    def answer(self, call: int, reply: dict[str, Any]) -> None:
        """The harness has answered a call."""
        caller = self._asked.pop(call, None)
        if caller is not None:
            self._carry_out(caller, reply)

    def serve(self, ready: Collection[int]) -> None:
        """Take in what has arrived."""
        if self._listener is None:
            return
        for fd in [fd for fd in ready if fd in self._inputs]:
            self._read_input(fd)
        for fd in [fd for fd in ready if fd in self._callers]:
            self._hear(fd)
        if self._listener.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                while True:
                    sock, _ = self._listener.accept()
                    sock.setblocking(False)
                    self._callers[sock.fileno()] = _Caller(sock)
                    self._watch(sock.fileno())

    # -- one caller ------------------------------------------------------------------------

    def _watch(self, fd: int) -> None:
        self._poller.register(fd, select.POLLIN)

    def _hear(self, fd: int) -> None:
        caller = self._callers[fd]
        try:
            data, fds, _, _ = socket.recv_fds(caller.sock, 64, 4, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self._has_ended(caller)
        elif caller.number < 0 and len(data) != _NUMBER_SIZE:  # no stand-in of ours
            for stray in fds:
                os.close(stray)
            self._has_ended(caller)
        elif caller.number < 0:
            self._begin(caller, struct.unpack("=I", data)[0], fds)
        elif caller.orders:
            self._send(caller)

    def _begin(self, caller: _Caller, number: int, fds: list[int]) -> None:
        """A stand-in has said whose it is: write its call down, and answer it."""
        double = self._doubles.get(number)
        credentials = caller.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, uid, _ = struct.unpack("=iii", credentials)
        caller.number = number
        caller.record = {
            "id": self._count,
            "double": number,
            "pid": pid,
            "uid": uid,
            "argv": _words(f"/proc/{pid}/cmdline"),
            "env": _words(f"/proc/{pid}/environ") if self._count < _ENVIRONMENTS_KEPT else [],
            "cwd": _link(f"/proc/{pid}/cwd"),
            "made_by": self._made_by(pid),
            "stdin": "",
            "started": self._now(),
            "ended": None,
            "exit_status": None,
        }
        self._count += 1
        self._records.append(caller.record)
        if len(self._records) > _CALLS_KEPT:
            del self._records[0]
        if double is None:
            for fd in fds:
                os.close(fd)
            self._carry_out(caller, {"exit_status": 127})
            return
        double.calls += 1
        if fds and double.reads_stdin:
            caller.stdin = fds[0]
            self._watch(fds[0])
            self._inputs[fds[0]] = caller
            return
        for fd in fds:
            caller.record["stdin"] = _peeked(fd).decode("latin-1")
            os.close(fd)
        self._reply(caller)

    def _read_input(self, fd: int) -> None:
        caller = self._inputs[fd]
        try:
            data = os.read(fd, STDIN_KEPT)
        except OSError:
            data = b""
        if data:
            kept = caller.record["stdin"] + data.decode("latin-1")
            caller.record["stdin"] = kept[:STDIN_KEPT]
            return
        self._drop_input(caller)
        self._reply(caller)

    def _drop_input(self, caller: _Caller) -> None:
        if caller.stdin >= 0:
            self._poller.unregister(caller.stdin)
            del self._inputs[caller.stdin]
            os.close(caller.stdin)
            caller.stdin = -1

    def _reply(self, caller: _Caller) -> None:
        double = self._doubles[caller.number]
        if double.asks:
            self._unasked.append(caller)
        else:
            self._carry_out(caller, double.reply_to(caller.record["argv"][1:]))

    def _carry_out(self, caller: _Caller, reply: dict[str, Any]) -> None:
        double = self._doubles.get(caller.number)
        orders = [stand_in.sleep(reply["delay"])] if reply.get("delay") else []
        if reply.get("passthrough") and double is not None and double.real:
            path = os.fsencode(double.real) + b"\0"
            orders.append(stand_in.order(Order.EXECUTE, data=path))
        else:
            for number, name in ((1, "stdout"), (2, "stderr")):
                text = reply.get(name, "").encode("latin-1")
                for start in range(0, len(text), stand_in.MESSAGE_LIMIT):
                    chunk = text[start : start + stand_in.MESSAGE_LIMIT]
                    orders.append(stand_in.order(Order.PRINT, number, chunk))
            if reply.get("signal"):
                orders.append(stand_in.order(Order.KILL, reply["signal"]))
            else:
                caller.record["exit_status"] = reply.get("exit_status", 0)
            orders.append(stand_in.order(Order.END, reply.get("exit_status", 0)))
        caller.orders = orders
        self._send(caller)

    def _send(self, caller: _Caller) -> None:
        with contextlib.suppress(OSError):  # it has been killed: the next look shows that
            caller.sock.send(caller.orders.pop(0))

    def _has_ended(self, caller: _Caller) -> None:
        fd = caller.sock.fileno()
        self._poller.unregister(fd)
        del self._callers[fd]
        caller.sock.close()
        self._drop_input(caller)
        if caller.record:
            caller.record["ended"] = self._now()
            self._asked.pop(caller.record["id"], None)
        if caller in self._unasked:
            self._unasked.remove(caller)


def _words(path: str) -> list[str]:
    """A list of strings in /proc, each ended by a NUL."""
    try:
        with open(path, "rb") as file:
            text = file.read(_ENVIRON_READ)
    except OSError:
        return []
    return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _peeked(fd: int) -> bytes:
    """What can be read from a descriptor now, without taking it away from anybody."""
    mode = os.fstat(fd).st_mode
    try:
        if stat.S_ISREG(mode):
            return os.pread(fd, STDIN_KEPT, os.lseek(fd, 0, os.SEEK_CUR))
        if not stat.S_ISFIFO(mode):
            return b""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with open(reading, "rb", buffering=0) as file:
            with open(writing, "wb", buffering=0):
                size = syscalls.tee(fd, writing, STDIN_KEPT)
            return file.read(size) if size else b""
    except OSError:
        return b""
