"""Between the house and an instance: person ids outside, references (``p1``) inside.

Whatever goes into an instance is localized; whatever comes out is named again. An instance's
snapshot and journal therefore never hold anything by which a person is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from engine.core.event import Answered, Commanded, Due, Ended, Event, Left, Migrated, Started, TookBack
from engine.core.message import AnySlot, Message, Names, Occasion, Option, Phrase, Said
from engine.core.values import AnyValue, PersonId, Persons, Ref


class Cast:
    """Who takes part in one instance; new people get the next reference."""

    def __init__(self, people: tuple[PersonId, ...]) -> None:
        self._people = list(people)
        self._refs = {person: Ref(f"p{n}") for n, person in enumerate(people, 1)}
        self.added: list[tuple[Ref, PersonId]] = []
        self._several: dict[int, tuple[Sequence[PersonId], tuple[Ref, ...]]] = {}

    def ref(self, person: str) -> Ref:
        """The reference of a person, given on first sight."""
        known = self._refs.get(PersonId(person))
        if known is None:
            self._people.append(PersonId(person))
            known = self._refs[PersonId(person)] = Ref(f"p{len(self._people)}")
            self.added.append((known, PersonId(person)))
        return known

    def refs(self, people: Sequence[PersonId]) -> tuple[Ref, ...]:
        """The references of several; the same people are asked about again with each event of a batch."""
        if id(people) not in self._several:
            self._several[id(people)] = (people, tuple(self.ref(person) for person in people))
        return self._several[id(people)][1]

    def known(self, person: PersonId) -> Ref | None:
        """The reference of a person who has one."""
        return self._refs.get(person)

    def person(self, ref: str) -> PersonId:
        """The person behind a reference; the empty id for one who has been forgotten."""
        return self._people[int(ref.removeprefix("p")) - 1]


def localize(event: Event, cast: Cast) -> Event:
    """An event with its people as references."""
    match event:
        case Started():
            starter = cast.ref(event.by)  # before anybody else: they are p1
            details = {k: _value(v, cast.ref) for k, v in event.details.items()}
            return replace(event, by=starter, details=details)
        case Answered():
            value = _value(event.value, cast.ref) if event.value is not None else None
            return replace(event, by=cast.ref(event.by), value=value)
        case TookBack() | Commanded():
            return replace(event, by=cast.ref(event.by))
        case Left():
            return Left(cast.ref(event.who))
        case Due() | Ended() | Migrated():
            return event
        case _:
            assert_never(event)


def name_value(value: AnyValue, cast: Cast) -> AnyValue:
    """A value with its references turned back into person ids; nobody stands for those who have been forgotten."""
    if not isinstance(value, Persons):
        return value
    return Persons(tuple(person for ref in value.who if (person := cast.person(ref))))


def _value(value: AnyValue, rename: Callable[[str], str]) -> AnyValue:
    return Persons(tuple(rename(p) for p in value.who)) if isinstance(value, Persons) else value


def name_message(message: Message, cast: Cast) -> Message:
    """A message with its references turned back into person ids."""
    return replace(
        message,
        lines=tuple(name_phrase(line, cast) for line in message.lines),
        footer=tuple(name_phrase(line, cast) for line in message.footer),
        options=tuple(Option(o.id, o.emoji, name_phrase(o.label, cast)) for o in message.options),
        occasion=_name_occasion(message.occasion, cast),
    )


def _name_occasion(occasion: Occasion | None, cast: Cast) -> Occasion | None:
    return None if occasion is None else replace(occasion, about=name_phrase(occasion.about, cast))


def name_phrase(phrase: Phrase, cast: Cast) -> Phrase:
    """A phrase with its references turned back into person ids."""
    return replace(phrase, slots=_slots(phrase.slots, cast)) if phrase.slots else phrase


def _slots(slots: Mapping[str, AnySlot], cast: Cast) -> dict[str, AnySlot]:
    return {name: _slot(slot, cast) for name, slot in slots.items()}


def _slot(slot: AnySlot, cast: Cast) -> AnySlot:
    if isinstance(slot, Names):
        return Names(tuple(cast.person(ref) for ref in slot.who))
    if isinstance(slot, Said) and slot.slots:
        return replace(slot, slots=_slots(slot.slots, cast))
    return slot
