"""What a writer writes, what it knows, and what it refuses."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import FindingKind, UsageError, VirtualMachine
from pytest_vmsnapshot.applications import (
    Commands,
    Program,
    ProgramMissing,
    Sqlite,
    Writer,
    require,
)
from pytest_vmsnapshot.at_moment import AtMoment

LOG = "/var/lib/app/log"
PLAIN = Commands(
    name="a log",
    place=LOG,
    write=f"echo '{{record}}' >> {LOG}",
    read=f"cat {LOG}",
    probe="[ ! -e /run/held ]",
    make=f"mkdir -p /var/lib/app && : > {LOG}",
)
HOLDS, LETS_GO = "#!/bin/sh\n: > /run/held\n", "#!/bin/sh\nrm /run/held\n"


@pytest.fixture
def log(vm: VirtualMachine) -> Commands:
    PLAIN.set_up(vm)
    return PLAIN


def test_it_writes_and_knows(vm: VirtualMachine, log: Commands) -> None:
    vm.install(pre=HOLDS, post=LETS_GO)
    with Writer(vm, log) as writer:
        vm.wait(1)
        one = vm.backup()
        vm.wait(1)
        two = vm.backup()
    writer.stop()

    first, second = writer.written(1), writer.written(2)
    assert first is not None
    assert second is not None
    assert first.before == tuple(range(1, len(first.before) + 1))
    assert second.before[: len(first.before)] == first.before
    assert len(second.before) > len(first.before) > 0
    assert first.before + first.after == writer.acknowledged == second.before + second.after
    lines = vm.path(LOG).read_text().splitlines()
    assert lines == [f"{n}-record-{n}" for n in range(1, len(lines) + 1)]
    assert writer.acknowledged[-1] == len(lines)
    assert vm.findings == ()
    for backup in (one, two):
        found = writer.check(backup)
        found.assert_quiesced()
        found.assert_complete()
    assert repr(writer) == f"<Writer to a log, {len(lines)} acknowledged>"


def test_after_its_end_it_writes_no_more_and_goes_on_when_asked(
    vm: VirtualMachine, log: Commands
) -> None:
    writer = Writer(vm, log)
    with writer:
        vm.wait(1)
    ended = writer.acknowledged
    vm.wait(2)
    backup = vm.backup()
    assert writer.acknowledged == ended
    with writer:
        vm.wait(1)
    assert writer.acknowledged[: len(ended)] == ended
    assert len(writer.acknowledged) > len(ended)
    assert vm.path(LOG).read_text().count("\n") == len(writer.acknowledged)
    assert writer.asked(backup.number) is None


def test_refused_records_are_no_gap(vm: VirtualMachine, log: Commands) -> None:
    write = f'n={{n}}; [ $((n % 3)) -ne 0 ] && echo "$n" >> {LOG}'
    with Writer(vm, log, write=write, pause=0.05) as writer:
        vm.wait(3)
        backup = vm.backup()
    assert writer.acknowledged[:4] == (1, 2, 4, 5)
    writer.check(backup).assert_complete()


def test_quotes_and_blanks_stay(vm: VirtualMachine, log: Commands) -> None:
    write = f"""printf '%s\\n' "it's {{n}}" 'a "b" $c' '{{record}}'  >> {LOG}"""
    with Writer(vm, log, write=write) as writer:
        vm.wait(2)
    lines = vm.path(LOG).read_text().splitlines()
    assert lines[:3] == ["it's 1", 'a "b" $c', "1-record-1"]
    assert writer.acknowledged


def test_a_record_that_hangs_does_not_hang_the_end(vm: VirtualMachine, log: Commands) -> None:
    with Writer(vm, log, write="sleep 100000; echo {n}") as writer:
        vm.wait(1)
    assert writer.acknowledged == ()
    assert vm.run("ps -o stat= -C sleep | grep -vc Z").stdout == "0\n"


def test_a_function_writes_at_the_moments_of_a_backup(vm: VirtualMachine, log: Commands) -> None:
    moments = []

    def write(at: AtMoment, number: int) -> bool:
        moments.append(at.moment)
        at.run(f"echo {number} >> {LOG}", check=True)
        return at.moment != "before_post"

    vm.install(pre=HOLDS, post=LETS_GO)
    with Writer(vm, log, write=write) as writer:
        backup = vm.backup()
    vm.backup()

    assert moments == ["before_pre", "after_pre", "thawed", "before_post", "after_post"]
    assert writer.acknowledged == (1, 2, 3, 5)
    written = writer.written(1)
    assert written is not None
    assert (written.before, written.after, written.begun) == ((1, 2), (3, 5), 5)
    writer.check(backup).assert_complete()


def test_lost_and_torn_records_are_told(vm: VirtualMachine, log: Commands) -> None:
    vm.install(pre="#!/bin/sh\n", post="#!/bin/sh\n")
    vm.on("after_pre", lambda at: at.run(f"sed -i -e 2d -e 's/^4-record.*/4-rec/' {LOG}"))
    with Writer(vm, log) as writer:
        vm.wait(4)
        backup = vm.backup()
    found = writer.check(backup)
    assert found.complete.holds is False
    torn, missing = found.complete.evidence
    assert torn == "1 record is torn: '4-rec'"
    assert missing.endswith("records that were acknowledged before the snapshot are missing: 2, 4")


def test_a_probe_that_hangs_is_no_answer(vm: VirtualMachine, log: Commands) -> None:
    app = Commands(
        name="a log",
        place=LOG,
        write=log.write,
        read=log.read,
        probe="until [ ! -e /run/held ]; do sleep 1; done",
    )
    vm.install(pre=HOLDS, post=LETS_GO)
    with Writer(vm, app) as writer:
        backup = vm.backup()
    found = writer.check(backup)
    assert found.quiesced.holds is None
    with pytest.raises(AssertionError) as caught:
        found.assert_quiesced()
    assert str(caught.value).splitlines()[:2] == [
        "a log: it may not have been at rest at the snapshot",
        "  the probe did not end within 20 s, which is no answer; let it wait for a lock no longer "
        "than a few seconds",
    ]


def test_a_probe_that_is_refused_from_the_start_says_nothing(
    vm: VirtualMachine, log: Commands
) -> None:
    vm.run(": > /run/held")
    with pytest.raises(UsageError) as caught, Writer(vm, log):
        pass
    assert str(caught.value) == (
        "a log refuses the probe before any script has run: it ended with exit status 1; start "
        "it, or correct the probe '[ ! -e /run/held ]': only a probe that is accepted now says "
        "anything if it is refused later"
    )


def test_an_application_without_a_probe(vm: VirtualMachine) -> None:
    app = Commands(name="a log", place=LOG, write=PLAIN.write, read=PLAIN.read, make=PLAIN.make)
    app.set_up(vm)
    vm.install(pre="#!/bin/sh\n", post="#!/bin/sh\n")
    with Writer(vm, app) as writer:
        backup = vm.backup()
    found = writer.check(backup)
    assert found.quiesced.holds is None
    assert found.quiesced.evidence == ("it has no probe",)


@pytest.mark.parametrize(
    ("fstype", "told"),
    [
        ("tmpfs", f"{LOG} lies on /var/lib/app, and frozen were /"),
        ("nfs", f"{LOG} lies on /var/lib/app, and frozen were /"),
    ],
)
def test_data_on_a_file_system_that_is_not_frozen(
    vm: VirtualMachine, fstype: str, told: str
) -> None:
    vm.volume("/var/lib/app", fstype=fstype)
    PLAIN.set_up(vm)
    with Writer(vm, PLAIN) as writer:
        backup = vm.backup()
    found = writer.check(backup)
    assert found.frozen.holds is False
    assert found.frozen.evidence == (told,)


@pytest.mark.parametrize("freeze", ["fail", "late_thaw"])
def test_a_freeze_that_went_wrong(vm: VirtualMachine, log: Commands, freeze: str) -> None:
    vm.fault(freeze=freeze)
    vm.install(pre=HOLDS, post=LETS_GO)
    with Writer(vm, log) as writer:
        backup = vm.backup()
    if backup.recovery_point is None:
        return
    found = writer.check(backup)
    assert found.frozen.holds is False
    with pytest.raises(AssertionError, match="was not frozen at the snapshot"):
        found.assert_frozen()


def test_mistakes() -> None:
    with pytest.raises(UsageError) as caught:
        Commands(name="a log", place="log", write="echo x", read="cat", ready="true")
    assert caught.value.mistakes == (
        "write is 'echo x', which writes the same each time; put {n} or {record} where the "
        "record's number or text belongs",
        "place is 'log'; write an absolute path",
        "ready is for a server; give its command as server=, or leave it out",
    )


def test_mistakes_about_a_writer(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        Writer(vm, PLAIN, write="echo x", pause=0)
    assert caught.value.mistakes == (
        "write is 'echo x', which writes the same each time; put {n} or {record} where the "
        "record's number or text belongs",
        "pause is 0; write seconds, at least 0.001",
    )
    with pytest.raises(UsageError, match="write is 7; write a command, or a function"):
        Writer(vm, PLAIN, write=7)  # type: ignore[arg-type]
    PLAIN.set_up(vm)
    with (
        Writer(vm, PLAIN) as writer,
        pytest.raises(UsageError, match="this writer writes already; make a second one"),
    ):
        writer.__enter__()


def test_a_program_that_is_missing(vm: VirtualMachine) -> None:
    there = Program("/bin/s?", "dash")
    require(vm, [there, *Sqlite("/db").programs])
    with pytest.raises(ProgramMissing) as caught:
        require(
            vm,
            [
                there,
                Program("/usr/sbin/nothingd", "nothing-server"),
                Program("/usr/lib/nothing/*/bin/nothing", "nothing-client"),
            ],
        )
    assert str(caught.value) == (
        "needs /usr/sbin/nothingd, /usr/lib/nothing/*/bin/nothing: apt install nothing-server "
        "nothing-client"
    )


def test_a_program_that_is_missing_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_vmsnapshot.applications import Program, require

        def test_nothing(vm):
            require(vm, [Program("/usr/sbin/nothingd", "nothing-server")])
        """
    )
    result = pytester.runpytest_subprocess("-rs", "-p", "no:cacheprovider")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs /usr/sbin/nothingd: apt install nothing-server"])


def test_what_it_runs_is_no_finding(vm: VirtualMachine, log: Commands) -> None:
    vm.install(pre=HOLDS, post=LETS_GO)
    with Writer(vm, log, pause=0.01):
        backup = vm.backup()
    assert FindingKind.PROCESSES not in {finding.kind for finding in backup.findings}
