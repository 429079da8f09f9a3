"""Running a case on a VM, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import explain
from ..backup import Backup
from ..declared import Doubles, set_up
from ..doubles import Call
from ..machine import VirtualMachine
from ..running import Workshop
from .case import Case
from .expectation import Expectation, ExpectedFile
from .judging import Seen, SeenFile, mismatches

_NAMES = 5
"""Names of expectations in a heading."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that was not met.

    Args:
        name: of the expectation, such as ``pre.exit_status``.
        line: of the file, from 1, where it stands.
        text: what was expected, and what there is.
    """

    name: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of a case.

    Args:
        case: the case.
        backups: all that were taken, the judged one last.
        mismatches: all expectations that were not met.
    """

    case: Case
    backups: tuple[Backup, ...]
    mismatches: tuple[Mismatch, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as expected."""
        return not self.mismatches

    def told(self, *, whole: bool = True) -> str:
        """What is not as expected, each with its line; then the backup.

        Args:
            whole: whether its timeline and output are told too, and not only its verdict.
        """
        case = self.case
        names = list(dict.fromkeys(one.name for one in self.mismatches))
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        lines = [f"{case.id}: not as expected: {', '.join(names[:_NAMES])}{more}"]
        lines += [f"  {case.description.strip()}"] if case.description.strip() else []
        for one in self.mismatches:
            first, *rest = one.text.split("\n")
            lines.append(f"  {case.file.name}:{one.line}: {one.name}: {first}")
            lines += [f"    {row}" for row in rest]
        last = self.backups[-1]
        return "\n".join([*lines, explain.whole(last) if whole else f"got {explain.verdict(last)}"])


def run_case(case: Case, vm: VirtualMachine) -> CaseResult:
    """Run a case.

    Args:
        case: the case.
        vm: a fresh VM, made with the case's ``source``.

    Raises:
        UsageError: something of the case cannot be on this VM.
        CommandFailed: a command of its ``run`` failed.
    """
    __tracebackhide__ = True
    doubles = set_up(case.stage, vm)
    if case.installed is not None:
        case.installed.install(vm)
    for _ in range(case.backups - 1):
        vm.backup()
    at_snapshot = _AtSnapshot(doubles, case.expect)
    if at_snapshot.wanted:
        vm.on("before_snapshot", lambda _: at_snapshot.look())
    seen = _seen(case.expect, vm.backup(), vm, doubles, at_snapshot)
    file, ways = case.file, case.expect.ways
    found = tuple(
        Mismatch(name, file.line_of(ways.get(name, ("expect",))), text)
        for name, text in mismatches(case.expect, seen)
    )
    return CaseResult(case, vm.backups, found)


def run_alone(
    cases: Iterable[Case], on_start: Callable[[Case], None] | None = None
) -> Iterator[CaseResult]:
    """Run cases one after the other, each on a VM of its own, without pytest.

    Args:
        cases: the cases.
        on_start: told of each before it starts.

    Raises:
        UsageError: something of a case cannot be on its VM.
        CommandFailed: a command of its ``run`` failed.
        GuestUnavailable: no VM can be made here.
        ShellMissing: its shell is not installed.
    """
    here = Path.cwd()
    workshop = Workshop(here, here)
    try:
        for case in cases:
            if on_start is not None:
                on_start(case)
            with workshop.make([case.source], case.file.path.parent) as machine:
                yield run_case(case, machine)
    finally:
        workshop.close()


class _AtSnapshot:
    """What scripts have frozen and stopped at the moment of the snapshot.

    Args:
        doubles: of the VM.
        expect: says which units are looked at.
    """

    def __init__(self, doubles: Doubles, expect: Expectation) -> None:
        self._doubles = doubles
        self._units = tuple(expect.held.systemctl)
        self.wanted = bool(self._units) or expect.held.fsfreeze is not None
        """Whether something of it is expected."""
        self.frozen: tuple[str, ...] | None = None
        """What was frozen; None if it came not to a snapshot."""
        self.units: Mapping[str, str | None] | None = None
        """The state of each unit; None if it came not to a snapshot."""

    def look(self) -> None:
        """Take down how it is now."""
        fsfreeze, systemctl = self._doubles.fsfreeze, self._doubles.systemctl
        self.frozen = () if fsfreeze is None else tuple(sorted(fsfreeze.frozen))
        if systemctl is not None:
            self.units = {name: systemctl.state_of(name) for name in self._units}


def _seen(
    expect: Expectation,
    backup: Backup,
    vm: VirtualMachine,
    doubles: Doubles,
    at_snapshot: _AtSnapshot,
) -> Seen:
    point = backup.recovery_point
    found = [*backup.findings, *vm.double_findings] if expect.findings is not None else []
    return Seen(
        backup,
        {name: _calls(doubles, name) for name in expect.calls},
        None
        if point is None
        else {
            path: _file(path, wanted, point.exists, point.read_bytes)
            for path, wanted in expect.recovery_point.items()
        },
        {path: _on_vm(vm, path, wanted) for path, wanted in expect.files.items()},
        tuple(finding.kind.value for finding in found),
        at_snapshot.frozen,
        at_snapshot.units,
        _not_held(expect, backup, doubles),
    )


def _calls(doubles: Doubles, name: str) -> Sequence[Call]:
    if name in doubles.commands:
        return doubles.commands[name].calls
    ready_made = {
        "mysql": doubles.mysql,
        "postgresql": doubles.postgresql,
        "systemctl": doubles.systemctl,
        "switch_user": doubles.switch_user,
        "fsfreeze": doubles.fsfreeze,
    }
    double = ready_made[name]
    return () if double is None else double.calls


def _file(
    path: str,
    wanted: ExpectedFile,
    exists: Callable[[str], bool],
    read: Callable[[str], bytes],
) -> SeenFile:
    """A file, as text if its content matters; bytes that are not UTF-8 are escapes."""
    if not exists(path):
        return SeenFile(exists=False)
    if wanted.text is None:
        return SeenFile(exists=True)
    try:
        return SeenFile(exists=True, text=read(path).decode("utf-8", "backslashreplace"))
    except OSError as error:
        return SeenFile(exists=True, problem=error.strerror or str(error))


def _on_vm(vm: VirtualMachine, path: str, wanted: ExpectedFile) -> SeenFile:
    place = vm.path(path)
    found = _file(path, wanted, lambda _: place.exists(), lambda _: place.read_bytes())
    if not found.exists or (wanted.mode is None and wanted.owner is None):
        return found
    return replace(found, mode=place.mode, owner=place.owner)


def _not_held(expect: Expectation, backup: Backup, doubles: Doubles) -> dict[str, str]:
    """What is wrong with what is expected to be held, in words; empty if it was held."""
    found = {}
    mysql, postgresql = doubles.mysql, doubles.postgresql
    if expect.held.mysql is not None and mysql is not None:
        found["mysql"] = _failure(lambda: mysql.assert_locked_at_snapshot(backup))
    if expect.held.postgresql is not None and postgresql is not None:
        found["postgresql"] = _failure(lambda: postgresql.assert_in_backup_at_snapshot(backup))
    return found


def _failure(check: Callable[[], None]) -> str:
    try:
        check()
    except AssertionError as failure:
        return str(failure)
    return ""
