"""What was asked of one person and what they answered, read back from the journals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bridge.views.sight import Matter, Sources, matters_of, own_of, said
from engine.core.decide_detail import REACH_EVERYONE
from engine.core.definition import Definition
from engine.core.desk import Asked
from engine.core.event import Answered, TookBack
from engine.core.message import AnySlot, Option, Plain, Said
from engine.core.phrasing import label, value_slot
from engine.core.turn import DETAIL, days_kept, is_kept_from_answer
from engine.core.values import InstanceId, Ms, PersonId, Picked, TextId
from engine.runtime.localize import name_value

DECIDED = "decided"
ONLY_MINE = Said("seen.me")

Key = tuple[InstanceId, str, int]
"""An instance, an ask in it, and which time it was put."""


class Reply(NamedTuple):
    """Something that somebody answered at some moment; neither part of it: they took their answer back."""

    at_ms: Ms
    said: AnySlot | None = None
    text: TextId | None = None


class Exchange(msgspec.Struct, frozen=True):
    """One question, and everything that was said to it; the newest counts."""

    key: Key
    at_ms: Ms
    digest: str
    """The definition whose question it is."""
    asked: Asked | None
    """As it was put to them; None: a question to everybody in the circle's room."""
    replies: tuple[Reply, ...]
    only_mine: bool
    """True for what nobody sees but whoever answers."""
    keep_days: int | None
    """While it runs: the days that words outlive its end. None: it has ended, and each text has its date."""

    @property
    def texts(self) -> frozenset[TextId]:
        """All that they wrote to it, earlier versions among them."""
        return frozenset(reply.text for reply in self.replies if reply.text is not None)


async def record_of(sources: Sources, person: PersonId) -> list[Exchange]:
    """Every question that was put to a person, the oldest first.

    One that is still on its way to them is not put yet. Something private is once they have opened it, or
    answered it: before they are alone with it, a file does not tell of it either.
    """
    asked = await _asked(sources, person)
    own = await own_of(sources, person)
    seen = {
        (p.instance, p.ask, p.round): p.knock is None and p.row in own.delivered for p in own.desk.prompts
    }
    found: list[Exchange] = []
    for matter in await matters_of(sources, person):
        replies = await _replies(sources, matter, asked)
        for key in dict.fromkeys((*asked, *replies)):
            if key[0] != matter.snapshot.id:
                continue
            at_ms, event = asked.get(key, (0, None))
            given = tuple(replies.get(key, ()))
            if event is not None and not given and not seen.get(key, not event.sensitive):
                continue
            only_mine = _only_mine(matter, key[1], event)
            moment_ms = at_ms if event is not None else given[0].at_ms
            has_ended = matter.snapshot.finished_ms is not None
            is_set = has_ended or is_kept_from_answer(matter.definition, key[1])
            keep_days = None if is_set else days_kept(matter.definition, key[1])
            digest = matter.definition.digest
            found.append(Exchange(key, moment_ms, digest, event, given, only_mine, keep_days))
    order = {key: n for n, key in enumerate(asked)}
    return sorted(found, key=lambda each: (each.at_ms, order.get(each.key, len(order))))


async def _asked(sources: Sources, person: PersonId) -> dict[Key, tuple[Ms, Asked]]:
    """What was laid on their desk, but not what they had asked to be spared."""
    found: dict[Key, tuple[Ms, Asked]] = {}
    for line in await sources.cellar.journal(f"d/{person}"):
        if isinstance(line.event, Asked) and line.result == DECIDED:
            event = line.event
            found.setdefault((event.instance, event.ask, event.round), (line.at_ms, event))
    return found


async def _replies(
    sources: Sources, matter: Matter, asked: dict[Key, tuple[Ms, Asked]]
) -> dict[Key, list[Reply]]:
    found: dict[Key, list[Reply]] = {}
    for line in await sources.cellar.journal(f"i/{matter.snapshot.id}"):
        event = line.event
        if line.result != DECIDED or not isinstance(event, Answered | TookBack) or event.by != matter.who:
            continue
        key = (matter.snapshot.id, event.ask, event.round)
        reply = Reply(line.facts.occurred_ms)
        if isinstance(event, Answered):
            options = asked[key][1].message.options if key in asked else ()
            reply = Reply(line.facts.occurred_ms, _said(matter, event, options), event.text)
        found.setdefault(key, []).append(reply)
    return found


def _said(matter: Matter, event: Answered, options: Sequence[Option]) -> AnySlot | None:
    """What somebody chose, or gave besides words, as it was called when it was offered."""
    definition, name = matter.definition, event.ask.removeprefix(DETAIL)
    if event.choice is not None:
        offered = next((option.label for option in options if option.id == event.choice), None)
        return said(offered) if offered is not None else _called(definition, name, event.choice)
    if isinstance(event.value, Picked):
        # "everyone", where it was asked whom something is for
        return _called(definition, definition.reach or name, event.value.choice)
    if event.value is None:
        return None
    return value_slot(definition, name, name_value(event.value, matter.cast))


def _called(definition: Definition, owner: str, choice: str) -> AnySlot:
    """A choice's own label; where a file has none, the word by which it is known."""
    found = label(definition, owner, choice)
    if found.digest is None or found.key in definition.texts:
        return found
    return Said("document.everyone") if choice == REACH_EVERYONE else Plain(choice)


def _only_mine(matter: Matter, ask: str, asked: Asked | None) -> bool:
    """Whether an answer is seen by nobody else: as the file says, or as the prompt's own foot said."""
    known = matter.definition.asks.get(ask)
    if known is not None and known.seen_by == ("me",):
        return True
    footer = asked.message.footer if asked is not None else ()
    return any(part.slots.get("seen") == ONLY_MINE for part in footer)
