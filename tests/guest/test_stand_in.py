"""The machine code of a command double's stand-in is what its source says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_vmsnapshot.guest import stand_in

NAME = b"\0vmsnapshot-0123456789ab"
DATA = 34
"""Bytes at its end that are not code: its number, and where it connects to."""

TOOLS = {"x86_64": "", "aarch64": "aarch64-linux-gnu-"}


@pytest.mark.parametrize("machine", TOOLS)
def test_the_code_is_the_assembled_source(machine: str, tmp_path: Path) -> None:
    assembler, copier = TOOLS[machine] + "as", TOOLS[machine] + "objcopy"
    if shutil.which(assembler) is None or shutil.which(copier) is None:
        pytest.skip(f"needs {assembler} (Debian: binutils, or binutils-aarch64-linux-gnu)")
    source = Path(__file__).with_name(f"stand_in_{machine}.s")
    made, code = tmp_path / "made.o", tmp_path / "code"
    subprocess.run([assembler, "-o", made, source], check=True)
    subprocess.run([copier, "-O", "binary", "-j", ".text", made, code], check=True)
    program = stand_in.program(7, NAME, machine)
    assert program[-DATA:] == (7).to_bytes(8, "little") + (1).to_bytes(2, "little") + NAME
    assert program[64 + 56 : -DATA] == code.read_bytes()[:-DATA]


def test_a_machine_without_code() -> None:
    with pytest.raises(OSError, match=r"^command doubles are not known for riscv64$"):
        stand_in.program(1, NAME, "riscv64")
