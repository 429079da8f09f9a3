"""What a test does at the moments of a backup, and what it is given to do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import completed
from .backup import Note
from .command import RUN_LIMIT, Command
from .completed import Completed
from .engine import Agent
from .errors import UsageError
from .explain import command, printable
from .inventory import Inventory
from .moments import NAMES, Moment
from .protocols import Clock
from .vm_path import FileGuest, VmPath

REFUSED, ACCEPTED = "refused", "accepted"
"""What a probe can expect: that its command fails, or that it succeeds."""


class AtMoment:
    """The VM at one moment of a backup. Only a backup makes one; it serves until the callback ends.

    Args:
        moment: which.
        guest: the VM.
        clock: its clock.
        agent: what starts the scripts.
        note: adds a line to the timeline.
        paused: whether every process stands still, so that nobody keeps the VM's time.
    """

    def __init__(
        self,
        moment: Moment,
        guest: FileGuest,
        clock: Clock,
        agent: Agent,
        note: Note,
        *,
        paused: bool,
    ) -> None:
        self.moment = moment.value
        """Its name."""
        self._guest = guest
        self._clock = clock
        self._agent = agent
        self._note = note
        self._paused = paused

    def run(
        self,
        words: str | Sequence[str],
        *,
        timeout: float = RUN_LIMIT,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        stdin: str | bytes = b"",
        check: bool = False,
    ) -> Completed:
        """Run a command on the VM as root, as ``VirtualMachine.run`` does; the timeline shows it.

        While every process is paused it runs on the machine's own clock.

        Args:
            words: a shell command, or an argv as a sequence.
            timeout: seconds after which it is killed with all it started.
            env: variables added to the environment the scripts have.
            cwd: working directory.
            stdin: what it reads.
            check: whether a failure raises.

        Raises:
            CommandTimeout: it did not end in time.
            CommandFailed: it failed, and ``check`` is true.
            UsageError: it could not be started, or an argument cannot be meant.
        """
        __tracebackhide__ = True
        clock = "real" if self._paused else "vm"
        launch = Command(words, env or {}, cwd, stdin, clock).launch(self._agent)
        execution = self._guest.execute(launch, self._clock.deadline(timeout))
        shown = printable(words) if isinstance(words, str) else command(tuple(words))
        ended = execution.exit_status
        self._note(f"  test: {shown} → {'stopped' if ended is None else ended}")
        return completed.outcome(launch.argv, execution, timeout, check=check)

    def inventory(self) -> Inventory:
        """What lies on the VM of its own, as ``VirtualMachine.inventory`` gives it."""
        return self._guest.inventory()

    def path(self, path: str) -> VmPath:
        """A path on the VM.

        Args:
            path: absolute.
        """
        return VmPath(path, self._guest)


Callback = Callable[[AtMoment], object]
"""What a test does at a moment."""


class Probe:
    """A command that asks the application, after the pre-script, whether it is at rest.

    Args:
        words: the command.
        expect: ``refused`` or ``accepted``.
    """

    def __init__(self, words: str | Sequence[str], expect: str) -> None:
        self._words = words
        self._expect = expect
        self.results: list[Completed] = []
        """What the command gave at each backup."""

    def __call__(self, at: AtMoment) -> None:
        """Run the command, and fail unless it ends as expected.

        Raises:
            AssertionError: it did not.
        """
        __tracebackhide__ = True
        done = at.run(self._words)
        self.results.append(done)
        refused = done.exit_status != 0
        if refused == (self._expect == REFUSED):
            return
        shown = self._words if isinstance(self._words, str) else command(tuple(self._words))
        told = "succeeded: the application is not at rest"
        if refused:
            said = (done.stderr.strip() or done.stdout.strip())[-500:]
            told = f"failed: {printable(said)}" if said else "failed"
        raise AssertionError(
            f"the probe {shown!r} should have been {self._expect} after the pre-script, and {told}"
        )


def checked_moment(name: object, callback: object) -> Moment:
    """The moment of a name.

    Raises:
        UsageError: there is none, or the callback is no function; all mistakes are named.
    """
    mistakes = []
    if name not in NAMES:
        mistakes.append(f"a backup has no moment {name!r}; write one of {', '.join(NAMES)}")
    if not callable(callback):
        mistakes.append(f"callback is {callback!r}; write a function that takes the VM at a moment")
    if mistakes:
        raise UsageError(mistakes)
    return Moment(name)


def checked_probe(words: str | Sequence[str], expect: object) -> Probe:
    """A probe.

    Raises:
        UsageError: it can expect nothing of the kind.
    """
    if expect not in (REFUSED, ACCEPTED):
        raise UsageError([f"expect is {expect!r}; write {REFUSED!r} or {ACCEPTED!r}"])
    return Probe(words, str(expect))
