"""What would have become of a script under the other rule set: every branch, word for word."""

from __future__ import annotations

import dataclasses
import errno
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import Attempt, ScriptRun
from pytest_vmsnapshot.engine import DOCUMENTED, RULES, SHIPPED, RuleSet
from pytest_vmsnapshot.engine.effective import EffectiveConfig, ScriptOrder
from pytest_vmsnapshot.engine.interpreter import Interpreter
from pytest_vmsnapshot.engine.prediction import OPEN, Case, Cause, Prediction, predict
from pytest_vmsnapshot.engine.verdict import Outcome
from pytest_vmsnapshot.output import Output

PRE = "/opt/pre.sh"
KIB64 = 64 * 1024
FULL = Output(b"x" * KIB64)
OVERFULL = Output(b"x" * KIB64, b"x")
SH = Interpreter("/bin/sh")
BASH = Interpreter("/bin/bash", differs=True)
SH_E = Interpreter("/bin/sh", "-e")
EACH = {"documented": DOCUMENTED, "shipped": SHIPPED}

OK, FAILED, TIMED_OUT = (Outcome.OK,), (Outcome.FAILED,), (Outcome.TIMED_OUT,)
GIVEN_UP = (Outcome.GIVEN_UP,)


def ended(status: int = 0, seconds: float = 1.0, **more: Any) -> Attempt:
    return Attempt((PRE,), 2.0, 2.0 + seconds, exit_status=status, **more)


def late(seconds: float = 30.0, **more: Any) -> Attempt:
    return Attempt((PRE,), 2.0, 2.0 + seconds, timed_out=True, **more)


def unstarted(number: int = errno.ENOENT) -> Attempt:
    return Attempt((PRE,), 2.0, 2.0, launch_error="for a reason", launch_errno=number)


@dataclass(frozen=True, slots=True)
class Row:
    """A script that ran, under what conditions, and what is expected of the other rule set."""

    attempts: tuple[Attempt, ...]
    outcomes: tuple[Outcome, ...]
    causes: tuple[Cause, ...] = ()
    behaves: tuple[Cause, ...] = ()
    interpreter: Interpreter = SH
    name: str = "pre-script"
    here: float = 30
    there: float = 30
    order: ScriptOrder = field(default_factory=lambda: ScriptOrder(PRE))
    dropped: int = 0


def outcome_of(attempt: Attempt) -> Outcome:
    if attempt.timed_out:
        return Outcome.GIVEN_UP if attempt.launch_error else Outcome.TIMED_OUT
    return Outcome.OK if attempt.ok else Outcome.FAILED


def config(timeout: float, rules: RuleSet) -> EffectiveConfig:
    order = ScriptOrder(PRE)
    return EffectiveConfig(order, order, timeout, poll=rules.poll_step)


def case(row: Row, other: RuleSet) -> Case:
    here = DOCUMENTED if other is SHIPPED else SHIPPED
    return Case(
        row.name,
        ScriptRun(PRE, row.order.params, row.attempts, row.dropped),
        outcome_of(row.attempts[-1]),
        row.order,
        config(row.here, here),
        config(row.there, other),
        other,
        row.interpreter,
    )


def expected(row: Row) -> Prediction:
    return Prediction(row.outcomes, row.causes, row.behaves)


def one(rule: str, *text: str) -> tuple[Cause, ...]:
    return (Cause(rule, "".join(text)),)


RUNS_ON = one(
    "stops_at_limit",
    "the pre-script would not be stopped at its limit but run on during freeze and snapshot and ",
    "beside the post-script",
)
POST_RUNS_ON = one(
    "stops_at_limit",
    "the post-script would not be stopped at its limit but run on after the backup",
)
IN_VAIN = one(
    "failed_start_is_awaited",
    "the pre-script could not be started with its parameters, and the extension would wait for it ",
    "in vain until it gives up",
)
SH_RUNS = "sh would run the pre-script"
WHATEVER = f"{SH_RUNS}, whatever its first line says (/bin/bash)"
FIRST_LINE_COUNTS = one("interpreter", WHATEVER)
NO_OTHER = one(
    "relaunches", "the pre-script failed at its first attempt, and there would be no other"
)


