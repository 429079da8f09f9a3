"""Logs of the forms people have shown in public when a backup had harmed them."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import Consistency
from pytest_vmsnapshot.extension_log.as_scenario import case_of
from pytest_vmsnapshot.extension_log.backups import (
    Ending,
    FreezeEnding,
    LoggedBackup,
    LoggedPlatform,
    SnapshotEnding,
)
from pytest_vmsnapshot.extension_log.comparison import Outcome
from pytest_vmsnapshot.extension_log.reproducing import reproduce, write

from .assembled import NAME, logged


def today(*texts: str) -> str:
    return "".join(f"2024-01-14 22:16:{48 + i // 60}.79 [{NAME}]{t}\n" for i, t in enumerate(texts))


def of_2016(*texts: str) -> str:
    stamp = "2016/12/16 17:18:09"
    prefix = f"{stamp} [{NAME}]2016-12-16 17:18:09.739891  Info  "
    return "".join(f"{prefix}{text}\n{stamp}\n" for text in texts)


def only(text: str) -> LoggedBackup:
    log = logged(text)
    assert [str(kind) for kind in log.unknown] == []
    (backup,) = log.backups
    return backup


HELPER = f"/var/lib/waagent/{NAME}.9218.0/main/safefreeze/bin/safefreeze"


def test_frozen_and_never_thawed() -> None:
    """azure-linux-extensions #1868: the log ends where the machine froze."""
    backup = only(
        today(
            "PreSnapshot: Status Code: 200",
            "Taking Snapshot through Host",
            "T:S freeze, timeout value 60",
            "skipped mount :",
            "fsfreeze mount :/mnt",
            "fsfreeze mount :/",
            "skip freeze is : False",
            f"arg : ['{HELPER}', '60', '/mnt', '/']",
            "proceeded for accepting signals",
        )
    )
    assert backup.freeze.ending is FreezeEnding.NOT_TOLD
    assert backup.freeze.order == ("/mnt", "/")
    assert backup.freeze.skipped == ()
    assert not backup.stretch.starts
    assert not backup.stretch.ends
    assert "what became of the freeze: no line says" in backup.not_known
    assert case_of(backup).table["expect"] == {"frozen": ["/mnt", "/"]}


def test_no_answer_to_the_freeze() -> None:
    """azure-linux-extensions #951: on the console, without a prefix."""
    lines = [
        "T:S freeze, timeout value 60",
        "fsfreeze mount :[SWAP]",
        "fsfreeze mount :/oracle/SID/oraflash",
        "fsfreeze mount :/mnt/resource",
        "inside while with sig_handle 0",
        "Binary output for signal handled: 0",
        "freeze_safe after returning from startproc : sig_handle=0",
        "============== Binary output traces start =================",
    ]
    backup = only("".join(f"2019-11-23 21:12:24.539222  Info  {line} \n" for line in lines))
    assert backup.freeze.ending is FreezeEnding.TIMED_OUT
    assert backup.freeze.seen == ("/oracle/SID/oraflash", "/mnt/resource")
    assert backup.freeze.order is None


def test_a_mount_that_cannot_be_frozen() -> None:
    """WALinuxAgent #525: duplicate mounts, in the form of Python 2, without ``arg``."""
    backup = only(
        of_2016(
            f"['{HELPER}', '60', '/mnt', '/data/dblog', '/data/db', '/']",
            "proceeded for accepting signals",
            "binary child terminated",
            "freezing the mount: /mnt",
            "freezing the mount: /data/dblog",
            "Failed to FIFREEZE: /data/dblog",
            "freeze failed for some mount",
        )
    )
    assert backup.freeze.ending is FreezeEnding.FAILED
    assert backup.freeze.failed == ("/data/dblog",)
    assert backup.freeze.order == ("/mnt", "/data/dblog", "/data/db", "/")
    assert backup.snapshot is SnapshotEnding.NOT_TOLD


def test_a_lock_that_was_got_in_the_end() -> None:
    """azure-linux-extensions #1309: four times held, then free."""
    lock = "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile file opened"
    kept = []
    for count in range(1, 5):
        kept += [lock, "Failed to open file or aquire lock:  [Errno 11] Resource temporarily"]
        kept += [f"Retry to aquire lock count: {count}"]
    kept += [lock, "Aquiring lock succeeded", "Wait time to aquire lock 0:00:34", "freezed"]
    rows = "".join(f"2021/02/26 09:41:45.748281  Info  {line} \n" for line in kept)
    edge = "================== Logs during Freeze {} =============="
    block = f"2021-02-26 09:42:22.1 [{NAME}]{edge.format('Start')}\n{rows}{edge.format('End')}\n"
    before = today("Calling do snapshot method", "T:S freeze, timeout value 60")
    backup = only(before.replace("2024-01-14 22:16", "2021-02-26 09:41") + block)
    assert backup.freeze.ending is FreezeEnding.OK


