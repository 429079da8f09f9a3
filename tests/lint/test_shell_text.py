"""The reader of scripts: what it takes for commands, and that nothing can upset it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot.lint.shell_text import read
from pytest_vmsnapshot.lint.shell_words import Command


def told(text: str) -> list[list[str]]:
    """Words of all commands, assignments in front, without quotes."""
    return [
        [word.plain for word in (*command.assignments, *command.words)]
        for command in read(text).commands
    ]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("a b  c\n", [["a", "b", "c"]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a \\\n  b\n", [["a", "b"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a 'it'\\''s' x'y'\"z\"", [["a", "it's", "xyz"]]),
        ('a "\\$b \\\\ \\n"', [["a", "$b \\ \\n"]]),
        ("# a\nb # c\nd#e '#f' \\#g\n", [["b"], ["d#e", "#f", "#g"]]),
        ("x=1 y='2 3' a b=4\n", [["x=1", "y=2 3", "a", "b=4"]]),
        ("if a; then b; elif c; then d; else e; fi\n", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("while ! a; do b; done < x\nuntil c\ndo d\ndone\n", [["a"], ["b"], ["c"], ["d"]]),
        ("for x in if $(a) y; do b; done; for z do c; done\n", [["a"], ["b"], ["c"]]),
        ("case $(a) in b|c) d;; (e) f ;; g) esac; h\n", [["a"], ["d"], ["f"], ["h"]]),
        ("case x in\n# c\n'a b') d\n;;\n*) e\nesac\nf", [["d"], ["e"], ["f"]]),
        ("case x in a) case y in b) c;; esac;; d) e;; esac; f\n", [["c"], ["e"], ["f"]]),
        (
            "f() { a; }\ng ( ) ( b )\nfunction h { c; }\nfunction i() { d; }\n",
            [[c] for c in "abcd"],
        ),
        ("{ a; b; }; ( c; d ); (e)", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        (
            'x=$(a "$(b)") y=`c d`\n',
            [["b"], ["a", "$(b)"], ["c", "d"], ['x=$(a "$(b)")', "y=`c d`"]],
        ),
        ("x=$(case a in b) c;; esac); d\n", [["c"], ["x=$(case a in b) c;; esac)"], ["d"]]),
        ("x=$( (a) ); b", [["a"], ["x=$( (a) )"], ["b"]]),
        (
            'a $((1 + (2))) ${b:-$(c)} ${d#"}"}\n',
            [["c"], ["a", "$((1 + (2)))", "${b:-$(c)}", '${d#"}"}']],
        ),
        ("a \"${b:-it's}\"; c 'd'", [["a", "${b:-it's}"], ["c", "d"]]),
        ("a <<E b\nc 'd\n$(e)\nE\nf\n", [["a", "b"], ["f"]]),
        ("a <<'E'\nx\nE \nE\nf\n", [["a"], ["f"]]),
        ("a <<-E\n\tx\n\tE\nf\n", [["a"], ["f"]]),
        ("a <<A; b <<B\n1\nA\n2\nB\nc\n", [["a"], ["b"], ["c"]]),
        ("x=$(a <<E\n'\nE\n)\nb\n", [["a"], ["x=$(a <<E\n'\nE\n)"], ["b"]]),
        ("a > b 2>&1 < c >> d 2> /dev/null 3<&-\n", [["a"]]),
        ("a 2>b 22 >c", [["a", "22"]]),
        (
            "[ a = b ] && [[ a < b && ( c =~ d|e ) ]]; f",
            [["[", "a", "=", "b", "]"], ["[[", "a", "b", "c", "=~", "d", "e", "]]"], ["f"]],
        ),
        (
            "a $((1 + $(b) + ${c} + `d`)) 'e'\n",
            [["b"], ["d"], ["a", "$((1 + $(b) + ${c} + `d`))", "e"]],
        ),
        ("((a + 1)); for ((i=0; i<3; i++)); do b; done", [["b"]]),
        ("x=(a 'b c' # )\n d) y+=(e)\nf\n", [["x=(a 'b c' # )\n d)", "y+=(e)"], ["f"]]),
        ("a <(b c) > >(d)\n", [["b", "c"], ["d"], ["a", "<(b c)"]]),
        ("a <<< 'b c'; d", [["a"], ["d"]]),
        ("a |& b; c &> d; e &>> f; g", [["a"], ["b"], ["c"], ["e"], ["g"]]),
        ("echo if then { } ! done\n", [["echo", "if", "then", "{", "}", "!", "done"]]),
        ("'if' a; \\for b\n", [["if", "a"], ["for", "b"]]),
        ("a $'b\\'c' $\"d\"; e", [["a", "$'b\\'c'", '$"d"'], ["e"]]),
        ("a @(b|c) ?(d); e", [["a", "@(b|c)", "?(d)"], ["e"]]),
        ("", []),
    ],
)
def test_commands(text: str, commands: list[list[str]]) -> None:
    assert told(text) == commands


def only(text: str, name: str) -> Command:
    (found,) = [command for command in read(text).commands if command.name == name]
    return found


@pytest.mark.parametrize(
    ("text", "fed"),
    [
        ("read x", False),
        ("read x < f", True),
        ("read x 3< f", False),
        ("a | read x", True),
        ("a || read x", False),
        ("a | while read x; do b; done", True),
        ("while read x; do b; done < f", True),
        ("while read x; do b; done; c < f", False),
        ("{ a; read x; } <<E\n1\nE\n", True),
        ("a | { b; if c; then read x; fi; }", True),
        ("a | { b; }; read x", False),
        ("for i in 1; do read x; done > f", False),
        ("case a in b) read x;; esac < f", True),
        ("read x <<< y", True),
    ],
)
def test_what_a_command_reads(text: str, fed: bool) -> None:
    assert only(text, "read").fed is fed


def test_a_pipe_from_a_simple_command_is_known() -> None:
    commands = read("echo a | b | c; { d; } | e").commands
    assert [c.feeder for c in commands] == [None, 0, 1, None, None]


def test_background_and_functions() -> None:
    commands = read("a & b\nf() { c; if d; then e & fi; x=$(g); }\nh\n").commands
    assert {c.name for c in commands if c.background} == {"a", "e"}
    assert [c.name for c in commands if c.in_function] == ["c", "d", "e", "g", ""]
    assert read("f() { a; }; g () b").functions == {"f", "g"}


def test_here_documents_belong_to_their_redirection() -> None:
    (command,) = read("a <<E 2>&1 <<-'F'\n$x\nE\n\ty\n\tF\n").commands
    assert [(r.operator, r.descriptor, r.body) for r in command.redirections] == [
        ("<<", "", "$x\n"),
        (">&", "2", ""),
        ("<<-", "", "y\n"),
    ]
    assert [r.target is not None and r.target.quoted for r in command.redirections] == [
        False,
        False,
        True,
    ]


def test_comments_have_their_places() -> None:
    comments = read("#!/bin/sh\na # b\n  # c\nd <<E\n# e\nE\n").comments
    assert [(c.text, c.line, c.column, c.own_line) for c in comments] == [
        ("!/bin/sh", 1, 1, True),
        (" b", 2, 3, False),
        (" c", 3, 3, True),
    ]


def test_words_say_whether_they_are_written_out() -> None:
    (command,) = read('a \'b\' "c" $d "$e" f* `g` "\\$h"').commands[-1:]
    assert [(w.literal, w.quoted) for w in command.words] == [
        (True, False),
        (True, True),
        (True, True),
        (False, False),
        (False, True),
        (True, False),
        (False, False),
        (True, True),
    ]


_PARTS = st.sampled_from(
    [
        *("a", "x=", "if ", "then ", "fi", "done", "while ", "case ", "in", "esac", ";;", "do "),
        *("for ", "{ ", "} ", "(", ")", "((", "))", "[[ ", "]]", "<", "<<E\n", "<<-'E'\n", "E\n"),
        *("<<<", "<(", "$(", "${", "`", "'", '"', "\\", "\\\n", "\n", " ", "|", "||", "&", "&&"),
        *(";", "#", "$", "$((", "=(", "function ", "f() ", "2>", "@(", "!", "0", "$'", '$"', "\t"),
        *("é", "\r", "\0", "\udc80"),
    ]
)


@given(st.one_of(st.lists(_PARTS, max_size=60).map("".join), st.text(max_size=100)))
@settings(max_examples=400)
def test_whatever_is_read_has_its_place_in_the_text(text: str) -> None:
    lines = text.split("\n")
    found = read(text)
    for command in found.commands:
        assert 1 <= command.line <= len(lines)
        assert 1 <= command.column <= len(lines[command.line - 1]) + 1
        assert command.words or command.assignments or command.redirections
        for word in (*command.words, *command.assignments):
            assert word.raw
            assert lines[word.line - 1][word.column - 1 :].startswith(word.raw.split("\n")[0])
        if command.feeder is not None:
            assert command.feeder < len(found.commands)
    for comment in found.comments:
        assert lines[comment.line - 1][comment.column - 1] == "#"


@given(st.lists(st.sampled_from(["a", "b-c", "'d e'", '"f"', "$g", "h=i"]), min_size=1))
def test_a_simple_command_keeps_its_words(words: list[str]) -> None:
    (command,) = read(" ".join(words) + "\n").commands
    assert [word.raw for word in (*command.assignments, *command.words)] == words


@pytest.mark.parametrize(
    "part",
    [
        *("(", "((", "$(", "${", "`", "'", '"', "$((", "<<E\n", "{ ", "case x in ", "[[ ", "x=("),
        *("function f", "a()", "\\\n", "@(", '"$(', '"${x:-', "<(", "$'", "for ", "a|", "<<<"),
    ],
)
def test_a_text_that_never_ends_what_it_begins_is_read_in_time(part: str) -> None:
    began = time.process_time()
    read(part * 3000)
    assert time.process_time() - began < 5
