"""Whom a message names: by mention, by Matrix id, or by the name their room shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from bridge.reading.plainly import plainly
from bridge.wording.vocabulary import SaidWords
from engine.core.values import PersonId

MOST_NAMES = 200
MOST_MISSING = 3
MOST_UNKNOWN_WORDS = 8
"""Where more than this is nobody's name, nobody else is looked for: it is talk."""
_MATRIX_ID = re.compile(r"@[0-9A-Za-z._=/+\-]{1,200}:[0-9A-Za-z.\-\[\]:]{1,200}(?<![.:])")
_LINK = re.compile(rf"\[[^\[\]]{{0,200}}\]\(https://matrix\.to/#/({_MATRIX_ID.pattern})[^()\s]{{0,200}}\)")
"""How some clients write a mention down."""


class People(Protocol):
    """Knows, from memory, who is called what."""

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        """The one person whom ``asked_by`` can mean: a Matrix id, or a display name or localpart in a room they
        share, however written. None if nobody, or more than one, is called so.
        """

    def name_of(self, person: PersonId) -> str | None:
        """What a person is called."""


class Named(msgspec.Struct, frozen=True):
    """Who was named. ``clear`` is False when a part of it could not be found; ``people`` are the others then."""

    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    clear: bool = True


def named(
    text: str, mentions: Sequence[PersonId], asked_by: PersonId, people: People, said: SaidWords
) -> Named:
    """Read a list of people: "Ana, @ben:example.org and everyone", "@ana @ben", "Ana Silva Ben".

    ``mentions`` are those the client marked. Of names that begin alike, the longest is meant.
    """
    found: dict[PersonId, None] = {}
    everyone, missing = False, 0
    for item in _items(text, said):
        whole = _whole(item, asked_by, people, said)
        heard = whole if whole is not None else _one_by_one(item, asked_by, people, said)
        found |= dict.fromkeys(heard.people)
        everyone, missing = everyone or heard.everyone, missing + heard.missing
        if missing > MOST_MISSING:
            break  # a sentence, and no list of people
    marked = [person for person in mentions if person not in found]
    # A name that memory does not know is a mention's display text, as long as there is a mention for it.
    clear = missing <= len(marked)
    found |= dict.fromkeys(marked)
    return Named(tuple(found)[:MOST_NAMES], everyone, clear)


class _Heard(NamedTuple):
    """What a stretch of a list names; ``missing`` counts the stretches in it that name nobody."""

    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    missing: int = 0


def _whole(item: str, asked_by: PersonId, people: People, said: SaidWords) -> _Heard | None:
    """What an item names if it is one name, or one word for everybody or oneself; None if it is neither."""
    plain = plainly(item)
    if plain in said.everyone:
        return _Heard(everyone=True)
    if plain in said.oneself:
        return _Heard((asked_by,))
    if _is_more_than_an_id(item):
        return None
    person = people.find(_as_name(item), asked_by)
    return _Heard((person,)) if person is not None else None


def _one_by_one(item: str, asked_by: PersonId, people: People, said: SaidWords) -> _Heard:
    """Names with nothing but spaces between them."""
    found: list[PersonId] = []
    everyone, missing, unknown, in_unknown = False, 0, 0, False
    rest = item.strip()
    while rest and unknown <= MOST_UNKNOWN_WORDS:
        first = rest.split(maxsplit=1)[0]
        behind = _everyone_first(rest, said)
        match = _person_first(rest, asked_by, people) if behind is None else None
        if behind is not None:
            everyone = True
        elif match is not None:
            person, behind = match
            found.append(person)
        else:
            behind = rest[len(first) :]
            if plainly(first) in said.oneself:
                found.append(asked_by)
            elif plainly(first) and plainly(first) not in said.polite:
                unknown += 1
                missing += not in_unknown
                in_unknown, rest = True, behind.lstrip()
                continue
        in_unknown, rest = False, behind.lstrip()
    return _Heard(tuple(found), everyone, missing)


def _is_more_than_an_id(item: str) -> bool:
    """Whether there is a Matrix id in it, and something else too."""
    found = _MATRIX_ID.search(item)
    return found is not None and bool(plainly(item[: found.start()]) or plainly(item[found.end() :]))


def _as_name(item: str) -> str:
    item = item.strip().strip(".,;:!?()[]<>*\"'").strip()
    found = _MATRIX_ID.search(item)
    return found.group() if found else item


def _items(text: str, said: SaidWords) -> list[str]:
    joining = "|".join(re.escape(word) for word in said.joining)
    text = _LINK.sub(r" \1 ", text)
    parts = re.split(rf"[,;\n]|(?:(?<=\s)(?:{joining})(?=\s))", text, flags=re.IGNORECASE)
    return [part for part in parts[: MOST_NAMES + 1] if plainly(part) and plainly(part) not in said.polite]


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
    leading, words = _walk(text, mentions, asked_by, people, said)
    if leading.people or leading.everyone:
        return leading, words
    return _called_within(text, asked_by, people, said)


def _split_at_colon(text: str) -> tuple[str, bool, str]:
    """Split at the first colon followed by a space or the end; the colon of a Matrix id or a time is neither."""
    found = re.search(r":(?=\s|$)", text)
    if found is None:
        return text, False, ""
    return text[: found.start()], True, text[found.end() :].strip()


def _called_within(text: str, asked_by: PersonId, people: People, said: SaidWords) -> tuple[Named, str]:
    """The people whom a text calls by an @ anywhere, and the text; without them where it ends with them."""
    text = _LINK.sub(r" \1 ", text).strip()
    called = [(at, found[0]) for at in _calls(text) if (found := _person_first(text[at:], asked_by, people))]
    if not called:
        return Named(), text.lstrip(" ,;:")
    everybody = tuple(dict.fromkeys(person for _, person in called))[:MOST_NAMES]
    first = called[0][0]
    behind = named(text[first:], (), asked_by, people, said)
    words = text[:first] if behind.clear and behind.people == everybody else text
    return Named(everybody), words.strip(" ,;:")


def _calls(text: str) -> list[int]:
    """Where an @ begins a word."""
    return [found.start() for found in re.finditer(r"(?<![^\s(])@(?=\w)", text)][:MOST_NAMES]


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
    ids = [n for n, word in enumerate(words) if _MATRIX_ID.search(word.group())]
    if ids:
        words = words[: max(ids[0], 1)]  # an id stands for itself, and ends what came before it
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
