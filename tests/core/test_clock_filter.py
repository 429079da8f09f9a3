"""The filter of the virtual clock, run by an interpreter of its instructions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.clock.conditions import Condition
from pytest_vmsnapshot.clock.machine import AARCH64, MACHINES, X86_64, Machine
from pytest_vmsnapshot.clock.seccomp import MAGIC, program, rules

ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
LD, AND, JEQ, JGT, JGE, JSET, RET = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06

FOREIGN = 0x40000003  # AUDIT_ARCH_I386


def run(machine: Machine, audit: int, call: int, arguments: tuple[int, ...]) -> int:
    """What the filter says of a call."""
    data = b"".join(
        [
            call.to_bytes(4, "little"),
            audit.to_bytes(4, "little"),
            bytes(8),
            *(word.to_bytes(8, "little") for word in arguments),
        ]
    )
    code = program(machine)
    at = accumulator = 0
    while True:
        what, yes, no, value = code[at]
        at += 1
        if what == RET:
            return value
        if what == LD:
            accumulator = int.from_bytes(data[value : value + 4], "little")
        elif what == AND:
            accumulator &= value
        else:
            true = {
                JEQ: accumulator == value,
                JGT: accumulator > value,
                JGE: accumulator >= value,
            }.get(what, bool(accumulator & value))
            at += yes if true else no


def is_notified(
    wanted: Mapping[str, tuple[Condition, ...]], name: str, arguments: tuple[int, ...]
) -> bool:
    return name in wanted and all(condition.holds(arguments) for condition in wanted[name])


WORDS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 6, 9, 11, 12, 20, 66, 0x1002, MAGIC, 128, 137, 265, 1 << 32]),
    st.sampled_from([0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 1 << 63, (1 << 64) - 1, 3 << 32]),
    st.integers(0, (1 << 64) - 1),
)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
@given(data=st.data(), arguments=st.tuples(*[WORDS] * 6))
def test_the_filter_is_what_the_rules_say(
    machine: Machine, data: st.DataObject, arguments: tuple[int, ...]
) -> None:
    name = data.draw(st.sampled_from(sorted(machine.calls)))
    notified = is_notified(rules(machine), name, arguments)
    answer = run(machine, machine.audit, machine.calls[name], arguments)
    assert answer == (NOTIFY if notified else ALLOW)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
@given(call=st.integers(0, 600), arguments=st.tuples(*[WORDS] * 6))
def test_all_of_another_architecture_is_notified(
    machine: Machine, call: int, arguments: tuple[int, ...]
) -> None:
    assert run(machine, FOREIGN, call, arguments) == NOTIFY


@pytest.mark.parametrize(
    ("name", "arguments", "notified"),
    [
        ("poll", (1, 1, 0xFFFFFFFF), False),  # no time-out
        ("poll", (1, 1, 0), False),  # does not wait
        ("poll", (1, 1, 1), True),
        ("futex", (1, 0, 0, 0), False),
        ("futex", (1, 128, 0, 1 << 40), True),  # FUTEX_WAIT_PRIVATE
        ("futex", (1, 1, 0, 1), False),  # FUTEX_WAKE: no pointer
        ("clock_gettime", (0, 1, 0), True),
        ("clock_gettime", (0, 1, MAGIC), False),
        ("clock_gettime", (2, 1, 0), False),  # processor time
        ("clock_gettime", ((1 << 64) - 6, 1, 0), False),  # processor time of a thread
        ("arch_prctl", (0x1002, 1), True),
        ("arch_prctl", (0x1001, 1), False),
        ("setsockopt", (3, 1, 20), True),
        ("setsockopt", (3, 6, 20), False),
        ("read", (0, 1, 1), False),
    ],
)
def test_calls(name: str, arguments: tuple[int, ...], notified: bool) -> None:
    words = (*arguments, *[0] * (6 - len(arguments)))
    answer = run(X86_64, X86_64.audit, X86_64.calls[name], words)
    assert answer == (NOTIFY if notified else ALLOW)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
def test_jumps_fit_into_a_byte_and_the_filter_into_the_kernel(machine: Machine) -> None:
    code = program(machine)
    assert len(code) <= 4096  # BPF_MAXINSNS
    for at, (_, yes, no, value) in enumerate(code):
        assert 0 <= yes <= 255
        assert 0 <= no <= 255
        assert 0 <= value < 1 << 32
        assert at + 1 + max(yes, no) < len(code) + 1
    assert code[-1] == (RET, 0, 0, ALLOW)


HEADERS = {
    X86_64.name: ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", r"#define __NR_(\w+) (\d+)"),
    AARCH64.name: (
        "/usr/include/asm-generic/unistd.h",
        r"#define __NR(?:3264)?_(\w+) (\d+)",
    ),
}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
def test_numbers_are_those_of_the_kernel(machine: Machine) -> None:
    path, row = HEADERS[machine.name]
    if not Path(path).exists():
        pytest.skip(f"needs {path} (Debian: apt-get install linux-libc-dev)")
    found = re.findall(row, Path(path).read_text(encoding="utf-8"))
    numbers = {name: int(number) for name, number in found}
    numbers["newfstatat"] = numbers.get("newfstatat", numbers.get("fstatat", 0))
    known = {name: number for name, number in machine.calls.items() if name in numbers}
    assert known == {name: numbers[name] for name in known}
    assert set(machine.calls) - set(known) <= {"futex_wait"}, "newer than the headers"
