"""Naming the step at which the construction of a VM was refused, and why a host refuses it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
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
        return ": ".join(part for part in (self.privilege, self.step + code, self.reason) if part)


@dataclass(frozen=True, slots=True)
class _Refused:
    """What is known of a refusal when its reason is looked for.

    Args:
        privilege: the way that was tried.
        step: the refused step.
        number: errno.
        root: where ``/proc`` is looked for.
    """

    privilege: str
    step: str
    number: int
    root: Path

    @property
    def denied(self) -> bool:
        """Whether it was forbidden, as opposed to impossible."""
        return self.number in (errno.EPERM, errno.EACCES)

    @property
    def as_root(self) -> bool:
        """Whether it was tried as root of this machine."""
        return self.privilege in ("root", "sudo")

    def read(self, path: str) -> str:
        """Content of a file of ``/proc``, or nothing."""
        try:
            return (self.root / path).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""

    def mount_points(self) -> list[str]:
        """Where something is mounted."""
        return [line.split()[4] for line in self.read("proc/self/mountinfo").splitlines()]


_Explained = tuple[str, str] | None
"""Reason and remedy, if it is this."""

_CONTAINER = (
    "start the container with --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
)
_OVERLAY_SINCE = (5, 11)


def explain(
    privilege: str, name: str, number: int, root: Path = Path("/"), said: str = ""
) -> Refusal:
    """Find the setting of this host that explains a refused step.

    Args:
        privilege: the way that was tried.
        name: the refused step.
        number: errno.
        root: where ``/proc`` is looked for.
        said: what a program that refused it printed, or the refused call.
    """
    refused = _Refused(privilege, name, number, root)
    for look in _LOOKS:
        if found := look(refused):
            return Refusal(privilege, name, number, *found)
    if name == "map subordinate ids":
        return Refusal(privilege, name, number, said, "correct /etc/subuid and /etc/subgid")
    if refused.denied:
        reason = "the kernel denies it, and no setting that is known here explains why"
    else:
        reason = os.strerror(number) if number else "no reason given"
    return Refusal(
        privilege, name, number, reason, "look into the kernel log (dmesg) for the reason"
    )


def _limit(refused: _Refused) -> _Explained:
    """Namespaces are counted, and a count of 0 switches them off."""
    if refused.number != errno.ENOSPC or not refused.step.startswith("unshare"):
        return None
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts"):
        setting = f"user.max_{kind}_namespaces"
        if refused.read("proc/sys/" + setting.replace(".", "/")) == "0":
            return f"{setting} is 0", f"sudo sysctl {setting}=15000"
    reason = "all namespaces are in use that user.max_*_namespaces allow, here or outside"
    return reason, "raise these settings with sudo sysctl, or end what uses them (lsns shows it)"


def _unprivileged(refused: _Refused) -> _Explained:
    setting = "kernel.unprivileged_userns_clone"
    if refused.as_root or not refused.denied:
        return None
    if refused.read("proc/sys/" + setting.replace(".", "/")) != "0":
        return None
    return f"{setting} is 0", f"sudo sysctl {setting}=1"


def _apparmor_restriction(refused: _Refused) -> _Explained:
    setting = "kernel.apparmor_restrict_unprivileged_userns"
    if refused.as_root or not refused.denied:
        return None
    if refused.read("proc/sys/" + setting.replace(".", "/")) in ("", "0"):
        return None
    return (
        f"AppArmor restricts user namespaces ({setting} is 1, the default of Ubuntu 24.04)",
        f"sudo sysctl {setting}=0",
    )


def _chroot(refused: _Refused) -> _Explained:
    if not _is_chroot(refused):
        return None
    if refused.denied or refused.step.startswith(("pivot_root", "make mounts private")):
        return (
            "this is a chroot, in which the kernel makes no user namespace and changes no root",
            "run outside the chroot",
        )
    return None


def _is_chroot(refused: _Refused) -> bool:
    points = refused.mount_points()
    if points and "/" not in points:
        return True
    try:  # only root may look
        return not os.path.samefile(refused.root, refused.root / "proc/1/root")
    except OSError:
        return False


def _capability(refused: _Refused) -> _Explained:
    if not refused.denied or not refused.as_root:
        return None
    for line in refused.read("proc/self/status").splitlines():
        # sudo gives back what the bounding set allows.
        if line.startswith("CapBnd:" if refused.privilege == "sudo" else "CapEff:"):
            if int(line.split()[1], 16) & _CAP_SYS_ADMIN:
                return None
            return "root has no CAP_SYS_ADMIN here, as in a container", _CONTAINER
    return None


_CAP_SYS_ADMIN = 1 << 21  # linux/capability.h


def _masked_proc(refused: _Refused) -> _Explained:
    if refused.step != "mount /proc" or not refused.denied:
        return None
    masks = [point for point in refused.mount_points() if point.startswith("/proc/")]
    shown = f" ({', '.join(masks[:4])}{', ...' if len(masks) > 4 else ''})" if masks else ""
    return (
        f"parts of /proc are masked here, as in a container{shown}",
        "start the container with --security-opt systempaths=unconfined",
    )


def _seccomp(refused: _Refused) -> _Explained:
    if not refused.denied or "Seccomp:\t2" not in refused.read("proc/self/status"):
        return None
    return (
        "a seccomp filter is in force here (a container's default profile denies namespaces)",
        _CONTAINER,
    )


def _apparmor_profile(refused: _Refused) -> _Explained:
    profile = refused.read("proc/self/attr/current")
    if not refused.denied or not profile.endswith("(enforce)"):
        return None
    return f"the AppArmor profile {profile.split()[0]} is in force here", _CONTAINER


def _overlay(refused: _Refused) -> _Explained:
    if "overlay" not in refused.step:
        return None
    if refused.number == errno.ENODEV:
        return "this kernel has no overlay file system", "sudo modprobe overlay"
    release = refused.read("proc/sys/kernel/osrelease")
    version = tuple(int(word) for word in re.findall(r"\d+", release)[:2])
    if refused.denied and not refused.as_root and version < _OVERLAY_SINCE:
        return (
            f"Linux {release} mounts overlays for root only; since 5.11 it does for everybody",
            "use a newer kernel",
        )
    return None


_LOOKS: tuple[Callable[[_Refused], _Explained], ...] = (
    _limit,
    _unprivileged,
    _apparmor_restriction,
    _chroot,
    _capability,
    _overlay,
    _masked_proc,
    _seccomp,
    _apparmor_profile,
)
"""The surest first: a setting that says what it does before a policy that only might."""
