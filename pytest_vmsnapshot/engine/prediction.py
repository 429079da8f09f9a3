"""What would have become of a script under the other rule set, from what it was seen to do."""

from __future__ import annotations

import errno
import math
import re
from dataclasses import dataclass

from ..output import UNREAD_CAPACITY, Output
from ..script_run import Attempt, ScriptRun
from .effective import EffectiveConfig, ScriptOrder, can_be_given
from .interpreter import Interpreter
from .rules import RuleSet
from .verdict import Outcome

OPEN: tuple[Outcome, ...] = (Outcome.OK, Outcome.FAILED, Outcome.TIMED_OUT)
"""What can become of a script of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something would be otherwise.

    Args:
        rule: name of the rule.
        text: a clause.
    """

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What would become of a script.

    Args:
        outcomes: what is possible; one where it is certain.
        causes: why it is not what it is here.
        behaves: what it would do otherwise on its way, whatever becomes of it.
    """

    outcomes: tuple[Outcome, ...]
    causes: tuple[Cause, ...] = ()
    behaves: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A script under one rule set, to be thought over under the other.

    Args:
        name: pre-script or post-script.
        run: how it ran.
        outcome: what became of it.
        order: how the other rule set would run it.
        here: the config under the rule set in effect.
        there: the same under the other one.
        rules: the other rule set.
        interpreter: what its first line asks for.
    """

    name: str
    run: ScriptRun
    outcome: Outcome
    order: ScriptOrder
    here: EffectiveConfig
    there: EffectiveConfig
    rules: RuleSet
    interpreter: Interpreter


def predict(case: Case) -> Prediction:
    """What would become of a script, as far as can be told."""
    if case.rules.stops_at_limit:
        return _if_attempted(case)
    return _if_polled(case)


# -- it was tried and stopped here, and would be started once and looked at in steps ---------------


def _if_polled(case: Case) -> Prediction:
    run = case.run
    first = run.attempts[0]
    behaves = _runs_on(case) if first.timed_out else ()
    if first.launch_error and not all(map(_fits, case.order.params)):
        text = f"the {case.name} could not be started with its parameters"
        text += ", and the extension would wait for it in vain until it gives up"
        return Prediction((Outcome.GIVEN_UP,), (Cause("failed_start_is_awaited", text),))
    if case.interpreter.differs:
        return _if_run_by_shell(case, behaves)
    if first.launch_errno == errno.EACCES:
        text = f"the {case.name} may not be executed, but sh would run it"
        return Prediction(OPEN, (Cause("interpreter", text),))
    if run.dropped:  # the first attempt was not kept; it failed, as did all but the last
        return Prediction((Outcome.FAILED,), _relaunch_causes(case))
    if _is_full(first):
        text = (
            f"the {case.name} printed {_printed(first)} to a stream, nobody would read it, and the "
            "script would wait at 64 KiB until its limit"
        )
        causes = (Cause("drains_output", text),) if not first.timed_out else ()
        return Prediction((Outcome.TIMED_OUT,), causes, behaves)
    if _is_strict(case) and not first.ok and not first.timed_out:
        text = f"the {case.name} failed, and {_options(case)} would not be in effect"
        return Prediction(OPEN, (Cause("interpreter", text),))
    if first.timed_out:
        return _if_limit_is_other(case, behaves)
    noticed = math.ceil((first.ended - first.started) / case.there.poll) * case.there.poll
    if noticed > case.there.limit:
        limit = case.there.limit
        text = f"the {case.name} took {_seconds(first)} s, and its limit would be {limit:.15g} s"
        return Prediction((Outcome.TIMED_OUT,), (Cause("limit_cap", text),))
    outcome = Outcome.OK if first.ok else Outcome.FAILED
    return Prediction((outcome,), _relaunch_causes(case) if run.attempt_count > 1 else ())


def _is_strict(case: Case) -> bool:
    """Whether the first line makes a shell end where it would go on otherwise."""
    return _STRICT_OPTION.search(case.interpreter.options) is not None


def _options(case: Case) -> str:
    return f"the option {case.interpreter.options} of its first line"


def _relaunch_causes(case: Case) -> tuple[Cause, ...]:
    count = case.run.attempt_count
    if case.outcome is Outcome.OK:
        text = f"the {case.name} succeeded in attempt {count}, and there would be only the first"
    else:
        text = f"the {case.name} failed at its first attempt, and there would be no other"
    return (Cause("relaunches", text),)


def _runs_on(case: Case) -> tuple[Cause, ...]:
    beside = "during freeze and snapshot and beside the post-script"
    if case.name == "post-script":
        beside = "after the backup"
    text = f"the {case.name} would not be stopped at its limit but run on {beside}"
    return (Cause("stops_at_limit", text),)


