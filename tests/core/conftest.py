from __future__ import annotations

import pytest
from hypothesis import settings

from pytest_vmsnapshot import catalogue
from pytest_vmsnapshot.backup import (
    Backup,
    Consistency,
    Event,
    ExtensionReport,
    RecoveryPoint,
    Status,
    Step,
)
from pytest_vmsnapshot.catalogue import NamedError
from pytest_vmsnapshot.output import Output
from pytest_vmsnapshot.script_run import Attempt, ScriptRun

# Nothing is written into the project, and a busy machine is no failure.
settings.register_profile("core", database=None, deadline=None)
settings.load_profile("core")


@pytest.fixture
def good() -> Backup:
    """A backup in which everything went well."""
    pre = Attempt(
        ("/opt/pre.sh", "orders"), 0.001, 0.25, exit_status=0, output=Output(b"flushed\n")
    )
    post = Attempt(("/opt/post.sh",), 0.5, 0.75, exit_status=0)
    return Backup(
        number=1,
        status=Status.COMPLETED,
        consistency=Consistency.APPLICATION,
        errors=(),
        decided_by="both scripts succeeded",
        pre=ScriptRun("/opt/pre.sh", ("orders",), (pre,)),
        post=ScriptRun("/opt/post.sh", (), (post,)),
        recovery_point=RecoveryPoint(Consistency.APPLICATION, 3, 1234),
        events=(
            Event(0.0, Step.PRECHECK, "ok"),
            Event(0.001, Step.PRE_SCRIPT, "/opt/pre.sh orders"),
            Event(0.25, Step.PRE_SCRIPT, "exit status 0"),
            Event(0.25, Step.FREEZE, "all file systems"),
            Event(0.3, Step.SNAPSHOT, "3 files, 1.2 KiB in 3.0 ms"),
            Event(0.4, Step.THAW, "done"),
            Event(0.5, Step.POST_SCRIPT, "/opt/post.sh"),
            Event(0.75, Step.POST_SCRIPT, "exit status 0"),
        ),
        duration=0.75,
        real_duration=0.041,
        rules="documented",
        guest="namespaces (root)",
        clock="real",
        storage="pause-and-copy",
        extension=ExtensionReport(0, "success", 0, 0, Consistency.APPLICATION),
        modelled=("the freeze was simulated by pausing every process of the VM",),
    )


@pytest.fixture
def late() -> Backup:
    """A backup whose pre-script was stopped at its limit, in its second attempt."""
    first = Attempt(("/opt/pre.sh",), 0.001, 1.0, exit_status=5, error_output=Output(b"no\n"))
    second = Attempt(
        ("/opt/pre.sh",),
        1.0,
        30.0,
        timed_out=True,
        output=Output(b"draining\n"),
        error_output=Output(b"waiting for orders to drain\n"),
        waiting_in=("sleep 3600",),
        stopped_processes=2,
    )
    post = Attempt(("/opt/post.sh",), 30.25, 30.5, signal=9)
    detail = (
        "/opt/pre.sh was stopped at its limit of 30 s in the last of 2 attempts, "
        "waiting in: sleep 3600"
    )
    return Backup(
        number=2,
        status=Status.COMPLETED_WITH_WARNINGS,
        consistency=Consistency.FILE_SYSTEM,
        errors=(
            NamedError(catalogue.PRE_TIMEOUT, detail),
            NamedError(catalogue.POST_EXECUTION_FAILED, "/opt/post.sh: killed by SIGKILL (9)"),
        ),
        decided_by="the pre-script timed out and continueBackupOnFailure is true",
        pre=ScriptRun("/opt/pre.sh", (), (first, second)),
        post=ScriptRun("/opt/post.sh", (), (post,)),
        recovery_point=RecoveryPoint(Consistency.FILE_SYSTEM, 3, 1234),
        events=(
            Event(0.0, Step.PRECHECK, "ok"),
            Event(0.001, Step.PRE_SCRIPT, "/opt/pre.sh, attempt 1 of 2"),
            Event(30.0, Step.PRE_SCRIPT, "stopped at its limit with 2 processes"),
        ),
        duration=30.5,
        real_duration=30.75,
        rules="documented",
        guest="namespaces (rootless)",
        clock="real",
        storage="pause-and-copy",
        extension=ExtensionReport(0, "success", 1, 308, Consistency.FILE_SYSTEM),
    )


@pytest.fixture
def failed() -> Backup:
    """A backup that failed in its precheck."""
    detail = "/opt/pre.sh does not exist"
    return Backup(
        number=3,
        status=Status.FAILED,
        consistency=Consistency.NONE,
        errors=(NamedError(catalogue.PRE_NOT_FOUND, detail),),
        decided_by="a script was refused before it ran and continueBackupOnFailure is false",
        pre=None,
        post=None,
        recovery_point=None,
        events=(Event(0.0, Step.PRECHECK, detail),),
        duration=0.0,
        real_duration=1.25,
        rules="documented",
        guest="namespaces (root)",
        clock="real",
        storage="pause-and-copy",
        extension=ExtensionReport(302, "error", 302, 302, Consistency.NONE),
    )
