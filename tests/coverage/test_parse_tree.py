"""What a script is to coverage, whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.shell_coverage.parse_tree import parse

ODD = [
    (b"", set()),
    (b"\n\n", set()),
    (b"# nothing\n", set()),
    (b"echo no line feed", {1}),
    (b"#!/bin/sh\r\nif true; then\r\n    echo a\r\nfi\r\n", {2, 3}),
    (b"\xef\xbb\xbf#!/bin/sh\necho \xff\n", {2}),
    (b"if then fi (\necho a\n", {1, 2}),
    (b"\x7fELF\x00\x01\n", {1}),
    (b"for f in *; do\n\techo $f\ndone", {1, 2}),
    (b"[ -d / ] && x\n[ -d /tmp/ ] || {\n    y\n}\n", {1, 2, 3}),
    (b"[[ -d / ]] && x\necho b\n", {1, 2}),
    (b"A=1\n$B c\nC=2 D=3\n\\ls\n", {1, 2, 3, 4}),
    (b"time {\n  a\n}\n", {2}),
    (b"cat <<A |\n$(x\nA\n tr\n", {1, 4}),
    (b"cat <<A <<B\nif\nA\nfi\nB\necho\n", {1, 6}),
]


@pytest.mark.parametrize(("text", "lines"), ODD)
def test_odd_scripts(text: bytes, lines: set[int]) -> None:
    found = set(parse(text).lines)
    if text.startswith(b"\x7f"):  # no script at all: all that counts is that it ends
        assert found <= lines
    else:
        assert found == lines


def test_long_chains_are_no_deeper_than_others() -> None:
    chain = b" &&\n".join(b"true" for _ in range(500)) + b"\n"
    assert len(parse(chain).lines) == 500


@given(st.text(alphabet="ab \n\t;&|(){}[]<>$`'\"\\#=!-ifthenesacdowhile", max_size=80))
def test_anything_is_read(text: str) -> None:
    script = parse(text.encode())
    count = text.count("\n") + 1
    assert all(1 <= line <= count for line in script.lines)
    assert all(s.line <= s.end <= count + 1 for s in script.statements)


CLAUSES = """\
one
if two; then  # no
    three
elif four; then
    five
else  # also no
    six
fi
f() {
    seven
}
case x in
a)  # not
    eight
    ;;
b) nine ;;
esac
for i in 1; do ten; done
echo a \\
    b
"""

EXCLUDED = [
    (set(), set()),
    ({1}, {1}),
    ({2}, {2, 3, 4, 5, 7}),
    ({4}, {4, 5}),
    ({6}, {7}),
    ({9}, {10}),
    ({13}, {14}),
    ({12}, {12, 14, 16}),
    ({18}, {18}),
    ({20}, {19}),
]


@pytest.mark.parametrize(("matching", "lines"), EXCLUDED)
def test_excluding(matching: set[int], lines: set[int]) -> None:
    script = parse(CLAUSES.encode())
    assert script.excluded(frozenset(matching)) & script.lines == lines
