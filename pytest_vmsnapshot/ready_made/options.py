"""Options of a command line: short ones may stand together in one word, long ones have another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def options(args: Sequence[str], valued: str, long: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Options with their values; what is no option comes with an empty name.

    Args:
        args: a command's arguments.
        valued: the letters that take a value: the rest of their word, or the next one.
        long: the short option that each long one stands for, as far as it matters here.
    """
    given = list(args)
    while given:
        word = given.pop(0)
        if word.startswith("--") and word != "--":
            name, equals, value = word.partition("=")
            name = long.get(name, name)
            takes = not equals and name[1:] in valued and len(name) == 2
            yield name, given.pop(0) if takes and given else value
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
