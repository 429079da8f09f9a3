"""``vmsnapshot run``: one backup from a config, in words and as JSON, and its exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import STOCK_TEMPLATE, Backup, Consistency

from .conftest import Command, Ended

OK = "#!/bin/sh\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, pre: str = OK, post: str = OK, **changes: Any) -> None:
    deploy = project / "deploy"
    deploy.mkdir()
    config = {
        **STOCK_TEMPLATE,
        "preScriptLocation": "/opt/app/pre.sh",
        "postScriptLocation": "/opt/app/post.sh",
        **changes,
    }
    (deploy / "VMSnapshotScriptPluginConfig.json").write_text(json.dumps(config))
    (deploy / "pre.sh").write_text(pre)
    (deploy / "post.sh").write_text(post)


def read(done: Ended) -> Backup:
    return Backup.from_json(done.out)


def test_in_words(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\necho resting\n")
    done = vmsnapshot("run", "deploy/VMSnapshotScriptPluginConfig.json")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("An application-consistent backup\n")
    assert " pre-script   /opt/app/pre.sh" in done.out
    assert done.out.endswith("resting\n")


def test_as_json(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\nexit 3\n")
    done = vmsnapshot("run", "deploy", "--json")
    assert (done.status, done.err) == (1, "")
    backup = read(done)
    assert [error.code for error in backup.errors] == [300]
    facts = json.loads(done.out)
    assert facts["as_expected"] is False
    assert facts["config"] == "deploy/VMSnapshotScriptPluginConfig.json"
    assert facts["scripts"] == {
        "/opt/app/pre.sh": "deploy/pre.sh",
        "/opt/app/post.sh": "deploy/post.sh",
    }
    assert facts["left_behind"] == []
    assert facts["explained"] == backup.explain()


def test_a_config_that_is_no_json_is_a_verdict(project: Path, vmsnapshot: Command) -> None:
    write(project)
    (project / "deploy/VMSnapshotScriptPluginConfig.json").write_text("{,}")
    done = vmsnapshot("run", "deploy")
    assert done.status == 1
    assert "IncorrectJSONConfigFile (305)" in done.out


def test_the_vm_is_as_asked_for(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\nexit 3\n", continueBackupOnFailure=False)
    done = vmsnapshot("run", "deploy", "--json", "--disks", 1, "--clock", "real")
    backup = read(done)
    assert (backup.consistency, backup.clock) == (Consistency.CRASH, "real")
    backup = read(vmsnapshot("run", "deploy", "--json", "--rules", "shipped", "--shell", "dash"))
    assert (backup.consistency, backup.rules) == (Consistency.NONE, "shipped")


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ("application", 1),
        ("file-system", 0),
        ("crash", 1),
        ("Pre-ScriptTimeout", 0),
        ("Post-ScriptTimeout", 1),
    ],
)
def test_what_is_expected(project: Path, vmsnapshot: Command, expected: str, status: int) -> None:
    write(project, "#!/bin/sh\nsleep 60\n", timeoutInSeconds=30)
    assert vmsnapshot("run", "deploy", "--expect", expected).status == status


LEFT = "#!/bin/sh\nsleep 1000 > /dev/null 2>&1 &\n"


def test_what_is_left_behind_counts(project: Path, vmsnapshot: Command) -> None:
    write(project, LEFT)
    done = vmsnapshot("run", "deploy")
    assert done.status == 1
    assert done.out.startswith("An application-consistent backup\n")
    said = " ".join(done.out.split("this counts as a failure, too:\n")[1].split())
    assert said.startswith("processes: still running after the backup: sleep 1000 ")
    assert said.endswith("where that is meant: --allow processes")
    facts = json.loads(vmsnapshot("run", "deploy", "--json").out)
    assert (facts["as_expected"], len(facts["left_behind"])) == (False, 1)


def test_what_is_left_behind_can_be_allowed(project: Path, vmsnapshot: Command) -> None:
    write(project, LEFT)
    assert vmsnapshot("run", "deploy", "--allow", "processes").status == 0


# -- where scripts lie -----------------------------------------------------------------------------


def test_scripts_in_another_directory(project: Path, vmsnapshot: Command) -> None:
    write(project)
    for name in ("pre.sh", "post.sh"):
        (project / "src/app").mkdir(parents=True, exist_ok=True)
        (project / "deploy" / name).rename(project / "src/app" / name)
    facts = json.loads(vmsnapshot("run", "deploy", "--scripts", "src", "--json").out)
    assert facts["scripts"]["/opt/app/pre.sh"] == "src/app/pre.sh"
    assert facts["as_expected"] is True


def test_scripts_one_by_one(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\n. /opt/app/lib.sh\nquiesce\n")
    (project / "lib.sh").write_text("quiesce() { echo sourced; }\n")
    (project / "other.sh").write_text(OK)
    done = vmsnapshot(
        *("run", "deploy", "--json"),
        *("--scripts", "/opt/app/lib.sh=lib.sh", "--scripts", "/opt/app/post.sh=other.sh"),
    )
    assert done.status == 0
    backup = read(done)
    assert backup.pre is not None
    assert backup.pre.stdout == "sourced\n"
    assert json.loads(done.out)["scripts"]["/opt/app/post.sh"] == "other.sh"


def test_scripts_that_are_not_there(project: Path, vmsnapshot: Command) -> None:
    write(project)
    (project / "deploy/pre.sh").unlink()
    (project / "deploy/post.sh").unlink()
    done = vmsnapshot("run", "deploy")
    config = "deploy/VMSnapshotScriptPluginConfig.json"
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "vmsnapshot: 2 mistakes:\n"
        f"  - {config}: preScriptLocation is /opt/app/pre.sh, and there is no pre.sh in deploy; "
        "put it there, or write --scripts DIR, or --scripts /opt/app/pre.sh=LOCAL\n"
        f"  - {config}: postScriptLocation is /opt/app/post.sh, and there is no post.sh in deploy; "
        "put it there, or write --scripts DIR, or --scripts /opt/app/post.sh=LOCAL\n"
    )


def test_scripts_as_the_settings_say(project: Path, vmsnapshot: Command) -> None:
    write(project)
    (project / "src").mkdir()
    (project / "deploy/pre.sh").rename(project / "src/quiesce.sh")
    (project / "deploy/vmsnapshot.toml").write_text(
        '[scripts]\n"/opt/app/pre.sh" = "../src/quiesce.sh"\n"/opt/app/post.sh" = "post.sh"\n'
    )
    done = vmsnapshot("run", "deploy", "--json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)["scripts"]["/opt/app/pre.sh"].endswith("src/quiesce.sh")


def test_settings_that_are_wrong(project: Path, vmsnapshot: Command) -> None:
    write(project)
    (project / "deploy/vmsnapshot.toml").write_text("shels = ['debian']\n")
    done = vmsnapshot("run", "deploy")
    assert (done.status, done.out) == (2, "")
    assert "is shells meant?" in done.err


# -- commands that are not here --------------------------------------------------------------------


def test_commands_are_doubled(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\nno-such-program rest\nmysql -e 'SELECT 1'\n")
    done = vmsnapshot("run", "deploy")
    assert (done.status, done.err) == (0, "")
    assert "  no-such-program rest → 0\n" in done.out
    assert done.out.endswith(
        "\nstand-ins answered for these commands (vmsnapshot.toml can say more of them):\n"
        "  mysql: ready-made\n"
        "  no-such-program: succeeds, and prints nothing\n"
    )
    facts = json.loads(vmsnapshot("run", "deploy", "--json").out)
    assert facts["doubled"]["no-such-program"] == "succeeds, and prints nothing"


def test_a_call_that_nobody_expects(project: Path, vmsnapshot: Command) -> None:
    write(project, "#!/bin/sh\napp drop || :\n")
    (project / "deploy/vmsnapshot.toml").write_text(
        '[commands.app]\nonly_expected = true\npatterns = { "pause" = {} }\n'
    )
    done = vmsnapshot("run", "deploy")
    assert done.status == 1
    assert "  unexpected-call: app drop; nobody expected it\n" in done.out
    assert vmsnapshot("run", "deploy", "--allow", "unexpected-call").status == 0


# -- mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "CONFIG is missing; one lies in deploy; write that directory"),
        (
            ["nowhere"],
            "CONFIG: nowhere is not there; one lies in deploy; write that directory",
        ),
        (
            ["."],
            "CONFIG: VMSnapshotScriptPluginConfig.json is not there; one lies in deploy; write "
            "that directory",
        ),
        (
            ["deploy/pre.sh"],
            "CONFIG: deploy/pre.sh is no config, for its name does not end in .json; write the "
            "path of the config, or the directory it lies in",
        ),
        (
            ["deploy", "--scripts", "/opt/app/pre.sh=gone.sh"],
            "--scripts: gone.sh is no file here (/opt/app/pre.sh=gone.sh)",
        ),
        (
            ["deploy", "--scripts", "gone"],
            "--scripts: gone is no directory here; write one, or the script's path on the VM and "
            "its local file, as /opt/app/pre.sh=deploy/pre.sh",
        ),
        (
            ["deploy", "--guest", "rotless"],
            "--guest: there is no guest 'rotless'; is 'rootless' meant? There is: auto, root, "
            "subids, rootless, sudo, in-place",
        ),
        (
            ["deploy", "--rules", "strict"],
            "--rules: there is no rule set 'strict'. There is: documented, shipped",
        ),
    ],
)
def test_mistakes(project: Path, vmsnapshot: Command, words: list[str], expected: str) -> None:
    write(project)
    done = vmsnapshot("run", *words)
    assert (done.status, done.out) == (2, "")
    assert (
        done.err == f"vmsnapshot run: {expected}\nvmsnapshot run --help tells what can be written\n"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], "CONFIG is missing"), (["gone"], "CONFIG: gone is not there")],
)
def test_no_config_far_and_near(
    pytester: pytest.Pytester, vmsnapshot: Command, words: list[str], expected: str
) -> None:
    assert vmsnapshot("run", *words).err.splitlines()[0] == (
        f"vmsnapshot run: {expected}; write the path of a config, or the directory in which one "
        "lies as VMSnapshotScriptPluginConfig.json; vmsnapshot init writes a first one"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may read everything")
def test_root_reads_what_others_may_not(project: Path, vmsnapshot: Command) -> None:
    write(project)
    (project / "deploy/VMSnapshotScriptPluginConfig.json").chmod(0o000)
    assert vmsnapshot("run", "deploy").status == 0


def test_a_vm_that_cannot_be_had(project: Path, vmsnapshot: Command) -> None:
    """In place is refused where /etc/azure exists, and to all but root."""
    write(project)
    done = vmsnapshot("run", "deploy", "--guest", "in-place", "--shell", "dash")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("vmsnapshot: ")


# -- interrupted -----------------------------------------------------------------------------------


def test_interrupted(project: Path) -> None:
    """Nothing of the VM is left."""
    token = f"{os.getpid()}.{os.urandom(4).hex()}"
    write(project, f"#!/bin/sh\n: {token}\nexec sleep 1000\n", timeoutInSeconds=900)
    ours, theirs = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_vmsnapshot", "run", "deploy", "--clock", "real"],
        env={**os.environ, "VMSNAPSHOT_TEST_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[theirs],
    ) as process:
        os.close(theirs)
        while not any(words[:1] == ["sleep"] for words in _below(process.pid)):
            assert process.poll() is None
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "\n"
        assert os.read(ours, 1) == b""  # nobody has the other end any more
    os.close(ours)


def _below(pid: int) -> list[list[str]]:
    """What descends from a process, each as its words."""
    found: list[list[str]] = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode("utf-8", "replace").split("\0")
                if _descends(int(entry), pid):
                    found.append(words)
            except OSError:
                continue
    return found


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    return False


ERROR = (
    "title=vmsnapshot run deploy/VMSnapshotScriptPluginConfig.json%3A Pre-ScriptExecutionFailed::"
    "the backup is not what was expected%0Aa file-system-consistent backup%0A  "
    "Pre-ScriptExecutionFailed (300): /opt/app/pre.sh: exit status 3%0A  decided by: "
)


def test_a_ci_is_told(project: Path, vmsnapshot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "step.md"))
    write(project, "#!/bin/sh\nexit 3\n")
    assert "::error" not in vmsnapshot("run", "deploy").out
    assert not (project / "step.md").exists()
    done = vmsnapshot("run", "deploy", "--ci", "auto")
    (line,) = [line for line in done.out.splitlines() if line.startswith("::")]
    assert line.startswith("::error file=deploy/VMSnapshotScriptPluginConfig.json," + ERROR)
    page = (project / "step.md").read_text()
    assert page.startswith("### Backups\n\n1 backup: 1 file-system; ")
    done = vmsnapshot("run", "deploy", "--ci", "github", "--expect", "file-system", "--json")
    assert done.status == 0
    assert "::" not in done.err
    page = (project / "step.md").read_text().removeprefix(page)
    assert page.startswith("\n### Backups\n\n1 backup: 1 file-system (expected); ")


HOSTILE = """\
#!/bin/sh
printf '%s\\n' '::stop-commands::x' '  ::error::a' '##[error]b' 'c ##vso[task.complete]d'
mysql '##vso[task.complete]e'
exit 3
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_scripts_have_no_say_in_ci(project: Path, vmsnapshot: Command, options: list[str]) -> None:
    write(project, HOSTILE)
    done = vmsnapshot("run", "deploy", *options)
    assert done.status == 1
    assert "vso[task.complete]d" in done.out
    for mark in ("##vso[", "##["):
        assert mark not in done.out
    assert [line for line in done.out.splitlines() if line.lstrip().startswith("::")] == []
    if options:
        backup = read(done)
        assert backup.pre is not None
        assert "c ##vso[task.complete]d\n" in backup.pre.stdout
