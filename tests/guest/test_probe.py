"""Machines that refuse namespaces: what the harness says, and that it leaves nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_vmsnapshot.guest import steps

LAUNCHER = Path(__file__).with_name("confined.py")

ASK = """
import os, sys
from pytest_vmsnapshot.errors import GuestUnavailable
from pytest_vmsnapshot.guest.session import open_session
def seen():
    with open("/proc/self/mountinfo") as file:
        mounts = file.read()
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = file.read()
    return mounts, children, os.listdir("/proc/self/fd"), sorted(os.listdir("/tmp"))
before = seen()
try:
    session = open_session(sys.argv[1])
except GuestUnavailable as error:
    print(error)
else:
    print(session.privilege, *session.refusals, sep="\\n")
    session.close()
assert seen()[:3] == before[:3], (before, seen())
"""

IN_PLACE = (
    "  - in a disposable container, as root: pytest --vmsnapshot-guest=in-place (it works on the "
    "real /etc/azure and puts everything back)\n"
)
CONTAINER = (
    "start the container with --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
)
SECCOMP = "a seccomp filter is in force here (a container's default profile denies namespaces)"
CHROOT = "this is a chroot, in which the kernel makes no user namespace and changes no root"


def confined(kind: str, *command: str) -> str:
    """What a command prints where namespaces are refused."""
    words = [sys.executable, str(LAUNCHER), kind, sys.executable, *command]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    if done.returncode and "StepFailed" in done.stderr:
        pytest.skip(f"{kind} needs a user namespace: {done.stderr.splitlines()[-1]}")
    assert done.stderr == ""
    return done.stdout


def no_vm(refusal: str, remedy: str) -> str:
    return f"no VM can be made on this machine:\n  {refusal}\nways out:\n  - {remedy}\n{IN_PLACE}"


@pytest.mark.parametrize(
    ("kind", "refusal", "remedy"),
    [
        ("seccomp", f"rootless: unshare the user namespace (EPERM): {SECCOMP}", CONTAINER),
        (
            "no-user-namespaces",
            "rootless: unshare the user namespace (ENOSPC): user.max_user_namespaces is 0",
            "sudo sysctl user.max_user_namespaces=15000",
        ),
        (
            "chroot",
            f"rootless: unshare the user namespace (EPERM): {CHROOT}",
            "run outside the chroot",
        ),
        (
            "masked-proc",
            "rootless: mount /proc (EPERM): parts of /proc are masked here, as in a container "
            "(/proc/cpuinfo)",
            "start the container with --security-opt systempaths=unconfined",
        ),
    ],
)
def test_a_refusal_names_step_error_reason_and_two_ways_out(
    kind: str, refusal: str, remedy: str
) -> None:
    assert confined(kind, "-c", ASK, "rootless") == no_vm(refusal, remedy)


def test_root_without_the_capability_goes_on_with_a_user_namespace() -> None:
    answer = confined("no-capability", "-c", ASK, "auto")
    assert answer == (
        "rootless\n"
        "root: unshare the PID namespace (EPERM): root has no CAP_SYS_ADMIN here, as in a "
        "container\n"
        "subids: map subordinate ids (EPERM): root is alone here: a user namespace without any "
        "other id\n"
    )


def test_all_ways_are_tried_and_each_refusal_is_told_once() -> None:
    answer = confined("chroot", "-c", ASK, "auto")
    assert answer == (
        "no VM can be made on this machine:\n"
        f"  root: make mounts private (EINVAL): {CHROOT}\n"
        f"  subids: unshare the user namespace (EPERM): {CHROOT}\n"
        f"  rootless: unshare the user namespace (EPERM): {CHROOT}\n"
        "ways out:\n"
        "  - run outside the chroot\n" + IN_PLACE
    )


def test_in_pytest_each_test_has_one_plain_error_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_one(vm): ...\ndef test_two(vm_factory): vm_factory()\ndef test_three(): ...\n"
    )
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", "-W", "error"]
    guest = "--vmsnapshot-guest=rootless"
    place = [f"--rootdir={tmp_path}", str(tmp_path)]
    text = confined("seccomp", "-m", "pytest", *options, guest, *place)
    error = no_vm(f"rootless: unshare the user namespace (EPERM): {SECCOMP}", CONTAINER)
    assert f"\nvmsnapshot: {error}" in text
    for title in (" ERROR at setup of test_one ", " test_two "):
        assert text.partition(title)[2].partition("\n")[2].startswith(error)
    assert text.count("no VM can be made on this machine:\n") == 3
    assert "1 failed, 1 passed, 1 error in " in text
    assert "Traceback" not in text
    assert "During handling" not in text


# -- settings that cannot be made here: the same explanations from the files that hold them -------


def machine(tmp_path: Path, **contents: str) -> Path:
    for name, content in {"self/mountinfo": "1 0 0:1 / / rw - ext4 x rw", **contents}.items():
        path = tmp_path / "proc" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return tmp_path


USER = "unshare the user namespace"


@pytest.mark.parametrize(
    ("privilege", "step", "number", "files", "reason", "remedy"),
    [
        (
            "rootless",
            USER,
            errno.EPERM,
            {"sys__kernel__unprivileged_userns_clone": "0"},
            "kernel.unprivileged_userns_clone is 0",
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            "rootless",
            "write the id maps",
            errno.EPERM,
            {"sys__kernel__apparmor_restrict_unprivileged_userns": "1"},
            "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is "
            "1, the default of Ubuntu 24.04)",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            "rootless",
            USER,
            errno.ENOSPC,
            {"sys__user__max_user_namespaces": "15000"},
            "all namespaces are in use that user.max_*_namespaces allow, here or outside",
            "raise these settings with sudo sysctl, or end what uses them (lsns shows it)",
        ),
        (
            "root",
            "mount a tmpfs",
            errno.EACCES,
            {"self__attr__current": "docker-default (enforce)"},
            "the AppArmor profile docker-default is in force here",
            CONTAINER,
        ),
        (
            "rootless",
            "mount an overlay over a copy of /etc",
            errno.EPERM,
            {"sys__kernel__osrelease": "5.10.0-28-amd64"},
            "Linux 5.10.0-28-amd64 mounts overlays for root only; since 5.11 it does for everybody",
            "use a newer kernel",
        ),
        (
            "rootless",
            "mount an overlay over a copy of /etc",
            errno.ENODEV,
            {},
            "this kernel has no overlay file system",
            "sudo modprobe overlay",
        ),
        (
            "rootless",
            USER,
            errno.EPERM,
            {},
            "the kernel denies it, and no setting that is known here explains why",
            "look into the kernel log (dmesg) for the reason",
        ),
        (
            "rootless",
            USER,
            errno.EINVAL,
            {},
            "Invalid argument",
            "look into the kernel log (dmesg) for the reason",
        ),
        (  # what is not for root does not explain root's refusal
            "sudo",
            "mount a tmpfs",
            errno.EPERM,
            {
                "sys__kernel__apparmor_restrict_unprivileged_userns": "1",
                "self__status": "CapEff:\t0\nCapBnd:\t0",
            },
            "root has no CAP_SYS_ADMIN here, as in a container",
            CONTAINER,
        ),
    ],
)
def test_settings(
    tmp_path: Path,
    privilege: str,
    step: str,
    number: int,
    files: dict[str, str],
    reason: str,
    remedy: str,
) -> None:
    found = steps.explain(privilege, step, number, machine(tmp_path, **files))
    assert found == steps.Refusal(privilege, step, number, reason, remedy)
