"""What a test makes go wrong, as facts: scripts, files, commands, disk, freeze and snapshot."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from .moments import Moment


class FreezeFault(enum.Enum):
    """How a freeze goes wrong."""

    FAIL = "fail"
    LOCK_HELD = "lock_held"
    TIMEOUT = "timeout"
    OPEN_FAILED = "open_failed"
    LATE_THAW = "late_thaw"
    SLEEP_UNABLE = "sleep_unable"
    THAW_FAIL = "thaw_fail"


class SnapshotFault(enum.Enum):
    """How a snapshot goes wrong."""

    ALL_FAILED = "all_failed"
    SOME_FAILED = "some_failed"


NONE = "ok"
"""What a test writes for what shall go well again."""

START, END = "start", "end"
"""Where in a script its fault happens: before its first line, or after its work."""


@dataclass(frozen=True, slots=True)
class ScriptFault:
    """What goes wrong with the author's script, which runs all the same.

    Args:
        exit_status: how it ends, whatever it wanted.
        signal: number of the signal it ends by instead.
        hang: it does not go on.
        delay: seconds of the VM's clock that it is slower.
        prints: bytes it prints besides.
        at: ``end``, after its work; ``start``, before its first line; or a number N, its Nth
            command.
        attempts: only its first so many attempts; all by default.
    """

    exit_status: int | None = None
    signal: int | None = None
    hang: bool = False
    delay: float = 0.0
    prints: int = 0
    at: str | int = END
    attempts: int | None = None

    @property
    def ends_it(self) -> bool:
        """Whether what it happens to does not go on by itself."""
        return self.hang or self.exit_status is not None or self.signal is not None


Damage = Callable[[bytes], bytes]
"""A function of the test that damages the content of a file."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """What is wrong with a file during a backup; afterwards it is put back.

    Args:
        damage: a name, such as ``missing`` or ``crlf``, or a function from bytes to bytes.
        mode: permission bits it has instead.
        owner: name or number of the owner it has instead.
    """

    damage: str | Damage | None = None
    mode: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class CommandFault:
    """What goes wrong with a command during a backup.

    Args:
        exit_status: how it ends, without having done anything.
        signal: number of the signal it ends by instead.
        hang: it does not end.
        missing: it is not there at all.
        delay: seconds of the VM's clock that it is slower; then it does its work, unless another
            fault is given.
        calls: only its first so many calls of a backup; all by default.
    """

    exit_status: int | None = None
    signal: int | None = None
    hang: bool = False
    missing: bool = False
    delay: float = 0.0
    calls: int | None = None

    @property
    def ends_it(self) -> bool:
        """Whether the command does not do its work."""
        return self.hang or self.exit_status is not None or self.signal is not None


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong from now on; None, or nothing, where all goes well.

    Args:
        freeze: about the freeze.
        snapshot: about the snapshot.
        pre: about the pre-script's run.
        post: about the post-script's run.
        pre_file: about the pre-script's file.
        post_file: about the post-script's file.
        config_file: about the config's file.
        plugin_host: about the Pluginhost file.
        commands: about commands, by name or absolute path.
        disk_full: whether nothing more can be written from the pre-script on.
        read_only: directories in which nothing can be written from the pre-script on.
        clock_jump: at which moments the wall clock is set, and by how many seconds.
    """

    freeze: FreezeFault | None = None
    snapshot: SnapshotFault | None = None
    pre: ScriptFault | None = None
    post: ScriptFault | None = None
    pre_file: FileFault | None = None
    post_file: FileFault | None = None
    config_file: FileFault | None = None
    plugin_host: FileFault | None = None
    commands: tuple[tuple[str, CommandFault], ...] = ()
    disk_full: bool = False
    read_only: tuple[str, ...] = ()
    clock_jump: tuple[tuple[Moment, float], ...] = ()

    @property
    def files(self) -> tuple[tuple[str, FileFault], ...]:
        """What is wrong with files, by the names of the fields."""
        found = (
            ("pre_file", self.pre_file),
            ("post_file", self.post_file),
            ("config_file", self.config_file),
            ("plugin_host", self.plugin_host),
        )
        return tuple((name, fault) for name, fault in found if fault is not None)
