"""Where the other rule set would have decided otherwise, for what a backup was seen to do.

The other rule set judges the same files, and what it would have made of each script is told from
how that ran. Where the verdict would be another one, or a script would do something else, that is a
difference. Where both agree there is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..backup import Consistency, Difference, Status, Step
from ..catalogue import CATALOGUE
from ..explain import printable
from ..faults import Faults, FreezeFault, SnapshotFault
from ..layout import FREEZE_HELPER_PATH
from ..protocols import FileKind
from ..script_run import ScriptRun
from . import prediction, verdict
from .interpreter import Interpreter
from .phase import phase_code
from .polled import patience_of
from .precheck import Checked, Seen, judge
from .prediction import Case, Cause, Prediction
from .rules import RuleSet
from .verdict import Facts, Freeze, Outcome, Precheck, Snapshot, Verdict
from .vm_facts import VmFacts

_PRECHECK_RULES = (
    *("classic_runs_scripts", "workload_replaces_scripts", "helper_is_needed"),
    *("owner_by_name", "plugin_host_mode", "plugin_host_decides", "config_mode", "script_mode"),
    *("relative_locations", "names_every_script", "strict_types", "required_keys"),
    *("default_timeout", "poll_step", "limit_cap", "platform_falls_back"),
)
"""Rules the precheck depends on, in an order in which one after the other can be exchanged."""

_DECIDING_RULES: Mapping[str, tuple[str, str]] = {
    "unreported": (
        "Azure is told of what is wrong with the config or the Pluginhost file",
        "the extension does not tell Azure what is wrong with the config or the Pluginhost file",
    ),
    "freeze_off_vetoes": (
        "continueBackupOnFailure decides, also where fsFreezeEnabled is false",
        "where fsFreezeEnabled is false any script failure fails the backup",
    ),
    "single_disk_falls_back": (
        "a single-disk VM falls back to crash-consistent whatever continueBackupOnFailure says",
        "a single-disk VM does not fall back after a script failure or a failed freeze",
    ),
    "platform_falls_back": (
        "a failed freeze or snapshot does not fall back because the platform allows it",
        "the platform allows a crash-consistent fallback for a failed freeze or snapshot",
    ),
}
"""Rules of the verdict: what they say under the documented and under the shipped rule set."""


_STUCK = {
    True: "the extension's freezing helper may not be executed, so no file system would be frozen",
    False: "the extension's freezing helper does not count",
}

_PARTIAL = {
    True: "the snapshot of some disks failed, and a recovery point needs all",
    False: "the extension does not notice that the snapshot of some disks failed",
}


@dataclass(frozen=True, slots=True)
class Observed:
    """What one backup was seen to do.

    Args:
        vm: the VM.
        seen: its files, as the precheck saw them.
        rules: the rule set in effect.
        other: the other one.
        checked: what the precheck found.
        otherwise: what it would find under the other rule set.
        facts: all the verdict depended on.
        decided: the verdict.
        runs: the scripts.
        interpreters: what their first lines ask for.
        faults: what would go wrong about a freeze or a snapshot that was not tried here.
    """

    vm: VmFacts
    seen: Seen
    rules: RuleSet
    other: RuleSet
    checked: Checked
    otherwise: Checked
    facts: Facts
    decided: Verdict
    runs: Mapping[Step, ScriptRun]
    interpreters: Mapping[Step, Interpreter]
    faults: Faults


def differences(observed: Observed) -> tuple[Difference, ...]:
    """Where the other rule set would have decided otherwise."""
    causes: list[Cause] = list(_of_precheck(observed))
    behaves: list[Cause] = []
    outcomes = {Step.PRE_SCRIPT: prediction.OPEN, Step.POST_SCRIPT: prediction.OPEN}
    if observed.otherwise.outcome is not Precheck.PASSED:
        outcomes = dict.fromkeys(outcomes, (Outcome.NOT_RUN,))
    elif observed.checked.outcome is Precheck.PASSED and _has_other_configs(observed):
        cause = Cause("plugin_host_decides", _other_configs(observed))
        causes += [cause]
        behaves += [cause]
    elif observed.checked.plugins and observed.otherwise.plugins:
        for step in outcomes:
            predicted = _of_script(step, observed)
            outcomes[step] = predicted.outcomes
            causes += predicted.causes
            behaves += predicted.behaves
    if not behaves and _is_flawless(observed, outcomes):
        return ()
    if _is_helper_stuck(observed):
        causes.append(Cause("helper_is_needed", _STUCK[observed.other.helper_is_needed]))
    if observed.faults.snapshot is SnapshotFault.SOME_FAILED:
        causes.append(
            Cause("partial_snapshot_fails", _PARTIAL[observed.other.partial_snapshot_fails])
        )
    possible = list(_verdicts(observed, outcomes))
    here = _key(observed.decided)
    keys = {_key(decided) for decided in possible}
    if keys == {here}:
        same = f"{_where(observed.other)} the verdict would be the same"
        return tuple(Difference(cause.rule, _sentence(cause.text, same)) for cause in behaves)
    if not causes:
        causes += _of_decision(observed, possible[0])
    consequence = _consequence(possible, observed.other)
    found = {(cause.rule, cause.text): cause for cause in (*causes, *behaves)}
    return tuple(
        Difference(cause.rule, _sentence(cause.text, consequence)) for cause in found.values()
    )


def _is_flawless(observed: Observed, outcomes: Mapping[Step, tuple[Outcome, ...]]) -> bool:
    """Whether all is well here and there, so that nothing is left to decide: the usual case."""
    well = all(found == (Outcome.OK,) for found in outcomes.values())
    application = observed.decided.consistency is Consistency.APPLICATION
    if observed.faults.snapshot is SnapshotFault.SOME_FAILED:
        return False
    return well and application and not _is_helper_stuck(observed)


# -- what would be otherwise -----------------------------------------------------------------------


def _of_precheck(observed: Observed) -> Iterator[Cause]:
    here, there = observed.checked, observed.otherwise
    if (here.outcome, here.code) == (there.outcome, there.code):
        return
    rule = _rule_of_precheck(observed)
    name = observed.other.name
    if there.outcome is Precheck.PASSED:
        text = f"the {name} rules accept what kept the scripts from running here ({here.note})"
    elif here.outcome is Precheck.PASSED:
        text = f"the {name} rules let no script run ({there.note})"
    else:
        text = f"the {name} rules let no script run for another reason ({there.note})"
    yield Cause(rule, text)


def _has_other_configs(observed: Observed) -> bool:
    """Whether the other rule set goes by other configs than this one."""
    return observed.checked.host.configs != observed.otherwise.host.configs


def _other_configs(observed: Observed) -> str:
    named = observed.otherwise.host.configs
    if not named:
        return "the Pluginhost file names no config, so no script would run"
    if len(named) == 1:
        return f"the config that counts would be {named[0]}, and its scripts would run"
    return f"the configs that count would be {', '.join(named)}, and all their scripts would run"


def _rule_of_precheck(observed: Observed) -> str:
    """The rule that makes the precheck find something else."""
    mixed = observed.rules
    before = (observed.checked.outcome, observed.checked.code)
    for name in _PRECHECK_RULES:
        mixed = replace(mixed, **{name: getattr(observed.other, name)})
        checked = judge(observed.vm, observed.seen, mixed)
        if (checked.outcome, checked.code) != before:
            notes = observed.checked.note + observed.otherwise.note
            return "required_keys" if " is missing" in notes and name == "strict_types" else name
    return _PRECHECK_RULES[-1]


def _of_script(step: Step, observed: Observed) -> Prediction:
    run = observed.runs.get(step)
    facts = observed.facts
    outcome = facts.pre if step is Step.PRE_SCRIPT else facts.post
    if outcome is Outcome.UNDECIDABLE:
        text = "no script failure and no time limit makes the extension itself fail"
        return Prediction(prediction.OPEN, (Cause("plugin_host_decides", text),))
    if run is None:
        return Prediction(prediction.OPEN)
    if not observed.other.stops_at_limit and patience_of(observed.otherwise, observed.other) <= 0:
        text = "the time limit of the Pluginhost file is negative, which the extension fails over"
        return Prediction((Outcome.UNDECIDABLE,), (Cause("plugin_host_decides", text),))
    there = observed.otherwise.plugins[0]
    case = Case(
        step.value,
        run,
        outcome,
        there.pre if step is Step.PRE_SCRIPT else there.post,
        observed.checked.plugins[0],
        there,
        observed.other,
        observed.interpreters.get(step, Interpreter()),
    )
    predicted = prediction.predict(case)
    if predicted.outcomes == (outcome,):
        return replace(predicted, causes=())
    return predicted


def _verdicts(
    observed: Observed, outcomes: Mapping[Step, tuple[Outcome, ...]]
) -> Iterator[Verdict]:
    """Every verdict that is possible under the other rule set."""
    there = observed.otherwise
    plugin = there.plugins[0] if there.plugins else None
    for pre, post in itertools.product(outcomes[Step.PRE_SCRIPT], outcomes[Step.POST_SCRIPT]):
        if there.outcome is Precheck.PASSED and plugin is None:
            pre = post = Outcome.NOT_RUN  # noqa: PLW2901
        undecidable = plugin is not None and plugin.undecidable
        if undecidable and pre.bad and pre is not Outcome.GIVEN_UP:
            pre = Outcome.UNDECIDABLE  # noqa: PLW2901
        facts = Facts(
            precheck=there.outcome,
            precheck_code=there.code,
            other_code=there.other_code,
            pre=pre,
            pre_code=phase_code(Step.PRE_SCRIPT, pre),
            continue_on_failure=plugin.continue_on_failure
            if plugin is not None and there.outcome is Precheck.PASSED
            else there.continue_on_failure,
            fs_freeze=there.fs_freeze,
            fs_freeze_is_false=there.fs_freeze_is_false,
            disks=observed.facts.disks,
            platform_falls_back=observed.facts.platform_falls_back,
        )
        facts = _with_snapshot(facts, observed)
        if not facts.undecidable:
            if undecidable and post.bad and post is not Outcome.GIVEN_UP:
                post = Outcome.UNDECIDABLE  # noqa: PLW2901
            code = phase_code(Step.POST_SCRIPT, post)
            facts = replace(facts, post=post, post_code=code)
        yield verdict.decide(facts, observed.other)


def _with_snapshot(facts: Facts, observed: Observed) -> Facts:
    """Go on to the snapshot: what was not tried here goes well there, unless a test forbids."""
    seen = observed.facts
    plan = verdict.plan(facts, observed.other)
    if not plan.snapshot:
        return facts
    snapshot = seen.snapshot
    if observed.faults.snapshot is SnapshotFault.SOME_FAILED:
        fails = observed.other.partial_snapshot_fails
        snapshot = Snapshot.FAILED if fails else Snapshot.OK
    elif snapshot is Snapshot.NOT_TAKEN:
        snapshot = Snapshot.FAILED if observed.faults.snapshot else Snapshot.OK
    if not plan.freeze:
        return replace(facts, snapshot=snapshot)
    freeze = Freeze.OFF if _is_helper_stuck(observed) else seen.freeze
    if observed.other.helper_is_needed and _is_helper_stuck(observed):
        freeze = Freeze.TIMED_OUT
    if freeze is Freeze.OFF:
        freeze = _UNTRIED_FREEZES.get(observed.faults.freeze, Freeze.OK)
    facts = replace(facts, freeze=freeze)
    if freeze.bad and not verdict.falls_back(facts, observed.other):
        return facts
    return replace(facts, snapshot=snapshot)


def _is_helper_stuck(observed: Observed) -> bool:
    """Whether the extension's freezing helper may not be executed, which counts in one rule set."""
    facts = observed.seen.of(FREEZE_HELPER_PATH)
    return facts.kind is not FileKind.ABSENT and not facts.mode & 0o111


