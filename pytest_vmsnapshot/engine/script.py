"""Running a script that is stopped at its limit: its attempts, and the time they share."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import replace

from ..backup import EventKind, Step
from ..explain import command, printable
from ..protocols import Execution, FileKind
from ..script_run import Attempt, ScriptRun
from .effective import ScriptOrder, can_be_given
from .phase import Phase, Stage, launch_of, phase_code
from .precheck import Checked
from .verdict import Outcome

ATTEMPTS_KEPT = 200
"""A script that fails at once may be tried thousands of times; only the last ones are kept."""

_MOST_RETRIES = 10**9
"""More than fit into any limit; a config can hold numbers of a thousand digits."""

_HEAD_SIZE = 256
"""Bytes read of a script to name its interpreter."""


class AttemptedScripts:
    """Runs scripts as long as their limit allows, each failed try followed by another.

    Args:
        stage: what they are run with.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._guest = stage.guest
        self._clock = stage.clock
        self._rules = stage.rules
        self._timeline = stage.timeline
        self._runs: dict[Step, ScriptRun] = {}

    def run(self, step: Step, checked: Checked) -> Phase:
        """Run the script of a step.

        Args:
            step: pre-script or post-script.
            checked: what the precheck found; one config is acted upon.
        """
        (plugin,) = checked.plugins
        order = plugin.pre if step is Step.PRE_SCRIPT else plugin.post
        run, outcome = self._try(step, order, plugin.limit)
        code = phase_code(step, outcome)
        self._runs[step] = replace(run, code=code)
        detail = _detail(run, outcome, plugin.limit)
        return Phase(outcome, code, detail, plugin.continue_on_failure)

    def finish(self) -> Mapping[Step, ScriptRun]:
        """The runs, complete."""
        return self._runs

    def _try(self, step: Step, order: ScriptOrder, limit: float) -> tuple[ScriptRun, Outcome]:
        """Try a script until it succeeds, its retries are used up, or its limit is reached."""
        path, params = order.location, order.params
        deadline = self._clock.deadline(limit)
        retries = min(order.retries, _MOST_RETRIES) if self._rules.relaunches else 0
        attempts: list[Attempt] = []
        count = 0
        outcome = Outcome.FAILED
        for index in range(retries + 1):
            if index and self._clock.now() >= deadline:
                self._timeline.add(step, f"no attempt {index + 1}: the limit is reached")
                outcome = Outcome.TIMED_OUT
                break
            if index < ATTEMPTS_KEPT:
                again = f", attempt {index + 1} of {retries + 1}" if retries else ""
                self._timeline.add(step, command((path, *params)) + again)
            attempt = self._attempt(step, order, deadline, index + 1)
            attempts.append(attempt)
            count = index + 1
            del attempts[:-ATTEMPTS_KEPT]
            self._report(step, attempt, quiet=index >= ATTEMPTS_KEPT)
            if attempt.ok:
                outcome = Outcome.OK
            elif attempt.timed_out:
                outcome = Outcome.TIMED_OUT
            else:
                continue
            break
        if count > ATTEMPTS_KEPT:
            text = f"attempts {ATTEMPTS_KEPT + 1} to {count} are not listed"
            self._timeline.add(step, text, at=attempts[-1].ended + self._timeline.origin)
        return ScriptRun(path, params, tuple(attempts), count - len(attempts)), outcome

    def _attempt(self, step: Step, order: ScriptOrder, deadline: float, number: int) -> Attempt:
        path, params = order.location, order.params
        argv = (path, *params)
        execution = self._execute(step, argv, deadline, number)
        if execution.launch_errno == errno.ENOEXEC and self._is_text(path):
            argv = (self._rules.fallback_shell, path, *params)
            execution = self._execute(step, argv, deadline, number, words=2)
        origin = self._timeline.origin
        return Attempt(
            argv=argv,
            started=execution.started - origin,
            ended=execution.ended - origin,
            exit_status=execution.exit_status,
            signal=execution.signal,
            timed_out=execution.timed_out,
            launch_error=self._launch_error(path, params, execution),
            launch_errno=execution.launch_errno,
            output=execution.output,
            error_output=execution.error_output,
            waiting_in=execution.waiting_in,
            stopped_processes=execution.stopped_processes,
        )

    def _execute(
        self, step: Step, argv: tuple[str, ...], deadline: float, number: int, *, words: int = 1
    ) -> Execution:
        launch = launch_of(argv, step, self._stage, attempt=number, words=words)
        return self._guest.execute(launch, deadline)

    def _report(self, step: Step, attempt: Attempt, *, quiet: bool) -> None:
        origin = self._timeline.origin
        for waiting in attempt.waiting_in:
            text = f"waiting in: {printable(waiting)}"
            self._timeline.add(step, text, attempt.ended + origin, EventKind.WAIT)
        if attempt.timed_out:
            count = attempt.stopped_processes
            what = f"{count} process{'es' if count != 1 else ''}"
            text = f"stopped at its limit with {what}"
            self._timeline.add(step, text, at=attempt.ended + origin)
        elif not quiet:
            self._timeline.add(step, attempt.ending, at=attempt.ended + origin)

    def _is_text(self, path: str) -> bool:
        return b"\0" not in self._head(path)

    def _head(self, path: str) -> bytes:
        (facts,) = self._guest.examine((path,), _HEAD_SIZE)
        return facts.content or b""

    def _launch_error(self, path: str, params: tuple[str, ...], execution: Execution) -> str:
        """Why a script could not be started, in words that tell its author what to mend."""
        number = execution.launch_errno
        if not number:
            return ""
        unfit = next((param for param in params if not can_be_given(param)), None)
        if unfit is not None:
            return f"its parameter {unfit!r} has a character in it that no program can be given"
        if number == errno.ENOEXEC:
            return "it is neither a program of this machine nor a script"
        if number == errno.E2BIG:
            return "its parameters are too long for the system"
        if number not in (errno.ENOENT, errno.EACCES, errno.ELOOP):
            return execution.launch_text or os.strerror(number)
        (script,) = self._guest.examine((path,), _HEAD_SIZE)
        if script.kind not in (FileKind.FILE, FileKind.ABSENT):
            return f"it is a {script.kind.value}, not a file"
        if script.kind is FileKind.FILE and not script.mode & 0o111:
            return f"it may not be executed: its mode is {script.mode:03o}"
        head = script.content or b""
        if not head.startswith(b"#!"):
            return execution.launch_text or os.strerror(number)
        line = head[2:].split(b"\n", 1)[0]
        if line.endswith(b"\r"):
            return (
                "its first line ends in CR LF, so the interpreter "
                f"{line.decode('utf-8', 'backslashreplace').strip(' ')!r} does not exist; "
                "save it with LF line ends"
            )
        words = line.decode("utf-8", "backslashreplace").split()
        return self._interpreter_error(words[0] if words else "", number)

    def _interpreter_error(self, interpreter: str, number: int) -> str:
        start = self._rules.working_directory
        facts, directory = self._guest.examine((interpreter or "/", start), 0)
        if interpreter and facts.kind is FileKind.FILE:
            if directory.kind is FileKind.ABSENT:
                return f"the directory it is started in, {start}, does not exist any more"
            return f"its interpreter {interpreter} cannot be executed: {os.strerror(number)}"
        if interpreter and facts.kind is not FileKind.ABSENT:
            return f"its interpreter {interpreter!r} is a {facts.kind.value}, not a program"
        return f"its interpreter {interpreter!r} does not exist on the VM"


def _detail(done: ScriptRun, outcome: Outcome, limit: float) -> str:
    """How a script failed, for the error."""
    count = done.attempt_count
    tries = f" in the last of {count} attempts" if count > 1 else ""
    path = printable(done.path)
    if outcome is Outcome.TIMED_OUT and not done.timed_out:
        tried = f"{count} attempts" if count > 1 else "one attempt"
        return f"{path} reached its limit of {limit:.15g} s after {tried}, none of which succeeded"
    if outcome is Outcome.TIMED_OUT:
        first = next(iter(done.last.waiting_in), "")
        waiting = f", waiting in: {printable(first)}" if first else ""
        return f"{path} was stopped at its limit of {limit:.15g} s{tries}{waiting}"
    return f"{path}: {done.last.ending}{tries}"
