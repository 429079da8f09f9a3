"""docs/contract.md: every check and key has its place, and its example shows what pytest shows."""

from __future__ import annotations

import fnmatch
import re
import sys
from pathlib import Path

import pytest

from pytest_vmsnapshot.contract.check import NAMES
from pytest_vmsnapshot.contract.settings import Settings, read_settings

PAGE = Path(__file__).resolve().parents[2] / "docs/contract.md"
TEXT = PAGE.read_text(encoding="utf-8")
README = PAGE.parents[1] / "README.md"
_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(_FILE.findall(TEXT))
SHOWN = _SHOWN.findall(TEXT)
COMMAND = re.findall(r"^```sh\npytest (.*?)\n```$", TEXT, re.MULTILINE)


def test_every_check_has_its_paragraph() -> None:
    headings = re.findall(r"^### (.*)$", TEXT, re.MULTILINE)
    told = [re.sub(r"\[.*", "", name) for name in re.findall(r"`([^`]+)`", " ".join(headings))]
    assert list(dict.fromkeys(told)) == ["lint", *NAMES]


def test_every_key_is_in_the_table(tmp_path: Path) -> None:
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"`(\w+)`", " ".join(r.split("|")[1] for r in table.splitlines())))
    fields = set(Settings.__dataclass_fields__) - {"path", "beside", "stage"}
    stage = {"files", "directories", "commands", "ready_made", "volumes", "run"}
    assert told == fields | stage


def test_the_settings_shown_are_right(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    file = tmp_path / "vmsnapshot.toml"
    file.write_text(shown)
    settings = read_settings(file, NAMES)
    assert settings.share == 0.8
    assert settings.stage.commands[0].name == "docker"


def write_example(place: Path) -> None:
    for name, text in FILES.items():
        file = place / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def assert_shown(blocks: list[str], lines: list[str]) -> None:
    """Each line of each block is there, in this order; ``…`` stands for anything."""
    for shown in blocks:
        rest = iter(line.rstrip() for line in lines)
        for line in filter(None, shown.splitlines()):
            pattern = line.replace("[", "[[]").replace("…", "*")
            assert any(fnmatch.fnmatchcase(real, pattern) for real in rest), line


def test_the_example_shows_what_pytest_shows(pytester: pytest.Pytester) -> None:
    write_example(pytester.path)
    (command,) = COMMAND
    result = pytester.runpytest_subprocess("-p", "no:randomly", *command.split())
    assert_shown(SHOWN, result.outlines)


def test_the_readme_shows_what_the_command_shows(pytester: pytest.Pytester) -> None:
    write_example(pytester.path)
    text = README.read_text(encoding="utf-8")
    assert ("deploy/pre.sh", FILES["deploy/pre.sh"]) in _FILE.findall(text)
    (command,) = re.findall(r"^vmsnapshot (check .*)$", text, re.MULTILINE)
    words = [sys.executable, "-m", "pytest_vmsnapshot", *command.split()]
    result = pytester.run(*words)
    assert result.ret == 1
    assert_shown(_SHOWN.findall(text)[:1], result.outlines)
