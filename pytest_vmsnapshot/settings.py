"""What a test asks of its VM, and where each value comes from (marker, option, ini or default)."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .engine.vm_facts import MOUNTS, Agent, Mount, Platform, VmFacts, agent_env
from .errors import UsageError
from .fault_checks import changed_faults
from .faults import Faults
from .findings import NAMES as FINDINGS
from .shells import NAMES as SHELLS
from .surroundings import FACTS

GUESTS = ("auto", "root", "subids", "rootless", "sudo", "in-place")
RULES = ("documented", "shipped")
CLOCKS = ("auto", "virtual", "real")
STORAGES = ("pause-and-copy", "loop")
DEPLOYMENTS = ("resource-manager", "classic")
SYSTEMS = ("linux", "windows")
_TEXT_ONLY = ("command line", "ini")
"""Sources whose lists are text; anywhere else a string where a list is meant is a mistake."""

REQUIREMENTS = ("clock", "namespaces", "owners", "shell")

MARKER = (
    "vm(*, guest=None, rules=None, shell=None, clock=None, clock_start=None, storage=None, "
    "disks=None, "
    "deployment=None, os=None, platform=None, mounts=None, agent_umask=None, agent_stdin=None, "
    "agent_env=None, network=None, directories=None, disk_size=None, crash_seed=None, "
    "require=None, strict=None, allow=None, faults=None): "
    "what the VM of this test is like; each argument overrides the option of the same name"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a VM is like.

    Args:
        guest: where processes run, one of ``GUESTS``.
        rules: rule set, one of ``RULES``.
        shell: what ``/bin/sh`` is, one of ``shells.NAMES``; empty for that of the host.
        clock: one of ``CLOCKS``.
        clock_start: seconds since 1970 at which a virtual wall clock starts; None means now.
        storage: what freezes and copies the disks, one of ``STORAGES``.
        disks: how many disks Azure sees; None: two, or as many as the volumes need.
        deployment: one of ``DEPLOYMENTS``.
        os: one of ``SYSTEMS``.
        platform: what the platform tells the extension of a backup.
        mounts: what is mounted, in the order in which it was mounted; None: what is usual.
        agent_umask: file mode mask of the process that starts the scripts.
        agent_stdin: what its standard input holds; None is a pipe that stays open and silent.
        agent_env: changes to its environment; None removes a variable.
        network: whether the VM shares the host's network.
        directories: directories that exist from the start, absolute.
        disk_size: bytes the VM can write.
        crash_seed: decides what is lost of a snapshot without a freeze; 0 for nothing.
        require: what must not be modelled, of ``REQUIREMENTS``.
        strict: whether a test fails for what it is otherwise only warned of.
        allow: names of findings that a test is not told of, of ``findings.NAMES``.
        faults: what goes wrong from the start.
    """

    guest: str = "auto"
    rules: str = "documented"
    shell: str = ""
    clock: str = "auto"
    clock_start: int | None = None
    storage: str = "pause-and-copy"
    disks: int | None = None
    deployment: str = "resource-manager"
    os: str = "linux"
    platform: Platform = field(default_factory=Platform)
    mounts: tuple[Mount, ...] | None = None
    agent_umask: int = 0o022
    agent_stdin: bytes | None = b""
    agent_env: Mapping[str, str | None] = field(default_factory=dict)
    network: bool = False
    directories: tuple[str, ...] = ("/data", "/scripts")
    disk_size: int = 1024**3
    crash_seed: int = 1
    require: tuple[str, ...] = ()
    strict: bool = False
    allow: tuple[str, ...] = ()
    faults: Faults = field(default_factory=Faults)

    def vm_facts(self) -> VmFacts:
        """What Azure, and the agent, bring to the VM."""
        agent = Agent(self.agent_umask, self.agent_stdin, agent_env(self.agent_env))
        disks = 2 if self.disks is None else self.disks
        mounts = MOUNTS if self.mounts is None else self.mounts
        return VmFacts(disks, self.deployment, self.os, self.platform, mounts, agent)


NAMES = tuple(field.name for field in dataclasses.fields(Settings))


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from.

    Args:
        name: how a person would call it.
        values: names of settings and what they are set to; None means "not set here".
    """

    name: str
    values: Mapping[str, Any]


_ALWAYS_SHOWN = ("rules", "guest", "clock", "storage")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with their origins.

    Args:
        settings: the values.
        origins: for each value that is not the default, where it came from.
    """

    settings: Settings
    origins: Mapping[str, str]

    def header(self) -> str:
        """One line for the head of a run."""
        shown = []
        for name in _ALWAYS_SHOWN:
            origin = self.origins.get(name)
            value = getattr(self.settings, name)
            shown.append(f"{name} {value}" + (f" ({origin})" if origin else ""))
        shown += [
            f"{name} {_shown(name, getattr(self.settings, name))} ({origin})"
            for name, origin in self.origins.items()
            if name not in _ALWAYS_SHOWN
        ]
        return "vmsnapshot: " + ", ".join(shown)


