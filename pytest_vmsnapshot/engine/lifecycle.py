"""One backup: precheck, pre-script, freeze, snapshot, thaw, post-script, verdict."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .. import catalogue
from ..backup import Backup, Consistency, EventKind, Note, RecoveryPoint, Step
from ..catalogue import NamedError
from ..explain import printable
from ..faults import Faults
from ..layout import FREEZE_HELPER_PATH
from ..moments import Moment
from ..protocols import (
    Clock,
    Copied,
    FileFacts,
    FileKind,
    Guest,
    MountNotOpened,
    Storage,
    StorageFailed,
    StorageTimeout,
    ThawFailed,
)
from ..script_run import ScriptRun
from . import other_confs, precheck, verdict
from .advice import advice
from .differences import Observed, differences
from .interpreter import Interpreter, compared, first_line, other_shells
from .mounts import left_as_they_are, to_freeze
from .phase import Phase, Scripts, Stage, error_kind
from .polled import PolledScripts
from .precheck import Checked, Seen
from .rules import RuleSet, other_than
from .script import AttemptedScripts
from .timeline import Timeline
from .verdict import Facts, Freeze, Outcome, Plan, Precheck, Snapshot
from .vm_facts import VmFacts


@dataclass(frozen=True, slots=True)
class Bench:
    """What one backup is made with.

    Args:
        vm: what Azure knows of the VM.
        guest: where scripts run.
        storage: what freezes and copies.
        clock: the VM's clock.
        rules: the rule set.
        faults: what a test makes the storage do; it knows by itself.
        reach: told of each moment, with a function that adds a line to the timeline.
        likely: where the scripts probably lie; what is guessed right saves time, no more.
    """

    vm: VmFacts
    guest: Guest
    storage: Storage
    clock: Clock
    rules: RuleSet
    faults: Faults = field(default_factory=Faults)
    reach: Callable[[Moment, Note], None] | None = None
    likely: tuple[str, ...] = ()


def run(bench: Bench, number: int, on_budget: Callable[[float], None] | None = None) -> Backup:
    """Take one backup.

    Whatever the config and the scripts are like, the answer is a verdict.

    Args:
        bench: the VM and its surroundings.
        number: which backup of the VM this is, from 1.
        on_budget: told, as soon as the config is known, how many seconds of the VM's clock the
            backup takes at most.

    Raises:
        GuestDied: the VM itself ended.
    """
    return _Lifecycle(bench, on_budget).run(number)


class _Lifecycle:
    """The state of one backup while it runs."""

    def __init__(self, bench: Bench, on_budget: Callable[[float], None] | None) -> None:
        self._bench = bench
        self._on_budget = on_budget
        self._real_start = time.perf_counter()
        self._other = other_than(bench.rules)
        self._timeline = Timeline(bench.clock)
        supervision = AttemptedScripts if bench.rules.stops_at_limit else PolledScripts
        self._scripts: Scripts = supervision(
            Stage(bench.guest, bench.clock, bench.vm.agent, bench.rules, self._timeline)
        )
        self._errors: list[NamedError] = []
        self._copied: Copied | None = None
        self._frozen: tuple[str, ...] | None = None
        self._asked = False
        self._snapshot_at: float | None = None

    def run(self, number: int) -> Backup:
        bench = self._bench
        seen = Seen(bench.guest, (*other_shells(bench.vm.agent), *bench.likely))
        checked = precheck.judge(bench.vm, seen, bench.rules)
        otherwise = precheck.judge(bench.vm, seen, self._other)
        self._timeline.add(Step.PRECHECK, printable(checked.note))
        self._errors += checked.errors
        if self._on_budget is not None:
            self._on_budget(2.0 * checked.patience + bench.rules.freeze_patience)
        facts = Facts(
            precheck=checked.outcome,
            precheck_code=checked.code,
            other_code=checked.other_code,
            continue_on_failure=checked.continue_on_failure,
            fs_freeze=checked.fs_freeze,
            fs_freeze_is_false=checked.fs_freeze_is_false,
            disks=bench.vm.disks,
            platform_falls_back=bench.vm.platform.falls_back(bench.vm.disks),
        )
        try:
            pre = self._script(Step.PRE_SCRIPT, checked)
            goes_on = facts.continue_on_failure and pre.continue_on_failure
            facts = replace(facts, pre=pre.outcome, pre_code=pre.code, continue_on_failure=goes_on)
            facts = self._take_snapshot(facts, seen)
            if not facts.undecidable:
                post = self._script(Step.POST_SCRIPT, checked)
                goes_on = goes_on and post.continue_on_failure
                facts = replace(
                    facts, post=post.outcome, post_code=post.code, continue_on_failure=goes_on
                )
        finally:
            runs = self._scripts.finish()
        interpreters = self._interpreters(runs, seen)
        self._advise(runs, seen, interpreters)
        decided = verdict.decide(facts, bench.rules)
        told = [error for error in self._errors if self._is_told(error, decided.extension.error)]
        end = bench.clock.now()
        observed = Observed(
            bench.vm,
            seen,
            bench.rules,
            self._other,
            checked,
            otherwise,
            facts,
            decided,
            runs,
            interpreters,
            bench.faults,
        )
        return Backup(
            number=number,
            status=decided.status,
            consistency=decided.consistency,
            errors=tuple(told),
            decided_by=decided.rule,
            pre=runs.get(Step.PRE_SCRIPT),
            post=runs.get(Step.POST_SCRIPT),
            recovery_point=self._recovery_point(decided.consistency),
            events=self._timeline.events(),
            duration=end - self._timeline.origin,
            real_duration=time.perf_counter() - self._real_start,
            rules=bench.rules.name,
            guest=bench.guest.name,
            clock=bench.clock.name,
            storage=bench.storage.name,
            extension=decided.extension,
            modelled=(*bench.guest.modelled(), *bench.storage.modelled()),
            frozen=self._frozen,
            snapshot_asked=self._asked,
            snapshot_at=self._snapshot_at,
            unreported=tuple(error for error in self._errors if error not in told),
            differences=differences(observed),
        )

    def _interpreters(self, runs: Mapping[Step, ScriptRun], seen: Seen) -> dict[Step, Interpreter]:
        """What the first lines of the scripts ask for, where only one rule set heeds them."""
        bench = self._bench
        found: dict[Step, Interpreter] = {}
        shell = bench.rules.interpreter or self._other.interpreter
        others = other_shells(bench.vm.agent)
        if bench.guest.runs_programs and bench.rules.interpreter != self._other.interpreter:
            for step, run in runs.items():
                path = precheck.absolute(run.path)
                line = first_line(seen.of(path).content or b"")
                for place in others:
                    if seen.of(place).kind is not FileKind.ABSENT:
                        name = line.name or "/bin/sh"
                        line = replace(line, name=name, differs=True, shell=place)
                        break
                if step is Step.POST_SCRIPT and bench.rules.interpreter:
                    (now,) = bench.guest.examine((path,), 0)
                    line = replace(line, executable=now.kind is FileKind.ABSENT or _may_run(now))
                found[step] = compared(line, path, shell, bench.guest, bench.clock, bench.vm.agent)
        return found

    def _advise(
        self, runs: Mapping[Step, ScriptRun], seen: Seen, asked_for: Mapping[Step, Interpreter]
    ) -> None:
        """Say what to do about the scripts that failed."""
        for index, error in enumerate(self._errors):
            for step, run in runs.items():
                if error.kind is error_kind(step, Outcome.FAILED):
                    content = seen.of(precheck.absolute(run.path)).content or b""
                    shell = self._bench.rules.interpreter
                    told = advice(run.path, content, run.last, asked_for.get(step), shell)
                    self._errors[index] = replace(error, advice=told)

    def _is_told(self, error: NamedError, reported: int) -> bool:
        rules = self._bench.rules
        return error.code == reported if rules.reports_one_error else True

    # -- scripts ---------------------------------------------------------------------------

    def _script(self, step: Step, checked: Checked) -> Phase:
        if checked.outcome is not Precheck.PASSED:
            return Phase()
        is_pre = step is Step.PRE_SCRIPT
        self._reach(step, Moment.BEFORE_PRE if is_pre else Moment.BEFORE_POST)
        phase = self._scripts.run(step, checked)
        self._reach(step, Moment.AFTER_PRE if is_pre else Moment.AFTER_POST)
        if phase.outcome.bad:
            self._errors.append(NamedError(error_kind(step, phase.outcome), phase.detail))
        return phase

    # -- freeze, snapshot, thaw --------------------------------------------------------------

    def _take_snapshot(self, facts: Facts, seen: Seen) -> Facts:
        rules = self._bench.rules
        plan = verdict.plan(facts, rules)
        if not plan.snapshot:
            self._timeline.add(Step.SNAPSHOT, f"not taken: {plan.reason}")
            return facts
        if not plan.freeze:
            self._timeline.add(Step.FREEZE, "off")
            return self._snapshot(facts, deadline=None)
        facts = self._frozen_snapshot(facts, seen)
        if not facts.freeze.bad:
            return facts
        fallback: Plan = verdict.plan_after_bad_freeze(facts, rules)
        if fallback.snapshot:
            self._timeline.add(Step.FREEZE, f"going on without: {fallback.reason}")
            return self._snapshot(facts, deadline=None)
        self._timeline.add(Step.SNAPSHOT, f"not taken: {fallback.reason}")
        return facts

    def _frozen_snapshot(self, facts: Facts, seen: Seen) -> Facts:
        bench = self._bench
        conf = seen.of(other_confs.VMBACKUP_PATH).content
        skipped = other_confs.mounts_to_skip(conf)
        self._frozen = to_freeze(bench.vm.mounts, skipped, bench.rules)
        limit = other_confs.thaw_limit(conf, bench.rules.freeze_limit)
        if bench.rules.freeze_time:
            bench.clock.run_until(bench.clock.deadline(bench.rules.freeze_time))
        if bench.rules.helper_is_needed and not seen.of(FREEZE_HELPER_PATH).mode & 0o111:
            patience = bench.rules.freeze_patience - bench.rules.freeze_time
            bench.clock.run_until(bench.clock.deadline(patience))
            reason = f"{FREEZE_HELPER_PATH} may not be executed, so it did not answer"
            return self._bad_freeze(facts, Freeze.TIMED_OUT, reason)
        if not self._frozen:
            self._timeline.add(Step.FREEZE, "nothing to freeze")
            return self._snapshot(replace(facts, freeze=Freeze.OK), deadline=None)
        deadline = bench.clock.deadline(limit)
        others = left_as_they_are(bench.vm.mounts, self._frozen, bench.rules)
        frozen = ""
        try:
            frozen = bench.storage.freeze(self._frozen, deadline, others)
            self._timeline.add(Step.FREEZE, frozen)
            self._reach(Step.FREEZE, Moment.FROZEN)
            facts = self._snapshot(replace(facts, freeze=Freeze.OK), deadline)
        except StorageTimeout as late:
            if frozen and bench.rules.snapshot_outlives_freeze:
                return self._outlived(facts, str(late))
            facts = self._bad_freeze(facts, Freeze.TIMED_OUT, str(late))
        except MountNotOpened as failed:
            facts = self._bad_freeze(facts, Freeze.NOT_OPENED, str(failed))
        except StorageFailed as failed:
            facts = self._bad_freeze(facts, Freeze.FAILED, str(failed))
        except BaseException:
            with contextlib.suppress(Exception):  # nothing stays frozen; the first error counts
                bench.storage.thaw()
            raise
        try:
            bench.storage.thaw()
            if frozen:
                self._timeline.add(Step.THAW, "done")
                self._reach(Step.THAW, Moment.THAWED)
        except ThawFailed as failed:
            self._errors.append(NamedError(catalogue.UNEXPECTED, str(failed)))
            self._timeline.add(Step.THAW, f"failed: {failed}")
            facts = replace(facts, freeze=Freeze.LOST)
        if bench.rules.thaw_time and frozen:
            bench.clock.run_until(bench.clock.deadline(bench.rules.thaw_time))
        return facts

    def _outlived(self, facts: Facts, reason: str) -> Facts:
        """The file systems thawed during the snapshot, which goes on all the same."""
        self._bench.storage.thaw()
        self._errors.append(NamedError(catalogue.UNEXPECTED, reason))
        self._timeline.add(Step.THAW, f"before the snapshot was complete: {reason}")
        return self._snapshot(replace(facts, freeze=Freeze.LOST), deadline=None)

    def _bad_freeze(self, facts: Facts, freeze: Freeze, reason: str) -> Facts:
        self._errors.append(NamedError(_FREEZE_KINDS[freeze], reason))
        self._timeline.add(Step.FREEZE, f"{freeze.value}: {reason}")
        return replace(facts, freeze=freeze)

    def _snapshot(self, facts: Facts, deadline: float | None) -> Facts:
        self._reach(Step.SNAPSHOT, Moment.BEFORE_SNAPSHOT)
        self._asked = True
        began = self._bench.clock.now()
        try:
            copied = self._bench.storage.snapshot(deadline)
        except StorageFailed as failed:
            if isinstance(failed, StorageTimeout) and deadline is not None:
                raise
            self._errors.append(NamedError(catalogue.SNAPSHOT_FAILED, str(failed)))
            self._timeline.add(Step.SNAPSHOT, f"failed: {failed}")
            return replace(facts, snapshot=Snapshot.FAILED)
        if not copied.complete:
            reason = "the snapshot of some disks failed (a fault the test asked for)"
            if self._bench.rules.partial_snapshot_fails:
                self._errors.append(NamedError(catalogue.SNAPSHOT_FAILED, reason))
                self._timeline.add(Step.SNAPSHOT, f"failed: {reason}")
                return replace(facts, snapshot=Snapshot.FAILED)
            self._timeline.add(Step.SNAPSHOT, f"{reason}, which the extension does not notice")
        self._snapshot_at = self._bench.clock.now()
        took = (self._snapshot_at - began) * 1000
        shown = f"{copied.files} files, {_size(copied.size)} in {took:.1f} ms"
        self._timeline.add(Step.SNAPSHOT, shown)
        if copied.lost:
            text = f"without a freeze this is lost (seed {copied.seed}):"
            self._timeline.add(Step.SNAPSHOT, text)
        for lost in copied.lost:
            self._timeline.add(Step.SNAPSHOT, f"  {printable(lost)}")
        self._copied = copied
        self._reach(Step.SNAPSHOT, Moment.AFTER_SNAPSHOT)
        return replace(facts, snapshot=Snapshot.OK)

    def _reach(self, step: Step, moment: Moment) -> None:
        if self._bench.reach is not None:
            self._bench.reach(moment, functools.partial(self._note, step))

    def _note(self, step: Step, text: str, kind: EventKind = EventKind.TEST) -> None:
        self._timeline.add(step, text, kind=kind)

    def _recovery_point(self, consistency: Consistency) -> RecoveryPoint | None:
        if self._copied is None or consistency is Consistency.NONE:
            return None
        copied = self._copied
        return RecoveryPoint(
            consistency, copied.files, copied.size, copied.lost, copied.seed, copied.source
        )


def _may_run(facts: FileFacts) -> bool:
    return bool(facts.mode & 0o111)


_FREEZE_KINDS = {
    Freeze.FAILED: catalogue.FREEZE_FAILED,
    Freeze.TIMED_OUT: catalogue.FREEZE_TIMEOUT,
    Freeze.NOT_OPENED: catalogue.MOUNT_NOT_OPENED,
}


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} bytes"
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"
