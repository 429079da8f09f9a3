"""A config as a file of tests: what pytest collects, shows and tells."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.contract.authored import CONFIG, GOOD_PRE, write

FAST = "skip = ['shell', 'post-after-half-done-pre', 'failure-noticed', 'exit-status']\n"


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", *options)


def names(result: pytest.RunResult) -> list[str]:
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def test_a_good_pair_passes_and_doubles_are_listed(pytester: pytest.Pytester) -> None:
    write(pytester.path / "deploy")
    result = run(pytester, "deploy")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "doubled for deploy/VMSnapshotScriptPluginConfig.json (vmsnapshot.toml can say more of "
            "them):",
            "  appctl: succeeds, and prints nothing",
        ]
    )


def test_items(pytester: pytest.Pytester) -> None:
    write(pytester.path, settings="ignore = ['VMS001']\nshells = ['debian']\n")
    found = names(run(pytester, "--collect-only", "-q"))
    assert found[0] == "lint[VMS002]"
    checks = found[found.index("lint[shellcheck]") + 1 :]
    assert checks[:6] == [
        *("valid-config", "modes", "application-consistent[documented]"),
        *("application-consistent[shipped]", "shell[debian]", "known-commands"),
    ]
    assert checks[-1] == "failure-noticed[post]"


def test_checks_are_chosen_by_their_names(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    result = run(pytester, "-k", "undone or VMS003", "-v")
    result.assert_outcomes(passed=2, deselected=result.parseoutcomes()["deselected"])


def test_a_check_by_its_id(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    run(pytester, f"{CONFIG}::quiet").assert_outcomes(passed=1)


def test_a_failure(pytester: pytest.Pytester) -> None:
    write(pytester.path, post="#!/bin/sh\nset -eu\nappctl resume\n")
    result = run(pytester, "-k", "undone")
    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    text = result.stdout.str()
    assert f"_ {CONFIG}: undone _" in text
    assert (
        "undone: the post-script undoes what the pre-script did: not so\n\n"
        "/run/app.paused was made by the pre-script, and is still there after the backup\n"
        '  remedy: undo it in the post-script, or write keep = ["/run/app.paused"] in '
        "vmsnapshot.toml\n"
    ) in text
    assert "Traceback" not in text
    assert "contract_items.py" not in text


def test_a_finding_of_the_lint(pytester: pytest.Pytester) -> None:
    write(pytester.path, GOOD_PRE.replace("\n", "\r\n"))
    result = run(pytester, "-k", "VMS001")
    text = result.stdout.str()
    assert "VMS001: The script has CR LF line ends, and a shell takes each CR for a character." in (
        text
    )
    assert "pre.sh:1: VMS001: " in text
    assert (
        'to ignore it: # vmsnapshot: ignore=VMS001, or ignore = ["VMS001"] in vmsnapshot.toml'
    ) in text


def test_skips_say_why(pytester: pytest.Pytester) -> None:
    write(pytester.path, "#!/bin/sh\nexit 1\n")
    result = run(pytester, "-rs", "-k", "post-alone")
    result.stdout.fnmatch_lines(
        [
            "SKIPPED *: a backup in which nothing is made to go wrong is not "
            "application-consistent (application-consistent[[]documented] says why)"
        ]
    )


def test_only_configs_that_are_named(pytester: pytest.Pytester) -> None:
    write(pytester.path / "deploy", settings=FAST)
    pytester.makeini("[pytest]\nvmsnapshot_configs = named\n")
    run(pytester, "--collect-only").stdout.fnmatch_lines(["*no tests collected*"])
    run(pytester, f"deploy/{CONFIG}", "-k", "quiet").stdout.fnmatch_lines(["*1 passed*"])
    found = run(pytester, "--vmsnapshot-configs=all", "--collect-only", "-q")
    assert "quiet" in names(found)


def test_a_config_of_another_name(pytester: pytest.Pytester) -> None:
    write(pytester.path).rename(pytester.path / "backup.json")
    run(pytester, "--collect-only").stdout.fnmatch_lines(["*no tests collected*"])
    run(pytester, "backup.json", "-k", "quiet").stdout.fnmatch_lines(["*1 passed*"])


def test_settings_that_are_wrong(pytester: pytest.Pytester) -> None:
    write(pytester.path, settings="shels = []\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["vmsnapshot.toml:1: this file has no key 'shels'; is shells meant?"]
    )
    assert "Traceback" not in result.stdout.str()


def test_several_processes(pytester: pytest.Pytester) -> None:
    write(pytester.path / "one", settings=FAST)
    write(pytester.path / "two", settings=FAST)
    result = run(pytester, "-n", "2", "--vmsnapshot-sarif=found.sarif")
    assert result.ret == 0
    lines = result.stdout.str()
    for name in ("one", "two"):
        assert f"doubled for {name}/{CONFIG} (vmsnapshot.toml can say more of them):" in lines
    assert (pytester.path / "found.sarif").exists()


def test_sarif(pytester: pytest.Pytester) -> None:
    write(pytester.path, f"{GOOD_PRE}. ./lib.sh\n")
    result = run(pytester, "-k", "lint", "--vmsnapshot-sarif=out/found.sarif")
    document = json.loads((pytester.path / "out/found.sarif").read_text())
    (scan,) = document["runs"]
    assert "VMS009" in {found["ruleId"] for found in scan["results"]}
    count = len(scan["results"])
    result.stdout.fnmatch_lines([f"{count} finding* in out/found.sarif (SARIF)"])


def test_sarif_where_nothing_is_found(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    run(pytester, "-k", "lint", "--vmsnapshot-sarif=found.sarif")
    document = json.loads((pytester.path / "found.sarif").read_text())
    assert document["runs"][0]["results"] == []


def test_sarif_that_cannot_be_written(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    (pytester.path / "place").write_text("")
    result = run(pytester, "-k", "VMS001", "--vmsnapshot-sarif=place/found.sarif")
    result.stderr.fnmatch_lines(
        ["ERROR: --vmsnapshot-sarif: place/found.sarif cannot be written: File exists"]
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_annotations(pytester: pytest.Pytester) -> None:
    write(pytester.path / "deploy", f"{GOOD_PRE}. ./lib.sh\n")
    result = run(pytester, "-k", "lint", "--vmsnapshot-ci=github")
    result.stdout.fnmatch_lines(["::* file=deploy/pre.sh,line=5,*title=VMS009 *"])
    assert "::error" not in run(pytester, "-k", "lint").stdout.str()


def test_annotations_of_checks_with_and_without_vms(pytester: pytest.Pytester) -> None:
    write(pytester.path / "deploy", "#!/bin/sh\nexit 3\n")
    config = pytester.path / "deploy" / CONFIG
    config.write_text(config.read_text().replace("{", '{"pluginNam": "",', 1))
    result = run(pytester, "-k", "valid-config or application", "--vmsnapshot-ci=azure")
    lines = [line for line in result.outlines if line.startswith("##vso[task.logissue ")]
    start = f"##vso[task.logissue type=error;sourcepath=deploy/{CONFIG};]"
    told = [line.removeprefix(start).partition("%0A")[0] for line in lines]
    assert told == [
        *(
            f"application-consistent[{rules}]: Pre-ScriptExecutionFailed: "
            f"application-consistent[{rules}]: a backup under the {rules} rules is "
            "application-consistent: not so"
            for rules in ("documented", "shipped")
        ),
        "valid-config: the config is correct, and nothing of the template is left: not so",
    ]


def test_a_gate_takes_the_settings_of_the_run(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    result = run(pytester, "-k", "quiet", "--vmsnapshot-guest=rootless")
    result.stdout.fnmatch_lines(["vmsnapshot: guest namespaces (rootless)*", "*1 passed*"])


IN_PLACE = (
    "the checks of a config need a VM of its own, and here the guest is in-place: scripts would "
    "stop and freeze what this machine really has; take a guest with namespaces (vmsnapshot doctor "
    "tells how to have one)"
)


def test_no_vm_at_all(pytester: pytest.Pytester) -> None:
    """Where no VM can be made, checks fail, and do not pass by looking at nothing."""
    write(pytester.path)
    result = run(pytester, "-k", "quiet", "--vmsnapshot-guest=in-place")
    assert result.ret != 0
    told = IN_PLACE if os.geteuid() == 0 else "*in-place: only root can work in place"
    result.stdout.fnmatch_lines([told, "*1 failed*"])


def test_configs_outside_the_root_directory(pytester: pytest.Pytester) -> None:
    for name in ("one", "two"):
        write(pytester.path / name)
    (pytester.path / "project").mkdir()
    (pytester.path / "project/pytest.ini").write_text("[pytest]\n")
    configs = [f"{name}/{CONFIG}" for name in ("one", "two")]
    result = run(pytester, "-c", "project/pytest.ini", "-k", "quiet", "-v", *configs)
    result.stdout.fnmatch_lines([f"{config}::quiet PASSED*" for config in configs])


def test_junit(pytester: pytest.Pytester) -> None:
    write(pytester.path)
    run(pytester, "-k", "quiet or undone", "--junitxml=out.xml")
    text = Path(pytester.path / "out.xml").read_text()
    assert 'name="quiet"' in text
    assert 'name="undone"' in text
