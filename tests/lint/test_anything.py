"""Whatever lies in the files: the lint comes to its end, and what it tells has its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot.lint import CODES, ScriptFile, Step, Subject, lint
from pytest_vmsnapshot.shells import NAMES

_PARTS = st.sampled_from(
    [
        *("#!/bin/sh\n", "#!/bin/bash -e\n", "#!/usr/bin/env python\n", "\xef\xbb\xbf", "\r\n"),
        *(
            "./a ",
            ". b ",
            "source c",
            "cd ",
            "~/",
            "$HOME",
            "${HOME",
            "su - d",
            "read -p e ",
            "f() {",
        ),
        *(
            "mysql -e '",
            "FLUSH TABLES WITH READ LOCK",
            'psql -c "',
            "SELECT pg_backup_start(",
            "| ",
        ),
        *("set -o ", "set -", "pipefail", "fsfreeze -f /", "docker exec -it ", "ssh g ", "sh -c '"),
        *(
            "# vmsnapshot: ignore=VMS009",
            "# vmsnapshot: ignore-file=",
            "# vmsnapshot:",
            ",",
            "VMS014",
        ),
        *(
            "\n",
            "\n\n",
            ";",
            "'",
            '"',
            "\\",
            "\\\n",
            "<<E\n",
            "E\n",
            "$(",
            "`",
            ")",
            "}",
            "\0",
            "&",
            " ",
        ),
        *(
            "/path/to/x",
            "<password>",
            "example.com",
            "echo ",
            "exit ",
            "0",
            "=",
            "x=",
            "\xfc",
            "> y",
        ),
    ]
)
_SCRIPTS = st.one_of(
    st.binary(max_size=60),
    st.lists(_PARTS, max_size=30).map(lambda p: "".join(p).encode("latin-1")),
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 4000)
    | st.floats()
    | st.sampled_from(["/opt/a", "~/a", " a", "<user>", "TODO", "", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    [
        *("preScriptLocation", "postScriptLocation", "preScriptParams", "postScriptParams"),
        *("timeoutInSeconds", "fsFreezeEnabled", "ScriptsExecutionPollTimeSeconds", "other"),
    ]
)
_CONFIGS = st.one_of(
    st.binary(max_size=40),
    st.dictionaries(_KEYS, _VALUES).map(lambda keys: json.dumps(keys).encode()),
)
_QUIETLY = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.usefixtures("without_shellcheck")
@given(
    _SCRIPTS, st.sampled_from(["pre", "post", "both"]), st.sets(st.sampled_from(NAMES), min_size=1)
)
@_QUIETLY
def test_any_script(content: bytes, step: Step, shells: set[str]) -> None:
    script = ScriptFile(Path("a.sh"), content, "/a", step)
    found = lint(Subject(Path("c"), b"{}", (script,), tuple(sorted(shells))), ("VMS021", "VMS027"))
    lines = content.count(b"\n") + 1
    assert list(found) == sorted(
        found, key=lambda each: (each.line, each.column, each.code, each.text)
    )
    for each in found:
        assert each.code in CODES
        assert 0 <= each.line <= lines
        assert each.column >= 0
        assert each.text.isprintable()
        assert each.remedy.isprintable()
        assert each.text
        assert not each.text.endswith(".")


@pytest.mark.usefixtures("without_shellcheck")
@given(_CONFIGS)
@_QUIETLY
def test_any_config(content: bytes) -> None:
    for each in lint(Subject(Path("c"), content, (), ("dash",))):
        assert each.path == Path("c")
        assert 0 <= each.line <= content.count(b"\n") + 1
        assert each.text.isprintable()
        assert each.remedy.isprintable()


def test_ignoring_a_code_takes_away_nothing_else(without_shellcheck: Path) -> None:
    def codes(*ignore: str) -> set[str]:
        script = ScriptFile(Path("a.sh"), b"./a ~/b\r\nsource c > d", "/a", "pre")
        config: dict[str, Any] = {"preScriptLocation": "a", "postScriptLocation": "/b"}
        subject = Subject(Path("c"), json.dumps(config).encode(), (script,), ("dash",))
        return {each.code for each in lint(subject, ignore)}

    everything = codes()
    assert len(everything) >= 8
    for code in everything:
        assert codes(code) == everything - {code}
