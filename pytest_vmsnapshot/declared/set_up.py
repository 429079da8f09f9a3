"""Setting the stage on a VM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..command_double import CommandDouble
from ..machine import VirtualMachine
from ..ready_made import Fsfreeze, MySql, PostgreSql, Systemctl
from ..ready_made import SwitchUser as SwitchUserDouble
from .stage import ReadyMade, Stage, StagedFile


@dataclass(frozen=True, slots=True)
class Doubles:
    """The doubles on a VM.

    Args:
        commands: those of ``[commands]``, by the name that is written there.
        mysql: the ready-made one, or None.
        postgresql: the ready-made one, or None.
        systemctl: the ready-made one, or None.
        switch_user: the ready-made one, or None.
        fsfreeze: the ready-made one, or None.
    """

    commands: Mapping[str, CommandDouble] = field(default_factory=dict)
    mysql: MySql | None = None
    postgresql: PostgreSql | None = None
    systemctl: Systemctl | None = None
    switch_user: SwitchUserDouble | None = None
    fsfreeze: Fsfreeze | None = None


def set_up(stage: Stage, vm: VirtualMachine) -> Doubles:
    """Put everything on a VM that a stage has: volumes first, then directories, files and doubles;
    last its commands are run.

    Args:
        stage: what is wanted.
        vm: a VM on which nothing is yet.

    Raises:
        UsageError: something cannot be put there.
        CommandFailed: a command of ``run`` failed.
    """
    __tracebackhide__ = True
    for volume in stage.volumes:
        vm.volume(volume.path, fstype=volume.fstype, size=volume.size, disk=volume.disk)
    for directory in stage.directories:
        vm.path(directory.path).mkdir(mode=directory.mode, owner=directory.owner)
    for file in stage.files:
        _put(file, vm)
    ready_made = _ready_made(stage.ready_made, vm)
    commands = {
        command.name: vm.command(
            command.name,
            stdout=command.usual.stdout,
            stderr=command.usual.stderr,
            exit_status=command.usual.exit_status,
            signal=command.usual.signal,
            delay=command.usual.delay,
            passthrough=command.usual.passthrough,
            replies=command.replies,
            patterns=dict(command.patterns),
            reads_stdin=command.reads_stdin,
            only_expected=command.only_expected,
            optional=command.optional,
        )
        for command in stage.commands
    }
    for line in stage.run:
        vm.run(line, check=True)
    return Doubles(
        commands,
        ready_made.mysql,
        ready_made.postgresql,
        ready_made.systemctl,
        ready_made.switch_user,
        ready_made.fsfreeze,
    )


def _put(file: StagedFile, vm: VirtualMachine) -> None:
    __tracebackhide__ = True
    if file.source is not None:
        vm.copy(file.source, file.path, mode=file.mode, owner=file.owner)
    else:
        mode = 0o644 if file.mode is None else file.mode
        vm.write(file.path, file.content or "", mode=mode, owner=file.owner)


def _ready_made(wanted: ReadyMade, vm: VirtualMachine) -> Doubles:
    __tracebackhide__ = True
    mysql, postgresql, systemctl = wanted.mysql, wanted.postgresql, wanted.systemctl
    return Doubles(
        mysql=None
        if mysql is None
        else MySql(
            vm,
            mysql.places,
            answers=mysql.answers,
            lock_wait_timeout=mysql.lock_wait_timeout,
        ),
        postgresql=None
        if postgresql is None
        else PostgreSql(
            vm, postgresql.places, answers=postgresql.answers, version=postgresql.version
        ),
        systemctl=None
        if systemctl is None
        else Systemctl(vm, systemctl.units, failing=systemctl.failing),
        switch_user=SwitchUserDouble(vm, wanted.users) if wanted.switch_user else None,
        fsfreeze=Fsfreeze(vm) if wanted.fsfreeze else None,
    )