_UNTRIED_FREEZES: Mapping[FreezeFault | None, Freeze] = {
    FreezeFault.FAIL: Freeze.FAILED,
    FreezeFault.LOCK_HELD: Freeze.FAILED,
    FreezeFault.TIMEOUT: Freeze.TIMED_OUT,
    FreezeFault.OPEN_FAILED: Freeze.NOT_OPENED,
    FreezeFault.LATE_THAW: Freeze.LOST,
    FreezeFault.SLEEP_UNABLE: Freeze.LOST,
    FreezeFault.THAW_FAIL: Freeze.LOST,
}


def _of_decision(observed: Observed, there: Verdict) -> Iterator[Cause]:
    """The rules of the verdict that make it another one."""
    index = 0 if observed.other.stops_at_limit else 1
    found = False
    mixed = observed.rules
    for name, texts in _DECIDING_RULES.items():
        alone = replace(observed.rules, **{name: getattr(observed.other, name)})
        mixed = replace(mixed, **{name: getattr(observed.other, name)})
        here = _key(observed.decided)
        if _key(verdict.decide(_redecided(observed.facts, alone), alone)) != here:
            found = True
            yield Cause(name, texts[index])
        elif not found and _key(verdict.decide(_redecided(observed.facts, mixed), mixed)) != here:
            found = True
            yield Cause(name, f"{texts[index]} ({there.rule})")
    if not found:
        yield Cause("plugin_host_decides", there.rule)


