"""docs/ci-output.md: its commands print what they are said to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs/ci-output.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w./-]+)`:\n\n```[\w ]*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][2:])
def test_examples_show_what_is_printed(tmp_path: Path, block: str) -> None:
    for name, content in FILES:
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider -p no:randomly\n")
    for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "COLUMNS": "100",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert re.fullmatch(_pattern(shown), _same(done.stdout)), done.stdout


def _pattern(shown: str) -> str:
    """What must be printed; three dots stand for any lines, or for anything in a line."""
    lines = [
        "(?:.*\n)*" if line == "..." else re.escape(f"{line}\n").replace(r"\.\.\.", ".*")
        for line in _same(shown).splitlines()
    ]
    return "".join(lines)


def _same(text: str) -> str:
    """What is printed, without what differs from run to run."""
    text = re.sub(r"\b\d+(?:(?:\.|&#46;)\d)? m?s\b", "TIME", text)
    text = re.sub(r'(seconds" value=)"\d+\.\d{3}"', r'\1"TIME"', text)
    return re.sub(r" +\[ *\d+%\]$", "", text, flags=re.MULTILINE)


def test_every_property_has_its_row() -> None:
    rows = set(re.findall(r"^\| `vmsnapshot\.(?:backup\.N\.)?([\w-]+)` \|", PAGE, re.MULTILINE))
    shown = set(re.findall(r'^name="vmsnapshot\.(?:backup\.1\.)?([\w-]+)"', PAGE, re.MULTILINE))
    assert rows == shown
