"""Clock reads that make no system call, in the vDSO, made to agree with the VM's clock.

The kernel maps the vDSO's code into each program at exec. Before the program reads a clock, its
private copy of that code is replaced: by functions that read the kernel's clock and add a shift
which is kept beside them (x86-64), or by plain system calls, which the filter notifies (arm64, and
where there is no room). A fork inherits the copy; an exec brings a new one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

from .machine import Machine
from .shift import SECOND, Shift

_AT_SYSINFO_EHDR = 33  # linux/auxvec.h
_AUXV_SIZE = 4096  # more than any kernel's has
_SHT_DYNSYM = 11  # elf.h
_ELF_HEADER = 64  # elf.h: Elf64_Ehdr

_getauxval = ctypes.CDLL(None).getauxval
_getauxval.argtypes = [ctypes.c_ulong]
_getauxval.restype = ctypes.c_ulong

ASSEMBLY = """
clock:  mov eax, 228            # clock_gettime(edi, rsi)
        mov edx, 0x76636c6b     # the filter lets this one pass
        syscall
        test eax, eax
        jnz 9f
        cmp edi, 11
        ja 9f
        mov ecx, 0x921          # clocks 0, 5, 8, 11
        bt ecx, edi
        lea rdx, [rip+wall]
        jc 1f
        mov ecx, 0x2d2          # clocks 1, 4, 6, 7, 9
        bt ecx, edi
        lea rdx, [rip+boot]
        jnc 9f
1:      mov rax, [rdx]
        add [rsi], rax
        mov rax, [rdx+8]
        add rax, [rsi+8]
        cmp rax, 1000000000
        jb 2f
        sub rax, 1000000000
        inc qword ptr [rsi]
2:      mov [rsi+8], rax
        xor eax, eax
9:      ret
        .org 128, 0xcc
day:    mov eax, 96             # gettimeofday(rdi, rsi)
        mov edx, 0x76636c6b
        syscall
        test eax, eax
        jnz 9f
        test rdi, rdi
        jz 9f
        mov rdx, [rip+wall]
        add [rdi], rdx
        mov rdx, [rip+wall+16]
        add rdx, [rdi+8]
        cmp rdx, 1000000
        jb 2f
        sub rdx, 1000000
        inc qword ptr [rdi]
2:      mov [rdi+8], rdx
9:      ret
        .org 208, 0xcc
second: push rdi                # time(rdi)
        sub rsp, 16
        xor edi, edi
        mov rsi, rsp
        mov eax, 228
        mov edx, 0x76636c6b
        syscall
        mov rax, [rsp]
        add rax, [rip+wall]
        mov rdx, [rsp+8]
        add rdx, [rip+wall+8]
        cmp rdx, 1000000000
        jb 2f
        inc rax
2:      add rsp, 16
        pop rdi
        test rdi, rdi
        jz 9f
        mov [rdi], rax
9:      ret
        .org 288, 0xcc
wall:   .quad 0, 0, 0           # seconds, nanoseconds, microseconds
boot:   .quad 0, 0, 0
"""
"""What ``_CODE`` is; a test holds one against the other where an assembler is installed."""

_CLOCK, _DAY, _SECOND, _SHIFTS = 0, 128, 208, 288
"""Where the three functions and the two shifts lie."""

_FUNCTIONS = {
    _CLOCK: "b8e4000000ba6b6c63760f0585c0754c83ff0b7747b9210900000fa3f9488d15fc0000007211b9d2"
    "0200000fa3f9488d15030100007325488b02480106488b420848034608483d00ca9a3b7209482d00"
    "ca9a3b48ff064889460831c0c3",
    _DAY: "b860000000ba6b6c63760f0585c075314885ff742c488b1584000000480117488b158a0000004803"
    "57084881fa40420f00720a4881ea40420f0048ff0748895708c3",
    _SECOND: "574883ec1031ff4889e6b8e4000000ba6b6c63760f05488b04244803052f000000488b5424084803"
    "152b0000004881fa00ca9a3b720348ffc04883c4105f4885ff7403488907c3",
}
_INT3 = b"\xcc"

_MARK = 5
"""Bytes that tell a changed vDSO from an unchanged one: no change is shorter."""


def _laid_out() -> bytes:
    code = bytearray(_INT3 * _SHIFTS)
    for place, text in _FUNCTIONS.items():
        function = bytes.fromhex(text)
        code[place : place + len(function)] = function
    return bytes(code)


CODE = _laid_out()
"""The functions for x86-64, without the shifts behind them."""


def words(shift: Shift) -> bytes:
    """The shifts as the functions read them."""
    wall_seconds, wall = divmod(shift.wall, SECOND)
    boot_seconds, boot = divmod(shift.jumped, SECOND)
    return struct.pack("=6q", wall_seconds, wall, wall // 1000, boot_seconds, boot, boot // 1000)


def _plain_call(machine: Machine, name: str) -> bytes:
    """A function that makes one system call and nothing else."""
    number = machine.calls[name]
    if machine.name == "x86_64":  # mov eax, number; xor edx, edx; syscall; ret
        return b"\xb8" + struct.pack("=I", number) + bytes.fromhex("31d20f05c3")
    # mov x8, number; mov x2, 0; svc 0; ret
    move = struct.pack("=I", 0xD2800008 | number << 5)
    return move + bytes.fromhex("020080d2010000d4c0035fd6")


class VdsoUnknown(OSError):
    """This machine's vDSO is not laid out as expected."""


