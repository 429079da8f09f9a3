"""Running scripts as the extension does: started once, looked at in steps, never stopped.

Each script has a runner, which looks at it every few seconds until it has ended or its limit is
reached. The extension looks at the runners in the same steps, normally one step later. A runner
that fails over a value of the config is waited for in vain.

Source: SHIPPED.md, sections 3 to 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..backup import Step
from ..explain import command, ending, printable
from ..output import Output
from ..protocols import NotStarted, Process
from ..script_run import Attempt, ScriptRun
from .effective import EffectiveConfig, ScriptOrder
from .phase import Phase, Stage, launch_of, phase_code
from .precheck import Checked
from .rules import RuleSet
from .verdict import Outcome

_BEFORE = 2
"""Steps the extension waits for a runner beyond the cap of the limits (SHIPPED.md, section 4)."""


def patience_of(checked: Checked, rules: RuleSet) -> float:
    """Seconds after which the extension gives up waiting for its runners.

    Args:
        checked: what the precheck found.
        rules: the rule set.
    """
    poll = max((plugin.poll for plugin in checked.plugins), default=rules.poll_step)
    cap = min(checked.host.timeout, rules.limit_cap)
    return float((math.floor(cap / poll) + _BEFORE) * poll)


@dataclass(slots=True)
class _Runner:
    """What watches over one script.

    Args:
        plugin: the config it belongs to.
        order: how the script is run.
        argv: what is started.
        process: the script; None where it could not be started.
        launch_error: why not.
        outcome: what became of it.
        noticed: second of the VM's clock at which the runner noticed.
        left_running: whether the script was alive when the extension moved on.
        moved_on: when that was.
    """

    plugin: EffectiveConfig
    order: ScriptOrder
    argv: tuple[str, ...]
    process: Process | None = None
    launch_error: str = ""
    outcome: Outcome = Outcome.GIVEN_UP
    noticed: float = math.inf
    is_judged: bool = False
    left_running: bool = False
    moved_on: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether something can still come of the script."""
        return self.process is not None and not self.is_judged

    def judge(self, moment: float) -> None:
        """Find out what the runner notices, and when, if that can be told by now.

        Args:
            moment: second of the VM's clock until which it was waited for.
        """
        if self.process is None:
            return
        self.is_judged = self.process.execution is not None or _latest(self) <= moment
        if self.is_judged:
            self._judge(self.process)

    def _judge(self, process: Process) -> None:
        execution, began, step = process.execution, process.started, self.plugin.poll
        if execution is not None and not execution.timed_out:
            looks = max(1, math.ceil((execution.ended - began) / step))
            if looks * step <= self.plugin.limit or math.isnan(self.plugin.timeout):
                self.noticed = began + looks * step
                self.outcome = Outcome.OK if execution.exit_status == 0 else Outcome.FAILED
                if self.outcome is Outcome.FAILED and self.order.uncountable:
                    self.outcome, self.noticed = Outcome.GIVEN_UP, math.inf
                return
        if not math.isnan(self.plugin.timeout):
            self.outcome, self.noticed = Outcome.TIMED_OUT, began + self.plugin.limit

    def has_ended_by(self, moment: float) -> bool:
        """Whether the script had ended at a moment."""
        if self.process is None:
            return True
        execution = self.process.execution
        return execution is not None and execution.ended <= moment


def _latest(runner: _Runner) -> float:
    """The last moment at which something can come of a script."""
    if runner.process is None:
        return 0.0
    if math.isnan(runner.plugin.timeout):
        return math.inf
    return runner.process.started + runner.plugin.limit


def _is_stopped(process: Process) -> bool:
    """Whether the guest had to stop a script, because it cannot let it run on."""
    return process.execution is not None and process.execution.timed_out


