"""Trying at the start of a session what each VM will need, so that a refusal is met then."""

from __future__ import annotations

import os
from collections.abc import Callable

from .. import syscalls
from ..clock.probe import why_no_virtual_clock
from .steps import StepFailed, step

_NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET
)


def try_namespaces(place: str) -> None:
    """Make a VM's namespaces and mount a /proc, in a child that takes them with it when it ends.

    Args:
        place: a directory to mount on.

    Raises:
        StepFailed: a call was refused; it says which.
    """
    if answer := _told_by_child(lambda: _make_namespaces(place)):
        number, name, call = answer.split("\n", 2)
        raise StepFailed(name, int(number), call)


def try_virtual_clock() -> str:
    """Try out a virtual clock, in a child that has a /proc of these very processes.

    Returns:
        Why there can be none; empty if there can.
    """
    return _told_by_child(_try_clock)


def _make_namespaces(place: str) -> str:
    try:
        with step("unshare the VM's namespaces"):
            syscalls.unshare(_NAMESPACES)
        _mount_proc(place)
    except StepFailed as failed:
        return f"{failed.number}\n{failed.name}\n{failed.call}"
    return ""


def _try_clock() -> str:
    try:
        with step("unshare the VM's namespaces"):
            syscalls.unshare(syscalls.CLONE_NEWNS)
        os.makedirs("/proc", exist_ok=True)
        _mount_proc("/proc")
    except StepFailed as failed:
        return f"{failed.name}: {os.strerror(failed.number)}"
    return why_no_virtual_clock()


def _mount_proc(place: str) -> None:
    with step("mount /proc"):
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
        syscalls.mount("proc", place, "proc", flags)


def _told_by_child(work: Callable[[], str]) -> str:
    """What a forked child has to say in the end."""
    heard, said = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.write(said, work().encode())
        except BaseException as error:
            os.write(said, repr(error).encode())
        finally:
            os._exit(0)
    os.close(said)
    with open(heard, encoding="utf-8") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return answer
