"""What backups say about the other rule set, word for word, in the situations the page names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_vmsnapshot import (
    CONFIG_PATH,
    EXTENSION_DIRECTORY,
    PLUGIN_HOST_PATH,
    Difference,
    VirtualMachine,
    VmFactory,
)
from pytest_vmsnapshot.engine import RULES

OK = "#!/bin/sh\n"
FAIL = "#!/bin/sh\nexit 3\n"
PRE = "/opt/vmsnapshot/pre.sh"
POST = "/opt/vmsnapshot/post.sh"
HELPER = f"{EXTENSION_DIRECTORY}/safefreeze/bin/safefreeze"
BOTH = ("documented", "shipped")
Arrange = Callable[[VirtualMachine], None]
Rows = dict[str, tuple[Arrange, list["Told"]]]

UNSEEN = {
    "documented": ": what this backup would be on the VM was not seen; try it with rules='shipped'",
    "shipped": (
        ": what this backup would be by the documentation was not seen; try it with "
        "rules='documented'"
    ),
}
THERE = {"documented": ": on the VM ", "shipped": ": by the documentation "}
SUCCESS = "-consistent, and Azure would report success"
FAIL_WITH = "this backup would fail with "
SAME = "the verdict would be the same"
PRE_FAILED = "Pre-ScriptExecutionFailed (300)"


@dataclass(frozen=True, slots=True)
class Told:
    """A rule, a sentence, and what follows on the other side; empty where that was not seen."""

    rule: str
    text: str
    end: str = ""

    def difference(self, rules: str) -> Difference:
        end = THERE[rules] + self.end if self.end else UNSEEN[rules]
        return Difference(self.rule, self.text + end)


def would_be(consistency: str, error: str = "") -> str:
    return f"this backup would be {consistency}{SUCCESS}" + (f", with {error}" if error else "")


def scripts(pre: str | bytes = OK, post: str = OK, **more: Any) -> Arrange:
    return lambda vm: vm.install(pre=pre, post=post, **more)


def then(command: str, *, fs_freeze: bool = True) -> Arrange:
    def arrange(vm: VirtualMachine) -> None:
        vm.install(pre=OK, post=OK, fs_freeze=fs_freeze)
        vm.run(command, check=True)

    return arrange


def without(key: str) -> Arrange:
    def arrange(vm: VirtualMachine) -> None:
        vm.install(pre=OK, post=OK)
        config = json.loads(vm.path(CONFIG_PATH).read_text())
        vm.install_config({name: value for name, value in config.items() if name != key})

    return arrange


def named(*configs: str) -> Arrange:
    """The owner's Pluginhost file names these configs, all alike."""

    def arrange(vm: VirtualMachine) -> None:
        vm.install(pre=OK, post=OK)
        content = vm.path(CONFIG_PATH).read_text()
        rows = ["[pre_post]", "timeoutInSeconds = 1800", f"numberOfPlugins = {len(configs)}"]
        for index, config in enumerate(configs):
            rows += [f"pluginName{index} = ScriptRunner", f"pluginPath{index} = /etc/azure"]
            rows += [f"pluginConfigPath{index} = {config}"]
            vm.write(config, content, mode=0o600)
        vm.write(PLUGIN_HOST_PATH, "\n".join(rows))

    return arrange


def check(vm: VirtualMachine, arrange: Arrange, told: Sequence[Told]) -> None:
    arrange(vm)
    backup = vm.backup()
    assert backup.differences == tuple(one.difference(backup.rules) for one in told)
    assert {difference.rule for difference in backup.differences} <= set(RULES)


# -- told under documented, and under shipped rules ------------------------------------------------

