"""What a message of the log can be about."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..backup import Step
from .reading import Message


class Kind(enum.Enum):
    """What a message is about."""

    NOTHING = "known, and nothing follows from it"
    # the start
    ENABLED = "the agent has started the extension"
    TASK = "the task's id"
    SAME_AGAIN = "nothing to do: this backup was taken already"
    DAEMON = "the part that takes the backup has started"
    DISTRIBUTION = "which distribution the VM has"
    PLATFORM = "what the platform says of disks and fallback"
    CUSTOM_SETTINGS = "the same, as the platform writes it"
    HELPER_MISSING = "the freezing helper is missing"
    TOO_LATE = "the command is too old"
    WORKLOAD = "a database is backed up by the extension itself"
    # the precheck
    PRECHECK = "the precheck begins"
    MODE = "the mode of a file"
    HOST_ABSENT = "no Pluginhost file here"
    HOST_MODE_REFUSED = "the Pluginhost file's mode is refused"
    HOST_OWNER_REFUSED = "the Pluginhost file's owner is refused"
    HOST_READ = "the Pluginhost file that counts"
    HOST_LIMIT = "the Pluginhost file's time limit"
    HOST_PLUGINS = "how many configs the Pluginhost file names"
    HOST_UNREADABLE = "the Pluginhost file, or a value of the config, blows up"
    PLUGIN = "a plugin's name"
    CONFIG = "where its config lies"
    CONFIG_ABSENT = "there is no config"
    CONFIG_MODE_REFUSED = "the config's mode is refused"
    CONFIG_OWNER_REFUSED = "the config's owner is refused"
    CONFIG_UNREADABLE = "the config cannot be read"
    CONFIG_NOT_JSON = "the config is not JSON"
    CONFIG_KEY_MISSING = "the config lacks a key"
    CONFIG_REFUSED = "the config was refused"
    SETTINGS = "the settings in effect"
    SCRIPT_ABSENT = "no script here"
    SCRIPT_MODE_REFUSED = "a script's mode is refused"
    SCRIPT_OWNER_REFUSED = "a script's owner is refused"
    SCRIPTS_COUNT = "there is a config"
    NO_SCRIPTS = "no script will run"
    # scripts
    STARTED = "a script starts"
    TIMED_OUT = "a script reached its limit"
    RETRIED = "a failure was counted"
    FAILED = "a script failed"
    SUCCEEDED = "a script succeeded"
    FINISHED = "all scripts of a step are done"
    # freeze and snapshot
    SNAPSHOT = "freeze and snapshot begin"
    FREEZE = "the freeze begins"
    FREEZE_SKIPPED = "whether the freeze is left out"
    MOUNT_SKIPPED = "a mount the owner has left out"
    MOUNT_SEEN = "a mount"
    FREEZE_ORDER = "what is to be frozen"
    FROZEN = "all is frozen"
    HELPER_ANSWER = "what the freezing helper said"
    LOCK_HELD = "somebody else freezes"
    FREEZE_TIMED_OUT = "no answer to the freeze"
    NOT_OPENED = "a mount could not be opened"
    NOT_FROZEN = "a mount could not be frozen"
    NOT_THAWED = "a mount could not be thawed"
    FREEZE_FAILED = "the freeze failed"
    THAWED_EARLY = "the freeze did not last"
    THAW_FAILED = "the helper ended with a failure"
    SLEEP_UNABLE = "the helper could not wait"
    ALL_DISKS_FAILED = "no disk was snapshotted"
    SOME_DISKS_FAILED = "some disks were not snapshotted"
    SNAPSHOT_BROKE = "the extension failed over freeze or snapshot"
    DISK_ANSWER = "what the host says of a disk"
    # the end
    REPORT_LABEL = "a report follows"
    REPORT = "a report"
    EXTENSION_FAILED = "the extension failed"


HOST_KINDS = frozenset(
    {
        Kind.HOST_ABSENT,
        Kind.HOST_MODE_REFUSED,
        Kind.HOST_OWNER_REFUSED,
        Kind.HOST_READ,
        Kind.HOST_LIMIT,
        Kind.HOST_PLUGINS,
        Kind.HOST_UNREADABLE,
    }
)
"""What is said of the Pluginhost file."""

CONFIG_KINDS = frozenset(
    {
        Kind.CONFIG,
        Kind.CONFIG_ABSENT,
        Kind.CONFIG_MODE_REFUSED,
        Kind.CONFIG_OWNER_REFUSED,
        Kind.CONFIG_UNREADABLE,
        Kind.CONFIG_NOT_JSON,
        Kind.CONFIG_KEY_MISSING,
        Kind.CONFIG_REFUSED,
    }
)
"""What is said of a config."""

SCRIPT_FILE_KINDS = frozenset(
    {Kind.SCRIPT_ABSENT, Kind.SCRIPT_MODE_REFUSED, Kind.SCRIPT_OWNER_REFUSED}
)
"""What is said of a script's file."""

PRECHECK_KINDS = (
    HOST_KINDS
    | CONFIG_KINDS
    | SCRIPT_FILE_KINDS
    | {
        Kind.PRECHECK,
        Kind.MODE,
        Kind.PLUGIN,
        Kind.SETTINGS,
        Kind.SCRIPTS_COUNT,
        Kind.NO_SCRIPTS,
    }
)
"""What is said before a script starts."""

SNAPSHOT_KINDS = frozenset(
    {
        Kind.SNAPSHOT,
        Kind.FREEZE,
        Kind.FREEZE_SKIPPED,
        Kind.MOUNT_SKIPPED,
        Kind.MOUNT_SEEN,
        Kind.FREEZE_ORDER,
        Kind.FROZEN,
        Kind.HELPER_ANSWER,
        Kind.LOCK_HELD,
        Kind.FREEZE_TIMED_OUT,
        Kind.NOT_OPENED,
        Kind.NOT_FROZEN,
        Kind.NOT_THAWED,
        Kind.FREEZE_FAILED,
        Kind.THAWED_EARLY,
        Kind.THAW_FAILED,
        Kind.SLEEP_UNABLE,
        Kind.ALL_DISKS_FAILED,
        Kind.SOME_DISKS_FAILED,
        Kind.SNAPSHOT_BROKE,
        Kind.DISK_ANSWER,
    }
)
"""What is said of freeze and snapshot."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One row of the table.

    Args:
        kind: what it is about.
        begins: the fixed words it begins with.
        rest: a regular expression for all that follows; its groups are called ``name``, ``path``,
            ``value``, ``other`` or ``number``.
        step: of which script, or None.
        continues: whether lines without a prefix may follow, such as a stack trace.
        ends: whether the end of the message is fixed, so that a line that was cut cannot match.
    """

    kind: Kind
    begins: str
    rest: str = ""
    step: Step | None = None
    continues: bool = False
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Fact:
    """What one message says.

    Args:
        kind: what it is about.
        message: where it stands.
        step: of which script, or None.
        name: of a plugin, an owner, a key.
        path: of a file or mount.
        value: what is said of it, as text.
        number: the same, where it is one.
        values: several values by name.
    """

    kind: Kind
    message: Message
    step: Step | None = None
    name: str = ""
    path: str = ""
    value: str = ""
    number: int | None = None
    values: tuple[tuple[str, str], ...] = ()
