"""Short options of a command line, which may stand together in one word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def options(args: Sequence[str], valued: str) -> Iterator[tuple[str, str]]:
    """Options with their values; what is no option comes with an empty name.

    Args:
        args: a command's arguments.
        valued: the letters that take a value: the rest of their word, or the next one. A long
            option has its value behind an equals sign only.
    """
    given = list(args)
    while given:
        word = given.pop(0)
        if word.startswith("--") and word != "--":
            name, _, value = word.partition("=")
            yield name, value
            continue
        if not word.startswith("-") or word in ("-", "--"):
            yield "", word
            continue
        for index, letter in enumerate(word[1:], 1):
            if letter in valued:
                rest = word[index + 1 :]
                yield f"-{letter}", rest or (given.pop(0) if given else "")
                break
            yield f"-{letter}", ""