def _redecided(facts: Facts, rules: RuleSet) -> Facts:
    """Facts as they would be if another rule decided about the snapshot."""
    plan = verdict.plan(replace(facts, post=Outcome.NOT_RUN, post_code=0), rules)
    if not plan.snapshot:
        return replace(facts, snapshot=Snapshot.NOT_TAKEN, freeze=Freeze.OFF)
    if facts.freeze.bad:
        saved = verdict.falls_back(facts, rules)
        return replace(facts, snapshot=Snapshot.OK if saved else Snapshot.NOT_TAKEN)
    if facts.snapshot is Snapshot.NOT_TAKEN:
        freeze = Freeze.OK if plan.freeze else Freeze.OFF
        return replace(facts, snapshot=Snapshot.OK, freeze=freeze)
    return facts


# -- in words ------------------------------------------------------------------------------------


def _key(decided: Verdict) -> tuple[object, ...]:
    """What two verdicts must have in common to be the same."""
    return decided.status, decided.consistency, decided.extension.error


def _where(rules: RuleSet) -> str:
    return "by the documentation" if rules.stops_at_limit else "on the VM"


def _consequence(possible: list[Verdict], rules: RuleSet) -> str:
    where = _where(rules)
    told = {_told(decided) for decided in possible}
    if len(told) > 1:
        return f"what this backup would be {where} was not seen; try it with rules={rules.name!r}"
    return f"{where} this backup would {told.pop()}"


def _told(decided: Verdict) -> str:
    """A verdict in words: what the backup would do or be, and what Azure would report."""
    code = decided.extension.error
    name = next((f"{entry.name} ({code})" for entry in CATALOGUE if entry.code == code), "")
    if decided.status is Status.FAILED:
        return f"fail with {name or f'code {code}'}"
    kind = f"be {decided.consistency.value}-consistent, and Azure would report success"
    return f"{kind}, with {name}" if name and code != decided.extension.result else kind


def _sentence(text: str, consequence: str) -> str:
    return printable(f"{text}: {consequence}")