def in_attempt(count: int) -> tuple[Cause, ...]:
    text = f"the pre-script succeeded in attempt {count}, and there would be only the first"
    return one("relaunches", text)


def unread(count: str) -> tuple[Cause, ...]:
    return one(
        "drains_output",
        f"the pre-script printed {count} bytes to a stream, nobody would read it, and the script ",
        "would wait at 64 KiB until its limit",
    )


def too_long(seconds: str, limit: str) -> tuple[Cause, ...]:
    text = f"the pre-script took {seconds} s, and its limit would be {limit} s"
    return one("limit_cap", text)


def with_params(*params: str) -> ScriptOrder:
    return ScriptOrder(PRE, params)


TO_SHIPPED: dict[str, Row] = {
    "success": Row((ended(),), OK),
    "failure": Row((ended(3),), FAILED),
    "death by a signal": Row((Attempt((PRE,), 0, 1, signal=9),), FAILED),
    "second attempt": Row((ended(1), ended()), FAILED, in_attempt(2)),
    "third attempt": Row((ended(1), ended(2), ended()), FAILED, in_attempt(3)),
    "all attempts failed": Row((ended(1), ended(1)), FAILED, NO_OTHER),
    "first attempts not kept": Row((ended(),), FAILED, in_attempt(5), dropped=4),
    "limit reached": Row((late(),), TIMED_OUT, (), RUNS_ON),
    "limit reached by the post-script": Row(
        (late(),), TIMED_OUT, (), POST_RUNS_ON, name="post-script"
    ),
    "limit reached in attempt 2": Row((ended(1), late(29)), FAILED, NO_OTHER),
    "limit between two looks": Row(
        (late(31.0),),
        OPEN,
        one(
            "poll_step",
            (
                "the pre-script was stopped at 31 s and would have until 33 s, because it is "
                "looked at every 3 s"
            ),
        ),
        here=31,
        there=31,
    ),
    "limit is lower there": Row((late(5000),), TIMED_OUT, (), RUNS_ON, here=5000, there=1800),
    "just in time": Row((ended(seconds=30.0),), OK),
    "noticed too late": Row(
        (ended(seconds=1801),), TIMED_OUT, too_long("1801.0", "1800"), (), here=2000, there=1800
    ),
    "failed too late": Row(
        (ended(1, seconds=1801),), TIMED_OUT, too_long("1801.0", "1800"), (), here=2000, there=1800
    ),
    "64 KiB": Row((ended(output=FULL),), OK),
    "64 KiB in each stream": Row((ended(output=FULL, error_output=FULL),), OK),
    "more than 64 KiB": Row((ended(output=OVERFULL),), TIMED_OUT, unread("65,537")),
    "more than 64 KiB of errors": Row(
        (ended(1, error_output=OVERFULL),), TIMED_OUT, unread("65,537")
    ),
    "output that was not kept": Row(
        (ended(output=Output(b"a" * KIB64, b"b" * KIB64, 1_000_000)),),
        TIMED_OUT,
        unread("1,131,072"),
    ),
    "output and limit": Row((late(output=OVERFULL),), TIMED_OUT, (), RUNS_ON),
    "another interpreter": Row((ended(),), OPEN, FIRST_LINE_COUNTS, interpreter=BASH),
    "another interpreter, limit reached": Row(
        (late(),), OPEN, FIRST_LINE_COUNTS, RUNS_ON, interpreter=BASH
    ),
    "another interpreter, first attempts not kept": Row(
        (ended(1),), OPEN, FIRST_LINE_COUNTS, interpreter=BASH, dropped=4
    ),
    "another interpreter that is missing": Row(
        (unstarted(),), OPEN, FIRST_LINE_COUNTS, interpreter=dataclasses.replace(BASH, missing=True)
    ),
    "cannot be parsed": Row(
        (ended(),),
        FAILED,
        one("interpreter", WHATEVER + ", and cannot parse it: 2: why"),
        interpreter=dataclasses.replace(BASH, parse_error="2: why"),
    ),
    "a program": Row(
        (ended(),),
        OPEN,
        one("interpreter", f"{SH_RUNS}, which is a program"),
        interpreter=Interpreter(differs=True),
    ),
    "a program that cannot be parsed": Row(
        (ended(),),
        FAILED,
        one("interpreter", f"{SH_RUNS}, which is a program, and cannot parse it: why"),
        interpreter=Interpreter(differs=True, parse_error="why"),
    ),
    "an option, success": Row((ended(),), OK, interpreter=SH_E),
    "an option, limit reached": Row((late(),), TIMED_OUT, (), RUNS_ON, interpreter=SH_E),
    "an option that decides nothing": Row(
        (ended(1),), FAILED, interpreter=Interpreter("/bin/sh", "-x")
    ),
    "an option, failure": Row(
        (ended(1),),
        OPEN,
        one(
            "interpreter",
            ("the pre-script failed, and the option -e of its first line would not be in effect"),
        ),
        interpreter=SH_E,
    ),
    "may not be executed": Row(
        (unstarted(errno.EACCES),),
        OPEN,
        one("interpreter", "the pre-script may not be executed, but sh would run it"),
    ),
    "is gone": Row((unstarted(),), FAILED),
    "is gone, tried twice": Row((unstarted(), unstarted()), FAILED, NO_OTHER),
    "a parameter too long": Row(
        (unstarted(errno.E2BIG),), GIVEN_UP, IN_VAIN, order=with_params("ok", "x" * 128 * 1024)
    ),
    "a parameter too long in bytes": Row(
        (unstarted(errno.E2BIG),), GIVEN_UP, IN_VAIN, order=with_params("ä" * 64 * 1024)
    ),
    "a parameter just short enough": Row(
        (unstarted(),), FAILED, order=with_params("x" * (128 * 1024 - 1))
    ),
    "a parameter with a NUL": Row((unstarted(0),), GIVEN_UP, IN_VAIN, order=with_params("a\0b")),
    "a parameter that is no text": Row(
        (unstarted(0),), GIVEN_UP, IN_VAIN, order=with_params("\ud800")
    ),
    "a parameter too long, bash": Row(
        (unstarted(0),), GIVEN_UP, IN_VAIN, interpreter=BASH, order=with_params("\0")
    ),
}


