"""Running the script of one step, as the lifecycle sees it, whichever way it is watched over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .. import catalogue
from ..backup import Step
from ..catalogue import ErrorKind
from ..protocols import Clock, Guest, Launch
from ..script_run import ScriptRun
from .precheck import Checked
from .rules import RuleSet
from .timeline import Timeline
from .verdict import Outcome
from .vm_facts import Agent

_KINDS: Mapping[tuple[Step, Outcome], ErrorKind] = {
    (Step.PRE_SCRIPT, Outcome.FAILED): catalogue.PRE_EXECUTION_FAILED,
    (Step.PRE_SCRIPT, Outcome.TIMED_OUT): catalogue.PRE_TIMEOUT,
    (Step.PRE_SCRIPT, Outcome.GIVEN_UP): catalogue.PRE_GIVEN_UP,
    (Step.PRE_SCRIPT, Outcome.UNDECIDABLE): catalogue.UNEXPECTED,
    (Step.POST_SCRIPT, Outcome.FAILED): catalogue.POST_EXECUTION_FAILED,
    (Step.POST_SCRIPT, Outcome.TIMED_OUT): catalogue.POST_TIMEOUT,
    (Step.POST_SCRIPT, Outcome.GIVEN_UP): catalogue.POST_GIVEN_UP,
    (Step.POST_SCRIPT, Outcome.UNDECIDABLE): catalogue.UNEXPECTED,
}


def error_kind(step: Step, outcome: Outcome) -> ErrorKind:
    """How the framework calls a script that did not succeed."""
    return _KINDS[step, outcome]


def phase_code(step: Step, outcome: Outcome) -> int:
    """The extension's number for how a script went."""
    return error_kind(step, outcome).code if outcome.bad else 0


@dataclass(frozen=True, slots=True)
class Phase:
    """What became of the script of one step.

    Args:
        outcome: in a word.
        code: the extension's number for it, 0 for success.
        detail: how it failed, for the error.
        continue_on_failure: whether its failure falls back instead of failing the backup.
    """

    outcome: Outcome = Outcome.NOT_RUN
    code: int = 0
    detail: str = ""
    continue_on_failure: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """What the scripts of a backup are run with.

    Args:
        guest: where they run.
        clock: the VM's clock.
        agent: what starts them.
        rules: how they are started, and watched over.
        timeline: where events go.
    """

    guest: Guest
    clock: Clock
    agent: Agent
    rules: RuleSet
    timeline: Timeline


class Scripts(Protocol):
    """What runs the scripts of one backup."""

    def run(self, step: Step, checked: Checked) -> Phase:
        """Run the script of a step."""
        ...

    def finish(self) -> Mapping[Step, ScriptRun]:
        """Let go of everything; the runs are complete by now."""
        ...


def launch_of(
    argv: tuple[str, ...], step: Step, stage: Stage, *, attempt: int = 1, words: int = 1
) -> Launch:
    """How a guest is to start a script.

    Args:
        argv: what is executed.
        step: whose script it is.
        stage: what it is run with.
        attempt: which launch of the same script this is.
        words: how many words of ``argv`` come before the script's arguments.
    """
    return Launch(
        argv,
        stage.agent.environment(stage.rules),
        stage.rules.working_directory,
        stage.agent.umask,
        stage.agent.stdin,
        script=argv[words - 1],
        params=argv[words:],
        attempt=attempt,
        label=f"{step.value}, attempt {attempt}",
    )
