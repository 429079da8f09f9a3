"""What the engine asks of a guest, a clock and a storage, and the facts they answer with."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .backup import PointFiles
from .faults import ScriptFault
from .output import Output

__all__ = [
    "AskedVolume",
    "Clock",
    "Copied",
    "Execution",
    "FileFacts",
    "FileKind",
    "Guest",
    "Launch",
    "LayerCopy",
    "MountNotOpened",
    "NotStarted",
    "PointFiles",
    "Process",
    "Storage",
    "StorageFailed",
    "StorageTimeout",
    "ThawFailed",
]


class Clock(Protocol):
    """The VM's clock."""

    @property
    def name(self) -> str:
        """``real``, ``virtual`` or ``memory``."""
        ...

    def now(self) -> float:
        """Seconds since the VM was made."""
        ...

    def deadline(self, seconds: float) -> float:
        """The moment at which so many seconds from now are over."""
        ...

    def run_until(self, moment: float) -> None:
        """Let time pass on the VM until a moment; what runs there runs on."""
        ...


class FileKind(enum.Enum):
    """What lies at a path, links followed."""

    FILE = "file"
    DIRECTORY = "directory"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    ABSENT = "absent"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the framework can see of a path.

    Args:
        path: absolute path on the VM.
        kind: what lies there.
        mode: permission bits, special bits included.
        owner: name or number of the owner, as the script's author means it.
        uid: number of the owner; None where the owner is only modelled.
        content: what was read of it, or None.
        error: errno of a refusal, or 0.
        dangling: the path is a link that leads nowhere.
    """

    path: str
    kind: FileKind
    mode: int = 0
    owner: str = "root"
    uid: int | None = 0
    content: bytes | None = None
    error: int = 0
    dangling: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to start.

    Args:
        argv: its arguments, its own name or path first; a bare name is looked up on its PATH.
        env: its whole environment.
        cwd: its working directory.
        umask: its file mode mask.
        stdin: what it reads, nothing by default; None is a pipe that stays open and silent.
        script: the script it runs, and ``params`` the script's arguments, for a guest that cannot
            run programs.
        attempt: which launch of the same script this is, from 1; no program is told.
        real_time: whether it runs on the machine's clock, whatever the VM's clock is.
        label: which script and attempt it is, for those who are called by it.
        fault: what goes wrong with it.
        descriptors: more that it inherits: the number it has there, and a descriptor of this
            process.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    umask: int = 0o022
    stdin: bytes | None = b""
    script: str = ""
    params: tuple[str, ...] = ()
    attempt: int = 1
    real_time: bool = False
    label: str = ""
    fault: ScriptFault | None = None
    descriptors: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Execution:
    """How a program ran.

    Args:
        started: seconds of the VM's clock.
        ended: seconds of the VM's clock.
        exit_status: None when it did not end by itself.
        signal: number of the signal that ended it, or None.
        timed_out: stopped at its deadline, with everything it had started.
        launch_errno: why it could not be started, or 0.
        output: what it printed.
        error_output: what it printed as errors.
        waiting_in: commands it waited for when it was stopped.
        stopped_processes: how many processes were killed at the deadline.
    """

    started: float
    ended: float
    exit_status: int | None = None
    signal: int | None = None
    timed_out: bool = False
    launch_errno: int = 0
    launch_text: str = ""
    output: Output = field(default_factory=Output)
    error_output: Output = field(default_factory=Output)
    waiting_in: tuple[str, ...] = ()
    stopped_processes: int = 0


class NotStarted(Exception):
    """A program could not be started.

    Args:
        number: errno.
        text: why, as a phrase.
    """

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text
        super().__init__(number, text)


class Process(Protocol):
    """A program that was started and that nobody stops or reads from."""

    @property
    def pid(self) -> int:
        """Its number on the VM; 0 where programs have none."""
        ...

    @property
    def started(self) -> float:
        """When it was started, in seconds of the VM's clock."""
        ...

    @property
    def execution(self) -> Execution | None:
        """How it ended, its output not included; None as long as it is not known to have ended.

        It has timed out where the guest had to stop it at its deadline.
        """
        ...

    def collect(self) -> tuple[Output, Output]:
        """Read what it printed and close its pipes: from now on printing to them kills it."""
        ...


