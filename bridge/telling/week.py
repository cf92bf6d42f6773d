"""How much one instance writes to anyone within seven days, at most.

Found by walking the ways through the states, the shortest time that each takes counted where the file gives it (what
people do may happen at once). Counted is every message that is written unasked: questions, their one reminder, what
is told, and a board when it first comes. Not counted, because it follows from what people do and not from the file:
answers to what somebody just said, and words that others write (`Most.besides` says for whom). Edits and
reactions are no messages.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bridge.telling.reach import can_reach, most_together
from bridge.telling.ways import Count, Ways
from engine.core.definition import (
    AskDef,
    Definition,
    MoveDef,
    Part,
    Room,
    Starter,
    StateDef,
    TellDef,
    Who,
)
from engine.core.schedule import LEAST_LEFT_MS, TIMELY_A_WEEK
from engine.core.turn import ASK_OPEN_MS
from engine.core.values import DAY_MS, WEEK_MS, Ms


class Most(msgspec.Struct, frozen=True):
    """The most that one person gets in seven days."""

    parts: tuple[str, ...]
    """What the person is from outside: parts that no answer leads to. None of them: anyone else in the circle."""
    count: Count
    besides: tuple[str, ...] = ()
    """Asks whose written answers come to this person, one quiet message for each writer."""

    @property
    def waits(self) -> int:
        """How many of those with a sound do not fit into one week's limit."""
        return max(0, self.count.sounding - TIMELY_A_WEEK)


# ── what comes ───────────────────────────────────────────────────────────────


def most_in_a_week(definition: Definition, parts: tuple[str, ...]) -> Most:
    """The most that somebody who is these parts from outside gets within any seven days."""
    mail = MailOfSomebody(definition, parts)
    besides = [ask.name for ask in definition.asks.values() if (ask.words or ask.naming) and mail.reads(ask)]
    return Most(parts, Ways(definition, mail).heaviest(), tuple(besides))


def most_in_the_room(definition: Definition) -> int:
    """The most messages that the circle's room gets within any seven days."""
    return Ways(definition, MailOfTheRoom(definition)).heaviest().all


def goes_round(definition: Definition) -> bool:
    """Whether what was counted once may come several times in a week, because people choose to go round again."""
    return Ways(definition, MailOfTheRoom(definition)).goes_round()


class MailOfTheRoom:
    """What the circle's room gets."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def on_entering(self, state: StateDef) -> Count:
        asks = sum(isinstance(self._definition.asks[name].to, Room) for name in state.asks)
        return Count(sum(isinstance(tell.to, Room) for tell in state.tells) + asks)

    def from_before(self, state: StateDef) -> Count:
        return Count()

    def under_way(self, state: StateDef) -> Count:
        again = (self._definition.asks[name] for name in state.asks)
        return Count(
            sum(rounds_of(ask.every_ms) for ask in again if ask.every_ms and isinstance(ask.to, Room))
        )

    def on_moving(self, move: MoveDef) -> Count:
        return Count(sum(isinstance(tell.to, Room) for tell in move.tells))


class MailOfSomebody:
    """What one person gets on entering a state, while it lasts, and with a move."""

    def __init__(self, definition: Definition, parts: tuple[str, ...]) -> None:
        self._definition = definition
        self._parts = parts

    def on_entering(self, state: StateDef) -> Count:
        """Everything that comes of entering a state, the reminders within the week included."""
        asks = [self._definition.asks[name] for name in state.asks]
        told = [
            (tell.to, 1) for tell in state.tells if not isinstance(tell.to, Room) and self._reaches(tell.to)
        ]
        asked = [(ask.to, self._asked(ask)) for ask in asks if self._asked(ask)]
        shown = sum(self._reaches(who) for who in state.help_to)
        boards = sum(self._reaches(Part(board.to)) for board in state.board)
        sounding = most_together(self._definition, [*told, *asked]) + shown + self._first_question(state)
        return Count(sounding, boards)

    def from_before(self, state: StateDef) -> Count:
        """What may still come of questions that a state keeps open."""
        return self._reminders(name for name in state.keeps)

    def under_way(self, state: StateDef) -> Count:
        """What may come in a state that was entered before the week began."""
        return self._reminders(dict.fromkeys((*state.asks, *state.keeps)))

    def _reminders(self, names: Iterable[str]) -> Count:
        found = 0
        for ask in map(self._definition.asks.__getitem__, names):
            if self._is_put_to(ask):
                again = 0 if ask.every_ms is None else rounds_of(ask.every_ms)
                found += again + (again or 1) * _is_reminded(ask)
        return Count(found)

    def on_moving(self, move: MoveDef) -> Count:
        """What is told with a move."""
        return Count(self._tells(move.tells))

    def _reaches(self, who: Who) -> bool:
        return can_reach(self._definition, who, self._parts)

    def _is_put_to(self, ask: AskDef) -> bool:
        return not isinstance(ask.to, Room) and self._reaches(ask.to)

    def reads(self, ask: AskDef) -> bool:
        """Whether what is answered comes to this person."""
        return any(self._reaches(Part(part)) for part in ask.seen_by if part not in ("me", "circle"))

    def _asked(self, ask: AskDef) -> int:
        place = int(ask.places is not None and self._reaches(ask.to))  # that one has come free, or none will
        if not self._is_put_to(ask):
            return place
        if ask.every_ms is not None:
            return 0 if ask.every_ms >= WEEK_MS else rounds_of(ask.every_ms) * (1 + _is_reminded(ask))
        return 1 + place + (_is_reminded(ask) and not _is_reminded_later_than_a_week(ask))

    def _tells(self, tells: Iterable[TellDef]) -> int:
        return sum(not isinstance(tell.to, Room) and self._reaches(tell.to) for tell in tells)

    def _first_question(self, state: StateDef) -> int:
        """Details are asked one after the other: only those that do not follow upon an answer of one's own."""
        last = None if state.name != self._definition.start or self._definition.begins_for is not None else ""
        found = 0
        for name in state.gather:
            detail = self._definition.details[name]
            reader = detail.asked or ""
            if detail.given or reader == last:
                continue
            last = reader
            found += self._reaches(Part(reader)) if reader else self._starts()
        return found

    def _starts(self) -> bool:
        starters = [part.name for part in self._definition.parts if Starter() in part.sources]
        return any(name in self._parts for name in starters) or not starters


def rounds_of(every_ms: Ms) -> int:
    """How often something that comes at this interval can come within a week."""
    return max(1, -(-WEEK_MS // every_ms))


def _span(ask: AskDef) -> Ms | None:
    """How long an ask stays open, where the file alone says it."""
    if ask.until is None:
        return ASK_OPEN_MS
    return ask.until.offset_ms if ask.until.base == "opening" and not ask.until.halfway else None


def _is_reminded(ask: AskDef) -> bool:
    """Whether a reminder may come: not to what is only for one's own eyes, not where hardly any time is left."""
    span = _span(ask)
    long_enough = span is None or span >= 2 * LEAST_LEFT_MS
    return long_enough and (bool(ask.choices) or ask.seen_by != ("me",))


def _is_reminded_later_than_a_week(ask: AskDef) -> bool:
    span = _span(ask)
    return span is not None and span - DAY_MS >= WEEK_MS
