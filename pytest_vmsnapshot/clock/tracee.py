"""Looking into a thread of the VM: its memory, and the end of a call it sleeps in."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from typing import Any

from .. import syscalls
from .machine import Machine

_PAGE = 4096
_PATH_MAX = 4096  # linux/limits.h
_SHORT_PATH = 256
_WORD = (1 << 64) - 1

# linux/errno.h: what a call that was interrupted returns inside the kernel
_RESTARTED = frozenset({-errno.EINTR, -512, -513, -514, -516})

# sys/reg.h, as offsets into struct user of x86-64
_RAX = 80
_ORIG_RAX = 120

_PIDFD_GETFD = 438  # asm-generic/unistd.h

_NT_PRSTATUS = 1  # linux/elf.h
_ARM64_REGISTERS = struct.Struct("=34Q")  # asm/ptrace.h: x0 to x30, sp, pc, pstate
_ARM64_CALL_REGISTER, _ARM64_PC = 8, 32
_ARM64_SVC = bytes.fromhex("010000d4")


_libc = ctypes.CDLL(None, use_errno=True)
for _transfer in (_libc.process_vm_readv, _libc.process_vm_writev):
    _transfer.argtypes = [
        ctypes.c_int,
        *(ctypes.c_void_p, ctypes.c_ulong) * 2,
        ctypes.c_ulong,
    ]
    _transfer.restype = ctypes.c_ssize_t


class Memory:
    """Reads and writes the memory of processes."""

    def __init__(self) -> None:
        # Used again and again: a program may look at thousands of files.
        self._buffer = ctypes.create_string_buffer(_PAGE)
        self._here = (ctypes.c_ulong * 2)(ctypes.addressof(self._buffer), 0)  # struct iovec
        self._there = (ctypes.c_ulong * 2)()

    def read(self, thread: int, address: int, size: int) -> bytes:
        """Bytes at an address.

        Raises:
            OSError: the address is not readable, or the thread has ended.
        """
        found = b""
        while len(found) < size:
            piece = min(size - len(found), _PAGE)
            self._move(_libc.process_vm_readv, thread, address + len(found), piece)
            found += self._buffer.raw[:piece]
        return found

    def write(self, thread: int, address: int, data: bytes) -> None:
        """Put bytes at an address.

        Raises:
            OSError: the address is not writable, or the thread has ended.
        """
        for at in range(0, len(data), _PAGE):
            piece = data[at : at + _PAGE]
            ctypes.memmove(self._buffer, piece, len(piece))
            self._move(_libc.process_vm_writev, thread, address + at, len(piece))

    def force(self, thread: int, address: int, data: bytes) -> None:
        """Put bytes at an address, of memory that is for reading only as well.

        Raises:
            OSError: the thread has ended, or the kernel denies it.
        """
        fd = os.open(f"/proc/{thread}/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(fd, data, address)
        finally:
            os.close(fd)

    def unpack(self, thread: int, address: int, form: str) -> tuple[Any, ...]:
        """Numbers at an address, in the form of module struct."""
        return struct.unpack(form, self.read(thread, address, struct.calcsize(form)))

    def text(self, thread: int, address: int) -> bytes:
        """The path at an address, without its NUL.

        Raises:
            OSError: the address is not readable, or the thread has ended.
        """
        found = b""
        while len(found) < _PATH_MAX:
            # Short, as most are, and never into the next page, which may not be mapped.
            size = min(_SHORT_PATH if not found else _PAGE, _PAGE - address % _PAGE)
            self._move(_libc.process_vm_readv, thread, address, size)
            piece = self._buffer.raw[:size]
            found += piece
            if b"\0" in piece:
                break
            address += size
        return found.split(b"\0", 1)[0]

    def _move(self, call: Any, thread: int, address: int, size: int) -> None:
        self._here[1] = self._there[1] = size
        self._there[0] = address & _WORD
        done = call(thread, self._here, 1, self._there, 1, 0)
        if done != size:
            number = ctypes.get_errno() if done < 0 else errno.EFAULT
            raise OSError(number, os.strerror(number), "process_vm")


def end_call(machine: Machine, thread: int, calls: tuple[int, ...], value: int) -> bool:
    """Let the call in which a thread was interrupted return a value.

    Args:
        machine: what this runs on.
        thread: seized and stopped by ptrace.
        calls: numbers, one of which the call must have.
        value: what it returns; an errno where it is negative.

    Returns:
        Whether it was in such a call. (Otherwise it has ended by itself just now.)
    """
    if machine.name == "x86_64":
        return _end_x86_64(thread, calls, value)
    return _end_aarch64(thread, calls, value)


def _end_x86_64(thread: int, calls: tuple[int, ...], value: int) -> bool:
    if _peek(thread, _ORIG_RAX) not in calls or _peek(thread, _RAX) not in _RESTARTED:
        return False
    syscalls.ptrace(syscalls.PTRACE_POKEUSER, thread, value, _RAX)
    return True


def _peek(thread: int, offset: int) -> int:
    word = ctypes.c_long()
    syscalls.ptrace(syscalls.PTRACE_PEEKUSER, thread, ctypes.addressof(word), offset)
    return word.value


def _end_aarch64(thread: int, calls: tuple[int, ...], value: int) -> bool:
    """There the kernel has prepared the restart already: the program counter is at the call."""
    registers = ctypes.create_string_buffer(_ARM64_REGISTERS.size)
    vector = ctypes.create_string_buffer(
        struct.pack("@QQ", ctypes.addressof(registers), len(registers))
    )
    place = ctypes.addressof(vector)
    syscalls.ptrace(syscalls.PTRACE_GETREGSET, thread, place, _NT_PRSTATUS)
    words = list(_ARM64_REGISTERS.unpack(registers.raw))
    at_call = Memory().read(thread, words[_ARM64_PC], 4) == _ARM64_SVC
    if not at_call or words[_ARM64_CALL_REGISTER] not in calls:
        return False
    words[0] = value & _WORD
    words[_ARM64_PC] += 4
    registers.raw = _ARM64_REGISTERS.pack(*words)
    syscalls.ptrace(syscalls.PTRACE_SETREGSET, thread, place, _NT_PRSTATUS)
    return True


def copy_descriptor(pid: int, number: int) -> int:
    """A copy of a descriptor of another process, by pidfd_getfd(2); the caller closes it.

    Raises:
        OSError: the process has ended, or has no such descriptor.
    """
    process = os.pidfd_open(pid)
    try:
        return syscalls.call(_PIDFD_GETFD, process, number, 0, call="pidfd_getfd")
    finally:
        os.close(process)


def process_of(thread: int) -> int:
    """The process a thread belongs to.

    Raises:
        OSError: it has ended.
    """
    with open(f"/proc/{thread}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Tgid:"):
                return int(line[5:])
    raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))


def shown(pid: int) -> str:
    """What a process runs, quoted for a sentence."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(256).rstrip(b"\0").split(b"\0")
        return repr(b" ".join(words).decode("utf-8", "backslashreplace"))
    return "a process"
