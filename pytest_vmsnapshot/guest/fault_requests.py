"""What an agent does for faults: around the scripts it starts, and about files, commands, disk."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import syscalls
from ..clock.keeping import Keeper, Program
from ..clock.shift import SECOND
from . import files, stand_in, wire
from .double_requests import SEARCHED, ServesDoubles
from .doubles import Double
from .processes import Mounts
from .spoiled import Spoiled
from .stand_in import Order
from .strikes import Affliction, end_program

_LINE = b"a line that a fault prints, and nobody asked for\n"
_BLOCK = (_LINE * (stand_in.MESSAGE_LIMIT // len(_LINE) + 1))[: stand_in.MESSAGE_LIMIT]

_FIRST_HIDDEN = 1 << 30
"""Stand-ins that a fault puts over real commands have numbers from here on."""


@dataclass(frozen=True, slots=True)
class _Aftermath:
    """What comes after a script has ended.

    Args:
        program: the script; its descriptors are copies.
        fault: what happens.
        label: of the script.
    """

    program: Program
    fault: dict[str, Any]
    label: str


class ServesFaults(ServesDoubles):
    """The part of an agent that lets things go wrong.

    Args:
        sock: the way to the harness.
        keeper: gives what keeps the VM's time.
    """

    def __init__(self, sock: socket.socket, keeper: Callable[[], Keeper]) -> None:
        super().__init__(sock, lambda: keeper().now() / SECOND)
        self._keeper = keeper
        self._mounts = Mounts()
        self._spoiled = Spoiled(lambda path, right: keeper().see_to_time(path, is_right=right))
        self._left_alone: set[int] = set()
        self._aftermaths: dict[int, _Aftermath] = {}
        self._stands_for: dict[int, int] = {}
        self._hidden = _FIRST_HIDDEN
        self._read_only: list[str] = []
        self._room = 0

    # -- around a script -------------------------------------------------------------------

    @contextlib.contextmanager
    def _with_fault(self, program: Program, body: dict[str, Any]) -> Iterator[Program]:
        """What is to be started for a script, so that its fault happens at its start."""
        fault = body["fault"]
        if fault is None or fault["at"] != "start":
            yield program
            return
        orders = _orders(fault)
        if not fault["ends_it"]:
            orders[-1] = stand_in.order(Order.EXECUTE, data=os.fsencode(program.path) + b"\0")
        with wire.memory_file(self._doubles.act(orders)) as file:
            yield replace(program, path=f"/proc/self/fd/{file}")

    def _has_started(self, pid: int, program: Program, body: dict[str, Any]) -> None:
        """A program runs: see to the fault it has later."""
        fault, label = body["fault"], body["label"]
        if fault is None:
            return
        if fault["at"] == "start":
            self._strikes.note(label, program.argv, "start")
        elif fault["at"] == "end":
            kept = replace(
                program,
                stdin=os.dup(program.stdin),
                output=os.dup(program.output),
                error_output=os.dup(program.error_output),
                others=(),
            )
            self._aftermaths[pid] = _Aftermath(kept, fault, label)
        else:
            self._strikes.arm(pid, label, body["script"], fault)

    def _follow(self, pid: int, status: int, spawn: Callable[[Program], int], *, on: bool) -> bool:
        """A program has ended: let come what a fault lets come after it.

        Args:
            pid: it.
            status: its wait status.
            spawn: starts a program.
            on: whether it goes on at all.

        Returns:
            Whether another process goes on in its place; its end will count as this one's.
        """
        after = self._aftermaths.pop(pid, None)
        if after is None:
            return False
        program = after.program
        try:
            if not on:
                return False
            code = os.waitstatus_to_exitcode(status)
            fault = after.fault
            if not fault["ends_it"]:
                fault = {**fault, "exit_status": code} if code >= 0 else {**fault, "signal": -code}
            with wire.memory_file(self._doubles.act(_orders(fault))) as file:
                following = spawn(replace(program, path=f"/proc/self/fd/{file}"))
        except OSError:
            return False
        finally:
            for fd in (program.stdin, program.output, program.error_output):
                os.close(fd)
        self._stands_for[following] = pid
        self._label(following, after.label)
        self._strikes.note(after.label, program.argv, "end")
        return True

    def _looked_after(self) -> set[str]:
        """Paths at which the harness has put something beside what a test writes."""
        places = (f"{place}{end}" for place in self._places for end in ("", ".real"))
        return {*places, *self._spoiled.ever}

    def _let_run(self) -> set[int]:
        """Scripts that the rules let run on, and what goes on in their place."""
        return self._left_alone | self._stands_for.keys()

    def _running(self, pid: int) -> int:
        """The process that goes on in the place of a program, or itself."""
        return next((now for now, first in self._stands_for.items() if first == pid), pid)

    def _executed(self, pid: int) -> None:
        """A program was executed and has not run any code of its own."""
        if not self._strikes.counting:
            return
        with contextlib.suppress(OSError):  # it has ended
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read(65536).removesuffix(b"\0").split(b"\0")
            fault = self._strikes.executed(pid, [os.fsdecode(word) for word in words])
            if fault is not None:
                end_program(pid, platform.machine(), fault)

    # -- requests --------------------------------------------------------------------------

    def spoil(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Let a file be other than it should."""
        row = request.body
        refused = self._spoiled.spoil(row, request.fds[0] if request.fds else None)
        return {"facts": {**files.examine(row["path"], self._names), "owner_refused": refused}}

    def afflict(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Let a command go wrong, wherever it is found."""
        name, fault = request.body["name"], request.body["fault"]
        left = -1 if fault["calls"] is None else fault["calls"]
        affliction = Affliction(name, fault, left)
        places = _places(name)
        for place in places:
            number = self._places.get(place)
            if fault["missing"]:
                self._spoiled.spoil({"path": place, "place": "missing"}, None)
            elif number is not None:
                self._doubles.afflicted[number] = affliction
            else:
                self._stand_in_for(place, affliction)
        return {}

    def _stand_in_for(self, place: str, affliction: Affliction) -> None:
        fault = affliction.fault
        goes_on = fault["calls"] is not None or not fault["ends_it"]
        real = self._spoiled.set_aside(place) if goes_on else ""
        number, self._hidden = self._hidden, self._hidden + 1
        with wire.memory_file(self._doubles.program(number)) as content:
            self._spoiled.replace(place, content)
        otherwise = {"passthrough": True} if real else {"exit_status": 127}
        quiet = {"asks": False, "reads_stdin": False, "talks": False, "only_expected": False}
        self._doubles.add(Double(number, place, real, [otherwise], [], **quiet))
        self._doubles.afflicted[number] = affliction

    def restrict(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Let the disk be full, and directories be read-only."""
        body = request.body
        if body["disk_full"]:
            facts = os.statvfs("/")
            self._room = facts.f_blocks * facts.f_frsize
            _resize_disk((facts.f_blocks - facts.f_bfree) * facts.f_frsize)
        for directory in body["read_only"]:
            place = os.path.realpath(directory)
            syscalls.mount(place, place, None, syscalls.MS_BIND | syscalls.MS_REC)
            self._read_only.append(place)
            self._mounts.expected.add(place)
            syscalls.make_read_only(place)
        return {}

    def set_clock(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Set the wall clock forward or back."""
        self._keeper().set_wall_clock(int(request.body["by"] * SECOND))
        return {}

    def relieve(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Let everything be as before; says which faults have happened, and to whom."""
        while self._read_only:
            with contextlib.suppress(OSError):  # a script may have undone it
                syscalls.unmount(self._read_only.pop(), syscalls.MNT_DETACH)
        self._mounts.expected.clear()
        if self._room:
            _resize_disk(self._room)
            self._room = 0
        self._doubles.afflicted.clear()
        counts = self._strikes.disarm()
        hits, self._strikes.hits = self._strikes.hits, []
        return {"mended": self._spoiled.mend(), "hits": hits, "counts": counts}

    fault_requests: ClassVar = {
        "spoil": spoil,
        "afflict": afflict,
        "restrict": restrict,
        "set_clock": set_clock,
        "relieve": relieve,
    }


def _orders(fault: dict[str, Any]) -> list[bytes]:
    """What a stand-in does for a fault; its last order is an end."""
    whole, rest = divmod(fault["prints"], len(_BLOCK))
    orders = [stand_in.order(Order.PRINT, 1, _BLOCK)] * whole
    if rest:
        orders.append(stand_in.order(Order.PRINT, 1, _BLOCK[:rest]))
    if fault["delay"]:
        orders.append(stand_in.sleep(fault["delay"]))
    if fault["hang"]:
        orders.append(stand_in.sleep(stand_in.FOREVER))
    if fault["signal"] is not None:
        orders.append(stand_in.order(Order.KILL, fault["signal"]))
    orders.append(stand_in.order(Order.END, fault["exit_status"] or 0))
    return orders


def _places(name: str) -> list[str]:
    """Where a command is found; for a bare name where it would be found first, at least."""
    if name.startswith("/"):
        return [name]
    found: dict[str, str] = {}
    for directory in SEARCHED.split(":"):
        place = f"{os.path.realpath(directory)}/{name}"
        if os.path.lexists(place):
            found.setdefault(place, place)
    return list(found) or [f"{SEARCHED.split(':')[0]}/{name}"]


def _resize_disk(size: int) -> None:
    """The VM's root is the tmpfs its whole private layer lies on."""
    syscalls.mount("none", "/", None, syscalls.MS_REMOUNT, f"size={size}")
