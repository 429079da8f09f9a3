"""All checks of a contract, by name, and how one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..backup import Consistency
from ..errors import ShellMissing
from . import checks_of_backups as backups
from . import checks_of_config as configs
from . import checks_of_failures as failures
from . import checks_of_recovery as recovery
from .contract import Contract
from .failing import NoVirtualClock
from .outcome import Outcome, skipped
from .stand import Stand

OfFiles = Callable[[Contract], Outcome]
OfVm = Callable[[Stand], Outcome]


class OfScript(Protocol):
    """Makes a check of one script."""

    def __call__(self, stand: Stand, script: str) -> Outcome:
        """Make it.

        Args:
            stand: where scripts are tried.
            script: ``pre`` or ``post``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Args:
        name: by which it is chosen, and switched off.
        promise: what holds where it passes, as a sentence.
        of_files: makes it on the files alone; or None.
        of_vm: makes it on VMs; or None.
        variant: which of several of this name it is; may be empty.
        disturbs: whether it makes something go wrong: that tells nothing of scripts whose backup
            does not go well by itself.
    """

    name: str
    promise: str
    of_files: OfFiles | None = None
    of_vm: OfVm | None = None
    variant: str = ""
    disturbs: bool = False

    def __str__(self) -> str:
        return f"{self.name}[{self.variant}]" if self.variant else self.name


_SHELL = "shell"
_NOTICED, _STATUS = "failure-noticed", "exit-status"

_SIMPLE: tuple[Check, ...] = (
    Check(
        "valid-config",
        "the config is correct, and nothing of the template is left",
        configs.valid_config,
    ),
    Check(
        "modes",
        "config and scripts are deployed as root's, with 600 and 700",
        configs.modes_and_owners,
    ),
)
_UNDISTURBED: tuple[Check, ...] = (
    Check(
        "known-commands",
        "no command is called by a misspelt name",
        of_vm=backups.known_commands,
    ),
    Check(
        "time-limit", "each script ends within a share of its time limit", of_vm=backups.time_limit
    ),
    Check(
        "quiet",
        "neither script prints more than a pipe holds that nobody reads",
        of_vm=backups.quiet,
    ),
    Check(
        "held-at-snapshot",
        "the lock or session the pre-script takes is held at the snapshot",
        of_vm=backups.held_at_snapshot,
    ),
    Check("undone", "the post-script undoes what the pre-script did", of_vm=backups.undone),
    Check(
        "nothing-left-running",
        "no process or session is left after the backup",
        of_vm=backups.nothing_left_running,
    ),
    Check(
        "no-write-while-frozen",
        "nothing writes to what is frozen",
        of_vm=backups.no_write_while_frozen,
    ),
)
_DISTURBED: tuple[tuple[str, str, OfVm], ...] = (
    (
        "post-after-failed-pre",
        "the post-script cleans up after a pre-script that failed",
        recovery.after_failed_pre,
    ),
    (
        "post-after-timed-out-pre",
        "the post-script cleans up after a pre-script that was stopped",
        recovery.after_timed_out_pre,
    ),
    (
        "post-after-half-done-pre",
        "the post-script cleans up wherever the pre-script was stopped",
        recovery.after_half_done_pre,
    ),
    ("post-alone", "the post-script ends well where no pre-script ran", recovery.post_alone),
    ("post-twice", "the post-script ends well a second time", recovery.post_twice),
    (
        "pre-retried",
        "the pre-script succeeds at a second try, and both are undone",
        recovery.pre_retried,
    ),
)

NAMES: tuple[str, ...] = (
    *(check.name for check in _SIMPLE),
    backups.CONSISTENT,
    _SHELL,
    *(check.name for check in _UNDISTURBED),
    *(name for name, _, _ in _DISTURBED),
    _STATUS,
    _NOTICED,
)
"""Names of all checks, in the order in which they are made."""


def checks_of(contract: Contract) -> Iterator[Check]:
    """The checks that are made of a contract: those its author has not switched off."""
    for check in every_check(contract.settings.shells):
        if check.name not in contract.settings.skip:
            yield check


def every_check(shells: tuple[str, ...]) -> Iterator[Check]:
    """All there are.

    Args:
        shells: what ``/bin/sh`` shall be, in turn.
    """
    yield from _SIMPLE
    for rules in ("documented", "shipped"):
        yield Check(
            backups.CONSISTENT,
            f"a backup under the {rules} rules is application-consistent",
            of_vm=partial(backups.application_consistent, rules=rules),
            variant=rules,
        )
    for shell in shells:
        yield Check(
            _SHELL,
            f"the scripts run under /bin/sh of {shell}, whatever their first line says",
            of_vm=partial(backups.application_consistent, rules="shipped", shell=shell),
            variant=shell,
        )
    yield from _UNDISTURBED
    for name, promise, made in _DISTURBED:
        yield Check(name, promise, of_vm=made, disturbs=True)
    of_scripts: tuple[tuple[str, str, OfScript], ...] = (
        (
            _STATUS,
            "the {}-script fails when a command it needs fails every time",
            failures.exit_status,
        ),
        (
            _NOTICED,
            "no failure of a command of the {}-script is swallowed",
            failures.failing_command_noticed,
        ),
    )
    for name, promise, of_script in of_scripts:
        for script in ("pre", "post"):
            of_vm = partial(of_script, script=script)
            yield Check(name, promise.format(script), None, of_vm, script, disturbs=True)


def made(check: Check, stand: Stand) -> Outcome:
    """Make a check.

    Args:
        check: which.
        stand: where scripts are tried.

    Raises:
        GuestUnavailable: no VM can be made here.
        UsageError: the settings ask for what this VM cannot have.
    """
    contract = stand.contract
    if check.of_files is not None:
        return check.of_files(contract)
    assert check.of_vm is not None
    if contract.cannot_run:
        return skipped(contract.cannot_run)
    try:
        if check.disturbs and stand.good().backup.consistency is not Consistency.APPLICATION:
            return skipped(_NOT_GOOD)
        return check.of_vm(stand)
    except (ShellMissing, NoVirtualClock) as reason:
        return skipped(str(reason))


_NOT_GOOD = (
    "a backup in which nothing is made to go wrong is not application-consistent "
    f"({backups.CONSISTENT}[documented] says why)"
)
