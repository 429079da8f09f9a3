"""Each check finds its flaw, and none is found where there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_vmsnapshot.contract.check import NAMES, Check, checks_of, made
from pytest_vmsnapshot.contract.outcome import Outcome
from pytest_vmsnapshot.contract.stand import Stand

from .authored import GOOD_POST, GOOD_PRE

MakeStand = Callable[..., Stand]

FINISHED_PRE = GOOD_PRE + "echo > /run/app.finished\n"
BASH = '#!/bin/bash\nset -eu\nwhat=(pause)\nappctl "${what[@]}"\ntouch /run/app.paused\n'
WRITER = (
    "perl -e '$|=1; while(1){print 1; select(undef,undef,undef,1)}' >> /data/log 2>&1 &\n"
    "echo $! > /run/writer\n"
)
STOPS_WRITER = 'if [ -e /run/writer ]; then kill "$(cat /run/writer)"; rm /run/writer; fi\n'
FIRST_TIME_ONLY = "if [ -e /srv/app/ran ]; then exit 1; fi\nmkdir -p /srv/app\n: > /srv/app/ran\n"

FLAWS: dict[str, tuple[dict[str, object], set[str]]] = {
    "none": ({}, set()),
    "a slip of the pen": (
        {"pre": f"{GOOD_PRE}sytemctl stop app\n"},
        {"known-commands"},
    ),
    "slow": (  # all tries of a script share its limit
        {"pre": f"{GOOD_PRE}sleep 16\n"},
        {"time-limit", "pre-retried"},
    ),
    "talkative": (
        {"pre": f"{GOOD_PRE}head -c 70000 /dev/zero\n"},
        {"quiet", "application-consistent[shipped]", "shell[debian]", "shell[rhel]"},
    ),
    "a file is left": ({"post": "#!/bin/sh\nset -eu\nappctl resume\n"}, {"undone"}),
    "a file stays changed": (
        {"pre": f"{GOOD_PRE}echo off > /etc/motd\n"},
        {"undone"},
    ),
    "a unit stays stopped": ({"pre": f"{GOOD_PRE}systemctl stop app\n"}, {"undone"}),
    "a process is left": (
        {"pre": f"{GOOD_PRE}sleep 100 > /dev/null 2>&1 &\n"},
        {"nothing-left-running"},
    ),
    "somebody writes": (
        {
            "pre": GOOD_PRE + STOPS_WRITER + WRITER,
            "post": GOOD_POST + STOPS_WRITER,
            "settings": "keep = ['/data/log']\n",
        },
        {"no-write-while-frozen", "failure-noticed[pre]"},  # nobody looks whether it could start
    ),
    "one-shot lock": (
        {"pre": f"{GOOD_PRE}mysql -e 'FLUSH TABLES WITH READ LOCK'\n"},
        {"held-at-snapshot"},
    ),
    "started again too early": (
        {"pre": f"{GOOD_PRE}systemctl stop app\nsync\nsystemctl start app\n"},
        {"held-at-snapshot", "post-after-half-done-pre"},
    ),
    "thawed too early": (
        {"pre": f"{GOOD_PRE}fsfreeze -f /data\nfsfreeze -u /data\n"},
        {"held-at-snapshot", "post-after-half-done-pre"},
    ),
    "counts on a pre-script that came to its end": (
        {"pre": FINISHED_PRE, "post": f"{GOOD_POST}rm /run/app.finished\n"},
        {
            *("post-after-failed-pre", "post-after-timed-out-pre", "post-after-half-done-pre"),
            *("post-alone", "post-twice"),
        },
    ),
    "waits for ever": (
        {
            "post": f"{GOOD_POST}while [ ! -e /opt/app/pre.done ]; do sleep 1; done\n",
            "pre": (f"{GOOD_PRE}: > /opt/app/pre.done\n"),
            "settings": "keep = ['/opt/app/pre.done']\n",
        },
        {
            *("post-after-failed-pre", "post-after-timed-out-pre", "post-after-half-done-pre"),
            "post-alone",
        },
    ),
    "a second post-script fails": ({"post": GOOD_POST + FIRST_TIME_ONLY}, {"post-twice"}),
    "a second pre-script fails": (
        {
            "pre": f"{GOOD_PRE}mkdir /run/app.lock\n",
            "post": GOOD_POST.replace("rm -f", "rm -rf /run/app.lock"),
        },
        {"pre-retried"},
    ),
    "tries again and gives up silently": (
        {"pre": "#!/bin/sh\nfor i in 1 2 3; do\n  appctl pause && break\ndone\nexit 0\n"},
        {"exit-status[pre]"},
    ),
    "the pre-script swallows a failure": (
        {"pre": "#!/bin/sh\nappctl pause\ntouch /run/app.paused\n"},
        {"exit-status[pre]", "failure-noticed[pre]"},
    ),
    "the post-script swallows a failure": (
        {"post": "#!/bin/sh\nappctl resume\nrm -f /run/app.paused\n"},
        {"exit-status[post]", "failure-noticed[post]"},
    ),
    "bash only": ({"pre": BASH}, {"application-consistent[shipped]", "shell[debian]"}),
    "fails": (
        {"pre": "#!/bin/sh\nexit 3\n"},
        {
            *("application-consistent[documented]", "application-consistent[shipped]"),
            *("shell[debian]", "shell[rhel]"),
        },
    ),
    "wrong modes": (
        {"settings": "[deployed]\nscript_mode = '0755'\n"},
        {
            *("modes", "application-consistent[documented]", "application-consistent[shipped]"),
            *("shell[debian]", "shell[rhel]"),
        },
    ),
}


def outcomes(stand: Stand) -> dict[str, Outcome]:
    return {str(check): made(check, stand) for check in checks_of(stand.contract)}


@pytest.mark.vm(shell="debian")
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_found_by_its_check_and_by_no_other(stand_of: MakeStand, flaw: str) -> None:
    arguments, expected = FLAWS[flaw]
    found = outcomes(stand_of(**arguments))
    problems = {name: str(outcome) for name, outcome in found.items() if outcome.problems}
    assert problems.keys() == expected, "\n".join(problems.values())


def test_every_check_finds_something(stand_of: MakeStand) -> None:
    found = {name for _, expected in FLAWS.values() for name in expected}
    every = {str(check) for check in checks_of(stand_of().contract)}
    assert every - found == {"valid-config"}  # which has tests of its own
    assert {name.partition("[")[0] for name in every} == set(NAMES)


def test_nothing_is_skipped_of_a_pair_that_goes_well(stand_of: MakeStand) -> None:
    assert [name for name, outcome in outcomes(stand_of()).items() if outcome.skipped] == []


NOT_GOOD = (
    "a backup in which nothing is made to go wrong is not application-consistent "
    "(application-consistent[documented] says why)"
)


def test_what_disturbs_is_skipped_where_nothing_goes_well(stand_of: MakeStand) -> None:
    found = outcomes(stand_of("#!/bin/sh\nexit 3\n"))
    skipped = {name: outcome.skipped for name, outcome in found.items() if outcome.skipped}
    assert set(skipped.values()) == {NOT_GOOD}
    assert set(skipped) == {
        *("post-after-failed-pre", "post-after-timed-out-pre", "post-after-half-done-pre"),
        *("post-alone", "post-twice", "pre-retried", "exit-status[pre]", "exit-status[post]"),
        *("failure-noticed[pre]", "failure-noticed[post]"),
    }


def test_nothing_is_tried_with_an_incorrect_config(stand_of: MakeStand) -> None:
    found = outcomes(stand_of(keys={"timeoutInSeconds": "30"}))
    assert found["valid-config"].problems
    rest = {o.skipped for name, o in found.items() if name not in ("valid-config", "modes")}
    assert rest == {"the config is incorrect (valid-config says how)"}


def test_checks_can_be_switched_off(stand_of: MakeStand) -> None:
    every = [str(check) for check in checks_of(stand_of().contract)]
    contract = stand_of(settings="skip = ['undone', 'shell']\n").contract
    names = [str(check) for check in checks_of(contract)]
    assert [name for name in every if name not in names] == [
        *("shell[debian]", "shell[rhel]", "undone")
    ]


def test_shells_can_be_chosen(stand_of: MakeStand) -> None:
    contract = stand_of(settings="shells = ['suse', 'dash']\n").contract
    names = [str(check) for check in checks_of(contract)]
    assert [name for name in names if name.startswith("shell")] == ["shell[suse]", "shell[dash]"]


def test_scripts_for_one_distribution_are_judged_by_its_shell_only(stand_of: MakeStand) -> None:
    pre = '#!/bin/sh\nset -eu\nwhat=(pause)\nappctl "${what[@]}"\ntouch /run/app.paused\n'
    found = outcomes(stand_of(pre, settings="shells = ['rhel']\n"))
    assert not [name for name, outcome in found.items() if outcome.problems or outcome.skipped]


@pytest.mark.vm(clock="real")
def test_without_a_virtual_clock_commands_are_not_seen(stand_of: MakeStand) -> None:
    stand = stand_of()
    check = next(c for c in checks_of(stand.contract) if str(c) == "failure-noticed[pre]")
    assert made(check, stand).skipped == (
        "the clock is real, and only the virtual clock sees the commands of a script"
    )


def outcome_of(stand: Stand, name: str) -> Outcome:
    check: Check = next(c for c in checks_of(stand.contract) if str(c) == name)
    return made(check, stand)


@pytest.mark.parametrize(
    "line",
    [
        "appctl pause || :",
        "appctl pause || true",
        "appctl pause  # vmsnapshot: may-fail",
    ],
)
def test_a_failure_that_may_be_passed_over(stand_of: MakeStand, line: str) -> None:
    stand = stand_of(f"#!/bin/sh\nset -eu\n{line}\ntouch /run/app.paused\n")
    assert not outcome_of(stand, "failure-noticed[pre]").problems
    assert not outcome_of(stand, "exit-status[pre]").problems


def test_a_command_by_its_absolute_path_is_made_to_fail_as_well(stand_of: MakeStand) -> None:
    for call in ("/opt/app/bin/appctl pause", "/opt/db/bin/mysql -e 'FLUSH LOGS'"):
        good = stand_of(f"#!/bin/sh\nset -e\n{call}\n")
        assert not outcome_of(good, "exit-status[pre]").problems
    bad = stand_of("#!/bin/sh\n/opt/app/bin/appctl pause\n:\n")
    (problem,) = outcome_of(bad, "exit-status[pre]").problems
    assert "fault asked for by the test: /opt/app/bin/appctl ends with exit status 1\n" in (
        f"{problem.evidence}\n"
    )


def test_settings_say_what_may_fail(stand_of: MakeStand) -> None:
    stand = stand_of("#!/bin/sh\nappctl pause\nexit 0\n", settings="may_fail = ['appctl']\n")
    assert not outcome_of(stand, "failure-noticed[pre]").problems
    assert not outcome_of(stand, "exit-status[pre]").problems


def test_one_line_that_passes_over_says_nothing_of_another(stand_of: MakeStand) -> None:
    pre = "#!/bin/sh\nappctl flush || :\nappctl pause\ntouch /run/app.paused\n"
    (problem,) = outcome_of(stand_of(pre), "failure-noticed[pre]").problems[:1]
    assert "appctl" in problem.text


def test_a_command_that_is_tried_again_is_no_problem(stand_of: MakeStand) -> None:
    pre = "#!/bin/sh\nset -eu\nappctl pause || appctl pause\ntouch /run/app.paused\n"
    assert not outcome_of(stand_of(pre), "failure-noticed[pre]").problems


def test_what_changes_nothing_may_fail(stand_of: MakeStand) -> None:
    pre = "#!/bin/sh\nid\nappctl pause || exit 1\ntouch /run/app.paused || exit 1\nsleep 1\n"
    assert not outcome_of(stand_of(pre), "failure-noticed[pre]").problems


@pytest.mark.parametrize(
    ("made", "is_told"),
    [
        ("$(mktemp -d)", False),
        ("$(mktemp -d /tmp/app.XXXXXX)", False),
        ("$(mktemp -d -t app-XXXX)", False),
        ("$(mktemp -d /srv/app.XXXXXX)", True),
        ("/tmp/app.dir; mkdir /tmp/app.dir", True),
    ],
)
def test_what_mktemp_made_may_stay_where_a_script_was_killed(
    stand_of: MakeStand, made: str, is_told: bool
) -> None:
    pre = f'#!/bin/sh\nset -e\ndir={made}\ntrap \'rm -r "$dir"\' EXIT\nappctl dump > "$dir/x"\n'
    stand = stand_of(pre)
    assert bool(outcome_of(stand, "post-after-half-done-pre").problems) is is_told
    assert not outcome_of(stand, "undone").problems
    left = stand_of(pre.replace("trap", ": trap"))
    assert outcome_of(left, "undone").problems


def test_kept_files(stand_of: MakeStand) -> None:
    pre = f"{GOOD_PRE}date > /srv/last-backup\nmkdir -p /srv/backups\ndate > /var/log/app.log\n"
    (problem,) = outcome_of(stand_of(pre), "undone").problems
    assert problem.text == (
        "/srv/last-backup was made by the pre-script, and is still there after the backup"
    )
    assert problem.remedy == (
        'undo it in the post-script, or write keep = ["/srv/last-backup"] in vmsnapshot.toml'
    )
    assert not outcome_of(stand_of(pre, settings="keep = ['/srv/*']\n"), "undone").problems


def test_an_empty_directory_is_a_lock_only_where_locks_are(stand_of: MakeStand) -> None:
    pre = f"{GOOD_PRE}mkdir -p /srv/app /run/app.lock\n"
    problems = outcome_of(stand_of(pre), "undone").problems
    assert [problem.text.partition(" ")[0] for problem in problems] == ["/run/app.lock"]


MESSAGES = {
    "known-commands": (
        {"pre": f"{GOOD_PRE}sytemctl stop app\n"},
        "sytemctl is called, and there is no such command: on the VM it is not found\n"
        "  remedy: write systemctl; or, if sytemctl is what your VMs have, say so in "
        "vmsnapshot.toml: [commands.sytemctl]",
    ),
    "time-limit": (
        {"pre": f"{GOOD_PRE}sleep 16\n"},
        "the pre-script needs 16.0 s, more than 50% of its limit of 30 s: on a busy VM it is "
        "stopped\n"
        "  remedy: raise timeoutInSeconds, let it wait less, or write share in vmsnapshot.toml",
    ),
    "quiet": (
        {"post": f"{GOOD_POST}head -c 70000 /dev/zero >&2\n"},
        "the post-script prints 70000 bytes to its standard error: the extension never reads them, "
        "and after 65536 the script blocks until its limit\n"
        "  remedy: write them into a file (exec >> /var/log/NAME.log 2>&1), or print less",
    ),
    "post-alone": (
        {"post": f"{GOOD_POST}rm /run/none\n", "pre": f"{GOOD_PRE}: > /run/none\n"},
        "the post-script ends with 1 where no pre-script ran: a backup whose pre-script was never "
        "started would have a second error\n"
        "  remedy: leave with 0 where there is nothing to undo\n"
        "  rm: cannot remove '/run/none': No such file or directory",
    ),
    "no-write-while-frozen": (
        {"pre": GOOD_PRE + WRITER, "post": GOOD_POST + STOPS_WRITER},
        "/data/log is written to after the pre-script has ended: whoever writes there while the "
        "file system is frozen hangs, and the snapshot has half of it\n"
        "  remedy: end what writes before the pre-script ends",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(stand_of: MakeStand, name: str) -> None:
    arguments, text = MESSAGES[name]
    assert str(outcome_of(stand_of(**arguments), name)) == text


CONSISTENT = ("application-consistent[documented]", "application-consistent[shipped]")
UNFINISHED = "a backup {under} is not application-consistent: Pre-ScriptExecutionFailed{more}"


def test_the_last_words_of_a_script_are_told(stand_of: MakeStand) -> None:
    stand = stand_of(f"{GOOD_PRE}echo 'orders: no licence' >&2\nexit 1\n")
    first, second, debian = (
        outcome_of(stand, name).problems[0] for name in (*CONSISTENT, "shell[debian]")
    )
    said = "; the pre-script said: orders: no licence"
    assert first.text == UNFINISHED.format(under="under the documented rules", more=said)
    assert "orders: no licence" in first.evidence.splitlines()
    said += " (as in application-consistent[documented])"
    assert second.text == UNFINISHED.format(under="under the shipped rules", more=said)
    under = "under the shipped rules, where /bin/sh is that of debian,"
    assert debian.text == UNFINISHED.format(under=under, more=said)
    assert first.remedy == second.remedy == debian.remedy
    assert second.evidence == debian.evidence == ""


def test_another_failure_under_other_rules_has_its_own_evidence(stand_of: MakeStand) -> None:
    (problem,) = outcome_of(stand_of(BASH), "application-consistent[shipped]").problems
    assert "Syntax error" in problem.remedy
    assert "Syntax error" in problem.evidence


def test_a_file_that_only_real_vms_have(stand_of: MakeStand) -> None:
    pre = f"{GOOD_PRE}touch /var/www/shop/paused\n"
    (problem,) = outcome_of(stand_of(pre), "application-consistent[documented]").problems
    assert problem.remedy == (
        "a file or directory was not there (touch: cannot touch '/var/www/shop/paused': No such "
        "file or directory): if your VMs have it, put it on this one, too: by [files] or "
        "[directories] in vmsnapshot.toml or in a scenario, or by vm.write in a test"
    )
    settings = "directories.'/var/www/shop' = {}\nkeep = ['/var/www/*']\n"
    stand = stand_of(pre, settings=settings)
    assert not outcome_of(stand, "application-consistent[documented]").problems


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            '. "$(dirname "$0")/post.sh"; . "$(dirname "$0")/lib.sh"',
            '/opt/app/lib.sh, which the VM of a gate has not: write "/opt/app/lib.sh" = '
            '{ source = "lib.sh" } under [files] in vmsnapshot.toml',
        ),
        (
            "cat /etc/app/secret",
            '/etc/app/secret, which the VM of a gate has not: write "/etc/app/secret" = '
            '"its content" under [files] in vmsnapshot.toml',
        ),
        (
            "cd /srv/shop",
            '/srv/shop, which the VM of a gate has not: write "/srv/shop" = {} under '
            "[directories] in vmsnapshot.toml",
        ),
    ],
)
def test_how_to_give_a_file_that_only_the_real_vm_has(
    stand_of: MakeStand, line: str, told: str
) -> None:
    stand = stand_of(f"#!/bin/sh\nset -e\n{line}\n")
    (stand.contract.path.parent / "lib.sh").touch()
    for check in ("application-consistent[documented]", "shell[rhel]"):
        (problem,) = outcome_of(stand, check).problems
        assert problem.remedy == f"a script looked for {told}"


def test_a_swallowed_failure_is_shown_with_its_command(stand_of: MakeStand) -> None:
    pre = "#!/bin/sh\nappctl pause 'all of it'\ntouch /run/app.paused\n"
    problem, *_ = outcome_of(stand_of(pre), "failure-noticed[pre]").problems
    assert problem.text == (
        "the 1st command (appctl pause 'all of it') fails, and the pre-script ends with 0 all the "
        "same: appctl pause all of it was not done"
    )
    assert problem.remedy == (
        "end with another status when it fails (|| exit 1; or set -e, which does not see a failure "
        "in a condition, in a pipe but for its end, or in the $(...) of an argument); or say that "
        "it may fail: || :, a comment '# vmsnapshot: may-fail' on its line, or may_fail = "
        '["appctl"] in vmsnapshot.toml'
    )
    assert "fault: the 1st command, appctl pause 'all of it', ends with exit status 1" in (
        problem.evidence
    )


def test_the_same_problem_in_several_situations_is_told_once(stand_of: MakeStand) -> None:
    stand = stand_of(FINISHED_PRE, f"{GOOD_POST}rm /run/app.finished\n")
    (problem,) = outcome_of(stand, "post-after-half-done-pre").problems
    assert problem.text == (
        "after a pre-script that was stopped at its 1st command (appctl pause) the post-script "
        "fails: exit status 1 (and in 1 more situations)"
    )
