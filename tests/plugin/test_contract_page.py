"""docs/contract.md: every check and key has its place, and its example shows what pytest shows."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from pytest_vmsnapshot.contract.check import NAMES
from pytest_vmsnapshot.contract.settings import Settings, read_settings

PAGE = Path(__file__).resolve().parents[2] / "docs/contract.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
SHOWN = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
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


def test_the_example_shows_what_pytest_shows(pytester: pytest.Pytester) -> None:
    for name, text in FILES.items():
        file = pytester.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    (command,) = COMMAND
    result = pytester.runpytest_subprocess("-p", "no:randomly", *command.split())
    lines = [line.rstrip() for line in result.outlines]
    for shown in SHOWN:
        rest = iter(lines)
        for line in filter(None, shown.splitlines()):
            pattern = line.replace("[", "[[]").replace("…", "*")
            assert any(fnmatch.fnmatchcase(real, pattern) for real in rest), line
