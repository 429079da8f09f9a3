"""The framework's named errors: what each means and what its owner does about it.

Source: the documentation's table of errors; the codes are the extension's own (ENGINE.md). An
error whose ``documented`` is false has a code and a vendor name but no entry in that table.
"""

from __future__ import annotations

from dataclasses import dataclass

from .explain import line


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One entry of the catalogue.

    Args:
        name: the name the framework reports.
        code: the extension's number.
        meaning: what happened, in a sentence.
        remedy: what to do, in a sentence.
        documented: whether the documentation lists it.
    """

    name: str
    code: int
    meaning: str
    remedy: str
    documented: bool = True


PRE_EXECUTION_FAILED = ErrorKind(
    "Pre-ScriptExecutionFailed",
    300,
    "the pre-script returned an error, so the backup may not be application-consistent",
    "look into the script's own output and mend what made it fail",
)
POST_EXECUTION_FAILED = ErrorKind(
    "Post-ScriptExecutionFailed",
    301,
    "the post-script returned an error, so the application's state may be affected",
    "look into the script's own output, and check that the application works again",
)
PRE_NOT_FOUND = ErrorKind(
    "Pre-ScriptNotFound",
    302,
    "there is no pre-script at the configured path",
    "put the script there, or correct preScriptLocation in the config",
)
POST_NOT_FOUND = ErrorKind(
    "Post-ScriptNotFound",
    303,
    "there is no post-script at the configured path",
    "put the script there, or correct postScriptLocation in the config",
)
INCORRECT_PLUGIN_HOST_FILE = ErrorKind(
    "IncorrectPluginhostFile",
    304,
    "the Pluginhost file that comes with the extension is corrupt, so no script can run",
    "uninstall the extension; the next backup installs it again",
)
INCORRECT_CONFIG_FILE = ErrorKind(
    "IncorrectJSONConfigFile",
    305,
    "the JSON config is wrong, so no script can run",
    "start again from the stock template and change only the values",
)
CONFIG_TYPES = ErrorKind(
    "IncorrectPluginhostFile",
    304,
    "the extension fails over a value of the JSON config and blames its Pluginhost file",
    "correct the value that is named here",
    documented=False,
)
CONFIG_PERMISSIONS = ErrorKind(
    "IncorrectJSONConfigFile",
    317,
    "the JSON config is refused for its mode or owner, so no script can run",
    "chown root and chmod 600 the config",
    documented=False,
)
PRE_PERMISSIONS = ErrorKind(
    "InsufficientPermissionforPre-Script",
    306,
    "the pre-script is not owned by root with mode 700",
    "chown root and chmod 700 the script",
)
POST_PERMISSIONS = ErrorKind(
    "InsufficientPermissionforPost-Script",
    307,
    "the post-script is not owned by root with mode 700",
    "chown root and chmod 700 the script",
)
PRE_TIMEOUT = ErrorKind(
    "Pre-ScriptTimeout",
    308,
    "the pre-script ran past its time limit",
    "find out what it waits for, or raise timeoutInSeconds in the config",
)
POST_TIMEOUT = ErrorKind(
    "Post-ScriptTimeout",
    309,
    "the post-script ran past its time limit",
    "find out what it waits for, or raise timeoutInSeconds in the config",
)
FREEZE_FAILED = ErrorKind(
    "FsFreezeFailed",
    121,
    "the file systems could not be frozen",
    "look into the reason given; a file system that is busy or already frozen is the usual one",
    documented=False,
)
FREEZE_TIMEOUT = ErrorKind(
    "FsFreezeTimeout",
    122,
    "the file systems were thawed at the freeze's own limit, before the snapshot was complete",
    "have less to write and less to copy at the moment of the snapshot",
    documented=False,
)
MOUNT_NOT_OPENED = ErrorKind(
    "UnableToOpenMount",
    123,
    "a file system that was to be frozen could not be opened",
    "look into the reason given; MountsToSkip in /etc/azure/vmbackup.conf leaves a mount out",
    documented=False,
)
FREEZE_HELPER_MISSING = ErrorKind(
    "SafeFreezeBinaryNotFound",
    124,
    "the extension's freezing helper is missing, so no backup is taken at all",
    "uninstall the extension; the next backup installs it again",
    documented=False,
)
PRE_GIVEN_UP = ErrorKind(
    "PluginhostPreTimeout",
    310,
    "the extension's runner of the pre-script failed, and the extension gave up waiting for it",
    "correct what is named here",
    documented=False,
)
POST_GIVEN_UP = ErrorKind(
    "PluginhostPostTimeout",
    311,
    "the extension's runner of the post-script failed, and the extension gave up waiting for it",
    "correct what is named here",
    documented=False,
)
PLUGIN_HOST_NOT_FOUND = ErrorKind(
    "PluginhostConfigNotFound",
    313,
    "there is no Pluginhost file, so no script can run",
    "uninstall the extension; the next backup installs it again",
    documented=False,
)
PLUGIN_HOST_PERMISSIONS = ErrorKind(
    "PluginhostConfigPermissionError",
    314,
    "the Pluginhost file is refused for its mode or owner, so no script can run",
    "chown root and chmod 644 the Pluginhost file, or remove the one under /etc/azure",
    documented=False,
)
WORKLOAD_INVALID_ROLE = ErrorKind(
    "WorkloadInvalidRole",
    502,
    "workload.conf names a database and a role the extension does not know; no script runs",
    "correct the role, or remove /etc/azure/workload.conf to have the scripts back",
    documented=False,
)
UNEXPECTED = ErrorKind(
    "UnexpectedError",
    2,
    "the extension itself failed",
    "correct what is named here",
    documented=False,
)
SNAPSHOT_FAILED = ErrorKind(
    "SnapshotFailed",
    76,
    "the snapshot of every disk failed",
    "look into the reason given; the next backup tries again",
    documented=False,
)

CATALOGUE: tuple[ErrorKind, ...] = (
    PRE_EXECUTION_FAILED,
    POST_EXECUTION_FAILED,
    PRE_NOT_FOUND,
    POST_NOT_FOUND,
    INCORRECT_PLUGIN_HOST_FILE,
    INCORRECT_CONFIG_FILE,
    CONFIG_TYPES,
    CONFIG_PERMISSIONS,
    PRE_PERMISSIONS,
    POST_PERMISSIONS,
    PRE_TIMEOUT,
    POST_TIMEOUT,
    FREEZE_FAILED,
    FREEZE_TIMEOUT,
    MOUNT_NOT_OPENED,
    FREEZE_HELPER_MISSING,
    PRE_GIVEN_UP,
    POST_GIVEN_UP,
    PLUGIN_HOST_NOT_FOUND,
    PLUGIN_HOST_PERMISSIONS,
    WORKLOAD_INVALID_ROLE,
    UNEXPECTED,
    SNAPSHOT_FAILED,
)

NAMES: tuple[str, ...] = tuple(dict.fromkeys(kind.name for kind in CATALOGUE))
"""Every name an error of a backup can have."""


@dataclass(frozen=True, slots=True)
class NamedError:
    """One error of one backup.

    Args:
        kind: the entry of the catalogue.
        detail: what was found here: path, mode, line, status.
        advice: what to do in this very case, each a sentence, where more is known than the
            catalogue says.
    """

    kind: ErrorKind
    detail: str
    advice: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name the framework reports."""
        return self.kind.name

    @property
    def code(self) -> int:
        """The extension's number."""
        return self.kind.code

    @property
    def meaning(self) -> str:
        """What happened, in a sentence."""
        return self.kind.meaning

    @property
    def remedy(self) -> str:
        """What to do, in a sentence or several."""
        return "; ".join(self.advice) or self.kind.remedy

    def __str__(self) -> str:
        return line(f"{self.name} ({self.code}): {self.detail or self.meaning}")
