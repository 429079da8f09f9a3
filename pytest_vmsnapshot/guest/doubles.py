"""Command doubles inside a VM: its agent is called by stand-ins, writes down and answers."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import select
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..doubles import UNEXPECTED, Happened
from ..explain import command
from . import stand_in
from .caller import Caller, leads_to, link, peeked, words_in
from .stand_in import Order
from .strikes import Affliction, Strikes

_NUMBER_SIZE = 4
_NOT_FOUND = 127  # how a shell ends that does not find a command

_ENVIRONMENTS_KEPT = 1000
"""Calls whose environment is kept; a script that is tried again and again makes very many."""

_CALLS_KEPT = 100_000
"""Calls that are kept, the last ones."""

_FIRST_ACT = 1 << 31
"""Acts have numbers from here on, doubles lower ones."""


@dataclass(slots=True)
class Double:
    """One command double, as the harness registered it.

    Args:
        number: what its stand-in calls itself.
        path: where its stand-in lies.
        real: the command it stands in for, or empty where there is none.
        replies: what it does at its first call, its second and so on; the last one stays.
        patterns: replies for calls whose arguments, joined by blanks, match a pattern.
        asks: whether the harness is asked at each call.
        reads_stdin: whether it reads its standard input to the end before it replies.
        talks: whether the harness is asked at each line a client reads, too.
        only_expected: whether a call without a pattern or a reply of its own is refused.
    """

    number: int
    path: str
    real: str
    replies: list[dict[str, Any]]
    patterns: list[tuple[str, dict[str, Any]]]
    asks: bool
    reads_stdin: bool
    talks: bool
    only_expected: bool
    calls: int = 0

    def reply_to(self, args: list[str]) -> dict[str, Any] | None:
        """What it does at a call; None where the call was not expected."""
        line = " ".join(args)
        for pattern, reply in self.patterns:
            if fnmatch.fnmatchcase(line, pattern):
                return reply
        if self.only_expected and self.calls > len(self.replies):
            return None
        return self.replies[min(self.calls, len(self.replies)) - 1]


@dataclass(frozen=True, slots=True)
class _Question:
    """Something the harness is to be told of, or asked.

    Args:
        caller: who.
        happened: what.
        text: the line a client has read.
        at: the VM's time.
    """

    caller: Caller
    happened: Happened
    text: str
    at: float

    def message(self) -> dict[str, Any]:
        """As it is told."""
        row = {"happened": self.happened.value, "text": self.text, "at": self.at}
        return {**row, "call": self.caller.record}


class Doubles:
    """Serves the command doubles of one VM.

    Args:
        now: the VM's time in seconds.
        made_by: says which script a process belongs to.
        poller: told of what is to be waited for.
        strikes: told of each program that is executed by a call.
    """

    def __init__(
        self,
        now: Callable[[], float],
        made_by: Callable[[int], str],
        poller: select.poll,
        strikes: Strikes,
    ) -> None:
        self._now = now
        self._made_by = made_by
        self._strikes = strikes
        self._acts: dict[int, list[bytes]] = {}
        self._act_count = 0
        self.afflicted: dict[int, Affliction] = {}
        """What goes wrong with doubles, by their numbers."""
        self._doubles: dict[int, Double] = {}
        self._callers: dict[int, Caller] = {}
        self._records: list[dict[str, Any]] = []
        self._count = 0
        self._listener: socket.socket | None = None
        self._name = b"\0vmsnapshot-" + os.urandom(6).hex().encode("ascii")
        self._unasked: list[_Question] = []
        self._asked: dict[int, Caller] = {}
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
        self._listen()

    def act(self, orders: list[bytes]) -> bytes:
        """A program that carries out orders, once; nobody records it.

        Args:
            orders: what it does, the last one an end.

        Returns:
            Its file.
        """
        number = _FIRST_ACT + self._act_count
        self._act_count += 1
        self._acts[number] = orders
        self._listen()
        return self.program(number)

    def _listen(self) -> None:
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
        """What the harness is to be asked, or told, each once."""
        while self._unasked:
            question = self._unasked.pop(0)
            if question.happened is not Happened.GONE:
                self._asked[question.caller.record["id"]] = question.caller
            yield question.message()

    def farewells(self) -> Iterator[dict[str, Any]]:
        """The same of those that have gone: the harness need not answer."""
        gone = [found for found in self._unasked if found.happened is Happened.GONE]
        self._unasked = [found for found in self._unasked if found not in gone]
        for question in gone:
            yield question.message()

    def answer(self, call: int, reply: dict[str, Any]) -> None:
        """The harness has answered a call."""
        caller = self._asked.pop(call, None)
        if caller is None:
            return
        if not reply.get("goes_on"):
            caller.drop_input(self._poller)
            self._carry_out(caller, reply)
            return
        caller.tell(*_says(reply))
        self._let_read(caller)

    def serve(self, ready: Collection[int]) -> None:
        """Take in what has arrived."""
        if self._listener is None:
            return
        for caller in [found for found in self._callers.values() if found.stdin in ready]:
            self._read_input(caller)
        for fd in [fd for fd in ready if fd in self._callers]:
            self._hear(fd)
        if self._listener.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                while True:
                    sock, _ = self._listener.accept()
                    sock.setblocking(False)
                    self._callers[sock.fileno()] = Caller(sock)
                    self._watch(sock.fileno())
                    self._hear(sock.fileno())  # it says whose it is right after connecting

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
        else:
            caller.ready()

    def _begin(self, caller: Caller, number: int, fds: list[int]) -> None:
        """A stand-in has said whose it is: write its call down, and answer it."""
        if number in self._acts:
            for fd in fds:
                os.close(fd)
            caller.number = number
            caller.tell(*self._acts.pop(number))
            return
        double = self._doubles.get(number)
        for fd in [fd for fd in fds if leads_to(fd, self._name)]:
            os.close(fd)
            fds.remove(fd)
        credentials = caller.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, uid, _ = struct.unpack("=iii", credentials)
        caller.number = number
        caller.record = {
            "id": self._count,
            "double": number,
            "pid": pid,
            "uid": uid,
            "argv": words_in(f"/proc/{pid}/cmdline") or [_name_of(double)],
            "env": words_in(f"/proc/{pid}/environ") if self._count < _ENVIRONMENTS_KEPT else [],
            "cwd": link(f"/proc/{pid}/cwd"),
            "made_by": self._made_by(pid),
            "stdin": "",
            "started": self._now(),
            "ended": None,
            "exit_status": None,
            "unexpected": False,
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
        struck = self._strikes.executed(pid, caller.record["argv"]) or self._affliction(caller)
        if struck is not None:
            caller.is_struck = True
            for fd in fds:
                os.close(fd)
            self._carry_out(caller, struck)
            return
        if fds and (double.reads_stdin or double.talks):
            caller.stdin = fds.pop(0)
        for fd in fds:
            caller.record["stdin"] = peeked(fd).decode("latin-1")
            os.close(fd)
        if double.talks:
            self._ask(caller, Happened.CALLED)
        elif caller.stdin >= 0:
            caller.watch_input(self._poller)
        else:
            self._reply(caller)

    def _affliction(self, caller: Caller) -> dict[str, Any] | None:
        """What goes wrong with this call instead of what it would do, if anything does."""
        affliction = self.afflicted.get(caller.number)
        if affliction is None or affliction.left == 0:
            return None
        affliction.left -= 1
        record = caller.record
        self._strikes.note(record["made_by"], record["argv"], f"command {affliction.name}")
        if affliction.fault["ends_it"]:
            return affliction.fault
        caller.tell(stand_in.sleep(affliction.fault["delay"]))
        return None

    def _ask(self, caller: Caller, happened: Happened, text: str = "") -> None:
        self._unasked.append(_Question(caller, happened, text, self._now()))

    def _read_input(self, caller: Caller) -> None:
        goes_on = caller.read_input()
        if not goes_on:
            caller.drop_input(self._poller)
        if self._doubles[caller.number].talks:
            if caller.lines or not goes_on:
                caller.leave_input(self._poller)  # until it has been answered
                self._let_read(caller)
        else:
            caller.lines.clear()
            if not goes_on:
                self._reply(caller)

    def _let_read(self, caller: Caller) -> None:
        """A client goes on: with its next line, with the end of its input, or it waits."""
        if caller.lines:
            self._ask(caller, Happened.TOLD, caller.lines.pop(0))
        elif caller.stdin < 0:
            self._ask(caller, Happened.INPUT_ENDED)
        else:
            caller.watch_input(self._poller)

    def _reply(self, caller: Caller) -> None:
        double = self._doubles[caller.number]
        if double.asks:
            self._ask(caller, Happened.CALLED)
        else:
            argv = caller.record["argv"]
            reply = double.reply_to(argv[1:])
            if reply is None:
                caller.record["unexpected"] = True
                words = (os.path.basename(argv[0]), *argv[1:])
                said = os.fsencode(f"{UNEXPECTED}{command(words)}\n").decode("latin-1")
                reply = {"stderr": said, "exit_status": 127}
            self._carry_out(caller, reply)

    def _carry_out(self, caller: Caller, reply: dict[str, Any]) -> None:
        double = self._doubles.get(caller.number)
        becomes = reply.get("passthrough")
        program = double.real if becomes is True and double is not None else becomes
        if becomes and not program:
            name = os.path.basename(caller.record["argv"][0])
            said = f"pytest-vmsnapshot: there is no {name} on the VM to pass this call to\n"
            reply = {"stderr": said, "exit_status": _NOT_FOUND, "delay": reply.get("delay")}
        if program:
            orders = _says({"delay": reply.get("delay")})
            self._strikes.becomes_another(caller.record["pid"])
            orders.append(stand_in.order(Order.EXECUTE, data=os.fsencode(program) + b"\0"))
        else:
            orders = _says(reply)
            if reply.get("signal"):
                orders.append(stand_in.order(Order.KILL, reply["signal"]))
            else:
                caller.record["exit_status"] = reply.get("exit_status") or 0
            orders.append(stand_in.order(Order.END, reply.get("exit_status") or 0))
        caller.tell(*orders)

    def _has_ended(self, caller: Caller) -> None:
        fd = caller.sock.fileno()
        self._poller.unregister(fd)
        del self._callers[fd]
        caller.sock.close()
        caller.drop_input(self._poller)
        self._unasked = [question for question in self._unasked if question.caller is not caller]
        if caller.record:
            caller.record["ended"] = self._now()
            self._asked.pop(caller.record["id"], None)
            double = self._doubles.get(caller.number)
            if double is not None and double.talks and not caller.is_struck:
                self._ask(caller, Happened.GONE)


def _name_of(double: Double | None) -> str:
    """What a call is named whose arguments can no longer be seen, or that was given none."""
    return "?" if double is None else double.path


def _says(reply: dict[str, Any]) -> list[bytes]:
    """The orders to wait as long as a reply does, and to print what it says."""
    delay = stand_in.FOREVER if reply.get("hang") else reply.get("delay")
    orders = [stand_in.sleep(delay)] if delay else []
    for number, name in ((1, "stdout"), (2, "stderr")):
        text = reply.get(name, "").encode("latin-1")
        for start in range(0, len(text), stand_in.MESSAGE_LIMIT):
            chunk = text[start : start + stand_in.MESSAGE_LIMIT]
            orders.append(stand_in.order(Order.PRINT, number, chunk))
    return orders