def test_a_lock_that_stayed_held() -> None:
    backup = only(
        today(
            "Calling do snapshot method",
            "T:S freeze, timeout value 60",
            "Failed to open file or aquire lock:  [Errno 11] Resource temporarily",
            "Mount Points already freezed by some other processor",
        )
    )
    assert backup.freeze.ending is FreezeEnding.LOCK_HELD
    assert case_of(backup).table["faults"] == {"freeze": "lock_held"}


def test_thawed_before_the_snapshot() -> None:
    """azure-linux-extensions #1680, #921: the helper thawed by itself, the child was gone."""
    backup = only(
        today(
            "Calling do snapshot method",
            "T:S freeze, timeout value 60",
            "Binary output for signal handled: 1",
            "T:S ***** freeze, time_before_freeze=a, time_after_freeze=b, freezeTimeTaken=c",
            "T:S freeze result , timedout :False",
            "child already completed",
            "****** 7. Error - Binary Process Already Completed",
            "Snapshots are inconsistent",
        )
    )
    assert backup.freeze.ending is FreezeEnding.THAWED_EARLY


START = (
    "starting daemon",
    "patch_class_name: UbuntuPatching and orig_distro: ubuntu",
    " configfile /etc/azure/vmbackup.conf",
    "final thread timeout60",
    "starting daemon",
    "taskId: 1111",
    "snapshot",
    "commandToExecute is snapshot",
)


def report(code: int, message: str, status: str = "success") -> tuple[str, str]:
    told = (
        f'[{{"status": {{"status": "{status}", "code": "{code}", "taskId": "1111", '
        f'"formattedMessage": {{"lang": "en-US", "message": "{message}"}}}}, "version": "1.0"}}]'
    )
    return "file status report message:", told


def test_a_version_that_says_twice_that_it_starts() -> None:
    """And names its task late; its report has no health, and is a success whatever came."""
    text = today(
        *START,
        *report(4, "Transitioning state in extension"),
        "Loading script modules now...",
        "Plugin:ScriptRunner timeout:30 pollTotalCount:10",
        "Running prescript for ScriptRunner module...",
        "Prescript for ScriptRunner failed with error code: 1 .",
        "Finished prescript execution from PluginHost side. Continue Backup: False",
        "PreScript execution did not complete for ScriptRunner.Post Script is not triggered",
        "Running postscript for ScriptRunner module...",
        "Postscript for ScriptRunner successfully executed.",
        "Finished postscript execution from PluginHost side. Continue Backup: True",
        "PreScript failed for the plugin ScriptRunner",
        *report(300, "PreScript failed for the plugin ScriptRunner"),
    )
    backup = only(text)
    assert backup.task == "1111"
    assert backup.report is not None
    assert (backup.report.status, backup.report.true_status) == ("success", "error")
    assert backup.consistency is Consistency.NONE
    assert [str(run) for run in (*backup.pre, *backup.post)] == ["exit status 1", "exit status 0"]
    assert set(backup.not_known) == {
        "its error code: the final status does not say",
        "how many disks the VM has, and whether the platform falls back: no line says",
        "params, retries and fsFreezeEnabled: this version of the extension logs none",
    }


def test_a_request_that_was_taken_already() -> None:
    """The daemon itself finds out, and reports a success that is none of a backup."""
    log = logged(
        today(
            *START[:6],
            "TaskId is same as last, so skip with Processed Status, current:1111== last:1111",
            *report(3, "TaskId AlreadyProcessed nothing to do"),
        )
    )
    assert log.backups == ()
    assert log.repeated == 1
    assert log.unknown == ()


def test_a_command_that_was_too_old() -> None:
    log = logged(
        today(
            *START[:5],
            "utcTicks in long format638",
            "command start time is 2024-01-14 19:00:00 and utcNow is 2024-01-14 22:16:48",
            "CRP timeout limit has reached, will not take snapshot.",
            *report(402, "CRP timeout limit has reached, will not take snapshot.", "error"),
        )
    )
    (backup,) = log.backups
    assert backup.too_late
    (found,) = reproduce(log, write(log))
    assert found.outcome is Outcome.NOT_RUN
    assert found.why == (
        "the command was too old when the extension came to it (code 402), which no VM here does"
    )


@pytest.mark.parametrize("settings", ['{"isManagedVm": true, "backupRetryCount": "1"}', "{}"])
def test_what_the_platform_said_as_it_said_it(settings: str) -> None:
    backup = only(today(*START, f"customSettings : {settings}", "Calling do snapshot method"))
    filled = "1" in settings
    wanted = LoggedPlatform(True if filled else None, None, "1" if filled else None)
    assert backup.platform == wanted
    assert "how many disks the VM has: no line says" in backup.not_known


def test_a_script_that_the_log_does_not_see_end() -> None:
    backup = only(today(*START, "Running prescript for ScriptRunner module..."))
    assert [run.ending for run in backup.pre] == [Ending.NOT_TOLD]
    assert "what became of the pre-script: no line says" in backup.not_known


def test_an_error_of_the_platform_is_no_business_of_a_vm() -> None:
    text = today(*START, "Calling do snapshot method", *report(173, "rate exceeded", "error"))
    case = case_of(only(text))
    assert case.impossible == "the service was asked too often (code 173), which no VM here does"
