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

# linux/errno.h: what a call that was interrupted returns inside the kernel
_RESTARTED = frozenset({-errno.EINTR, -512, -513, -514, -516})

# sys/reg.h, as offsets into struct user of x86-64
_RAX = 80
_ORIG_RAX = 120

_NT_PRSTATUS = 1  # linux/elf.h
_ARM64_REGISTERS = struct.Struct("=34Q")  # asm/ptrace.h: x0 to x30, sp, pc, pstate
_ARM64_CALL_REGISTER, _ARM64_PC = 8, 32
_ARM64_SVC = bytes.fromhex("010000d4")


class Memory:
    """Reads and writes the memory of processes.

    Args:
        machine: what this runs on.
    """

    def __init__(self, machine: Machine) -> None:
        self._read = machine.calls["process_vm_readv"]
        self._write = machine.calls["process_vm_writev"]

    def read(self, thread: int, address: int, size: int) -> bytes:
        """Bytes at an address.

        Raises:
            OSError: the address is not readable, or the thread has ended.
        """
        buffer = ctypes.create_string_buffer(size)
        self._transfer(self._read, thread, address, buffer, size)
        return buffer.raw

    def write(self, thread: int, address: int, data: bytes) -> None:
        """Put bytes at an address.

        Raises:
            OSError: the address is not writable, or the thread has ended.
        """
        buffer = ctypes.create_string_buffer(data, len(data))
        self._transfer(self._write, thread, address, buffer, len(data))

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
        """The path at an address, without its NUL."""
        found = b""
        while len(found) < _PATH_MAX:  # page by page: what follows may not be mapped
            piece = self.read(thread, address, _PAGE - address % _PAGE)
            found += piece
            if b"\0" in piece:
                break
            address += len(piece)
        return found.split(b"\0", 1)[0]

    def _transfer(
        self, number: int, thread: int, address: int, buffer: ctypes.Array[Any], size: int
    ) -> None:
        # struct iovec (bits/types/struct_iovec.h)
        here = ctypes.create_string_buffer(struct.pack("@QQ", ctypes.addressof(buffer), size))
        there = ctypes.create_string_buffer(struct.pack("@QQ", address, size))
        done = syscalls.call(number, thread, here, 1, there, 1, 0, call="process_vm")
        if done != size:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))


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
    return _end_aarch64(machine, thread, calls, value)


def _end_x86_64(thread: int, calls: tuple[int, ...], value: int) -> bool:
    if _peek(thread, _ORIG_RAX) not in calls or _peek(thread, _RAX) not in _RESTARTED:
        return False
    syscalls.ptrace(syscalls.PTRACE_POKEUSER, thread, value, _RAX)
    return True


def _peek(thread: int, offset: int) -> int:
    word = ctypes.c_long()
    syscalls.ptrace(syscalls.PTRACE_PEEKUSER, thread, ctypes.addressof(word), offset)
    return word.value


def _end_aarch64(machine: Machine, thread: int, calls: tuple[int, ...], value: int) -> bool:
    """There the kernel has prepared the restart already: the program counter is at the call."""
    registers = ctypes.create_string_buffer(_ARM64_REGISTERS.size)
    vector = ctypes.create_string_buffer(
        struct.pack("@QQ", ctypes.addressof(registers), len(registers))
    )
    place = ctypes.addressof(vector)
    syscalls.ptrace(syscalls.PTRACE_GETREGSET, thread, place, _NT_PRSTATUS)
    words = list(_ARM64_REGISTERS.unpack(registers.raw))
    at_call = Memory(machine).read(thread, words[_ARM64_PC], 4) == _ARM64_SVC
    if not at_call or words[_ARM64_CALL_REGISTER] not in calls:
        return False
    words[0] = value & 0xFFFFFFFFFFFFFFFF
    words[_ARM64_PC] += 4
    registers.raw = _ARM64_REGISTERS.pack(*words)
    syscalls.ptrace(syscalls.PTRACE_SETREGSET, thread, place, _NT_PRSTATUS)
    return True


class PidFd:
    """A process by descriptor: its number may be somebody else's by now, this cannot.

    Args:
        machine: what this runs on.
        pid: the process.

    Raises:
        OSError: it has ended.
    """

    def __init__(self, machine: Machine, pid: int) -> None:
        self._machine = machine
        self.fd = os.pidfd_open(pid)

    def copy_descriptor(self, number: int) -> int:
        """A descriptor of the process, as one of ours: pidfd_getfd(2)."""
        name = "pidfd_getfd"
        return syscalls.call(self._machine.calls[name], self.fd, number, 0, call=name)

    def queue(self, signal: int, information: bytes | None = None) -> None:
        """Send a signal, with a siginfo_t or without: pidfd_send_signal(2)."""
        name = "pidfd_send_signal"
        with contextlib.suppress(OSError):  # it has ended
            syscalls.call(self._machine.calls[name], self.fd, signal, information, 0, call=name)

    def close(self) -> None:
        """Close it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def copy_descriptor(machine: Machine, pid: int, number: int) -> int:
    """A copy of a descriptor of another process; the caller closes it.

    Raises:
        OSError: the process has ended, or has no such descriptor.
    """
    process = PidFd(machine, pid)
    try:
        return process.copy_descriptor(number)
    finally:
        process.close()


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