def _if_run_by_shell(case: Case, behaves: tuple[Cause, ...]) -> Prediction:
    found = case.interpreter
    what = f"the {case.name}, whatever its first line says ({found.name})"
    if not found.name:
        what = f"the {case.name}, which is a program"
    if found.parse_error:
        text = f"{found.shell} would run {what}, and cannot parse it: {found.parse_error}"
        return Prediction((Outcome.FAILED,), (Cause("interpreter", text),), behaves)
    return Prediction(OPEN, (Cause("interpreter", f"{found.shell} would run {what}"),), behaves)


def _if_limit_is_other(case: Case, behaves: tuple[Cause, ...]) -> Prediction:
    if case.there.limit <= case.here.limit:
        return Prediction((Outcome.TIMED_OUT,), (), behaves)
    text = (
        f"the {case.name} was stopped at {case.here.limit:.15g} s and would have until "
        f"{case.there.limit:.15g} s, because it is looked at every {case.there.poll} s"
    )
    return Prediction(OPEN, (Cause("poll_step", text),))


# -- it was started once and looked at here, and would be tried and stopped ------------------------


def _if_attempted(case: Case) -> Prediction:
    attempts = case.run.attempts  # one for each config; the other rule set knows one only
    own = (attempt for attempt in attempts if case.order.location in attempt.argv)
    attempt = next(own, attempts[0])
    if attempt.launch_error:
        text = f"the {case.name} could not be started, which would be an error at once"
        return Prediction((Outcome.FAILED,), (Cause("failed_start_is_awaited", text),))
    limit = case.there.limit
    if case.interpreter.missing:
        text = f"{case.interpreter.name}, which the first line of the {case.name} names, is missing"
        return Prediction((Outcome.FAILED,), (Cause("interpreter", text),))
    if case.interpreter.differs:
        name = case.interpreter.name
        text = f"{name} would run the {case.name}, because its first line counts"
        text = text if name else f"the system would execute the {case.name}, which is a program"
        return Prediction(OPEN, (Cause("interpreter", text),))
    if not case.interpreter.executable:
        text = f"the {case.name} may not be executed any more when it is its turn"
        return Prediction((Outcome.FAILED,), (Cause("interpreter", text),))
    if _is_strict(case):
        text = f"{_options(case)} would be in effect for the {case.name}"
        return Prediction(OPEN, (Cause("interpreter", text),))
    if attempt.timed_out and _is_full(attempt, exactly=True):
        text = f"the {case.name} had filled a pipe that nobody read; there it is read"
        return Prediction(OPEN, (Cause("drains_output", text),))
    if attempt.timed_out and limit > case.here.limit:
        text = f"the {case.name} would have until {limit:.15g} s"
        return Prediction(OPEN, (Cause("limit_cap", text),))
    if attempt.timed_out:
        return Prediction((Outcome.TIMED_OUT,))
    if attempt.ended - attempt.started > limit:
        text = f"the {case.name} took {_seconds(attempt)} s and would be stopped at {limit:.15g} s"
        return Prediction((Outcome.TIMED_OUT,), (Cause("poll_step", text),))
    if not attempt.ok and case.order.retries:
        times = "once" if case.order.retries == 1 else f"up to {case.order.retries} times"
        times = times if case.order.retries <= _MANY else "again and again"
        text = f"the {case.name} failed and would be tried again, {times}"
        return Prediction(OPEN, (Cause("relaunches", text),))
    return Prediction((Outcome.OK if attempt.ok else Outcome.FAILED,))


# -- measures ----------------------------------------------------------------------------------


def _is_full(attempt: Attempt, *, exactly: bool = False) -> bool:
    """Whether a stream got more than a pipe holds, or just as much where nobody reads it."""
    most = max(_size(attempt.output), _size(attempt.error_output))
    return most >= UNREAD_CAPACITY if exactly else most > UNREAD_CAPACITY


def _size(output: Output) -> int:
    return len(output.head) + len(output.tail) + output.dropped


def _printed(attempt: Attempt) -> str:
    return f"{max(_size(attempt.output), _size(attempt.error_output)):,} bytes"


def _seconds(attempt: Attempt) -> str:
    return f"{attempt.ended - attempt.started:.1f}"


def _fits(param: str) -> bool:
    """Whether an argument can be handed to a program, and is no longer than one may be."""
    return can_be_given(param) and len(param.encode("utf-8", "surrogateescape")) < _LONGEST_ARGUMENT


_MANY = 10**6

_STRICT_OPTION = re.compile(r"(^|\s)-\w*[eu]")
"""Options by which a shell ends where it would go on otherwise: errexit, nounset."""

_LONGEST_ARGUMENT = 128 * 1024
"""Bytes, its end included: MAX_ARG_STRLEN (linux/binfmts.h) with pages of 4 KiB."""
