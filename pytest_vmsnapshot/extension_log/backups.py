"""What a log says of one backup, as facts; what it does not say is None, with the reason."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..backup import Consistency
from ..config import PLUGIN_HOST_PATH
from .status_report import Report


class Ending(enum.Enum):
    """What became of a script that was started."""

    OK = "exit status 0"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    GIVEN_UP = "given up"
    NOT_TOLD = "not told"


class FreezeEnding(enum.Enum):
    """What became of the freeze."""

    NOT_ASKED = "not asked for"
    OK = "frozen"
    FAILED = "failed"
    LOCK_HELD = "failed: somebody else held the lock"
    TIMED_OUT = "timed out"
    NOT_OPENED = "a mount could not be opened"
    THAWED_EARLY = "thawed before the snapshot was complete"
    THAW_FAILED = "the helper ended with a failure"
    SLEEP_UNABLE = "the helper could not wait"
    NOT_TOLD = "not told"


class SnapshotEnding(enum.Enum):
    """What became of the snapshot."""

    NOT_ASKED = "not asked for"
    OK = "taken"
    ALL_FAILED = "every disk failed"
    SOME_FAILED = "some disks failed"
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a log that is about one backup.

    Args:
        first: its first line, as ``file:line``.
        last: its last line.
        began: the time of the first, as written; empty where that is not known.
        ended: the time of the last.
        starts: whether the log has its start.
        ends: whether the log has its final status.
        is_mixed: whether lines of another backup stand between its own.
    """

    first: str
    last: str
    began: str = ""
    ended: str = ""
    starts: bool = True
    ends: bool = True
    is_mixed: bool = False


@dataclass(frozen=True, slots=True)
class LoggedPlatform:
    """What the platform said.

    Args:
        managed: isManagedVm.
        crash_consistent: canTakeCrashConsistentSnapshot.
        retry_count: backupRetryCount.
        disks: how many disks; None where the log does not say.
    """

    managed: object
    crash_consistent: object
    retry_count: object
    disks: int | None = None


@dataclass(frozen=True, slots=True)
class LoggedFile:
    """A file the precheck looked at.

    Args:
        path: where it lies; empty where the log does not say.
        mode: its three octal digits; None where the log does not say.
        owner: told only where it is not root.
        exists: whether it is there.
        refused: the code with which it was refused, or 0.
    """

    path: str = ""
    mode: int | None = None
    owner: str = "root"
    exists: bool = True
    refused: int = 0


@dataclass(frozen=True, slots=True)
class LoggedHost:
    """The Pluginhost file.

    Args:
        file: which one it is.
        timeout: its limit in seconds; None where the log does not say.
        plugins: how many configs it names; None where the log does not say.
        fault: what the extension failed over, in its words, or nothing.
        after: how many plugins had been looked at by then.
    """

    file: LoggedFile = LoggedFile(PLUGIN_HOST_PATH)
    timeout: int | None = None
    plugins: int | None = None
    fault: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class LoggedPlugin:
    """One config, as it was acted upon.

    Args:
        name: of the plugin.
        file: the config's file.
        keys: the settings in effect, by the config's own keys; only those the log has.
        polls: seconds between two looks at a script: all that can be meant, the likeliest first.
        missing_key: a key that the config lacks.
        fault: what the extension failed over, in its words, or nothing.
        pre: the pre-script's file.
        post: the post-script's file.
    """

    name: str = "ScriptRunner"
    file: LoggedFile = LoggedFile()
    keys: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    polls: tuple[int, ...] = ()
    missing_key: str = ""
    fault: str = ""
    pre: LoggedFile = LoggedFile()
    post: LoggedFile = LoggedFile()


@dataclass(frozen=True, slots=True)
class LoggedScript:
    """One run of a script.

    Args:
        ending: what became of it.
        exit_status: how it ended, where it failed by itself.
        signal: number of the signal that ended it.
        retries: how many failures were counted; the script was run once all the same.
    """

    ending: Ending
    exit_status: int | None = None
    signal: int | None = None
    retries: int = 0

    def __str__(self) -> str:
        if self.signal is not None:
            return f"ended by signal {self.signal}"
        return self.ending.value if self.exit_status is None else f"exit status {self.exit_status}"


@dataclass(frozen=True, slots=True)
class LoggedFreeze:
    """The freeze.

    Args:
        ending: what became of it.
        order: what was to be frozen, in this order; None where the log does not say.
        seen: every mount that was looked at.
        skipped: mounts the owner has left out.
        failed: mounts that could not be opened, frozen or thawed.
    """

    ending: FreezeEnding = FreezeEnding.NOT_ASKED
    order: tuple[str, ...] | None = None
    seen: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedBackup:
    """All that a log says of one backup.

    Args:
        number: the first backup in the log is 1.
        stretch: where in the log it stands, and when it was.
        task: the task's id, or empty.
        platform: what the platform said; None where the log does not say.
        host: the Pluginhost file; None where nothing was looked at.
        plugins: the configs: one, unless the Pluginhost file names others.
        precheck: its code; None where it was not come to, or the log does not say.
        workload: the database that is backed up without scripts, or empty.
        helper_missing: whether the freezing helper was missing.
        too_late: whether the command was too old for a snapshot.
        pre: runs of the pre-script: one for each config.
        post: runs of the post-script.
        freeze: the freeze.
        snapshot: what became of the snapshot.
        report: the final status; None where the log does not have it.
        failure: what the extension itself failed over, in its words, or nothing.
        distribution: what the VM runs, as the extension calls it, or empty.
        not_known: what the log does not say, and why, each a sentence.
    """

    number: int
    stretch: Stretch
    task: str = ""
    platform: LoggedPlatform | None = None
    host: LoggedHost | None = None
    plugins: tuple[LoggedPlugin, ...] = ()
    precheck: int | None = None
    workload: str = ""
    helper_missing: bool = False
    too_late: bool = False
    pre: tuple[LoggedScript, ...] = ()
    post: tuple[LoggedScript, ...] = ()
    freeze: LoggedFreeze = LoggedFreeze()
    snapshot: SnapshotEnding = SnapshotEnding.NOT_ASKED
    report: Report | None = None
    failure: str = ""
    distribution: str = ""
    not_known: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called: by its time, or its number where the log has no times."""
        return self.stretch.began.split(".")[0].replace(" ", "T") or f"backup-{self.number}"

    @property
    def consistency(self) -> Consistency | None:
        """What the recovery point was worth; None where the log does not say.

        The report's own field says ``none`` whatever happened (SHIPPED.md, section 8); the code
        and the freeze say it.
        """
        if self.report is None:
            return None
        if self.report.crash_consistent:
            return Consistency.CRASH
        if self.report.code == 0:
            return Consistency.APPLICATION
        if self.report.code != 1:
            return Consistency.NONE
        if self.freeze.ending is FreezeEnding.NOT_TOLD:
            return None
        frozen = self.freeze.ending is FreezeEnding.OK
        return Consistency.FILE_SYSTEM if frozen else Consistency.CRASH
