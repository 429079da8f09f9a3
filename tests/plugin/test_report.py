"""The option --vmsnapshot-report, and pieces for pytest-html."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.picture.browser import Browser
from tests.picture.conftest import browser as browser

TESTS = """
import pytest

OK = "#!/bin/sh\\n"

def test_good(vm):
    vm.install(pre="scripts/pre.sh", post=OK)
    vm.command("mysql")
    vm.backup()
    vm.backup()

def test_bad(vm):
    vm.install(pre="#!/bin/sh\\nexit 3\\n", post=OK)
    vm.backup().assert_application_consistent()

def test_memory(memory_vm):
    memory_vm.install(pre=lambda context: 0, post=lambda context: 0)
    memory_vm.backup()

def test_none():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(TESTS)
    pytester.mkdir("scripts").joinpath("pre.sh").write_text("#!/bin/sh\nmysql -e x\n")
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", *options)


def names(page: str) -> list[str]:
    return re.findall(r'<a href="#b\d+">[^<]*::(\w+)</a>', page.replace("<wbr>", ""))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_page_has_every_backup(project: pytest.Pytester, workers: str) -> None:
    result = run(project, "--vmsnapshot-report=out/report.html", "-n", workers)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["report of 4 backups in out/report.html"])
    page = (project.path / "out/report.html").read_text(encoding="utf-8")
    assert names(page)[0] == "test_bad"
    assert sorted(names(page)) == ["test_bad", "test_good", "test_good", "test_memory"]
    assert "/opt/scripts/pre.sh</a> from scripts/pre.sh" in page
    assert '<span data-line="2">mysql -e x\n' in page
    assert f"<title>Backups of {project.path.name}</title>" in page
    assert re.search(r"Made by pytest-vmsnapshot [\d.]+ on \d{4}-\d\d-\d\d at \d\d:\d\d UTC", page)


def test_the_shell_of_a_vm_is_told(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shell="""
        import pytest

        @pytest.mark.vm(shell="bash")
        def test_bash(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
            vm.backup()
        """
    )
    run(project, "--vmsnapshot-report=r.html", "test_shell.py").assert_outcomes(passed=1)
    assert '<td class="c-shell">bash</td>' in (project.path / "r.html").read_text()


def test_a_config_of_the_project_is_told_by_its_path(project: pytest.Pytester) -> None:
    (project.path / "config.json").write_text(
        '{"pluginName": "ScriptRunner", "preScriptLocation": "/opt/pre.sh"}'
    )
    project.makepyfile(
        test_config="""
        def test_config(vm):
            vm.install_config("config.json")
            vm.backup()
        """
    )
    run(project, "--vmsnapshot-report=r.html", "test_config.py").assert_outcomes(passed=1)
    page = (project.path / "r.html").read_text()
    assert "/etc/azure/VMSnapshotScriptPluginConfig.json</a> from config.json" in page


def test_without_backups_a_page_says_so(project: pytest.Pytester) -> None:
    result = run(project, "--vmsnapshot-report=r.html", "-k", "none")
    result.stdout.fnmatch_lines(["report of 0 backups in r.html"])
    assert "No backup was taken." in (project.path / "r.html").read_text()


def test_an_interrupted_run_has_a_page(project: pytest.Pytester) -> None:
    project.makepyfile(test_z="def test_stops():\n    raise KeyboardInterrupt\n")
    result = run(project, "--vmsnapshot-report=r.html", "-k", "test_memory or test_stops")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert names((project.path / "r.html").read_text()) == ["test_memory"]


def test_no_terminal_no_line_but_a_page(project: pytest.Pytester) -> None:
    run(project, "--vmsnapshot-report=r.html", "-k", "memory", "-p", "no:terminal")
    assert names((project.path / "r.html").read_text()) == ["test_memory"]


def test_a_test_that_changes_the_directory_does_not_move_the_page(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        test_moving="""
        import os

        def test_moving(tmp_path):
            os.chdir(tmp_path)
        """
    )
    run(project, "--vmsnapshot-report=r.html", "test_moving.py").assert_outcomes(passed=1)
    assert (project.path / "r.html").stat().st_size > 1000


def test_a_page_that_cannot_be_written_is_told_at_the_start(project: pytest.Pytester) -> None:
    (project.path / "file").touch()
    result = run(project, "--vmsnapshot-report=file/r.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --vmsnapshot-report: file/r.html cannot be written: File exists"]
    )
    result = run(project, "--vmsnapshot-report=scripts")
    result.stderr.fnmatch_lines(
        ["ERROR: --vmsnapshot-report: scripts cannot be written: Is a directory"]
    )


