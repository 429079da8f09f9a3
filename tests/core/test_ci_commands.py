"""What GitHub and Azure are told, and what they read back."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.asked import CI_WORDS
from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.ci import azure, github
from pytest_vmsnapshot.ci.annotation import Annotation, Level, of_tests
from pytest_vmsnapshot.ci.markdown import Detail, Page, cell, preformatted, text_of
from pytest_vmsnapshot.ci.service import WORDS, Service, asked_for, repository
from pytest_vmsnapshot.ci.telling import commands, page_of_tests, publish
from pytest_vmsnapshot.records import BackupSummary, TestOutcome, TestSummary

ROOT = Path("/repo")
FULL = Annotation(Level.ERROR, "100%: a;b]\r\nc", "t,i:t;l]e", "a,b:c;d].sh", 3, 5)

# -- commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "for_github", "for_azure"),
    [
        (
            FULL,
            "::error file=a%2Cb%3Ac;d].sh,line=3,col=5,title=t%2Ci%3At;l]e::100%25: a;b]%0D%0Ac",
            "##vso[task.logissue type=error;sourcepath=a,b:c%3Bd%5D.sh;linenumber=3;"
            "columnnumber=5;]t,i:t;l]e: 100%AZP25: a;b]%0D%0Ac",
        ),
        (
            Annotation(Level.WARNING, "text", "title", "a.sh"),
            "::warning file=a.sh,title=title::text",
            "##vso[task.logissue type=warning;sourcepath=a.sh;]title: text",
        ),
        (Annotation(Level.NOTICE, "text"), "::notice::text", ""),
        (
            Annotation(Level.ERROR, "modes: not so", "modes"),
            "::error title=modes::modes: not so",
            "##vso[task.logissue type=error;]modes: not so",
        ),
        (Annotation(Level.ERROR, ""), "::error::", "##vso[task.logissue type=error;]"),
    ],
)
def test_commands(annotation: Annotation, for_github: str, for_azure: str) -> None:
    assert list(github.commands(annotation)) == [for_github]
    assert "".join(azure.commands(annotation)) == for_azure


def read_by_github(line: str) -> tuple[dict[str, str], str]:
    """As ``ActionCommand.TryParseV2`` does it."""
    assert line.startswith("::")
    info, _, data = line[2:].partition("::")
    properties = dict(part.split("=", 1) for part in info.partition(" ")[2].split(",") if part)
    escapes = (("%0D", "\r"), ("%0A", "\n"), (":", ":"), ("%25", "%"))
    for escape, char in escapes:
        data = data.replace(escape, char)
    more = (*escapes[:2], ("%3A", ":"), ("%2C", ","), escapes[-1])
    for name, value in properties.items():
        for escape, char in more:
            value = value.replace(escape, char)
        properties[name] = value
    return properties, data


def read_by_azure(line: str) -> tuple[dict[str, str], str]:
    """As ``Command.TryParse`` does it."""
    assert line.startswith("##vso[")
    info, _, data = line.removeprefix("##vso[").partition("]")
    properties = dict(part.split("=", 1) for part in info.partition(" ")[2].split(";") if part)
    escapes = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))
    for escape, char in escapes:
        data = data.replace(escape, char)
        properties = {name: value.replace(escape, char) for name, value in properties.items()}
    return properties, data


HOSTILE = st.lists(
    st.sampled_from(
        ["%", "%0A", "%25", "%AZP25", "%3B", ";", "]", ",", ":", "=", "\r", "\n", "##vso["]
    )
    | st.characters(exclude_categories=["Cs"]),
    max_size=9,
).map("".join)


@given(HOSTILE, HOSTILE, HOSTILE.filter(bool))
def test_what_is_read_back_is_what_was_said(text: str, title: str, file: str) -> None:
    annotation = Annotation(Level.ERROR, text, title, file, 7)
    (line,) = github.commands(annotation)
    assert not re.search(r"[\r\n]", line)
    told = {"file": file, "line": "7"} | ({"title": title} if title else {})
    assert read_by_github(line) == (told, text)
    (line,) = azure.commands(annotation)
    assert not re.search(r"[\r\n]", line)
    whole = f"{title}: {text}" if title and not text.startswith(f"{title}:") else text
    assert read_by_azure(line) == ({"type": "error", "sourcepath": file, "linenumber": "7"}, whole)


def test_errors_come_first() -> None:
    levels = (Level.NOTICE, Level.WARNING, Level.ERROR, Level.WARNING)
    told = [Annotation(level, str(number)) for number, level in enumerate(levels)]
    assert list(commands(Service.GITHUB, told)) == [
        "::error::2",
        "::warning::1",
        "::warning::3",
        "::notice::0",
    ]


# -- which CI --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "environ", "service"),
    [
        ("auto", {}, None),
        ("auto", {"GITHUB_ACTIONS": "true"}, Service.GITHUB),
        ("auto", {"GITHUB_ACTIONS": ""}, None),
        ("auto", {"TF_BUILD": "True"}, Service.AZURE),
        ("auto", {"TF_BUILD": "False"}, None),
        ("off", {"GITHUB_ACTIONS": "true"}, None),
        ("azure", {"GITHUB_ACTIONS": "true"}, Service.AZURE),
        ("github", {}, Service.GITHUB),
    ],
)
def test_which_ci(word: str, environ: dict[str, str], service: Service | None) -> None:
    assert asked_for(word, environ) is service


def test_the_plugin_knows_the_same_words() -> None:
    assert WORDS == CI_WORDS


def test_the_root_of_the_repository() -> None:
    inside = Path("/w/repo/backend")
    assert repository(Service.GITHUB, {"GITHUB_WORKSPACE": "/w/repo"}, inside) == Path("/w/repo")
    assert repository(Service.AZURE, {"BUILD_SOURCESDIRECTORY": "/w"}, inside) == Path("/w")
    assert repository(Service.AZURE, {"GITHUB_WORKSPACE": "/w/repo"}, inside) == inside
    assert repository(Service.GITHUB, {"GITHUB_WORKSPACE": "/other"}, inside) == inside


# -- tests -----------------------------------------------------------------------------------------

GOOD = BackupSummary(
    1, 1, Status.COMPLETED, Consistency.APPLICATION, (), "documented", "memory", 1.0, 0.5
)
VERDICT = "a file-system-consistent backup\n  Pre-ScriptTimeout (308): x\n  remedy: wait"
LATE = replace(
    GOOD,
    status=Status.COMPLETED_WITH_WARNINGS,
    consistency=Consistency.FILE_SYSTEM,
    errors=("Pre-ScriptTimeout",),
    verdict=VERDICT,
)
LOST = replace(
    GOOD,
    number=2,
    status=Status.FAILED,
    consistency=Consistency.NONE,
    errors=("A", "B"),
    verdict="a failed backup",
)


def a_test(
    name: str, *backups: BackupSummary, message: str = "", failed: bool = True
) -> TestSummary:
    outcome = TestOutcome.FAILED if failed else TestOutcome.PASSED
    return TestSummary(f"t.py::{name}", outcome, backups, "t.py", 4, message)


def test_the_worst_test_comes_first() -> None:
    tests = [
        a_test("passed", LOST, failed=False),
        a_test("good", GOOD, message="AssertionError: 1 == 2"),
        a_test(
            "late",
            LATE,
            message="AssertionError: expected\n  Pre-ScriptTimeout (308): x\n  remedy: wait",
        ),
        a_test("none"),
        a_test("lost", GOOD, LOST, message="::error::no ##vso[a.b]"),
    ]
    assert list(of_tests(tests, ROOT / "sub", ROOT)) == [
        Annotation(
            Level.ERROR,
            "\\x3a:error::no \\x23#vso[a.b]\nbackup 2: a failed backup",
            "lost: A, B",
            "sub/t.py",
            4,
        ),
        Annotation(
            Level.ERROR,
            "AssertionError: expected\n  Pre-ScriptTimeout (308): x\n  remedy: wait",
            "late: Pre-ScriptTimeout",
            "sub/t.py",
            4,
        ),
        Annotation(Level.ERROR, "AssertionError: 1 == 2", "good", "sub/t.py", 4),
    ]


# -- pages -----------------------------------------------------------------------------------------


@given(st.text())
def test_a_cell_says_what_it_was_given(text: str) -> None:
    shown = cell(text)
    inner = shown.removeprefix("<code>").removesuffix("</code>")
    assert not set(inner) & set("|`*_\\[]()<>~@\r\n\"'")
    if text.isprintable() and "::" not in text and "##" not in text:
        assert html.unescape(inner) == text


@given(st.text())
def test_text_is_no_html(text: str) -> None:
    inner = preformatted(text).removeprefix("<pre>\n").removesuffix("\n</pre>")
    assert not set(inner) & set("<>\"'")


def test_a_page() -> None:
    tests = [
        a_test("a|b", LATE, message="why <b>"),
        a_test("c", GOOD, failed=False),
        a_test("expected", LATE, failed=False),
    ]
    page = page_of_tests(tests)
    assert page is not None
    assert text_of(page, 10_000) == (
        "### Backups\n\n"
        "3 backups: 1 application, 2 file-system (1 expected); 3.0 s of VM time in 1.5 s\n\n"
        "| test | backup | consistency | error | VM time |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| <code>t&#46;py&#58;&#58;a&#124;b</code> |  | "
        "<code>file-system</code> | <code>Pre-ScriptTimeout</code> | <code>1&#46;0 s</code> |\n\n"
        "<details><summary><code>t&#46;py&#58;&#58;a&#124;b</code></summary>\n\n"
        "<pre>\nwhy &lt;b&gt;\n\n"
        "a file-system-consistent backup\n  Pre-ScriptTimeout (308): x\n  remedy: wait\n</pre>\n\n"
        "</details>\n"
    )


def test_no_page_without_backups() -> None:
    assert page_of_tests([a_test("none")]) is None


LONG = Page("Backups", "many", ("test",), [(f"test {n}",) for n in range(1000)], [Detail("a", "b")])


@pytest.mark.parametrize("limit", [300, 1000, 5000, 20_000])
def test_what_has_no_room_is_counted(limit: int) -> None:
    text = text_of(LONG, limit)
    assert len(text.encode()) <= limit
    shown = text.count("<code>test ")
    assert text.endswith(f"\n{1001 - shown} more rows and texts had no room on this page.\n")


def test_no_room_at_all() -> None:
    assert text_of(LONG, 100) == ""
    assert text_of(LONG, -5) == ""


# -- where it is put -------------------------------------------------------------------------------

PAGE = Page("Backups", "one", (), ())


def test_a_page_for_github_is_appended(tmp_path: Path) -> None:
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
    assert list(publish(Service.GITHUB, PAGE, environ)) == []
    assert list(publish(Service.GITHUB, PAGE, environ)) == []
    assert (tmp_path / "step.md").read_text() == "### Backups\n\none\n\n### Backups\n\none\n"


def test_a_page_for_github_that_is_full(tmp_path: Path) -> None:
    file = tmp_path / "step.md"
    file.write_bytes(b"x" * (github.LIMIT - 1000))
    environ = {"GITHUB_STEP_SUMMARY": str(file)}
    assert list(publish(Service.GITHUB, LONG, environ)) == []
    assert file.stat().st_size <= github.LIMIT
    file.write_bytes(b"x" * github.LIMIT)
    assert list(publish(Service.GITHUB, LONG, environ)) == [
        "vmsnapshot: github gets no page about this run: this step's page is full"
    ]
    assert file.stat().st_size == github.LIMIT


def test_a_page_for_azure_is_a_file_of_its_own(tmp_path: Path) -> None:
    environ = {"AGENT_TEMPDIRECTORY": str(tmp_path)}
    lines = [*publish(Service.AZURE, PAGE, environ), *publish(Service.AZURE, PAGE, environ)]
    files = [Path(line.removeprefix("##vso[task.uploadsummary]")) for line in lines]
    assert len(set(files)) == 2
    for file in files:
        assert file.name == "Backups.md"
        assert file.parent.parent == tmp_path
        assert file.parent.stat().st_mode & 0o777 == 0o755
        assert file.read_text() == "### Backups\n\none\n"


@pytest.mark.parametrize(
    ("service", "variable"),
    [(Service.GITHUB, "GITHUB_STEP_SUMMARY"), (Service.AZURE, "AGENT_TEMPDIRECTORY")],
)
def test_no_place_for_a_page(service: Service, variable: str, tmp_path: Path) -> None:
    start = f"vmsnapshot: {service.value} gets no page about this run: "
    assert list(publish(service, PAGE, {})) == [f"{start}{variable} is not set"]
    place = tmp_path / "no" / "such"
    assert list(publish(service, PAGE, {variable: str(place)})) == [
        f"{start}{place} cannot be written: No such file or directory"
    ]
