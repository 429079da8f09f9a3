"""Coverage of shell scripts, as a person sees it who runs pytest with coverage.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter_bash")

PRE = """\
#!/bin/sh
set -eu
. /opt/deploy/lib.sh
case "${1:-}" in
orders) drain "$1" ;;
*)
    echo nothing
    ;;
esac
if [ -e /nowhere ]; then
    echo never
fi
"""

LIB = """\
drain() {
    echo "draining $1"
}
unused() {  # pragma: no cover
    echo no
}
"""

POST = """\
#!/bin/bash
echo post
[[ -e /nowhere ]] &&
    echo never
exit 0
"""

TESTS = """\
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")


@pytest.mark.parametrize("parameters", [["orders"], []], ids=["orders", "none"])
def test_it(vm, parameters):
    vm.copy("deploy/lib.sh", "/opt/deploy/lib.sh")
    vm.install(pre="deploy/pre.sh", post="deploy/post.bash", pre_params=parameters)
    vm.backup().assert_application_consistent()


def test_nothing():
    pass
"""

RUN = "[run]\nplugins = pytest_vmsnapshot.shell_coverage\nsource = .\n"

SH = "in a twin VM (sh does not tell which line it executes)"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with scripts, one of which nobody runs."""
    for name in (
        "COV_CORE_SOURCE",
        "COV_CORE_CONFIG",
        "COV_CORE_DATAFILE",
        "COVERAGE_PROCESS_START",
    ):
        monkeypatch.delenv(name, raising=False)
    deploy = pytester.mkdir("deploy")
    (deploy / "pre.sh").write_text(PRE)
    (deploy / "lib.sh").write_text(LIB)
    (deploy / "post.bash").write_text(POST)
    (deploy / "unused").write_text("#!/usr/bin/env bash\necho never\n")
    (pytester.path / ".coveragerc").write_text(RUN)
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    pytester.makepyfile(test_it=TESTS)
    return pytester.path


