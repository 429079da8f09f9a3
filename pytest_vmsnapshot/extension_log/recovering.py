"""From the facts of one backup to what the log says of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace

from ..backup import Step
from .backups import Ending, FreezeEnding, LoggedBackup, LoggedPlatform, Stretch
from .freeze_lines import FreezeLines
from .kinds import Fact, Kind
from .precheck_lines import PrecheckLines
from .python_values import read_value
from .reading import times_of
from .runs import Run
from .script_lines import ScriptLines
from .status_report import Report

_REFUSED_BEFORE_SETTINGS = frozenset({304, 305, 313, 314, 316, 317})


def recover(run: Run, number: int) -> LoggedBackup:
    """Put together what the log says of one backup.

    Args:
        run: its facts.
        number: the first backup of the log is 1.
    """
    precheck = PrecheckLines()
    freeze_lines = FreezeLines(is_complete=run.starts or _sees_pre_script(run))
    scripts = {Step.PRE_SCRIPT: ScriptLines(), Step.POST_SCRIPT: ScriptLines()}
    for fact in run.facts:
        precheck.take(fact)
        freeze_lines.take(fact)
        if fact.step is not None:
            scripts[fact.step].take(fact)
    report = _final(run)
    first = {fact.kind: fact for fact in reversed(run.facts)}
    code = _precheck_code(precheck, first.keys())
    plugins = tuple(precheck.plugins)
    freeze = freeze_lines.freeze(plugins, code, report)
    workload, task = first.get(Kind.WORKLOAD), first.get(Kind.TASK)
    distribution = first.get(Kind.DISTRIBUTION)
    failure = first.get(Kind.EXTENSION_FAILED) or first.get(Kind.SNAPSHOT_BROKE)
    backup = LoggedBackup(
        number,
        _stretch(run),
        task.value if task else "",
        _platform(first.get(Kind.PLATFORM), first.get(Kind.CUSTOM_SETTINGS)),
        precheck.host,
        plugins,
        code,
        workload.name if workload else "",
        Kind.HELPER_MISSING in first,
        Kind.TOO_LATE in first,
        scripts[Step.PRE_SCRIPT].runs(len(plugins)),
        scripts[Step.POST_SCRIPT].runs(len(plugins)),
        freeze,
        freeze_lines.snapshot(freeze, report),
        report,
        failure.value if failure else "",
        distribution.value if distribution else "",
    )
    return replace(backup, not_known=tuple(_gaps(backup)))


def _sees_pre_script(run: Run) -> bool:
    ends = (Kind.FINISHED, Kind.NO_SCRIPTS)
    return any(f.kind in ends and f.step is not Step.POST_SCRIPT for f in run.facts)


def _stretch(run: Run) -> Stretch:
    messages = [fact.message for fact in run.facts]
    began, ended = times_of(messages)
    first, last = messages[0].line.place, messages[-1].line.place
    return Stretch(first, last, began, ended, run.starts, run.is_over, run.is_mixed)


def _platform(fact: Fact | None, settings: Fact | None) -> LoggedPlatform | None:
    """What the platform said: as the extension sums it up, or as it was written."""
    if fact is not None:
        told = dict(fact.values)
        disks = told["disks"]
        return LoggedPlatform(
            read_value(told["managed"]),
            read_value(told["allowed"]),
            read_value(told["retries"]),
            int(disks) if disks and len(disks) < 6 else None,
        )
    if settings is None:
        return None
    try:
        keys = json.loads(settings.value)
    except (ValueError, RecursionError):
        return None
    names = ("isManagedVm", "canTakeCrashConsistentSnapshot", "backupRetryCount")
    return LoggedPlatform(*(keys.get(name) for name in names))


def _precheck_code(lines: PrecheckLines, kinds: Collection[Kind]) -> int | None:
    """The code of the precheck; None where it was not come to, or the log does not say."""
    if lines.code is not None:
        return lines.code
    passed = Kind.STARTED in kinds or Kind.FINISHED in kinds
    return 0 if passed or (Kind.SCRIPTS_COUNT in kinds and Kind.NO_SCRIPTS not in kinds) else None


def _final(run: Run) -> Report | None:
    """The last word: that for the service, where the log has it."""
    to_service = [report for report in run.reports if not report.to_file]
    return next(reversed(to_service or run.reports), None)


def _gaps(backup: LoggedBackup) -> Iterator[str]:
    """What the log does not say of a backup, and why."""
    if not backup.stretch.starts:
        yield f"how it began: the log begins at {backup.stretch.first}, in the middle of it"
    if backup.report is None:
        yield "what became of it: the log has no final status of it"
    elif backup.report.error is None:
        yield "its error code: the final status does not say"
    if backup.stretch.is_mixed:
        yield "whose each line is: another backup was under way at the same time"
    if backup.platform is None and not backup.helper_missing:
        yield "how many disks the VM has, and whether the platform falls back: no line says"
    elif backup.platform is not None and backup.platform.disks is None:
        yield "how many disks the VM has: no line says"
    yield from _gaps_of_config(backup)
    for word, runs in (("pre", backup.pre), ("post", backup.post)):
        if any(run.ending is Ending.NOT_TOLD for run in runs):
            yield f"what became of the {word}-script: no line says"
        if len(set(runs)) > 1:
            yield f"which of the {word}-scripts ended how: the lines do not say"
    if backup.freeze.ending is FreezeEnding.NOT_TOLD:
        yield "what became of the freeze: no line says"
    elif backup.freeze.ending is not FreezeEnding.NOT_ASKED and backup.freeze.order is None:
        yield "what was to be frozen: no line says"


def _gaps_of_config(backup: LoggedBackup) -> Iterator[str]:
    if backup.helper_missing or backup.workload or backup.failure or backup.too_late:
        return  # it was not come to
    settings = [plugin.keys for plugin in backup.plugins if plugin.keys]
    if not settings and backup.precheck not in _REFUSED_BEFORE_SETTINGS:
        yield "the settings of the config: their line is missing"
    if any("preScriptParams" not in keys for keys in settings):
        yield "params, retries and fsFreezeEnabled: this version of the extension logs none"
    for plugin in backup.plugins:
        if len(plugin.polls) > 1:
            steps = ", ".join(map(str, plugin.polls[1:]))
            yield f"how often a script is looked at: every {plugin.polls[0]} s, or {steps}"
