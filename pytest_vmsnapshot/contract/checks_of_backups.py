"""Checks of backups in which nothing is made to go wrong."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from ..backup import Consistency
from ..declared.mistakes import quoted
from ..explain import line
from ..findings import FindingKind
from ..inventory import Inventory
from ..output import UNREAD_CAPACITY
from ..script_run import ScriptRun
from .missing_files import missing_files
from .outcome import Outcome, Problem, failed
from .stand import Stand
from .trial import Trial

CONSISTENT = "application-consistent"
"""The name of the check of it."""

_RULES = ("documented", "shipped")
"""In the order in which backups are taken under them."""

_FREEZE = 60.0
"""Seconds for which a file system stays frozen at most (documentation)."""

_IN_MEMORY = ("/run/*", "/dev/shm/*", "/tmp/*")
"""Where nothing is frozen, or nothing of a recovery point lies."""

_EMPTY_AFTERWARDS = ("/run/*", "/var/lock/*", "/tmp/*")
"""Where an empty directory that is left is a lock that is left."""

STILL_THERE = (FindingKind.PROCESSES, FindingKind.SESSIONS)
NOT_AS_BEFORE = (FindingKind.UNITS, FindingKind.FROZEN)


def application_consistent(stand: Stand, rules: str, shell: str | None = None) -> Outcome:
    """A backup is application-consistent.

    Args:
        stand: where it is taken.
        rules: the rule set.
        shell: what ``/bin/sh`` is; None for what is set elsewhere.
    """
    trial = stand.good(rules, shell)
    if trial.backup.consistency is Consistency.APPLICATION:
        return Outcome()
    problem = _why_not_consistent(stand, trial)
    under = f"under the {rules} rules" + (f", where /bin/sh is that of {shell}," if shell else "")
    told = f"a backup {under} is not application-consistent: {problem.text}"
    for earlier in _RULES[: 0 if rules == _RULES[0] else 2 if shell else 1]:
        if _why_not_consistent(stand, stand.good(earlier)) == problem:
            return failed(Problem(f"{told} (as in {CONSISTENT}[{earlier}])", problem.remedy))
    return failed(Problem(told, problem.remedy, trial.backup.explain()))


def _why_not_consistent(stand: Stand, trial: Trial) -> Problem:
    """Errors and the last words of the scripts that failed; what to do about them."""
    backup = trial.backup
    remedies = [*missing_files(stand.contract, backup)] or [e.remedy for e in backup.errors]
    remedy = "; ".join(dict.fromkeys(remedies)) or "see below"
    words = [", ".join(error.name for error in backup.errors) or backup.status.value]
    for name, run in _scripts(trial):
        lines = run.stderr.strip().splitlines() if run.exit_status != 0 else []
        if lines and line(lines[-1]) not in remedy:
            words.append(f"the {name} said: {line(lines[-1])}")
    return Problem("; ".join(words), remedy)


def known_commands(stand: Stand) -> Outcome:
    """No command is called that is doubled here only because its name is misspelt."""
    stand.good()
    return failed(
        *(
            Problem(
                f"{name} is called, and there is no such command: on the VM it is not found",
                f"write {near}; or, if {name} is what your VMs have, say so in vmsnapshot.toml: "
                f"[commands.{quoted(name)}]",
            )
            for name, near in stand.misspelt.items()
        )
    )


def time_limit(stand: Stand) -> Outcome:
    """Each script ends within a share of its time limit."""
    config, share = stand.contract.config, stand.contract.settings.share
    assert config is not None
    allowed = share * config.timeout
    return failed(
        *(
            Problem(
                f"the {name} needs {run.ended - run.started:.1f} s, more than {share:.0%} of its "
                f"limit of {config.timeout} s: on a busy VM it is stopped",
                "raise timeoutInSeconds, let it wait less, or write share in vmsnapshot.toml",
            )
            for name, run in _scripts(stand.good())
            if run.ended - run.started > allowed
        )
    )


def quiet(stand: Stand) -> Outcome:
    """Neither script prints more than a pipe holds that nobody reads."""
    problems = []
    for name, run in _scripts(stand.good()):
        for stream, output in (
            ("standard output", run.last.output),
            ("standard error", run.last.error_output),
        ):
            if output.total > UNREAD_CAPACITY:
                problems.append(
                    Problem(
                        f"the {name} prints {output.total} bytes to its {stream}: the extension "
                        f"never reads them, and after {UNREAD_CAPACITY} the script blocks until "
                        "its limit",
                        "write them into a file (exec >> /var/log/NAME.log 2>&1), or print less",
                    )
                )
    return failed(*problems)


def held_at_snapshot(stand: Stand) -> Outcome:
    """What the pre-script takes (a lock, a session, a stopped unit) is held at the snapshot."""
    taken = stand.good().taken
    if not taken:
        note = "the pre-script takes no lock, session or unit that is known here"
        return Outcome(notes=(note,))
    return failed(*lost(stand.good()))


def lost(trial: Trial) -> Iterator[Problem]:
    """What was taken and was not held at the snapshot."""
    for one in trial.taken:
        if not one.held:
            told, _, more = one.story.partition("\n")
            yield Problem(told, one.remedy, more)


def nothing_left_running(stand: Stand) -> Outcome:
    """No process and no session is left after the backup."""
    return failed(*left_running(stand.good()))


def left_running(trial: Trial) -> Iterator[Problem]:
    """What runs after a backup and should not."""
    for text in trial.found(*STILL_THERE):
        told, _, remedy = text.rpartition("; ")
        yield Problem(told, remedy)


def undone(stand: Stand) -> Outcome:
    """The post-script undoes what the pre-script did: files, units, frozen file systems."""
    return failed(*not_undone(stand.good(), stand.contract.settings.keep))


def not_undone(trial: Trial, keep: Sequence[str]) -> Iterator[Problem]:
    """What is not as it was before the backup, and should be.

    Args:
        trial: the backup.
        keep: patterns of paths that may stay behind.
    """
    for text in trial.found(*NOT_AS_BEFORE):
        told, _, remedy = text.partition("; ")
        yield Problem(told, remedy)
    rested = trial.rested or trial.before
    untouched = [
        path
        for path in trial.by_pre.paths
        if rested.files.get(path) == trial.after.files.get(path)
        and not any(fnmatch.fnmatchcase(path, pattern) for pattern in keep)
    ]
    by_pre = trial.by_pre
    for path in untouched:
        if path in by_pre.removed:
            told = f"{path} was removed by the pre-script, and is not there after the backup"
        elif path in by_pre.changed:
            told = f"{path} was changed by the pre-script, and is still so after the backup"
        elif _is_harmless(path, rested):
            continue
        else:
            told = f"{path} was made by the pre-script, and is still there after the backup"
        yield Problem(
            told, f'undo it in the post-script, or write keep = ["{path}"] in vmsnapshot.toml'
        )


def _is_harmless(path: str, inventory: Inventory) -> bool:
    """Whether what was made is a directory that is no lock, or that is told of by its content."""
    if inventory.files[path].kind != "directory":
        return False
    has_content = any(other.startswith(f"{path}/") for other in inventory.files)
    return has_content or not any(fnmatch.fnmatchcase(path, p) for p in _EMPTY_AFTERWARDS)


def no_write_while_frozen(stand: Stand) -> Outcome:
    """Nothing that the pre-script left running writes to what is frozen."""
    config = stand.contract.config
    assert config is not None
    if not config.fs_freeze:
        return Outcome(notes=("fsFreezeEnabled is false: nothing is frozen",))
    trial = stand.backup(wait=_FREEZE)
    if trial.rested is None or trial.waited is None:
        return Outcome()
    written = [
        path
        for path in trial.waited.since(trial.rested).paths
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in _IN_MEMORY)
    ]
    return failed(
        *(
            Problem(
                f"{path} is written to after the pre-script has ended: whoever writes there while "
                "the file system is frozen hangs, and the snapshot has half of it",
                "end what writes before the pre-script ends",
            )
            for path in written
        )
    )


def _scripts(trial: Trial) -> Iterator[tuple[str, ScriptRun]]:
    for name, run in (("pre-script", trial.backup.pre), ("post-script", trial.backup.post)):
        if run is not None:
            yield name, run
