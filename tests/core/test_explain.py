from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import alike, catalogue, explain
from pytest_vmsnapshot.backup import Backup, Event, Step
from pytest_vmsnapshot.catalogue import NamedError
from pytest_vmsnapshot.output import Output
from pytest_vmsnapshot.script_run import Attempt, ScriptRun


def attempt(**changes: object) -> Attempt:
    return replace(Attempt(("/opt/pre.sh",), 0.0, 1.0), **changes)  # type: ignore[arg-type]


def test_explain_a_good_backup(good: Backup) -> None:
    assert good.explain() == (
        "An application-consistent backup\n"
        "  decided by: both scripts succeeded (documented rules)\n"
        "-------------------------- backup 1 · 0.8 s on the VM's clock, 41 ms real "
        "--------------------------\n"
        "   0.000  precheck     ok\n"
        "   0.001  pre-script   /opt/pre.sh orders\n"
        "   0.250  pre-script   exit status 0\n"
        "   0.250  freeze       all file systems\n"
        "   0.300  snapshot     3 files, 1.2 KiB in 3.0 ms\n"
        "   0.400  thaw         done\n"
        "   0.500  post-script  /opt/post.sh\n"
        "   0.750  post-script  exit status 0\n"
        "modelled: the freeze was simulated by pausing every process of the VM\n"
        "----------------------------------- pre-script, standard output "
        "------------------------------------\n"
        "flushed"
    )


def test_explain_a_backup_with_errors(late: Backup) -> None:
    assert late.explain() == (
        "A file-system-consistent backup\n"
        "  Pre-ScriptTimeout (308): /opt/pre.sh was stopped at its limit of 30 s in the last of 2 "
        "attempts, waiting in: sleep 3600\n"
        "  Post-ScriptExecutionFailed (301): /opt/post.sh: killed by SIGKILL (9)\n"
        "  decided by: the pre-script timed out and continueBackupOnFailure is true (documented "
        "rules)\n"
        "  remedy: find out what it waits for, or raise timeoutInSeconds in the config\n"
        "  remedy: look into the script's own output, and check that the application works again\n"
        "------------------------- backup 2 · 30.5 s on the VM's clock, 30.8 s real "
        "-------------------------\n"
        "   0.000  precheck     ok\n"
        "   0.001  pre-script   /opt/pre.sh, attempt 1 of 2\n"
        "  30.000  pre-script   stopped at its limit with 2 processes\n"
        "---------------------------- pre-script, attempt 1 of 2, standard error "
        "----------------------------\n"
        "no\n"
        "--------------------------- pre-script, attempt 2 of 2, standard output "
        "----------------------------\n"
        "draining\n"
        "---------------------------- pre-script, attempt 2 of 2, standard error "
        "----------------------------\n"
        "waiting for orders to drain"
    )


def test_explain_a_failed_backup(failed: Backup) -> None:
    assert failed.explain() == (
        "A failed backup\n"
        "  Pre-ScriptNotFound (302): /opt/pre.sh does not exist\n"
        "  decided by: a script was refused before it ran and continueBackupOnFailure is false "
        "(documented rules)\n"
        "  remedy: put the script there, or correct preScriptLocation in the config\n"
        "-------------------------- backup 3 · 0.0 s on the VM's clock, 1.2 s real "
        "--------------------------\n"
        "   0.000  precheck     /opt/pre.sh does not exist"
    )


def test_repr(good: Backup, late: Backup, failed: Backup) -> None:
    assert repr(good) == (
        "<Backup 1: completed, application, pre-script exit status 0, post-script exit status 0, "
        "0.8 s>"
    )
    assert repr(late) == (
        "<Backup 2: completed with warnings, file-system, Pre-ScriptTimeout (308), "
        "Post-ScriptExecutionFailed (301), pre-script stopped at its limit after 2 attempts, "
        "post-script killed by SIGKILL (9), 30.5 s>"
    )
    assert repr(failed) == "<Backup 3: failed, none, Pre-ScriptNotFound (302), 0.0 s>"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (attempt(exit_status=0), "exit status 0"),
        (attempt(exit_status=127), "exit status 127"),
        (attempt(signal=11), "killed by SIGSEGV (11)"),
        (attempt(signal=63), "killed by signal 63"),
        (attempt(timed_out=True, signal=9, stopped_processes=1), "stopped at its limit"),
        (attempt(timed_out=True), "reached its limit"),
        (attempt(timed_out=True, left_running=True), "ran on past its limit"),
        (
            attempt(launch_error="its interpreter '/bin/bsh' does not exist on the VM"),
            "could not be started: its interpreter '/bin/bsh' does not exist on the VM",
        ),
        (attempt(launch_error="\x1b[2J"), r"could not be started: \x1b[2J"),
    ],
)
def test_endings(found: Attempt, words: str) -> None:
    assert found.ending == words