def resolve(sources: Sequence[Source]) -> Resolved:
    """Work out the settings in effect.

    Args:
        sources: where values come from, the weightiest first.

    Raises:
        UsageError: values no VM can have; all of them are named.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    mistakes: list[str] = []
    for source in sources:
        for name, value in source.values.items():
            if name not in NAMES:
                mistakes.append(_unknown(source.name, name))
            elif value is not None and name not in values:
                values[name] = _checked(source.name, name, value, mistakes)
                origins[name] = source.name
    if mistakes:
        raise UsageError(mistakes)
    return Resolved(Settings(**values), origins)


def _unknown(source: str, name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, 1)
    meant = f"; is {near[0]!r} meant?" if near else "."
    return f"{source}: a VM has no setting {name!r}{meant} It has: {', '.join(NAMES)}"


def _checked(source: str, name: str, value: Any, mistakes: list[str]) -> Any:
    """The value in its own type; a mistake is noted when there is none."""
    match name:
        case "guest" | "rules" | "shell" | "clock" | "storage" | "deployment" | "os":
            if value in _CHOICES[name]:
                return value
            mistakes.append(f"{source}: {name}={value!r} is none of {', '.join(_CHOICES[name])}")
        case "clock_start":
            moment = _moment(value)
            if moment is not None:
                return moment
            mistakes.append(
                f"{source}: clock_start={value!r}; write a date from 1970 to 2200 as "
                "'2026-03-29T01:59:50' (UTC, to the second)"
            )
        case "disks":
            number = _number(value)
            if number is not None and number >= 1:
                return number
            mistakes.append(f"{source}: disks={value!r}; write a whole number from 1 up")
        case "crash_seed":
            number = _number(value)
            if number is not None and number >= 0:
                return number
            mistakes.append(f"{source}: crash_seed={value!r}; write a whole number from 0 up")
        case "network" | "strict":
            if isinstance(value, bool):
                return value
            if value in ("true", "false"):
                return value == "true"
            mistakes.append(f"{source}: {name}={value!r}; write true or false")
        case "platform" | "mounts" | "agent_umask" | "agent_stdin" | "agent_env":
            try:
                return FACTS[name](value)
            except ValueError as wanted:
                mistakes.append(f"{source}: {name}={value!r}; write {wanted}")
        case "faults":
            try:
                return changed_faults(Faults(), value)
            except UsageError as wrong:
                mistakes += [f"{source}: faults: {mistake}" for mistake in wrong.mistakes]
        case "disk_size":
            size = size_in_bytes(value)
            if size is not None:
                return size
            mistakes.append(f"{source}: disk_size={value!r}; write bytes, or '512M', or '2G'")
        case "directories":
            return _directories(source, value, mistakes)
        case _:
            return _several(source, name, value, mistakes)
    return None


_SEVERAL = {"require": REQUIREMENTS, "allow": FINDINGS}

_CHOICES = {
    "guest": GUESTS,
    "rules": RULES,
    "shell": SHELLS,
    "clock": CLOCKS,
    "storage": STORAGES,
    "deployment": DEPLOYMENTS,
    "os": SYSTEMS,
}

_LAST_YEAR = 2200
"""The kernel counts nanoseconds since 1970 in 63 bits: until 2262."""


def _moment(value: Any) -> int | None:
    """A date as seconds since 1970."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.microsecond:
        return None
    value = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    moment = value.timestamp()
    return int(moment) if moment >= 0 and value.year <= _LAST_YEAR else None


_DIGITS = 18
"""Longer numbers are no VM's size, and Python refuses to read very long ones."""


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def size_in_bytes(value: Any) -> int | None:
    """A number of bytes, or text such as ``512M`` or ``2G``; None for what is neither."""
    factor = 1
    if isinstance(value, str):
        factors = {"K": 1024, "M": 1024**2, "G": 1024**3}
        factor = factors.get(value[-1:].upper(), 1)
        value = value[:-1] if factor > 1 else value
    number = _number(value)
    return number * factor if number is not None and number >= 1 else None


def _words(source: str, value: Any) -> list[str] | None:
    if isinstance(value, str):
        return value.replace(",", " ").split() if source in _TEXT_ONLY else None
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return list(value)
    return None


def _directories(source: str, value: Any, mistakes: list[str]) -> tuple[str, ...]:
    words = _words(source, value)
    if words is None and isinstance(value, str):
        mistakes.append(f"{source}: directories is a string, {value!r}; write [{value!r}]")
        return ()
    if words is None or not all(_is_directory(word) for word in words):
        mistakes.append(f"{source}: directories={value!r}; write a list of absolute paths")
        return ()
    return (*Settings().directories, *words)


def _is_directory(word: str) -> bool:
    """Whether a word can be the absolute path of a directory other than the root."""
    parts = word.split("/")
    usable = word.startswith("/") and any(parts) and ".." not in parts and word.isprintable()
    return usable and next(filter(None, parts)) not in _OWN


_OWN = ("dev", "proc", "sys")
"""Top-level directories in which a VM shows the kernel: nothing can be made there."""


def _several(source: str, name: str, value: Any, mistakes: list[str]) -> tuple[str, ...]:
    words = _words(source, value)
    if words is None and isinstance(value, str):
        mistakes.append(f"{source}: {name} is a string, {value!r}; write [{value!r}]")
        return ()
    if words is None or any(word not in _SEVERAL[name] for word in words):
        mistakes.append(f"{source}: {name}={value!r} is none of {', '.join(_SEVERAL[name])}")
        return ()
    return tuple(words)


def _shown(name: str, value: Any) -> str:
    if name == "clock_start":
        return datetime.fromtimestamp(value, UTC).isoformat()
    return " ".join(value) if isinstance(value, tuple) else str(value)
