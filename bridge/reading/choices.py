"""Which choice of a question a message names: by number, emoji, its words, or a plain yes or no."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from bridge.reading.plainly import (
    bare_number,
    loosely,
    plainly,
    same_emoji,
    without_number,
    without_politeness,
)
from bridge.wording.vocabulary import SaidWords
from engine.core.decide_desk import plain_emoji
from engine.core.definition import NO

_CLEAR_YES = ("✅", "✔️", "☑️", "👍", "🙋", "🙌", "💚", "❤️", "👋")
LEAST_LETTERS = 4
"""Of a label's beginning; "I" or "the" begin far too much."""
_AFTER_CLAUSE = re.compile(r"[,.;:!?\n–—…]")


class Offered(msgspec.Struct, frozen=True):
    """One choice of an open question. ``label`` is empty where nobody can tell its words."""

    id: str
    emoji: str
    label: str = ""


def chosen(message: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The id of the choice that ``message`` names; None if it names none, or not clearly one."""
    line = without_number(message.strip())
    return chosen_alone(message, offered, said) or _named_first(line, offered, said)


def chosen_alone(message: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The same for a message that says nothing besides: in "Heavy, since the flood" there is more than the choice."""
    written = plainly(message)
    exact = next((o.id for o in offered if written and plainly(o.label) == written), None)
    if exact is not None:
        return exact
    number = bare_number(message)
    if number is not None and [o.id for o in offered] != [
        NO
    ]:  # beside a no alone, a number is somebody's word
        return offered[number - 1].id if 1 <= number <= len(offered) else None
    line = without_number(message.strip())
    by_emoji = _by_emoji(line, offered)
    if by_emoji is not None:
        return by_emoji
    whole = without_politeness(plainly(line), said.polite)
    return _named(whole, offered, said) or _counted(whole, offered, said)


def beginning(message: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The id of the only choice whose label begins with these whole words ("a proposal" for "A proposal, to decide
    on together"), with or without its article. Too few letters, unless they are all before a comma, say nothing.
    """
    written = _bare(without_politeness(plainly(without_number(message.strip())), said.polite), said)
    if not written or written in (*said.yes, *said.no, *said.maybe):
        return None
    held = [o for o in offered if _begins(_bare(plainly(o.label), said), written)]
    return held[0].id if len(held) == 1 else None


def _bare(plain: str, said: SaidWords) -> str:
    """The same without an article in front."""
    first, _, rest = plain.partition(" ")
    return rest if rest and first in said.articles else plain


def _begins(label: str, written: str) -> bool:
    behind = label[len(written) :]
    if label == written:
        return True  # all of it but an article
    if not behind or not label.startswith(written) or behind[0].isalnum() or behind[0] in "'-":
        return False
    return bool(_AFTER_CLAUSE.match(behind)) or sum(map(str.isalnum, written)) >= LEAST_LETTERS


def _by_emoji(line: str, offered: Sequence[Offered]) -> str | None:
    """A message that is one emoji on offer, or begins with it: a copied line of the list."""
    plain = plain_emoji(line)
    held = [o for o in offered if o.emoji and plain.startswith(plain_emoji(o.emoji))]
    exact = [o for o in held if same_emoji(line, o.emoji)]
    if exact:
        return exact[0].id
    for option in held:
        if option.label and plainly(line) == plainly(option.label):
            return option.id
    return None


def _counted(whole: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The choice that a number in words means: "two", "die zwei", "la dos"."""
    number = said.numbers.get(_bare(whole, said))
    return offered[number - 1].id if number is not None and 1 < len(offered) >= number else None


def _named(whole: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    if not whole:
        return None
    labelled = [o for o in offered if whole == plainly(o.label) or whole == o.id.replace("_", " ")]
    # What people leave out in a hurry may still be only one of them: "im coming".
    hurried = [o for o in offered if o.label and loosely(whole) == loosely(o.label)]
    if labelled or len(hurried) == 1:
        return (labelled or hurried)[0].id
    if whole in said.no:
        return _the_no(offered, said)
    if whole in said.maybe:
        return next((o.id for o in offered if o.id == "maybe"), None)
    return _the_yes(offered, said) if whole in said.yes else None


def _the_no(offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The no that every private question has, or else the only choice that begins with one ("No, rather not")."""
    if any(o.id == NO for o in offered):
        return NO
    held = [o for o in offered if _first_clause(o.label) in said.no]
    return held[0].id if len(held) == 1 else None


def _the_yes(offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The one choice that a plain yes can mean, if there is just one: rather none than a wrong one."""
    open_ones = [o for o in offered if o.id != NO]
    for clear in (
        [o for o in open_ones if o.id == "yes"],
        [o for o in open_ones if any(same_emoji(o.emoji, e) for e in _CLEAR_YES)],
        [o for o in open_ones if _first_clause(o.label) in said.yes],
        # Beside a maybe, the other one; but "Rather not" is no yes.
        [o for o in open_ones if not _is_maybe(o, said) and not _doubts(o.label, said)]
        if any(_is_maybe(o, said) for o in open_ones)
        else open_ones,
    ):
        if len(clear) == 1:
            return clear[0].id
    return None


def _first_clause(label: str) -> str:
    return plainly(_AFTER_CLAUSE.split(label, maxsplit=1)[0])


def _is_maybe(option: Offered, said: SaidWords) -> bool:
    return option.id == "maybe" or _first_clause(option.label) in said.maybe


def _doubts(label: str, said: SaidWords) -> bool:
    return bool(set(re.findall(r"[\w']+", plainly(label))) & set(said.against_a_yes))


def _named_first(line: str, offered: Sequence[Offered], said: SaidWords) -> str | None:
    """The choice that the first clause names, if nothing after it casts doubt ("I'm coming, with bread")."""
    found = _AFTER_CLAUSE.search(line)
    if found is None:
        return None
    rest = f" {plainly(line[found.end() :])} "
    others = [plainly(o.label) for o in offered]
    first = without_politeness(plainly(line[: found.start()]), said.polite)
    choice = _named(first, offered, said)
    if choice is None:
        return None
    words = set(re.findall(r"[\w']+", rest))
    is_no = choice == NO or first in said.no
    if words & set(said.against_a_no if is_no else said.against_a_yes):
        return None
    named_later = [other for other in others if other and f" {other} " in rest and other != first]
    return None if named_later else choice
