from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import catalogue
from pytest_vmsnapshot.backup import (
    Backup,
    Consistency,
    Difference,
    Event,
    ExtensionReport,
    PointFiles,
    RecoveryPoint,
    Status,
    Step,
)
from pytest_vmsnapshot.catalogue import ErrorKind, NamedError
from pytest_vmsnapshot.errors import GuestDied, UsageError
from pytest_vmsnapshot.findings import Finding, FindingKind
from pytest_vmsnapshot.output import Output
from pytest_vmsnapshot.script_run import Attempt, ScriptRun

# Undecodable bytes of paths and parameters are low surrogates; a high one cannot come out of JSON.
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff\0\x1b"))
SECONDS = st.floats(allow_nan=False, allow_infinity=False)
OUTPUTS = st.builds(Output, st.binary(), st.binary(), st.integers(0))
WORDS = st.lists(TEXT, max_size=3).map(tuple)
ATTEMPTS = st.builds(
    Attempt,
    argv=WORDS,
    started=SECONDS,
    ended=SECONDS,
    exit_status=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    timed_out=st.booleans(),
    launch_error=TEXT,
    launch_errno=st.integers(0, 200),
    output=OUTPUTS,
    error_output=OUTPUTS,
    waiting_in=WORDS,
    stopped_processes=st.integers(0),
    left_running=st.booleans(),
)
RUNS = st.none() | st.builds(
    ScriptRun,
    TEXT,
    WORDS,
    st.lists(ATTEMPTS, min_size=1, max_size=3).map(tuple),
    st.integers(0),
    st.booleans(),
    st.none() | st.integers(0, 999),
)
ERRORS = st.lists(
    st.builds(NamedError, st.sampled_from(catalogue.CATALOGUE), TEXT), max_size=3
).map(tuple)
REPORTS = st.builds(
    ExtensionReport,
    st.none() | st.integers(0, 999),
    st.sampled_from(["success", "error"]),
    st.integers(0, 999),
    st.integers(0, 999),
    st.sampled_from(Consistency),
)
POINTS = st.builds(RecoveryPoint, st.sampled_from(Consistency), st.integers(0), st.integers(0))
BACKUPS = st.builds(
    Backup,
    number=st.integers(1),
    status=st.sampled_from(Status),
    consistency=st.sampled_from(Consistency),
    errors=ERRORS,
    decided_by=TEXT,
    pre=RUNS,
    post=RUNS,
    recovery_point=st.none() | POINTS,
    events=st.lists(st.builds(Event, SECONDS, st.sampled_from(Step), TEXT), max_size=3).map(tuple),
    duration=SECONDS,
    real_duration=SECONDS,
    rules=TEXT,
    guest=TEXT,
    clock=TEXT,
    storage=TEXT,
    extension=REPORTS,
    modelled=WORDS,
    frozen=st.none() | WORDS,
    snapshot_asked=st.booleans(),
    unreported=ERRORS,
    findings=st.lists(st.builds(Finding, st.sampled_from(FindingKind), TEXT), max_size=3).map(
        tuple
    ),
    differences=st.lists(st.builds(Difference, TEXT, TEXT), max_size=3).map(tuple),
)


@given(BACKUPS)
def test_json_and_back(backup: Backup) -> None:
    text = backup.to_json()
    assert text.isascii()
    again = Backup.from_json(text)
    assert again == backup
    assert again.to_json() == text


@given(BACKUPS)
def test_pickled_and_copied(backup: Backup) -> None:
    assert pickle.loads(pickle.dumps(backup)) == backup
    assert copy.deepcopy(backup) == backup


@given(BACKUPS)
def test_a_loaded_backup_can_be_explained(backup: Backup) -> None:
    again = Backup.from_json(backup.to_json())
    assert again.explain() == backup.explain()
    assert repr(again) == repr(backup)


@given(BACKUPS)
def test_equal_backups_have_equal_hashes(backup: Backup) -> None:
    assert len({backup, Backup.from_json(backup.to_json())}) == 1


def test_undecodable_output_survives(late: Backup) -> None:
    text = json.loads(late.to_json())
    text["pre"]["attempts"][0]["output"]["head"] = "\udcff\udc00"
    with pytest.raises(UsageError):
        Backup.from_json(json.dumps(text))
    text["pre"]["attempts"][0]["output"]["head"] = "\udcff"
    loaded = Backup.from_json(json.dumps(text))
    assert loaded.pre is not None
    assert loaded.pre.attempts[0].stdout_bytes == b"\xff"


def test_plain_values(late: Backup) -> None:
    plain = json.loads(late.to_json())
    assert plain["format"] == 5
    assert plain["status"] == "completed with warnings"
    assert plain["consistency"] == "file-system"
    assert plain["errors"][0]["kind"]["code"] == 308
    assert plain["pre"]["attempts"][1]["waiting_in"] == ["sleep 3600"]
    assert plain["recovery_point"] == {
        "consistency": "file-system",
        "files": 3,
        "size": 1234,
        "lost": [],
        "seed": None,
    }


class Files:
    """Files of a recovery point for as long as this test runs."""

    def read_bytes(self, path: str) -> bytes:
        return path.encode()

    def exists(self, path: str) -> bool:
        return path == "/a"

    def walk(self, path: str) -> list[str]:
        return [path]


