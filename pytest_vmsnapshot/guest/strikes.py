"""Which program of a script is hit by a fault: those executed are counted, script by script."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..clock.tracee import Memory

_EXIT_GROUP = {"x86_64": 231, "aarch64": 94}
_ANCESTORS = 16
"""Sessions inside each other that are looked through; more is nobody's script."""

_PAUSE_X86_64 = 34
_PPOLL_AARCH64 = 73


@dataclass(slots=True)
class Affliction:
    """What goes wrong with a double.

    Args:
        name: of the command, as the test gave it.
        fault: what happens.
        left: how many more calls; negative for all.
    """

    name: str
    fault: dict[str, Any]
    left: int


@dataclass(slots=True)
class _Counted:
    """What one attempt of a script has executed.

    Args:
        label: of the script and its attempt.
        script: path of the script.
        fault: what happens to which program (``at``).
        count: how many programs.
        env: what ``env`` was last executed with, by process.
    """

    label: str
    script: str
    fault: dict[str, Any]
    count: int = 0
    env: dict[int, list[str]] = field(default_factory=dict)

    def is_new(self, pid: int, argv: list[str]) -> bool:
        """Whether a program counts: not the script's interpreter, nor what ``env`` has found.

        The first line of a script may name ``env``, which then becomes the interpreter.
        """
        is_found = self.env.pop(pid, None) == argv
        if argv and os.path.basename(argv[0]) == "env":
            self.env[pid] = argv[1:]
        return not is_found and not (os.getsid(pid) == pid and self.script in argv)


@dataclass(slots=True)
class Strikes:
    """Counts the programs that scripts execute, and picks the one that is hit.

    Args:
        now: the VM's time in seconds.
    """

    now: Callable[[], float]
    hits: list[dict[str, Any]] = field(default_factory=list)
    """What was hit, for the harness."""
    _counted: dict[int, _Counted] = field(default_factory=dict)
    _passing: set[int] = field(default_factory=set)

    @property
    def counting(self) -> bool:
        """Whether the programs of any script are counted."""
        return bool(self._counted)

    def arm(self, pid: int, label: str, script: str, fault: dict[str, Any]) -> None:
        """Let a program of a script be hit.

        Args:
            pid: of the script, which is a session of its own.
            label: of the script and its attempt.
            script: its path, by which its own interpreter is known.
            fault: what happens to which program (``at``).
        """
        self._counted[pid] = _Counted(label, script, fault)

    def disarm(self) -> dict[str, int]:
        """Count no longer; says how many programs each script and attempt has executed."""
        counts = {found.label: found.count for found in self._counted.values()}
        self._counted.clear()
        self._passing.clear()
        return counts

    def becomes_another(self, pid: int) -> None:
        """A stand-in that was counted becomes the real command, which is not counted again."""
        if self.counting:
            self._passing.add(pid)

    def executed(self, pid: int, argv: list[str]) -> dict[str, Any] | None:
        """A program was executed: count it.

        Args:
            pid: its process.
            argv: its arguments.

        Returns:
            What happens to it, or None.
        """
        if pid in self._passing:
            self._passing.discard(pid)
            return None
        try:
            counted = self._script_of(pid)
            if counted is None or not counted.is_new(pid, argv):
                return None
        except OSError:  # it has ended
            return None
        counted.count += 1
        if counted.count != counted.fault["at"]:
            return None
        self.note(counted.label, argv, "nth")
        return counted.fault

    def _script_of(self, pid: int) -> _Counted | None:
        """The script a process belongs to by its session, or comes from, as what ``su`` starts."""
        for _ in range(_ANCESTORS):
            session = os.getsid(pid)
            if session in self._counted:
                return self._counted[session]
            with open(f"/proc/{session}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
            if pid <= 1:
                break
        return None

    def note(self, label: str, argv: list[str], what: str) -> None:
        """A fault has happened."""
        self.hits.append({"at": self.now(), "label": label, "argv": argv, "what": what})


def end_program(pid: int, machine: str, fault: dict[str, Any]) -> None:
    """Let a program end, or hang, before its first own code.

    It waits in a system call. What would be run after that is overwritten, in its private copy.

    Args:
        pid: its process.
        machine: name of the processor architecture.
        fault: ``signal``, ``exit_status`` or ``hang``.

    Raises:
        OSError: it has ended, or cannot be written to.
    """
    if fault["signal"] is not None:
        os.kill(pid, fault["signal"])
        return
    with open(f"/proc/{pid}/syscall", "rb") as file:
        place = int(file.read().split()[-1], 16)
    code = hanging(machine) if fault["hang"] else ending(machine, fault["exit_status"])
    Memory().force(pid, place, code)


def ending(machine: str, status: int) -> bytes:
    """Code that ends a program.

    Args:
        machine: name of the processor architecture.
        status: exit status.
    """
    number = _EXIT_GROUP[machine]
    if machine == "x86_64":  # mov edi, status; mov eax, number; syscall
        moves = b"\xbf" + status.to_bytes(4, "little") + b"\xb8" + number.to_bytes(4, "little")
        return moves + b"\x0f\x05"
    return _arm_move(0, status) + _arm_move(8, number) + _SVC  # mov x0, ..; mov x8, ..; svc 0


def hanging(machine: str) -> bytes:
    """Code that waits for a signal, again and again.

    Args:
        machine: name of the processor architecture.
    """
    if machine == "x86_64":  # mov eax, pause; syscall; jmp to the beginning
        return b"\xb8" + _PAUSE_X86_64.to_bytes(4, "little") + b"\x0f\x05\xeb\xf7"
    zeros = b"".join(_arm_move(register, 0) for register in range(5))
    call = zeros + _arm_move(8, _PPOLL_AARCH64) + _SVC
    back = 0x14000000 | (-(len(call) // 4) & 0x3FFFFFF)  # b to the beginning
    return call + back.to_bytes(4, "little")


_SVC = bytes.fromhex("010000d4")


def _arm_move(register: int, value: int) -> bytes:
    """``mov`` of a number of 16 bits into a register of 64 (movz)."""
    return (0xD2800000 | value << 5 | register).to_bytes(4, "little")
