"""Pages that a reader follows from top to bottom: each file is written, each command copied."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .shown import pattern, same
from .test_docs import DOCS, blocks

WALKS = ("tutorial.md", "databases.md", "own-gate.md")
"""Their ``console`` blocks are run one after the other, with the files that stand above them."""


@pytest.mark.parametrize("name", WALKS)
def test_each_step_shows_what_it_does(tmp_path: Path, name: str) -> None:
    for block in blocks(DOCS / name):
        if block.name:
            path = tmp_path / block.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.info == ("console",):
            steps = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.body, re.MULTILINE)
            assert steps
            for command, shown in steps:
                printed = same(_run(command, tmp_path))
                assert re.fullmatch(pattern(shown), printed), f"$ {command}\n{printed}"


def _run(command: str, place: Path) -> str:
    """What a command prints where the package is installed."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=place,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout


def test_what_is_to_be_installed_exists() -> None:
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    asked = {
        extra
        for text in texts
        for extras in re.findall(r"pytest-vmsnapshot\[([\w,]+)\]", text)
        for extra in extras.split(",")
    }
    known = set(importlib.metadata.metadata("pytest-vmsnapshot").get_all("Provides-Extra") or ())
    assert "lint" in asked
    assert asked <= known