def test_a_loaded_recovery_point_has_no_files() -> None:
    source: PointFiles = Files()
    point = RecoveryPoint(Consistency.CRASH, 1, 2, (), 1, source)
    assert point.read_text("/a") == "/a"
    assert point.exists("/a")
    assert list(point.walk("/a")) == ["/a"]
    loaded = pickle.loads(pickle.dumps(point))
    assert loaded == point
    for use in (loaded.read_bytes, loaded.read_text, loaded.exists):
        with pytest.raises(GuestDied) as caught:
            use("/a")
        assert str(caught.value) == (
            "this recovery point was loaded from JSON or another process and has no files; "
            "read them in the test that made the backup"
        )


def test_a_run_has_an_attempt() -> None:
    with pytest.raises(ValueError, match=r"^a run of a script has at least one attempt$"):
        ScriptRun("/a", (), ())


GIVE = "give the text that to_json() returned"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"not JSON: Expecting value: line 1 column 1 (char 0); {GIVE}"),
        (
            None,
            f"not JSON: the JSON object must be str, bytes or bytearray, not NoneType; {GIVE}",
        ),
        ("[]", f"not a Backup of format 5; {GIVE}"),
        ("{}", f"not a Backup of format 5; {GIVE}"),
        ('{"format": 1}', f"not a Backup of format 5; {GIVE}"),
        ('{"format": 5}', f"not a complete Backup: Backup.number is missing; {GIVE}"),
        (
            '{"format": 5, "number": []}',
            f"not a complete Backup: Backup.number is [] where int is meant; {GIVE}",
        ),
    ],
)
def test_what_is_not_a_backup(text: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Backup.from_json(text)
    assert str(caught.value) == message


def test_deeply_nested_text() -> None:
    with pytest.raises(UsageError, match=r"^not JSON: "):
        Backup.from_json("[" * 200_000)


WRONG: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("number",), True, "Backup.number is True where int is meant"),
    (("status",), "fine", "Backup.status is 'fine', which is no Status"),
    (("consistency",), [], "Backup.consistency is [], which is no Consistency"),
    (("errors",), None, "Backup.errors is None where list is meant"),
    (("modelled",), "abc", "Backup.modelled is 'abc' where list is meant"),
    (("modelled",), [1], "Backup.modelled[0] is 1 where str is meant"),
    (("pre",), [], "Backup.pre is [] where dict is meant"),
    (("pre", "attempts"), [], "a run of a script has at least one attempt"),
    (("pre", "attempts", 1, "started"), "1", "@[1].started is '1' where float is meant"),
    (("pre", "attempts", 0, "exit_status"), 1.5, "@[0].exit_status is 1.5 where int is meant"),
    (("pre", "attempts", 0, "timed_out"), 1, "@[0].timed_out is 1 where bool is meant"),
    (("pre", "attempts", 0, "output", "head"), 5, "@[0].output.head is 5 where str is meant"),
    (("duration",), True, "Backup.duration is True where float is meant"),
    (("duration",), 10**400, f"Backup.duration is 1{'0' * 17}...{'0' * 19} where float is meant"),
]


@pytest.mark.parametrize(("place", "value", "message"), WRONG)
def test_what_is_nearly_a_backup(
    late: Backup, place: tuple[str | int, ...], value: Any, message: str
) -> None:
    plain = json.loads(late.to_json())
    inner = plain
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    message = message.replace("@", "Backup.pre.attempts")
    with pytest.raises(UsageError) as caught:
        Backup.from_json(json.dumps(plain))
    assert str(caught.value) == f"not a complete Backup: {message}; {GIVE}"


@given(st.text())
def test_arbitrary_text(text: str) -> None:
    with pytest.raises(UsageError):
        Backup.from_json(text)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(BACKUPS, st.data())
def test_any_value_in_any_place(backup: Backup, data: st.DataObject) -> None:
    plain = json.loads(backup.to_json())
    inner = plain
    while True:
        key = data.draw(
            st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
        )
        if isinstance(inner[key], dict | list) and inner[key] and data.draw(st.booleans()):
            inner = inner[key]
        else:
            break
    inner[key] = data.draw(JSON)
    try:
        loaded = Backup.from_json(json.dumps(plain))
    except UsageError:
        return
    repr(loaded)


def test_integers_are_taken_for_seconds(good: Backup) -> None:
    plain = json.loads(good.to_json())
    plain["duration"] = 3
    loaded = Backup.from_json(json.dumps(plain))
    assert loaded.duration == 3.0
    assert isinstance(loaded.duration, float)


def test_unknown_keys_do_not_count(good: Backup) -> None:
    plain = json.loads(good.to_json())
    plain["later"] = 1
    assert Backup.from_json(json.dumps(plain)) == good


def test_an_error_of_a_later_catalogue_survives(good: Backup) -> None:
    kind = ErrorKind("Later", 999, "something", "do something", documented=False)
    plain = json.loads(good.to_json())
    plain["errors"] = [
        {
            "kind": {
                "name": kind.name,
                "code": kind.code,
                "meaning": kind.meaning,
                "remedy": kind.remedy,
                "documented": False,
            },
            "detail": "",
            "advice": [],
        }
    ]
    (error,) = Backup.from_json(json.dumps(plain)).errors
    assert error == NamedError(kind, "")
    assert str(error) == "Later (999): something"
