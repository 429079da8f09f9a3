"""One observed scenario: put on a VM, backed up, and compared field by field.

The observations were made on the real extension; README.md beside this file explains their fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_vmsnapshot import (
    CONFIG_PATH,
    EXTENSION_DIRECTORY,
    PLUGIN_HOST_PATH,
    Backup,
    ScriptRun,
    VirtualMachine,
    VmFactory,
)

SHARED = Path(__file__).with_name("shipped.json")
"""The vectors that lie in the project."""

MARK = """\
#!/bin/sh
echo "$*" >> /srv/marks/log
"""
"""What scripts call to leave a line."""

_ABBREVIATED = re.compile(r"(.)\1*\.\.\.\((\d+) characters\)")
_ABSENT = "(absent)"

_PLATFORM = {
    "managed": "isManagedVm",
    "crash_consistent_allowed": "canTakeCrashConsistentSnapshot",
    "retry_count": "backupRetryCount",
}


@dataclass(frozen=True, slots=True)
class Vector:
    """One scenario.

    Args:
        id: its name.
        group: what it is about.
        facts: everything else, as it lies in the file.
    """

    id: str
    group: str
    facts: Mapping[str, Any]

    @property
    def expect(self) -> Mapping[str, Any]:
        """What was observed."""
        expected: Mapping[str, Any] = self.facts["expect"]
        return expected

    @property
    def changes_owners(self) -> bool:
        """Whether a command gives a file to somebody else than root.

        An owner that a file has from the start can be modelled; this one must be real.
        """
        files = [self.facts.get("config_file"), self.facts.get("plugin_host_conf")]
        rows = [*self.facts["files"], *(row for row in files if isinstance(row, dict))]
        groups = {row.get("group", "root") for row in rows}
        return bool(groups - {"root"}) or "chown" in str(self.facts.get("prepare", ""))


def load(path: Path) -> list[Vector]:
    """Read a file of vectors."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Vector(row["id"], row["group"], row) for row in rows]


# -- put on a VM ---------------------------------------------------------------------------------


def settings(vector: Vector, rules: str) -> dict[str, Any]:
    """What the VM of a scenario is like."""
    facts = vector.facts
    told = facts["vm"]
    platform = {name: told[key] for key, name in _PLATFORM.items() if told[key] != _ABSENT}
    if told["managed"] == _ABSENT:
        platform["isManagedVm"] = None
    wanted: dict[str, Any] = {"rules": rules, "disks": told["disks"], "platform": platform}
    if Path("/bin/sh").resolve().name != vector.facts["sh"]:  # the host's is for nothing
        wanted["shell"] = vector.facts["sh"]
    if "deployment" in told:
        wanted["deployment"] = told["deployment"]
    if "mounts" in facts:
        wanted["mounts"] = [tuple(row) for row in facts["mounts"]]
    if "umask" in facts:
        wanted["agent_umask"] = int(facts["umask"], 8)
    if facts.get("stdin") is not None:
        wanted["agent_stdin"] = facts["stdin"].encode("utf-8")
    if facts.get("env") is not None:
        wanted["agent_env"] = facts["env"]
    return wanted


def arrange(vector: Vector, vm: VirtualMachine) -> None:
    """Put everything of a scenario on a VM."""
    facts = vector.facts
    vm.path("/srv/marks").mkdir(mode=0o777)
    vm.path("/srv/scripts").mkdir()
    vm.write("/srv/conformance/mark", MARK, mode=0o755)
    for row in facts["files"]:
        _place(vm, row)
    _place_config(vector, vm)
    if "plugin_host_conf" in facts:
        row = facts["plugin_host_conf"]
        _place(vm, row if isinstance(row, dict) else {"content": row}, PLUGIN_HOST_PATH)
    _change_extension(facts.get("extension_files", {}), vm)
    for command in facts.get("prepare", ()):
        vm.run(command, check=True)
    vm.fault(**facts["faults"])


def _place(vm: VirtualMachine, row: Mapping[str, Any], place: str = "") -> None:
    path = place or row["path"]
    path = path if path.startswith("/") else f"{EXTENSION_DIRECTORY}/{path}"
    mode = int(row.get("mode", "0644"), 8)
    owner = _owner(row.get("owner", "root"))
    kind = row.get("kind", "file")
    if kind == "dir":
        vm.path(path).mkdir(mode=mode, owner=owner)
    elif kind == "file":
        vm.write(path, _content(row), mode=mode, owner=owner)
        if row.get("group", "root") != "root":
            vm.run(["chgrp", _group(row["group"]), path], check=True)
    else:
        vm.path(path.rpartition("/")[0]).mkdir()
        make = ["ln", "-s", row["target"], path] if kind == "symlink" else ["mkfifo", path]
        vm.run(make, check=True)


