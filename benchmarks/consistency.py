"""What a restore has of real databases: ``python -m benchmarks.consistency [ROUNDS] [WORD...]``.

Every database is backed up with good scripts, with flawed ones, with none, and with none and no
freeze (``crash``), on every storage, while a writer appends numbered records. Each recovery point
is booted and asked for the three answers, which are compared with what must come out (``EXPECTED``
says why). Only rows that have all the words in them are run. Ends with 1 if an answer was wrong.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vmsnapshot import RecoveryPoint, VirtualMachine, virtual_machine
from pytest_vmsnapshot.applications import (
    Answers,
    Application,
    AtRest,
    MariaDb,
    PostgreSql,
    ProgramMissing,
    Redis,
    Sqlite,
    Writer,
)
from pytest_vmsnapshot.errors import HarnessError

SCRIPTS = Path(__file__).resolve().parent.parent / "examples" / "databases"
VOLUME = "/var/lib/app"
NOTHING = "#!/bin/sh\n"
STORAGES = ("pause-and-copy", "loop")
WRITING = 1.0
"""Seconds of the VM's clock in which the writer is alone, before the backup."""

YES, NO = frozenset({True}), frozenset({False})
EITHER = YES | NO


@dataclass(frozen=True, slots=True)
class Subject:
    """A database as one row of the table backs it up.

    Args:
        application: it.
        folder: where its scripts lie.
        params: parameters of the pre-script.
        fs_freeze: fsFreezeEnabled of the flawed scripts' config.
    """

    application: Application
    folder: str
    params: tuple[str, ...] = ()
    fs_freeze: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What the answers may be, and why.

    Args:
        frozen: likewise.
        quiesced: likewise.
        complete: likewise.
        why: the reason.
    """

    frozen: frozenset[bool | None]
    quiesced: frozenset[bool | None]
    complete: frozenset[bool | None]
    why: str

    def wrong(self, answers: Answers) -> list[str]:
        """Names of the answers that are not so."""
        return [
            name
            for name in ("frozen", "quiesced", "complete")
            if getattr(answers, name).holds not in getattr(self, name)
        ]


# With FULL the removal of its journal is not synced, and a crash may roll the last record back.
SYNCHRONOUS = {"flawed": "OFF", "crash": "EXTRA"}

SUBJECTS: Mapping[str, Callable[[str], Subject]] = {
    "PostgreSQL": lambda _: Subject(PostgreSql(f"{VOLUME}/data", AtRest.IN_BACKUP), "postgresql"),
    "InnoDB": lambda _: Subject(MariaDb(f"{VOLUME}/data"), "mariadb"),
    "MyISAM": lambda _: Subject(MariaDb(f"{VOLUME}/data", "MyISAM"), "mariadb"),
    "Redis": lambda _: Subject(Redis(f"{VOLUME}/data", "no"), "redis"),
    "SQLite": lambda scripts: Subject(
        Sqlite(f"{VOLUME}/db", synchronous=SYNCHRONOUS.get(scripts, "FULL")),
        "sqlite",
        (f"{VOLUME}/db",),
        fs_freeze=scripts != "flawed",
    ),
}

_LOGGED = "it syncs a log before it acknowledges, so no atomic snapshot loses a record"
EXPECTED: Mapping[tuple[str, str], Expected] = {
    ("PostgreSQL", "good"): Expected(YES, YES, YES, f"a session is in a backup; {_LOGGED}"),
    ("PostgreSQL", "flawed"): Expected(
        YES, NO, YES, f"the server aborts the backup of a session that ended; {_LOGGED}"
    ),
    ("PostgreSQL", "none"): Expected(YES, NO, YES, f"no session is in a backup; {_LOGGED}"),
    ("PostgreSQL", "crash"): Expected(NO, NO, YES, _LOGGED),
    ("InnoDB", "good"): Expected(YES, YES, YES, f"a session has the lock; {_LOGGED}"),
    ("InnoDB", "flawed"): Expected(YES, NO, YES, f"the lock ended with its client; {_LOGGED}"),
    ("InnoDB", "none"): Expected(YES, NO, YES, f"there is no lock; {_LOGGED}"),
    ("InnoDB", "crash"): Expected(NO, NO, YES, _LOGGED),
    ("MyISAM", "good"): Expected(YES, YES, YES, "the lock closes the tables, the freeze syncs"),
    ("MyISAM", "flawed"): Expected(
        YES, NO, YES, "the freeze syncs what was written; tables left open are repaired"
    ),
    ("MyISAM", "none"): Expected(
        YES, NO, YES, "the freeze syncs what was written; tables left open are repaired"
    ),
    ("MyISAM", "crash"): Expected(NO, NO, NO, "nothing is synced and nothing frozen"),
    ("Redis", "good"): Expected(YES, YES, YES, "writers are paused, and SAVE wrote all"),
    ("Redis", "flawed"): Expected(
        YES, YES, NO, "writers are paused, and the records are in memory only"
    ),
    ("Redis", "none"): Expected(YES, NO, NO, "the records are in memory only"),
    ("Redis", "crash"): Expected(NO, NO, NO, "the records are in memory only"),
    ("SQLite", "good"): Expected(YES, YES, YES, "a program has the lock; each record is synced"),
    ("SQLite", "flawed"): Expected(
        NO, NO, NO, "the lock ended with its program, nothing is synced and nothing frozen"
    ),
    ("SQLite", "none"): Expected(YES, NO, YES, "there is no lock; each record is synced"),
    ("SQLite", "crash"): Expected(
        NO, NO, YES, "each record is synced, and so is the removal of its journal (EXTRA)"
    ),
}


@dataclass(slots=True)
class Row:
    """What has come out of one row so far."""

    answers: list[Answers] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def shown(self, name: str) -> str:
        """An answer over all rounds."""
        words = {True: "yes", False: "no", None: "unknown"}
        counted = Counter(words[getattr(answers, name).holds] for answers in self.answers)
        return " ".join(
            word if len(counted) == 1 else f"{count} {word}" for word, count in counted.items()
        )


def main(rounds: int, wanted: list[str]) -> int:
    """Print the table.

    Args:
        rounds: how often each row is run.
        wanted: words a row must have.
    """
    mistakes = 0
    head = f"{'database':<11}{'scripts':<8}{'storage':<16}"
    print(f"{head}{'frozen':<8}{'quiesced':<10}{'complete':<14}wrong  recovered  seconds")
    for storage in STORAGES:
        for name, subject in SUBJECTS.items():
            for scripts in ("good", "flawed", "none", "crash"):
                if not {*wanted} <= {name, scripts, storage}:
                    continue
                label = f"{name:<11}{scripts:<8}{storage:<16}"
                try:
                    row = run(subject(scripts), scripts, storage, EXPECTED[name, scripts], rounds)
                except (ProgramMissing, StorageMissing) as missing:
                    print(f"{label}skipped: {missing}", flush=True)
                    continue
                mistakes += len(row.wrong)
                recovered = sum(bool(answers.recovery) for answers in row.answers)
                print(
                    f"{label}{row.shown('frozen'):<8}{row.shown('quiesced'):<10}"
                    f"{row.shown('complete'):<14}{len(row.wrong):>3}/{3 * rounds:<3}"
                    f"{recovered:>6}/{rounds:<4}{row.seconds / rounds:>7.2f}",
                    flush=True,
                )
                for told in row.wrong:
                    print(f"  wrong: {told}")
    print("\nwhat must come out, and why:")
    for (name, scripts), expected in EXPECTED.items():
        if {*wanted} - {*STORAGES} <= {name, scripts}:
            print(f"{name:<11}{scripts:<8}{expected.why}")
    return 1 if mistakes else 0


class StorageMissing(Exception):
    """A storage that cannot be had here; says why."""


def run(subject: Subject, scripts: str, storage: str, expected: Expected, rounds: int) -> Row:
    """Run one row."""
    row = Row()
    with made(storage) as template:
        template.volume(VOLUME, size="512M")
        subject.application.set_up(template)
        point = template.backup().recovery_point
        assert point is not None
        for number in range(1, rounds + 1):
            began = time.perf_counter()
            answers = one_round(point, subject, scripts)
            row.seconds += time.perf_counter() - began
            row.answers.append(answers)
            row.wrong += [
                f"round {number}, {name}: {getattr(answers, name)}"
                for name in expected.wrong(answers)
            ]
    return row


@contextlib.contextmanager
def made(storage: str) -> Iterator[VirtualMachine]:
    """A VM with a storage.

    Raises:
        StorageMissing: it cannot be had here.
    """
    with contextlib.ExitStack() as stack:
        try:
            vm = stack.enter_context(virtual_machine(storage=storage))
        except (HarnessError, TypeError) as error:
            raise StorageMissing(str(error)) from None
        yield vm


def one_round(point: RecoveryPoint, subject: Subject, scripts: str) -> Answers:
    """Boot, write, back up, and ask."""
    with point.boot() as vm:
        subject.application.start(vm)
        if scripts == "crash":
            vm.install(pre=NOTHING, post=NOTHING, fs_freeze=False)
        elif scripts != "none":
            folder = SCRIPTS / subject.folder / scripts
            vm.install(
                pre=folder / "pre.sh",
                post=folder / "post.sh",
                pre_params=subject.params,
                fs_freeze=subject.fs_freeze,
            )
        with Writer(vm, subject.application) as writer:
            vm.wait(WRITING)
            backup = vm.backup()
        return writer.check(backup)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    words = [word for word in sys.argv[1:] if not word.isdigit()]
    sys.exit(main(numbers[0] if numbers else 20, words))