class PolledScripts:
    """Runs scripts that nobody stops.

    Args:
        stage: what they are run with.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._guest = stage.guest
        self._clock = stage.clock
        self._rules = stage.rules
        self._timeline = stage.timeline
        self._runners: dict[Step, list[_Runner]] = {}
        self._codes: dict[Step, int | None] = {}

    def run(self, step: Step, checked: Checked) -> Phase:
        """Run the scripts of a step side by side: one, unless there are several configs.

        Args:
            step: pre-script or post-script.
            checked: what the precheck found.
        """
        poll = max((plugin.poll for plugin in checked.plugins), default=self._rules.poll_step)
        patience = patience_of(checked, self._rules)
        began = self._clock.now()
        runners = [self._start(step, plugin, began + patience) for plugin in checked.plugins]
        self._runners[step] = runners
        if not runners:
            return Phase()
        if patience <= 0:
            return self._fail(step, runners)
        given_up = began + patience
        while waited_for := [runner for runner in runners if runner.is_open]:
            until = min(given_up, *(_latest(runner) for runner in waited_for))
            self._watch(waited_for, until)
            for runner in waited_for:
                runner.judge(until)
            if until >= given_up:
                break
        moved_on = min(given_up, max(runner.noticed for runner in runners) + poll)
        self._watch(runners, moved_on)
        self._clock.run_until(moved_on)
        for runner in runners:
            runner.moved_on = moved_on
            late = runner.outcome in (Outcome.TIMED_OUT, Outcome.GIVEN_UP)
            runner.left_running = late and not runner.has_ended_by(moved_on)
            self._report(step, runner)
        return self._phase(step, runners)

    def finish(self) -> Mapping[Step, ScriptRun]:
        """Close every pipe, as the end of the extension does, and put the runs together."""
        runs = {}
        for step, runners in self._runners.items():
            if runners:
                runners.sort(key=lambda runner: runner.outcome.bad)  # what decides comes last
                attempts = tuple(self._attempt(runner) for runner in runners)
                order = runners[-1].order
                runs[step] = ScriptRun(
                    order.location,
                    order.params,
                    attempts,
                    side_by_side=len(attempts) > 1,
                    code=self._codes.get(step),
                )
        return runs

    # -- start, watch ------------------------------------------------------------------------

    def _start(self, step: Step, plugin: EffectiveConfig, given_up: float) -> _Runner:
        order = plugin.pre if step is Step.PRE_SCRIPT else plugin.post
        argv = (self._rules.interpreter, order.location, *order.params)
        runner = _Runner(plugin, order, argv, launch_error=order.unstartable)
        if order.unstartable:
            self._timeline.add(step, f"not started: {order.unstartable}")
            return runner
        self._timeline.add(step, command(argv))
        limit = given_up if math.isnan(plugin.timeout) else self._clock.deadline(plugin.limit)
        launch = launch_of(argv, step, self._stage, words=2)
        try:
            runner.process = self._guest.start(launch, limit)
        except NotStarted as failed:
            runner.launch_error = failed.text
            if not self._rules.failed_start_is_awaited:
                runner.outcome, runner.noticed = Outcome.FAILED, self._clock.now()
            self._timeline.add(step, f"could not be started: {printable(failed.text)}")
        return runner

    def _watch(self, runners: list[_Runner], until: float) -> None:
        """Let time pass until all scripts have ended, or until a moment."""
        processes = [runner.process for runner in runners if runner.process is not None]
        self._guest.watch(processes, until)

    def _fail(self, step: Step, runners: list[_Runner]) -> Phase:
        """The extension fails over its own time limit as soon as it has started the scripts."""
        self._codes[step] = None
        for runner in runners:
            runner.moved_on = self._clock.now()
            runner.left_running = runner.process is not None
        detail = "the time limit of the Pluginhost file is negative"
        self._timeline.add(step, detail)
        return Phase(Outcome.UNDECIDABLE, 2, detail, continue_on_failure=False)

    # -- what became of it -------------------------------------------------------------------

    def _phase(self, step: Step, runners: list[_Runner]) -> Phase:
        failed = [runner for runner in runners if runner.outcome.bad]
        if not failed:
            self._codes[step] = 0
            return Phase(Outcome.OK)
        first = failed[0]
        counted = [runner for runner in failed if runner.outcome is not Outcome.GIVEN_UP]
        undecidable = next((r.plugin.undecidable for r in counted if r.plugin.undecidable), "")
        if undecidable:
            self._codes[step] = None
            detail = f"{undecidable}, which the extension fails over"
            return Phase(Outcome.UNDECIDABLE, 2, detail, continue_on_failure=False)
        code = phase_code(step, first.outcome)
        self._codes[step] = code
        goes_on = all(runner.plugin.continue_on_failure for runner in counted)
        return Phase(first.outcome, code, self._detail(first), goes_on)

    def _detail(self, runner: _Runner) -> str:
        path = printable(runner.order.location)
        if runner.outcome is Outcome.TIMED_OUT:
            limit = runner.plugin.limit
            what = "ran on" if runner.left_running else "was not stopped"
            return f"{path} reached its limit of {limit:.15g} s and {what}"
        if runner.outcome is Outcome.GIVEN_UP:
            why = runner.launch_error or runner.order.uncountable or "timeoutInSeconds is NaN"
            return f"{path}: {printable(why)}"
        return f"{path}: {ending(self._attempt_so_far(runner))}"

    def _report(self, step: Step, runner: _Runner) -> None:
        stopped = runner.process is not None and _is_stopped(runner.process)
        if runner.outcome is Outcome.TIMED_OUT and stopped:
            text = f"stopped at its limit of {runner.plugin.limit:.15g} s"
            self._timeline.add(step, text, at=runner.noticed)
        elif runner.outcome is Outcome.TIMED_OUT:
            text = f"its limit of {runner.plugin.limit:.15g} s is reached; it is not stopped"
            self._timeline.add(step, text, at=runner.noticed)
        elif runner.outcome is Outcome.GIVEN_UP:
            self._timeline.add(step, "given up", at=runner.moved_on)
        else:
            attempt = self._attempt_so_far(runner)
            self._timeline.add(step, attempt.ending, at=attempt.ended + self._timeline.origin)
        if runner.left_running:
            self._timeline.add(step, "still running when the extension went on", runner.moved_on)
        elif runner.outcome is not Outcome.GIVEN_UP:
            step_time = f"which looks every {runner.plugin.poll} s"
            self._timeline.add(step, f"noticed by the extension, {step_time}", runner.moved_on)

    def _attempt(self, runner: _Runner) -> Attempt:
        """The launch, with all it printed before its pipes were closed."""
        return self._attempt_so_far(runner, collect=True)

    def _attempt_so_far(self, runner: _Runner, *, collect: bool = False) -> Attempt:
        origin = self._timeline.origin
        process = runner.process
        if process is None:
            now = runner.moved_on - origin
            return Attempt(runner.argv, now, now, launch_error=runner.launch_error, timed_out=True)
        late = runner.outcome in (Outcome.TIMED_OUT, Outcome.GIVEN_UP)
        execution = process.execution
        counts = execution is not None and not late
        output, error_output = process.collect() if collect else (Output(), Output())
        return Attempt(
            runner.argv,
            process.started - origin,
            (execution.ended if execution and counts else runner.moved_on) - origin,
            exit_status=execution.exit_status if execution and counts else None,
            signal=execution.signal if execution and counts else None,
            timed_out=late,
            output=output,
            error_output=error_output,
            left_running=runner.left_running,
            stopped_processes=execution.stopped_processes if execution else 0,
        )
