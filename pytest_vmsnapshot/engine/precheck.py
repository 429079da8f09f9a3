"""What the framework looks at before any script is started.

Looking and judging are apart: what is seen of the VM's files is judged by both rule sets.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .. import catalogue, config
from ..catalogue import ErrorKind, NamedError
from ..config import CONFIG_PATH, PLUGIN_HOST_PATH
from ..layout import BUNDLED_PLUGIN_HOST_PATH, EXTENSION_DIRECTORY, FREEZE_HELPER_PATH
from ..protocols import FileFacts, FileKind, Guest
from . import effective, other_confs, plugin_host
from .effective import ConfigRefused, EffectiveConfig, ScriptOrder
from .plugin_host import PluginHost
from .rules import ModeRule, RuleSet
from .verdict import Precheck
from .vm_facts import VmFacts

_ALWAYS = (
    PLUGIN_HOST_PATH,
    CONFIG_PATH,
    BUNDLED_PLUGIN_HOST_PATH,
    FREEZE_HELPER_PATH,
    other_confs.VMBACKUP_PATH,
    other_confs.WORKLOAD_PATH,
)


_USUAL = PluginHost(math.inf, (CONFIG_PATH,))
"""What counts where no Pluginhost file decides."""

_FIRST_READ = plugin_host.SIZE_LIMIT + 1
"""Bytes read of a file at the first look."""


class Seen:
    """What is seen of a VM's files, each looked at once.

    Args:
        guest: where they lie.
        others: paths that are looked at besides the usual ones: what is looked at together costs
            one round trip.
    """

    def __init__(self, guest: Guest, others: Iterable[str] = ()) -> None:
        self._guest = guest
        self._facts: dict[str, FileFacts] = {}
        self.look((*_ALWAYS, *others))

    def look(self, paths: Iterable[str]) -> None:
        """Look at paths together, where that has not been done."""
        fresh = [path for path in dict.fromkeys(paths) if path not in self._facts]
        if fresh:
            found = self._guest.examine(fresh, _FIRST_READ)
            self._facts.update(zip(fresh, found, strict=True))

    def of(self, path: str) -> FileFacts:
        """The facts of a path, with the beginning of its content."""
        self.look((path,))
        return self._facts[path]

    def whole(self, path: str) -> FileFacts:
        """The facts of a path, with all its content, as far as a config may be long."""
        facts = self.of(path)
        if len(facts.content or b"") == _FIRST_READ:
            (facts,) = self._guest.examine((path,), config.SIZE_LIMIT + 1)
            self._facts[path] = facts
        return facts


@dataclass(frozen=True, slots=True)
class Checked:
    """What the precheck found.

    Args:
        outcome: whether scripts run.
        code: the extension's number; None where it did not come to that.
        plugins: the configs acted upon: one, unless the Pluginhost file says otherwise.
        errors: everything that was wrong.
        note: the outcome in a few words, for the timeline.
        continue_on_failure: whether what was refused falls back.
        host: what the Pluginhost file says.
        other_code: a code that comes from elsewhere than the scripts, or 0.
    """

    outcome: Precheck
    code: int | None
    plugins: tuple[EffectiveConfig, ...] = ()
    errors: tuple[NamedError, ...] = ()
    note: str = "ok"
    continue_on_failure: bool = True
    host: PluginHost = _USUAL
    other_code: int = 0

    @property
    def patience(self) -> float:
        """Seconds the framework waits for a script at most; 0 where none runs."""
        if any(plugin.is_doomed for plugin in self.plugins):
            return self.host.timeout
        return max((plugin.limit + plugin.poll for plugin in self.plugins), default=0.0)

    @property
    def fs_freeze(self) -> bool:
        """Whether the file systems are frozen around the snapshot."""
        return all(plugin.fs_freeze for plugin in self.plugins)

    @property
    def fs_freeze_is_false(self) -> bool:
        """Whether fsFreezeEnabled is false, and not just something like it."""
        return any(plugin.fs_freeze_is_false for plugin in self.plugins)


def judge(vm: VmFacts, seen: Seen, rules: RuleSet) -> Checked:
    """Judge a VM: its kind, the Pluginhost file, the config and both scripts, in this order."""
    if rules.helper_is_needed and seen.of(FREEZE_HELPER_PATH).kind is FileKind.ABSENT:
        detail = f"{FREEZE_HELPER_PATH} does not exist"
        error = NamedError(catalogue.FREEZE_HELPER_MISSING, detail)
        return Checked(Precheck.NOT_REACHED, None, (), (error,), detail, other_code=124)
    if rules.platform_falls_back and vm.platform.unusable:
        error = NamedError(catalogue.UNEXPECTED, vm.platform.unusable)
        return Checked(Precheck.NOT_REACHED, None, (), (error,), error.detail, other_code=2)
    if vm.os != "linux":
        return Checked(Precheck.UNSUPPORTED, None, note="a Windows VM: no script runs")
    if vm.deployment != "resource-manager" and not rules.classic_runs_scripts:
        return Checked(Precheck.UNSUPPORTED, None, note="a classic VM: no script runs")
    if rules.workload_replaces_scripts:
        workload = other_confs.workload(seen.of(other_confs.WORKLOAD_PATH).content)
        if workload is not None:
            name, fault = workload
            note = f"{other_confs.WORKLOAD_PATH} names {name}: no script runs"
            if not fault:
                return Checked(Precheck.WORKLOAD, None, note=note)
            error = NamedError(catalogue.WORKLOAD_INVALID_ROLE, f"{name}: {fault}")
            return Checked(Precheck.WORKLOAD, None, (), (error,), note, other_code=error.code)
    if not rules.plugin_host_decides:
        if seen.of(CONFIG_PATH).kind is FileKind.ABSENT:
            return _not_configured(CONFIG_PATH)
        host = _USUAL
        refused = _own_plugin_host_fault(seen.of(PLUGIN_HOST_PATH), rules)
        if refused is not None:
            return _refused(refused)
    else:
        found = _plugin_host(seen, rules)
        if isinstance(found, NamedError):
            return _refused(found)
        host = found
    return _judge_plugins(host, seen, rules)


def _judge_plugins(host: PluginHost, seen: Seen, rules: RuleSet) -> Checked:
    """Judge the configs one after the other; what is found last counts."""
    cap = min(host.timeout, rules.limit_cap)
    plugins: list[EffectiveConfig] = []
    checked = Checked(Precheck.PASSED, 0, host=host, note="no config is named: no script runs")
    for path in host.configs:
        checked = _judge_config(path, seen, rules, cap)
        plugins += checked.plugins
        if checked.code == catalogue.INCORRECT_PLUGIN_HOST_FILE.code:
            break
    if host.fault:
        checked = _refused(NamedError(catalogue.INCORRECT_PLUGIN_HOST_FILE, host.fault))
    goes_on = all(plugin.continue_on_failure for plugin in plugins)
    return Checked(
        checked.outcome,
        checked.code,
        tuple(plugins),
        checked.errors,
        checked.note,
        goes_on or checked.outcome is Precheck.PASSED,
        host,
    )


def _judge_config(path: str, seen: Seen, rules: RuleSet, cap: float) -> Checked:
    facts = seen.whole(path)
    if facts.kind is FileKind.ABSENT or (rules.plugin_host_decides and not _is_file(facts)):
        return _not_configured(path)
    error = _config_file_fault(facts, rules)
    if error is not None:
        return _refused(error)
    try:
        found = effective.read(facts.content or b"", rules, cap)
        errors = _judge_scripts(found, seen, rules)
    except ConfigRefused as refused:
        return _refused(NamedError(refused.kind, f"{path}: {refused.why}"))
    if errors:
        note = "; ".join(error.detail for error in errors)
        return Checked(Precheck.SCRIPTS_REFUSED, errors[0].code, (found,), errors, note)
    return Checked(Precheck.PASSED, 0, (found,))


def _not_configured(path: str) -> Checked:
    return Checked(Precheck.NOT_CONFIGURED, 316, note=f"no config at {path}")


def _refused(error: NamedError) -> Checked:
    return Checked(Precheck.REFUSED, error.code, (), (error,), error.detail)


# -- the Pluginhost file -------------------------------------------------------------------------


def _own_plugin_host_fault(facts: FileFacts, rules: RuleSet) -> NamedError | None:
    """What is wrong with a Pluginhost file of the owner's, if there is one."""
    if not _is_file(facts):
        return None  # the one shipped inside the extension counts, and that is sound
    fault = _refusal(facts) if facts.content is None else plugin_host.fault(facts.content)
    if not rules.plugin_host_mode.accepts(facts.mode):
        fault = f"it must {rules.plugin_host_mode}"
    if not fault:
        return None
    return NamedError(catalogue.INCORRECT_PLUGIN_HOST_FILE, f"{facts.path}: {fault}")


