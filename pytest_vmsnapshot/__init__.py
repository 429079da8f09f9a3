"""Throwaway Linux VMs for testing the pre- and post-scripts of Azure Backup.

Names are imported when they are first used, so that a run without VM tests pays nothing.
coverage.py may import the package before pytest does, which is told so by PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .at_moment import AtMoment, Probe
    from .backup import (
        Backup,
        Consistency,
        Difference,
        Event,
        ExtensionReport,
        RecoveryPoint,
        Status,
        Step,
    )
    from .catalogue import CATALOGUE, ErrorKind, NamedError
    from .command_double import CommandDouble
    from .completed import Completed
    from .config import CONFIG_PATH, PLUGIN_HOST_PATH, STOCK_TEMPLATE
    from .doubles import Call, Reply
    from .errors import (
        CommandFailed,
        CommandTimeout,
        DeclarationError,
        GuestDied,
        GuestUnavailable,
        HarnessError,
        Noticed,
        NotPutBack,
        RulesDiffer,
        ServerFailed,
        ShellMissing,
        UsageError,
    )
    from .faults import CommandFault, FileFault, ScriptFault
    from .findings import Finding, FindingKind, Watched
    from .inventory import Changes, FileState, Inventory
    from .layout import EXTENSION_DIRECTORY
    from .machine import VirtualMachine
    from .memory import MemoryMachine, ScriptContext, ScriptExit
    from .output import Output
    from .running import virtual_machine
    from .script_run import Attempt, ScriptRun
    from .servers import Server
    from .vm_factory import VmFactory
    from .vm_path import VmPath
    from .volumes import Volume

__all__ = [
    "CATALOGUE",
    "CONFIG_PATH",
    "EXTENSION_DIRECTORY",
    "PLUGIN_HOST_PATH",
    "STOCK_TEMPLATE",
    "AtMoment",
    "Attempt",
    "Backup",
    "Call",
    "Changes",
    "CommandDouble",
    "CommandFailed",
    "CommandFault",
    "CommandTimeout",
    "Completed",
    "Consistency",
    "DeclarationError",
    "Difference",
    "ErrorKind",
    "Event",
    "ExtensionReport",
    "FileFault",
    "FileState",
    "Finding",
    "FindingKind",
    "GuestDied",
    "GuestUnavailable",
    "HarnessError",
    "Inventory",
    "MemoryMachine",
    "NamedError",
    "NotPutBack",
    "Noticed",
    "Output",
    "Probe",
    "RecoveryPoint",
    "Reply",
    "RulesDiffer",
    "ScriptContext",
    "ScriptExit",
    "ScriptFault",
    "ScriptRun",
    "Server",
    "ServerFailed",
    "ShellMissing",
    "Status",
    "Step",
    "UsageError",
    "VirtualMachine",
    "VmFactory",
    "VmPath",
    "Volume",
    "Watched",
    "virtual_machine",
]

_HOMES = {
    "at_moment": "AtMoment Probe",
    "backup": "Backup Consistency Difference Event ExtensionReport RecoveryPoint Status Step",
    "catalogue": "CATALOGUE ErrorKind NamedError",
    "command_double": "CommandDouble",
    "completed": "Completed",
    "config": "CONFIG_PATH PLUGIN_HOST_PATH STOCK_TEMPLATE",
    "doubles": "Call Reply",
    "errors": "CommandFailed CommandTimeout DeclarationError GuestDied GuestUnavailable "
    "HarnessError NotPutBack Noticed RulesDiffer ServerFailed ShellMissing UsageError",
    "findings": "Finding FindingKind Watched",
    "faults": "CommandFault FileFault ScriptFault",
    "inventory": "Changes FileState Inventory",
    "layout": "EXTENSION_DIRECTORY",
    "machine": "VirtualMachine",
    "memory": "MemoryMachine ScriptContext ScriptExit",
    "output": "Output",
    "running": "virtual_machine",
    "script_run": "Attempt ScriptRun",
    "servers": "Server",
    "vm_factory": "VmFactory",
    "vm_path": "VmPath",
    "volumes": "Volume",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
