"""How far the VM's clocks are ahead, and the code that adds it to what programs read."""

from __future__ import annotations

import ctypes
import mmap
import platform
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.clock.machine import AARCH64, X86_64
from pytest_vmsnapshot.clock.shift import SECOND, Shift, kernel_stamp
from pytest_vmsnapshot.clock.vdso import ASSEMBLY, CODE, Vdso, VdsoUnknown, words

AMOUNTS = st.integers(0, 10**6 * SECOND)
DATES = st.one_of(st.none(), st.integers(0, 7_000_000_000))

NATIVE = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="this is code for x86-64, the machine is another"
)


@given(start=DATES, jumps=st.lists(AMOUNTS, max_size=10))
def test_all_clocks_jump_alike(start: int | None, jumps: list[int]) -> None:
    shift = Shift(start)
    shift.set_wall_clock()
    wall = shift.wall
    for amount in jumps:
        before = shift.jumped
        shift.jump(amount)
        assert 0 <= shift.jumped - before - amount < 1000
        assert shift.jumped % 1000 == 0
        assert shift.wall - wall == shift.jumped
    for clock in (0, 5, 8, 11):
        assert shift.of(clock) == shift.wall
    for clock in (1, 4, 6, 7, 9):
        assert shift.of(clock) == shift.jumped


@given(start=DATES)
def test_the_wall_clock_starts_on_a_whole_second_and_once(start: int | None) -> None:
    shift = Shift(start)
    shift.set_wall_clock()
    shown = shift.read(time.CLOCK_REALTIME)
    assert shown % SECOND < SECOND // 2
    if start is not None:
        assert shown // SECOND == start
    before = shift.wall
    shift.set_wall_clock()
    assert shift.wall == before


def test_a_stamp_of_the_kernel_is_brought_to_the_clock_of_its_time() -> None:
    shift = Shift()
    shift.set_wall_clock()
    stamps = []
    for amount in (SECOND, 3600 * SECOND, 1):
        stamps.append((kernel_stamp(), shift.wall))
        while kernel_stamp() == stamps[-1][0]:  # a tick of the kernel, as before each jump
            pass
        shift.jump(amount)
    stamps.append((kernel_stamp(), shift.wall))
    for stamp, wall in stamps:
        assert shift.wall_at(stamp) == wall
    assert shift.wall_at(0) == stamps[0][1], "older than the VM: as at its beginning"


# -- the functions that replace the vDSO's --------------------------------------------------------


def test_the_bytes_are_the_assembly(tmp_path: Path) -> None:
    assembler = shutil.which("as")
    if assembler is None or platform.machine() != "x86_64":
        pytest.skip("needs an assembler of x86-64 (Debian: apt-get install binutils)")
    source, made, code = (tmp_path / name for name in ("code.s", "code.o", "code.bin"))
    source.write_text(".intel_syntax noprefix\n" + ASSEMBLY)
    subprocess.run([assembler, "-o", made, source], check=True, timeout=60)
    copy = ["objcopy", "-O", "binary", "-j", ".text"]
    subprocess.run([*copy, made, code], check=True, timeout=60)
    assert code.read_bytes() == CODE + bytes(48)


class Loaded:
    """The functions in memory of this process, with a shift behind them."""

    def __init__(self, shift: Shift) -> None:
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        self.memory = mmap.mmap(-1, mmap.PAGESIZE, prot=protection)
        self.memory.write(CODE + words(shift))
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

        def function(place: int, *kinds: type) -> Callable[..., int]:
            return ctypes.CFUNCTYPE(ctypes.c_long, *kinds)(start + place)

        self.clock_gettime = function(0, ctypes.c_int, ctypes.c_void_p)
        self.gettimeofday = function(128, ctypes.c_void_p, ctypes.c_void_p)
        self.time = function(208, ctypes.c_void_p)


SLACK = SECOND
"""Nanoseconds: a busy machine may take its time between two reads."""


def nanoseconds(buffer: ctypes.Array[ctypes.c_char], part: int = 1) -> int:
    seconds, rest = struct.unpack("=qq", buffer.raw)
    assert 0 <= rest < SECOND // part
    return int(seconds * SECOND + rest * part)