AGAIN = "#!/bin/sh\necho try >> /srv/tries\n[ $(wc -l < /srv/tries) -gt 1 ]\n"
ARRAY = "#!/bin/bash\ntables=(orders customers)\n"
LONG = "#!/bin/sh\nsleep 60\n"
PRINTS = "#!/bin/sh\nhead -c 65537 /dev/zero\n"
NOTHING_READ = "nobody would read it, and the script would wait at 64 KiB until its limit"
RUNS_ON = Told(
    "stops_at_limit",
    "the pre-script would not be stopped at its limit but run on during freeze and snapshot and "
    "beside the post-script",
    SAME,
)
SH_WOULD = "sh would run the pre-script, whatever its first line says"
COUNTS = "would run the pre-script, because its first line counts"
MODE_500 = f"{PRE} has mode 500 and owner root; it must have mode 700 and owner root"
MISSING = f"{CONFIG_PATH}: timeoutInSeconds is missing"
ACCEPT = "rules accept what kept the scripts from running here"
LET_NONE = "rules let no script run"
OTHER = "/usr/local/sbin/sh"
OTHER_SH = f"cp /bin/bash {OTHER}"
COUNT = "and all their scripts would run"
ONLY_OWN = f"the config that counts would be {CONFIG_PATH}, and its scripts would run"
NO_HELPER = "the extension's freezing helper may not be executed, so no file system would be frozen"
STUCK = f"chmod 600 {HELPER}"


def row(arrange: Arrange, *told: Told) -> tuple[Arrange, list[Told]]:
    return arrange, list(told)


DOCUMENTED: Rows = {
    "saved by a retry": row(
        scripts(AGAIN, pre_retries=2),
        Told(
            "relaunches",
            "the pre-script succeeded in attempt 2, and there would be only the first",
            would_be("file-system", PRE_FAILED),
        ),
    ),
    "retries in vain": row(scripts(FAIL, pre_retries=2)),
    "output": row(
        scripts(PRINTS),
        Told(
            "drains_output",
            f"the pre-script printed 65,537 bytes to a stream, {NOTHING_READ}",
            would_be("file-system", "Pre-ScriptTimeout (308)"),
        ),
    ),
    "as much output as fits": row(scripts(PRINTS.replace("65537", "65536"))),
    "an array": row(
        scripts(ARRAY),
        Told(
            "interpreter",
            f'{SH_WOULD} (/bin/bash), and cannot parse it: 2: Syntax error: "(" unexpected',
            would_be("file-system", PRE_FAILED),
        ),
    ),
    "bash": row(scripts("#!/bin/bash\ntrue\n"), Told("interpreter", f"{SH_WOULD} (/bin/bash)")),
    "carriage returns": row(
        scripts(b"#!/bin/sh\r\nexit 0\r\n"), Told("interpreter", f"{SH_WOULD} (/bin/sh\\r)")
    ),
    "carriage returns, many retries": row(
        scripts(b"#!/bin/sh\r\nexit 0\r\n", pre_retries=300),
        Told("interpreter", f"{SH_WOULD} (/bin/sh\\r)"),
    ),
    "an option, failing": row(
        scripts("#!/bin/sh -e\nfalse\ntrue\n"),
        Told(
            "interpreter",
            "the pre-script failed, and the option -e of its first line would not be in effect",
        ),
    ),
    "an option, passing": row(scripts("#!/bin/sh -e\ntrue\n")),
    "an option that changes nothing": row(scripts("#!/bin/sh -x\nexit 1\n")),
    "an option, too late": row(scripts("#!/bin/sh -e\nsleep 60\n"), RUNS_ON),
    "mode 500": row(
        scripts(pre_mode=0o500), Told("script_mode", f"the shipped {ACCEPT} ({MODE_500})")
    ),
    "no timeout": row(
        without("timeoutInSeconds"), Told("required_keys", f"the shipped {ACCEPT} ({MISSING})")
    ),
    "stopped at 30": row(scripts(LONG, timeout=30), RUNS_ON),
    "stopped at 31": row(
        scripts(LONG, timeout=31),
        Told(
            "poll_step",
            "the pre-script was stopped at 31 s and would have until 33 s, because it is "
            "looked at every 3 s",
        ),
    ),
    "post-script too late": row(
        scripts(post=LONG),
        Told(
            "stops_at_limit",
            "the post-script would not be stopped at its limit but run on after the backup",
            SAME,
        ),
    ),
    "freeze off": row(
        scripts(FAIL, fs_freeze=False),
        Told(
            "freeze_off_vetoes",
            "where fsFreezeEnabled is false any script failure fails the backup",
            FAIL_WITH + PRE_FAILED,
        ),
    ),
    "wrong config": row(
        lambda vm: vm.install_config('{"continueBackupOnFailure": false}'),
        Told(
            "unreported",
            "the extension does not tell Azure what is wrong with the config or the "
            "Pluginhost file",
            would_be("file-system"),
        ),
    ),
    "another sh": row(
        then(OTHER_SH),
        *(
            Told(
                "interpreter",
                f"{OTHER} would run the {step}, whatever its first line says (/bin/sh)",
            )
            for step in ("pre-script", "post-script")
        ),
    ),
    "two configs": row(
        named(CONFIG_PATH, "/srv/1.json"),
        Told(
            "plugin_host_decides",
            f"the configs that count would be {CONFIG_PATH}, /srv/1.json, {COUNT}",
        ),
    ),
    "no config": row(
        named(),
        Told(
            "plugin_host_decides",
            "the Pluginhost file names no config, so no script would run",
            SAME,
        ),
    ),
    "another config": row(
        named("/srv/1.json"),
        Told(
            "plugin_host_decides",
            "the config that counts would be /srv/1.json, and its scripts would run",
        ),
    ),
    "execute bit taken away": row(
        scripts(f"#!/bin/sh\nchmod 600 {POST}\n"),
        Told("interpreter", "the post-script may not be executed, but sh would run it"),
    ),
    "stuck helper": row(
        then(STUCK), Told("helper_is_needed", NO_HELPER, FAIL_WITH + "FsFreezeTimeout (122)")
    ),
}

