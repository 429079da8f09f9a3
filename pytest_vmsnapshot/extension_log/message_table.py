"""Every message the extension is known to write, as data.

A message begins with the fixed words of its row; the rest must match as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..backup import Step
from .kinds import Kind, Pattern

_SETTINGS = (
    r"(?P<name>.*?) timeout:(?P<timeout>.*?) pollTotalCount:(?P<polls>[^ ]+)"
    r"(?: preScriptParams:(?P<preScriptParams>.*) postScriptParams:(?P<postScriptParams>.*)"
    r" continueBackupOnFailure:(?P<continueBackupOnFailure>.*)"
    r" preScriptNoOfRetries:(?P<preScriptNoOfRetries>.*)"
    r" postScriptNoOfRetries:(?P<postScriptNoOfRetries>.*)"
    r" Global FS Freeze on :(?P<fsFreezeEnabled>.*))?"
)
_PLATFORM = (
    r"(?P<managed>.*?), canTakeCrashConsistentSnapshot=(?P<allowed>.*?)"
    r", backupRetryCount=(?P<retries>.*?)(?:, numberOfDisks=(?P<disks>\d+)"
    r"(?:, takeCrashConsistentSnapshot=(?P<taken>\w+))?)?"
)


def _of_script(step: Step, word: str, owner_word: str) -> Iterator[Pattern]:
    """The rows about one of the two scripts."""
    low = word.lower()
    rows = (
        (Kind.SCRIPT_ABSENT, f"{word} file does not exist in the location", r"(?: (?P<path>.*))?"),
        (Kind.SCRIPT_MODE_REFUSED, f"{word} file does not have desired permissions", ".*"),
        (
            Kind.SCRIPT_OWNER_REFUSED,
            f"The owner of the {owner_word} file ",
            r"(?P<path>.+) is (?P<name>.*?) but +not root",
        ),
        (Kind.STARTED, f"Running {low} for ", r"(?P<name>.*) module\.\.\."),
        (Kind.TIMED_OUT, f"{word} for ", r"(?P<name>.*) timed out\."),
        (Kind.RETRIED, f"{word} for ", r"(?P<name>.*) failed\. Retrying\.\.\."),
        (Kind.FAILED, f"{word} for ", r"(?P<name>.*) failed with error code: (?P<number>-?\d+) \."),
        (Kind.SUCCEEDED, f"{word} for ", r"(?P<name>.*) successfully executed\."),
        (
            Kind.FINISHED,
            f"Finished {low} execution from PluginHost side. Continue Backup: ",
            r"(?P<value>True|False)",
        ),
        (Kind.CONFIG_REFUSED, f"Cant run {low} for ", r"(?P<name>.*) \. ?Config File error\."),
        (Kind.NOTHING, f"Starting {low} for all modules.", ""),
    )
    return (Pattern(kind, begins, rest, step) for kind, begins, rest in rows)


_NOTHING = (
    "****** ",
    "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/",
    "================== Logs during Freeze Start ==============",
    "============== Binary output traces ",
    "Aquiring lock succeeded",
    "Assertion Check, total size",
    "Binary output after process end",
    "Binary subprocess Created",
    "Enable Succeeded",
    "Failed to open file or aquire lock:",
    "Modules loaded successfully...",
    "Plugin Host Precheck Failed",
    "PostScript failed for the plugin ",
    "PreScript execution did not complete for ",
    "PreScript failed for the plugin ",
    "PreSnapshot: Status Code: ",
    "Retry to aquire lock count: ",
    "Sleeping for milliseconds: ",
    "T:S  snapshot failed at index ",
    "T:S ***** freeze, time_before_freeze=",
    "T:S Machine unable to sleep",
    "T:S doing snapshot now...",
    "T:S snapshotall ends...",
    "Taking Snapshot through ",
    "The command snapshot is being validated",
    "Thread for binary is called",
    "WA Disk Lun List ",
    "Wait time to aquire lock ",
    "Waited in thread for 3 seconds",
    "[FreezeSnapshotter] isManaged flag : ",
    "binary child terminated",
    "cannot read config file or file not present",
    "child already completed",
    "child process still running",
    "child still running sigusr1 sent",
    "command start time is ",
    "commandToExecute ",
    "configfile ",
    "doFreezeSnapshot : run_result - ",
    "final thread timeout",
    "freeze_safe after returning from startproc",
    "freezing the mount: ",
    "hostIp : ",
    "inside while with sig_handle ",
    "proceeded for accepting signals",
    "safeFreezeBinary exists ",
    "set most recent sequence number to ",
    "snapshotMethodConfigValue : ",
    "snapshotTaskToken : ",
    "some child process terminated",
    "starting daemon for freezing the file system",
    "thawing",
    "the logs blob uri is not there, so do not upload log.",
    "timespan is ",
    "updating snapshot info array from blob snapshot info",
    "utcTicks in long format",
)
"""Messages of which nothing follows; anything may come behind these words."""

PATTERNS: tuple[Pattern, ...] = (
    Pattern(Kind.ENABLED, "starting enable", ".*"),
    Pattern(Kind.TASK, "taskId: ", r"(?P<value>\S+)", ends=False),
    Pattern(Kind.SAME_AGAIN, "the sequence number are same, so skip", ".*", ends=False),
    Pattern(Kind.SAME_AGAIN, "TaskId is same as last, so skip", ".*", ends=False),
    Pattern(Kind.DAEMON, "starting daemon initially", ".*", ends=False),
    Pattern(Kind.DAEMON, "starting daemon", ""),
    Pattern(
        Kind.DISTRIBUTION, "patch_class_name: ", ".* and orig_distro: (?P<value>.*)", ends=False
    ),
    Pattern(Kind.NOTHING, "snapshot", ""),
    Pattern(Kind.CUSTOM_SETTINGS, "customSettings : ", r"(?P<value>\{.*\})"),
    Pattern(Kind.PLATFORM, "isManagedVm=", _PLATFORM, ends=False),
    Pattern(
        Kind.HELPER_MISSING,
        "safefreeze binary is missing in the following path",
        r"(?: (?P<path>.*))?",
        ends=False,
    ),
    Pattern(Kind.TOO_LATE, "CRP timeout limit has reached, will not take snapshot.", ".*"),
    Pattern(Kind.WORKLOAD, "workload backup enabled for workload: ", "(?P<name>.*)", ends=False),
    Pattern(Kind.PRECHECK, "Loading script modules now..."),
    *(
        Pattern(Kind.MODE, begins, r"(?P<path>.*) are (?P<value>[0-7]{3,4})")
        for begins in ("Permissions  of the file ", "Permisisons  of the file ")
    ),
    Pattern(
        Kind.HOST_ABSENT,
        "Plugin host Config file does not exist in the location",
        r"(?: (?P<path>.*))?",
        ends=False,
    ),
    Pattern(
        Kind.HOST_MODE_REFUSED, "Plugin host Config file does not have desired permissions", ".*"
    ),
    Pattern(
        Kind.HOST_OWNER_REFUSED,
        "The owner of the Plugin host Config file ",
        r"(?P<path>.+) is (?P<name>.*?) but +not root",
    ),
    Pattern(Kind.HOST_READ, "config file: ", "(?P<path>.+)", ends=False),
    Pattern(Kind.HOST_LIMIT, "timeoutInSeconds: ", r"(?P<number>-?\d+)", ends=False),
    Pattern(Kind.HOST_PLUGINS, "numberOfPlugins: ", r"(?P<number>-?\d+)", ends=False),
    Pattern(
        Kind.HOST_UNREADABLE,
        "Error in reading PluginHost config file",
        r" ?[.:] ?(?P<value>.*)",
        continues=True,
        ends=False,
    ),
    Pattern(Kind.PLUGIN, "Name of the Plugin is ", "(?P<name>.*)", ends=False),
    Pattern(Kind.CONFIG, "Plugin config path is ", "(?P<path>.+)", ends=False),
    Pattern(
        Kind.CONFIG_ABSENT,
        "Plugin host file does not exist in the location",
        r"(?: (?P<path>.*))?",
        ends=False,
    ),
    Pattern(Kind.CONFIG_MODE_REFUSED, "Plugin Config file does not have desired permissions", ".*"),
    Pattern(
        Kind.CONFIG_OWNER_REFUSED,
        "The owner of the Plugin Config file ",
        r"(?P<path>.+) is (?P<name>.*?) but +not root",
    ),
    *(
        Pattern(
            kind,
            begins,
            r"(?P<name>.*?) config file\.:? ?(?P<value>.*)",
            continues=True,
            ends=False,
        )
        for kind, begins in (
            (Kind.CONFIG_UNREADABLE, "Error in opening "),
            (Kind.CONFIG_NOT_JSON, "Error in decoding "),
        )
    ),
    Pattern(
        Kind.CONFIG_KEY_MISSING,
        "Error in fetching value for the key ",
        r"'(?P<name>[^']*)' in .*? config file\..*",
        continues=True,
        ends=False,
    ),
    Pattern(Kind.SETTINGS, "Plugin:", _SETTINGS, ends=False),
    Pattern(Kind.SCRIPTS_COUNT, "App Consistent Consistent Backup Enabled"),
    Pattern(
        Kind.NO_SCRIPTS,
        "Triggering File System Consistent Backup because of error code",
        "(?P<value>.*)",
        ends=False,
    ),
    *_of_script(Step.PRE_SCRIPT, "Prescript", "PreScript"),
    *_of_script(Step.POST_SCRIPT, "Postscript", "PostScript"),
    Pattern(Kind.SNAPSHOT, "Calling do snapshot method"),
    Pattern(Kind.FREEZE, "T:S freeze, timeout value", " .*"),
    Pattern(Kind.FREEZE_SKIPPED, "skip freeze is : ", "(?P<value>True|False)"),
    Pattern(Kind.MOUNT_SKIPPED, "skipped mount :", "(?P<path>.*)", ends=False),
    Pattern(Kind.MOUNT_SEEN, "fsfreeze mount :", "(?P<path>.+)", ends=False),
    Pattern(Kind.FREEZE_ORDER, "arg : ", r"(?P<value>\[.*\])"),
    Pattern(Kind.FREEZE_ORDER, "[", r"(?P<value>u?'.*/safefreeze', ?u?'\d+'.*\])"),
    Pattern(Kind.FROZEN, "freezed"),
    Pattern(Kind.FROZEN, "****** 4. Freeze Completed (Signal=1 received)"),
    Pattern(Kind.HELPER_ANSWER, "Binary output for signal handled: ", r"(?P<number>[012])"),
    Pattern(Kind.LOCK_HELD, "Mount Points already freezed by some other processor", ".*"),
    Pattern(Kind.FREEZE_TIMED_OUT, "freeze timed-out", ".*"),
    Pattern(Kind.NOT_OPENED, "Failed to open: ", "(?P<path>.+)", ends=False),
    Pattern(Kind.NOT_OPENED, "unable to open", ":? ?(?P<path>.*)", ends=False),
    Pattern(Kind.NOT_FROZEN, "Failed to FIFREEZE: ", "(?P<path>.+)", ends=False),
    Pattern(Kind.NOT_THAWED, "Failed to FITHAW: ", "(?P<path>.+)", ends=False),
    Pattern(Kind.FREEZE_FAILED, "freeze failed for some mount", "(?P<value>.*)", continues=True),
    Pattern(Kind.THAW_FAILED, "snapshot result inconsistent as child returns with failure"),
    Pattern(Kind.THAWED_EARLY, "snapshot result inconsistent"),
    Pattern(Kind.THAWED_EARLY, "Snapshots are inconsistent"),
    Pattern(Kind.SLEEP_UNABLE, "Unable to execute sleep", ".*"),
    *(
        Pattern(Kind.NOTHING, begins, ".*", continues=True)
        for begins in (
            "T:S freeze result",
            "T:S ###### Enable failed with error: ",
            "T:S Enable failed with error: ",
            "T:S Enable failed with FailedSnapshotLimitReached err",
        )
    ),
    Pattern(
        Kind.ALL_DISKS_FAILED,
        "T:S Enable failed with FailedRetryableSnapshotFailedNoNetwork err",
        ".*",
    ),
    Pattern(
        Kind.SOME_DISKS_FAILED,
        "T:S Enable failed with FailedRetryableSnapshotFailedRestrictedNetwork err",
        ".*",
    ),
    Pattern(
        Kind.DISK_ANSWER,
        "From Host- IsSuccessful:",
        r"(?P<value>\w+), SnapshotUri:(?P<path>.*?), ErrorMessage:(?P<name>.*?), StatusCode:.*",
        ends=False,
    ),
    Pattern(Kind.DISK_ANSWER, "IsSuccessful:", r"(?P<value>\w+)(?:, .*)?", ends=False),
    Pattern(Kind.REPORT_LABEL, "file status report message:", ".*"),
    Pattern(Kind.REPORT_LABEL, "blob status report message:", ".*"),
    Pattern(Kind.REPORT, '[{"', r"(?P<value>.*\}\])"),
    *(
        Pattern(kind, begins, "(?P<value>.*)", continues=True, ends=False)
        for kind, begins in (
            (Kind.EXTENSION_FAILED, "Failed to enable the extension with error: "),
            (Kind.SNAPSHOT_BROKE, "Failed to do the snapshot with error: "),
            (Kind.SNAPSHOT_BROKE, "Failed to do the freeze with error: "),
        )
    ),
    Pattern(Kind.EXTENSION_FAILED, "Enable failed.", "(?P<value>.*)", continues=True, ends=False),
    *(Pattern(Kind.NOTHING, begins, ".*") for begins in _NOTHING),
)
