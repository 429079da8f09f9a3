"""docs/command-line.md: complete, and its examples show what the commands really print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pytest_vmsnapshot.cli.main import COMMANDS
from pytest_vmsnapshot.cli.main import vmsnapshot as group

from ..shown import pattern, same

PAGE = (Path(__file__).resolve().parents[2] / "docs/command-line.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#+ +(.+?) *$", PAGE, re.MULTILINE)
FILES = re.findall(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def options(command: click.Command) -> list[str]:
    return [
        max(param.opts, key=len)
        for param in command.params
        if isinstance(param, click.Option) and not param.hidden
    ]


def command_named(name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def test_every_command_has_its_paragraph() -> None:
    assert [name for name in COMMANDS if f"`vmsnapshot {name}`" not in HEADINGS] == []
    listed = re.findall(r"^\| \[`vmsnapshot (\w+)`\]", PAGE, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_paragraph(name: str) -> None:
    text = "\n".join(HEADINGS)
    missing = [
        option for option in options(command_named(name)) if f"`{name} {option}`" not in text
    ]
    assert missing == []


def test_every_option_of_all_has_its_paragraph() -> None:
    assert [option for option in options(group) if f"`{option}`" not in "\n".join(HEADINGS)] == []


def test_every_option_told_of_exists() -> None:
    told = re.findall(r"^### `(\w+) (--[\w-]+)`", PAGE, re.MULTILINE)
    assert [
        (name, option) for name, option in told if option not in options(command_named(name))
    ] == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][2:])
def test_examples_show_what_is_printed(tmp_path: Path, block: str) -> None:
    for name, content in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONWARNINGS": "error",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert re.fullmatch(pattern(shown), same(done.stdout)), done.stdout
