"""Uses of the public interface that a type checker looks at. Never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import (
    CATALOGUE,
    CONFIG_PATH,
    PLUGIN_HOST_PATH,
    STOCK_TEMPLATE,
    Attempt,
    Backup,
    CommandFailed,
    CommandTimeout,
    Completed,
    Consistency,
    ErrorKind,
    Event,
    GuestDied,
    GuestUnavailable,
    HarnessError,
    MemoryMachine,
    NamedError,
    Output,
    RecoveryPoint,
    ScriptContext,
    ScriptExit,
    ScriptRun,
    Status,
    Step,
    UsageError,
    VirtualMachine,
    VmFactory,
    VmPath,
    virtual_machine,
)


def install(vm: VirtualMachine, text: bytes, path: Path, params: list[str]) -> None:
    vm.install(pre="deploy/pre.sh", post=path)
    vm.install(pre=text, post="#!/bin/sh\n", pre_params=params, post_params=("a",), timeout=5)
    vm.install(pre="a", post="b", pre_mode=0o600, pre_owner=1000, post_owner="postgres")
    vm.install_config("config.json", scripts="deploy/")
    vm.install_config(path, scripts=path, mode=0o644, owner="nobody")
    vm.install_config(b"\0", scripts={"/opt/pre.sh": path, "/opt/post.sh": "#!/bin/sh\n"})
    vm.install_config({**STOCK_TEMPLATE, "timeoutInSeconds": "30"})
    vm.install(pre=5, post="b")  # type: ignore[arg-type]
    vm.install(pre="a", post="b", timeout="5")  # type: ignore[arg-type]


def files(vm: VirtualMachine, path: Path) -> None:
    vm.write("/srv/a", "text", mode=0o600, owner="root")
    vm.write("/srv/a", b"bytes")
    vm.copy(path, "/srv/b")
    vm.copy("local", "/srv/b", mode=0o644, owner=0)
    place: VmPath = vm.path("/srv") / "a"
    text: str = place.read_text()
    content: bytes = place.read_bytes()
    below: tuple[str, ...] = place.walk()
    known: bool = place.exists() and place.is_file() and not place.is_dir()
    mode: int = place.mode
    owner: str = place.owner
    del text, content, below, known, mode, owner


def commands(vm: VirtualMachine) -> int:
    done: Completed = vm.run("id -u", timeout=1.5, env={"A": "b"}, cwd="/", stdin="x", check=True)
    vm.run(["id", "-u"], stdin=b"x", clock="real")
    vm.wait(1.5)
    vm.run(("id", "-u"))
    text: str = done.stdout + done.stderr
    number: int | None = done.signal
    output: Output = done.output
    del text, number, output
    return done.exit_status or 0


def result(vm: VirtualMachine) -> Backup:
    backup: Backup = vm.backup()
    backup.assert_application_consistent()
    backup.assert_file_system_consistent()
    backup.assert_crash_consistent()
    backup.assert_failed()
    backup.assert_error("Pre-ScriptTimeout")
    status: Status = backup.status
    consistency: Consistency = backup.consistency
    errors: tuple[NamedError, ...] = backup.errors
    events: tuple[Event, ...] = backup.events
    steps: list[Step] = [event.step for event in events]
    kinds: list[ErrorKind] = [error.kind for error in errors if error in backup.errors]
    names: dict[str, int] = {error.name: error.code for error in errors}
    taken: tuple[Backup, ...] = vm.backups
    words: str = backup.explain() + backup.decided_by + repr(backup)
    del status, consistency, steps, kinds, names, taken, words
    return Backup.from_json(backup.to_json())


def script(backup: Backup) -> tuple[str, ...]:
    run: ScriptRun | None = backup.pre
    if run is None or backup.post is None:
        return ()
    attempts: tuple[Attempt, ...] = run.attempts
    raw: bytes = run.stdout_bytes + attempts[-1].stderr_bytes
    text: str = run.stdout + run.stderr + run.last.ending + run.path
    numbers: tuple[int | None, int | None] = (run.exit_status, run.signal)
    seconds: float = run.ended - run.started
    late: bool = run.timed_out
    count: int = run.attempt_count + run.dropped
    del raw, text, numbers, seconds, late, count
    return run.argv


def restored(backup: Backup) -> str:
    point: RecoveryPoint | None = backup.recovery_point
    if point is None or not point.exists("/srv/a"):
        return ""
    paths: Iterator[str] = point.walk("/srv")
    content: bytes = point.read_bytes("/srv/a")
    worth: Consistency = point.consistency
    del paths, content, worth
    return point.read_text("/srv/a")


def frozen(backup: Backup) -> None:
    backup.status = Status.FAILED  # type: ignore[misc]
    backup.events[0].text = ""  # type: ignore[misc]


def without_pytest() -> None:
    with virtual_machine(guest="rootless", rules="documented", disks=1) as vm:
        vm.backup()


@pytest.mark.vm(disks=1)
def with_pytest(vm: VirtualMachine, vm_factory: VmFactory, memory_vm: MemoryMachine) -> None:
    with vm_factory(disks=1, directories=["/u01"], disk_size="2G", require=("owners",)) as other:
        other.backup()
    vm_factory(guest="root", network=True, os="windows", deployment="classic", disk_size=4096)
    vm.close()
    memory_vm.install(pre=python_script, post=lambda context: 0, timeout=5)
    memory_vm.backup().assert_application_consistent()


def python_script(context: ScriptContext) -> int | ScriptExit:
    return 0


def errors() -> list[type[HarnessError]]:
    return [UsageError, GuestDied, GuestUnavailable, CommandFailed, CommandTimeout]


def mistakes(error: UsageError) -> tuple[str, ...]:
    return error.mistakes


def constants() -> tuple[str, str, Mapping[str, Any], tuple[ErrorKind, ...]]:
    return CONFIG_PATH, PLUGIN_HOST_PATH, STOCK_TEMPLATE, CATALOGUE