def _plugin_host(seen: Seen, rules: RuleSet) -> PluginHost | NamedError:
    """The Pluginhost file of the owner, or the bundled one where there is no such file."""
    facts = seen.of(PLUGIN_HOST_PATH)
    if not _is_file(facts):
        facts = seen.of(BUNDLED_PLUGIN_HOST_PATH)
    if not _is_file(facts):
        return NamedError(catalogue.PLUGIN_HOST_NOT_FOUND, f"{facts.path} {_nature(facts)}")
    if not rules.plugin_host_mode.accepts(facts.mode) or not _is_owned(facts, rules):
        wanted = _wanted(facts, rules.plugin_host_mode)
        return NamedError(catalogue.PLUGIN_HOST_PERMISSIONS, wanted)
    if facts.content is None:
        detail = f"{facts.path}: {_refusal(facts)}"
        return NamedError(catalogue.INCORRECT_PLUGIN_HOST_FILE, detail)
    host = plugin_host.read(facts.content)
    return replace(host, fault=f"{facts.path}: {host.fault}") if host.fault else host


# -- the config's file and the scripts -------------------------------------------------------------


def _config_file_fault(facts: FileFacts, rules: RuleSet) -> NamedError | None:
    if not _is_file(facts):
        return NamedError(catalogue.INCORRECT_CONFIG_FILE, f"{facts.path} {_nature(facts)}")
    if not rules.config_mode.accepts(facts.mode) or not _is_owned(facts, rules):
        return NamedError(catalogue.CONFIG_PERMISSIONS, _wanted(facts, rules.config_mode))
    if facts.content is None:
        return NamedError(catalogue.INCORRECT_CONFIG_FILE, f"{facts.path}: {_refusal(facts)}")
    return None


