"""Logs as the shipped extension would have written them over an observed scenario.

What it says follows from the scenario's files and from what was observed; the harness's own engine
is not asked, but for what is wrong with a config or Pluginhost file.
"""

from __future__ import annotations

import enum
import json
import posixpath
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_vmsnapshot import CONFIG_PATH, PLUGIN_HOST_PATH
from pytest_vmsnapshot.engine import effective, plugin_host
from pytest_vmsnapshot.engine.rules import SHIPPED
from pytest_vmsnapshot.extension_log.logged import Logged, understand
from pytest_vmsnapshot.extension_log.reading import read_bytes

from ..conformance.vector import Vector, _config

NO_POST = "PreScript execution did not complete for ScriptRunner.Post Script is not triggered"
"""What is said although the post-script is run all the same."""

START = datetime(2024, 1, 14, 22, 16, 48, 792020)
NAME = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0"
HOME = "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0/main"
HELPER = f"{HOME}/safefreeze/bin/safefreeze"
BUNDLED = "./main/VMSnapshotPluginHost.conf"
_OF_THE_FREEZE = ("freeze timed-out", "freeze failed for some mount", "unable to open mount")
_BUNDLED_TEXT = (
    "[pre_post]\ntimeoutInSeconds = 1800\nnumberOfPlugins = 1\npluginName0 = ScriptRunner\n"
    f"pluginPath0 = /etc/azure\npluginConfigPath0 = {CONFIG_PATH}\n"
)


class Generation(enum.Enum):
    """Which of the forms of a line."""

    TODAY = "Python 3"
    TODAY_UNBUFFERED = "Python 3, nothing kept back while frozen"
    PYTHON_2 = "Python 2"
    PYTHON_2_BARE = "Python 2, with one date"

    @property
    def is_old(self) -> bool:
        return self in (Generation.PYTHON_2, Generation.PYTHON_2_BARE)


@dataclass(frozen=True)
class Said:
    """A message, and whether it was kept back while the file systems were frozen."""

    text: str
    level: str = "Info"
    kept: bool = False


def log_of(vector: Vector, generation: Generation, start: datetime = START, task: str = "") -> str:
    """The log of one scenario."""
    old = generation.is_old
    said = list(_Daemon(vector, old, task).all())
    return "".join(_lines(said, generation, start))


def _lines(said: Iterable[Said], generation: Generation, at: datetime) -> Iterator[str]:
    kept: list[str] = []
    for message in said:
        at += timedelta(microseconds=1237)
        if message.kept and generation is not Generation.TODAY_UNBUFFERED:
            shown = at.strftime("%Y/%m/%d %H:%M:%S.%f" if generation is Generation.TODAY else _OLD)
            kept.append(f"{shown}  {message.level}  {message.text} ")
            continue
        if kept:
            edge = "================== Logs during Freeze {} =============="
            yield _line(
                Said("\n".join([edge.format("Start"), *kept, edge.format("End")])), generation, at
            )
            kept = []
        yield _line(message, generation, at)


_OLD = "%Y-%m-%d %H:%M:%S.%f"


def _line(message: Said, generation: Generation, at: datetime) -> str:
    slashed = at.strftime("%Y/%m/%d %H:%M:%S")
    match generation:
        case Generation.PYTHON_2:
            inner = f"{at.strftime(_OLD)}  {message.level}  {message.text}"
            return f"{slashed} [{NAME}]{inner}\n{slashed}\n"
        case Generation.PYTHON_2_BARE:
            return f"{slashed} [{NAME}]{message.text}\n"
        case _:
            return f"{at.strftime(_OLD)} [{NAME}]{message.text}\n"


