"""Naming the step at which the construction of a VM was refused, and why a host refuses it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class StepFailed(Exception):
    """One step of the construction was refused.

    Args:
        name: the step, as a phrase.
        number: errno.
        call: the system call, where it is known.
    """

    def __init__(self, name: str, number: int, call: str) -> None:
        super().__init__(name, number, call)
        self.name = name
        self.number = number
        self.call = call


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Whatever the operating system refuses inside the block is reported under this name."""
    try:
        yield
    except OSError as refused:
        raise StepFailed(name, refused.errno or 0, str(refused.filename or "")) from refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one way to make a VM cannot be used here.

    Args:
        privilege: the way that was tried.
        step: the step that was refused.
        number: errno of the refusal, 0 if there was none.
        reason: the setting of this host that explains it.
        remedy: what its owner can do.
    """

    privilege: str
    step: str
    number: int
    reason: str
    remedy: str

    def __str__(self) -> str:
        code = f" ({errno.errorcode.get(self.number, self.number)})" if self.number else ""
        return f"{self.privilege}: {self.step}{code}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting of the host that takes namespaces away from ordinary users."""

    path: str
    refusing: str
    reason: str
    remedy: str


_SETTINGS = (
    _Setting(
        "/proc/sys/user/max_user_namespaces",
        "0",
        "user.max_user_namespaces is 0",
        "sudo sysctl user.max_user_namespaces=15000",
    ),
    _Setting(
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "kernel.unprivileged_userns_clone is 0",
        "sudo sysctl kernel.unprivileged_userns_clone=1",
    ),
    _Setting(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor restricts user namespaces "
        "(kernel.apparmor_restrict_unprivileged_userns is 1, the default of Ubuntu 24.04)",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


def explain(privilege: str, name: str, number: int, root: Path = Path("/")) -> Refusal:
    """Find the setting of this host that explains a refused step.

    Args:
        privilege: the way that was tried.
        name: the refused step.
        number: errno.
        root: where ``/proc`` is looked for.
    """
    if privilege != "root":
        for setting in _SETTINGS:
            if _read(root / setting.path.lstrip("/")) == setting.refusing:
                return Refusal(privilege, name, number, setting.reason, setting.remedy)
    status = _read(root / "proc/self/status")
    if "Seccomp:\t2" in status:
        return Refusal(
            privilege,
            name,
            number,
            "a seccomp filter is in force here (a container's default profile denies namespaces)",
            "start the container with --security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined --cap-add SYS_ADMIN",
        )
    if name == "mount /proc":
        return Refusal(
            privilege,
            name,
            number,
            "parts of /proc are masked here, as in a container",
            "start the container with --security-opt systempaths=unconfined",
        )
    if number == errno.EPERM:
        reason = "the kernel denies it (as it does in a chroot or under a container's policy)"
        return Refusal(privilege, name, number, reason, "run outside the chroot or container")
    reason = os.strerror(number) if number else "no reason given"
    return Refusal(privilege, name, number, reason, "look into the kernel log for the reason")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
