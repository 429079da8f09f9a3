"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from .codes import CODES
from .finding import LintFinding
from .places import relative

VERSION: Final = "2.1.0"
SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_ROOT: Final = "%SRCROOT%"
_FINGERPRINT: Final = "vmsnapshotFinding/v1"
_PROJECT: Final = "https://pypi.org/project/pytest-vmsnapshot/"
_WIKI: Final = "https://www.shellcheck.net/wiki/"


def document(findings: Iterable[LintFinding], root: Path, *, version: str = "") -> dict[str, Any]:
    """A log of one run.

    Args:
        findings: what was found.
        root: the root of the repository; paths in it are told relative to it.
        version: of this package; by default what is installed.
    """
    told = tuple(findings)
    codes = sorted({*CODES, *(found.code for found in told)})
    seen: Counter[str] = Counter()
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pytest-vmsnapshot",
                        "version": version or _installed(),
                        "informationUri": _PROJECT,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _ROOT: {"description": {"text": "The root of the repository."}}
                },
                "results": [_result(found, root, codes, seen) for found in told],
            }
        ],
    }


def text(findings: Iterable[LintFinding], root: Path, *, version: str = "") -> str:
    """The same as the text of a file.

    Args:
        findings: what was found.
        root: the root of the repository; paths in it are told relative to it.
        version: of this package; by default what is installed.
    """
    return json.dumps(document(findings, root, version=version), indent=2) + "\n"


def _installed() -> str:
    from importlib.metadata import version

    return version("pytest-vmsnapshot")


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        summary, name, uri = f"ShellCheck {code}.", code, f"{_WIKI}{code}"
        more = f"See {uri}."
    else:
        summary, uri = known.summary, _PROJECT
        name = "".join(part.capitalize() for part in known.name.split("-"))
        more = (
            f"Why it matters, and how to mend it: {known.page} in the documentation of "
            f"pytest-vmsnapshot. To ignore it: # vmsnapshot: ignore={code}"
        )
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": f"{summary} {more}", "markdown": f"{summary}\n\n{more}"},
        "helpUri": uri,
    }


def _result(
    found: LintFinding, root: Path, codes: Sequence[str], seen: Counter[str]
) -> dict[str, Any]:
    path = relative(found.path, root)
    place: dict[str, Any] = {"artifactLocation": _artifact(path)}
    if found.line:
        place["region"] = {"startLine": found.line}
        if found.column:
            place["region"]["startColumn"] = found.column
    # Not the line: a finding stays the same when lines are put in above it.
    same = f"{found.code}\n{path}\n{found.text}"
    seen[same] += 1
    print_of = hashlib.sha256(f"{same}\n{seen[same]}".encode("utf-8", "backslashreplace"))
    return {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": found.severity.value,
        "message": {"text": f"{found.text}; {found.remedy}."},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {_FINGERPRINT: print_of.hexdigest()},
    }


def _artifact(path: str) -> dict[str, str]:
    if path.startswith("/"):
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path), "uriBaseId": _ROOT}
