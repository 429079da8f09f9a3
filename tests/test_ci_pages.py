"""YAML on the pages about CI is YAML, and what it runs is what the README says and what exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml

from pytest_vmsnapshot.cli.main import vmsnapshot as group

from .test_docs import PAGES, ROOT, Block, blocks

YAML = [block for page in PAGES for block in blocks(page) if block.info[:1] == ("yaml",)]
README = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def commands(node: Any) -> Iterator[str]:
    """What the steps of a file run, each a line of a shell."""
    if isinstance(node, list):
        for item in node:
            yield from commands(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script", "before_script"):
                for text in [value] if isinstance(value, str) else value:
                    yield from text.splitlines()
            else:
                yield from commands(value)


RUN = [line for block in YAML for line in commands(yaml.safe_load(block.body))]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.id)
def test_it_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.body), dict)


def test_pages_of_three_systems_have_some() -> None:
    pages = {block.page.name for block in YAML}
    assert pages >= {"tutorial.md", "github-actions.md", "gitlab.md", "azure-devops.md"}


def test_what_is_installed_is_what_the_readme_says() -> None:
    """Besides what the README has, a page may want the picture."""
    installs = {line for line in RUN if line.startswith("pip install")}
    assert {line.replace(",report]", "]") for line in installs} == {
        line for line in README if line.startswith("pip install")
    }


def test_the_gate_is_the_readme_s() -> None:
    (gate,) = [line for line in README if line.startswith("vmsnapshot check ")]
    checks = [line for line in RUN if line.startswith("vmsnapshot check")]
    assert checks
    assert [line for line in checks if not f"{line} ".startswith(f"{gate} ")] == []


@pytest.mark.parametrize("line", sorted({line for line in RUN if line.startswith("vmsnapshot ")}))
def test_commands_and_their_options_exist(line: str) -> None:
    _, name, *words = shlex.split(line.replace("$(", "").replace(")", ""))
    command = group.get_command(click.Context(group), name)
    assert command is not None
    known = {option for param in command.params for option in param.opts}
    assert [word for word in words if word.startswith("-") and word not in known] == []


def test_options_of_pytest_exist(pytester: pytest.Pytester) -> None:
    text = "\n".join(pytester.runpytest("--help").outlines)
    asked = {word for line in RUN for word in re.findall(r"--[a-z][\w-]+", line)}
    ours = {option for option in asked if option.startswith("--vmsnapshot")}
    assert ours
    assert [option for option in sorted(ours) if option not in text] == []
