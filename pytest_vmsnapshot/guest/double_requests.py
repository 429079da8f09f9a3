"""What an agent does for command doubles: requests about them, and asking the harness."""

from __future__ import annotations

import os
import select
import shutil
import socket
from collections.abc import Callable
from typing import Any, ClassVar

from . import files, wire
from .doubles import Double, Doubles
from .strikes import Strikes

_DEFAULT_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the command is looked for that a double on PATH stands in for."""

SEARCHED = f"/usr/local/sbin:{_DEFAULT_PATH}"
"""Where commands are found by name."""


class ServesDoubles:
    """The part of an agent that serves command doubles.

    Args:
        sock: the way to the harness.
        now: the VM's time in seconds.
    """

    def __init__(self, sock: socket.socket, now: Callable[[], float]) -> None:
        self._way_out = sock
        self._poller = select.poll()
        self._names = files.Names()
        self._labels: dict[int, str] = {}
        self._places: dict[str, int] = {}
        self._strikes = Strikes(now)
        self._doubles = Doubles(now, self._label_of, self._poller, self._strikes)

    def double(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Put the stand-in of a command double in place."""
        body = request.body
        path = body["path"]
        double = Double(
            body["number"],
            path,
            _real(body),
            body["replies"],
            [(pattern, reply) for pattern, reply in body["patterns"]],
            body["asks"],
            body["reads_stdin"],
            body["talks"],
            body["only_expected"],
        )
        with wire.memory_file(self._doubles.program(double.number)) as content:
            row = {"path": path, "mode": 0o755, "owner": "root"}
            files.install(row, content, self._names)
        self._doubles.add(double)
        self._places[path] = double.number
        return {}

    def calls(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """All calls of a command double; who has gone meanwhile is told first."""
        self._hear_doubles()
        for told in self._doubles.farewells():
            wire.send(self._way_out, told)
        return {"calls": self._doubles.calls(request.body["number"])}

    def reply(self, request: wire.Received, fds: list[int]) -> None:
        """The harness has answered a call; that is not answered in turn."""
        self._doubles.answer(request.body["call"], request.body["reply"])

    double_requests: ClassVar = {"double": double, "calls": calls, "reply": reply}

    def _hear_doubles(self) -> None:
        """Take in what has arrived since the last look: who has ended was gone before."""
        self._doubles.serve({fd for fd, _ in self._poller.poll(0)})

    def _ask_harness(self) -> None:
        """Hand on what the harness is asked, while it listens."""
        for question in self._doubles.questions():
            wire.send(self._way_out, question)

    def _label(self, pid: int, label: str) -> None:
        """Remember what a program was started as."""
        self._labels[pid] = label

    def _label_of(self, pid: int) -> str:
        """Which script a process belongs to: each is started in a session of its own."""
        try:
            return self._labels.get(os.getsid(pid), "")
        except OSError:
            return ""


def _real(body: dict[str, Any]) -> str:
    """Where the command lies that a double stands in for; empty if nobody will want it."""
    path = body["path"]
    replies = [*body["replies"], *(reply for _, reply in body["patterns"])]
    asks = body["asks"] or (body["talks"] and not body["absolute"])
    if not asks and not any(reply["passthrough"] is True for reply in replies):
        return ""
    if not body["absolute"]:
        return shutil.which(os.path.basename(path), path=_DEFAULT_PATH) or ""
    return _set_aside(path)


def _set_aside(path: str) -> str:
    """Keep a copy of the command an absolute double takes the place of; says where it lies.

    A copy, because a rootless VM cannot rename what belongs to the host.
    """
    aside = f"{path}.real"
    if not os.path.lexists(aside) and os.path.isfile(path):
        shutil.copyfile(path, aside)
        os.chmod(aside, 0o755)
    return aside if os.path.lexists(aside) else ""
