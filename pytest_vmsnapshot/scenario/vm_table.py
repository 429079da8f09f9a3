"""Reading ``[vm]`` and ``[faults]``: what the VM is like, and what goes wrong on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..declared import Table
from ..declared.mistakes import shown
from ..errors import UsageError
from ..fault_checks import NAMES as FAULTS
from ..fault_checks import changed_faults
from ..faults import NONE, CommandFault, Faults, FileFault, ScriptFault
from ..findings import NAMES as FINDINGS
from ..settings import (
    CLOCKS,
    DEPLOYMENTS,
    GUESTS,
    REQUIREMENTS,
    RULES,
    STORAGES,
    SYSTEMS,
    Source,
    resolve,
)
from ..shells import NAMES as SHELLS
from ..surroundings import OPEN, PLATFORM

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "guest": GUESTS,
    "clock": CLOCKS,
    "storage": STORAGES,
    "deployment": DEPLOYMENTS,
    "os": SYSTEMS,
}

_ROW = 'write a list such as [["sdc1", "part", "xfs", "/data"]]'


def read_combinations(vm: Table | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rule sets and the shells of a case; empty where it does not say.

    A list makes a case of its own of each.

    Args:
        vm: has them under ``rules`` and ``shell``.
    """
    if vm is None:
        return (), ()
    return _one_or_more(vm, "rules", RULES), _one_or_more(vm, "shell", SHELLS)


def _one_or_more(vm: Table, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if vm.is_list(key):
        return vm.choices(key, (), names)
    name = vm.choice(key, None, names)
    return () if name is None else (name,)


def read_settings(vm: Table | None) -> dict[str, Any]:
    """All other settings of a VM, as ``@pytest.mark.vm`` takes them; only those that are there.

    Args:
        vm: has them.
    """
    if vm is None:
        return {}
    values: dict[str, Any] = {
        name: vm.choice(name, None, known) for name, known in _CHOICES.items()
    }
    values |= {
        "clock_start": _moment(vm),
        "disks": vm.whole("disks", None, 1),
        "platform": _platform(vm),
        "mounts": _mounts(vm),
        "agent_umask": vm.mode("agent_umask", None),
        "agent_stdin": _stdin(vm),
        "agent_env": _env(vm),
        "network": vm.truth("network", None),
        "directories": vm.texts("directories", None),
        "disk_size": vm.size("disk_size", None),
        "crash_seed": vm.whole("crash_seed", None, 0),
        "require": vm.choices("require", None, REQUIREMENTS),
        "strict": vm.truth("strict", None),
        "allow": vm.choices("allow", None, FINDINGS),
    }
    there = {name: value for name, value in values.items() if value is not None}
    for name, value in there.items():
        _check(vm, name, value)
    return there


def _check(vm: Table, name: str, value: Any) -> None:
    """What the settings would say of a value of the right type."""
    try:
        resolve([Source("[vm]", {name: value})])
    except UsageError as wrong:
        for mistake in wrong.mistakes:
            rest = mistake.removeprefix(f"[vm]: {name}={value!r}")
            vm.wrong(name, f"{vm.name_of(name)} is {shown(vm.raw(name))}{rest}")


def _moment(vm: Table) -> str | datetime | None:
    value = vm.raw("clock_start")
    if value is None or isinstance(value, str | datetime):
        return value
    wanted = "write a date and a time, as 2026-03-29T01:59:50"
    vm.wrong("clock_start", f"{vm.name_of('clock_start')} is {shown(value)}; {wanted}")
    return None


def _platform(vm: Table) -> dict[str, Any] | None:
    platform = vm.table("platform")
    if platform is None:
        return None
    told = {name: platform.raw(name) for name in PLATFORM}
    return {name: value for name, value in told.items() if value is not None}


def _mounts(vm: Table) -> list[list[str]] | None:
    value = vm.raw("mounts")
    if value is None:
        return None
    if isinstance(value, list) and all(_is_row(row) for row in value):
        return value
    vm.wrong("mounts", f"{vm.name_of('mounts')} is {shown(value)}; {_ROW}")
    return None


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == 4 and all(isinstance(word, str) for word in row)


def _stdin(vm: Table) -> bytes | str | None:
    text = vm.text("agent_stdin", None)
    return text if text is None or text == OPEN else text.encode("utf-8")


def _env(vm: Table) -> dict[str, str | None] | None:
    env = vm.table("agent_env")
    if env is None:
        return None
    return {name: None if env.raw(name) is False else env.text(name, "") for name in env.names()}


# -- faults ----------------------------------------------------------------------------------------

_KINDS = {
    "pre": ScriptFault,
    "post": ScriptFault,
    "pre_file": FileFault,
    "post_file": FileFault,
    "config_file": FileFault,
    "plugin_host": FileFault,
}


def read_faults(case: Table) -> dict[str, Any]:
    """What goes wrong, as ``VirtualMachine.fault`` takes it.

    Args:
        case: has it under ``faults``.
    """
    table = case.table("faults")
    found: dict[str, Any] = {}
    for name in FAULTS if table is not None else ():
        assert table is not None
        if table.has(name) and (value := _fault(table, name)) is not None:
            found[name] = value
    return found


def _fault(faults: Table, name: str) -> Any:
    """A fault that can be; None if it cannot, with the mistakes taken down."""
    before = faults.mistakes.count
    value = faults.raw(name)
    if name in ("pre", "post") and not isinstance(value, Mapping) and value != NONE:
        wanted = 'write a table, such as { exit_status = 1 }, or "ok"'
        faults.wrong(name, f"{faults.name_of(name)} is {shown(value)}; {wanted}")
        return None
    if name in _KINDS and (entry := _entry(faults, name)) is not None:
        value = _fields(entry, _KINDS[name])
    elif name == "commands" and (commands := _entry(faults, name)) is not None:
        value = {
            command: commands.raw(command)
            if (entry := _entry(commands, command)) is None
            else _fields(entry, CommandFault)
            for command in commands.names()
        }
    if faults.mistakes.count == before:
        try:
            changed_faults(Faults(), {name: value})
        except UsageError as wrong:
            for mistake in wrong.mistakes:
                faults.wrong(name, f"faults: {mistake}")
    return value if faults.mistakes.count == before else None


def _entry(table: Table, key: str) -> Table | None:
    return table.table(key) if table.is_table(key) else None


def _fields(entry: Table, kind: type[ScriptFault | FileFault | CommandFault]) -> dict[str, Any]:
    """What a fault's table says of the fault's fields; other keys stay unknown."""
    found = {field.name: entry.raw(field.name) for field in dataclasses.fields(kind)}
    if "mode" in found:
        found["mode"] = entry.mode("mode", None)
    return {name: value for name, value in found.items() if value is not None}