def _judge_scripts(found: EffectiveConfig, seen: Seen, rules: RuleSet) -> tuple[NamedError, ...]:
    """What is wrong with the scripts.

    Raises:
        ConfigRefused: a location is no path at all.
    """
    places = (
        ("pre", found.pre, catalogue.PRE_NOT_FOUND, catalogue.PRE_PERMISSIONS),
        ("post", found.post, catalogue.POST_NOT_FOUND, catalogue.POST_PERMISSIONS),
    )
    usable = [
        absolute(order.location)
        for _, order, _, _ in places
        if isinstance(order.location, str) and not _path_fault(order.location, rules)
    ]
    seen.look(usable)
    errors = []
    for name, order, absent, refused in places:
        key = f"{name}ScriptLocation"
        fault = effective.location_fault(key, order.location)
        if fault is not None:
            raise fault
        error = _judge_script(key, order, seen, rules, absent, refused)
        if error is not None:
            errors.append(error)
            if not rules.names_every_script:
                break
    return tuple(errors)


def _judge_script(
    key: str,
    order: ScriptOrder,
    seen: Seen,
    rules: RuleSet,
    absent: ErrorKind,
    refused: ErrorKind,
) -> NamedError | None:
    fault = _path_fault(order.location, rules)
    if fault:
        return NamedError(absent, f"{key} is {order.location!r}, {fault}")
    facts = seen.of(absolute(order.location))
    if not _is_file(facts):
        return NamedError(absent, f"{order.location} {_nature(facts)}")
    if not rules.script_mode.accepts(facts.mode) or not _is_owned(facts, rules):
        return NamedError(refused, _wanted(facts, rules.script_mode))
    return None


def absolute(location: str) -> str:
    """The path of a script: a relative one starts in the extension's directory."""
    return location if location.startswith("/") else f"{EXTENSION_DIRECTORY}/{location}"


def _path_fault(path: str, rules: RuleSet) -> str:
    if not path:
        return "which is empty"
    if "\0" in path:
        return "which has a NUL character in it"
    if path.startswith("/") or rules.relative_locations:
        return ""
    return "which is not an absolute path"


# -- in words ------------------------------------------------------------------------------------


def _is_file(facts: FileFacts) -> bool:
    return facts.kind is FileKind.FILE


def _is_owned(facts: FileFacts, rules: RuleSet) -> bool:
    """Whether a file belongs to root, by name or by number."""
    if rules.owner_by_name or facts.uid is None:
        return facts.owner in ("root", "0") if facts.uid is None else facts.owner == "root"
    return facts.uid == 0


def _wanted(facts: FileFacts, mode: ModeRule) -> str:
    return (
        f"{facts.path} has mode {facts.mode:03o} and owner {facts.owner}; "
        f"it must {mode} and owner root"
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