def test_a_page_that_cannot_be_written_any_more_fails_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_removing="""
        import os

        def test_removing():
            os.remove("r.html")
            os.mkdir("r.html")
        """
    )
    result = run(project, "--vmsnapshot-report=r.html", "test_removing.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["--vmsnapshot-report: r.html cannot be written: Is a directory"])


WITHOUT_JINJA = "import sys\nsys.modules['jinja2'] = None\n"


def test_what_is_missing_is_told_at_the_start(project: pytest.Pytester) -> None:
    project.makeconftest(WITHOUT_JINJA)
    result = run(project, "--vmsnapshot-report=r.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --vmsnapshot-report: the page is made by Jinja2, which is not installed: "
            "pip install 'pytest-vmsnapshot[[]report]'"
        ]
    )
    assert not (project.path / "r.html").exists()


# -- pytest-html ---------------------------------------------------------------------------------


@pytest.fixture
def with_html(project: pytest.Pytester) -> pytest.Pytester:
    pytest.importorskip("pytest_html", reason="needs pytest-html")
    return project


def pieces(path: Path) -> dict[str, str]:
    """What is beside each test in a report of pytest-html."""
    text = path.read_text(encoding="utf-8")
    blob = re.search(r'data-jsonblob="([^"]*)"', text)
    assert blob is not None
    told = json.loads(html.unescape(blob[1]))["tests"]
    return {
        name.rpartition("::")[2]: "".join(
            extra["content"]
            for row in rows
            for extra in row["extras"]
            if extra["format_type"] == "html"
        )
        for name, rows in told.items()
        if not name.endswith(("::setup", "::teardown"))
    }


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("mode", [(), ("--self-contained-html",)], ids=["files", "one-file"])
def test_pieces_for_pytest_html(
    with_html: pytest.Pytester, workers: str, mode: tuple[str, ...]
) -> None:
    run(with_html, "--html=h.html", *mode, "-n", workers).assert_outcomes(passed=3, failed=1)
    found = pieces(with_html.path / "h.html")
    assert {name: text.count('<svg class="timeline"') for name, text in found.items()} == {
        "test_good": 2,
        "test_bad": 1,
        "test_memory": 1,
        "test_none": 0,
    }
    assert "Pre-ScriptExecutionFailed (300)" in found["test_bad"]
    assert (with_html.path / "h.html").read_text().count("<style>.vmsnapshot {") == 1


def test_pytest_html_gets_no_pieces_without_jinja(with_html: pytest.Pytester) -> None:
    with_html.makeconftest(WITHOUT_JINJA)
    run(with_html, "--html=h.html", "-k", "memory").assert_outcomes(passed=1)
    assert pieces(with_html.path / "h.html") == {"test_memory": ""}


def test_pytest_html_that_is_not_asked_gets_nothing(with_html: pytest.Pytester) -> None:
    with_html.makeconftest(
        """
        def pytest_runtest_logreport(report):
            assert not hasattr(report, "extras") or not report.extras
        """
    )
    run(with_html, "-k", "memory").assert_outcomes(passed=1)


# -- the project's own examples ------------------------------------------------------------------

EXAMPLES = sorted(
    found.parent
    for found in (Path(__file__).resolve().parents[2] / "examples").glob("*/pytest.ini")
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_report_of_an_example_in_the_browser(
    browser: Browser, pytester: pytest.Pytester, example: Path
) -> None:
    """Every backup is found, nothing complains, and nothing is asked for from anywhere."""
    report = pytester.path / "report.html"
    result = pytester.runpytest_subprocess(
        *("-c", example / "pytest.ini", "--rootdir", example, example, "-p", "no:cacheprovider"),
        f"--vmsnapshot-report={report}",
    )
    said = re.search(r"^report of (\d+) backups? in ", result.stdout.str(), re.MULTILINE)
    assert said is not None
    count = int(said[1])
    assert count > 0
    with browser.open(report) as shown:
        assert shown.js("document.querySelectorAll('.all tbody tr').length") == count
        shown.js("document.querySelector('[data-open=\"1\"]').click()")
        assert shown.js("document.querySelectorAll('article svg.timeline').length") == count
        shown.js("for (const link of document.querySelectorAll('[data-file]')) link.click()")
        assert shown.complaints() == []
        assert shown.requests() == [report.as_uri()]