class Vdso:
    """This kernel's vDSO, and how to change it in a program that has just started.

    Args:
        machine: what this runs on.
        image: its content.

    Raises:
        VdsoUnknown: it has not the functions this machine should have.
    """

    def __init__(self, machine: Machine, image: bytes) -> None:
        self.changes: dict[int, bytes] = {}
        """What is put where, as offsets in the vDSO."""
        self._shifts: int | None = None
        self._bases: dict[int, int] = {}
        symbols = dict(_symbols(image))
        missing = [name for name in machine.vdso if name not in symbols]
        if missing:
            raise VdsoUnknown(f"the vDSO of this kernel has no {missing[0]}")
        places = [symbols[name] for name in machine.vdso]
        (start, room), *_ = places
        if machine.name == "x86_64" and room >= _SHIFTS + len(words(Shift())):
            self._shifts = start + _SHIFTS
            self.changes[start] = CODE
            for (place, _), target in zip(places[1:], (_DAY, _SECOND), strict=True):
                distance = start + target - (place + 5)
                self.changes[place] = b"\xe9" + struct.pack("=i", distance)
        else:
            self._make_plain_calls(machine, places)
        self._first = min(self.changes)
        end = max(place + len(code) for place, code in self.changes.items())
        changed = bytearray(image[self._first : end])
        for place, code in self.changes.items():
            changed[place - self._first : place - self._first + len(code)] = code
        self._before = image[self._first : self._first + _MARK]
        self._after = bytes(changed)

    def _make_plain_calls(self, machine: Machine, places: list[tuple[int, int]]) -> None:
        for (place, room), name in zip(
            places, ("clock_gettime", "gettimeofday", "time"), strict=False
        ):
            call = _plain_call(machine, name)
            if room < len(call):
                raise VdsoUnknown(f"the vDSO's {name} has no room for a system call")
            self.changes[place] = call

    @classmethod
    def of_this_kernel(cls, machine: Machine) -> Vdso:
        """The vDSO of this very process, which is everybody's.

        Raises:
            VdsoUnknown: there is none, or it cannot be changed.
        """
        base = _getauxval(_AT_SYSINFO_EHDR)
        if not base:
            raise VdsoUnknown("this kernel has no vDSO")
        sections, size, count = _section_table(ctypes.string_at(base, _ELF_HEADER))
        return cls(machine, ctypes.string_at(base, sections + size * count))

    def start(self, pid: int, shift: Shift) -> bool:
        """A program has just been executed: change its vDSO.

        Returns:
            Whether that was not done before: some hooks are met more than once in a program.

        Raises:
            OSError: its memory cannot be written.
        """
        base = _base(pid)
        self._bases[pid] = base
        if not base:
            return True
        fd = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            mark = os.pread(fd, _MARK, base + self._first)
            if mark == self._before:
                os.pwrite(fd, self._after, base + self._first)
            elif mark != self._after[:_MARK]:
                raise OSError(errno.ENOEXEC, "its vDSO is not this kernel's")
            if self._shifts is not None:
                os.pwrite(fd, words(shift), base + self._shifts)
            return mark == self._before
        finally:
            os.close(fd)

    def update(self, pid: int, shift: Shift) -> None:
        """Tell a sleeping process that time was skipped; one whose vDSO was never changed is left.

        Raises:
            OSError: its memory cannot be written.
        """
        if self._shifts is None:
            return
        base = self._bases.get(pid)
        if base is None:  # forked
            base = self._bases[pid] = _base(pid)
        if not base:
            return
        fd = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.pread(fd, _MARK, base + self._first) == self._after[:_MARK]:
                os.pwrite(fd, words(shift), base + self._shifts)
        finally:
            os.close(fd)

    def forget_all_but(self, pids: set[int]) -> None:
        """Drop what is known of processes that have ended."""
        for pid in self._bases.keys() - pids:
            del self._bases[pid]


def _base(pid: int) -> int:
    """Where a process has its vDSO, or 0."""
    fd = os.open(f"/proc/{pid}/auxv", os.O_RDONLY | os.O_CLOEXEC)  # once per exec: no file object
    try:
        data = os.read(fd, _AUXV_SIZE)
    finally:
        os.close(fd)
    whole = len(data) - len(data) % 16
    return int(dict(struct.iter_unpack("=QQ", data[:whole])).get(_AT_SYSINFO_EHDR, 0))


def _section_table(image: bytes) -> tuple[int, int, int]:
    """Offset, size of an entry and number of entries: e_shoff, e_shentsize, e_shnum (elf.h)."""
    (sections,) = struct.unpack_from("=Q", image, 40)
    return sections, *struct.unpack_from("=HH", image, 58)


def _symbols(image: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names of the vDSO's functions, with offset and size (elf.h: Elf64_Shdr, Elf64_Sym)."""
    sections, size, count = _section_table(image)
    table = [struct.unpack_from("=IIQQQQIIQQ", image, sections + i * size) for i in range(count)]
    dynamic = next((row for row in table if row[1] == _SHT_DYNSYM), None)
    if dynamic is None:
        raise VdsoUnknown("the vDSO of this kernel has no symbols")
    names = table[dynamic[6]][4]
    for place in range(dynamic[4], dynamic[4] + dynamic[5], 24):
        name, _, _, _, value, length = struct.unpack_from("=IBBHQQ", image, place)
        end = image.index(b"\0", names + name)
        yield image[names + name : end].decode("ascii"), (value, length)
