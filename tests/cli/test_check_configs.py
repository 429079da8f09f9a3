"""``vmsnapshot check``: what it makes of whatever items pytest has for a config."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, Ended

COLLECTOR = """
import json
import os
import signal

import pytest


def pytest_collect_file(file_path, parent):
    if file_path.name.endswith("Config.tiny"):
        if file_path.is_relative_to(parent.config.rootpath):
            return File.from_parent(parent, path=file_path)
        return File.from_parent(parent, path=file_path, nodeid=str(file_path))  # as configs do


class File(pytest.File):
    def collect(self):
        for name, does in json.loads(self.path.read_text()).items():
            yield Check.make(self, name, does)


class Check(pytest.Item):
    @classmethod
    def make(cls, parent, name, does):
        item = cls.from_parent(parent, name=name)
        item.does = does
        return item

    def runtest(self):
        if self.does == "double":
            self.told = {"doubled": {"mysql": "ready-made", "curl": "succeeds"}, "notes": ["more"]}
        elif self.does == "find":
            row = {
                "code": "VMS001",
                "severity": "error",
                "path": "deploy/pre.sh",
                "line": 3,
                "column": 1,
                "text": "the line ends with CR LF",
                "remedy": "save it with LF",
            }
            self.told = {"lint": [row]}
            raise pytest.fail.Exception("VMS001: found", pytrace=False)
        elif self.does == "skip":
            pytest.skip("shell alpine: busybox is not installed (Debian: apt-get install busybox)")
        elif self.does == "fail":
            print("printed")
            text = "the pre-script prints 70 KiB\\n  remedy: print less"
            raise pytest.fail.Exception(text, pytrace=False)
        elif self.does == "die":
            os._exit(3)
        elif self.does == "long":
            text = "\\n".join(f"line {number}" for number in range(1, 41))
            raise pytest.fail.Exception(text, pytrace=False)
        elif self.does == "crash":
            raise RuntimeError("a bug")
        elif self.does == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif self.does == "where":
            print(os.environ.get("PYTEST_ADDOPTS"), self.config.rootpath)
            raise pytest.fail.Exception("seen", pytrace=False)
"""

DRIVER = """
import json
import sys
from pathlib import Path

from pytest_vmsnapshot.cli import main, mistakes
from pytest_vmsnapshot.cli.check_configs import Telling, checked
from pytest_vmsnapshot.cli.check_session import Wanted

import click

wanted = json.loads(sys.argv[1])
show = json.loads(sys.argv[2])
configs = tuple(map(Path, wanted.pop("configs", ["deploy/Config.tiny"])))
lists = {key: tuple(value) for key, value in wanted.items() if isinstance(value, list)}
try:
    wanted = Wanted(configs, **{**wanted, **lists})
    if "sarif" in show:
        show["sarif"] = Path(show["sarif"])
    status = checked(wanted, Telling(**show), more=["-p", "tiny"])
except click.Abort:
    status = 130
except BrokenPipeError:
    status = 141
    import os
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
except click.ClickException as mistake:
    print(mistakes.told(mistake, "vmsnapshot"), file=sys.stderr)
    status = 2