class Guest(Protocol):
    """The place where the VM's processes run, as the engine sees it."""

    @property
    def name(self) -> str:
        """What it is, for headers and results."""
        ...

    @property
    def runs_programs(self) -> bool:
        """Whether its scripts are programs, so that it matters what runs them."""
        ...

    def modelled(self) -> tuple[str, ...]:
        """What this guest did not do for real so far, each a sentence."""
        ...

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """State the facts of paths and read up to ``read_limit`` bytes of each regular file."""
        ...

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        """Run a program until it ends or the deadline (seconds of the VM's clock) is reached.

        At the deadline all it started dies with it, what has left its session included.

        Raises:
            GuestDied: the VM ended.
        """
        ...

    def start(self, launch: Launch, deadline: float) -> Process:
        """Start a program that nobody stops, and whose output nobody reads.

        Args:
            launch: the program.
            deadline: second of the VM's clock at which nobody waits for it any longer; a guest
                whose programs cannot run on beside others stops it then.

        Raises:
            NotStarted: it could not be started.
        """
        ...

    def watch(self, processes: Sequence[Process], until: float) -> None:
        """Let time pass until all of some processes have ended, or until a moment.

        Args:
            processes: what ``start`` gave; if all of them have ended already no time passes.
            until: second of the VM's clock.
        """
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """A snapshot that was taken.

    Args:
        files: entries in it.
        size: bytes of content in it.
        source: access to its files.
        complete: whether it is of every disk.
        lost: what a crash would have taken and so was taken from it, a sentence for each file.
        seed: decided what; None where nothing could be lost.
    """

    files: int
    size: int
    source: PointFiles
    complete: bool = True
    lost: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class LayerCopy:
    """A copy of a guest's private layer.

    Args:
        files: entries in it.
        size: bytes of content in it.
        lost: what a crash would have taken and so was taken from it, a sentence for each file.
        unseen: why nothing could be taken, or empty.
    """

    files: int
    size: int
    lost: tuple[str, ...] = ()
    unseen: str = ""


class AskedVolume(Protocol):
    """A volume that is asked for."""

    @property
    def path(self) -> str:
        """Where it is to be mounted."""
        ...

    @property
    def fstype(self) -> str:
        """The type its owner would see."""
        ...

    @property
    def size(self) -> int:
        """Bytes it can hold."""
        ...

    @property
    def device(self) -> str:
        """What it is mounted from."""
        ...

    @property
    def number(self) -> int:
        """Which volume of the VM it is, from 1."""
        ...

    @property
    def kept(self) -> bool:
        """Whether a snapshot of the VM's disks has it."""
        ...


class StorageFailed(Exception):
    """A step of the storage did not work; its text says why."""


class StorageTimeout(StorageFailed):
    """The same, because its time was over."""


class MountNotOpened(StorageFailed):
    """A mount that was to be frozen could not be opened."""


class ThawFailed(StorageFailed):
    """What was frozen did not stay frozen until the snapshot was complete."""


class Storage(Protocol):
    """What freezes, copies and thaws the VM's file systems."""

    @property
    def name(self) -> str:
        """What it is, for headers and results."""
        ...

    def freeze(self, mounts: Sequence[str], deadline: float, others: Sequence[str] = ()) -> str:
        """Freeze; say what was frozen.

        Args:
            mounts: where the file systems are mounted, in the order in which they are frozen.
            deadline: seconds of the VM's clock at which the file systems thaw by themselves.
            others: where file systems are mounted that are to stay as they are.

        Raises:
            StorageFailed: nothing is frozen.
        """
        ...

    def snapshot(self, deadline: float | None) -> Copied:
        """Copy everything as it is at one instant, frozen or not.

        Raises:
            StorageTimeout: the deadline passed before the copy was complete.
            StorageFailed: there is no copy.
        """
        ...

    def thaw(self) -> None:
        """Undo ``freeze``; harmless when nothing is frozen.

        Raises:
            ThawFailed: it had thawed before, or does not thaw; nothing is frozen any more.
        """
        ...

    @property
    def pauses(self) -> bool:
        """Whether it makes every process stand still at present, so that nobody keeps time."""
        ...

    def modelled(self) -> tuple[str, ...]:
        """What this storage did not do for real, each a sentence."""
        ...
