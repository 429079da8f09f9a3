"""Which files a VM needs to be like the one a log tells of, with modes and owners as logged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ..config import CONFIG_PATH, PLUGIN_HOST_PATH
from ..engine.other_confs import VMBACKUP_PATH, WORKLOAD_PATH
from ..engine.precheck import absolute
from ..layout import BUNDLED_PLUGIN_HOST_PATH, FREEZE_HELPER_PATH
from . import stand_ins
from .backups import Ending, LoggedBackup, LoggedFile, LoggedHost, LoggedPlugin, LoggedScript

_CONFIG_MODE = 0o600
_SCRIPT_MODE = 0o700
_TEXT_MODE = 0o644
_WRONG_MODE = 0o666
"""Which stands in for a mode that was refused and is not told."""

_INVALID_ROLE = 502

_BY_CODE: Mapping[int, tuple[str, LoggedScript]] = MappingProxyType(
    {
        300: ("pre", LoggedScript(Ending.FAILED, 1)),
        301: ("post", LoggedScript(Ending.FAILED, 1)),
        308: ("pre", LoggedScript(Ending.TIMED_OUT)),
        309: ("post", LoggedScript(Ending.TIMED_OUT)),
    }
)
"""What the final code says of a script."""

_ACCOUNTS = frozenset({"root", "nobody", "daemon", "bin"})
"""Users that every system has."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of the VM.

    Args:
        path: where it lies.
        content: its text; None where it is a copy.
        source: the local file it is a copy of; None where it is a text.
        mode: permission bits.
        owner: user name.
    """

    path: str
    content: str | None = None
    source: Path | None = None
    mode: int = _TEXT_MODE
    owner: str = "root"


@dataclass(frozen=True, slots=True)
class Given:
    """The author's own files, which are better than stand-ins.

    Args:
        config: the config.
        script: finds the local file of a script by its path on the VM; None where there is none.
        near: the directory from which the scenario file sees them; None to name them absolutely.
        shell: whose ``/bin/sh`` runs the scripts; empty for that of the distribution in the log.
    """

    config: Path | None
    script: Callable[[str], Path | None]
    near: Path | None = None
    shell: str = ""

    def locations(self) -> dict[str, str]:
        """Where the config has the scripts, by ``pre`` and ``post``."""
        try:
            keys = json.loads(self.config.read_bytes()) if self.config is not None else {}
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(keys, dict):
            return {}
        found = {step: keys.get(f"{step}ScriptLocation") for step in ("pre", "post")}
        return {step: place for step, place in found.items() if isinstance(place, str) and place}


class CaseFiles:
    """Collects the files of one case.

    Args:
        backup: what the log says.
        given: the author's own files, or None.

    Attributes:
        files: the files, by their paths.
        run: shell commands that take away what must not be there.
        notes: what about the files is no fact of the log, each a sentence.
    """

    def __init__(self, backup: LoggedBackup, given: Given | None) -> None:
        self.files: dict[str, CaseFile] = {}
        self.run: list[str] = []
        self.notes: list[str] = []
        self._backup = backup
        self._given = given
        self._collect()

    def _collect(self) -> None:
        backup = self._backup
        if backup.helper_missing:
            self.run.append(f"rm {FREEZE_HELPER_PATH}")
        if backup.workload:
            invalid = backup.report is not None and backup.report.error == _INVALID_ROLE
            role = "nobody" if invalid else "master"
            text = f"[workload]\nworkload_name = {backup.workload}\nrole = {role}\n"
            self._add(CaseFile(WORKLOAD_PATH, text))
        if backup.freeze.skipped:
            skipped = ",".join(backup.freeze.skipped)
            self._add(CaseFile(VMBACKUP_PATH, f"[SnapshotThread]\nMountsToSkip: {skipped}\n"))
        for index, plugin in enumerate(backup.plugins or self._plugins_not_told()):
            self._add_plugin(plugin, index)
        if backup.host is not None:
            self._add_host(backup.host)

    def _add(self, file: CaseFile) -> None:
        path = absolute(file.path)
        self.files[path] = replace(file, path=path)

    # -- the config and its scripts ----------------------------------------------------------------

    def _plugins_not_told(self) -> tuple[LoggedPlugin, ...]:
        """The config of a backup whose beginning is missing, if scripts ran all the same."""
        backup = self._backup
        report = backup.report
        codes = [] if report is None else [report.code, report.error]
        ran = backup.pre or backup.post or 0 in codes or any(code in _BY_CODE for code in codes)
        if backup.stretch.starts or not ran:
            return ()
        self.notes.append("the config is not told of; the stock template stands in")
        if report is not None and report.code in _BY_CODE:
            self.notes.append("by the final code continueBackupOnFailure is false in it")
            return (LoggedPlugin(keys={"continueBackupOnFailure": False}),)
        return (LoggedPlugin(),)

    def _run_of(self, step: str, index: int) -> LoggedScript | None:
        """How a script ended; where no line says, the final code may."""
        backup = self._backup
        runs = backup.pre if step == "pre" else backup.post
        if index < len(runs):
            return runs[index]
        error = backup.report.error if backup.report is not None else None
        whose, run = _BY_CODE.get(error or 0, ("", None))
        if backup.stretch.starts or whose != step:
            return None
        self.notes.append(f"the {step}-script is not told of; by the final code it is: {run}")
        return run

    def _add_plugin(self, plugin: LoggedPlugin, index: int) -> None:
        number = "" if not index else str(index + 1)
        named = self._given.locations() if self._given is not None else {}
        pre = _place_of(plugin.pre, named.get("pre", f"/etc/azure/preScript{number}.sh"))
        post = _place_of(plugin.post, named.get("post", f"/etc/azure/postScript{number}.sh"))
        runs = (self._run_of("pre", index), self._run_of("post", index))
        if plugin.file.exists:
            self._add_config(plugin, pre, post, runs)
        for file, place, run in ((plugin.pre, pre, runs[0]), (plugin.post, post, runs[1])):
            if file.exists:
                self._add_script(file, place, run, plugin)

    def _add_config(
        self,
        plugin: LoggedPlugin,
        pre: str,
        post: str,
        runs: tuple[LoggedScript | None, LoggedScript | None],
    ) -> None:
        path = plugin.file.path or CONFIG_PATH
        mode = _mode(plugin.file, _CONFIG_MODE)
        owner = self._owner(plugin.file)
        if self._given is not None and self._given.config is not None and path == CONFIG_PATH:
            self._add(CaseFile(path, None, self._given.config, mode, owner))
            return
        first, second = (run is not None and run.ending is Ending.GIVEN_UP for run in runs)
        made = stand_ins.config(plugin, pre, post, (first, second))
        self.notes += made.notes
        self._add(CaseFile(path, made.text, None, mode, owner))

    def _add_script(
        self, file: LoggedFile, place: str, run: LoggedScript | None, plugin: LoggedPlugin
    ) -> None:
        mode, owner = _mode(file, _SCRIPT_MODE), self._owner(file)
        local = self._given.script(place) if self._given is not None else None
        if self._given is not None and local is None:
            self.notes.append(f"no local file for {place}: a stand-in takes its place")
        content = stand_ins.script(run, plugin.keys) if local is None else None
        self._add(CaseFile(place, content, local, mode, owner))

    # -- the Pluginhost file -----------------------------------------------------------------------

    def _add_host(self, host: LoggedHost) -> None:
        if not host.file.exists:
            self.run.append(f"rm {BUNDLED_PLUGIN_HOST_PATH}")
            return
        configs = [plugin.file.path or CONFIG_PATH for plugin in self._backup.plugins]
        is_own = host.file.path == PLUGIN_HOST_PATH
        if not is_own and not _is_unusual(host, configs):
            return
        made = stand_ins.plugin_host(host, configs or [CONFIG_PATH])
        self.notes += made.notes
        path = PLUGIN_HOST_PATH if is_own else BUNDLED_PLUGIN_HOST_PATH
        mode, owner = _mode(host.file, _TEXT_MODE), self._owner(host.file)
        self._add(CaseFile(path, made.text, None, mode, owner))

    def _owner(self, file: LoggedFile) -> str:
        if file.owner in _ACCOUNTS:
            return file.owner
        shown = file.owner or "a user without a name"
        self.notes.append(f"{file.path} belonged to {shown}; nobody stands in")
        return "nobody"


def _is_unusual(host: LoggedHost, configs: list[str]) -> bool:
    return (
        host.file.refused != 0
        or host.file.mode not in (None, _TEXT_MODE)
        or host.timeout not in (None, 1800)
        or host.plugins not in (None, 1)
        or bool(host.fault)
        or configs not in ([], [CONFIG_PATH])
    )


def _place_of(file: LoggedFile, otherwise: str) -> str:
    """Where a script lies; a location that is empty is one."""
    return file.path if file.path or not file.exists else otherwise


def _mode(file: LoggedFile, otherwise: int) -> int:
    if file.mode is not None:
        return file.mode
    return (
        _WRONG_MODE if file.refused in (306, 307, 314, 317) and file.owner == "root" else otherwise
    )


def differences_of(plugin: LoggedPlugin, keys: Mapping[str, object], cap: float) -> Iterator[str]:
    """Where a config that is given differs from what the log says was in effect.

    Args:
        plugin: what the log says.
        keys: of the config that is given.
        cap: seconds that no limit exceeds; the log has the limit in effect.
    """
    here = {**_DEFAULTS, **keys}
    timeout = here["timeoutInSeconds"]
    if isinstance(timeout, int | float):
        here["timeoutInSeconds"] = min(timeout, cap)
    logged = dict(plugin.keys)
    places = (("preScriptLocation", plugin.pre), ("postScriptLocation", plugin.post))
    logged |= {key: file.path for key, file in places if file.path}
    for key, value in logged.items():
        if here.get(key) != value:
            yield f"{key}: {shown(value)} in the log, {shown(here.get(key))} in the config given"


def shown(value: object) -> str:
    """A value of a config, as JSON has it.

    Args:
        value: the value.
    """
    return json.dumps(value, ensure_ascii=False)


_DEFAULTS: Mapping[str, object] = MappingProxyType(
    {
        "timeoutInSeconds": 10,
        "preScriptParams": [],
        "postScriptParams": [],
        "preScriptNoOfRetries": 0,
        "postScriptNoOfRetries": 0,
        "continueBackupOnFailure": True,
        "fsFreezeEnabled": True,
        "pluginName": "ScriptRunner",
    }
)
"""What the extension takes for a key that is missing."""
