"""``vmsnapshot init``: what it writes, what it refuses, and that what it makes passes as it is."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_vmsnapshot.cli.starter_project import APPS, CIS
from pytest_vmsnapshot.config import parse

from .conftest import Command

COMMON = [
    ".coveragerc",
    "README.md",
    "backup.vmsnapshot.toml",
    "deploy/VMSnapshotScriptPluginConfig.json",
    "deploy/post.sh",
    "deploy/pre.sh",
    "deploy/vmsnapshot.toml",
    "pytest.ini",
    "test_backup.py",
]

GITHUB = ".github/workflows/backup-scripts.yml"
SEEN = "--vmsnapshot-report=report.html --cov --cov-report=term-missing"
"""What a CI file asks pytest for, so that there is something to look at."""


def files(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_made(vmsnapshot: Command) -> None:
    done = vmsnapshot("init", "backup")
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "".join(f"  written     backup/{name}\n" for name in sorted([GITHUB, *COMMON]))
        + "\nnext:\n  cd backup\n  vmsnapshot check deploy\n  pytest\n"
    )
    named = vmsnapshot("init", "my backup").out
    assert "  cd 'my backup'\n" in named
    assert files(Path("backup")) == sorted([GITHUB, *COMMON])
    for name in files(Path("backup")):
        path = Path("backup", name)
        assert path.read_text().endswith("\n")
        assert "@" not in path.read_text().replace("@v", "").replace("@0", "").replace(
            "@pytest", ""
        )
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if name.endswith(".sh") else 0o644)


@pytest.mark.parametrize("app", APPS)
def test_every_config_is_correct(vmsnapshot: Command, app: str) -> None:
    vmsnapshot("init", app, "--app", app)
    content = Path(app, "deploy/VMSnapshotScriptPluginConfig.json").read_bytes()
    assert parse(content).pre_location == "/opt/azure-backup/pre.sh"


@pytest.mark.parametrize(("ci", "file"), CIS.items())
def test_files_of_a_ci(vmsnapshot: Command, ci: str, file: str) -> None:
    assert vmsnapshot("init", "backup", "--ci", ci).status == 0
    assert files(Path("backup")) == sorted([*COMMON, *([file] if file else [])])
    if file:
        text = " ".join(Path("backup", file).read_text().split())
        assert 'pip install "pytest-vmsnapshot[coverage,report]" pytest-cov ' in text
        assert all(word in text for word in SEEN.split())


@pytest.mark.parametrize("app", APPS)
def test_what_is_made_passes(vmsnapshot: Command, app: str, tmp_path: Path) -> None:
    """Tests, scenarios, and every check of the config, but for shells that are not installed."""
    vmsnapshot("init", "backup", "--app", app)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-rs"],
        cwd=tmp_path / "backup",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "not installed" not in line] == []


def test_what_a_ci_keeps(vmsnapshot: Command, tmp_path: Path) -> None:
    vmsnapshot("init", "backup")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *SEEN.split(), "-p", "no:cacheprovider", "test_backup.py"],
        cwd=tmp_path / "backup",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.findall(r"^deploy.*", done.stdout, re.MULTILINE) == [
        "deploy/post.sh       2      0   100%",
        "deploy/pre.sh        3      0   100%",
    ]
    page = (tmp_path / "backup/report.html").read_text().replace("<wbr>", "")
    assert "test_backup.py::test_an_application_that_hangs</a>" in page


@pytest.mark.parametrize("app", APPS)
def test_check_and_run_pass(vmsnapshot: Command, app: str, tmp_path: Path) -> None:
    vmsnapshot("init", "backup", "--app", app)
    vmsnapshot_program = [sys.executable, "-W", "error", "-m", "pytest_vmsnapshot"]
    for words in (["check", "deploy"], ["run", "deploy"]):
        done = subprocess.run(
            [*vmsnapshot_program, *words],
            cwd=tmp_path / "backup",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("dialect", ["sh", "dash", "bash", "ksh"])
def test_shellcheck_finds_nothing(vmsnapshot: Command, app: str, dialect: str) -> None:
    vmsnapshot("init", "backup", "--app", app)
    done = subprocess.run(
        ["shellcheck", "-s", dialect, "backup/deploy/pre.sh", "backup/deploy/post.sh"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""


# -- what is there already -------------------------------------------------------------------------


def test_a_directory_that_is_empty_will_do(vmsnapshot: Command) -> None:
    Path("backup").mkdir()
    assert vmsnapshot("init", "backup").status == 0


def test_a_directory_that_is_not_empty(vmsnapshot: Command) -> None:
    Path("backup/deploy").mkdir(parents=True)
    Path("backup/deploy/pre.sh").write_text("mine\n")
    Path("backup/notes").write_text("mine\n")
    done = vmsnapshot("init", "backup")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "vmsnapshot: backup is not empty: it has deploy, notes; write another directory, or "
        "--force, which would overwrite deploy/pre.sh\n"
    )
    assert files(Path("backup")) == ["deploy/pre.sh", "notes"]


def test_nothing_would_be_overwritten(vmsnapshot: Command) -> None:
    Path("backup").mkdir()
    for number in range(12):
        Path(f"backup/file{number:02}").touch()
    assert vmsnapshot("init", "backup").err == (
        "vmsnapshot: backup is not empty: it has file00, file01, file02, file03, file04, file05, "
        "file06, file07, file08, file09, and 2 more; write another directory, or --force, which "
        "would overwrite none of it\n"
    )


def test_force(vmsnapshot: Command) -> None:
    Path("backup/deploy").mkdir(parents=True)
    Path("backup/deploy/pre.sh").write_text("mine\n")
    Path("backup/notes").write_text("mine\n")
    done = vmsnapshot("init", "backup", "--force")
    assert done.status == 0
    assert "  overwritten backup/deploy/pre.sh\n" in done.out
    assert "  written     backup/deploy/post.sh\n" in done.out
    assert Path("backup/notes").read_text() == "mine\n"
    assert Path("backup/deploy/pre.sh").read_text().startswith("#!/bin/sh\n")


def test_nothing_is_written_through_links(vmsnapshot: Command) -> None:
    Path("elsewhere").mkdir()
    Path("backup").mkdir()
    Path("backup/deploy").symlink_to("../elsewhere")
    Path("backup/README.md").symlink_to("../readme")
    Path("backup/pytest.ini").mkdir()
    done = vmsnapshot("init", "backup", "--force")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "vmsnapshot: 3 mistakes:\n"
        "  - backup/README.md is a link, and a file is to lie there; move it away\n"
        "  - backup/deploy is no directory of its own; move it away\n"
        "  - backup/pytest.ini is a directory, and a file is to lie there; move it away\n"
    )
    assert files(Path("elsewhere")) == []
    assert not Path("readme").exists()


def test_a_file_of_that_name(vmsnapshot: Command) -> None:
    Path("backup").touch()
    assert vmsnapshot("init", "backup").err == (
        "vmsnapshot: backup is no directory; write one that is not there, or is empty\n"
    )


def test_a_directory_that_cannot_be_written(vmsnapshot: Command) -> None:
    done = vmsnapshot("init", "/proc/backup")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("vmsnapshot init: /proc/backup")
    assert " cannot be written: No such file or directory\n" in done.err


def test_an_application_that_is_not_known(vmsnapshot: Command) -> None:
    done = vmsnapshot("init", "backup", "--app", "mysqll")
    assert done.status == 2
    assert done.err.startswith(
        "vmsnapshot init: --app: there is no application 'mysqll'; is 'mysql' meant? There is: "
        "generic, systemd, mysql, postgresql\n"
    )
    assert not os.path.exists("backup")
