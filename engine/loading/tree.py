"""From the text of a file to a tree of texts, lists and maps, each with its place.

YAML 1.2, read as events and put together here: every scalar stays the text that was written
(nothing becomes a boolean, a number or a date behind anyone's back), a key written twice is
found, and anchors, aliases and tags are refused before they can grow into anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from engine.loading.problem import Ledger, Place
from engine.loading.signs import PLAIN_TEXT, UNSEEN, foreign
from engine.loading.syntax import explain

MOST_BYTES = 64 * 1024
MOST_DEPTH = 8
MOST_NODES = 5_000


class Text(msgspec.Struct, frozen=True):
    """A scalar, as it was written. ``plain`` is true for unquoted words on one line: columns inside count."""

    value: str
    place: Place
    plain: bool = False

    def at(self, offset: int) -> Place:
        """The place of a character of the value, as well as it can be known."""
        if not self.plain:
            return self.place
        return Place(self.place.line, self.place.column + offset)


class Items(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    place: Place


class Entry(msgspec.Struct, frozen=True):
    """A key and what stands under it."""

    key: Text
    node: Node


class Map(msgspec.Struct, frozen=True):
    """A map, in the order of the file."""

    entries: tuple[Entry, ...]
    place: Place


Node = Text | Items | Map


class _Mark(Protocol):
    line: int
    column: int


class _Frame:
    """A list or map that is still being read."""

    def __init__(self, place: Place, *, is_map: bool) -> None:
        self.place = place
        self.is_map = is_map
        self.nodes: list[Node] = []

    def close(self, ledger: Ledger) -> Node:
        if not self.is_map:
            return Items(tuple(self.nodes), self.place)
        return Map(tuple(_entries(self.nodes, ledger)), self.place)


def read_tree(text: str, ledger: Ledger, begin: str = "start with `name: …`") -> Map | None:
    """Read a whole file; None if it is not one readable map, with the reasons in ``ledger``.

    ``begin``: what helps where nothing is written yet.
    """
    size = len(text.encode())
    if size > MOST_BYTES:
        ledger.note(
            Place(),
            "too-large",
            f"the file is {size} bytes long; at most {MOST_BYTES} are read",
            "split it into two workflows",
        )
        return None
    if _is_no_text(text, ledger) or _has_tabs(text, ledger):
        return None
    try:
        node = _compose(text, ledger)
    except MarkedYAMLError as error:
        place, message, hint = explain(text, error)
        ledger.note(place, "yaml", message, hint)
        return None
    except YAMLError as error:
        ledger.note(
            Place(),
            "yaml",
            f"this is not readable YAML: {_first_line(error)}",
            PLAIN_TEXT,
        )
        return None
    if isinstance(node, Map):
        return node
    if node is None and ledger.problems():
        return None
    ledger.note(
        Place() if node is None else node.place,
        "not-a-map",
        "the file is empty" if node is None else "a file begins with keys",
        begin,
    )
    return None


def _is_no_text(text: str, ledger: Ledger) -> bool:
    """Whether this is another kind of file, or has characters in it that no text has."""
    what = foreign(text[:100].encode("utf-8", "replace"))
    if what is not None:
        ledger.note(Place(), "encoding", what, PLAIN_TEXT)
        return True
    found = UNSEEN.search(text)
    if found is not None:
        before = text[: found.start()]
        place = Place(before.count("\n") + 1, found.start() - before.rfind("\n"))
        message = f"a character that cannot be seen stands here (U+{ord(found[0]):04X})"
        ledger.note(place, "yaml", message, "delete it")
        return True
    return False


def _has_tabs(text: str, ledger: Ledger) -> bool:
    found = False
    for number, line in enumerate(text.split("\n"), start=1):
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in indent and line.strip():
            found = True
            ledger.note(
                Place(number, indent.index("\t") + 1),
                "tab",
                "a tab in the indentation",
                "use two spaces instead",
            )
    return found


def _compose(text: str, ledger: Ledger) -> Node | None:
    stack: list[_Frame] = []
    root: Node | None = None
    documents = nodes = 0
    for event in _events(text):
        place = _place(event.start_mark)
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                ledger.note(place, "documents", "a second document begins here", "keep one workflow per file")
                return None
        if isinstance(event, NodeEvent):
            nodes += 1
            if not _is_allowed(event, place, ledger) or _grew_too_far(len(stack), nodes, place, ledger):
                return None
        done: Node | None = None
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            stack.append(_Frame(place, is_map=isinstance(event, MappingStartEvent)))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            done = stack.pop().close(ledger)
        elif isinstance(event, ScalarEvent):
            done = _text(event, place)
        if done is not None:
            if stack:
                stack[-1].nodes.append(done)
            else:
                root = done
    return root


def _events(text: str) -> Iterator[Event]:
    return cast("Iterator[Event]", YAML(typ="safe", pure=True).parse(text))


def _place(mark: _Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _text(event: ScalarEvent, place: Place) -> Text:
    one_line = event.start_mark.line == event.end_mark.line
    return Text(event.value, place, plain=one_line and event.style is None)


def _is_allowed(event: NodeEvent, place: Place, ledger: Ledger) -> bool:
    if isinstance(event, AliasEvent) or event.anchor is not None:
        written = f"*{event.anchor}" if isinstance(event, AliasEvent) else f"&{event.anchor}"
        ledger.note(
            place,
            "alias",
            f"a text cannot begin with `{written[0]}`: `{written}` is a YAML reference, and these are not read",
            "put quotes around the whole text",
        )
        return False
    if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
        ledger.note(
            place,
            "tag",
            f"a text cannot begin with `!`: `{event.tag}` is a YAML tag, and these are not read",
            "put quotes around the whole text",
        )
        return False
    return True


def _grew_too_far(depth: int, nodes: int, place: Place, ledger: Ledger) -> bool:
    if depth > MOST_DEPTH:
        ledger.note(place, "too-deep", f"more than {MOST_DEPTH} levels inside each other", "indent less")
        return True
    if nodes > MOST_NODES:
        ledger.note(place, "too-many", f"more than {MOST_NODES} entries", "split it into two workflows")
        return True
    return False


def _entries(nodes: list[Node], ledger: Ledger) -> Iterator[Entry]:
    first: dict[str, Place] = {}
    for key, node in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Text):
            ledger.note(key.place, "key", "a key is a word, not a list or a map", "write `word: …`")
            continue
        if key.value in first:
            line = first[key.value].line
            ledger.note(
                key.place,
                "twice",
                f"`{key.value}` is written twice; the first stands in line {line}",
                "keep one of them",
            )
            continue
        first[key.value] = key.place
        yield Entry(key, node)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