class _Daemon:
    """Goes through a backup as the extension does, and says what it says."""

    def __init__(self, vector: Vector, old: bool, task: str) -> None:
        self.vector = vector
        self.facts = vector.facts
        self.expect = vector.expect
        self.old = old
        self.task = task
        self.files = {row["path"]: row for row in self.facts["files"]}
        if self.facts["config_file"] is not None:
            row = dict(self.facts["config_file"])
            if row["kind"] == "file":
                row["bytes"] = _config(self.facts)
            self.files[CONFIG_PATH] = row
        if "plugin_host_conf" in self.facts:
            row = self.facts["plugin_host_conf"]
            self.files[PLUGIN_HOST_PATH] = row if isinstance(row, dict) else {"content": row}
        self.names: list[str] = []

    def all(self) -> Iterator[Said]:
        yield Said("starting enable")
        if self.task:
            yield Said(f"taskId: {self.task}")
        yield from self.transition()
        for text in (
            "starting daemon initially" if not self.old else "starting daemon",
            "patch_class_name: DefaultPatching and orig_distro: debian",
            f"safeFreezeBinary exists {self.expect['error'] != 124}",
            " configfile /etc/azure/vmbackup.conf",
            "final thread timeout60",
            "starting daemon for freezing the file system" if not self.old else "starting daemon",
            "The command snapshot is being validated",
            "commandToExecute for backup is snapshot",
        ):
            yield Said(text)
        if self.expect["error"] == 124:
            yield Said(
                f"safefreeze binary is missing in the following path {HELPER}",
                "Error",
            )
        elif self.expect["precheck"] is None and self.expect["error"] == 2:
            yield self.broken("'>' not supported between instances of 'str' and 'int'")
        else:
            yield from self.backup()
        yield from self.reports()

    def broken(self, why: str) -> Said:
        trace = f'Traceback (most recent call last):\n  File "handle.py", line 460\n{why}'
        return Said(
            f"Failed to enable the extension with error: {why}, stack trace: {trace}", "Error"
        )

    def backup(self) -> Iterator[Said]:
        yield Said(self.platform())
        if self.expect["precheck"] is None:
            yield Said("workload backup enabled for workload: mysql")
        else:
            yield from self.precheck()
            yield from self.after_precheck()
            if self.expect["precheck"] == 0:
                yield from self.script("pre")
                if self.failed("pre"):
                    return
        yield from self.snapshot()
        if self.expect["precheck"] == 0:
            if self.expect["pre"].get("code") or not self.expect["snapshot_taken"]:
                yield Said(NO_POST)
            yield from self.script("post")

    def platform(self) -> str:
        told = {
            name: False if value == "(absent)" else value
            for name, value in self.facts["vm"].items()
        }
        managed, allowed = told["managed"], told["crash_consistent_allowed"]
        retries = told["retry_count"]
        # The platform's list was empty there, which its name says and its "disks" does not.
        disks = 0 if self.vector.id == "crash-cond-0luns" else told["disks"]
        falls_back = managed is True and allowed in (True, 1) and retries > 0 and disks == 1
        return (
            f"isManagedVm={managed}, canTakeCrashConsistentSnapshot={allowed}, "
            f"backupRetryCount={retries}, numberOfDisks={disks}, "
            f"takeCrashConsistentSnapshot={falls_back}"
        )

    @property
    def is_saved(self) -> bool:
        """Whether the report says crashConsistent: that is told of the fallback only."""
        faults = self.facts["faults"]
        return self.expect["consistency"] == "crash" and set(faults.values()) != {"ok"}

    # -- the precheck ----------------------------------------------------------------------------

    def precheck(self) -> Iterator[Said]:
        yield Said("Loading script modules now...")
        changes = self.facts.get("extension_files", {})
        mode, owner = "644", "root"
        own = self.regular(PLUGIN_HOST_PATH)
        if own is not None:
            path, content = PLUGIN_HOST_PATH, self.content(own).encode()
            mode, owner = self.mode(own), self.owner(own)
        else:
            absent = "Plugin host Config file does not exist in the location"
            yield Said(f"{absent} {PLUGIN_HOST_PATH}")
            path, content = BUNDLED, _BUNDLED_TEXT.encode()
            name = "VMSnapshotPluginHost.conf"
            if name in changes.get("removed", ()):
                yield Said(f"{absent} {path}", "Error")
                return
            mode = changes.get("mode", {}).get(name, mode)
            owner = "nobody" if name in changes.get("owner", {}) else owner
            if "root:/toor:" in str(self.facts.get("prepare", "")):
                owner = "toor"
        yield self.permissions(path, mode)
        if self.expect["precheck"] == 314:
            if owner != "root":
                yield Said(
                    f"The owner of the Plugin host Config file {path} is {owner} but not root",
                    "Error",
                )
            else:
                yield Said("Plugin host Config file does not have desired permissions", "Error")
            return
        yield Said(f"config file: {path}")
        host = plugin_host.read(content)
        if host.fault and not host.configs and "option" not in host.fault.lower():
            yield self.blown_up(host.fault)
            return
        count = 2 if b"numberOfPlugins: 2" in content else len(host.configs)
        count = -1 if b": -1" in content else count
        yield Said(f"timeoutInSeconds: {host.timeout}")
        yield Said(f"numberOfPlugins: {max(count, 1 if host.fault else count)}")
        for place in host.configs:
            yield Said("Name of the Plugin is ScriptRunner")
            yield Said(f"Plugin config path is {place}")
            stop = yield from self.plugin(place, min(host.timeout, 1800))
            if stop:
                return
        if host.fault:
            yield self.blown_up(host.fault)

    def plugin(self, place: str, cap: float) -> Generator[Said, None, bool]:
        """Say what is found of one config; True where the extension fails over it."""
        row = self.regular(place)
        if row is None:
            yield Said(f"Plugin host file does not exist in the location {place}", "Error")
            return False
        mode, owner = self.mode(row), self.owner(row)
        yield self.permissions(place, mode)
        if mode[1:] != "00" or int(mode[0]) % 2:
            yield Said("Plugin Config file does not have desired permissions", "Error")
            return False
        if owner != "root":
            yield Said(
                f"The owner of the Plugin Config file {place} is {owner} but not root", "Error"
            )
            return False
        content = row["bytes"] if "bytes" in row else self.content(row).encode()
        try:
            found = effective.read(content, SHIPPED, cap)
        except effective.ConfigRefused as refused:
            if refused.kind.code == 304:
                yield self.blown_up(refused.why)
                return True
            yield from self.unreadable(refused.why, content)
            return False
        keys = json.loads(content)
        self.names.append(str(keys.get("pluginName", "")))
        yield Said(self.settings(keys, found))
        return (yield from self.scripts(keys))

    def scripts(self, keys: Mapping[str, Any]) -> Generator[Said, None, bool]:
        for word, low in (("Pre", "pre"), ("Post", "post")):
            place = keys[f"{low}ScriptLocation"]
            if not isinstance(place, str):
                yield self.blown_up(f"stat: path should be string, not {type(place).__name__}")
                return True
            row = self.regular(place)
            if row is None:
                yield Said(f"{word}script file does not exist in the location {place}", "Error")
                return False
            mode, owner = self.mode(row), self.owner(row)
            yield self.permissions(place, mode)
            if mode[1:] != "00":
                yield Said(f"{word}script file does not have desired permissions ", "Error")
                return False
            gap = " " if word == "Pre" else "  "
            if owner != "root":
                yield Said(
                    f"The owner of the {word}Script file {place} is {owner} but{gap}not root",
                    "Error",
                )
                return False
        return False

    def permissions(self, path: str, mode: str) -> Said:
        word = "Permisisons" if self.old else "Permissions"
        return Said(f"{word}  of the file {path} are {mode}")

    def blown_up(self, why: str) -> Said:
        trace = 'Traceback (most recent call last):\n  File "PluginHost.py", line 212\nError: '
        return Said(
            f"Error in reading PluginHost config file : {why}, stack trace: {trace}{why}\n", "Error"
        )

    def unreadable(self, why: str, content: bytes) -> Iterator[Said]:
        trace = f'stack trace: Traceback (most recent call last):\n  File "a.py", line 1\n{why}\n'
        missing = why.removesuffix(" is missing")
        if missing != why:
            begins = f"Error in fetching value for the key '{missing}' in ScriptRunner config file."
        else:
            begins = "Error in decoding ScriptRunner config file."
        yield Said(f"{begins}: {why}, {trace}", "Error")
        read = json.loads(content) if missing != why else {}  # what comes before the locations
        first = {name: read[name] for name in ("timeoutInSeconds", "pluginName") if name in read}
        pair = {"preScriptLocation": "", "postScriptLocation": ""}
        known = effective.read(json.dumps(first | pair).encode(), SHIPPED, 1800)
        yield Said(self.settings({"pluginName": "ScriptRunner", **first}, known))
        yield Said("Cant run prescript for ScriptRunner . Config File error.", "Error")

    def settings(self, keys: Mapping[str, Any], found: effective.EffectiveConfig) -> str:
        asked = keys.get("timeoutInSeconds", 10)
        timeout = asked if found.timeout == asked or asked != asked else found.timeout
        polls = (
            timeout // found.poll
            if self.old and isinstance(timeout, int)
            else (timeout / found.poll)
        )
        shown = {
            name: self.shown(keys.get(name, default))
            for name, default in (
                ("preScriptParams", []),
                ("postScriptParams", []),
                ("continueBackupOnFailure", True),
                ("preScriptNoOfRetries", 0),
                ("postScriptNoOfRetries", 0),
                ("fsFreezeEnabled", True),
            )
        }
        freeze = shown.pop("fsFreezeEnabled")
        told = " ".join(f"{name}:{value}" for name, value in shown.items())
        return (
            f"Plugin:{keys.get('pluginName', '')} timeout:{timeout} pollTotalCount:{polls} {told} "
            f"Global FS Freeze on :{freeze}"
        )

    def shown(self, value: Any) -> str:
        """A value as str() of Python 2 or 3 shows it."""
        if not self.old or not isinstance(value, list | dict):
            return str(value)
        if isinstance(value, dict):
            rows = (f"{self.inner(k)}: {self.inner(v)}" for k, v in value.items())
            return "{" + ", ".join(rows) + "}"
        return "[" + ", ".join(self.inner(item) for item in value) + "]"

    def inner(self, value: Any) -> str:
        return f"u{value!a}" if isinstance(value, str) else self.shown(value)

    def after_precheck(self) -> Iterator[Said]:
        code = self.expect["precheck"]
        if code not in (304, 305, 313, 314, 316):
            yield Said("App Consistent Consistent Backup Enabled")
        if code:
            yield Said(
                "Triggering File System Consistent Backup because of error code "
                f"ExtensionErrorCode: {code}"
            )

    # -- files -----------------------------------------------------------------------------------

    def regular(self, path: str) -> Mapping[str, Any] | None:
        row = self.files.get(path)
        if row is not None and row.get("kind") == "symlink":
            target = posixpath.join(posixpath.dirname(path), row["target"])
            return self.regular(target)
        return row if row is not None and row.get("kind", "file") == "file" else None

    def content(self, row: Mapping[str, Any]) -> str:
        return str(row.get("content", ""))

    def mode(self, row: Mapping[str, Any]) -> str:
        return str(row.get("mode", "0644"))[-3:]

    def owner(self, row: Mapping[str, Any]) -> str:
        owner = str(row.get("owner", "root"))
        return "" if "no passwd" in owner else owner

    # -- scripts ---------------------------------------------------------------------------------

    def failed(self, step: str) -> bool:
        """Whether the extension itself failed over a script."""
        return "code" not in self.expect[step]

    def script(self, step: str) -> Iterator[Said]:
        low, word = f"{step}script", f"{step.capitalize()}script"
        told = self.expect[step]
        yield Said(f"Starting {low} for all modules.")
        codes = self.codes(step)
        for name, code in zip(self.names, codes, strict=False):
            if code in (310, 311) and not told["launched"] and not self.launches(step):
                continue  # the runner failed before it said anything
            yield Said(f"Running {low} for {name} module...")
            if code in (308, 309):
                yield Said(f"{word} for {name} timed out.", "Error")
            elif code in (300, 301):
                for _ in range(self.retries(step)):
                    yield Said(f"{word} for {name} failed. Retrying...")
                status = told.get("exit", 1)
                yield Said(f"{word} for {name} failed with error code: {status} .", "Error")
            elif code == 0:
                yield Said(f"{word} for {name} successfully executed.")
        if self.failed(step):
            yield self.broken("unsupported operand type(s) for &: 'bool' and 'str'")
            return
        goes_on = not (any(codes) and self.continues() is False)
        yield Said(f"Finished {low} execution from PluginHost side. Continue Backup: {goes_on}")

    def codes(self, step: str) -> list[int | None]:
        """What became of the script of each config."""
        told = self.expect[step]
        failed = 300 if step == "pre" else 301
        code = told.get("code", failed if told.get("exit") else None)
        return [code if index == 0 else 0 for index, _ in enumerate(self.names)]

    def launches(self, step: str) -> bool:
        params = self.facts.get("config", {}).get(f"{step}ScriptParams")
        return isinstance(params, list)

    def retries(self, step: str) -> int:
        value = self.facts.get("config", {}).get(f"{step}ScriptNoOfRetries", 0)
        return max(int(value), 0) if isinstance(value, int | float) else 0

    def continues(self) -> Any:
        return self.facts.get("config", {}).get("continueBackupOnFailure", True)

    # -- freeze, snapshot ------------------------------------------------------------------------

    def snapshot(self) -> Iterator[Said]:
        expect, faults = self.expect, self.facts["faults"]
        if not expect["freeze_requested"] and not expect["snapshot_taken"]:
            return
        for text in (
            "Calling do snapshot method",
            "[FreezeSnapshotter] isManaged flag : True",
            "Taking Snapshot through Host",
            "T:S doing snapshot now...",
        ):
            yield Said(text)
        error = ""
        if expect["freeze_requested"]:
            error = yield from self.freeze(faults["freeze"])
        told = f"{error}\n" if error in _OF_THE_FREEZE else ""
        timed_out = error == "freeze timed-out"
        yield Said(f"T:S freeze result {told}, timedout :{timed_out}")
        if expect["snapshot_taken"]:
            good = faults["snapshot"] == "ok"
            for _ in range(self.facts["vm"]["disks"]):
                yield Said(
                    f"From Host- IsSuccessful:{good}, SnapshotUri:https://md.example/snap, "
                    f"ErrorMessage:{'' if good else 'Internal'}, StatusCode:{200 if good else 500}"
                )
            if not good:
                yield Said(
                    "T:S Enable failed with FailedRetryableSnapshotFailedNoNetwork errror", "Error"
                )
        if error in _OF_THE_FREEZE:
            yield Said(f"T:S Enable failed with error: {error}\nExtensionErrorCode: x", "Error")
        elif error:
            yield Said("Snapshots are inconsistent", "Error")
        yield Said("T:S snapshotall ends...")

    def freeze(self, fault: str) -> Generator[Said, None, str]:
        order = list(self.expect.get("frozen_mounts", ()))
        rows = self.facts.get(
            "mounts", [["sda1", "part", "ext4", "/"], ["sdc1", "part", "ext4", "/data"]]
        )
        yield Said("T:S freeze, timeout value 60")
        conf = str(self.files.get("/etc/azure/vmbackup.conf", {}).get("content", ""))
        skipped = conf.partition("MountsToSkip: ")[2].partition("\n")[0]
        yield Said(f"skipped mount :{skipped}")
        for *_, place in rows:
            yield Said(f"fsfreeze mount :{place}")
        yield Said(f"skip freeze is : {not order}")
        if not order:
            return ""
        arguments = [HELPER, "60", *order]
        yield Said(f"arg : {arguments}")
        yield Said("proceeded for accepting signals")
        first = order[0] if order else "/"
        kept = {
            "ok": (
                "freezed",
                "****** 4. Freeze Completed (Signal=1 received)",
                "Binary output for signal handled: 1",
                *(f"freezing the mount: {p}" for p in order),
            ),
            "fail": (
                f"freezing the mount: {first}",
                "Binary output for signal handled: 2",
                f"Failed to FIFREEZE: {first}",
            ),
            "lock_held": (
                "Failed to open file or aquire lock:  [Errno 11]",
                "Mount Points already freezed by some other processor",
            ),
            "timeout": ("Binary output for signal handled: 0",),
            "open_failed": ("Binary output for signal handled: 2", f"Failed to open: {first}"),
            "late_thaw": ("freezed", "Binary output for signal handled: 1", "thawing ..."),
            "thaw_fail": (
                "freezed",
                "Binary output for signal handled: 1",
                f"Failed to FITHAW: {first}",
            ),
            "sleep_unable": (
                "freezed",
                "Binary output for signal handled: 1",
                "Unable to execute sleep",
            ),
        }[fault]
        for text in kept:
            yield Said(text, kept=True)
        error = {
            "ok": "",
            "timeout": "freeze timed-out",
            "open_failed": "unable to open mount",
            "late_thaw": "snapshot result inconsistent",
            "thaw_fail": "snapshot result inconsistent as child returns with failure",
            "sleep_unable": "snapshot result inconsistent as child returns with failure",
        }.get(fault, "freeze failed for some mount")
        if error:
            yield Said(error, "Error", kept=True)
        return error

    # -- reports ---------------------------------------------------------------------------------

    def transition(self) -> Iterator[Said]:
        yield Said("file status report message:")
        yield Said(self.report("transitioning", 4, 4, "Transitioning state in extension"))

    def reports(self) -> Iterator[Said]:
        expect = self.expect
        message = {0: "Enable Succeeded with App Consistent Snapshot", 1: "Enable Succeeded"}.get(
            expect["result"], "Plugin Host Precheck Failed..."
        )
        yield Said(message)
        yield Said("file status report message:")
        is_classic = "deployment" in self.facts["vm"]
        to_file = expect["status"] if is_classic else "success"
        yield Said(self.report(to_file, expect["result"], expect["error"], message))
        yield Said("blob status report message:")
        yield Said(self.report(expect["status"], expect["result"], expect["error"], message))
        yield Said("the logs blob uri is not there, so do not upload log.")

    def report(self, status: str, code: int, error: int, message: str) -> str:
        told = {
            "name": "Microsoft.Azure.RecoveryServices.VMSnapshotLinux",
            "operation": "Enable",
            "status": status,
            "substatus": [],
            "code": str(code),
            "taskId": self.task or None,
            "formattedMessage": {"lang": "en-US", "message": message},
            "snapshotInfo": [
                {"consistencyType": "crashConsistent" if self.is_saved and code != 4 else "none"}
            ],
            "vmHealthInfo": {"vmHealthState": 0, "vmHealthStatusCode": error},
        }
        stamp = r"\/Date(1705270608000)\/"
        return json.dumps([{"version": "1.0", "timestampUTC": stamp, "status": told}])


def logged(*parts: str) -> Logged:
    """What the log of these files says."""
    names = ["extension.log", *(f"extension.log.{number}" for number in range(1, len(parts)))]
    contents = {
        Path(name): part.encode("utf-8", "surrogateescape")
        for name, part in zip(names, reversed(parts), strict=True)
    }
    return understand(read_bytes(contents))
