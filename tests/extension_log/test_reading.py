"""From files to messages, whatever state the files are in."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pytest_vmsnapshot import UsageError
from pytest_vmsnapshot.extension_log.reading import (
    LogText,
    Message,
    read_bytes,
    read_files,
    rotated_beside,
)

NAME = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0"


def read(content: bytes | str) -> LogText:
    raw = content.encode() if isinstance(content, str) else content
    return read_bytes({Path("extension.log"): raw})


def only(content: str) -> Message:
    (message,) = read(content).messages
    return message


@pytest.mark.parametrize(
    ("line", "time", "level"),
    [
        (f"2024-01-14 22:16:48.792020 [{NAME}]hello", "2024-01-14 22:16:48.792020", ""),
        (f"2024-01-14 22:16:48 [{NAME}]hello", "2024-01-14 22:16:48", ""),
        (f"2016/12/16 17:18:09 [{NAME}]hello", "2016-12-16 17:18:09", ""),
        (
            f"2016/12/16 17:18:09 [{NAME}]2016-12-16 17:18:09.739891  Error  hello",
            "2016-12-16 17:18:09.739891",
            "Error",
        ),
        ("2021/02/26 09:41:45.748281  Info  hello ", "2021-02-26 09:41:45.748281", "Info"),
        ("2016-12-16 17:18:09.739891  Warning  hello ", "2016-12-16 17:18:09.739891", "Warning"),
    ],
)
def test_every_form_of_a_line(line: str, time: str, level: str) -> None:
    message = only(line + "\n")
    assert (message.text, message.time, message.level) == ("hello", time, level)
    assert message.line.place == "extension.log:1"
    assert not message.is_cut


def test_lines_that_follow_belong_to_their_message() -> None:
    text = read(f"2024-01-14 22:16:48 [{NAME}]one\n  two\nthree\n2024-01-14 22:16:49 [{NAME}]x\n")
    first, second = text.messages
    assert [line.text for line in first.more] == ["  two", "three"]
    assert [line.number for line in first.more] == [2, 3]
    assert second.more == ()
    assert text.lines == 4


def test_what_waagent_adds_is_left_out() -> None:
    text = read(f"2016/12/16 17:18:09 [{NAME}]one\n2016/12/16 17:18:09\n\n")
    assert [message.more for message in text.messages] == [()]


def test_a_block_that_was_kept_back() -> None:
    edge = "================== Logs during Freeze {} =============="
    kept = "2021/02/26 09:41:45.7  Info  freezed \n2021/02/26 09:41:46.7  Error  freeze timed-out "
    start, end = edge.format("Start"), edge.format("End")
    text = read(f"2021-02-26 09:42:00 [{NAME}]{start}\n{kept}\n{end}\n")
    assert [message.text for message in text.messages] == [start, "freezed", "freeze timed-out"]
    assert [message.more for message in text.messages] == [(), (), ()]


def test_lines_before_the_first_message() -> None:
    text = read(f"d of a message\n2024-01-14 22:16:48 [{NAME}]x\n")
    assert [line.place for line in text.headless] == ["extension.log:1"]


def test_a_line_that_is_cut() -> None:
    assert only(f"2024-01-14 22:16:48 [{NAME}]taskId: 12").is_cut


def test_line_ends_of_windows() -> None:
    assert only(f"2024-01-14 22:16:48 [{NAME}]hello\r\n").line.text == "hello"


@pytest.mark.parametrize(
    ("content", "shown", "notes"),
    [
        (b"on\0\0ce\0", "once", ("extension.log: 3 NUL bytes are left out",)),
        (
            b"\xff\xe9t\xe9",
            "\\xff\\xe9t\\xe9",
            ("extension.log: some bytes are no text and are shown as escapes",),
        ),
        ("été \u2028\x0c\x85".encode(), "été \u2028\x0c\x85".strip(), ()),
    ],
)
def test_odd_bytes(content: bytes, shown: str, notes: tuple[str, ...]) -> None:
    text = read(f"2024-01-14 22:16:48 [{NAME}]".encode() + content + b"\n")
    (message,) = text.messages
    assert message.text == shown
    assert text.notes == notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_editors_make_of_a_file(encoding: str) -> None:
    (message,) = read(f"2024-01-14 22:16:48 [{NAME}]hello\n".encode(encoding)).messages
    assert message.text == "hello"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0" * 100, b"\r\n"])
def test_nothing(content: bytes) -> None:
    text = read(content)
    assert text.messages == ()
    assert text.headless == ()


def line(minute: int, text: str) -> str:
    return f"2024-01-14 22:{minute:02}:00 [{NAME}]{text}\n"


def test_parts_of_a_log_are_put_in_order(tmp_path: Path) -> None:
    newest = tmp_path / "extension.log"
    newest.write_text(line(3, "c"))
    (tmp_path / "extension.log.1").write_text(line(2, "b"))
    (tmp_path / "extension.log.2.gz").write_bytes(gzip.compress(line(1, "a").encode()))
    (tmp_path / "extension.log.swp").write_text("no part")
    (tmp_path / "extension.log.10").write_text(line(0, "0"))
    found = rotated_beside(newest)
    assert [path.name for path in found] == [
        "extension.log.1",
        "extension.log.10",
        "extension.log.2.gz",
    ]
    text = read_files([newest, *found])
    assert [message.text for message in text.messages] == ["0", "a", "b", "c"]
    assert text.files[0] == "extension.log.10"
    assert text.messages[1].line.place == "extension.log.2.gz:1"


def test_a_message_goes_on_in_the_next_file() -> None:
    contents = {
        Path("extension.log"): b"  the rest\n" + line(2, "b").encode(),
        Path("extension.log.1"): line(1, "a").encode(),
    }
    first, second = read_bytes(contents).messages
    assert [more.place for more in first.more] == ["extension.log:1"]
    assert second.text == "b"


def test_parts_without_a_date_are_ordered_by_their_numbers() -> None:
    contents = {Path(f"extension.log{end}"): f"x{end}".encode() for end in ("", ".1", ".2")}
    text = read_bytes(contents)
    assert [found.text for found in text.headless] == ["x.2", "x.1", "x"]


def test_a_copy_is_read_once() -> None:
    content = line(1, "a").encode()
    text = read_bytes({Path("extension.log"): content, Path("extension.log.1"): content})
    assert len(text.messages) == 1
    assert text.notes == ("extension.log.1 holds the same as extension.log and is read once",)


def test_what_is_left_of_a_packed_file(tmp_path: Path) -> None:
    words = [str(hash_like(number)) for number in range(2000)]
    whole = "".join(line(number % 60, word) for number, word in enumerate(words))
    packed = gzip.compress(whole.encode())
    path = tmp_path / "extension.log.gz"
    path.write_bytes(packed[: len(packed) // 2])
    messages = read_files([path]).messages
    assert 200 < len(messages) < 2000
    assert [message.text for message in messages[:3]] == words[:3]
    assert messages[-1].is_cut
    path.write_bytes(packed + packed)
    assert len(read_files([path]).messages) == 4000


def hash_like(number: int) -> int:
    """Numbers that pack badly."""
    return number * 2654435761 % 2**32


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    damaged = tmp_path / "extension.log.1.gz"
    damaged.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(UsageError) as caught:
        read_files([tmp_path / "nothing.log", tmp_path, damaged])
    assert caught.value.mistakes == (
        f"{tmp_path}/nothing.log cannot be read: No such file or directory",
        f"{tmp_path} cannot be read: Is a directory",
        f"{damaged} is damaged: it ends before anything can be unpacked; give the part that can be "
        "unpacked",
    )


def test_a_name_with_signs_of_patterns(tmp_path: Path) -> None:
    path = tmp_path / "ext[1]*.log"
    (tmp_path / "ext[1]*.log.1").write_text("")
    (tmp_path / "ext1.log.1").write_text("")
    assert [found.name for found in rotated_beside(path)] == ["ext[1]*.log.1"]
