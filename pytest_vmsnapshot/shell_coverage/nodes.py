"""A parse tree whose nodes know their neighbours.

tree-sitter looks for the parent of a node from the root each time it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Tree


class Node:
    """A node of a parse tree.

    Args:
        kind: what it is, as tree-sitter-bash says.
        text: all of the script.
        start: where it begins in the text.
        end: where it ends.
        first: its first line, from 1.
        last: its last line.
        is_named: whether it is more than a word or sign of the grammar.
        is_wrong: whether it could not be parsed, or is not there.
    """

    __slots__ = (
        "_text", "children", "end", "field", "first", "is_named", "is_wrong", "kind", "last",
        "parent", "place", "start",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        text: bytes,
        start: int,
        end: int,
        first: int,
        last: int,
        *,
        is_named: bool,
        is_wrong: bool,
    ) -> None:
        self.kind = kind
        self._text = text
        self.start = start
        self.end = end
        self.first = first
        self.last = last
        self.is_named = is_named
        self.is_wrong = is_wrong
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.field: str | None = None
        """What it is to its parent."""
        self.place = 0
        """Which child of its parent it is."""

    @property
    def content(self) -> bytes:
        """Its text."""
        return self._text[self.start : self.end]

    @property
    def words(self) -> str:
        """Its text, decoded."""
        return self.content.decode(errors="surrogateescape")

    @property
    def next(self) -> Node | None:
        """What follows, below the same parent."""
        if self.parent is None or self.place + 1 == len(self.parent.children):
            return None
        return self.parent.children[self.place + 1]

    def child(self, field: str) -> Node | None:
        """The first child that is something to it."""
        return next(self.all(field), None)

    def all(self, field: str) -> Iterator[Node]:
        """All children that are something to it."""
        return (child for child in self.children if child.field == field)

    def walk(self) -> Iterator[Node]:
        """This node and all below, in the order of the text."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


def nodes_of(tree: Tree, text: bytes) -> Node:
    """The root of a parse tree.

    Args:
        tree: of tree-sitter.
        text: what was parsed.
    """
    cursor = tree.walk()
    root: Node | None = None
    parent: Node | None = None
    while True:
        found = cursor.node
        assert found is not None
        (first, _), (last, column) = found.start_point, found.end_point
        node = Node(
            found.type,
            text,
            found.start_byte,
            found.end_byte,
            first + 1,
            max(first, last - (column == 0)) + 1,
            is_named=found.is_named,
            is_wrong=found.is_error or found.is_missing,
        )
        if parent is None:
            root = node
        else:
            node.parent, node.place, node.field = parent, len(parent.children), cursor.field_name
            parent.children.append(node)
        if cursor.goto_first_child():
            parent = node
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                assert root is not None
                return root
            parent = parent.parent if parent else None
