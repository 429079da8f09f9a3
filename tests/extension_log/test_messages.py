"""Each message the extension writes, and the fact it stands for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import Step
from pytest_vmsnapshot.extension_log.kinds import Fact, Kind
from pytest_vmsnapshot.extension_log.message_table import PATTERNS
from pytest_vmsnapshot.extension_log.messages import continues, fact_of
from pytest_vmsnapshot.extension_log.python_values import poll_steps, read_value
from pytest_vmsnapshot.extension_log.reading import Line, Message
from pytest_vmsnapshot.extension_log.status_report import Report, read_report

PRE, POST = Step.PRE_SCRIPT, Step.POST_SCRIPT
CONFIG = "/etc/azure/VMSnapshotScriptPluginConfig.json"
HOST = "/etc/azure/VMSnapshotPluginHost.conf"


def fact(text: str, *, is_cut: bool = False) -> Fact | None:
    return fact_of(Message(Line("extension.log", 1, text), is_cut=is_cut))


SAMPLES = [
    ("starting enable", Kind.ENABLED, {}),
    ("starting daemon", Kind.DAEMON, {}),
    (
        'customSettings : {"isManagedVm": true}',
        Kind.CUSTOM_SETTINGS,
        {"value": '{"isManagedVm": true}'},
    ),
    ("Failed to enable the extension with error: boom", Kind.EXTENSION_FAILED, {"value": "boom"}),
    ("Failed to do the snapshot with error: x, stack trace: y", Kind.SNAPSHOT_BROKE, {}),
    ("snapshot", Kind.NOTHING, {}),
    (
        "patch_class_name: UbuntuPatching and orig_distro: ubuntu",
        Kind.DISTRIBUTION,
        {"value": "ubuntu"},
    ),
    ("Snapshots are inconsistent", Kind.THAWED_EARLY, {}),
    (
        "The owner of the PostScript file /p is oracle but  not root",
        Kind.SCRIPT_OWNER_REFUSED,
        {"step": POST, "path": "/p", "name": "oracle"},
    ),
    ("Failed to open file or aquire lock:  [Errno 11]", Kind.NOTHING, {}),
    ("taskId: 0b6a-1", Kind.TASK, {"value": "0b6a-1"}),
    ("the sequence number are same, so skip, current:3== last:3", Kind.SAME_AGAIN, {}),
    (
        "TaskId is same as last, so skip with Processed Status, current:a== last:a",
        Kind.SAME_AGAIN,
        {},
    ),
    ("starting daemon initially", Kind.DAEMON, {}),
    (
        "isManagedVm=True, canTakeCrashConsistentSnapshot=False, backupRetryCount=0, "
        "numberOfDisks=2, takeCrashConsistentSnapshot=False",
        Kind.PLATFORM,
        {},
    ),
    (
        "safefreeze binary is missing in the following path /x/safefreeze",
        Kind.HELPER_MISSING,
        {"path": "/x/safefreeze"},
    ),
    ("CRP timeout limit has reached, will not take snapshot.", Kind.TOO_LATE, {}),
    ("workload backup enabled for workload: mysql", Kind.WORKLOAD, {"name": "mysql"}),
    ("Loading script modules now...", Kind.PRECHECK, {}),
    (f"Permissions  of the file {HOST} are 644", Kind.MODE, {"path": HOST, "value": "644"}),
    ("Permisisons  of the file /a are b are 700", Kind.MODE, {"path": "/a are b", "value": "700"}),
    (
        f"Plugin host Config file does not exist in the location {HOST}",
        Kind.HOST_ABSENT,
        {"path": HOST},
    ),
    ("Plugin host Config file does not have desired permissions", Kind.HOST_MODE_REFUSED, {}),
    (
        f"The owner of the Plugin host Config file {HOST} is bob but not root",
        Kind.HOST_OWNER_REFUSED,
        {"path": HOST, "name": "bob"},
    ),
    (f"config file: {HOST}", Kind.HOST_READ, {"path": HOST}),
    ("timeoutInSeconds: 1800", Kind.HOST_LIMIT, {"number": 1800}),
    ("numberOfPlugins: -1", Kind.HOST_PLUGINS, {"number": -1}),
    (
        "Error in reading PluginHost config file : bad, stack trace: x",
        Kind.HOST_UNREADABLE,
        {"value": "bad, stack trace: x"},
    ),
    (
        "Error in reading PluginHost config file. bad",
        Kind.HOST_UNREADABLE,
        {"value": "bad"},
    ),
    ("Name of the Plugin is ScriptRunner", Kind.PLUGIN, {"name": "ScriptRunner"}),
    (f"Plugin config path is {CONFIG}", Kind.CONFIG, {"path": CONFIG}),
    (
        f"Plugin host file does not exist in the location {CONFIG}",
        Kind.CONFIG_ABSENT,
        {"path": CONFIG},
    ),
    ("Plugin Config file does not have desired permissions", Kind.CONFIG_MODE_REFUSED, {}),
    (
        f"The owner of the Plugin Config file {CONFIG} is  but not root",
        Kind.CONFIG_OWNER_REFUSED,
        {"path": CONFIG, "name": ""},
    ),
    (
        "Error in opening ScriptRunner config file.: denied, stack trace: x",
        Kind.CONFIG_UNREADABLE,
        {"name": "ScriptRunner", "value": "denied, stack trace: x"},
    ),
    (
        "Error in decoding ScriptRunner config file. Expecting value",
        Kind.CONFIG_NOT_JSON,
        {"name": "ScriptRunner", "value": "Expecting value"},
    ),
    (
        "Error in fetching value for the key 'preScriptLocation' in ScriptRunner config file.: x",
        Kind.CONFIG_KEY_MISSING,
        {"name": "preScriptLocation"},
    ),
    (
        "Cant run prescript for ScriptRunner . Config File error.",
        Kind.CONFIG_REFUSED,
        {"step": PRE, "name": "ScriptRunner"},
    ),
    ("Plugin:ScriptRunner timeout:30 pollTotalCount:10", Kind.SETTINGS, {"name": "ScriptRunner"}),
    (
        "Prescript file does not exist in the location ",
        Kind.SCRIPT_ABSENT,
        {"step": PRE, "path": ""},
    ),
    (
        "Postscript file does not exist in the location /a b",
        Kind.SCRIPT_ABSENT,
        {"step": POST, "path": "/a b"},
    ),
    (
        "Prescript file does not have desired permissions ",
        Kind.SCRIPT_MODE_REFUSED,
        {"step": PRE},
    ),
    (
        "The owner of the PostScript file /p is oracle but not root",
        Kind.SCRIPT_OWNER_REFUSED,
        {"step": POST, "path": "/p", "name": "oracle"},
    ),
    ("App Consistent Consistent Backup Enabled", Kind.SCRIPTS_COUNT, {}),
    (
        "Triggering File System Consistent Backup because of error code ExtensionErrorCode: x",
        Kind.NO_SCRIPTS,
        {"value": " ExtensionErrorCode: x"},
    ),
    ("Running prescript for ScriptRunner module...", Kind.STARTED, {"step": PRE}),
    ("Postscript for ScriptRunner timed out.", Kind.TIMED_OUT, {"step": POST}),
    ("Prescript for ScriptRunner failed. Retrying...", Kind.RETRIED, {"step": PRE}),
    (
        "Prescript for ScriptRunner failed with error code: -9 .",
        Kind.FAILED,
        {"step": PRE, "number": -9},
    ),
    ("Postscript for ScriptRunner successfully executed.", Kind.SUCCEEDED, {"step": POST}),
    (
        "Finished postscript execution from PluginHost side. Continue Backup: False",
        Kind.FINISHED,
        {"step": POST, "value": "False"},
    ),
    ("Calling do snapshot method", Kind.SNAPSHOT, {}),
    ("T:S freeze, timeout value 60", Kind.FREEZE, {}),
    ("skip freeze is : True", Kind.FREEZE_SKIPPED, {"value": "True"}),
    ("skipped mount :/mnt", Kind.MOUNT_SKIPPED, {"path": "/mnt"}),
    ("fsfreeze mount :/data", Kind.MOUNT_SEEN, {"path": "/data"}),
    (
        "arg : ['/x/safefreeze', '60', '/']",
        Kind.FREEZE_ORDER,
        {"value": "['/x/safefreeze', '60', '/']"},
    ),
    ("['/x/safefreeze', '60', '/']", Kind.FREEZE_ORDER, {"value": "['/x/safefreeze', '60', '/']"}),
    ("freezed", Kind.FROZEN, {}),
    ("****** 4. Freeze Completed (Signal=1 received)", Kind.FROZEN, {}),
    ("Binary output for signal handled: 2", Kind.HELPER_ANSWER, {"number": 2}),
    ("Mount Points already freezed by some other processor", Kind.LOCK_HELD, {}),
    ("freeze timed-out", Kind.FREEZE_TIMED_OUT, {}),
    ("Failed to open: /data", Kind.NOT_OPENED, {"path": "/data"}),
    ("Failed to FIFREEZE: /data", Kind.NOT_FROZEN, {"path": "/data"}),
    ("Failed to FITHAW: /data", Kind.NOT_THAWED, {"path": "/data"}),
    ("freeze failed for some mount with exception, Exception x", Kind.FREEZE_FAILED, {}),
    ("snapshot result inconsistent", Kind.THAWED_EARLY, {}),
    ("snapshot result inconsistent as child returns with failure", Kind.THAW_FAILED, {}),
    ("Unable to execute sleep", Kind.SLEEP_UNABLE, {}),
    (
        "T:S Enable failed with FailedRetryableSnapshotFailedNoNetwork errror",
        Kind.ALL_DISKS_FAILED,
        {},
    ),
    (
        "T:S Enable failed with FailedRetryableSnapshotFailedRestrictedNetwork errror",
        Kind.SOME_DISKS_FAILED,
        {},
    ),
    (
        "From Host- IsSuccessful:True, SnapshotUri:https://a/b, ErrorMessage:, StatusCode:200",
        Kind.DISK_ANSWER,
        {"value": "True"},
    ),
    ("IsSuccessful:false, SnapshotUri:", Kind.DISK_ANSWER, {"value": "false"}),
    ("blob status report message:", Kind.REPORT_LABEL, {"value": "blob"}),
    ('[{"version": "1.0", "status": {}}]', Kind.REPORT, {}),
    ("Enable failed.boom", Kind.EXTENSION_FAILED, {"value": "boom"}),
    ("final thread timeout60", Kind.NOTHING, {}),
    (" configfile /etc/azure/vmbackup.conf", Kind.NOTHING, {}),
]


@pytest.mark.parametrize(("text", "kind", "values"), SAMPLES, ids=[row[0][:50] for row in SAMPLES])
def test_message(text: str, kind: Kind, values: dict[str, object]) -> None:
    found = fact(text)
    assert found is not None
    assert found.kind is kind
    assert {name: getattr(found, name) for name in values} == values
    old = fact(f"  {text} ")
    assert old is not None, "blanks around it, as what was kept back has them"
    assert old.kind is kind


def test_there_is_a_sample_of_every_kind() -> None:
    assert {kind for _, kind, _ in SAMPLES} == set(Kind)
    assert {pattern.kind for pattern in PATTERNS} == set(Kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "timeoutInSeconds: soon",
        "Permissions  of the file /a are rwx",
        "Prescript for ScriptRunner failed with error code: 3",
        "Running prescript for ScriptRunner",
        "freezed.",
        "arg : oops",
        "isManagedVm=True",
        "Binary output for signal handled: 7",
    ],
)
def test_what_is_only_like_a_message_is_not_known(text: str) -> None:
    assert fact(text) is None


@pytest.mark.parametrize("text", ["timeoutInSeconds: 18", "fsfreeze mount :/da", "taskId: 12"])
def test_a_line_that_is_cut_says_nothing_where_its_end_counts(text: str) -> None:
    assert fact(text) is not None
    assert fact(text, is_cut=True) is None


def test_a_line_that_is_cut_behind_its_fixed_end_counts() -> None:
    assert fact("Prescript for X failed with error code: 3 .", is_cut=True) is not None


def test_what_may_go_on_in_further_lines() -> None:
    trace = fact("Error in reading PluginHost config file : x, stack trace: Traceback")
    single = fact("numberOfPlugins: 1")
    assert trace is not None
    assert single is not None
    assert continues(trace)
    assert not continues(single)


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    found = fact(text)
    assert found is None or isinstance(found.kind, Kind)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("None", None),
        ("30", 30),
        ("-2", -2),
        ("2.5", 2.5),
        ("1e+400", math.inf),
        ("inf", math.inf),
        ("['', '']", ["", ""]),
        ("[u'na\\xefve', u\"it's\"]", ["naïve", "it's"]),
        ("[True, None, inf, -inf, {'a': [1]}]", [True, None, math.inf, -math.inf, {"a": [1]}]),
        ("{'k': 'v'}", {"k": "v"}),
        ("false", "false"),
        ("a b", "a b"),
        ("[__import__('os')]", "[__import__('os')]"),
        ("[b'bytes']", "[b'bytes']"),
        ("[" * 500 + "]" * 500, "[" * 500 + "]" * 500),
        ("9" * 5000, "9" * 5000),
        ("", ""),
    ],
)
def test_values_as_python_writes_them(text: str, value: object) -> None:
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items, max_size=4) | st.dictionaries(st.text(), items, max_size=4),
    max_leaves=8,
)


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_what_python_writes_is_read_back(value: object) -> None:
    assert read_value(str(value)) == value


@pytest.mark.parametrize(
    ("timeout", "count", "steps"),
    [
        (30, 10.0, (3,)),
        (10, 3.3333333333333335, (3,)),
        (30, 15.0, (2,)),
        (30, 10, (3,)),
        (10, 2, (4, 5)),
        (2, 0, (3, 4, 5)),
        (True, 0.3333333333333333, (3,)),
        (0, 0.0, ()),
        (math.inf, math.inf, ()),
        (math.nan, math.nan, ()),
        ("30", 10.0, ()),
        (30, 0.001, ()),
    ],
)
def test_how_often_a_script_is_looked_at(
    timeout: object, count: object, steps: tuple[int, ...]
) -> None:
    assert poll_steps(timeout, count) == steps


# -- reports ---------------------------------------------------------------------------------------


def test_a_report() -> None:
    text = (
        '[{"version": "1.0", "timestampUTC": "\\/Date(1)\\/", "status": {"status": "Error", '
        '"code": "121", "taskId": "t", "formattedMessage": {"message": "m"}, '
        '"vmHealthInfo": {"vmHealthStatusCode": 300}}}]'
    )
    assert read_report(text, to_file=False) == Report("error", 121, 300, "m", task="t")


@pytest.mark.parametrize(
    ("status", "code", "to_file", "true"),
    [
        ("success", 0, True, "success"),
        ("success", 76, True, "success"),
        ("success", 300, True, "error"),
        ("success", 300, False, "success"),
        ("error", 300, True, "error"),
    ],
)
def test_the_report_for_the_agent_is_always_a_success(
    status: str, code: int, to_file: bool, true: str
) -> None:
    assert Report(status, code, to_file=to_file).true_status == true


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[1]",
        "{}",
        "[{}]",
        '[{"status": 3}]',
        '[{"status": {"status": "success"}}]',
        '[{"status": {"status": "success", "code": "many"}}]',
        '[{"status": {"status": "success", "code": true}}]',
        "[" * 5000,
    ],
)
def test_what_is_no_report(text: str) -> None:
    assert read_report(text, to_file=True) is None


@given(JSON)
def test_no_report_is_too_odd(value: object) -> None:
    import json

    for nested in (
        value,
        [value],
        [{"status": value}],
        [{"status": {"status": "x", "code": value}}],
    ):
        found = read_report(json.dumps(nested), to_file=True)
        assert found is None or found.error is None
