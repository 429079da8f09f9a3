"""The lifecycle against a guest and a storage that fail on demand, on a clock moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_vmsnapshot.backup import Backup, Consistency, PointFiles, Status, Step
from pytest_vmsnapshot.config import CONFIG_PATH, PLUGIN_HOST_PATH, STOCK_TEMPLATE
from pytest_vmsnapshot.engine import DOCUMENTED, VmFacts, run
from pytest_vmsnapshot.engine.lifecycle import Bench
from pytest_vmsnapshot.engine.script import ATTEMPTS_KEPT
from pytest_vmsnapshot.protocols import (
    Copied,
    Execution,
    FileFacts,
    FileKind,
    Launch,
    Process,
    StorageFailed,
    StorageTimeout,
)


@dataclass
class HandClock:
    """A clock that stands still unless it is moved."""

    name: str = "hand"
    time: float = 100.0

    def now(self) -> float:
        return self.time

    def deadline(self, seconds: float) -> float:
        return self.time + seconds

    def run_until(self, moment: float) -> None:
        self.time = max(self.time, moment)


def script(path: str) -> FileFacts:
    return FileFacts(path, FileKind.FILE, 0o700)


def config(**changes: Any) -> FileFacts:
    wanted = {"preScriptLocation": "/pre", "postScriptLocation": "/post"}
    content = json.dumps({**STOCK_TEMPLATE, **wanted, **changes}).encode("ascii")
    return FileFacts(CONFIG_PATH, FileKind.FILE, 0o600, content=content)


@dataclass
class Bare:
    """A guest that has the files it is given and whose scripts end as they are told to."""

    clock: HandClock
    files: dict[str, FileFacts]
    status: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    errno: int = 0
    launched: list[str] = field(default_factory=list)
    name: str = "bare"
    runs_programs: bool = False

    def modelled(self) -> tuple[str, ...]:
        return ()

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        return tuple(self.files.get(path, FileFacts(path, FileKind.ABSENT)) for path in paths)

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        started = self.clock.time
        self.clock.time += self.seconds
        self.launched.append(launch.argv[0])
        status = self.status.get(launch.argv[0], 0)
        if self.errno:
            return Execution(started, started, launch_errno=self.errno, launch_text="refused")
        return Execution(started, self.clock.time, exit_status=status)

    def start(self, launch: Launch, deadline: float) -> Process:
        raise NotImplementedError  # under these rules every script is stopped at its limit

    def watch(self, processes: Sequence[Process], until: float) -> None:
        raise NotImplementedError


class NoFiles:
    """A recovery point nobody looks into."""

    def read_bytes(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        return False

    def walk(self, path: str) -> list[str]:
        return []


@dataclass
class Disks:
    """A storage whose steps raise what they are given."""

    on_freeze: BaseException | None = None
    on_snapshot: list[BaseException | None] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    name: str = "disks"
    pauses: bool = False

    def freeze(self, mounts: Sequence[str], deadline: float, others: Sequence[str] = ()) -> str:
        self.steps.append("freeze")
        if self.on_freeze is not None:
            raise self.on_freeze
        return ", ".join(mounts)

    def snapshot(self, deadline: float | None) -> Copied:
        self.steps.append("snapshot" if deadline is None else "snapshot, frozen")
        failure = self.on_snapshot.pop(0) if self.on_snapshot else None
        if failure is not None:
            raise failure
        source: PointFiles = NoFiles()
        return Copied(1, 2048, source)

    def thaw(self) -> None:
        self.steps.append("thaw")

    def modelled(self) -> tuple[str, ...]:
        return ()


@dataclass
class Scene:
    """One VM, put together for one backup."""

    guest: Bare
    disks: Disks
    clock: HandClock

    def backup(self, *, disks: int = 2) -> Backup:
        bench = Bench(VmFacts(disks=disks), self.guest, self.disks, self.clock, DOCUMENTED)
        return run(bench, 1)


@pytest.fixture
def scene() -> Callable[..., Scene]:
    def make(storage: Disks | None = None, **changes: Any) -> Scene:
        clock = HandClock()
        files = {CONFIG_PATH: config(**changes), "/pre": script("/pre"), "/post": script("/post")}
        return Scene(Bare(clock, files), storage or Disks(), clock)

    return make


def texts(backup: Backup, step: Step) -> list[str]:
    return [event.text for event in backup.events if event.step is step]


def test_all_well(scene: Callable[..., Scene]) -> None:
    made = scene()
    backup = made.backup()
    assert backup.consistency is Consistency.APPLICATION
    assert made.guest.launched == ["/pre", "/post"]
    assert made.disks.steps == ["freeze", "snapshot, frozen", "thaw"]
    assert [event.step for event in backup.events] == [
        Step.PRECHECK,
        Step.PRE_SCRIPT,
        Step.PRE_SCRIPT,
        Step.FREEZE,
        Step.SNAPSHOT,
        Step.THAW,
        Step.POST_SCRIPT,
        Step.POST_SCRIPT,
    ]


def test_a_freeze_that_fails_on_a_vm_with_several_disks(scene: Callable[..., Scene]) -> None:
    made = scene(Disks(on_freeze=StorageFailed("/data is busy")))
    backup = made.backup()
    assert (backup.status, backup.recovery_point) == (Status.FAILED, None)
    assert [str(error) for error in backup.errors] == ["FsFreezeFailed (121): /data is busy"]
    assert made.disks.steps == ["freeze", "thaw"]
    assert made.guest.launched == ["/pre", "/post"]
    assert texts(backup, Step.SNAPSHOT) == [
        "not taken: the freeze did not work on a VM with 2 disks"
    ]


def test_a_freeze_that_fails_on_a_single_disk(scene: Callable[..., Scene]) -> None:
    made = scene(Disks(on_freeze=StorageFailed("/data is busy")))
    backup = made.backup(disks=1)
    assert backup.consistency is Consistency.CRASH
    assert made.disks.steps == ["freeze", "thaw", "snapshot"]


def test_a_snapshot_past_the_limit_of_the_freeze(scene: Callable[..., Scene]) -> None:
    made = scene(Disks(on_snapshot=[StorageTimeout("too slow")]))
    backup = made.backup(disks=1)
    assert backup.consistency is Consistency.CRASH
    assert made.disks.steps == ["freeze", "snapshot, frozen", "thaw", "snapshot"]
    assert [error.code for error in backup.errors] == [122]


def test_a_snapshot_that_fails(scene: Callable[..., Scene]) -> None:
    made = scene(Disks(on_snapshot=[StorageFailed("no space")]))
    backup = made.backup()
    assert backup.status is Status.FAILED
    assert [str(error) for error in backup.errors] == ["SnapshotFailed (76): no space"]
    assert made.disks.steps == ["freeze", "snapshot, frozen", "thaw"]
    assert made.guest.launched == ["/pre", "/post"]


@pytest.mark.parametrize("changes", [{"fsFreezeEnabled": False}, {"fsFreezeEnabled": True}])
def test_a_timeout_without_a_limit_is_a_failure(
    scene: Callable[..., Scene], changes: dict[str, Any]
) -> None:
    late = [StorageTimeout("too slow"), StorageTimeout("too slow")]
    backup = scene(Disks(on_snapshot=[*late]), **changes).backup(disks=1)
    assert backup.status is Status.FAILED
    assert backup.errors[-1].code == 76


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the VM ended")])
def test_nothing_stays_frozen(scene: Callable[..., Scene], error: BaseException) -> None:
    made = scene(Disks(on_snapshot=[error]))
    with pytest.raises(type(error)):
        made.backup()
    assert made.disks.steps == ["freeze", "snapshot, frozen", "thaw"]


def test_attempts_beyond_those_kept_are_counted(scene: Callable[..., Scene]) -> None:
    made = scene(preScriptNoOfRetries=999)
    made.guest.status["/pre"] = 1
    backup = made.backup()
    assert backup.pre is not None
    assert (len(backup.pre.attempts), backup.pre.attempt_count) == (ATTEMPTS_KEPT, 1000)
    assert str(backup.errors[0]) == (
        "Pre-ScriptExecutionFailed (300): /pre: exit status 1 in the last of 1000 attempts"
    )
    assert texts(backup, Step.PRE_SCRIPT)[-1] == "attempts 201 to 1000 are not listed"
    assert len(backup.events) < 2 * ATTEMPTS_KEPT + 20


def test_a_number_of_retries_too_long_to_be_printed(scene: Callable[..., Scene]) -> None:
    made = scene(preScriptNoOfRetries=10**1000 - 1)
    made.guest.status["/pre"] = 1
    made.guest.seconds = 16.0
    backup = made.backup()
    assert texts(backup, Step.PRE_SCRIPT)[0] == "/pre '' '', attempt 1 of 1000000001"
    assert str(backup.errors[0]) == (
        "Pre-ScriptTimeout (308): /pre reached its limit of 30 s after 2 attempts, none of which "
        "succeeded"
    )
    assert texts(backup, Step.PRE_SCRIPT)[-1] == "no attempt 3: the limit is reached"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (["a\0b"], r"its parameter 'a\x00b' has a character in it that no program can be given"),
        (
            ["", "\ud800"],
            r"its parameter '\ud800' has a character in it that no program can be given",
        ),
        (["a", "\udcff"], "refused"),
    ],
)
def test_parameters_no_program_can_be_given(
    scene: Callable[..., Scene], params: list[str], words: str
) -> None:
    made = scene(preScriptParams=params)
    made.guest.errno = 22
    backup = made.backup()
    assert backup.pre is not None
    assert backup.pre.last.ending == f"could not be started: {words}"


def test_huge_parameters_are_not_repeated_in_the_timeline(scene: Callable[..., Scene]) -> None:
    made = scene(preScriptParams=["x" * 900_000], preScriptNoOfRetries=300)
    made.guest.status["/pre"] = 1
    backup = made.backup()
    assert sum(len(event.text) for event in backup.events) < 300_000


def test_a_hostile_location_is_printable(scene: Callable[..., Scene]) -> None:
    backup = scene(preScriptLocation="/\x1b[2J" + "x" * 900_000).backup()
    assert [error.code for error in backup.errors] == [302]
    assert all(char.isprintable() or char == "\n" for char in backup.explain())
    assert len(backup.explain()) < 5_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Pre-ScriptNotFound (302): preScriptLocation is '', which is empty"),
        (
            {"preScriptLocation": "pre.sh"},
            (
                "Pre-ScriptNotFound (302): preScriptLocation is 'pre.sh', which is not an absolute "
                "path"
            ),
        ),
        (
            {"preScriptLocation": "/a\0b"},
            (
                r"Pre-ScriptNotFound (302): preScriptLocation is '/a\x00b', which has a NUL "
                "character in it"
            ),
        ),
    ],
)
def test_locations_no_script_can_have(
    scene: Callable[..., Scene], changes: dict[str, Any], message: str
) -> None:
    backup = scene(**{"preScriptLocation": "", **changes}).backup()
    assert [str(error) for error in backup.errors] == [message]


FILE = FileKind.FILE
REFUSED = [
    (
        FileFacts(CONFIG_PATH, FILE, 0o644, content=b"{"),
        (
            f"IncorrectJSONConfigFile (317): {CONFIG_PATH} has mode 644 and owner root; it must "
            "have mode 600 and owner root"
        ),
    ),
    (
        FileFacts(CONFIG_PATH, FILE, 0o600, owner="azureuser", uid=1000, content=b"{"),
        (
            f"IncorrectJSONConfigFile (317): {CONFIG_PATH} has mode 600 and owner azureuser; it "
            "must have mode 600 and owner root"
        ),
    ),
    (
        FileFacts(CONFIG_PATH, FILE, 0o600, owner="azureuser", uid=None, content=b"{"),
        (
            f"IncorrectJSONConfigFile (317): {CONFIG_PATH} has mode 600 and owner azureuser; it "
            "must have mode 600 and owner root"
        ),
    ),
    (
        FileFacts(CONFIG_PATH, FILE, 0o600, content=b"["),
        (
            f"IncorrectJSONConfigFile (305): {CONFIG_PATH}: not JSON: Expecting value at line 1, "
            "column 2"
        ),
    ),
    (
        FileFacts(CONFIG_PATH, FileKind.DIRECTORY, 0o755),
        f"IncorrectJSONConfigFile (305): {CONFIG_PATH} is a directory, not a file",
    ),
    (
        FileFacts(CONFIG_PATH, FileKind.UNREADABLE, error=40),
        (
            f"IncorrectJSONConfigFile (305): {CONFIG_PATH} cannot be looked at: Too many levels of "
            "symbolic links"
        ),
    ),
    (
        FileFacts(PLUGIN_HOST_PATH, FILE, 0o644, content=b""),
        f"IncorrectPluginhostFile (304): {PLUGIN_HOST_PATH}: it has no section [pre_post]",
    ),
]


@pytest.mark.parametrize(("facts", "message"), REFUSED)
def test_refused_files_always_fall_back(
    scene: Callable[..., Scene], facts: FileFacts, message: str
) -> None:
    made = scene(continueBackupOnFailure=False)
    made.guest.files[facts.path] = facts
    backup = made.backup()
    assert [str(error) for error in backup.errors] == [message]
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert made.guest.launched == []


def test_without_a_config_the_framework_is_off(scene: Callable[..., Scene]) -> None:
    made = scene()
    del made.guest.files[CONFIG_PATH]
    made.guest.files[PLUGIN_HOST_PATH] = FileFacts(PLUGIN_HOST_PATH, FILE, content=b"corrupt")
    backup = made.backup()
    assert (backup.status, backup.errors) == (Status.COMPLETED, ())
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert made.guest.launched == []
