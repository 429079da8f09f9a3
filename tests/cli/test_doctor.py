"""``vmsnapshot doctor``: what is told of this machine, and of unfriendly ones."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot.shells import PACKAGES

from .conftest import Command

CONFINED = Path(__file__).parent.parent / "guest" / "confined.py"
CONTAINER = (
    "start the container with --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
)
SECCOMP = "a seccomp filter is in force here (a container's default profile denies namespaces)"


def confined(kind: str, *options: str, **environment: str) -> tuple[int, str]:
    """What doctor says in unfriendly surroundings."""
    words = [sys.executable, str(CONFINED), kind, sys.executable, "-W", "error"]
    done = subprocess.run(
        [*words, "-m", "pytest_vmsnapshot", "doctor", *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode and "StepFailed" in done.stderr:
        pytest.skip(f"{kind} needs a user namespace: {done.stderr.splitlines()[-1]}")
    assert done.stderr == ""
    return done.returncode, done.stdout


def rows_of(text: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(text)["rows"]}


def test_here(vmsnapshot: Command) -> None:
    done = vmsnapshot("doctor")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("system          ok      Linux ")
    assert any(line.startswith("VM              ok      the guest ") for line in lines)
    assert max(len(line) for line in lines) <= 100


def test_json_has_the_same(vmsnapshot: Command) -> None:
    facts = json.loads(vmsnapshot("doctor", "--json").out)
    text = " ".join(vmsnapshot("doctor").out.split())
    assert facts["vm"] is True
    assert [row["name"] for row in facts["rows"] if row["why"] not in text] == []
    assert {row["state"] for row in facts["rows"]} <= {"ok", "partly", "no"}


def test_what_is_fine_needs_nothing_and_what_is_not_says_what() -> None:
    _, text = confined("careless-caller", "--json", PATH="/no/such")
    for row in rows_of(text).values():
        assert bool(row["remedy"]) is (row["state"] != "ok"), row


def test_no_vm() -> None:
    status, text = confined("seccomp", "--json")
    rows = rows_of(text)
    assert status == 1
    assert json.loads(text)["vm"] is False
    assert rows["VM"]["state"] == "no"
    assert rows["VM"]["remedy"].endswith(
        "(it works on the real /etc/azure and puts everything back)"
    )
    rootless = rows["guest rootless"]
    assert rootless["why"] == f"unshare the user namespace (EPERM): {SECCOMP}"
    assert rootless["remedy"] == CONTAINER
    assert rows["storage loop"]["why"] == (
        "real file systems need the guest root or sudo, and there is no VM"
    )


def test_better_guests_that_are_refused() -> None:
    status, text = confined("no-capability", "--json")
    rows = rows_of(text)
    assert status == 0
    assert rows["VM"]["why"] == "the guest rootless is taken"
    assert rows["guest root"]["why"] == (
        "unshare the PID namespace (EPERM): root has no CAP_SYS_ADMIN here, as in a container"
    )
    assert rows["guest root"]["remedy"] == CONTAINER
    assert rows["owners"]["state"] == "partly"


def test_no_virtual_clock() -> None:
    status, text = confined("no-listener", "--json")
    clock = rows_of(text)["virtual clock"]
    assert status == 0
    assert clock["state"] == "no"
    assert clock["why"].startswith("limits and sleeps take real time: a seccomp listener ")


def test_shells_that_are_not_installed() -> None:
    status, text = confined("careless-caller", "--json", PATH="/no/such")
    rows = rows_of(text)
    assert status == 0
    assert {name: rows[f"shell {name}"]["remedy"] for name in PACKAGES} == {
        name: f"apt-get install {package}" for name, package in PACKAGES.items()
    }
    assert rows["shell busybox"]["why"] == "not installed; it is /bin/sh of alpine"
    assert rows["shellcheck"]["remedy"] == "apt-get install shellcheck"


def test_another_system(vmsnapshot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    done = vmsnapshot("doctor")
    assert done.status == 1
    assert done.out.splitlines()[0].startswith("system          no      Darwin, Python ")
    assert "use Linux; the fixture memory_vm works anywhere" in done.out


def test_nothing_of_the_host_is_touched(vmsnapshot: Command) -> None:
    before = os.path.exists("/etc/azure")
    vmsnapshot("doctor")
    assert os.path.exists("/etc/azure") is before