sys.exit(status)
"""


class Project:
    """A project whose configs have checks as they are written in them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plugins = plugins = path / "plugins"
        plugins.mkdir()
        (plugins / "tiny.py").write_text(COLLECTOR)
        (plugins / "driver.py").write_text(DRIVER)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(plugins),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def config(self, checks: dict[str, str], directory: str = "deploy") -> None:
        (self.path / directory).mkdir()
        (self.path / directory / "Config.tiny").write_text(json.dumps(checks))

    def command(self, wanted: dict[str, object], show: dict[str, object]) -> list[str]:
        driver = str(self.plugins / "driver.py")
        return [sys.executable, "-W", "error", driver, json.dumps(wanted), json.dumps(show)]

    def check(self, show: dict[str, object] | None = None, **wanted: object) -> Ended:
        done = subprocess.run(
            self.command(wanted, show or {}),
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        text = re.sub(r"\d+\.\d+ s", "TIME", done.stdout)
        text = re.sub(r"\Avmsnapshot: guest namespaces .*\n(?:  .*\n)*", "", text)
        return Ended(done.returncode, text, done.stderr)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


ALL = {
    "valid-config": "double",
    "quiet": "fail",
    "shell[alpine]": "skip",
    "shell[debian]": "double",
}


def test_all_outcomes(project: Project) -> None:
    project.config(ALL)
    done = project.check()
    assert (done.status, done.err) == (1, "")
    assert done.out == (
        "deploy/Config.tiny\n"
        "  ok      valid-config\n"
        "  FAILED  quiet\n"
        "  skipped shell[alpine]: shell alpine: busybox is not installed (Debian: apt-get install "
        "busybox)\n"
        "  ok      shell[debian]\n"
        "\n"
        "quiet failed for deploy/Config.tiny\n"
        "  the pre-script prints 70 KiB\n"
        "    remedy: print less\n"
        "\n"
        "stand-ins answered for these commands (vmsnapshot.toml can say more of them):\n"
        "  mysql: ready-made\n"
        "  curl: succeeds\n"
        "4 checks: 2 ok, 1 failed, 1 skipped, in TIME\n"
    )


def test_what_is_skipped_for_one_reason_shares_a_line(project: Project) -> None:
    project.config({"shell[alpine]": "skip", "post-twice": "skip", "quiet": "", "undone": "skip"})
    why = "shell alpine: busybox is not installed (Debian: apt-get install busybox)\n"
    assert project.check().out.replace("\n          ", " ") == (
        "deploy/Config.tiny\n"
        f"  skipped shell[alpine], post-twice: {why}"
        "  ok      quiet\n"
        f"  skipped undone: {why}"
        "\n"
        "4 checks: 1 ok, 3 skipped, in TIME\n"
    )
    assert "\n  skipped post-twice: shell alpine: " in project.check({"verbose": True}).out


def test_all_is_well(project: Project) -> None:
    project.config({"valid-config": "", "quiet": ""})
    done = project.check()
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "deploy/Config.tiny\n  ok      valid-config\n  ok      quiet\n\n2 checks: 2 ok, in TIME\n"
    )


def test_more_is_told(project: Project) -> None:
    project.config({"quiet": "fail"})
    assert project.check({"verbose": True}).out == (
        "deploy/Config.tiny\n"
        "  FAILED  quiet (TIME)\n"
        "\n"
        "quiet failed for deploy/Config.tiny\n"
        "  the pre-script prints 70 KiB\n"
        "    remedy: print less\n"
        "  Captured stdout call:\n"
        "    printed\n"
        "\n"
        "1 check: 1 failed, in TIME\n"
    )


def test_as_json(project: Project) -> None:
    project.config(ALL)
    done = project.check({"as_json": True})
    facts = json.loads(done.out)
    assert done.status == 1
    assert facts["doubled"] == {"mysql": "ready-made", "curl": "succeeds"}
    assert facts["could_not_be_checked"] == []
    assert [(c["check"], c["name"], c["outcome"]) for c in facts["checks"]] == [
        ("valid-config", "valid-config", "ok"),
        ("quiet", "quiet", "failed"),
        ("shell", "shell[alpine]", "skipped"),
        ("shell", "shell[debian]", "ok"),
    ]
    quiet = facts["checks"][1]
    assert quiet["config"] == "deploy/Config.tiny"
    assert quiet["text"] == "the pre-script prints 70 KiB\n  remedy: print less"
    assert quiet["sections"] == [{"title": "Captured stdout call", "text": "printed\n"}]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"only": ["quiet"]}, ["quiet"]),
        ({"only": ["shell[debian]"]}, ["shell[debian]"]),
        ({"only": ["shell", "quiet"]}, ["quiet", "shell[alpine]", "shell[debian]"]),
        ({"skip": ["shell"], "processes": 2}, ["quiet", "valid-config"]),
        ({"keyword": "debian or valid"}, ["shell[debian]", "valid-config"]),
        (
            {"keyword": "shell", "only": ["shell"], "processes": 2},
            ["shell[alpine]", "shell[debian]"],
        ),
    ],
)
def test_selection(project: Project, wanted: dict[str, Any], names: list[str]) -> None:
    pytest.importorskip("xdist")
    project.config(ALL)
    done = project.check({"as_json": True}, **wanted)
    assert done.err == ""
    facts = json.loads(done.out)
    assert sorted(check["name"] for check in facts["checks"]) == names


def test_the_lint_in_short_and_in_full(project: Project) -> None:
    project.config({"lint[VMS001]": "", "lint[VMS002]": "", "quiet": "double"})
    assert project.check().out.startswith(
        "deploy/Config.tiny\n  ok      quiet\n  ok      lint (2 codes find nothing)\n\nstand-ins"
    )
    assert project.check({"verbose": True}).out.startswith(
        "deploy/Config.tiny\n"
        "  ok      lint[VMS001] (TIME)\n"
        "  ok      lint[VMS002] (TIME)\n"
        "  ok      quiet (TIME)\n"
        "          note: more\n\n"
    )


FOUND = {"lint[VMS001]": "find", "quiet": "fail"}