SHIPPED: Rows = {
    "retries": row(
        scripts(AGAIN, pre_retries=2),
        Told("relaunches", "the pre-script failed and would be tried again, up to 2 times"),
    ),
    "output": row(
        scripts(PRINTS),
        Told(
            "drains_output", "the pre-script had filled a pipe that nobody read; there it is read"
        ),
    ),
    "an array": row(scripts(ARRAY), Told("interpreter", f"/bin/bash {COUNTS}")),
    "an option": row(
        scripts("#!/bin/sh -e\nfalse\ntrue\n"),
        Told(
            "interpreter", "the option -e of its first line would be in effect for the pre-script"
        ),
    ),
    "mode 500": row(
        scripts(pre_mode=0o500),
        Told(
            "script_mode",
            f"the documented {LET_NONE} ({MODE_500})",
            would_be("file-system", "InsufficientPermissionforPre-Script (306)"),
        ),
    ),
    "no timeout": row(
        without("timeoutInSeconds"),
        Told(
            "required_keys",
            f"the documented {LET_NONE} ({MISSING})",
            would_be("file-system", "IncorrectJSONConfigFile (305)"),
        ),
    ),
    "saved by the last look": row(
        scripts("#!/bin/sh\nsleep 32\n", timeout=31),
        Told(
            "poll_step",
            "the pre-script took 32.0 s and would be stopped at 31 s",
            would_be("file-system", "Pre-ScriptTimeout (308)"),
        ),
    ),
    "freeze off": row(
        scripts(FAIL, fs_freeze=False),
        Told(
            "freeze_off_vetoes",
            "continueBackupOnFailure decides, also where fsFreezeEnabled is false",
            would_be("crash", PRE_FAILED),
        ),
    ),
    "wrong config": row(
        lambda vm: vm.install_config('{"continueBackupOnFailure": false}'),
        Told(
            "unreported",
            "Azure is told of what is wrong with the config or the Pluginhost file",
            would_be("file-system", "IncorrectJSONConfigFile (305)"),
        ),
    ),
    "two configs": row(named(CONFIG_PATH, "/srv/1.json"), Told("plugin_host_decides", ONLY_OWN)),
    "stuck helper": row(
        then(STUCK),
        Told(
            "helper_is_needed",
            "the extension's freezing helper does not count",
            would_be("application"),
        ),
    ),
}


