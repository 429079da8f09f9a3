"""``vmsnapshot.toml``: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot import DeclarationError
from pytest_vmsnapshot.contract.check import NAMES
from pytest_vmsnapshot.contract.settings import Deployed, Settings, read_settings, settings_near

from .authored import write


def read(place: Path, text: str) -> Settings:
    file = place / "vmsnapshot.toml"
    file.write_text(text)
    return read_settings(file, NAMES)


def mistakes(place: Path, text: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read(place, text)
    return [mistake.removeprefix(f"{place}/") for mistake in caught.value.mistakes]


def test_nothing_said(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings(path=tmp_path / "vmsnapshot.toml")


def test_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "pre.sh").write_text("")
    settings = read(
        tmp_path,
        """
        skip = ["undone", "lint"]
        ignore = ["VMS001"]
        shells = ["suse"]
        share = 1
        may_fail = ["logger"]
        real = ["curl"]
        keep = ["/srv/*"]
        scripts = { "/opt/pre.sh" = "pre.sh" }

        [deployed]
        as_files = true
        config_mode = "0400"
        script_owner = 1000

        [commands.docker]
        stdout = "x"
        """,
    )
    assert (settings.skip, settings.ignore, settings.shells) == (
        ("undone", "lint"),
        ("VMS001",),
        ("suse",),
    )
    assert (settings.share, settings.may_fail, settings.real) == (1.0, ("logger",), ("curl",))
    assert settings.keep == ("/var/log/**", "/srv/*")
    assert settings.scripts == {"/opt/pre.sh": tmp_path / "pre.sh"}
    assert settings.deployed == Deployed(True, 0o400, "root", 0o700, 1000)
    assert settings.stage.commands[0].usual.stdout == "x"


def test_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    text = """\
skip = ["undon", "everything"]
shels = ["debian"]
share = 1.5
may_fail = "logger"
ignore = ["VMS1"]

[deployed]
config_mode = 600
"""
    known = ", ".join((*NAMES, "lint"))
    assert mistakes(tmp_path, text) == [
        'vmsnapshot.toml:1: skip has "undon"; is "undone" meant?',
        f'vmsnapshot.toml:1: skip has "everything"; write one of {known}',
        "vmsnapshot.toml:2: this file has no key 'shels'; is shells meant?",
        "vmsnapshot.toml:3: share is 1.5; write a part of the time limit, such as 0.5",
        'vmsnapshot.toml:4: may_fail is "logger"; write ["logger"]',
        "vmsnapshot.toml:5: ignore: there is no code 'VMS1' (is VMS001 meant?)",
        'vmsnapshot.toml:8: deployed.config_mode is 600; write 0o600, or "0600"',
    ]


def test_scripts_that_are_not_there(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "scripts = { '/pre.sh' = 'none.sh', 'post.sh' = 'x' }\n") == [
        f'vmsnapshot.toml:1: scripts."/pre.sh" is "none.sh", but there is no {tmp_path}/none.sh',
        "vmsnapshot.toml:1: scripts has the key 'post.sh'; write an absolute path on the VM",
    ]


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    config = write(tmp_path / "a/b")
    (tmp_path / "vmsnapshot.toml").write_text("share = 0.1\n")
    assert settings_near(config, tmp_path, NAMES).share == 0.1
    (tmp_path / "a/vmsnapshot.toml").write_text("share = 0.2\n")
    assert settings_near(config, tmp_path, NAMES).share == 0.2


def test_above_the_project_nothing_counts(tmp_path: Path) -> None:
    config = write(tmp_path / "a/b")
    (tmp_path / "vmsnapshot.toml").write_text("share = 0.1\n")
    assert settings_near(config, tmp_path / "a", NAMES) == Settings()