def test_annotations(project: Project) -> None:
    project.config(FOUND)
    done = project.check({"ci": "github"})
    assert done.out.endswith(
        "::error file=deploy/Config.tiny,title=quiet::the pre-script prints 70 KiB%0A  remedy: "
        "print less\n"
        "::error file=deploy/pre.sh,line=3,col=1,title=VMS001 line-ends::the line ends with CR LF; "
        "save it with LF\n"
        "vmsnapshot: github gets no page about this run: GITHUB_STEP_SUMMARY is not set\n"
    )


def test_issues_of_azure_and_a_page(project: Project) -> None:
    project.config(FOUND)
    project.environment |= {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(project.path)}
    *_, check, finding, page = project.check({"ci": "auto"}).out.splitlines()
    assert check == (
        "##vso[task.logissue type=error;sourcepath=deploy/Config.tiny;]quiet: the pre-script "
        "prints 70 KiB%0A  remedy: print less"
    )
    assert finding == (
        "##vso[task.logissue type=error;sourcepath=deploy/pre.sh;linenumber=3;columnnumber=1;]"
        "VMS001 line-ends: the line ends with CR LF; save it with LF"
    )
    text = Path(page.removeprefix("##vso[task.uploadsummary]")).read_text()
    assert text.startswith("### Backup scripts\n\n2 checks: 2 failed, in ")
    assert text.count("<details>") == 2


def test_annotations_beside_json(project: Project) -> None:
    project.config(FOUND)
    done = project.check({"ci": "github", "as_json": True})
    assert len(json.loads(done.out)["checks"]) == 2
    assert done.err.count("::error ") == 2


def test_findings_as_sarif_and_json(project: Project) -> None:
    project.config(FOUND)
    done = project.check({"sarif": "found.sarif", "as_json": True})
    (result,) = json.loads((project.path / "found.sarif").read_text())["runs"][0]["results"]
    assert result["ruleId"] == "VMS001"
    (finding,) = json.loads(done.out)["checks"][0]["findings"]
    assert (finding["code"], finding["line"]) == ("VMS001", 3)


def test_sarif_that_cannot_be_written(project: Project) -> None:
    project.config(FOUND)
    done = project.check({"sarif": "no/such/place"})
    assert done.status == 2
    assert done.err.startswith(
        "vmsnapshot: --sarif: no/such/place cannot be written: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("option", "name", "meant"),
    [("--only", "quite", "; is 'quiet' meant?"), ("--skip", "shell2[debian]", ".")],
)
def test_a_check_that_does_not_exist(
    vmsnapshot: Command, tmp_path: Path, option: str, name: str, meant: str
) -> None:
    (tmp_path / "Config.tiny").write_text("{}")
    done = vmsnapshot("check", tmp_path / "Config.tiny", option, name)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(
        f"vmsnapshot check: {option}: there is no check {name!r}{meant} There is: lint, valid-"
    )


def test_nothing_is_left_to_check(project: Project) -> None:
    project.config(ALL)
    done = project.check(keyword="wumpus")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("vmsnapshot: no check is left to run; see -k, --only and --skip\n")


def test_several_configs_in_several_processes(project: Project) -> None:
    pytest.importorskip("xdist")
    project.config(ALL, "one")
    project.config(ALL, "two")
    done = project.check(configs=["one/Config.tiny", "two/Config.tiny"], processes=2)
    assert (done.status, done.err) == (1, "")
    assert "\nquiet failed for one/Config.tiny\n  the pre-script prints 70 KiB\n" in done.out
    assert "\nquiet failed for two/Config.tiny\n  the pre-script prints 70 KiB\n" in done.out
    config = ""
    shown = set()
    for line in done.out.partition("\n\n")[0].splitlines():
        if line.startswith("  "):
            shown.add((config, line.split()[1].rstrip(":")))
        else:
            config = line
    assert shown == {(f"{name}/Config.tiny", check) for name in ("one", "two") for check in ALL}


@pytest.mark.parametrize("processes", [1, 2])
def test_configs_elsewhere_are_called_as_they_were_given(project: Project, processes: int) -> None:
    pytest.importorskip("xdist")
    project.config({"quiet": ""}, "one")
    project.config({"quiet": ""}, "two")
    (project.path / "here").mkdir()
    configs = ["../one/Config.tiny", str(project.path / "two/Config.tiny")]
    project.path /= "here"
    shown = project.check(configs=configs, processes=processes).out.splitlines()
    assert sorted(line for line in shown if "Config.tiny" in line) == configs


