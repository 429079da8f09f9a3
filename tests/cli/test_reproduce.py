"""``vmsnapshot reproduce``: from a log to cases, in words and as JSON, and its exit status."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_vmsnapshot.scenario import load_cases

from ..conformance.vector import SHARED, load
from ..extension_log.assembled import NAME, START, Generation, log_of
from .conftest import Command

VECTORS = {vector.id: vector for vector in load(SHARED)}
GOOD = "mx-pre_ok-post_ok-contT-fsT-snap_ok-freeze_ok"
FAILING = "mx-pre_fail-post_timeout-contT-fsT-snap_ok-freeze_ok"


def log(*names: str) -> str:
    """A log of some backups, one each day."""
    return "".join(
        log_of(VECTORS[name], Generation.TODAY, START + timedelta(days=day), f"task-{day}")
        for day, name in enumerate(names)
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "extension.log").write_text(log(GOOD, FAILING))
    return tmp_path


WORDS = """\
extension.log: 126 lines, 2 backups

2024-01-14T22:16:48  extension.log:1 to extension.log:61
  as logged   application-consistent (Enable Succeeded with App Consistent Snapshot)
  system      debian
  settings    timeoutInSeconds 6 (looked at every 3 s), continueBackupOnFailure true,
              fsFreezeEnabled true, preScriptParams ["", ""], postScriptParams ["", ""],
              preScriptNoOfRetries 0, postScriptNoOfRetries 0
  pre-script  /etc/azure/preScript.sh (mode 700): exit status 0
  post-script /etc/azure/postScript.sh (mode 700): exit status 0
  freeze      /data, /: frozen
  here        reproduced: the same in every field
  next        run it with the real files: --config CONFIG --scripts DIR

2024-01-15T22:16:48  extension.log:63 to extension.log:124
  as logged   file-system-consistent, code 300 (Enable Succeeded)
  system      debian
  settings    timeoutInSeconds 6 (looked at every 3 s), continueBackupOnFailure true,
              fsFreezeEnabled true, preScriptParams ["", ""], postScriptParams ["", ""],
              preScriptNoOfRetries 0, postScriptNoOfRetries 0
  pre-script  /etc/azure/preScript.sh (mode 700): exit status 1
  post-script /etc/azure/postScript.sh (mode 700): timed out
  freeze      /data, /: frozen
  here        reproduced: the same in every field
  next        run it with the real files: --config CONFIG --scripts DIR

not understood: 1 line of 1 kind
  extension.log:126: what is this 17 (once)

