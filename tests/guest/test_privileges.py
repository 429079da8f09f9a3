"""VMs made with subordinate ids, with sudo, and without either: who owns what, and what is left."""

from __future__ import annotations

import json
import os
import pwd
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot.guest import user_namespace

DRIVER = Path(__file__).with_name("privileged_driver.py")
WAIT_LIMIT = 30.0


class Account:
    """A user of this machine in whose name programs are run."""

    def __init__(self, row: pwd.struct_passwd) -> None:
        self.name = row.pw_name
        self.uid = row.pw_uid
        self._options: dict[str, Any] = {"cwd": "/"}
        self._options["env"] = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": row.pw_dir,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if os.geteuid() == 0:
            self._options |= {"user": row.pw_uid, "group": row.pw_gid, "extra_groups": []}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._options,
        )

    def driver(self, guest: str, scenario: str) -> dict[str, Any]:
        done = self.run(sys.executable, "-W", "error", str(DRIVER), guest, scenario)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @contextmanager
    def waiting(self, guest: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        """A run that goes on, with descriptors that tell the end of each of its processes."""
        command = [sys.executable, str(DRIVER), guest, "wait"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, **self._options
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            ends = [os.pidfd_open(pid) for pid in json.loads(line)]
            try:
                yield process, ends
            finally:
                process.kill()
                for end in ends:
                    os.close(end)


def accounts() -> list[Account]:
    """Ordinary users: the one of this run, or any if that is root."""
    if os.geteuid() != 0:
        return [Account(pwd.getpwuid(os.geteuid()))]
    return [Account(row) for row in pwd.getpwall() if 1000 <= row.pw_uid < 60000]


def usable(account: Account) -> bool:
    """Whether a user can run this project."""
    try:
        return account.run(sys.executable, "-c", f"open({str(DRIVER)!r})").returncode == 0
    except PermissionError:
        return False


@pytest.fixture(scope="module")
def subids_account() -> Account:
    for account in filter(usable, accounts()):
        ranges = [
            user_namespace._range(table, account.name, account.uid)
            for program, table in user_namespace._TABLES
            if account.run("which", program).returncode == 0
        ]
        if len(ranges) == 2 and all(ranges):
            return account
    pytest.skip(
        "needs newuidmap (Debian: apt-get install uidmap) and an ordinary user with a range in "
        "/etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids "
        "100000-165535 NAME) who may read this project"
    )


@pytest.fixture(scope="module")
def sudo_account() -> Account:
    for account in filter(usable, accounts()):
        try:
            if account.run("sudo", "-n", "true").returncode == 0:
                return account
        except FileNotFoundError:
            break
    pytest.skip(
        "needs sudo (Debian: apt-get install sudo) and an ordinary user who may use it without a "
        "password (the line 'NAME ALL=(root) NOPASSWD: ALL' in /etc/sudoers.d/NAME) and may read "
        "this project"
    )


def test_with_subordinate_ids_owners_are_real(subids_account: Account) -> None:
    assert subids_account.driver("subids", "owners") == {
        "harness": ["nobody", "54321", "root", "root", "root"],
        "process": ["nobody", "UNKNOWN", "root", "root", "root"],
        "su": "nobody",
        "groups": "0",
        "errors": ["InsufficientPermissionforPre-Script"],
        "modelled": [],
        "guest": "namespaces (subids)",
    }


def test_with_sudo_owners_are_real(sudo_account: Account) -> None:
    found = sudo_account.driver("sudo", "owners")
    assert found["harness"][0] == found["process"][0] == found["su"] == "nobody"
    assert (found["modelled"], found["guest"]) == ([], "namespaces (sudo)")


def test_without_subordinate_ids_owners_are_modelled_and_the_result_says_so(
    rootless: Account,
) -> None:
    found = rootless.driver("rootless", "owners")
    assert found["harness"][0] == "nobody"
    assert found["process"][0] == "root"
    assert found["errors"] == ["InsufficientPermissionforPre-Script"]
    assert found["modelled"] == [
        f"the owner {owner!r} of {path} is modelled: without subordinate ids it belongs to root "
        "on the VM"
        for owner, path in (("nobody", "/opt/vmsnapshot/pre.sh"), ("54321", "/srv/of-a-number"))
    ]
    assert found["guest"] == "namespaces (rootless)"


@pytest.fixture(scope="module")
def rootless() -> Account:
    """Root may go without its privileges too."""
    return Account(pwd.getpwuid(os.geteuid()))


def test_the_hosts_directories_can_be_written_with_subordinate_ids(
    subids_account: Account,
) -> None:
    assert subids_account.driver("subids", "tree") == {"owners": ["root:root"], "refused": ""}


@pytest.mark.parametrize("guest", ["subids", "sudo"])
@pytest.mark.parametrize("way", ["SIGKILL", "Ctrl-C"])
def test_nothing_outlives_the_run(request: pytest.FixtureRequest, guest: str, way: str) -> None:
    account: Account = request.getfixturevalue(f"{guest}_account")
    with account.waiting(guest) as (process, ends):
        assert len(ends) >= 6  # helper, warden, agent, three daemons
        if way == "SIGKILL":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGINT)
        for end in ends:
            assert select.select([end], [], [], WAIT_LIMIT)[0], "a process lives on"
        _, errors = process.communicate(timeout=WAIT_LIMIT)
    if way == "Ctrl-C":
        assert errors.endswith("\nKeyboardInterrupt\n")


def test_sudo_that_wants_a_password_is_refused_and_never_asks() -> None:
    account = next(filter(usable, [*reversed(accounts()), Account(pwd.getpwnam("nobody"))]), None)
    if os.geteuid() == 0:
        account = Account(pwd.getpwnam("nobody"))
    if account is None or not usable(account):
        pytest.skip("needs an ordinary user who may read this project")
    try:
        if account.run("sudo", "-n", "true").returncode == 0:
            pytest.skip(f"{account.name} may use sudo without a password")
    except FileNotFoundError:
        reason = "sudo is not installed"
        remedy = "install sudo, and let sudo"
    else:
        reason = "a password is required"
        remedy = "let sudo"
    done = account.run(sys.executable, str(DRIVER), "sudo", "owners")
    assert done.stderr.endswith(
        "GuestUnavailable: no VM can be made on this machine:\n"
        f"  sudo: sudo -n: {reason}\n"
        "ways out:\n"
        f"  - {remedy} start VMs without a password: put the line '{account.name} ALL=(root) "
        f"NOPASSWD: {sys.executable}' into /etc/sudoers.d/pytest-vmsnapshot\n"
        "  - in a disposable container, as root: pytest --vmsnapshot-guest=in-place (it works on "
        "the real /etc/azure and puts everything back)\n"
    )
