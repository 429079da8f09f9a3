"""The machine code that ends a program before its own, or lets it hang."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot.guest.strikes import ending, hanging

CODES = {
    # mov edi, 7; mov eax, 231; syscall
    ("x86_64", "ending"): "bf07000000 b8e7000000 0f05",
    # mov x0, 7; mov x8, 94; svc 0
    ("aarch64", "ending"): "e00080d2 c80b80d2 010000d4",
    # again: mov eax, 34; syscall; jmp again
    ("x86_64", "hanging"): "b822000000 0f05 ebf7",
    # again: mov x0 to x4, 0; mov x8, 73; svc 0; b again
    (
        "aarch64",
        "hanging",
    ): "000080d2 010080d2 020080d2 030080d2 040080d2 280980d2 010000d4 f9ffff17",
}


@pytest.mark.parametrize(("machine", "what"), CODES)
def test_code(machine: str, what: str) -> None:
    made = ending(machine, 7) if what == "ending" else hanging(machine)
    assert made == bytes.fromhex(CODES[machine, what])
