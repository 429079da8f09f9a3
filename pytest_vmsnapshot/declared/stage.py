"""What a file puts on a VM beside config and scripts: the stage on which they act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..command_double import specification
from ..doubles import Reply, mistakes_of
from ..errors import UsageError
from ..ready_made.systemctl import STATES
from ..volumes import FSTYPES, LOOP, OS_DISK
from .mistakes import shown
from .table import Table, is_path

READY_MADE = ("mysql", "postgresql", "systemctl", "switch_user", "fsfreeze")
"""Names of the ready-made doubles."""

STAGE_KEYS = ("files", "directories", "commands", "ready_made", "volumes", "run")
"""Keys that ``read_stage`` reads."""

_SIGNALS = 64


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file, or a local directory with all in it.

    Args:
        path: where it lies on the VM.
        content: its text; None if it is a copy.
        source: what it is a copy of; None if it is text.
        mode: permission bits; None: 0644 for text, and those of the local file for a copy.
        owner: name or number.
    """

    path: str
    content: str | None
    source: Path | None
    mode: int | None
    owner: str | int


@dataclass(frozen=True, slots=True)
class StagedDirectory:
    """A directory.

    Args:
        path: where it lies on the VM.
        mode: permission bits.
        owner: name or number.
    """

    path: str
    mode: int
    owner: str


@dataclass(frozen=True, slots=True)
class StagedCommand:
    """A command double, as ``VirtualMachine.command`` takes it.

    Args:
        name: a bare name, or an absolute path.
        usual: what it does where nothing else is said.
        replies: what it does at its first call, its second and so on; None: the usual.
        patterns: replies for calls whose arguments match.
        reads_stdin: whether it reads its standard input first.
        only_expected: whether calls without a pattern or a reply of their own are refused.
        optional: whether it need not be called.
    """

    name: str
    usual: Reply = Reply()  # noqa: RUF009  # it is frozen
    replies: tuple[Reply, ...] | None = None
    patterns: tuple[tuple[str, Reply], ...] = ()
    reads_stdin: bool = False
    only_expected: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StagedVolume:
    """A volume, as ``VirtualMachine.volume`` takes it.

    Args:
        path: where it is mounted.
        fstype: its type.
        size: bytes, or text such as ``512M``; None for what is usual.
        disk: number of a data disk, ``os``, ``loop``, or None for a disk of its own.
    """

    path: str
    fstype: str = "ext4"
    size: int | str | None = None
    disk: int | str | None = None


@dataclass(frozen=True, slots=True)
class StagedDatabase:
    """A ready-made double of a database's client.

    Args:
        places: names or absolute paths of the command; none for the usual ones.
        answers: what is printed for statements that match a pattern.
        lock_wait_timeout: for ``mysql``: seconds after which a write that waits is refused.
        version: for ``postgresql``: of the server.
    """

    places: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    lock_wait_timeout: float = 1.0
    version: int = 15


@dataclass(frozen=True, slots=True)
class StagedSystemctl:
    """The ready-made double of ``systemctl``.

    Args:
        units: the state of each unit; None: every unit that is named exists and is active.
        failing: calls that fail, as patterns.
    """

    units: Mapping[str, str] | None = None
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """The ready-made doubles that are wanted; None for one that is not.

    Args:
        mysql: ``mysql`` and ``mariadb``.
        postgresql: ``psql``.
        systemctl: ``systemctl`` and ``service``.
        switch_user: ``su``, ``sudo`` and ``runuser``.
        users: the only users that exist for it; None for everybody.
        fsfreeze: ``fsfreeze`` and ``xfs_freeze``.
    """

    mysql: StagedDatabase | None = None
    postgresql: StagedDatabase | None = None
    systemctl: StagedSystemctl | None = None
    switch_user: bool = False
    users: tuple[str, ...] | None = None
    fsfreeze: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """What is on a VM before its backup.

    Args:
        volumes: its volumes.
        directories: directories of it.
        files: files with a text, and copies of local ones.
        ready_made: ready-made doubles.
        commands: command doubles.
        run: shell commands that are run once all that is there.
    """

    volumes: tuple[StagedVolume, ...] = ()
    directories: tuple[StagedDirectory, ...] = ()
    files: tuple[StagedFile, ...] = ()
    ready_made: ReadyMade = ReadyMade()
    commands: tuple[StagedCommand, ...] = ()
    run: tuple[str, ...] = ()


def read_stage(table: Table) -> Stage:
    """Read the keys of a stage; mistakes are taken down in the table.

    Args:
        table: has the keys of ``STAGE_KEYS`` beside others.
    """
    return Stage(
        volumes=tuple(_volume(row) for row in table.tables("volumes")),
        directories=_directories(table),
        files=_files(table),
        ready_made=_ready_made(table),
        commands=_commands(table),
        run=table.texts("run", ()),
    )


# -- files -----------------------------------------------------------------------------------------


def _files(table: Table) -> tuple[StagedFile, ...]:
    files = table.table("files")
    return () if files is None else tuple(_file(files, path) for path in files.names())