def test_the_same_remedy_is_given_once(good: Backup) -> None:
    kinds = (catalogue.PRE_TIMEOUT, catalogue.POST_TIMEOUT, catalogue.SNAPSHOT_FAILED)
    backup = replace(good, errors=tuple(NamedError(kind, "") for kind in kinds))
    assert explain.verdict(backup) == (
        "an application-consistent backup\n"
        "  Pre-ScriptTimeout (308): the pre-script ran past its time limit\n"
        "  Post-ScriptTimeout (309): the post-script ran past its time limit\n"
        "  SnapshotFailed (76): the snapshot of every disk failed\n"
        "  decided by: both scripts succeeded (documented rules)\n"
        "  remedy: find out what it waits for, or raise timeoutInSeconds in the config\n"
        "  remedy: look into the reason given; the next backup tries again"
    )


HOSTILE = "a\x1b[31m\r\n\x07\x9b1m\u202eb\u2028\udcff\0c"
SHOWN = r"a\x1b[31m\r\n\x07\x9b1m\u202eb\u2028\udcff\x00c"


def test_nothing_from_the_vm_reaches_the_terminal_raw(good: Backup) -> None:
    failing = attempt(
        argv=(HOSTILE,),
        launch_error=HOSTILE,
        output=Output(b"\x1b]0;title\x07\tx\r\ny\x0bz\x85\n"),
        error_output=Output(HOSTILE.encode("utf-8", "surrogateescape")),
    )
    backup = replace(
        good,
        errors=(NamedError(catalogue.PRE_NOT_FOUND, HOSTILE),),
        decided_by=HOSTILE,
        pre=ScriptRun(HOSTILE, (HOSTILE,), (failing,)),
        events=(Event(0.0, Step.FREEZE, HOSTILE),),
        modelled=(HOSTILE,),
    )
    assert repr(backup).isprintable()
    text = backup.explain()
    assert all(char.isprintable() or char in "\n\t" for char in text)
    lines = text.splitlines()
    assert f"  Pre-ScriptNotFound (302): {SHOWN}" in lines
    assert f"  decided by: {SHOWN} (documented rules)" in lines
    assert f"   0.000  freeze       {SHOWN}" in lines
    assert f"modelled: {SHOWN}" in lines
    where = lines.index(explain.rule("pre-script, standard output"))
    assert lines[where + 1 : where + 3] == ["\\x1b]0;title\\x07\tx\\r", r"y\x0bz\x85"]


@given(st.text(st.characters()))
def test_a_line_is_one_printable_line(text: str) -> None:
    assert explain.line(text).isprintable()
    assert explain.line(explain.line(text)) == explain.line(text) or len(text) > explain.LINE


def test_long_lines_lose_their_middle() -> None:
    assert explain.line("x" * 1000) == "x" * 1000
    assert explain.line("a" * 1000 + "b" * 1000) == (
        "a" * 250 + " [1500 characters not shown] " + "b" * 250
    )


def test_a_shortened_line_is_not_shortened_again() -> None:
    once = explain.line("x" * 5000)
    assert explain.line(once) == once


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\n", ["a", ""]),
        ("\n", [""]),
        ("a\r\nb\r\n", [r"a\r", r"b\r"]),
        ("50%\r100%\r", [r"50%\r100%\r"]),
        ("\ta\tb", ["\ta\tb"]),
        ("ä€😀", ["ä€😀"]),
    ],
)
def test_blocks(text: str, lines: list[str]) -> None:
    assert explain.block(text) == lines


@given(st.text(st.characters()))
def test_a_block_is_safe_to_print(text: str) -> None:
    for line in explain.block(text):
        assert line.replace("\t", "").isprintable()


def printed(count: int) -> Output:
    return Output("".join(f"{number}\n" for number in range(1, count + 1)).encode("ascii"))


def section(backup: Backup, title: str) -> list[str]:
    lines = backup.explain().splitlines()
    start = lines.index(explain.rule(title)) + 1
    return lines[start:]


