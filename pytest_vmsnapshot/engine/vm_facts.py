"""What Azure, and the agent that starts everything, bring to a VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .rules import RuleSet

_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    }
)

_LOCALE = ("LANG", "LC_ALL", "LC_CTYPE")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system, as the extension sees it.

    Args:
        device: its device, such as ``sda1``.
        kind: the kind of that device, such as ``part``, ``lvm``, ``loop`` or ``rom``.
        fstype: the type of the file system.
        place: where it is mounted.
    """

    device: str
    kind: str
    fstype: str
    place: str


MOUNTS = (Mount("sda1", "part", "ext4", "/"), Mount("sdc1", "part", "ext4", "/data"))
"""What is mounted unless a test says otherwise, in the order in which it was mounted."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The process that starts everything on the VM (waagent), as its children inherit from it.

    Args:
        umask: its file mode mask.
        stdin: what its standard input holds; None is a pipe that stays open and silent.
        env: its environment.
    """

    umask: int = 0o022
    stdin: bytes | None = b""
    env: Mapping[str, str] = field(default_factory=lambda: _ENVIRONMENT)

    def environment(self, rules: RuleSet) -> dict[str, str]:
        """The environment of a script."""
        env = dict(self.env)
        if rules.locale_is_coerced and not any(name in env for name in _LOCALE):
            env["LC_CTYPE"] = "C.UTF-8"
        return env


def agent_env(changes: Mapping[str, str | None]) -> Mapping[str, str]:
    """The agent's usual environment with some variables set, or removed (None)."""
    env: dict[str, str | None] = {**_ENVIRONMENT, **changes}
    return {name: value for name, value in env.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Platform:
    """What the platform tells the extension of a backup, as it tells it.

    The extension tests these values as Python does, so what is no boolean or number counts too.

    Args:
        managed: isManagedVm, whether the VM has managed disks.
        crash_consistent: canTakeCrashConsistentSnapshot.
        retry_count: backupRetryCount, how many times this backup was tried before.
    """

    managed: object = True
    crash_consistent: object = False
    retry_count: object = 0

    @property
    def unusable(self) -> str:
        """Why the extension fails over these values, or nothing."""
        if self._asks_for_retries() and not isinstance(self.retry_count, int | float):
            return f"backupRetryCount is {self.retry_count!r}, which is no number"
        return ""

    def falls_back(self, disks: int) -> bool:
        """Whether a failed freeze or snapshot becomes a crash-consistent one.

        Source: vectors ``crash-cond-*``.
        """
        retried = isinstance(self.retry_count, int | float) and self.retry_count > 0
        return self._asks_for_retries() and retried and disks == 1

    def _asks_for_retries(self) -> bool:
        return self.managed == True and self.crash_consistent == True  # noqa: E712


@dataclass(frozen=True, slots=True)
class VmFacts:
    """What Azure knows of the VM.

    Args:
        disks: how many disks it has.
        deployment: ``resource-manager`` or ``classic``.
        os: ``linux`` or ``windows``.
        platform: what the platform tells the extension.
        mounts: what is mounted, in the order in which it was mounted.
        agent: the process that starts the scripts.
    """

    disks: int = 2
    deployment: str = "resource-manager"
    os: str = "linux"
    platform: Platform = Platform()
    mounts: tuple[Mount, ...] = MOUNTS
    agent: Agent = field(default_factory=Agent)