def _file(files: Table, path: str) -> StagedFile:
    _check_place(files, path)
    if not files.is_table(path):
        wanted = 'write its text in quotes, or a table, such as { source = "local/path" }'
        if not isinstance(files.raw(path), str):
            files.wrong(path, f"{files.name_of(path)} is {shown(files.raw(path))}; {wanted}")
            return StagedFile(path, "", None, None, "root")
        return StagedFile(path, files.text(path, ""), None, None, "root")
    entry = files.table(path)
    assert entry is not None
    content, source = entry.text("content", None), entry.local("source", None)
    if entry.has("content") == entry.has("source"):
        both = "has both content and source; write one of them"
        neither = 'has neither content nor source; write content = "text", or source = "local/path"'
        files.wrong(path, f"{files.name_of(path)} {both if entry.has('content') else neither}")
    return StagedFile(path, content, source, entry.mode("mode", None), entry.owner("owner", "root"))


def _directories(table: Table) -> tuple[StagedDirectory, ...]:
    directories = table.table("directories")
    found = []
    for path in () if directories is None else directories.names():
        assert directories is not None
        _check_place(directories, path)
        if (entry := directories.table(path)) is not None:
            owner = str(entry.owner("owner", "root"))
            found.append(StagedDirectory(path, entry.mode("mode", 0o755), owner))
    return tuple(found)


def _check_place(table: Table, path: str) -> None:
    if not is_path(path):
        table.wrong(path, f"{table.label} has the key {path!r}; write an absolute path on the VM")


# -- commands --------------------------------------------------------------------------------------


def _commands(table: Table) -> tuple[StagedCommand, ...]:
    commands = table.table("commands")
    found = []
    for name in () if commands is None else commands.names():
        assert commands is not None
        if (entry := commands.table(name)) is not None:
            found.append(_command(entry, commands, name))
    return tuple(found)


def _command(entry: Table, commands: Table, name: str) -> StagedCommand:
    before = entry.mistakes.count
    patterns = entry.table("patterns")
    by_pattern: list[tuple[str, Reply]] = []
    for pattern in () if patterns is None else patterns.names():
        assert patterns is not None
        if (row := patterns.table(pattern)) is not None:
            by_pattern.append((pattern, _reply(row)))
    command = StagedCommand(
        name,
        _reply(entry),
        tuple(_reply(row) for row in entry.tables("replies")) if entry.has("replies") else None,
        tuple(by_pattern),
        reads_stdin=entry.truth("reads_stdin", default=False),
        only_expected=entry.truth("only_expected", default=False),
        optional=entry.truth("optional", default=False),
    )
    if command.replies == ():
        entry.wrong("replies", f"{entry.name_of('replies')} is []; write [{{ stdout = ... }}]")
    if command.only_expected and not command.replies and not command.patterns:
        entry.wrong(
            "only_expected",
            f"{entry.name_of('only_expected')} is true, but no call is expected; write which are, "
            "by patterns or replies",
        )
    if entry.mistakes.count == before:
        _check_as_a_whole(command, commands)
    return command


def _check_as_a_whole(command: StagedCommand, commands: Table) -> None:
    """What the VM would say of it."""
    try:
        specification(
            command.name,
            command.usual,
            command.replies,
            dict(command.patterns),
            None,
            None,
            reads_stdin=command.reads_stdin,
            only_expected=command.only_expected,
        )
    except UsageError as wrong:
        for mistake in wrong.mistakes:
            commands.wrong(command.name, f"{commands.name_of(command.name)}: {mistake}")


def _reply(table: Table) -> Reply:
    becomes: bool | str = False
    if isinstance(table.raw("passthrough"), str):
        becomes = table.path("passthrough", default=False)
    else:
        becomes = table.truth("passthrough", default=False)
    reply = Reply(
        stdout=table.text("stdout", ""),
        stderr=table.text("stderr", ""),
        exit_status=table.whole("exit_status", 0, 0, 255),
        signal=table.whole("signal", None, 1, _SIGNALS),
        delay=table.seconds("delay", 0.0),
        passthrough=becomes,
    )
    assert not mistakes_of(reply)
    return reply


# -- ready-made, volumes ---------------------------------------------------------------------------


def _ready_made(table: Table) -> ReadyMade:
    found = table.table("ready_made")
    if found is None:
        return ReadyMade()
    mysql, postgresql, systemctl, switch_user, fsfreeze = (found.table(key) for key in READY_MADE)
    return ReadyMade(
        mysql=None
        if mysql is None
        else StagedDatabase(
            mysql.texts("places", ()),
            mysql.texts_by_name("answers", {}),
            lock_wait_timeout=mysql.seconds("lock_wait_timeout", 1.0),
        ),
        postgresql=None
        if postgresql is None
        else StagedDatabase(
            postgresql.texts("places", ()),
            postgresql.texts_by_name("answers", {}),
            version=postgresql.whole("version", 15, 1),
        ),
        systemctl=None
        if systemctl is None
        else StagedSystemctl(_units(systemctl), systemctl.texts("failing", ())),
        switch_user=switch_user is not None,
        users=None if switch_user is None else switch_user.texts("users", None),
        fsfreeze=fsfreeze is not None,
    )


def _units(systemctl: Table) -> dict[str, str] | None:
    units = systemctl.table("units")
    if units is None:
        return None
    return {name: units.choice(name, "active", STATES) for name in units.names()}


def _volume(row: Table) -> StagedVolume:
    if not row.has("path"):
        row.missing("path", "write where it is mounted")
    disk: int | str | None
    if isinstance(row.raw("disk"), str):
        disk = row.choice("disk", None, (OS_DISK, LOOP))
    else:
        disk = row.whole("disk", None, 0)
    return StagedVolume(
        row.path("path", "/"), row.choice("fstype", "ext4", FSTYPES), row.size("size", None), disk
    )