@pytest.mark.parametrize("name", ["a[b]", "a::b"])
def test_a_path_that_pytest_cannot_take(project: Project, name: str) -> None:
    project.config({"quiet": ""}, name)
    done = project.check(configs=[f"{name}/Config.tiny"])
    assert done.status == 1
    assert done.err.endswith(
        f"UsageError: {name}/Config.tiny: pytest takes '[' and '::' for the name of a test; rename "
        "what has them\n"
    )


def test_what_cannot_be_checked(project: Project) -> None:
    project.config({"quiet": ""})
    (project.path / "broken").mkdir()
    (project.path / "broken/Config.tiny").write_text("{,}")
    done = project.check(configs=["broken/Config.tiny", "deploy/Config.tiny"])
    assert done.status == 2
    assert "\nthis could not be checked\n" in done.out
    assert "JSONDecodeError" in done.out
    assert done.out.endswith("1 could not be checked, in TIME\n")


def test_a_process_that_crashes(project: Project) -> None:
    pytest.importorskip("xdist")
    project.config({"quiet": "die", "modes": ""})
    done = project.check(processes=2)
    assert done.status == 1
    assert "\nquiet failed for deploy/Config.tiny\n  worker 'gw" in done.out
    assert "  ok      modes\n" in done.out


def test_a_bug_is_a_failure_with_its_traceback(project: Project) -> None:
    project.config({"quiet": "crash"})
    done = project.check()
    assert done.status == 1
    said = done.out.partition("quiet failed for deploy/Config.tiny\n")[2]
    assert said.startswith("  RuntimeError: a bug\n    at ")
    assert ": this is no failed check but a bug; please report it\n" in said


def test_the_guest_is_named(project: Project) -> None:
    project.config({"quiet": ""})
    facts = json.loads(project.check({"as_json": True}).out)
    assert facts["guest"].startswith("vmsnapshot: guest namespaces (")


def test_a_long_story_is_cut_short(project: Project) -> None:
    project.config({"quiet": "long"})
    done = project.check()
    assert "\n  line 16\n  [24 more lines, with -v]\n" in done.out
    assert "\n  line 40\n" in project.check({"verbose": True}).out


# -- apart from all else ---------------------------------------------------------------------------


def test_pytest_as_the_user_has_set_it_up_does_not_count(project: Project) -> None:
    project.config({"quiet": "where"})
    ini = "[pytest]\naddopts = --no-such-option\nminversion = 99\n"
    for directory in (".", "deploy"):
        (project.path / directory / "pytest.ini").write_text(ini)
        (project.path / directory / "conftest.py").write_text("raise SystemExit('no')\n")
    project.environment |= {"PYTEST_ADDOPTS": "--neither", "PYTEST_PLUGINS": "no_such_plugin"}
    done = project.check({"verbose": True})
    assert (done.status, done.err) == (1, "")
    assert f"    None {project.path.resolve()}\n" in done.out


def test_nothing_is_written_into_the_project(project: Project) -> None:
    project.config(ALL)
    before = sorted(project.path.rglob("*"))
    project.check()
    assert sorted(project.path.rglob("*")) == before


def test_the_environment_is_as_it_was(project: Project) -> None:
    driver = project.path / "plugins/driver.py"
    text = driver.read_text().replace(
        "sys.exit(status)",
        "import os; print([os.environ.get(n) for n in ('PYTEST_ADDOPTS', 'PYTEST_PLUGINS', "
        "'PYTEST_DISABLE_PLUGIN_AUTOLOAD')])",
    )
    driver.write_text(text)
    project.config({"quiet": ""})
    project.environment |= {"PYTEST_ADDOPTS": "-x"}
    assert project.check().out.endswith("\n['-x', None, None]\n")


# -- how it ends -----------------------------------------------------------------------------------


def test_interrupted(project: Project) -> None:
    project.config({"quiet": "interrupt", "valid-config": ""})
    done = project.check()
    assert done.status == 130
    assert "valid-config" not in done.out


def test_a_reader_that_has_enough(project: Project) -> None:
    project.config({f"quiet[{number}]": "" for number in range(100)})
    with subprocess.Popen(
        project.command({}, {}),
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (141, -signal.SIGPIPE)


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_vm(vmsnapshot: Command, tmp_path: Path, command: str) -> None:
    """It is said once, with the ways out, and nothing is checked."""
    vmsnapshot("init", tmp_path / "backup")
    confined = Path(__file__).parent.parent / "guest" / "confined.py"
    python = [sys.executable, str(confined), "seccomp", sys.executable, "-W", "error"]
    done = subprocess.run(
        [*python, "-m", "pytest_vmsnapshot", command, "deploy"],
        cwd=tmp_path / "backup",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    said = "python -m pytest_vmsnapshot: no VM can be made on this machine:\n"
    assert done.stderr.startswith(said)
    assert "\nways out:\n" in done.stderr
