"""The page as text: what stands on it, what it keeps apart, and what it never lets through."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from pathlib import Path

import pytest

from pytest_vmsnapshot import catalogue
from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.catalogue import NamedError
from pytest_vmsnapshot.findings import Finding, FindingKind
from pytest_vmsnapshot.picture import fragment, page, styles
from pytest_vmsnapshot.picture.glossary import anchor_of, explained
from pytest_vmsnapshot.records import CoveredLines, FileText, TestOutcome

from .hostile import BYTES, TEXTS
from .made import attempt, backup, printing, record, run

TIMED_OUT = NamedError(catalogue.PRE_TIMEOUT, "stopped at its limit of 30 s")
FELL_BACK = backup(
    consistency=Consistency.FILE_SYSTEM,
    status=Status.COMPLETED_WITH_WARNINGS,
    errors=(TIMED_OUT,),
)
FAILED = backup(
    consistency=Consistency.NONE,
    status=Status.FAILED,
    errors=(NamedError(catalogue.SNAPSHOT_FAILED, ""),),
    unreported=(NamedError(catalogue.POST_EXECUTION_FAILED, "exit status 1"),),
)


def texts(page: str) -> str:
    """What a reader sees, on one line."""
    page = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_a_run_without_backups_is_told_as_such() -> None:
    text = texts(page([], "Backups of shop", "Made today."))
    assert (
        text == "Backups of shop Skip to the table Backups of shop No backup was taken. Made today."
    )


def test_a_test_that_took_none_is_listed() -> None:
    skipped = record(test="test_a.py::test_b", outcome=TestOutcome.SKIPPED, message="no guest\nx")
    text = texts(page([skipped], "t"))
    assert "Tests with a VM and no backup test_a.py::test_b: skipped: no guest" in text


def test_all_in_a_sentence() -> None:
    made = page([record(backup(), FELL_BACK), record(FAILED)], "t")
    assert (
        "3 backups in 2 tests: 1 application-consistent, 1 file-system-consistent, 1 failed; "
        "63 ms on the VMs' clocks in 90 ms of real time."
    ) in texts(made)


def test_failures_come_first_and_several_backups_are_numbered() -> None:
    records = [
        record(backup(), backup(number=2), test="good"),
        record(FELL_BACK, test="bad", outcome=TestOutcome.FAILED),
        record(backup(), test="known", outcome=TestOutcome.XFAILED),
    ]
    made = page(records, "t")
    rows = re.findall(r"<tr data-number.*?</tr>", made, flags=re.DOTALL)
    assert [texts(row) for row in rows] == [
        "✗ failed bad - documented dash file-system Pre-ScriptTimeout 21 ms 30 ms",
        "✓ passed good backup 1 - documented dash application - 21 ms 30 ms",
        "✓ passed good backup 2 - documented dash application - 21 ms 30 ms",
        "✗ failed as expected known - documented dash application - 21 ms 30 ms",
    ]
    assert made.count("<details open>") == 1  # the one that failed
    assert '<b class="o-failed">1 of ' in made


def test_a_config_of_the_usual_name_is_told_by_its_directory() -> None:
    name = "VMSnapshotScriptPluginConfig.json"
    config = FileText(f"/etc/azure/{name}", "{}", f"shop/deploy/{name}")
    made = page([record(backup(), config=config)], "t")
    assert '<td class="c-config">shop/<wbr>deploy</td>' in made
    assert f"from shop/deploy/{name}" in texts(made)


def test_a_backup_is_told() -> None:
    found = (Finding(FindingKind.UNITS, "the unit db is stopped"),)
    made = backup(
        consistency=Consistency.FILE_SYSTEM,
        status=Status.COMPLETED_WITH_WARNINGS,
        errors=(TIMED_OUT,),
        modelled=("the freeze was simulated",),
        faults=("the disk is full",),
        findings=found,
    )
    text = texts(page([record(made, message="it broke\nhere", outcome=TestOutcome.FAILED)], "t"))
    for part in (
        "A file-system-consistent backup Pre-ScriptTimeout (308): stopped at its limit of 30 s "
        "Decided by: both scripts succeeded (documented rules) "
        "Remedy: find out what it waits for, or raise timeoutInSeconds in the config "
        "21 ms on the VM's clock, 30 ms real",
        "The test failed, test_orders.py:7: it broke here",
        "fault the test asked for the disk is full",
        "found units: the unit db is stopped",
        "modelled the freeze was simulated",
        "the extension reports status success, result 0, error 0, precheck 0",
        "VM namespaces (root), clock virtual, storage pause-and-copy, /bin/sh dash",
        "0.010 s pre-script exit status 0",
    ):
        assert part in text


def test_what_azure_is_not_told_is_said() -> None:
    text = texts(page([record(FAILED)], "t"))
    assert "A failed backup SnapshotFailed (76): the snapshot of every disk failed" in text
    assert "Azure is not told: Post-ScriptExecutionFailed (301): exit status 1" in text


def test_each_error_is_explained_once_and_linked() -> None:
    made = page([record(FELL_BACK, FELL_BACK, FAILED)], "t")
    targets = re.findall(r'href="#(error-[\w-]+)"', made)
    assert set(targets) == {"error-308", "error-76", "error-301"}
    assert all(made.count(f'id="{target}"') == 1 for target in targets)
    assert "Pre-ScriptTimeout (308) The pre-script ran past its time limit. documented" in texts(
        made
    )


def test_every_error_there_is_can_be_explained() -> None:
    found = explained(NamedError(kind, "") for kind in catalogue.CATALOGUE)
    assert len({one.anchor for one in found}) == len(catalogue.CATALOGUE)
    for one in found:
        labels = [label for label, text in one.rows if text]
        assert {"what follows", "remedy"} <= set(labels)
        assert len(labels) == len(one.rows)
    assert anchor_of(catalogue.CONFIG_TYPES) == "error-304-of-config"


def test_equal_files_are_on_the_page_once_and_lines_are_marked() -> None:
    script = FileText(
        "/opt/pre.sh", "#!/bin/sh\ntrue\nif false; then\n  true\nfi\n", "deploy/pre.sh"
    )
    lines = CoveredLines("/opt/pre.sh", (2, 3, 4), (2, 3))
    plain, measured = (
        record(backup(), backup(number=2), scripts=(script,), lines=covered)
        for covered in ((), (lines,))
    )
    made = page([plain, measured], "t")
    assert made.count('id="file-') == 2
    assert made.count('class="run"') == 2
    assert (
        '<span class="missed" data-line="4"><span class="unseen">not executed: </span>  true'
        in made
    )
    assert "/opt/pre.sh from deploy/pre.sh, 2 of 3 lines executed" in texts(made)


def test_outputs_of_attempts_are_told_and_long_ones_shortened() -> None:
    from pytest_vmsnapshot.output import Output

    numbers = Output("".join(f"line {n}\n" for n in range(1000)).encode())
    tries = run(attempt(0, 1, 1, error_output=Output(b"oh\tno\r\n")), attempt(1, 2, output=numbers))
    text = texts(page([record(backup(pre=tries))], "t"))
    assert r"pre-script, attempt 1 of 2, standard error oh no\r" in text
    assert "pre-script, attempt 2 of 2, standard output line 0 line 1 " in text
    assert "line 199 [600 lines not shown] line 800 " in text


def test_the_policy_allows_our_own_style_and_script_alone() -> None:
    made = page([record(backup())], "t")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', made)
    (style,) = re.findall(r"<style>(.*?)</style>", made, flags=re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", made, flags=re.DOTALL)
    known = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("style", style), ("script", script))
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{known['style']}'; "
        f"script-src 'sha256-{known['script']}'; base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_asked_for_from_anywhere() -> None:
    made = page([record(FELL_BACK)], "t")
    assert re.findall(r"https?:|//\w|@import|url\((?!#vms-)|\bsrc=|\bstyle=", made) == []
    assert {link[0] for link in re.findall(r'href="([^"]*)"', made)} == {"#"}


def everywhere(text: str) -> str:
    """A page on which a text stands wherever any text can."""
    made = backup(
        errors=(NamedError(catalogue.PRE_TIMEOUT, text, (text,)),),
        modelled=(text,),
        faults=(text,),
        findings=(Finding(FindingKind.PROCESSES, text),),
        pre=run(attempt(0.002, 0.010, launch_error=text)),
        guest=text,
        rules=text,
    )
    file = FileText(text, text, text)
    whole = record(
        made,
        printing(text),
        test=text,
        message=text,
        outcome=TestOutcome.FAILED,
        config=file,
        scripts=(file,),
    )
    return page([whole, record(test=text, message=text)], text, text)


SHAPE = re.compile(r"</?[a-zA-Z!][^\s>]*")


def shape(made: str) -> Counter[str]:
    """How often each tag is there."""
    return Counter(SHAPE.findall(made))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_stays_text(name: str) -> None:
    made = everywhere(TEXTS[name])
    assert made.encode("utf-8")
    # Words are as many as lines of the text; all else is as with a harmless text of as many lines.
    lines = TEXTS[name].count("\n") + 1
    harmless = everywhere("\n".join(["x" * 12] * lines))
    mine, theirs = shape(made), shape(harmless)
    # A label may have room or not, and a name has more places to break or fewer.
    drawn = {"<text", "</text", "<wbr"}
    assert {k: v for k, v in mine.items() if k not in drawn} == {
        k: v for k, v in theirs.items() if k not in drawn
    }
    rest = made.replace("\n", "").replace("\t", "")
    assert [char for char in set(rest) if not char.isprintable()] == []


@pytest.mark.parametrize("name", BYTES)
def test_binary_output_stays_text(name: str) -> None:
    made = page([record(printing(BYTES[name]))], "t")
    rest = made.replace("\n", "").replace("\t", "")
    assert [char for char in set(rest) if not char.isprintable()] == []


def test_a_line_without_end_is_cut() -> None:
    assert len(everywhere(TEXTS["long"])) < 200_000


def test_a_piece_for_other_reports() -> None:
    made = fragment(record(backup(), FELL_BACK))
    assert made.startswith('<div class="vmsnapshot piece">')
    assert made.count('<svg class="timeline"') == 2
    assert "noscript" not in made
    assert "id=" not in re.sub(r'id="vms-\w+"', "", made)
    assert styles().startswith(".vmsnapshot")


def test_the_page_that_an_error_names_is_there() -> None:
    docs = Path(__file__).resolve().parents[2]
    for one in explained(NamedError(kind, "") for kind in catalogue.CATALOGUE):
        assert (docs / dict(one.rows)["page"]).is_file()
