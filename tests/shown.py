"""Output as a page of the documentation shows it, compared with what is really printed."""

from __future__ import annotations

import re


def pattern(shown: str) -> str:
    """What must be printed; three dots stand for any number of lines, or for the end of one."""
    return "".join(_line(line) for line in same(shown).splitlines())


def _line(line: str) -> str:
    if line.strip() == "...":
        return "(?:.*\n)*"
    if line.endswith(" ..."):
        return f"{re.escape(line.removesuffix('...'))}.*\n"
    return re.escape(f"{line}\n")


def same(text: str) -> str:
    """What is printed, without what differs from run to run and from machine to machine."""
    text = re.sub(r"\d+(\.\d+)? ?(s|ms)\b", "TIME", text)
    text = re.sub(r"^ *\d+\.\d{3}  ", "   AT  ", text, flags=re.MULTILINE)
    text = re.sub(r"\d+ files, [\d.]+ \w+ in", "SIZE in", text)
    text = re.sub(r"^-+ (.*?) -+$", r"-- \1 --", text, flags=re.MULTILINE)
    text = re.sub(r"^vmsnapshot: guest namespaces .*(\n  .*)*", "vmsnapshot: GUEST", text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)
