"""What a test says of a VM's surroundings: the platform, the mounts, the agent. Values are checked.

Each function here returns a setting in its own type, or raises ``ValueError`` with what to write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .engine.vm_facts import Mount, Platform

OPEN: Final = "open"
"""As ``agent_stdin``: a pipe that stays open and silent."""

PLATFORM: Final[Mapping[str, str]] = {
    "isManagedVm": "managed",
    "canTakeCrashConsistentSnapshot": "crash_consistent",
    "backupRetryCount": "retry_count",
}
"""What the platform calls what it tells, and the field of ``Platform`` for each."""


def platform(value: object) -> Platform:
    """What the platform tells the extension, in its own words."""
    if isinstance(value, Platform):
        return value
    if not isinstance(value, Mapping) or not value.keys() <= PLATFORM.keys():
        raise ValueError(f"a dict with keys of {', '.join(PLATFORM)}")
    return Platform(**{PLATFORM[name]: told for name, told in value.items()})


def mounts(value: object) -> tuple[Mount, ...]:
    """What is mounted, in the order in which it was mounted."""
    wanted = "a list of (device, kind, fstype, place), such as ('sdc1', 'part', 'xfs', '/data')"
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ValueError(wanted)
    found = []
    for row in value:
        if isinstance(row, Mount):
            found.append(row)
            continue
        if not isinstance(row, Sequence) or isinstance(row, str | bytes) or len(row) != 4:
            raise ValueError(wanted)
        if not all(isinstance(word, str) for word in row) or not row[3].startswith("/"):
            raise ValueError(wanted)
        found.append(Mount(*row))
    return tuple(found)


def agent_umask(value: object) -> int:
    """A file mode mask."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        raise ValueError("a file mode mask, such as 0o022")
    return value


def agent_stdin(value: object) -> bytes | None:
    """What the scripts can read; None is a pipe that stays open and silent."""
    if value == OPEN:
        return None
    if not isinstance(value, bytes):
        raise ValueError(f"bytes, or {OPEN!r} for a pipe that stays open and silent")
    return value


def agent_env(value: object) -> Mapping[str, str | None]:
    """Changes to the environment."""
    usable = isinstance(value, Mapping) and all(
        _is_variable(name) and (text is None or _can_be_given(text)) for name, text in value.items()
    )
    if not usable:
        raise ValueError("a dict of strings, with None for a variable that is not to be there")
    assert isinstance(value, Mapping)
    return value


def _is_variable(name: object) -> bool:
    return _can_be_given(name) and name != "" and "=" not in str(name)


def _can_be_given(text: object) -> bool:
    return isinstance(text, str) and "\0" not in text


FACTS: Final[Mapping[str, Callable[[object], Any]]] = {
    "platform": platform,
    "mounts": mounts,
    "agent_umask": agent_umask,
    "agent_stdin": agent_stdin,
    "agent_env": agent_env,
}
