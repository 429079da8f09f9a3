"""The program that stands in for a command: a few hundred bytes of machine code, made here.

It connects to the VM's agent, hands its standard input over, and then does what the agent says:
print, sleep, execute another program, end. So a call costs less than starting a shell, and needs
neither a shell nor Python on the VM. Its source is ``tests/guest/stand_in_*.s``; a test assembles
it and compares.
"""

from __future__ import annotations

import base64
import enum
import platform
import struct
from collections.abc import Mapping

NAME_LENGTH = 24
"""Bytes of the abstract name of the agent's socket, its leading NUL included."""

_X86_64 = (
    "SYnnSIHsABABALgpAAAAvwEAAAC+BQAIADHSDwWFwA+IxwAAAEGJxLgqAAAARInnSI01aQEAALoaAAAADwWFwA+I"
    "pgAAADHASIkEJEiJRCQISI1MJEBIiUwkEEjHRCQYAQAAAEiNFRUBAABIiVQkIEjHRCQoGAAAAEiJRCQwSI0VEwEA"
    "AEiJVCRASMdEJEgEAAAA6NIAAACFwHkMMcBIiUQkKOjCAAAAMcBEiedIiea6AAgBAA8FSIP4EHwvD7YUJA+2fCQB"
    "/8p4J3Qs/8p0QP/KdHC4OwAAAEiNfCQQSY13CEmLD0mNVM8QDwW/fwAAALjnAAAADwVBif24JwAAAA8FicdEie64"
    "PgAAAA8F60NBif1MjXQkEEiNWPBIhdt+MrgBAAAARInvTIn2SInaDwVIg/j8dOVIhcB+F0kBxkgpw+vYuCMAAABI"
    "jXwkEEiJ/g8FuAEAAABEiedIiea6AQAAAA8F6T7///+4LgAAAESJ50iNdCQIMdIPBcMPH0AAFAAAAAAAAAABAAAA"
    "AQAAAAAAAAAAAAAA"
)
_AARCH64 = (
    "8wMAkf9HQNEgAIDSoQCA0gEBoPICAIDSyBiA0gEAANSgBfi39AMAqgEMABBCA4DSaBmA0gEAANTgBPi3/38AqeED"
    "AZEiAIDS4QsBqeEJABACA4DS4QsCqf8bAPkhCgAQggCA0uELBKlBAACUYAD4tv8XAPk+AACU4AMUquEDAJECAIHS"
    "IgCg8ugHgNIBAADUH0AA8QsCAFTjA0A55AdAOcMBADR/CABx4wEAVKACAFR/DABxgAQAVOBDAJFhIgCRYgJA+SIM"
    "AotCIACRqBuA0gEAANTkD4BS4AMEKsgLgNIBAADU9QMEKogVgNIBAADU4QMVKigQgNIBAADUFgAAFPUDBCr2QwCR"
    "F0AA0f8CAPEtAgBU4AMVKuEDFqriAxeqCAiA0gEAANQfEACxAP//VB8AAPENAQBU1gIAi/cCAMvz//8X4EMAkeED"
    "AKqoDIDSAQAA1OADFKrhAwCRIgCA0ggIgNIBAADUxP//F+ADFKrhAwCRAgCA0mgagNIBAADUwANf1h8gA9UUAAAA"
    "AAAAAAEAAAABAAAAAAAAAAAAAAA="
)

_CODES: Mapping[str, tuple[int, str]] = {"x86_64": (62, _X86_64), "aarch64": (183, _AARCH64)}
"""Machine: its number in elf.h (EM_X86_64, EM_AARCH64), and the code without its last 34 bytes."""

_BASE = 0x400000
_HEAD = 64 + 56  # elf.h: Elf64_Ehdr, Elf64_Phdr
_AF_UNIX = 1


class Order(enum.IntEnum):
    """What a stand-in can be told to do."""

    END = 0
    KILL = 1
    PRINT = 2
    SLEEP = 3
    EXECUTE = 4


MESSAGE_LIMIT = 64 * 1024
"""Bytes a stand-in takes in one message, besides its head."""


FOREVER = 1e9
"""Seconds: what hangs sleeps so long, which everybody can see."""


def order(what: Order, argument: int = 0, data: bytes = b"") -> bytes:
    """A message to a stand-in.

    Args:
        what: what it shall do.
        argument: exit status, signal or descriptor.
        data: what it prints, a timespec, or the path of a program with a NUL at its end.
    """
    return bytes((what, argument)) + bytes(14) + data


def sleep(seconds: float) -> bytes:
    """The message that lets a stand-in sleep, on the clock all programs of the VM have."""
    whole = int(seconds)
    timespec = struct.pack("=qq", whole, int((seconds - whole) * 1e9))
    return order(Order.SLEEP, data=timespec)


def program(number: int, name: bytes, machine: str = "") -> bytes:
    """The file of a stand-in.

    Args:
        number: what it calls itself.
        name: abstract name of the agent's socket.
        machine: what it shall run on; this one by default.

    Raises:
        OSError: there is no code for this machine.
    """
    if (machine or platform.machine()) not in _CODES:
        raise OSError(f"command doubles are not known for {machine or platform.machine()}")
    kind, code = _CODES[machine or platform.machine()]
    data = struct.pack("=IIH", number, 0, _AF_UNIX) + name
    text = base64.b64decode(code) + data
    size = _HEAD + len(text)
    ident = b"\x7fELF" + bytes((2, 1, 1, 0)) + bytes(8)  # 64 bits, little-endian
    # e_type ET_EXEC, e_entry behind the heads, one program header right behind this one
    head = struct.pack(*("=HHIQQQIHHHHHH", 2, kind, 1, _BASE + _HEAD, 64, 0, 0, 64, 56, 1, 0, 0, 0))
    # PT_LOAD, PF_R | PF_X: all of the file
    segment = struct.pack("=IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ident + head + segment + text
