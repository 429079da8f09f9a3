"""Finding the three answers: what the backup did, what the writer saw, what a restore has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..backup import Backup, Step
from ..errors import CommandFailed, CommandTimeout, ServerFailed, UsageError
from ..explain import printable
from ..machine import VirtualMachine
from .answers import Answer, Answers
from .application import Application, require
from .records import Asked, Written, wrong

REAL = "loop"
"""The storage that has the kernel freeze the VM's volumes."""

READ_LIMIT = 60.0
"""Seconds of the VM's clock in which a restored application gives all records back."""


class Watched(Protocol):
    """What a writer has seen of a backup."""

    def written(self, number: int) -> Written | None:
        """What had been acknowledged; None if it does not know."""
        ...

    def asked(self, number: int) -> Asked | None:
        """What became of the probe; None if nothing was asked."""
        ...


class Checkable:
    """An application that can be asked about a backup that no writer has watched."""

    __slots__ = ()

    def check(self: Application, backup: Backup) -> Answers:
        """Boot the recovery point of a backup, and ask. Nobody knows which records must be there,
        nor whether it was at rest.

        Args:
            backup: the backup.

        Raises:
            ProgramMissing: the VM has not what it needs; in a test it skips.
            UsageError: the backup left no recovery point, or it cannot be booted.
            GuestDied: the VM that was backed up is closed.
        """
        __tracebackhide__ = True
        return check(backup, self, None)


def check(backup: Backup, application: Application, writer: Watched | None) -> Answers:
    """Find out whether the recovery point of a backup is what it should be.

    It boots a VM from the recovery point, starts the application there on the data it finds, lets
    it check them, and reads the records back.

    Args:
        backup: the backup.
        application: what is asked.
        writer: what wrote during that backup, if anything did.

    Raises:
        ProgramMissing: the VM has not what the application needs; in a test it skips.
        UsageError: the backup left no recovery point, or it cannot be booted.
        GuestDied: the VM that was backed up is closed.
    """
    __tracebackhide__ = True
    point = backup.recovery_point
    if point is None:
        raise UsageError(
            [f"the backup left no recovery point to check: {backup.decided_by}; look at explain()"]
        )
    with point.boot() as restored:
        require(restored, application.programs)
        place = restored.run(["readlink", "-f", application.place]).stdout.rstrip("\n")
        lies = _Lies(place or application.place, tuple(one.path for one in restored.volumes))
        frozen = _frozen(backup, lies)
        complete, recovery = _complete(restored, backup, application, writer)
    return Answers(
        application=application.name,
        frozen=frozen,
        quiesced=_quiesced(backup, application, writer),
        complete=complete,
        simulated=not lies.frozen_really(backup) if frozen else None,
        recovery=recovery,
    )


# -- frozen ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lies:
    """Where the data lies.

    Args:
        place: its path, links followed.
        volumes: where the VM's volumes are mounted.
    """

    place: str
    volumes: tuple[str, ...]

    def on(self, backup: Backup) -> str:
        """The mount it lies on."""
        mounts = {*self.volumes, *(backup.frozen or ())}
        above = [one for one in mounts if f"{self.place}/".startswith(f"{one.rstrip('/')}/")]
        return max(above, key=len, default="/")

    def frozen_really(self, backup: Backup) -> bool:
        """Whether the kernel has frozen it, if anything has: only a volume, and only as root."""
        return backup.storage == REAL and self.on(backup) in self.volumes


def _frozen(backup: Backup, lies: _Lies) -> Answer:
    """Whether the file system of the data was frozen, by what the backup noted."""
    told = [event.text for event in backup.events if event.step is Step.FREEZE]
    remedy = (
        "leave fsFreezeEnabled true, and keep the data on a file system of a type that is frozen "
        "(ext3, ext4, xfs or btrfs) and that MountsToSkip does not name"
    )
    if backup.frozen is None:
        return Answer(False, (f"no freeze: {'; '.join(told) or 'it never came to it'}",), remedy)
    if not backup.frozen:
        return Answer(False, ("no mounted file system is of a kind that is frozen",), remedy)
    thawed = [event.text for event in backup.events if event.step is Step.THAW]
    if "done" not in thawed:
        shown = "; ".join((*told, *thawed))
        return Answer(False, (f"it did not stay frozen until the snapshot: {shown}",), remedy)
    mount = lies.on(backup)
    if mount not in backup.frozen:
        shown = f"{lies.place} lies on {mount}, and frozen were {', '.join(backup.frozen)}"
        return Answer(False, (shown,), remedy)
    how = "really" if lies.frozen_really(backup) else "simulated: every process was paused"
    return Answer(True, (f"{mount}, on which {lies.place} lies ({how})",))


# -- quiesced ----------------------------------------------------------------------------------


def _quiesced(backup: Backup, application: Application, writer: Watched | None) -> Answer:
    if writer is None:
        remedy = "check a Writer, which asks while the backup runs"
        return Answer(None, ("nobody asked during the backup",), remedy)
    if not application.probe:
        remedy = "give the application a probe: a write that is refused while it is at rest"
        return Answer(None, ("it has no probe",), remedy)
    asked = writer.asked(backup.number)
    remedy = (
        "let the pre-script hold the application until the post-script: a lock ends with the "
        "client that took it, so keep that client alive in the background"
    )
    if asked is None:
        if backup.pre is None:
            return Answer(False, ("no pre-script ran, so nothing brought it to rest",), remedy)
        return Answer(None, ("the writer did not run during the backup",), "backup inside its with")
    return Answer(asked.refused, (asked.said,), "" if asked.refused else remedy)


# -- complete ----------------------------------------------------------------------------------


def _complete(
    restored: VirtualMachine, backup: Backup, application: Application, writer: Watched | None
) -> tuple[Answer, str]:
    """Whether the restored data is whole, and what the application said of a recovery."""
    written = None if writer is None else writer.written(backup.number)
    remedy = (
        "let the pre-script bring the data to the disk, and hold the application until the "
        "post-script; or let the application sync what it acknowledges"
    )
    try:
        recovery = application.start(restored)
    except ServerFailed as error:
        return Answer(False, (f"it does not start on the restored data: {error}",), remedy), ""
    try:
        damage = application.integrity(restored)
        read = restored.run(application.read, timeout=READ_LIMIT, check=True).stdout
    except (CommandFailed, CommandTimeout) as error:
        return Answer(False, (f"it starts and cannot be read: {error}",), remedy), recovery
    lines = read.splitlines()
    told = [f"it finds its data damaged: {printable(damage)}"] if damage else []
    told += wrong(lines, written)
    if told:
        return Answer(False, tuple(told), remedy), recovery
    count = f"{len(lines)} records, in order, none torn"
    if written is None:
        unknown = "nobody noted which records had been acknowledged"
        return Answer(None, (f"it starts, its data are whole: {count}", unknown), _WATCH), recovery
    acknowledged = f"all {len(written.before)} acknowledged before the snapshot among them"
    return Answer(True, (f"it starts, its data are whole: {count}, {acknowledged}",)), recovery


_WATCH = "check a Writer, which knows what was acknowledged"
