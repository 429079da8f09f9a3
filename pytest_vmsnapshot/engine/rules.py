"""The framework's rules as data: each once, with its value under both rule sets and its source.

``documented`` is what the documentation promises; ``shipped`` is what the extension that runs on
VMs was seen to do. The engine consults a ``RuleSet`` and does not know which one it is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ..layout import EXTENSION_DIRECTORY

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Rule(Generic[_T]):
    """One rule.

    Args:
        about: what it decides, as a sentence without a full stop.
        documented: its value by the documentation.
        shipped: its value in the extension that runs on VMs.
        source: where the documentation says so; or that it is silent, and what is taken instead.
        vectors: ids of the conformance vectors that show the shipped value.
    """

    about: str
    documented: _T
    shipped: _T
    source: str
    vectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModeRule:
    """Which permission bits a file may have.

    Args:
        exactly: the only mode that is accepted, special bits included; None for any.
        forbidden: bits that must not be set.
    """

    exactly: int | None = None
    forbidden: int = 0

    def accepts(self, mode: int) -> bool:
        """Whether a file of this mode is accepted."""
        return not mode & self.forbidden and self.exactly in (None, mode)

    def __str__(self) -> str:
        if self.exactly is not None:
            return f"have mode {self.exactly:03o}"
        return f"have none of the mode bits {self.forbidden:03o}"


_ALL_KEYS = (
    *("pluginName", "preScriptLocation", "postScriptLocation", "preScriptParams"),
    *("postScriptParams", "preScriptNoOfRetries", "postScriptNoOfRetries", "timeoutInSeconds"),
    *("continueBackupOnFailure", "fsFreezeEnabled"),
)

_KEYS = "the documentation's table of keys"
_STEPS = "the documentation's steps for the owner of a VM"
_ERRORS = "the documentation's table of errors"
_SILENT = "the documentation is silent"

RULES: Mapping[str, Rule[Any]] = MappingProxyType(
    {
        "config_mode": Rule(
            "which mode the config must have",
            ModeRule(exactly=0o600),
            ModeRule(forbidden=0o177),
            _STEPS,
            ("perm-config-400", "perm-config-000", "perm-config-700", "perm-config-644"),
        ),
        "script_mode": Rule(
            "which mode both scripts must have",
            ModeRule(exactly=0o700),
            ModeRule(forbidden=0o077),
            _STEPS,
            ("perm-pre-600", "perm-pre-500", "perm-post-000", "perm-pre-4700", "perm-pre-755"),
        ),
        "plugin_host_mode": Rule(
            "which mode a Pluginhost file must have",
            ModeRule(),
            ModeRule(forbidden=0o033),
            _SILENT,
            ("host-mode-000", "host-mode-640", "host-mode-666", "host-mode-755"),
        ),
        "owner_by_name": Rule(
            "whether the owner must be called root, whatever user 0 is called",
            False,
            True,
            _STEPS,
            ("perm-root-renamed", "host-nobody"),
        ),
        "plugin_host_decides": Rule(
            "whether the Pluginhost file says how many configs there are, where they lie, and how "
            "long a script may take",
            False,
            True,
            _SILENT,
            ("host-config-path-elsewhere", "host-plugins-2-ok", "host-empty", "host-both-absent"),
        ),
        "strict_types": Rule(
            "whether a value of a wrong type makes the config wrong, whatever the value is for",
            True,
            False,
            _KEYS,
            ("type-timeout-null", "type-continue-str-false-ok", "type-preparams-string"),
        ),
        "required_keys": Rule(
            "which keys a config must have",
            _ALL_KEYS,
            ("preScriptLocation", "postScriptLocation"),
            f"{_KEYS}: the template has ten keys, of which only the values are to be changed",
            ("cfg-missing-pluginName", "cfg-missing-preScriptLocation", "cfg-empty-object"),
        ),
        "default_timeout": Rule(
            "seconds a script may take where timeoutInSeconds is missing",
            30,
            10,
            f"{_KEYS}: 30 in the template",
            ("cfg-missing-timeoutInSeconds-fast",),
        ),
        "relative_locations": Rule(
            "whether the path of a script may be relative to the extension's directory",
            False,
            True,
            _STEPS,
            ("path-relative-noslash",),
        ),
        "names_every_script": Rule(
            "whether both scripts are looked at even if the first one is refused",
            True,
            False,
            _SILENT,
            ("path-both-missing", "perm-pre-755-post-755"),
        ),
        "classic_runs_scripts": Rule(
            "whether scripts run on a VM of the classic deployment model",
            False,
            True,
            "the documentation: only VMs deployed by the Resource Manager are supported",
            ("snap-classic-vm",),
        ),
        "helper_is_needed": Rule(
            "whether a backup fails at once where the extension's freezing helper is missing",
            False,
            True,
            _SILENT,
            ("snap-freeze-binary-missing", "snap-freeze-binary-missing-fs-off"),
        ),
        "workload_replaces_scripts": Rule(
            "whether a workload.conf that names a database switches the scripts off",
            False,
            True,
            _SILENT,
            ("other-workload-invalid-role", "other-workload-unsupported"),
        ),
        "interpreter": Rule(
            "what runs a script; empty where it is executed, so that its first line counts",
            "",
            "sh",
            "the documentation: scripts are executed",
            ("interp-python-shebang", "interp-perl-shebang-missing", "perm-pre-600"),
        ),
        "fallback_shell": Rule(
            "what runs a script that is executed and has no interpreter line",
            "/bin/sh",
            "/bin/sh",
            _SILENT,
            (),
        ),
        "relaunches": Rule(
            "whether a script that failed is started again",
            True,
            False,
            f"{_KEYS}: NoOfRetries",
            ("retries-pre-1-second-ok", "retries-post-3-second-ok", "retries-pre-2000"),
        ),
        "poll_step": Rule(
            "seconds between two looks at a script; 0 where its end is noticed at once. "
            "ScriptsExecutionPollTimeSeconds can set 1 to 5",
            0,
            3,
            f"{_KEYS}: timeoutInSeconds is a limit in seconds",
            ("timeout-edge-10-11.6", "timeout-edge-31-33.6", "type-poll-2.9", "type-poll-0"),
        ),
        "failed_start_is_awaited": Rule(
            "whether a script that could not be started is waited for in vain, half an hour",
            False,
            True,
            f"{_ERRORS}: it returned an error",
            ("param-too-long", "type-preparams-null", "cfg-pluginName-null"),
        ),
        "limit_cap": Rule(
            "seconds that no timeoutInSeconds exceeds",
            math.inf,
            1800.0,
            _SILENT,
            ("type-timeout-huge", "type-timeout-infinity"),
        ),
        "stops_at_limit": Rule(
            "whether a script is stopped at its limit, with everything it has started",
            True,
            False,
            _ERRORS,
            ("timeout-pre", "timeout-pre-traps-term", "timeout-post"),
        ),
        "drains_output": Rule(
            "whether what a script prints is read; otherwise it waits at 64 KiB of a stream",
            True,
            False,
            _SILENT,
            ("output-stdout-64KiB", "output-stdout-64KiB+1", "output-stderr-1MiB"),
        ),
        "freeze_off_vetoes": Rule(
            "whether a script failure fails the backup where fsFreezeEnabled is false",
            False,
            True,
            f"{_KEYS}: continueBackupOnFailure decides",
            ("mx-pre_ok-post_fail-contT-fsF-snap_ok-freeze_ok", "type-fsfreeze-zero-prefail"),
        ),
        "single_disk_falls_back": Rule(
            "whether a VM with one disk falls back to crash-consistent whatever "
            "continueBackupOnFailure says",
            True,
            False,
            f"{_KEYS}: continueBackupOnFailure",
            ("crash-pre_fail-contF-fsT", "crash-post_fail-contF", "crash-prenotfound-contF"),
        ),
        "platform_falls_back": Rule(
            "whether a failed freeze or snapshot falls back to crash-consistent where the platform "
            "allows it: a managed VM with one disk whose backup is tried again",
            False,
            True,
            _SILENT,
            ("crash-ok-freeze-fail", "crash-cond-retry-0", "crash-freeze-ok-snap-fail"),
        ),
        "unreported": Rule(
            "codes of the precheck that Azure is not told",
            frozenset({316}),
            frozenset({304, 305, 313, 314, 316}),
            _ERRORS,
            ("pc-config-parse-contF-fsT", "pc-host-parse-contF-fsF", "cfg-absent"),
        ),
        "reports_one_error": Rule(
            "whether Azure is told only the first of several errors",
            False,
            True,
            _SILENT,
            ("snap-prefail-snapfail", "mx-pre_ok-post_fail-contT-fsT-snap_ok-freeze_fail"),
        ),
        "failed_snapshot_succeeds": Rule(
            "whether the extension calls it a success when the snapshot of every disk failed",
            False,
            True,
            _SILENT,
            ("mx-pre_ok-post_ok-contT-fsT-snap_failed-freeze_ok",),
        ),
        "partial_snapshot_fails": Rule(
            "whether a backup fails when the snapshot of some disks failed",
            True,
            False,
            f"{_SILENT}: a recovery point is one of the whole VM, so it needs all disks",
            (),  # SHIPPED.md, section 7: seen, but the answer of a real host is not public
        ),
        "freeze_limit": Rule(
            "seconds after which frozen file systems thaw by themselves",
            60.0,
            60.0,
            "the documentation: file systems stay frozen for at most 60 seconds",
            (),
        ),
        "freeze_time": Rule(
            "seconds a freeze takes before the snapshot",
            0.0,
            4.0,
            _SILENT,
            ("snap-freeze-late_thaw",),
        ),
        "freeze_patience": Rule(
            "seconds the extension waits for the answer of its freezing helper",
            60.0,
            66.0,
            _SILENT,
            ("crash-ok-freeze-timeout",),
        ),
        "snapshot_outlives_freeze": Rule(
            "whether a snapshot goes on when the file systems thaw by themselves meanwhile; the "
            "backup fails in either case",
            False,
            True,
            _SILENT,
            ("snap-freeze-late_thaw",),
        ),
        "thaw_time": Rule("seconds a thaw takes", 0.0, 1.0, _SILENT, ("snap-freeze-thaw_fail",)),
        "freezable_types": Rule(
            "types of file systems that are frozen, loop devices excepted",
            ("ext3", "ext4", "xfs", "btrfs"),
            ("ext3", "ext4", "xfs", "btrfs"),
            f"{_SILENT}: as shipped",
            ("snap-freeze-nothing-to-freeze", "other-vmbackup-MountsToSkip"),
        ),
        "locale_is_coerced": Rule(
            "whether a script sees LC_CTYPE=C.UTF-8 where the agent has no LANG",
            False,
            True,
            _SILENT,
            ("proc-env",),
        ),
        "working_directory": Rule(
            "where scripts start", EXTENSION_DIRECTORY, EXTENSION_DIRECTORY, _SILENT, ("proc-env",)
        ),
    }
)
"""Every rule, by the name of the field of ``RuleSet`` that holds its value."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One truth about the framework; ``RULES`` says what each field decides.

    Args:
        name: what a test asks for: ``documented`` or ``shipped``.
    """

    name: str
    config_mode: ModeRule
    script_mode: ModeRule
    plugin_host_mode: ModeRule
    owner_by_name: bool
    plugin_host_decides: bool
    strict_types: bool
    required_keys: tuple[str, ...]
    default_timeout: int
    relative_locations: bool
    names_every_script: bool
    classic_runs_scripts: bool
    helper_is_needed: bool
    workload_replaces_scripts: bool
    interpreter: str
    fallback_shell: str
    relaunches: bool
    poll_step: int
    failed_start_is_awaited: bool
    limit_cap: float
    stops_at_limit: bool
    drains_output: bool
    freeze_off_vetoes: bool
    single_disk_falls_back: bool
    platform_falls_back: bool
    unreported: frozenset[int]
    reports_one_error: bool
    failed_snapshot_succeeds: bool
    partial_snapshot_fails: bool
    freeze_limit: float
    freeze_time: float
    freeze_patience: float
    snapshot_outlives_freeze: bool
    thaw_time: float
    freezable_types: tuple[str, ...]
    locale_is_coerced: bool
    working_directory: str


def _rule_set(name: str) -> RuleSet:
    fields = [field.name for field in dataclasses.fields(RuleSet) if field.name != "name"]
    return RuleSet(name, **{field: getattr(RULES[field], name) for field in fields})


DOCUMENTED = _rule_set("documented")
SHIPPED = _rule_set("shipped")

RULE_SETS: Mapping[str, RuleSet] = MappingProxyType(
    {rules.name: rules for rules in (DOCUMENTED, SHIPPED)}
)


def other_than(rules: RuleSet) -> RuleSet:
    """The other truth.

    Args:
        rules: one of both, or one that was made of it.
    """
    return DOCUMENTED if rules.name == SHIPPED.name else SHIPPED