def _content(row: Mapping[str, Any]) -> bytes:
    if "content_hex" in row:
        return bytes.fromhex(row["content_hex"])
    content: str = row["content"]
    return content.encode("utf-8")


def _owner(words: str | int) -> str:
    """A user as the VM knows it; some vectors explain the number they give."""
    number = re.search(r"\d+", str(words))
    return number.group() if number else str(words)


def _group(name: str) -> str:
    return "65534" if name == "nobody" else name


def _place_config(vector: Vector, vm: VirtualMachine) -> None:
    row = vector.facts["config_file"]
    if row is None:
        return
    if row["kind"] != "file":
        _place(vm, row, CONFIG_PATH)
        return
    mode, owner = int(row["mode"], 8), _owner(row["owner"])
    vm.install_config(_config(vector.facts), mode=mode, owner=owner)
    if row.get("group", "root") != "root":
        vm.run(["chgrp", _group(row["group"]), CONFIG_PATH], check=True)


def _config(facts: Mapping[str, Any]) -> bytes:
    if "config_raw_hex" in facts:
        return bytes.fromhex(facts["config_raw_hex"])
    if "config_raw" in facts:
        return str(facts["config_raw"]).encode("utf-8")
    return json.dumps(_unabbreviated(facts["config"])).encode("ascii")


def _unabbreviated(value: Any) -> Any:
    """Values as they were: a long run of one character is told by its length."""
    if isinstance(value, dict):
        return {name: _unabbreviated(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unabbreviated(item) for item in value]
    if isinstance(value, str) and (found := _ABBREVIATED.fullmatch(value)):
        return found.group(1) * int(found.group(2))
    return value


def _change_extension(changes: Mapping[str, Any], vm: VirtualMachine) -> None:
    for name in changes.get("removed", ()):
        vm.path(f"{EXTENSION_DIRECTORY}/{name}").remove()
    for name, mode in changes.get("mode", {}).items():
        vm.run(["chmod", mode, f"{EXTENSION_DIRECTORY}/{name}"], check=True)
    for name, owner in changes.get("owner", {}).items():
        path = vm.path(f"{EXTENSION_DIRECTORY}/{name}")
        path.write_bytes(path.read_bytes(), mode=path.mode, owner=str(owner))


def back_up(vector: Vector, make: VmFactory, rules: str = "shipped") -> Backup:
    """Run a scenario."""
    with make(**settings(vector, rules)) as vm:
        arrange(vector, vm)
        return vm.backup()


# -- compared ------------------------------------------------------------------------------------


def observed(backup: Backup) -> dict[str, Any]:
    """A backup in the fields of ``expect``."""
    extension = backup.extension
    # With nothing to run a phase is over at once, unless the extension has failed before.
    counted = extension.precheck == 0 and extension.status == "success"
    found: dict[str, Any] = {
        "precheck": extension.precheck,
        "pre": _script(backup.pre, counted=counted),
        "freeze_requested": backup.frozen is not None,
        "snapshot_taken": backup.snapshot_asked,
        "post": _script(backup.post, counted=counted),
        "status": extension.status,
        "result": extension.result,
        "error": extension.error,
        "consistency": extension.consistency.value,
    }
    if backup.frozen:
        found["frozen_mounts"] = list(backup.frozen)
    return found


def _script(run: ScriptRun | None, *, counted: bool) -> dict[str, Any]:
    if run is None:
        return {"launched": 0, **({"code": 0, "timed_out": False} if counted else {})}
    found: dict[str, Any] = {"launched": run.launched}
    if run.code is not None:
        found |= {"code": run.code, "timed_out": run.timed_out}
    if run.launched == 1:
        found["argv"] = list(run.argv)
    if run.launched == 1 and not run.timed_out:
        found["exit"] = -run.signal if run.signal else run.exit_status
    if run.launched == 1 and run.timed_out:
        found["left_running"] = run.left_running
    return found


def disagreements(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where a backup differs from what was observed, a line for each field."""
    lines = []
    for name in sorted({*expected, *found}):
        here, there = expected.get(name), found.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            lines += [f"{name}.{line}" for line in disagreements(here, there)]
        elif here != there:
            lines.append(f"{name}: observed {here!r}, found {there!r}")
    return lines