@NATIVE
@given(start=DATES, amount=AMOUNTS)
def test_the_functions_add_the_shift(start: int | None, amount: int) -> None:
    shift = Shift(start)
    shift.set_wall_clock()
    shift.jump(amount)
    loaded = Loaded(shift)
    buffer = ctypes.create_string_buffer(16)
    for clock in (0, 1, 4, 5, 6, 7, 11):  # 8 and 9 are there only with a clock that can wake
        before = time.clock_gettime_ns(clock) + shift.of(clock)
        assert loaded.clock_gettime(clock, buffer) == 0
        assert before <= nanoseconds(buffer) < before + SLACK, clock
    for clock in (2, 3):
        before = time.clock_gettime_ns(clock)
        assert loaded.clock_gettime(clock, buffer) == 0
        assert before <= nanoseconds(buffer) < before + SLACK, clock
    for clock in (12, 77, -1):
        kernel = loaded.clock_gettime(clock, buffer)
        assert kernel < 0 or clock == -1
    before = shift.read(0)
    assert loaded.gettimeofday(buffer, None) == 0
    assert before - 2000 <= nanoseconds(buffer, 1000) < before + SLACK
    assert loaded.gettimeofday(None, None) == 0
    seconds = ctypes.c_long()
    first = shift.read(0) // SECOND
    assert first <= loaded.time(ctypes.byref(seconds)) <= first + 1
    assert first <= seconds.value <= first + 1
    assert first <= loaded.time(None) <= first + 1


def image(names: dict[str, tuple[int, int]], size: int = 4096) -> bytes:
    """A vDSO with nothing but symbols (elf.h)."""
    strings, symbols = b"\0", bytes(24)
    for name, (place, length) in names.items():
        symbols += struct.pack("=IBBHQQ", len(strings), 0, 0, 0, place, length)
        strings += name.encode() + b"\0"
    body = bytearray(size)
    body[0x800 : 0x800 + len(symbols)] = symbols
    body[0xA00 : 0xA00 + len(strings)] = strings
    sections = b"".join(
        struct.pack("=IIQQQQIIQQ", 0, kind, 0, 0, place, length, link, 0, 0, 0)
        for kind, place, length, link in (
            (0, 0, 0, 0),
            (11, 0x800, len(symbols), 2),
            (3, 0xA00, len(strings), 0),
        )
    )
    body[0x600 : 0x600 + len(sections)] = sections
    struct.pack_into("=Q", body, 40, 0x600)
    struct.pack_into("=HH", body, 58, 64, 3)
    return bytes(body)


def test_without_room_the_functions_become_system_calls() -> None:
    names = X86_64.vdso
    small = image({name: (0x100 + 64 * index, 40) for index, name in enumerate(names)})
    changes = Vdso(X86_64, small).changes
    assert {place: code.hex() for place, code in changes.items()} == {
        0x100: "b8e400000031d20f05c3",  # mov eax, 228; xor edx, edx; syscall; ret
        0x140: "b86000000031d20f05c3",
        0x180: "b8c900000031d20f05c3",
    }


def test_on_arm64_the_functions_become_system_calls() -> None:
    names = AARCH64.vdso
    found = Vdso(AARCH64, image({name: (0x100 + 64 * i, 40) for i, name in enumerate(names)}))
    assert {place: code.hex() for place, code in found.changes.items()} == {
        # mov x8, 113; mov x2, 0; svc 0; ret
        0x100: "280e80d2020080d2010000d4c0035fd6",
        # mov x8, 169
        0x140: "281580d2020080d2010000d4c0035fd6",
    }


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({}, "the vDSO of this kernel has no __kernel_clock_gettime"),
        (
            {"__kernel_clock_gettime": (0x100, 8), "__kernel_gettimeofday": (0x140, 40)},
            "the vDSO's clock_gettime has no room for a system call",
        ),
    ],
)
def test_a_vdso_that_cannot_be_changed(names: dict[str, tuple[int, int]], why: str) -> None:
    with pytest.raises(VdsoUnknown) as unknown:
        Vdso(AARCH64, image(names))
    assert str(unknown.value) == why