@pytest.mark.parametrize("row", TO_SHIPPED.values(), ids=TO_SHIPPED)
def test_from_documented_to_shipped(row: Row) -> None:
    assert predict(case(row, SHIPPED)) == expected(row)


def would_be_tried(times: str) -> tuple[Cause, ...]:
    return one("relaunches", f"the pre-script failed and would be tried again, {times}")


def in_effect(options: str) -> tuple[Cause, ...]:
    text = f"the option {options} of its first line would be in effect for the pre-script"
    return one("interpreter", text)


def retried(times: int) -> ScriptOrder:
    return ScriptOrder(PRE, retries=times)


TO_DOCUMENTED = {
    "success": Row((ended(),), OK),
    "failure": Row((ended(3),), FAILED),
    "failure, one retry": Row((ended(3),), OPEN, would_be_tried("once"), order=retried(1)),
    "failure, three retries": Row(
        (ended(3),), OPEN, would_be_tried("up to 3 times"), order=retried(3)
    ),
    "failure, a million retries": Row(
        (ended(3),), OPEN, would_be_tried("up to 1000000 times"), order=retried(10**6)
    ),
    "failure, more retries": Row(
        (ended(3),), OPEN, would_be_tried("again and again"), order=retried(10**6 + 1)
    ),
    "could not be started": Row(
        (Attempt((PRE,), 0, 0, launch_error="too long", timed_out=True),),
        FAILED,
        one(
            "failed_start_is_awaited",
            "the pre-script could not be started, which would be an error at once",
        ),
    ),
    "another interpreter": Row(
        (ended(),),
        OPEN,
        one("interpreter", "/bin/bash would run the pre-script, because its first line counts"),
        interpreter=BASH,
    ),
    "a program": Row(
        (ended(2),),
        OPEN,
        one(
            "interpreter",
            "the system would execute the pre-script, which is a program",
        ),
        interpreter=Interpreter(differs=True),
    ),
    "a missing interpreter": Row(
        (ended(),),
        FAILED,
        one("interpreter", "/no/such, which the first line of the pre-script names, is missing"),
        interpreter=Interpreter("/no/such", differs=True, missing=True),
    ),
    **{
        f"option {options}": Row(
            (ended(),), OPEN, in_effect(options), interpreter=Interpreter("/bin/sh", options)
        )
        for options in ("-e", "-u", "-eu", "-xe", "-f -e")
    },
    "option -e, failure": Row((ended(1),), OPEN, in_effect("-e"), interpreter=SH_E),
    **{
        f"option {options}": Row((ended(),), OK, interpreter=Interpreter("/bin/sh", options))
        for options in ("-x", "-f", "--", "-", "name-e")
    },
    "limit reached": Row((late(left_running=True),), TIMED_OUT),
    "limit reached with a full pipe": Row(
        (late(output=FULL),),
        OPEN,
        one("drains_output", "the pre-script had filled a pipe that nobody read; there it is read"),
    ),
    "limit reached, a byte less": Row((late(output=Output(b"x" * (KIB64 - 1))),), TIMED_OUT),
    "limit is higher there": Row(
        (late(1800),),
        OPEN,
        one("limit_cap", "the pre-script would have until 5000 s"),
        here=1800,
        there=5000,
    ),
    "saved by the last look": Row(
        (ended(seconds=32.6),),
        TIMED_OUT,
        one("poll_step", "the pre-script took 32.6 s and would be stopped at 31 s"),
        here=31,
        there=31,
    ),
    "just in time": Row((ended(seconds=31.0),), OK, here=31, there=31),
}


