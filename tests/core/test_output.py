from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.output import KEPT, Capture, Output

# A chunk is a length; its bytes are those of an endless stream, so that places can be compared.
CHUNKS = st.lists(
    st.sampled_from([0, 1, 7, KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, 3 * KEPT + 5])
    | st.integers(0, 3 * KEPT),
    max_size=12,
)
STREAM = bytes(index * 31 % 251 for index in range(251)) * 12_000


def captured(lengths: list[int]) -> tuple[bytes, Output]:
    capture = Capture()
    at = 0
    for length in lengths:
        capture.add(STREAM[at : at + length])
        at += length
    return STREAM[:at], capture.output()


def test_nothing() -> None:
    output = Capture().output()
    assert output == Output()
    assert output.text == ""
    assert output.kept == b""


@given(CHUNKS)
def test_every_byte_is_kept_or_counted(lengths: list[int]) -> None:
    whole, output = captured(lengths)
    assert len(output.head) + output.dropped + len(output.tail) == len(whole)
    assert output.dropped >= 0


@given(CHUNKS)
def test_both_ends_are_the_stream_s_own(lengths: list[int]) -> None:
    whole, output = captured(lengths)
    assert output.head == whole[:KEPT]
    assert output.tail == whole[max(KEPT, len(whole) - KEPT) :]


@given(CHUNKS)
def test_how_it_was_cut_makes_no_difference(lengths: list[int]) -> None:
    whole, output = captured(lengths)
    capture = Capture()
    capture.add(whole)
    assert capture.output() == output


def test_up_to_both_ends_nothing_is_dropped() -> None:
    whole, output = captured([2 * KEPT])
    assert (output.kept, output.dropped) == (whole, 0)
    _, output = captured([2 * KEPT + 1])
    assert output.dropped == 1


def test_asking_changes_nothing() -> None:
    capture = Capture()
    capture.add(b"a")
    assert capture.output() == capture.output()
    capture.add(b"b")
    assert capture.output().text == "ab"


def test_memory_is_bounded() -> None:
    chunk = b"x" * KEPT
    capture = Capture()
    capture.add(chunk)
    tracemalloc.start()
    try:
        for _ in range(2_000):
            capture.add(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert capture.output().dropped == 1_999 * KEPT
    assert peak < 6 * KEPT


def test_bytes_that_are_not_utf_8_are_shown_as_escapes() -> None:
    assert Output(b"a\xff\n\xc3\xa4\xc3").text == "a\\xff\nä\\xc3"


def test_a_character_across_head_and_tail_is_whole() -> None:
    output = Output(b"x\xc3", b"\xa4y")
    assert output.text == "xäy"


def test_dropped_bytes_are_told() -> None:
    output = Output(b"begin", b"end", 5)
    assert output.text == "begin\n[5 bytes dropped]\nend"
    assert output.kept == b"beginend"


@given(st.binary(), st.binary(), st.integers(0, 9))
def test_text_can_always_be_written(head: bytes, tail: bytes, dropped: int) -> None:
    Output(head, tail, dropped).text.encode("utf-8")
