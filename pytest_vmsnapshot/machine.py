"""The VM a test works with: install, look, run, back up."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self, Unpack

from . import engine, inspection, under_faults
from .at_moment import AtMoment, Callback, Probe, checked_moment, checked_probe
from .backup import Backup, Note
from .command_double import (
    DoublingGuest,
    with_calls,
)
from .engine.lifecycle import Bench
from .errors import UsageError
from .fault_checks import FaultOptions, changed_faults
from .faults import Faults
from .inspection import GRACE, InspectedGuest
from .keeping import CopiedGuest, Keeping, Twin
from .kept import Keep
from .moments import Moment
from .protocols import Clock, PointFiles, Storage
from .second_backup import SecondBackup
from .storage import Faulty
from .under_faults import FaultingGuest, check_possible
from .vm_doubles import VmDoubles
from .volumes import Disks, Volume, VolumeGuest, planned_volume, refused


class MachineGuest(
    FaultingGuest, DoublingGuest, InspectedGuest, VolumeGuest, CopiedGuest, Protocol
):
    """A guest as the VM sees it."""

    def close(self, *, wait: bool = True) -> None:
        """End the VM; without waiting, it dies while the caller goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """What a VM begins with.

    Args:
        facts: what Azure knows of it.
        volumes: its volumes.
        at: the second of the clock of the VM it comes from.
    """

    facts: engine.VmFacts
    volumes: tuple[Volume, ...] = ()
    at: float = 0.0


