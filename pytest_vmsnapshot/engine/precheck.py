"""What the framework looks at before any script is started."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import catalogue, config
from ..catalogue import ErrorKind, NamedError
from ..config import ConfigIncorrect, ScriptConfig
from ..protocols import FileFacts, FileKind, Guest
from . import plugin_host
from .rules import RuleSet
from .verdict import Precheck


@dataclass(frozen=True, slots=True)
class VmFacts:
    """What Azure knows of the VM.

    Args:
        disks: how many disks it has.
        deployment: ``resource-manager`` or ``classic``.
        os: ``linux`` or ``windows``.
    """

    disks: int = 2
    deployment: str = "resource-manager"
    os: str = "linux"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the precheck found.

    Args:
        outcome: whether scripts run.
        config: the config in effect; the stock values where none counts.
        errors: everything that was wrong.
        note: the outcome in a few words, for the timeline.
    """

    outcome: Precheck
    config: ScriptConfig
    errors: tuple[NamedError, ...]
    note: str


def check(vm: VmFacts, guest: Guest, rules: RuleSet) -> Checked:
    """Look at the VM, the Pluginhost file, the config and both scripts, in this order."""
    stock = ScriptConfig()
    if vm.os != "linux" or vm.deployment != "resource-manager":
        what = "a Windows VM" if vm.os != "linux" else "a classic VM"
        return Checked(Precheck.UNSUPPORTED, stock, (), f"{what}: no script runs")
    host_file, config_file = guest.examine(
        (rules.plugin_host_path, rules.config_path), config.SIZE_LIMIT + 1
    )
    if config_file.kind is FileKind.ABSENT:
        return Checked(Precheck.NOT_CONFIGURED, stock, (), f"no config at {rules.config_path}")
    error = _check_plugin_host(host_file)
    if error is None:
        error = _check_config_file(config_file, rules)
    if error is None:
        try:
            found = config.parse(config_file.content or b"")
        except ConfigIncorrect as incorrect:
            error = NamedError(catalogue.INCORRECT_CONFIG_FILE, f"{rules.config_path}: {incorrect}")
    if error is not None:
        return Checked(Precheck.REFUSED, stock, (error,), error.detail)
    errors = _check_scripts(found, guest, rules)
    if errors:
        note = "; ".join(error.detail for error in errors)
        return Checked(Precheck.SCRIPTS_REFUSED, found, errors, note)
    return Checked(Precheck.PASSED, found, (), "ok")


def _check_plugin_host(facts: FileFacts) -> NamedError | None:
    if facts.kind is not FileKind.FILE:
        return None  # the one shipped inside the extension counts, and that is sound
    fault = _refusal(facts) if facts.content is None else plugin_host.fault(facts.content)
    if not fault:
        return None
    return NamedError(catalogue.INCORRECT_PLUGIN_HOST_FILE, f"{facts.path}: {fault}")


def _check_config_file(facts: FileFacts, rules: RuleSet) -> NamedError | None:
    if facts.kind is not FileKind.FILE:
        return NamedError(catalogue.INCORRECT_CONFIG_FILE, f"{facts.path} {_nature(facts)}")
    if (facts.mode, facts.owner) != (rules.config_mode, rules.owner):
        wanted = _wanted(facts, rules.config_mode, rules)
        return NamedError(catalogue.CONFIG_PERMISSIONS, wanted)
    if facts.content is None:
        return NamedError(catalogue.INCORRECT_CONFIG_FILE, f"{facts.path}: {_refusal(facts)}")
    return None


def _check_scripts(found: ScriptConfig, guest: Guest, rules: RuleSet) -> tuple[NamedError, ...]:
    places = (
        (found.pre_location, catalogue.PRE_NOT_FOUND, catalogue.PRE_PERMISSIONS),
        (found.post_location, catalogue.POST_NOT_FOUND, catalogue.POST_PERMISSIONS),
    )
    usable = [place[0] for place in places if _path_fault(place[0]) == ""]
    facts = dict(zip(usable, guest.examine(usable, 0), strict=True)) if usable else {}
    errors = []
    for location, absent, refused in places:
        error = _check_script(location, facts.get(location), absent, refused, rules)
        if error is not None:
            errors.append(error)
    return tuple(errors)


def _check_script(
    location: str,
    facts: FileFacts | None,
    absent: ErrorKind,
    refused: ErrorKind,
    rules: RuleSet,
) -> NamedError | None:
    if facts is None:
        key = "preScriptLocation" if absent is catalogue.PRE_NOT_FOUND else "postScriptLocation"
        return NamedError(absent, f"{key} is {location!r}, {_path_fault(location)}")
    if facts.kind is not FileKind.FILE:
        return NamedError(absent, f"{location} {_nature(facts)}")
    if (facts.mode, facts.owner) != (rules.script_mode, rules.owner):
        return NamedError(refused, _wanted(facts, rules.script_mode, rules))
    return None


def _path_fault(path: str) -> str:
    if not path:
        return "which is empty"
    if "\0" in path:
        return "which has a NUL character in it"
    return "" if path.startswith("/") else "which is not an absolute path"


def _wanted(facts: FileFacts, mode: int, rules: RuleSet) -> str:
    return (
        f"{facts.path} has mode {facts.mode:03o} and owner {facts.owner}; "
        f"it must have mode {mode:03o} and owner {rules.owner}"
    )


def _nature(facts: FileFacts) -> str:
    match facts.kind:
        case FileKind.ABSENT:
            return "is a link that leads nowhere" if facts.dangling else "does not exist"
        case FileKind.UNREADABLE:
            return f"cannot be looked at: {os.strerror(facts.error)}"
        case kind:
            return f"is a {kind.value}, not a file"


def _refusal(facts: FileFacts) -> str:
    return f"cannot be read: {os.strerror(facts.error)}"
