"""Which program of a script is hit by a fault: those executed are counted, script by script."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..clock.tracee import Memory

_EXIT_GROUP = {"x86_64": 231, "aarch64": 94}
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
        script: path of the script.
        count: how many programs.
    """

    script: str
    count: int = 0


@dataclass(slots=True)
class Strikes:
    """Counts the programs that scripts execute, and picks the one that is hit.

    Args:
        label_of: says which script and attempt a process belongs to.
        now: the VM's time in seconds.
    """

    label_of: Callable[[int], str]
    now: Callable[[], float]
    hits: list[dict[str, Any]] = field(default_factory=list)
    """What was hit, for the harness."""
    _armed: dict[str, dict[str, Any]] = field(default_factory=dict)
    _counted: dict[str, _Counted] = field(default_factory=dict)
    _passing: set[int] = field(default_factory=set)

    @property
    def counting(self) -> bool:
        """Whether the programs of any script are counted."""
        return bool(self._armed)

    def arm(self, label: str, script: str, fault: dict[str, Any]) -> None:
        """Let a program of a script be hit.

        Args:
            label: of the script and its attempt.
            script: its path, by which its own interpreter is known.
            fault: what happens to which program (``at``).
        """
        self._armed[label] = fault
        self._counted[label] = _Counted(script)

    def disarm(self) -> dict[str, int]:
        """Count no longer; says how many programs each script and attempt has executed."""
        counts = {label: found.count for label, found in self._counted.items()}
        self._armed.clear()
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
        label = self.label_of(pid)
        fault = self._armed.get(label)
        if fault is None:
            return None
        counted = self._counted[label]
        if os.getsid(pid) == pid and counted.script in argv:
            return None  # the script's interpreter, and what its first line names to find that
        counted.count += 1
        if counted.count != fault["at"]:
            return None
        self.note(label, argv, "nth")
        return fault

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
    code = _hanging(machine) if fault["hang"] else _ending(machine, fault["exit_status"])
    Memory().force(pid, place, code)


def _ending(machine: str, status: int) -> bytes:
    number = _EXIT_GROUP[machine]
    if machine == "x86_64":  # mov edi, status; mov eax, number; syscall
        moves = b"\xbf" + status.to_bytes(4, "little") + b"\xb8" + number.to_bytes(4, "little")
        return moves + b"\x0f\x05"
    return _arm_move(0, status) + _arm_move(8, number) + _SVC  # mov x0, ..; mov x8, ..; svc 0


def _hanging(machine: str) -> bytes:
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
