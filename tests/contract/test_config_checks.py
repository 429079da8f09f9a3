"""What is read off a config and its files, without running anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_vmsnapshot.contract.checks_of_config import modes_and_owners, valid_config
from pytest_vmsnapshot.contract.contract import Contract

from .authored import contract, write

BROKEN = "no script would run, and each backup would be file-system-consistent only"
NAME = "VMSnapshotScriptPluginConfig.json"
RIGHT = "correct it; vmsnapshot init writes one that is right"

KEYS: list[tuple[dict[str, object], list[tuple[str, str]]]] = [
    ({}, []),
    ({"appName": "shop", "ScriptsExecutionPollTimeSeconds": 2}, []),
    (
        {"timeoutInSeconds": "30"},
        [(f"{NAME}: timeoutInSeconds is a string where a whole number is meant: {BROKEN}", RIGHT)],
    ),
    (
        {"continueBackupOnFailure": "false"},
        [
            (
                f"{NAME}: continueBackupOnFailure is the string 'false' where true or false is "
                f"meant, without quotes: {BROKEN}",
                RIGHT,
            )
        ],
    ),
    (
        {"timeoutinSeconds": 60},
        [
            (
                "'timeoutinSeconds' is no key of the framework, and is silently ignored",
                "write timeoutInSeconds",
            )
        ],
    ),
    ({"x": 1}, [("'x' is no key of the framework, and is silently ignored", "take it out")]),
    (
        {"preScriptParams": ["", ""]},
        [
            (
                'preScriptParams is ["", ""], as in the template: the script gets two empty '
                "arguments ($# is 2)",
                "write [] for a script without arguments",
            )
        ],
    ),
    (
        {"timeoutInSeconds": 7200},
        [
            (
                "timeoutInSeconds is 7200, but the extension cuts it to 1800 and stops waiting "
                "then",
                "write 1800 or less, and let the pre-script need no longer",
            )
        ],
    ),
    (
        {"preScriptLocation": "", "postScriptLocation": "", "preScriptParams": ["", ""]},
        [
            (
                f"{key} is empty, as in the template: no script would be found (302), and each "
                "backup would end with a warning",
                "write the path of the script on the VM",
            )
            for key in ("preScriptLocation", "postScriptLocation")
        ],
    ),
]


@pytest.mark.parametrize(("keys", "expected"), KEYS)
def test_valid_config(
    tmp_path: Path, keys: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    found = valid_config(contract(write(tmp_path, keys=keys))).problems
    assert [(problem.text, problem.remedy) for problem in found] == expected


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b"[]", "a list where an object is meant"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark; save it as UTF-8 without one"),
        (b"\xff{}", "not UTF-8: byte 0 cannot be decoded"),
    ],
)
def test_what_is_no_config(tmp_path: Path, content: bytes, phrase: str) -> None:
    config = write(tmp_path)
    config.write_bytes(content)
    problem, *_ = valid_config(contract(config)).problems
    assert problem.text == f"{NAME}: {phrase}: {BROKEN}"


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "pre.sh").unlink()
    (problem,) = valid_config(contract(config)).problems
    assert problem.text == (
        f"{tmp_path} has no pre.sh for preScriptLocation (/opt/app/pre.sh): what is not there "
        "cannot be tried"
    )
    assert problem.remedy == (
        'put it there, or write scripts = { "path on the VM" = "local path" } in vmsnapshot.toml'
    )


def test_scripts_by_a_table(tmp_path: Path) -> None:
    config = write(tmp_path, settings="scripts = { '/opt/app/pre.sh' = 'pre.sh' }\n")
    found = contract(config)
    assert found.script("pre") == tmp_path / "pre.sh"
    assert found.script("post") is None
    assert found.missing == (
        f"scripts in {tmp_path}/vmsnapshot.toml has no /opt/app/post.sh (postScriptLocation); "
        "add it",
    )
    assert found.cannot_run == "a script cannot be found (valid-config says which)"


def test_scripts_in_another_directory(tmp_path: Path) -> None:
    write(tmp_path / "src/app")
    config = write(tmp_path / "deploy", settings="scripts = '../src'\n")
    for name in ("pre.sh", "post.sh"):
        (tmp_path / "deploy" / name).unlink()
    found: Contract = contract(config)
    script = found.script("pre")
    assert script is not None
    assert script.resolve() == tmp_path / "src/app/pre.sh"


NOTE = (
    "judged as deployed with 600 and 700; if deployment keeps the modes of the local files, write "
    "as_files = true under [deployed]"
)


def test_modes_as_deployed(tmp_path: Path) -> None:
    assert modes_and_owners(contract(write(tmp_path))).notes == (NOTE,)
    settings = "[deployed]\nconfig_mode = '0644'\nscript_owner = 'backup'\n"
    found = modes_and_owners(contract(write(tmp_path, settings=settings))).problems
    assert [(problem.text, problem.remedy) for problem in found] == [
        (
            "the config has mode 644 where 600 is wanted: the config is refused, and no script "
            "runs",
            "deploy it with mode 600 (install -m 600 -o root)",
        ),
        (
            "the pre-script belongs to backup, not to root: the script is refused, and no script "
            "runs",
            "deploy it as root's (install -o root)",
        ),
        (
            "the post-script belongs to backup, not to root: the script is refused, and no script "
            "runs",
            "deploy it as root's (install -o root)",
        ),
    ]


def test_modes_as_the_files(tmp_path: Path) -> None:
    config = write(tmp_path, settings="[deployed]\nas_files = true\n")
    config.chmod(0o600)
    (tmp_path / "pre.sh").chmod(0o755)
    (tmp_path / "post.sh").chmod(0o700)
    found = modes_and_owners(contract(config)).problems
    modes = [problem.text for problem in found if " has mode " in problem.text]
    assert modes == [
        f"{tmp_path}/pre.sh has mode 755 where 700 is wanted: the script is refused, and no script "
        "runs"
    ]
    owners = [problem.text for problem in found if "belongs" in problem.text]
    assert len(owners) == (0 if os.geteuid() == 0 else 3)
