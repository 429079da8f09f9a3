"""Trying at the start of a session what each VM will need, so that a refusal is met then."""

from __future__ import annotations

import os

from . import syscalls
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
    heard, said = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            with step("unshare the VM's namespaces"):
                syscalls.unshare(_NAMESPACES)
            with step("mount /proc"):
                flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
                syscalls.mount("proc", place, "proc", flags)
        except StepFailed as failed:
            os.write(said, f"{failed.number}\n{failed.name}\n{failed.call}".encode())
        finally:
            os._exit(0)
    os.close(said)
    with open(heard, encoding="utf-8") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    if answer:
        number, name, call = answer.split("\n", 2)
        raise StepFailed(name, int(number), call)
