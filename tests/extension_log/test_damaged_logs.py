"""Logs that are cut, mixed up, or full of other lines: what is whole stays what it is."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot.extension_log.as_scenario import cases_of, scenario_text
from pytest_vmsnapshot.extension_log.backups import LoggedBackup, Stretch
from pytest_vmsnapshot.extension_log.comparison import Outcome
from pytest_vmsnapshot.extension_log.logged import understand
from pytest_vmsnapshot.extension_log.messages import fact_of
from pytest_vmsnapshot.extension_log.reading import Line, Message, read_bytes
from pytest_vmsnapshot.extension_log.reproducing import reproduce, write

from ..conformance.vector import SHARED, load
from .assembled import NAME, START, Generation, log_of, logged

IDS = (
    "mx-pre_ok-post_ok-contT-fsT-snap_ok-freeze_ok",
    "retries-pre-3-fails-slowly",
    "mx-pre_timeout-post_fail-contT-fsT-snap_ok-freeze_timeout",
    "host-plugins-2-one-fails-cbf-mixed",
    "cfg-empty-object",
    "crash-ok-freeze-fail",
)
VECTORS = {vector.id: vector for vector in load(SHARED)}
TASKS = [f"00000000-0000-0000-0000-{number:012}" for number in range(len(IDS))]


@functools.cache
def logs(generation: Generation = Generation.TODAY) -> tuple[str, ...]:
    """The logs of some backups, one each hour."""
    return tuple(
        log_of(VECTORS[name], generation, START + timedelta(hours=number), TASKS[number])
        for number, name in enumerate(IDS)
    )


def facts(backup: LoggedBackup) -> LoggedBackup:
    """A backup without the places of its lines."""
    stretch = Stretch("", "", starts=backup.stretch.starts, ends=backup.stretch.ends)
    return replace(backup, number=0, stretch=stretch)


WHOLE = {form: [facts(logged(text).backups[0]) for text in logs(form)] for form in Generation}


def test_they_are_six_backups() -> None:
    assert len({backup.task for backup in WHOLE[Generation.TODAY]}) == len(IDS)
    assert all(b.stretch.ends and b.stretch.starts for b in WHOLE[Generation.TODAY])


def check_whole(content: bytes, wanted: list[LoggedBackup]) -> None:
    log = understand(read_bytes({Path("extension.log"): content}))
    found = {backup.task: facts(backup) for backup in log.backups if backup.task}
    for backup in wanted:
        assert found[backup.task] == backup
    cases = [case for case in cases_of(log.backups) if not case.impossible]
    if cases:
        scenario_text(cases, "x")


@given(st.data(), st.sampled_from(list(Generation)))
@settings(deadline=None)
def test_any_cut(data: st.DataObject, generation: Generation) -> None:
    parts = [text.encode() for text in logs(generation)]
    whole = b"".join(parts)
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    ends = [sum(map(len, parts[: index + 1])) for index in range(len(parts))]
    inside = [
        backup
        for backup, part, end in zip(WHOLE[generation], parts, ends, strict=True)
        if first <= end - len(part) and end <= last
    ]
    check_whole(whole[first:last], inside)


def is_junk(text: str) -> bool:
    return fact_of(Message(Line("x", 1, text))) is None


JUNK = st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")) | st.text(
    max_size=40
).filter(is_junk).map(
    lambda text: f"2024-01-14 23:00:00 [{NAME}]{text}".encode("utf-8", "replace").replace(
        b"\n", b""
    )
)


@given(st.data(), st.sampled_from(list(Generation)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_junk_in_between(data: st.DataObject, generation: Generation) -> None:
    lines = [line.encode() for text in logs(generation) for line in text.splitlines()]
    for _ in range(data.draw(st.integers(1, 20))):
        lines.insert(data.draw(st.integers(0, len(lines))), data.draw(JUNK))
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\0\n"]))
    check_whole(end.join(lines) + end, WHOLE[generation])


@given(st.integers(0, 400), st.sampled_from(list(Generation)))
@settings(deadline=None)
def test_requests_for_what_was_taken_already(place: int, generation: Generation) -> None:
    lines = "".join(logs(generation)).splitlines()
    said = (
        "starting enable",
        "taskId: other",
        "the sequence number are same, so skip, current:3== last:3",
    )
    prefix = f"2024-01-14 23:00:00.1 [{NAME}]"
    lines[place:place] = [prefix + text for text in said]
    content = "\n".join(lines).encode() + b"\n"
    check_whole(content, WHOLE[generation])
    assert understand(read_bytes({Path("extension.log"): content})).repeated == 1


@given(st.binary())
@settings(deadline=None)
def test_any_bytes(content: bytes) -> None:
    log = understand(read_bytes({Path("extension.log"): content}))
    assert log.backups == () or not log.backups[0].stretch.starts


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=4))
@settings(deadline=None)
def test_rotation_anywhere(places: list[int]) -> None:
    lines = "".join(logs()).splitlines(keepends=True)
    edges = sorted({0, len(lines), *(place % len(lines) for place in places)})
    pairs = itertools.pairwise(edges)
    parts = ["".join(lines[first:last]) for first, last in pairs]
    found = logged(*parts)
    assert [facts(backup) for backup in found.backups] == WHOLE[Generation.TODAY]
    assert not found.unknown


def test_nothing_is_lost() -> None:
    """Every line is understood, or told with its place."""
    text = logs()[0].splitlines()
    text[5:5] = ["a line of its own", "a line of its own, with 3 and /a/path"]
    text.append(f"2024-01-14 22:17:00 [{NAME}]something new, number 17")
    text.append(f"2024-01-14 22:17:00 [{NAME}]something new, number 18")
    log = logged("\n".join(text) + "\n")
    assert [str(kind) for kind in log.unknown] == [
        "extension.log:6: a line of its own (once)",
        "extension.log:7: a line of its own, with 3 and /a/path (once)",
        f"extension.log:{len(text) - 1}: something new, number 17 (2 times)",
    ]


def test_more_kinds_of_lines_than_anybody_reads() -> None:
    lines = [f"2024-01-14 22:17:00 [{NAME}]{letters(number)}" for number in range(2000)]
    unknown = logged("\n".join(lines) + "\n").unknown
    assert len(unknown) == 501
    assert sum(kind.count for kind in unknown) == 2000


def letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def test_two_at_once() -> None:
    """The lines of two backups between each other: told apart where they can be."""
    first, second = (text.splitlines() for text in logs()[:2])
    middle = next(i for i, text in enumerate(first) if "Calling do snapshot" in text)
    mixed = [*first[:middle], *second[:8], *first[middle:], *second[8:]]
    late = [text.replace(" 23:", " 22:") for text in mixed]
    found = logged("\n".join(late) + "\n").backups
    assert [backup.stretch.is_mixed for backup in found] == [True, True]
    gap = "whose each line is: another backup was under way at the same time"
    assert all(gap in backup.not_known for backup in found)


def test_a_day_between_two_lines() -> None:
    """What goes on a day later is another backup, though its beginning is missing."""
    text = logs()[0].splitlines()
    middle = next(i for i, line in enumerate(text) if "Calling do snapshot" in line)
    later = [line.replace("2024-01-14", "2024-01-15") for line in text[middle:]]
    first, second = logged("\n".join([*text[:middle], *later]) + "\n").backups
    assert (first.stretch.starts, first.stretch.ends) == (True, False)
    assert (second.stretch.starts, second.stretch.ends) == (False, True)


@pytest.mark.parametrize("words", ["Running prescript", "Calling do snapshot"])
def test_a_backup_that_was_cut_off(words: str) -> None:
    text = logs()[0].splitlines()
    end = next(i for i, line in enumerate(text) if words in line)
    log = logged("\n".join(text[: end + 1]) + "\n")
    (backup,) = log.backups
    assert "what became of it: the log has no final status of it" in backup.not_known
    (found,) = reproduce(log, write(log))
    assert found.outcome in (Outcome.AS_FAR_AS_TOLD, Outcome.NOT_RUN)
