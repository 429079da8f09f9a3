"""What the lint believes of shells, asked of the shells that are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_vmsnapshot.lint import script_places, set_options
from pytest_vmsnapshot.lint.shellcheck import DIALECTS
from pytest_vmsnapshot.shells import PACKAGES


def runs(shell: str, script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as the extension would: by sh, without HOME."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed (Debian: apt-get install {PACKAGES[shell]})")
    sh = tmp_path / "bin" / "sh"  # several shells behave otherwise when they are called so
    sh.parent.mkdir()
    sh.symlink_to(program)
    path = tmp_path / "script"
    path.write_text(script)
    return subprocess.run(
        [sh, path],
        env={"PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_every_shell_has_its_language() -> None:
    assert set(DIALECTS) == set(PACKAGES)


@pytest.mark.parametrize("shell", PACKAGES)
def test_who_knows_source(shell: str, tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("echo read\n")
    done = runs(shell, f"source {tmp_path}/lib\necho on\n", tmp_path)
    knows = shell not in script_places.WITHOUT_SOURCE
    assert done.stdout == ("read\non\n" if knows else "on\n")


@pytest.mark.parametrize("shell", PACKAGES)
def test_who_looks_for_a_bare_name_on_path_only(shell: str, tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("echo read\n")
    assert "read" not in runs(shell, ". lib\n", tmp_path).stdout


@pytest.mark.parametrize("shell", PACKAGES)
def test_who_takes_a_tilde_for_home(shell: str, tmp_path: Path) -> None:
    done = runs(shell, 'echo ~ "[$HOME]"\n', tmp_path)
    tilde, _, home = done.stdout.strip().partition(" ")
    assert home == "[]"
    assert (tilde == "~") is (shell in script_places.TILDE_BY_HOME)


@pytest.mark.parametrize("option", set_options.UNKNOWN_TO)
@pytest.mark.parametrize("shell", PACKAGES)
def test_who_knows_an_option(shell: str, option: str, tmp_path: Path) -> None:
    written = option if option.startswith("-") else f"-o {option}"
    done = runs(shell, f"set {written}\necho on\n", tmp_path)
    assert (done.stdout == "on\n") is (shell not in set_options.UNKNOWN_TO[option])
