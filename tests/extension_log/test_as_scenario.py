"""From what a log says to a case: whatever it says, the case can be read, and says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot.declared import TomlFile
from pytest_vmsnapshot.extension_log.as_scenario import (
    case_of,
    cases_of,
    scenario_text,
    shell_of,
)
from pytest_vmsnapshot.extension_log.backups import LoggedBackup
from pytest_vmsnapshot.extension_log.case_files import Given
from pytest_vmsnapshot.extension_log.comparison import Outcome
from pytest_vmsnapshot.extension_log.reproducing import reproduce, write
from pytest_vmsnapshot.scenario.case import cases_of as read_cases

from ..conformance.vector import SHARED, load
from .assembled import NAME, Generation, log_of, logged
from .test_messages import SAMPLES

VECTORS = {vector.id: vector for vector in load(SHARED)}
GOOD = "mx-pre_ok-post_ok-contT-fsT-snap_ok-freeze_ok"


def backup_of(name: str, generation: Generation = Generation.TODAY) -> LoggedBackup:
    return logged(log_of(VECTORS[name], generation)).backups[0]


MORE = [
    "Prescript for ScriptRunner failed with error code: 999999 .",
    "Prescript for ScriptRunner failed with error code: -99 .",
    "Plugin:None timeout:[1, None] pollTotalCount:x preScriptParams:None postScriptParams:{} "
    "continueBackupOnFailure:[] preScriptNoOfRetries:None postScriptNoOfRetries:inf Global FS "
    "Freeze on :nan",
    "isManagedVm=[None], canTakeCrashConsistentSnapshot={}, backupRetryCount=inf, "
    "numberOfDisks=99999, takeCrashConsistentSnapshot=True",
    "Permissions  of the file /a'b\"c \\ \x7f\u2028 are 777",
    "Plugin config path is ../x.json",
    "arg : ['/x/safefreeze', '60', '/a b', '/é', 'c']",
    "arg : ['/x/safefreeze', 60]",
    "skipped mount :/a, /b,c",
    *(
        f'[{{"status": {{"status": "{status}", "code": "{code}", "vmHealthInfo": '
        f'{{"vmHealthStatusCode": {error}}}}}}}]'
        for status, code, error in (
            ("success", 0, 0),
            ("error", 300, 308),
            ("error", -5, 12345),
            ("weird", 1, 1),
            ("error", 12, 12),
        )
    ),
]
LINES = st.sampled_from([*(row[0] for row in SAMPLES), *MORE])


@given(st.lists(LINES, min_size=1, max_size=25))
@settings(deadline=None)
def test_any_messages_make_a_case_that_can_be_read(texts: list[str]) -> None:
    content = "".join(f"2024-01-14 22:16:48 [{NAME}]{text}\n" for text in texts)
    cases = [case for case in cases_of(logged(content).backups) if not case.impossible]
    if cases:
        file = TomlFile(Path.cwd() / "x.vmsnapshot.toml", scenario_text(cases, "x\n[y]"))
        assert [case.name for case in read_cases(file)] == [case.name for case in cases]


def test_backups_of_the_same_second_have_names_of_their_own() -> None:
    one = backup_of(GOOD)
    names = [case.name for case in cases_of([one, one, one])]
    assert names == ["2024-01-14T22:16:48", "2024-01-14T22:16:48-2", "2024-01-14T22:16:48-3"]
    late = replace(one, stretch=replace(one.stretch, began=""), number=7)
    assert case_of(late).name == "backup-7"


@pytest.mark.parametrize(
    ("told", "shell"),
    [
        ("ubuntu", "ubuntu"),
        ("Debian GNU/Linux", "debian"),
        ("Red Hat Enterprise Linux Server", "rhel"),
        ("redhat", "rhel"),
        ("SuSE", "suse"),
        ("mariner", ""),
        ("", ""),
    ],
)
def test_whose_shell_runs_the_scripts(told: str, shell: str) -> None:
    assert shell_of(told) == shell


def test_an_owner_the_vm_has_not() -> None:
    text = log_of(VECTORS["perm-post-nobody"], Generation.TODAY).replace(" nobody ", " oracle ")
    case = case_of(logged(text).backups[0])
    assert case.stand_ins == ("/etc/azure/postScript.sh belonged to oracle; nobody stands in",)


def test_a_value_that_blew_up() -> None:
    (note,) = case_of(backup_of("type-timeout-list")).stand_ins
    assert note.startswith(
        "a wrong type of timeoutInSeconds stands in for a value that the extension failed over; "
        "the log says: "
    )


def test_a_runner_that_died() -> None:
    case = case_of(backup_of("type-retries-post-string-fail"))
    assert case.stand_ins == (
        "the extension waited for the post-script in vain, and the log does not say why; "
        "postScriptNoOfRetries as a string, which has that effect, stands in",
    )


def test_an_empty_list_of_disks() -> None:
    case = case_of(backup_of("crash-cond-0luns"))
    assert case.stand_ins == ("the platform's list of disks was empty; two disks stand in",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (GOOD, "Running postscript"),
        (GOOD, "Finished prescript"),
        ("exit-pre-127", "Calling do snapshot"),
        ("timeout-pre-cbf-false", "Finished postscript"),
        ("exit-post-2", "file status report message:"),
    ],
)
def test_the_end_of_a_log_is_enough(name: str, words: str) -> None:
    """What the last lines and the final code say is reproduced."""
    lines = log_of(VECTORS[name], Generation.TODAY).splitlines(keepends=True)
    start = max(i for i, line in enumerate(lines) if words in line)
    log = logged("".join(lines[start:]))
    (found,) = reproduce(log, write(log))
    told = [f for f in found.fields if f.field in ("result", "error", "status")]
    assert all(field.logged for field in told)
    assert found.outcome is Outcome.AS_FAR_AS_TOLD, [f for f in found.fields if not f.agrees]


def test_own_files_are_named_as_the_scenario_sees_them(tmp_path: Path) -> None:
    config, script = tmp_path / "deploy/c.json", tmp_path / "src/pre.sh"
    own = Given(config, {"/etc/azure/preScript.sh": script}.get, tmp_path / "tests")
    case = case_of(backup_of(GOOD), own)
    files = case.table["files"]
    assert isinstance(files, dict)
    sources = {path: file.get("source") for path, file in files.items()}
    assert sources == {
        "/etc/azure/VMSnapshotScriptPluginConfig.json": "../deploy/c.json",
        "/etc/azure/preScript.sh": "../src/pre.sh",
        "/etc/azure/postScript.sh": None,
    }
    assert case.stand_ins == (
        "no local file for /etc/azure/postScript.sh: a stand-in takes its place",
    )
    assert case.differences == (
        "the config that is given cannot be read, and the real one could: [Errno 2] No such file "
        f"or directory: '{config}'",
    )


def test_where_a_config_differs(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text('{"timeoutInSeconds": 9999, "preScriptLocation": "/x", "fsFreezeEnabled": 0}')
    text = log_of(VECTORS[GOOD], Generation.TODAY).replace("timeout:6 ", "timeout:1800 ")
    case = case_of(logged(text).backups[0], Given(config, lambda _: None))
    assert case.differences == (
        'preScriptParams: ["", ""] in the log, [] in the config given',
        'postScriptParams: ["", ""] in the log, [] in the config given',
        "fsFreezeEnabled: true in the log, 0 in the config given",
        'preScriptLocation: "/etc/azure/preScript.sh" in the log, "/x" in the config given',
        'postScriptLocation: "/etc/azure/postScript.sh" in the log, null in the config given',
    )