class VirtualMachine(VmDoubles):
    """A throwaway Linux VM.

    Args:
        guest: where its processes run.
        storage: what freezes and copies.
        clock: its clock.
        rules: the rule set in effect.
        facts: what Azure knows of it.
        bases: local directories against which relative paths are looked up, in order.
        on_budget: told how many seconds a backup that starts may take at most.
        allow: names of findings that are not told.
        disks: what was said of its disks before it gets volumes.
        volumes: what it has of them already.
        start: makes a VM whose disks are a recovery point of this one.
        keep: what is kept of each backup for reports.
        twin: makes a VM in which a backup is made a second time.
    """

    def __init__(
        self,
        guest: MachineGuest,
        storage: Storage,
        clock: Clock,
        rules: engine.RuleSet,
        facts: engine.VmFacts,
        bases: Sequence[Path],
        on_budget: Callable[[float], None] | None = None,
        allow: Sequence[str] = (),
        disks: Disks = Disks(),  # noqa: B008  # it is frozen
        volumes: Sequence[Volume] = (),
        start: Callable[[PointFiles, Origin], VirtualMachine] | None = None,
        keep: Keep = Keep(),  # noqa: B008  # it is frozen
        twin: Callable[[PointFiles, Origin], VirtualMachine] | None = None,
    ) -> None:
        bench = Bench(facts, guest, storage, clock, rules, reach=self._reach)
        super().__init__(guest, bench, bases, allow, keep)
        self._guest = guest
        self._storage = storage
        self._disks = disks
        self._volumes = list(volumes)
        self._start = start
        self._twin = twin
        self._on_budget = on_budget
        self._callbacks: list[tuple[Moment, Callback]] = []
        self._failures: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        count = len(self._backups)
        return f"<VirtualMachine {self._guest.name}, {count} backup{'' if count == 1 else 's'}>"

    # -- what it is like -----------------------------------------------------------------------

    @property
    def guest(self) -> str:
        """Where its processes run, as its backups say: such as ``namespaces (root)``."""
        return self._guest.name

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """The volumes it has, in the order in which they were mounted."""
        return tuple(self._volumes)

    def volume(
        self,
        path: str,
        *,
        fstype: str = "ext4",
        size: int | str | None = None,
        disk: int | str | None = None,
    ) -> Volume:
        """Mount a file system of its own on the VM, before anything is put there.

        What is frozen, and how many disks Azure sees, follows from the volumes unless ``mounts``
        and ``disks`` are set. With the first volume the usual ``/data`` is no mount any more.

        Args:
            path: where it is mounted.
            fstype: ``ext4``, ``xfs`` or ``btrfs``, which are frozen; ``nfs`` or ``tmpfs``, which
                are not, and are not part of a recovery point.
            size: bytes, or text such as ``512M``; 1 GiB unless said otherwise.
            disk: the number of the data disk it lies on, from 0; ``os`` for the disk of the system,
                or ``loop`` for a file of that disk, which is not frozen. By default it has a data
                disk of its own.

        Raises:
            UsageError: an argument cannot be meant, or it cannot be mounted there.
        """
        __tracebackhide__ = True
        volume = planned_volume(self._volumes, path, fstype, size, disk)
        with self._alone("a volume"):
            try:
                self._guest.add_volume(volume)
            except OSError as error:
                raise refused(volume, error) from None
        self._volumes.append(volume)
        facts = self._disks.with_volumes(self._bench.vm, self._volumes)
        self._bench = replace(self._bench, vm=facts)
        return volume

    # -- back up -----------------------------------------------------------------------------

    def fault(self, **faults: Unpack[FaultOptions]) -> None:
        """Say what goes wrong from now on; what is not named stays as it is, ``ok`` takes it back.

        Args:
            **faults: ``freeze``: ``fail``, ``lock_held``, ``timeout``, ``open_failed``,
                ``late_thaw``, ``sleep_unable`` or ``thaw_fail``. ``snapshot``: ``all_failed`` or
                ``some_failed``. ``pre``, ``post``: a ``ScriptFault``. ``pre_file``,
                ``post_file``, ``config_file``, ``plugin_host``: a ``FileFault``, or its damage
                by name. ``commands``: for each command a ``CommandFault``, ``fail``, ``hang`` or
                ``missing``. ``disk_full``: True. ``read_only``: directories. ``clock_jump``:
                seconds, or seconds for each moment.

        Raises:
            UsageError: there is no such fault, or not on this VM; all mistakes are named.
        """
        __tracebackhide__ = True
        self.begin_with(changed_faults(self._bench.faults, faults))

    def begin_with(self, wanted: Faults) -> None:
        """Let go wrong what the marker or the factory says, and nothing else.

        Args:
            wanted: all faults from now on.

        Raises:
            UsageError: some cannot be on this VM.
        """
        __tracebackhide__ = True
        if wanted == self._bench.faults:
            return
        bench = self._bench
        check_possible(wanted, bench)
        patience = bench.rules.freeze_patience - bench.rules.freeze_time
        storage = Faulty(self._storage, bench.clock, patience, wanted)
        self._bench = replace(bench, storage=storage, faults=wanted)

    def backup(self) -> Backup:
        """Take one backup through the whole lifecycle.

        Whatever is wrong with config and scripts becomes part of the verdict.

        Raises:
            UsageError: a backup of this VM is being taken already.
            AssertionError: a probe did not end as expected; and whatever a callback raised.
            GuestDied: the VM is closed, or ended meanwhile.
        """
        __tracebackhide__ = True
        for watched in self._watched:
            watched.backup_begins()
        with self._alone("a backup"):
            self._guest.backup_begins()
            number = len(self._backups) + 1
            keeping = Keeping(
                self._keep, number, self._bench, self._guest, self.sources, self._repeatable
            )
            try:
                began_at = self._origin()
                backup, began = under_faults.run(
                    keeping.bench, self._guest, number, self._on_budget
                )
                left = self._guest.left_behind(self._bench.clock.deadline(GRACE))
            except BaseException:
                keeping.give_up()
                raise
        calls = [call for double in self._doubles for call in double.calls]
        if calls:
            backup = replace(backup, events=with_calls(backup.events, calls, began))
        found = [
            *inspection.of_processes(left, calls),
            *inspection.of_commands(backup, self._guest, self._bench.vm.agent.env),
        ]
        found += [finding for watched in self._watched for finding in watched.findings()]
        if found:
            backup = replace(backup, findings=tuple(found))
        if backup.recovery_point is not None and self._start is not None:
            point = backup.recovery_point.of_vm(self._boot, lambda: self._backups[number - 1])
            backup = replace(backup, recovery_point=point)
        self._expect(run.path for run in (backup.pre, backup.post) if run is not None)
        self._backups.append(backup)
        self._kept.append(keeping.unfinished())  # it stays so, if a time limit ends the twin
        self._kept[number - 1] = keeping.finish(backup, self._twin_from(began_at))
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]
        return backup

    def _expect(self, places: Iterable[str]) -> None:
        """The next backup finds its scripts there, as far as can be guessed."""
        self._bench = replace(self._bench, likely=tuple(places) or self._bench.likely)

    def on(self, moment: str, callback: Callback) -> None:
        """Do something at a moment of each backup from now on.

        What the callback raises reaches the test once the backup has ended, so that no lifecycle is
        cut short.

        Args:
            moment: ``before_pre``, ``after_pre``, ``frozen``, ``before_snapshot``,
                ``after_snapshot``, ``thawed``, ``before_post`` or ``after_post``; one that is not
                reached is left out.
            callback: called with the VM at that moment.

        Raises:
            UsageError: there is no such moment.
        """
        __tracebackhide__ = True
        self._callbacks.append((checked_moment(moment, callback), callback))

    def probe(self, command: str | Sequence[str], *, expect: str = "refused") -> Probe:
        """Ask the application after each pre-script whether it is at rest.

        The honest probe is a write that must be refused. It comes before the freeze, because on a
        frozen file system any write waits, and looks refused.

        Args:
            command: a shell command, or an argv as a sequence.
            expect: ``refused``, or ``accepted``. Where it is not so, ``backup()`` raises
                ``AssertionError`` once the backup has ended.

        Raises:
            UsageError: expect is something else.
        """
        __tracebackhide__ = True
        probe = checked_probe(command, expect)
        self._callbacks.append((Moment.AFTER_PRE, probe))
        return probe

    def _boot(self, point: PointFiles) -> VirtualMachine:
        __tracebackhide__ = True
        assert self._start is not None
        return self._start(point, self._origin())

    def _origin(self) -> Origin:
        return Origin(self._bench.vm, self.volumes, self._bench.clock.now())

    def _twin_from(self, origin: Origin) -> Callable[[PointFiles], Twin] | None:
        make, faults = self._twin, self._bench.faults
        if make is None:
            return None

        def twin(point: PointFiles) -> Twin:
            machine = make(point, origin)
            machine.begin_with(faults)
            return machine._as_second(self._on_budget)  # noqa: SLF001  # it is one of these

        return twin

    def _as_second(self, on_budget: Callable[[float], None] | None) -> Twin:
        end = functools.partial(self.close, wait=False)
        return SecondBackup(self._guest, self._bench, on_budget, end)

    def _reach(self, moment: Moment, note: Note) -> None:
        __tracebackhide__ = True
        bench = self._bench
        for wanted, callback in self._callbacks:
            if wanted is moment:
                paused = bench.storage.pauses
                at = AtMoment(moment, self._guest, bench.clock, bench.vm.agent, note, paused=paused)
                try:
                    callback(at)
                except Exception as error:
                    note(f"  test: {type(error).__name__} at {moment.value}")
                    self._failures.append(error)

    def close(self, *, wait: bool = True) -> None:
        """End the VM. May be called twice.

        Args:
            wait: whether no process, mount or file of it may be left when this returns. Otherwise
                it dies while the caller goes on, as after a test.
        """
        if self._doubles and self._busy.acquire(blocking=False):  # what is asked later stays known
            with contextlib.suppress(UsageError):
                _ = self.double_findings
            self._busy.release()
        self._guest.close(wait=wait)
