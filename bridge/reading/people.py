"""Whom a message names: by mention, by Matrix id, or by the name their room shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from bridge.reading.plainly import plainly
from bridge.wording.vocabulary import SaidWords
from engine.core.values import PersonId

MOST_NAMES = 200
_MATRIX_ID = re.compile(r"@[0-9A-Za-z._=/+\-]{1,200}:[0-9A-Za-z.\-\[\]:]{1,200}(?<![.:])")


class People(Protocol):
    """Knows, from memory, who is called what."""

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        """The one person whom ``asked_by`` can mean: a Matrix id, or a display name or localpart in a room they
        share, however written. None if nobody, or more than one, is called so.
        """

    def name_of(self, person: PersonId) -> str | None:
        """What a person is called."""


class Named(msgspec.Struct, frozen=True):
    """Who was named. ``clear`` is False when a part of it could not be found."""

    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    clear: bool = True


def named(
    text: str, mentions: Sequence[PersonId], asked_by: PersonId, people: People, said: SaidWords
) -> Named:
    """Read a list of people: "Ana, @ben:example.org and everyone". ``mentions`` are those the client marked."""
    found: dict[PersonId, None] = {}
    everyone, missing = False, 0
    for item in _items(text, said):
        if plainly(item) in said.everyone:
            everyone = True
            continue
        own = plainly(item) in said.oneself
        person = asked_by if own else people.find(_as_name(item), asked_by)
        if person is None:
            missing += 1
        else:
            found[person] = None
    marked = [person for person in mentions if person not in found]
    # A name that memory does not know is a mention's display text, as long as there is a mention for it.
    clear = missing <= len(marked)
    for person in marked:
        found[person] = None
    return Named(tuple(found)[:MOST_NAMES], everyone, clear)


def _as_name(item: str) -> str:
    item = item.strip().strip(".,;:!?()[]<>*\"'").strip()
    found = _MATRIX_ID.search(item)
    return found.group() if found else item


def _items(text: str, said: SaidWords) -> list[str]:
    joining = "|".join(re.escape(word) for word in said.joining)
    parts = re.split(rf"[,;\n]|(?:(?<=\s)(?:{joining})(?=\s))", text, flags=re.IGNORECASE)
    items: list[str] = []
    for part in parts[: MOST_NAMES + 1]:
        ids = _MATRIX_ID.findall(part)
        items += ids if len(ids) > 1 else [part]
    return [item for item in items if plainly(item)]


def leading_people(
    text: str, mentions: Sequence[PersonId], asked_by: PersonId, people: People, said: SaidWords
) -> tuple[Named, str]:
    """The people a text begins with, and what stands behind them.

    A colon ends the list ("everyone and @ana: dinner at mine"); without one, names are taken for as long as they
    are found.
    """
    head, colon, rest = _split_at_colon(text)
    if colon:
        listed = named(head, mentions, asked_by, people, said)
        if listed.clear and (listed.people or listed.everyone):
            return listed, rest
    return _walk(text, mentions, asked_by, people, said)


def _split_at_colon(text: str) -> tuple[str, bool, str]:
    """Split at the first colon followed by a space or the end; the colon of a Matrix id or a time is neither."""
    found = re.search(r":(?=\s|$)", text)
    if found is None:
        return text, False, ""
    return text[: found.start()], True, text[found.end() :].strip()


def _walk(
    text: str, mentions: Sequence[PersonId], asked_by: PersonId, people: People, said: SaidWords
) -> tuple[Named, str]:
    found: dict[PersonId, None] = {}
    everyone, rest = False, text.strip()
    for _ in range(MOST_NAMES):
        taken = _everyone_first(rest, said)
        if taken is not None:
            everyone, rest = True, _past_joining(taken, said)
            continue
        match = _person_first(rest, asked_by, people)
        if match is None:
            break
        person, behind = match
        found[person] = None
        rest = _past_joining(behind, said)
    for person in mentions:
        found[person] = None
    return Named(tuple(found)[:MOST_NAMES], everyone), rest.lstrip(" ,;:")


def _everyone_first(rest: str, said: SaidWords) -> str | None:
    for word in sorted(said.everyone, key=len, reverse=True):
        if rest[: len(word)].casefold() == word and not rest[len(word) : len(word) + 1].isalnum():
            return rest[len(word) :]
    return None


def _person_first(rest: str, asked_by: PersonId, people: People) -> tuple[PersonId, str] | None:
    """The longest run of up to four words at the beginning that is somebody's name or id."""
    words = list(re.finditer(r"\S+", rest[:400]))[:4]
    if words and _MATRIX_ID.match(words[0].group()):
        words = words[:1]
    for last in reversed(words):
        name = _as_name(rest[: last.end()])
        person = people.find(name, asked_by) if plainly(name) else None
        if person is not None:
            return person, rest[last.end() :]
    return None


def _past_joining(rest: str, said: SaidWords) -> str:
    rest = rest.lstrip(" ,;")
    for word in said.joining:
        if rest[: len(word)].casefold() == word and rest[len(word) : len(word) + 1].isspace():
            return rest[len(word) :].lstrip()
    return rest