@pytest.mark.parametrize("row", TO_DOCUMENTED.values(), ids=TO_DOCUMENTED)
def test_from_shipped_to_documented(row: Row) -> None:
    assert predict(case(row, DOCUMENTED)) == expected(row)


def test_the_own_config_decides_among_several() -> None:
    other = Attempt(("sh", "/srv/other"), 0, 1, exit_status=1)
    own = Attempt(("sh", PRE), 0, 1, exit_status=0)
    assert predict(case(Row((other, own), OK), DOCUMENTED)).outcomes == OK
    assert predict(case(Row((own, other), FAILED), DOCUMENTED)).outcomes == OK


BOTH_WAYS = [
    *((row, SHIPPED) for row in TO_SHIPPED.values()),
    *((row, DOCUMENTED) for row in TO_DOCUMENTED.values()),
]


@pytest.mark.parametrize(("row", "other"), BOTH_WAYS)
def test_what_would_be_otherwise_has_a_cause(row: Row, other: RuleSet) -> None:
    found = predict(case(row, other))
    told = (*found.causes, *found.behaves)
    assert {cause.rule for cause in told} <= set(RULES)
    if found.outcomes != (outcome_of(row.attempts[-1]),):
        assert found.causes


@given(
    st.integers(0, 3),
    st.floats(0, 1797),
    st.integers(1, 1800),
    st.sampled_from(sorted(EACH)),
)
def test_a_script_in_time_is_as_it_was(status: int, seconds: float, limit: int, name: str) -> None:
    """Within its limit a plain script ends alike under both rule sets."""
    if seconds + 3 > limit:
        return
    attempt = Attempt((PRE,), 0, seconds, exit_status=status)
    found = predict(case(Row((attempt,), OK, here=limit, there=limit), EACH[name]))
    assert found == Prediction((outcome_of(attempt),))
