"""One backup: precheck, pre-script, freeze, snapshot, thaw, post-script, verdict."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .. import catalogue
from ..backup import Backup, Consistency, RecoveryPoint, ScriptRun, Step
from ..catalogue import NamedError
from ..config import ScriptConfig
from ..explain import printable
from ..protocols import Clock, Copied, Guest, Storage, StorageFailed, StorageTimeout
from . import precheck, verdict
from .precheck import Checked, VmFacts
from .rules import RuleSet
from .script import ScriptRunner
from .timeline import Timeline
from .verdict import Facts, Freeze, Outcome, Plan, Precheck, Snapshot


@dataclass(frozen=True, slots=True)
class Bench:
    """What one backup is made with.

    Args:
        vm: what Azure knows of the VM.
        guest: where scripts run.
        storage: what freezes and copies.
        clock: the VM's clock.
        rules: the rule set.
    """

    vm: VmFacts
    guest: Guest
    storage: Storage
    clock: Clock
    rules: RuleSet


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


_ERRORS = {
    (Step.PRE_SCRIPT, Outcome.FAILED): catalogue.PRE_EXECUTION_FAILED,
    (Step.PRE_SCRIPT, Outcome.TIMED_OUT): catalogue.PRE_TIMEOUT,
    (Step.POST_SCRIPT, Outcome.FAILED): catalogue.POST_EXECUTION_FAILED,
    (Step.POST_SCRIPT, Outcome.TIMED_OUT): catalogue.POST_TIMEOUT,
}


class _Lifecycle:
    """The state of one backup while it runs."""

    def __init__(self, bench: Bench, on_budget: Callable[[float], None] | None) -> None:
        self._bench = bench
        self._on_budget = on_budget
        self._real_start = time.perf_counter()
        self._timeline = Timeline(bench.clock)
        self._scripts = ScriptRunner(bench.guest, bench.clock, bench.rules, self._timeline)
        self._errors: list[NamedError] = []
        self._copied: Copied | None = None

    def run(self, number: int) -> Backup:
        bench = self._bench
        checked = precheck.check(bench.vm, bench.guest, bench.rules)
        self._timeline.add(Step.PRECHECK, printable(checked.note))
        self._errors += checked.errors
        if self._on_budget is not None:
            self._on_budget(2.0 * _limit(checked.config) + bench.rules.freeze_limit)
        facts = Facts(
            precheck=checked.outcome,
            continue_on_failure=checked.config.continue_on_failure,
            fs_freeze=checked.config.fs_freeze,
            disks=bench.vm.disks,
        )
        pre, outcome = self._script(Step.PRE_SCRIPT, checked)
        facts = replace(facts, pre=outcome)
        facts = self._take_snapshot(facts)
        post, outcome = self._script(Step.POST_SCRIPT, checked)
        facts = replace(facts, post=outcome)
        decided = verdict.decide(facts)
        end = bench.clock.now()
        return Backup(
            number=number,
            status=decided.status,
            consistency=decided.consistency,
            errors=tuple(self._errors),
            decided_by=decided.rule,
            pre=pre,
            post=post,
            recovery_point=self._recovery_point(decided.consistency),
            events=self._timeline.events(),
            duration=end - self._timeline.origin,
            real_duration=time.perf_counter() - self._real_start,
            rules=bench.rules.name,
            guest=bench.guest.name,
            clock=bench.clock.name,
            storage=bench.storage.name,
            modelled=(*bench.guest.modelled(), *bench.storage.modelled()),
        )

    # -- scripts ---------------------------------------------------------------------------

    def _script(self, step: Step, checked: Checked) -> tuple[ScriptRun | None, Outcome]:
        if checked.outcome is not Precheck.PASSED:
            return None, Outcome.NOT_RUN
        config = checked.config
        if step is Step.PRE_SCRIPT:
            path, params, retries = config.pre_location, config.pre_params, config.pre_retries
        else:
            path, params, retries = config.post_location, config.post_params, config.post_retries
        done, outcome = self._scripts.run(step, path, params, retries=retries, limit=_limit(config))
        if outcome.bad:
            detail = self._detail(done, outcome, config.timeout)
            self._errors.append(NamedError(_ERRORS[step, outcome], detail))
        return done, outcome

    @staticmethod
    def _detail(done: ScriptRun, outcome: Outcome, limit: int) -> str:
        count = done.attempt_count
        tries = f" in the last of {count} attempts" if count > 1 else ""
        path = printable(done.path)
        if outcome is Outcome.TIMED_OUT and not done.timed_out:
            tried = f"{count} attempts" if count > 1 else "one attempt"
            return f"{path} reached its limit of {limit} s after {tried}, none of which succeeded"
        if outcome is Outcome.TIMED_OUT:
            first = next(iter(done.last.waiting_in), "")
            waiting = f", waiting in: {printable(first)}" if first else ""
            return f"{path} was stopped at its limit of {limit} s{tries}{waiting}"
        return f"{path}: {done.last.ending}{tries}"

    # -- freeze, snapshot, thaw --------------------------------------------------------------

    def _take_snapshot(self, facts: Facts) -> Facts:
        plan = verdict.plan(facts)
        if not plan.snapshot:
            self._timeline.add(Step.SNAPSHOT, f"not taken: {plan.reason}")
            return facts
        if not plan.freeze:
            self._timeline.add(Step.FREEZE, "off")
            return self._snapshot(facts, deadline=None)
        limit = self._bench.rules.freeze_limit
        deadline = self._bench.clock.deadline(limit)
        frozen = ""
        try:
            frozen = self._bench.storage.freeze(deadline)
            self._timeline.add(Step.FREEZE, frozen)
            facts = self._snapshot(replace(facts, freeze=Freeze.OK), deadline)
        except StorageTimeout as late:
            facts = self._bad_freeze(facts, Freeze.TIMED_OUT, str(late))
        except StorageFailed as failed:
            facts = self._bad_freeze(facts, Freeze.FAILED, str(failed))
        except BaseException:
            with contextlib.suppress(Exception):  # nothing stays frozen; the first error counts
                self._bench.storage.thaw()
            raise
        self._bench.storage.thaw()
        if frozen:
            self._timeline.add(Step.THAW, "done")
        if not facts.freeze.bad:
            return facts
        fallback: Plan = verdict.plan_after_bad_freeze(facts)
        if fallback.snapshot:
            self._timeline.add(Step.FREEZE, f"going on without: {fallback.reason}")
            return self._snapshot(facts, deadline=None)
        self._timeline.add(Step.SNAPSHOT, f"not taken: {fallback.reason}")
        return facts

    def _bad_freeze(self, facts: Facts, freeze: Freeze, reason: str) -> Facts:
        late = freeze is Freeze.TIMED_OUT
        kind = catalogue.FREEZE_TIMEOUT if late else catalogue.FREEZE_FAILED
        self._errors.append(NamedError(kind, reason))
        self._timeline.add(Step.FREEZE, f"{freeze.value}: {reason}")
        return replace(facts, freeze=freeze)

    def _snapshot(self, facts: Facts, deadline: float | None) -> Facts:
        began = self._bench.clock.now()
        try:
            copied = self._bench.storage.snapshot(deadline)
        except StorageFailed as failed:
            if isinstance(failed, StorageTimeout) and deadline is not None:
                raise
            self._errors.append(NamedError(catalogue.SNAPSHOT_FAILED, str(failed)))
            self._timeline.add(Step.SNAPSHOT, f"failed: {failed}")
            return replace(facts, snapshot=Snapshot.FAILED)
        took = (self._bench.clock.now() - began) * 1000
        shown = f"{copied.files} files, {_size(copied.size)} in {took:.1f} ms"
        self._timeline.add(Step.SNAPSHOT, shown)
        self._copied = copied
        return replace(facts, snapshot=Snapshot.OK)

    def _recovery_point(self, consistency: Consistency) -> RecoveryPoint | None:
        if self._copied is None or consistency is Consistency.NONE:
            return None
        return RecoveryPoint(
            consistency, self._copied.files, self._copied.size, self._copied.source
        )


_FOREVER = 10 * 365 * 24 * 3600
"""Seconds: no limit is longer, so that no config can overflow a clock."""


def _limit(config: ScriptConfig) -> float:
    return float(min(config.timeout, _FOREVER))


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} bytes"
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"
