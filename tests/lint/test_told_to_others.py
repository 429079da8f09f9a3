"""Findings as SARIF, and as annotations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot.ci.annotation import of_findings
from pytest_vmsnapshot.ci.service import Service
from pytest_vmsnapshot.ci.telling import commands
from pytest_vmsnapshot.lint import CODES, LintFinding, Severity, sarif

ROOT = Path("/repo")
FINDING = LintFinding(
    "VMS009", Severity.ERROR, Path("/repo/deploy/pre.sh"), 3, 5, "./a is relative", "write /a"
)


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (
            FINDING,
            "::error file=deploy/pre.sh,line=3,col=5,title=VMS009 relative-path::./a is relative; "
            "write /a",
        ),
        (
            replace(FINDING, severity=Severity.WARNING, column=0, code="SC2164"),
            "::warning file=deploy/pre.sh,line=3,title=SC2164 ShellCheck::./a is relative; "
            "write /a",
        ),
        (
            replace(FINDING, severity=Severity.NOTE, line=0, path=Path("/else/where.sh")),
            "::notice file=/else/where.sh,title=VMS009 relative-path::./a is relative; write /a",
        ),
        (
            replace(FINDING, path=Path("/repo/a,b:c%.sh"), text="100%: a\r\nb", remedy="c,d:e"),
            "::error file=a%2Cb%3Ac%25.sh,line=3,col=5,title=VMS009 relative-path::100%25: "
            "a%0D%0Ab; c,d:e",
        ),
    ],
)
def test_annotations(finding: LintFinding, line: str) -> None:
    assert list(commands(Service.GITHUB, of_findings([finding], ROOT))) == [line]


def _log(*findings: LintFinding) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(sarif.text(findings, ROOT, version="1.2.3"))
    return log


def test_a_log_is_sarif() -> None:
    log = _log(FINDING)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    assert (driver["name"], driver["version"]) == ("pytest-vmsnapshot", "1.2.3")
    assert run["columnKind"] == "unicodeCodePoints"
    assert set(run["originalUriBaseIds"]) == {"%SRCROOT%"}


def test_a_result_has_its_place() -> None:
    (result,) = _log(FINDING)["runs"][0]["results"]
    prints = result.pop("partialFingerprints")
    index = result.pop("ruleIndex")
    assert result == {
        "ruleId": "VMS009",
        "level": "error",
        "message": {"text": "./a is relative; write /a."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "deploy/pre.sh", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 3, "startColumn": 5},
                }
            }
        ],
    }
    assert list(prints) == ["vmsnapshotFinding/v1"]
    assert _log(FINDING)["runs"][0]["tool"]["driver"]["rules"][index]["id"] == "VMS009"


def test_rules_are_explained() -> None:
    findings = (FINDING, replace(FINDING, code="SC2164"), replace(FINDING, code="SC2164", line=9))
    rules = _log(*findings)["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["SC2164", *CODES]
    assert len({rule["name"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["helpUri"].startswith("https://")
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
    assert rules[0]["helpUri"] == "https://www.shellcheck.net/wiki/SC2164"
    assert "docs/lint/VMS009.md" in rules[9]["help"]["text"]


def test_levels_and_places_without_lines() -> None:
    findings = [replace(FINDING, severity=each, line=0, column=0) for each in Severity]
    results = _log(*findings)["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "warning", "note"]
    assert all("region" not in r["locations"][0]["physicalLocation"] for r in results)


def test_fingerprints_stay_when_lines_move() -> None:
    def prints(*findings: LintFinding) -> list[str]:
        results = _log(*findings)["runs"][0]["results"]
        return [result["partialFingerprints"]["vmsnapshotFinding/v1"] for result in results]

    moved = replace(FINDING, line=30)
    assert prints(FINDING) == prints(moved)
    first, second = prints(FINDING, moved)
    assert first != second
    assert prints(replace(FINDING, text="./b is relative")) != prints(FINDING)
    assert prints(replace(FINDING, path=Path("/repo/b.sh"))) != prints(FINDING)


def test_paths_are_quoted() -> None:
    inside = replace(FINDING, path=Path("/repo/a b/ü%.sh"))
    outside = replace(FINDING, path=Path("/else/a b.sh"))
    results = _log(inside, outside)["runs"][0]["results"]
    artifacts = [r["locations"][0]["physicalLocation"]["artifactLocation"] for r in results]
    assert artifacts == [
        {"uri": "a%20b/%C3%BC%25.sh", "uriBaseId": "%SRCROOT%"},
        {"uri": "file:///else/a%20b.sh"},
    ]


def test_the_version_is_what_is_installed() -> None:
    driver = sarif.document([], ROOT)["runs"][0]["tool"]["driver"]
    assert driver["version"][0].isdigit()