def test_long_output_loses_its_middle(good: Backup) -> None:
    run = ScriptRun("/a", (), (attempt(output=printed(60)),))
    assert section(replace(good, pre=run), "pre-script, standard output") == [
        str(number) for number in range(1, 61)
    ]
    run = ScriptRun("/a", (), (attempt(output=printed(100)),))
    assert section(replace(good, pre=run), "pre-script, standard output") == [
        *map(str, range(1, 31)),
        "[40 lines not shown]",
        *map(str, range(71, 101)),
    ]


def test_a_script_that_polls_is_told_once(good: Backup) -> None:
    asked = [
        Event(float(number), Step.PRE_SCRIPT, f"  {command}")
        for number in range(100)
        for command in ("redis-cli INFO → 0", "logger waiting → 0")
    ]
    events = (Event(0, Step.PRECHECK, "ok"), *asked, Event(99.5, Step.PRE_SCRIPT, "exit status 0"))
    assert list(explain.timeline(replace(good, events=events))) == [
        "   0.000  precheck     ok",
        "   0.000  pre-script     redis-cli INFO → 0",
        "   0.000  pre-script     logger waiting → 0",
        "     ...  pre-script   these 2 lines 99 times more, until 99.000",
        "  99.500  pre-script   exit status 0",
    ]


def test_three_events_that_are_alike_are_all_shown(good: Backup) -> None:
    events = tuple(Event(float(number), Step.PRE_SCRIPT, "  date → 0") for number in range(3))
    assert list(explain.timeline(replace(good, events=events))) == [
        "   0.000  pre-script     date → 0",
        "   1.000  pre-script     date → 0",
        "   2.000  pre-script     date → 0",
    ]


def test_output_that_repeats_itself_is_shown_once(good: Backup) -> None:
    text = b"begin\n" + 90 * b"not yet\n" + b"end\n"
    run = ScriptRun("/a", (), (attempt(output=Output(text)),))
    assert section(replace(good, pre=run), "pre-script, standard output") == [
        "begin",
        "not yet",
        "[the same 89 times more]",
        "end",
    ]


@given(st.lists(st.sampled_from("abc")))
def test_no_line_is_lost_where_lines_repeat(lines: list[str]) -> None:
    again = []
    for piece in alike.pieces(lines):
        assert piece.times == 1 or piece.times >= 4
        again += lines[piece.start : piece.start + piece.length] * piece.times
    assert again == lines


def test_dropped_output_is_told(good: Backup) -> None:
    run = ScriptRun("/a", (), (attempt(error_output=Output(b"begin\n", b"end\n", 12)),))
    assert section(replace(good, post=run), "post-script, standard error") == [
        "begin",
        "",
        "[12 bytes dropped]",
        "end",
    ]


def test_attempts_that_were_not_kept_count(good: Backup) -> None:
    attempts = tuple(attempt(exit_status=1, output=printed(1)) for _ in range(7))
    backup = replace(good, pre=ScriptRun("/a", (), attempts, dropped=93), post=None)
    assert repr(backup) == (
        "<Backup 1: completed, application, pre-script exit status 1 after 100 attempts, 0.8 s>"
    )
    headings = [line.strip("- ") for line in backup.explain().splitlines() if "attempt" in line]
    assert headings == [
        f"pre-script, attempt {number} of 100, standard output" for number in range(96, 101)
    ]


def test_the_report_of_anything_is_bounded(good: Backup) -> None:
    flood = Output(b"\x1b" * 65536, b"\x1b\n" * 32768, 10**9)
    attempts = tuple(attempt(output=flood, error_output=flood) for _ in range(200))
    run = ScriptRun("/a" * 100_000, ("\x1b" * 100_000,), attempts, dropped=10**6)
    text = replace(good, pre=run, post=run).explain()
    assert len(text) < 300_000


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("/a", ""), "/a ''"),
        (("/a", "it's"), """/a 'it'"'"'s'"""),
        (("/a", "b c", "\n"), r"/a 'b c' '\n'"),
        (("/a", "\x1b[1m"), r"/a '\x1b[1m'"),
    ],
)
def test_commands(words: tuple[str, ...], shown: str) -> None:
    assert explain.command(words) == shown


def test_real_durations(good: Backup) -> None:
    assert explain.heading(replace(good, real_duration=0.9999)).endswith("clock, 1.0 s real")
    assert explain.heading(replace(good, real_duration=0.0004)).endswith("clock, 0 ms real")
    assert explain.heading(replace(good, real_duration=61.25)).endswith("clock, 61.2 s real")
