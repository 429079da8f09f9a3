"""What of a backup is not as expected, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vmsnapshot.backup import Backup, Difference
from pytest_vmsnapshot.doubles import Call
from pytest_vmsnapshot.scenario.expectation import (
    Expectation,
    ExpectedCalls,
    ExpectedFile,
    ExpectedHeld,
    ExpectedReport,
    ExpectedRun,
)
from pytest_vmsnapshot.scenario.expected_text import ExpectedText
from pytest_vmsnapshot.scenario.judging import Seen, SeenFile, mismatches

TIMEOUT = "Pre-ScriptTimeout (308), Post-ScriptExecutionFailed (301)"


def told(expect: Expectation, seen: Seen) -> list[tuple[str, str]]:
    return list(mismatches(expect, seen))


def call(*argv: str) -> Call:
    return Call(argv, b"", "/", {}, 0, 1, "", 0.0, 1.0, 0)


def test_nothing_is_expected(good: Backup, late: Backup, failed: Backup) -> None:
    for backup in (good, late, failed):
        assert told(Expectation(), Seen(backup)) == []


GOOD = [
    Expectation(status="completed", consistency="application", error="none", errors=()),
    Expectation(decided_by=ExpectedText(contains=("both",)), unreported=(), frozen=()),
    Expectation(pre=ExpectedRun(run=True, attempts=1, exit_status=0, timed_out=False)),
    Expectation(pre=ExpectedRun(stdout=ExpectedText("flushed\n"), stderr=ExpectedText(""))),
    Expectation(extension=ExpectedReport(0, "success", 0, 0, "application")),
    Expectation(findings=(), differences=()),
]


@pytest.mark.parametrize("expect", GOOD)
def test_all_is_as_expected(good: Backup, expect: Expectation) -> None:
    assert told(expect, Seen(good)) == []


LATE = [
    Expectation(status="completed with warnings", consistency="file-system"),
    Expectation(error="Pre-ScriptTimeout"),
    Expectation(error=301, errors=(308, "Post-ScriptExecutionFailed")),
    Expectation(pre=ExpectedRun(attempts=2, timed_out=True), post=ExpectedRun(signal=9)),
    Expectation(extension=ExpectedReport(error=308, result=1)),
]


@pytest.mark.parametrize("expect", LATE)
def test_what_went_wrong_as_expected(late: Backup, expect: Expectation) -> None:
    assert told(expect, Seen(late)) == []


@pytest.mark.parametrize(
    ("expect", "mismatch"),
    [
        (
            Expectation(status="completed"),
            ("status", 'expected "completed", got "completed with warnings"'),
        ),
        (
            Expectation(consistency="application"),
            ("consistency", 'expected "application", got "file-system"'),
        ),
        (Expectation(error="none"), ("error", f"expected no error, got {TIMEOUT}")),
        (
            Expectation(error="Pre-ScriptNotFound"),
            ("error", f"expected Pre-ScriptNotFound, got {TIMEOUT}"),
        ),
        (Expectation(error=302), ("error", f"expected 302, got {TIMEOUT}")),
        (Expectation(errors=()), ("errors", f"expected no error, got {TIMEOUT}")),
        (Expectation(errors=(301, 308)), ("errors", f"expected 301, 308, got {TIMEOUT}")),
        (Expectation(errors=(308,)), ("errors", f"expected 308, got {TIMEOUT}")),
        (Expectation(unreported=(305,)), ("unreported", "expected 305, got none")),
        (
            Expectation(decided_by=ExpectedText(contains=("freeze",))),
            (
                "decided_by",
                'expected "freeze" in it, got "the pre-script timed out and '
                'continueBackupOnFailure is true"',
            ),
        ),
        (
            Expectation(pre=ExpectedRun(run=False)),
            (
                "pre.run",
                "expected the pre-script not to be started, and it was: stopped at its limit",
            ),
        ),
        (Expectation(pre=ExpectedRun(attempts=1)), ("pre.attempts", "expected 1, got 2")),
        (
            Expectation(pre=ExpectedRun(exit_status=0)),
            ("pre.exit_status", "expected 0, got stopped at its limit"),
        ),
        (
            Expectation(post=ExpectedRun(exit_status=0)),
            ("post.exit_status", "expected 0, got killed by SIGKILL (9)"),
        ),
        (
            Expectation(post=ExpectedRun(timed_out=True)),
            ("post.timed_out", "expected true, got killed by SIGKILL (9)"),
        ),
        (
            Expectation(pre=ExpectedRun(stdout=ExpectedText("drained\n"))),
            ("pre.stdout", 'expected "drained\\n", got "draining\\n"'),
        ),
        (
            Expectation(pre=ExpectedRun(stderr=ExpectedText(matches=("^done",)))),
            (
                "pre.stderr",
                'expected a match of "^done", got "waiting for orders to drain\\n"',
            ),
        ),
        (Expectation(frozen=("/",)), ("frozen", 'expected ["/"], got []')),
        (
            Expectation(findings=("units",)),
            ("findings", 'expected ["units"], got ["processes"]'),
        ),
        (
            Expectation(differences=()),
            ("differences", 'expected [], got ["limit_cap", "relaunches"]'),
        ),
        (
            Expectation(extension=ExpectedReport(consistency="none")),
            ("extension.consistency", 'expected "none", got "file-system"'),
        ),
        (
            Expectation(extension=ExpectedReport(result=0)),
            ("extension.result", "expected 0, got 1"),
        ),
    ],
)
def test_mismatches(late: Backup, expect: Expectation, mismatch: tuple[str, str]) -> None:
    rules = ("relaunches", "limit_cap", "relaunches")
    backup = replace(late, differences=tuple(Difference(rule, "") for rule in rules))
    assert told(expect, Seen(backup, findings=("processes", "processes"))) == [mismatch]


def test_scripts_that_were_not_started(failed: Backup) -> None:
    expect = Expectation(
        pre=ExpectedRun(run=True, exit_status=0, stdout=ExpectedText("")),
        post=ExpectedRun(run=False),
        error="Pre-ScriptNotFound",
        extension=ExpectedReport(precheck=302, status="error"),
    )
    assert told(expect, Seen(failed)) == [
        ("pre.exit_status", "the pre-script was not started"),
        ("pre.stdout", "the pre-script was not started"),
        ("pre.run", "expected the pre-script to be started, and it was not"),
    ]


# -- calls -----------------------------------------------------------------------------------------

CALLS = [call("/bin/ctl", "pause", "two words"), call("/bin/ctl", "resume")]
BOTH = "\n  /bin/ctl pause 'two words'\n  /bin/ctl resume"


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        (ExpectedCalls(2), ""),
        (ExpectedCalls(None, (("pause", "two *"), ("resume",))), ""),
        (ExpectedCalls(None, ("pause *", "res?me")), ""),
        (ExpectedCalls(1), f"expected 1 call, got 2{BOTH}"),
        (ExpectedCalls(0), f"expected 0 calls, got 2{BOTH}"),
        (ExpectedCalls(None, ("*", "*", "*")), f"expected 3 calls, got 2{BOTH}"),
        (
            ExpectedCalls(None, (("pause",), "*")),
            'expected ["pause"] as arguments of call 1, got ["pause", "two words"]',
        ),
        (
            ExpectedCalls(None, ("*", "stop")),
            'expected "stop" as arguments of call 2, got ["resume"]',
        ),
    ],
)
def test_calls(good: Backup, expect: ExpectedCalls, text: str) -> None:
    seen = Seen(good, calls={"ctl": CALLS})
    found = told(Expectation(calls={"ctl": expect}), seen)
    assert found == ([("calls.ctl", text)] if text else [])


def test_many_calls(good: Backup) -> None:
    seen = Seen(good, calls={"a b": [call("ctl")] * 25})
    ((name, text),) = told(Expectation(calls={"a b": ExpectedCalls(1)}), seen)
    assert name == 'calls."a b"'
    assert text.splitlines()[-2:] == ["  ctl", "  [5 more]"]


# -- the moment of the snapshot --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "wrong", "mismatch"),
    [
        (True, "", None),
        (True, "gone", "gone"),
        (False, "gone", None),
        (False, "", "expected nothing to be held at the snapshot, and it was"),
        (None, "gone", None),
    ],
)
@pytest.mark.parametrize("name", ["mysql", "postgresql"])
def test_locks(
    good: Backup, name: str, expected: bool | None, wrong: str, mismatch: str | None
) -> None:
    held = ExpectedHeld(**{name: expected})  # type: ignore[arg-type]
    found = told(Expectation(held=held), Seen(good, not_held={name: wrong}))
    assert found == ([(f"held.{name}", mismatch)] if mismatch else [])


@pytest.mark.parametrize(
    ("held", "seen", "found"),
    [
        (ExpectedHeld(fsfreeze=("/a", "/b")), ("/b", "/a"), []),
        (ExpectedHeld(fsfreeze=()), (), []),
        (
            ExpectedHeld(fsfreeze=("/a",)),
            (),
            [("held.fsfreeze", 'expected ["/a"], got []')],
        ),
        (
            ExpectedHeld(fsfreeze=("/a",)),
            None,
            [("held.fsfreeze", 'expected ["/a"], but it came not to a snapshot')],
        ),
    ],
)
def test_what_scripts_froze(
    good: Backup,
    held: ExpectedHeld,
    seen: tuple[str, ...] | None,
    found: list[tuple[str, str]],
) -> None:
    assert told(Expectation(held=held), Seen(good, frozen_by_scripts=seen)) == found


def test_units(good: Backup) -> None:
    units = {"a": "inactive", "b": "active", "c d": "inactive"}
    expect = Expectation(held=ExpectedHeld(systemctl=units))
    seen = Seen(good, units={"a": "inactive", "b": "inactive", "c d": None})
    assert told(expect, seen) == [
        ("held.systemctl.b", 'expected "active" at the snapshot, got "inactive"'),
        ('held.systemctl."c d"', 'expected "inactive", but there is no such unit'),
    ]
    assert told(expect, Seen(good))[0] == (
        "held.systemctl.a",
        'expected "inactive", but it came not to a snapshot',
    )


# -- files -----------------------------------------------------------------------------------------

IS = SeenFile(exists=True, text="a\n", mode=0o640, owner="root")
ABSENT = SeenFile(exists=False)


@pytest.mark.parametrize(
    ("expect", "seen", "text"),
    [
        (ExpectedFile(), IS, ""),
        (ExpectedFile(text=ExpectedText("a\n"), mode=0o640, owner="root"), IS, ""),
        (ExpectedFile(exists=False), ABSENT, ""),
        (ExpectedFile(), ABSENT, "expected a file, but there is no such file"),
        (
            ExpectedFile(text=ExpectedText("a\n")),
            ABSENT,
            'expected "a\\n", but there is no such file',
        ),
        (
            ExpectedFile(text=ExpectedText(contains=("a", "b"), matches=("^c",))),
            ABSENT,
            'expected "a" in it and "b" in it and a match of "^c", but there is no such file',
        ),
        (ExpectedFile(exists=False), IS, "expected no such file, but there is one"),
        (ExpectedFile(text=ExpectedText("b\n")), IS, 'expected "b\\n", got "a\\n"'),
        (ExpectedFile(mode=0o600), IS, "expected 0600, got 0640"),
        (ExpectedFile(owner="app"), IS, 'expected "app", got "root"'),
        (
            ExpectedFile(text=ExpectedText("")),
            SeenFile(exists=True, problem="Is a directory"),
            'expected "", but it cannot be read: Is a directory',
        ),
    ],
)
def test_files(good: Backup, expect: ExpectedFile, seen: SeenFile, text: str) -> None:
    found = told(Expectation(files={"/a": expect}), Seen(good, files={"/a": seen}))
    part = ".mode" if expect.mode == 0o600 else ".owner" if expect.owner == "app" else ""
    assert found == ([(f'files."/a"{part}', text)] if text else [])
    if expect.mode is None and expect.owner is None:
        point = told(
            Expectation(recovery_point={"/a": expect}), Seen(good, recovery_point={"/a": seen})
        )
        assert point == ([('recovery_point."/a"', text)] if text else [])


def test_no_recovery_point(failed: Backup) -> None:
    expect = Expectation(recovery_point={"/a": ExpectedFile(), "/b": ExpectedFile(exists=False)})
    assert told(expect, Seen(failed)) == [
        ('recovery_point."/a"', "expected a file, but there is no recovery point"),
        ('recovery_point."/b"', "expected no such file, but there is no recovery point"),
    ]


# -- text ------------------------------------------------------------------------------------------


def test_text_of_several_lines_is_compared_line_by_line() -> None:
    expected = "".join(f"row {number}\n" for number in range(9))
    (text,) = ExpectedText(expected).mismatches(expected.replace("row 4", "new\x1b 4"))
    assert text.splitlines() == [
        "got another text:",
        "  --- expected",
        "  +++ got",
        "  @@ -3,5 +3,5 @@",
        "   row 2",
        "   row 3",
        "  -row 4",
        "  +new\\x1b 4",
        "   row 5",
        "   row 6",
    ]


def test_text_that_differs_everywhere_is_cut() -> None:
    rows = range(100)
    (text,) = ExpectedText("\n".join(map(str, rows))).mismatches("a\nb\n")
    assert len(text.splitlines()) == 42
    assert text.endswith("lines not shown]")


def test_parts_of_a_text() -> None:
    text = ExpectedText(contains=("a", "x"), matches=("^b$", "^x$"))
    assert list(text.mismatches("a\nb\n")) == [
        'expected "x" in it, got "a\\nb\\n"',
        'expected a match of "^x$", got "a\\nb\\n"',
    ]