def run(project: Path, *words: str) -> str:
    """Run a command of Python; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tried(project: Path, *words: str) -> str:
    """Run the tests as words begin; what is printed."""
    return run(project, *words, "-p", "no:cacheprovider", "-p", "no:randomly", "-W", "error")


def files(project: Path) -> dict[str, dict[str, object]]:
    """The JSON report, by file; Python files left out."""
    run(project, "coverage", "json", "-q", "-o", "out.json", "--show-contexts")
    found = json.loads((project / "out.json").read_text())["files"]
    return {name: told for name, told in found.items() if not name.endswith(".py")}


LINES = {
    "deploy/lib.sh": ([2], [], [5]),
    "deploy/post.bash": ([2, 3, 5], [4], []),
    "deploy/pre.sh": ([2, 3, 4, 5, 7, 10], [11], []),
    "deploy/unused": ([], [2], []),
}


def lines(project: Path) -> dict[str, tuple[list[int], list[int], list[int]]]:
    """Executed, missing and excluded lines; older reports show excluded ones as executed too."""
    found = {}
    for name, told in files(project).items():
        kinds = ("executed_lines", "missing_lines", "excluded_lines")
        executed, missing, excluded = (told[kind] for kind in kinds)
        assert isinstance(executed, list)
        assert isinstance(missing, list)
        assert isinstance(excluded, list)
        found[name] = ([line for line in executed if line not in excluded], missing, excluded)
    return found


HOW = {
    "coverage": ("coverage", "run", "-m", "pytest"),
    "coverage, branches": ("coverage", "run", "--branch", "-m", "pytest"),
    "coverage, in workers": ("coverage", "run", "-m", "pytest", "-n", "2"),
    "pytest-cov": ("pytest", "--cov", "--cov-report="),
    "pytest-cov, branches": ("pytest", "--cov", "--cov-branch", "--cov-report="),
    "pytest-cov, in workers": ("pytest", "--cov", "--cov-report=", "-n", "2"),
    "asked for": ("pytest", "-p", "no:pytest_cov", "--vmsnapshot-coverage=on"),
    "asked for, in workers": (
        *("pytest", "-p", "no:pytest_cov", "-n", "2", "--vmsnapshot-coverage=on"),
    ),
}


@pytest.mark.parametrize("how", HOW)
def test_scripts_are_in_the_data(project: Path, how: str) -> None:
    out = tried(project, *HOW[how])

    asked_only = "asked for" in how
    expected = {name: row for name, row in LINES.items() if name != "deploy/unused"}
    assert lines(project) == (expected if asked_only else LINES)
    assert f"coverage of scripts: 3 measured by bash {SH}\n" in out
    assert {path.name for path in project.glob(".coverage*")} == {".coverage", ".coveragerc"}


def test_branches(project: Path) -> None:
    tried(project, "coverage", "run", "--branch", "-m", "pytest")
    found = files(project)
    assert found["deploy/pre.sh"]["executed_branches"] == [[4, 5], [4, 7], [10, -1]]
    assert found["deploy/pre.sh"]["missing_branches"] == [[10, 11]]
    assert found["deploy/post.bash"]["missing_branches"] == [[3, 4]]
    assert found["deploy/unused"]["missing_branches"] == []


def test_contexts(project: Path) -> None:
    tried(project, "coverage", "run", "-m", "pytest")
    contexts = files(project)["deploy/pre.sh"]["contexts"]
    assert isinstance(contexts, dict)
    assert contexts["7"] == ["test_it.py::test_it[none]|pre-script|attempt 1"]
    assert sorted(contexts["2"]) == [
        "test_it.py::test_it[none]|pre-script|attempt 1",
        "test_it.py::test_it[orders]|pre-script|attempt 1",
    ]


def test_contexts_of_python_stay(project: Path) -> None:
    (project / ".coveragerc").write_text(f"{RUN}context = unit\ndynamic_context = test_function\n")
    tried(project, "coverage", "run", "-m", "pytest")
    contexts = files(project)["deploy/lib.sh"]["contexts"]
    assert contexts == {"2": ["unit|test_it.py::test_it[orders]|pre-script|attempt 1"]}
    run(project, "coverage", "json", "-q", "-o", "out.json", "--show-contexts")
    python = json.loads((project / "out.json").read_text())["files"]["test_it.py"]["contexts"]
    assert python["8"] == ["unit|test_it.test_it"]
    assert python["1"] == ["unit"]


REPORTS = {
    "report": "deploy/pre.sh 7 1 86% 11",
    "xml": '<class name="pre.sh" filename="deploy/pre.sh" complexity="0" line-rate="0.8571"',
    "lcov": "SF:deploy/pre.sh\nDA:2,1\nDA:3,1\nDA:4,1\nDA:5,1\nDA:7,1\nDA:10,1\nDA:11,0\n",
    "html": '<span class="key">case</span>',
}


def test_reports(project: Path) -> None:
    tried(project, "coverage", "run", "-m", "pytest")
    shown = {
        "report": " ".join(run(project, "coverage", "report", "-m").split()),
        "xml": run(project, "coverage", "xml", "-q", "-o", "-"),
        "lcov": run(project, "coverage", "lcov", "-q", "-o", "-"),
    }
    run(project, "coverage", "html", "-q")
    (page,) = [page for page in (project / "htmlcov").glob("*.html") if "pre_sh" in page.name]
    shown["html"] = page.read_text()
    assert [kind for kind, text in REPORTS.items() if text not in shown[kind]] == []
    assert "drain" in (project / "htmlcov" / "function_index.html").read_text()


def test_fail_under(project: Path) -> None:
    tried(project, "coverage", "run", "-m", "pytest")
    done = subprocess.run(
        [sys.executable, "-m", "coverage", "report", "--fail-under=100", "--include=deploy/*"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Coverage failure: total of 77 is less than fail-under=100" in done.stdout


SETTINGS = {
    "omit = deploy/l*": {"deploy/post.bash", "deploy/pre.sh", "deploy/unused"},
    "omit = */pre.sh\n    */unused": {"deploy/lib.sh", "deploy/post.bash"},
    "relative_files = true": set(LINES),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_are_honoured(project: Path, setting: str) -> None:
    (project / ".coveragerc").write_text(f"{RUN}{setting}\n")
    tried(project, "coverage", "run", "-m", "pytest")
    assert set(files(project)) == SETTINGS[setting]


def test_what_the_settings_leave_out_is_told(project: Path) -> None:
    (project / ".coveragerc").write_text(RUN.replace("source = .", "include = deploy/p*"))
    out = tried(project, "coverage", "run", "-m", "pytest")
    assert set(files(project)) == {"deploy/post.bash", "deploy/pre.sh"}
    assert (
        "coverage of scripts: deploy/lib.sh was run, but source, include or omit leave it out\n"
        in out
    )


def test_excluding_by_settings(project: Path) -> None:
    rest = "[report]\nexclude_also =\n    ^if .*nowhere\n"
    (project / ".coveragerc").write_text(RUN + rest)
    tried(project, "coverage", "run", "-m", "pytest")
    assert lines(project)["deploy/pre.sh"] == ([2, 3, 4, 5, 7], [], [10, 11])


def test_data_of_another_place_is_mapped(project: Path) -> None:
    tried(project, "coverage", "run", "-m", "pytest")
    elsewhere = project.with_name("elsewhere")
    project.rename(elsewhere)
    (elsewhere / ".coveragerc").write_text(f"{RUN}[paths]\nall =\n    .\n    {project}\n")
    try:
        (elsewhere / ".coverage").rename(elsewhere / ".coverage.one")
        run(elsewhere, "coverage", "combine", "-q")
        assert lines(elsewhere)["deploy/pre.sh"] == LINES["deploy/pre.sh"]
    finally:
        elsewhere.rename(project)


def test_without_the_plugin_nothing_is_written_and_the_setting_is_named(project: Path) -> None:
    (project / ".coveragerc").write_text("[run]\nsource = .\n")
    out = tried(project, "coverage", "run", "-m", "pytest")
    assert files(project) == {}
    assert (
        "coverage of scripts: none was measured in 2 backups; to have them measured, add "
        "pytest_vmsnapshot.shell_coverage to plugins in the section run of coverage.py's settings\n"
    ) in out


@pytest.mark.parametrize("how", [("coverage", "run", "-m", "pytest"), ("pytest",)])
def test_off(project: Path, how: tuple[str, ...]) -> None:
    out = tried(project, *how, "--vmsnapshot-coverage=off")
    assert "coverage of scripts" not in out


def test_nothing_is_measured_without_coverage(project: Path) -> None:
    assert "coverage of scripts" not in tried(project, "pytest")


def test_a_wrong_value(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nvmsnapshot_coverage = yes\n")
    result = pytester.runpytest_subprocess()
    result.stderr.fnmatch_lines(["ERROR: ini: vmsnapshot_coverage='yes' is none of auto, on, off"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


WITHOUT = "import sys\nsys.modules['tree_sitter'] = None\n"


def test_the_extra_is_missing(project: Path) -> None:
    (project / "sitecustomize.py").write_text(WITHOUT)
    told = (
        "coverage of shell scripts needs tree-sitter-bash: "
        'pip install "pytest-vmsnapshot[coverage]"'
    )
    environment = {**os.environ, "PYTHONPATH": str(project)}
    for words, status, shown in (
        (("pytest", "--vmsnapshot-coverage=on"), 4, f"ERROR: vmsnapshot_coverage=on: {told}"),
        (("coverage", "run", "-m", "pytest"), 1, told),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status
        assert shown in (done.stdout + done.stderr).splitlines()


def test_a_bash_script_is_measured_in_its_own_run(project: Path) -> None:
    (project / "deploy" / "pre.sh").write_text("#!/bin/bash\necho a\n")
    out = tried(project, "coverage", "run", "-m", "pytest")
    assert "coverage of scripts: 2 measured by bash\n" in out
    assert lines(project)["deploy/pre.sh"] == ([2], [], [])


CONFIG = {
    "pluginName": "ScriptRunner",
    "preScriptLocation": "/opt/deploy/pre.sh",
    "postScriptLocation": "/opt/deploy/post.bash",
    "preScriptParams": [],
    "postScriptParams": [],
    "preScriptNoOfRetries": 0,
    "postScriptNoOfRetries": 0,
    "timeoutInSeconds": 30,
    "continueBackupOnFailure": True,
    "fsFreezeEnabled": True,
}


def test_a_gate_and_a_scenario_are_measured(project: Path) -> None:
    (project / "test_it.py").unlink()
    (project / "deploy" / "pre.sh").write_text("#!/bin/sh\necho a\n")
    (project / "deploy" / "VMSnapshotScriptPluginConfig.json").write_text(json.dumps(CONFIG))
    (project / "one.vmsnapshot.toml").write_text(
        'install = { pre = "deploy/pre.sh", post = "deploy/post.bash" }\n'
        '[expect]\nconsistency = "application"\n'
    )
    config = "deploy/VMSnapshotScriptPluginConfig.json"
    words = ("--cov", "--cov-report=", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "one.vmsnapshot.toml", config],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    found = files(project)["deploy/pre.sh"]
    contexts = found["contexts"]
    assert isinstance(contexts, dict)
    tests_of = {context.split("::")[0] for context in contexts["2"]}
    assert tests_of == {config, "one.vmsnapshot.toml"}, done.stdout


def test_many_notes_are_many_only_with_v(project: Path) -> None:
    (project / "test_many.py").write_text(
        "import pytest\n\n"
        '@pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")\n'
        '@pytest.mark.parametrize("number", range(6))\n'
        "def test_many(vm, number):\n"
        f'    place = f"/opt/pre{{number}}.py"\n'
        f'    text = "#!{sys.executable}\\nprint()\\n"\n'
        '    vm.install(pre=text, post="#!/bin/sh\\n", pre_location=place)\n'
        "    vm.backup()\n"
    )
    words = ("--cov", "--cov-report=", "-p", "no:randomly", "test_many.py")
    notes = [line for line in tried(project, "pytest", *words).splitlines() if "of scripts" in line]
    assert len(notes) == 5
    assert notes[-1] == "coverage of scripts: 2 notes more: -v shows them"
    out = tried(project, "pytest", *words, "-v")
    assert out.count(f"what runs it, {Path(sys.executable).name}, cannot be traced") == 6


def test_a_path_that_is_no_text_is_told(project: Path) -> None:
    """coverage.py cannot store it."""
    (project / "deploy").rename(project / "de\udcff")
    tests = project / "test_it.py"
    tests.write_text(tests.read_text().replace('"deploy/', '"de\\udcff/'))
    out = tried(project, "pytest", "-p", "no:pytest_cov", "--vmsnapshot-coverage=on")
    told = "de\\xff/pre.sh is not measured: coverage.py takes paths in UTF-8 only\n"
    assert f"coverage of scripts: {told}" in out