CASES = [
    *(
        pytest.param("documented", *row, id=f"documented-{name}")
        for name, row in DOCUMENTED.items()
    ),
    *(pytest.param("shipped", *row, id=f"shipped-{name}") for name, row in SHIPPED.items()),
]


@pytest.mark.parametrize(("rules", "arrange", "told"), CASES)
def test_told(vm_factory: VmFactory, rules: str, arrange: Arrange, told: list[Told]) -> None:
    check(vm_factory(rules=rules), arrange, told)


NO_FALLBACK = "a single-disk VM does not fall back after a script failure or a failed freeze"
FALLBACK = "a single-disk VM falls back to crash-consistent whatever continueBackupOnFailure says"


@pytest.mark.parametrize(
    ("rules", "text", "end"),
    [
        ("documented", NO_FALLBACK, FAIL_WITH + PRE_FAILED),
        ("shipped", FALLBACK, would_be("crash", PRE_FAILED)),
    ],
)
def test_single_disk(vm_factory: VmFactory, rules: str, text: str, end: str) -> None:
    told = Told("single_disk_falls_back", text, end)
    check(vm_factory(rules=rules, disks=1), scripts(FAIL, continue_on_failure=False), [told])


def fails_to_snapshot(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.fault(snapshot="all_failed")


SILENT: dict[str, Arrange] = {
    "good": scripts(),
    "failing": scripts(FAIL),
    "failing, not to go on": scripts(FAIL, continue_on_failure=False),
    "post-script failing": scripts(post=FAIL),
    "no config": lambda vm: None,
    "fault of the snapshot": fails_to_snapshot,
    "dash, which is sh": scripts("#!/bin/dash\n", "#!/usr/bin/env sh\n"),
    "no first line": scripts("true\n", "false\n"),
    "in time under both": scripts("#!/bin/sh\nsleep 29\n", timeout=30),
    "another name of the same sh": then("ln -s /bin/sh /usr/local/sbin/sh"),
    "stuck helper without a freeze": then(STUCK, fs_freeze=False),
    "a NUL ends the first line": scripts(b"#!/bin/sh\0x\ntrue\n"),
}


@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("arrange", SILENT.values(), ids=SILENT)
def test_nothing_is_told(vm_factory: VmFactory, arrange: Arrange, rules: str) -> None:
    check(vm_factory(rules=rules), arrange, [])


UNLIKE: dict[str, Arrange] = {
    "env -S sh -e": scripts("#!/usr/bin/env -S sh -e\nfalse\ntrue\n"),
    "relative sh": scripts("#!sh\n"),
    "a tab before an option": scripts("#!/bin/sh\t-e\nfalse\ntrue\n"),
    "execute bit taken away": scripts(f"#!/bin/sh\nchmod 600 {POST}\n"),
}


@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("arrange", UNLIKE.values(), ids=UNLIKE)
def test_a_difference_is_told(vm_factory: VmFactory, arrange: Arrange, rules: str) -> None:
    vms = {name: vm_factory(rules=name) for name in BOTH}
    for vm in vms.values():
        arrange(vm)
    found = {name: vm.backup() for name, vm in vms.items()}
    assert found["documented"].extension.result != found["shipped"].extension.result
    assert [difference.rule for difference in found[rules].differences] == ["interpreter"]
    assert "/bin/sh\\t" not in str(found[rules].differences[0])