2 reproduced
"""


def test_in_words(project: Path, vmsnapshot: Command) -> None:
    with (project / "extension.log").open("a") as file:
        file.write(f"2024-01-16 00:00:00 [{NAME}]what is this 17\n")
    done = vmsnapshot("reproduce", "extension.log")
    assert (done.status, done.err) == (0, "")
    assert done.out == WORDS
    assert list(project.iterdir()) == [project / "extension.log"], "nothing is written unasked"


def test_what_is_written_is_a_test(project: Path, vmsnapshot: Command) -> None:
    done = vmsnapshot("reproduce", "extension.log", "-o", "incident.vmsnapshot.toml")
    assert done.status == 0
    assert "  test        pytest incident.vmsnapshot.toml -k 2024-01-14T22:16:48\n" in done.out
    words = [sys.executable, "-m", "pytest", "-q", "-W", "error", "incident.vmsnapshot.toml"]
    ended = subprocess.run(
        [*words, "-k", "2024-01-15T22:16:48"], capture_output=True, text=True, check=False
    )
    assert "1 passed, 1 deselected" in ended.stdout, ended.stdout
    text = Path("incident.vmsnapshot.toml").read_text()
    assert text.startswith("# What extension.log says of 2 backups.\n\n[[case]]\n")


def test_as_json(project: Path, vmsnapshot: Command) -> None:
    done = vmsnapshot("reproduce", "extension.log", "--json", "--last", "1")
    assert (done.status, done.err) == (0, "")
    facts = json.loads(done.out)
    assert facts["files"] == ["extension.log"]
    assert facts["not_understood"] == []
    (backup,) = facts["backups"]
    assert backup["outcome"] == "reproduced"
    assert backup["task"] == "task-1"
    assert backup["became"] == "file-system-consistent, code 300"
    assert backup["settings"][0]["timeoutInSeconds"] == 6
    fields = {row["field"]: row for row in backup["fields"]}
    assert fields["error"] == {"field": "error", "logged": "300", "here": "300", "agrees": True}
    assert fields["post-script"]["here"] == "timed out"


def test_from_standard_input(project: Path) -> None:
    words = [sys.executable, "-m", "pytest_vmsnapshot", "reproduce", "-", "--last", "1"]
    given = (project / "extension.log").read_text()
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("stdin: 125 lines, 1 backup\n")


def test_on_standard_output(project: Path, vmsnapshot: Command) -> None:
    done = vmsnapshot("reproduce", "extension.log", "--last", "1", "-o", "-")
    assert done.out.startswith("# What extension.log says of one backup.\n\nname = ")
    assert done.err.endswith("1 reproduced\n")
    Path("piped.vmsnapshot.toml").write_text(done.out)
    assert [case.name for case in load_cases(Path("piped.vmsnapshot.toml"))] == [
        "2024-01-15T22:16:48"
    ]


def test_rotated_parts_are_found(project: Path, vmsnapshot: Command) -> None:
    lines = (project / "extension.log").read_text().splitlines(keepends=True)
    (project / "extension.log.2.gz").write_bytes(gzip.compress("".join(lines[:20]).encode()))
    (project / "extension.log.1").write_text("".join(lines[20:70]))
    (project / "extension.log").write_text("".join(lines[70:]))
    done = vmsnapshot("reproduce", "extension.log")
    assert done.status == 0
    assert done.out.startswith(
        "extension.log.2.gz, extension.log.1, extension.log: 125 lines, 2 backups\n"
    )
    alone = vmsnapshot("reproduce", "extension.log", "--alone")
    assert alone.out.startswith("extension.log: 55 lines, 1 backup\n")
    assert "  here        reproduced as far as the log goes\n" in alone.out
    assert alone.status == 0


# -- with the author's own files -------------------------------------------------------------------


def own_files(project: Path, pre: str, timeout: int = 6) -> None:
    deploy = project / "deploy"
    deploy.mkdir()
    config = {
        "pluginName": "ScriptRunner",
        "preScriptLocation": "/etc/azure/preScript.sh",
        "postScriptLocation": "/etc/azure/postScript.sh",
        "preScriptParams": ["", ""],
        "postScriptParams": ["", ""],
        "preScriptNoOfRetries": 0,
        "postScriptNoOfRetries": 0,
        "timeoutInSeconds": timeout,
        "continueBackupOnFailure": True,
        "fsFreezeEnabled": True,
    }
    (deploy / "VMSnapshotScriptPluginConfig.json").write_text(json.dumps(config))
    (deploy / "preScript.sh").write_text(pre)
    (deploy / "postScript.sh").write_text("#!/bin/sh\nsleep 60\n")


def test_the_real_files_do_the_same(project: Path, vmsnapshot: Command) -> None:
    own_files(project, "#!/bin/sh\nexit 1\n")
    words = ("reproduce", "extension.log", "--last", 1, "--config", "deploy")
    done = vmsnapshot(*words, "-o", "deploy/incident.vmsnapshot.toml")
    assert done.status == 0, done.out
    assert "  here        reproduced: the same in every field\n" in done.out
    assert "--config CONFIG" not in done.out
    text = Path("deploy/incident.vmsnapshot.toml").read_text()
    assert 'source = "preScript.sh"' in text
    assert "stands in" not in text


def test_the_real_files_do_otherwise(project: Path, vmsnapshot: Command) -> None:
    own_files(project, "#!/bin/sh\nexit 0\n", timeout=60)
    done = vmsnapshot("reproduce", "extension.log", "--last", 1, "--config", "deploy")
    assert done.status == 1
    assert (
        "  here        NOT reproduced:\n              error: 300 in the log, 301 here\n"
    ) not in done.out
    assert "  here        NOT reproduced:\n" in done.out
    assert "              pre-script: exit status 1 in the log, exit status 0 here\n" in done.out
    assert "  differences timeoutInSeconds: 6 in the log, 60 in the config given\n" in done.out
    assert "  next        these files do otherwise than those on the VM: compare them\n" in done.out
    assert done.out.endswith("1 not reproduced\n")


def test_one_script_by_its_path(project: Path, vmsnapshot: Command) -> None:
    Path("mine.sh").write_text("#!/bin/sh\nexit 1\n")
    done = vmsnapshot(
        *("reproduce", "extension.log", "--last", 1, "--scripts", "/etc/azure/preScript.sh=mine.sh")
    )
    assert done.status == 0
    note = "no local file for /etc/azure/postScript.sh: a stand-in takes its place"
    assert f"  stand-ins   {note}\n" in done.out


def test_the_shell_is_that_of_the_vm(project: Path, vmsnapshot: Command) -> None:
    """A script for bash fails under the sh of Debian, which the log names, and not under bash."""
    own_files(project, "#!/bin/bash\nlist=(a b)\nexit 0\n")
    words = ("reproduce", "extension.log", "--last", 1, "--config", "deploy")
    done = vmsnapshot(*words)
    told = "pre-script: exit status 1 in the log, exit status"
    assert f"{told} 2 here\n" in done.out
    assert f"{told} 0 here\n" in vmsnapshot(*words, "--shell", "rhel").out


# -- mistakes --------------------------------------------------------------------------------------


def test_no_log(project: Path, vmsnapshot: Command) -> None:
    done = vmsnapshot("reproduce", "nothing.log")
    wanted = "vmsnapshot: nothing.log cannot be read: No such file or directory\n"
    assert (done.status, done.out, done.err) == (2, "", wanted)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Jan 14 kernel: hello\nJan 14 kernel: again\n", "2 lines"),
        ("Jan 14 kernel: hello\n", "1 line"),
    ],
)
def test_no_backup(project: Path, vmsnapshot: Command, text: str, lines: str) -> None:
    Path("other.log").write_text(text)
    done = vmsnapshot("reproduce", "other.log")
    assert (done.status, done.out, done.err) == (
        2,
        "",
        f"vmsnapshot: other.log: no backup is told of in {lines}; the first that is not known is "
        "other.log:1: Jan 14 kernel: hello (once). The lines of an extension.log are such as "
        f"'2024-01-14 22:16:48.792020 [{NAME}]starting daemon initially'\n",
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "case.toml",
            "case.toml: pytest finds cases in files named *.vmsnapshot.toml; write "
            "case.vmsnapshot.toml",
        ),
        (
            "there.vmsnapshot.toml",
            "there.vmsnapshot.toml is there already; write --force to overwrite it",
        ),
        ("a/b.vmsnapshot.toml", "a/b.vmsnapshot.toml: a is no directory; make it first"),
        ("dir.vmsnapshot.toml", "dir.vmsnapshot.toml is there already; write another name"),
    ],
)
def test_where_it_cannot_be_written(
    project: Path, vmsnapshot: Command, name: str, told: str
) -> None:
    Path("there.vmsnapshot.toml").write_text("mine\n")
    Path("dir.vmsnapshot.toml").mkdir()
    done = vmsnapshot("reproduce", "extension.log", "-o", name)
    assert (done.status, done.out, done.err) == (2, "", f"vmsnapshot: {told}\n")
    assert Path("there.vmsnapshot.toml").read_text() == "mine\n"


def test_overwritten_where_that_is_wanted(project: Path, vmsnapshot: Command) -> None:
    Path("there.vmsnapshot.toml").write_text("mine\n")
    words = ("reproduce", "extension.log", "--last", 1, "--force")
    assert vmsnapshot(*words, "-o", "there.vmsnapshot.toml").status == 0
    assert len(load_cases(Path("there.vmsnapshot.toml"))) == 1
