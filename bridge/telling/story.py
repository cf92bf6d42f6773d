"""A workflow file told back in plain sentences, so that whoever wrote it recognises what she meant."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from unicodedata import category

import msgspec

from bridge.telling.asking import unasked
from bridge.telling.carrying import what_is_carried
from bridge.telling.cast import cast_of, people_in_words
from bridge.telling.chapters import chapter, ending
from bridge.telling.lexis import capitalised, joined, number_in_words, quoted, spoken
from bridge.telling.onward import (
    called,
    calling_off,
    is_choice_of_few,
    is_detour,
    leads_to,
    why_too_few,
)
from bridge.telling.quoting import Paragraph
from bridge.telling.reach import roles
from bridge.telling.readable import is_made_of_steps, readable
from bridge.telling.week import Most, goes_round, most_in_a_week, most_in_the_room
from bridge.telling.words import Teller
from bridge.telling.written import as_written
from engine.core.definition import KEEP_DAYS, Definition, Room, StateDef
from engine.core.schedule import TIMELY_A_WEEK

WIDTH = 80


class Section(msgspec.Struct, frozen=True):
    """A part of a story under one heading."""

    heading: str
    paragraphs: tuple[Paragraph, ...]


class Story(msgspec.Struct, frozen=True):
    """A whole workflow, told."""

    name: str
    title: str
    about: str
    sections: tuple[Section, ...]
    week: tuple[Most, ...]
    """The most that comes within seven days, for each thing that somebody can be from outside."""
    week_in_the_room: int
    goes_round: bool
    """True: people may choose to go round again, and what comes on the way comes again then."""


def tell_story(definition: Definition) -> Story:
    """Tell a definition that has been found good."""
    definition = as_written(definition)
    teller = Teller(definition, cast_of(definition))
    week = tuple(most_in_a_week(definition, parts) for parts in roles(definition))
    in_room = most_in_the_room(definition)
    return Story(
        name=definition.name,
        title=definition.title,
        about=definition.about,
        sections=(
            Section("Who takes part", (Paragraph(" ".join(people_in_words(teller))),)),
            *_states(teller),
            *_carried(teller),
            Section("How it can end", tuple(_endings(teller))),
            Section("What comes by itself", tuple(Paragraph(text) for text in _by_itself(teller))),
            Section("In one week, at most", tuple(_week(teller, week, in_room))),
        ),
        week=week,
        week_in_the_room=in_room,
        goes_round=goes_round(definition),
    )


def story_as_text(story: Story, width: int = WIDTH) -> str:
    """A story as it is printed: headings, short paragraphs, no line longer than ``width``.

    Control characters that a file may hold are left out, a terminal would obey them; so are those that turn the
    direction of what follows.
    """
    blocks = [story.title, _wrapped(story.about, width)]
    for section in story.sections:
        blocks.append(f"{section.heading}\n{'─' * len(section.heading)}")
        blocks += _blocks(section.paragraphs, width)
    return "".join(each for each in "\n\n".join(blocks) if each == "\n" or not _is_obeyed(each))


def _is_obeyed(character: str) -> bool:
    return (
        category(character) == "Cc" or "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    )


def _blocks(paragraphs: tuple[Paragraph, ...], width: int) -> Iterator[str]:
    items: list[str] = []
    for paragraph in paragraphs:
        if paragraph.kind == "item":
            items.append(
                textwrap.fill(paragraph.text, width, initial_indent="  · ", subsequent_indent="    ")
            )
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield (
            _quoted(paragraph.text, width) if paragraph.kind == "quoted" else _wrapped(paragraph.text, width)
        )
    if items:
        yield "\n".join(items)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_on_hyphens=False)


def _quoted(text: str, width: int) -> str:
    lines = [
        textwrap.fill(line, width - 4, break_on_hyphens=False) for line in text.splitlines() if line.strip()
    ]
    return textwrap.indent("\n".join(lines), "  │ ")


# ── what happens ─────────────────────────────────────────────────────────────


def in_order(definition: Definition) -> list[StateDef]:
    """The states that can be reached, in the order in which somebody reading the moves meets them; ends last."""
    found, waiting = dict[str, None](), [definition.start]
    while waiting:
        name = waiting.pop(0)
        state = definition.states.get(name)
        if state is None or name in found:
            continue
        found[name] = None
        left = (state.if_starter_leaves, definition.if_starter_leaves, *definition.if_leaves.values())
        waiting += [move.to for move in state.moves]
        waiting += [to for to in left if to is not None and not state.final]
    reached = [definition.states[name] for name in found]
    return sorted(reached, key=lambda state: (state.final, is_detour(definition, state)))


def _states(teller: Teller) -> Iterator[Section]:
    known: set[str] = set()
    before: StateDef | None = None
    for state in in_order(teller.definition):
        if state.final:
            continue
        told = list(chapter(teller, state, known))
        if before is None:
            told += [Paragraph(text) for text in unasked(teller)]
        yield Section(_heading(teller, state, before), tuple(told))
        before = state


def _heading(teller: Teller, state: StateDef, before: StateDef | None) -> str:
    definition = teller.definition
    plain = readable(definition, state.name)
    name = called(teller, state.name).removeprefix(quoted(plain)) or plain
    if before is None:
        return f"First: {name}"
    if is_choice_of_few(definition, state):
        return f"If {why_too_few(teller, state) or 'too few'}"
    if is_made_of_steps(definition):
        follows = not is_detour(definition, state)
    else:
        follows = state.name == next((move.to for move in before.moves), None)
    return f"Then: {name}" if follows else capitalised(name)


def _endings(teller: Teller) -> Iterator[Paragraph]:
    for state in in_order(teller.definition):
        if state.final:
            yield ending(teller, state)


def _carried(teller: Teller) -> Iterator[Section]:
    """What people hold of it, if anything."""
    told = tuple(what_is_carried(teller))
    if told:
        yield Section("What people carry", told)


# ── what nobody writes ───────────────────────────────────────────────────────


def _by_itself(teller: Teller) -> Iterator[str]:
    definition = teller.definition
    private = any(not isinstance(ask.to, Room) for ask in definition.asks.values())
    if private:
        yield (
            "Every question can be left unanswered. A no is seen by nobody, and nobody is asked why; to everyone "
            "else a no and a silence are the same. *later* brings a question back once, on another day; otherwise "
            "there is one reminder at most. Nobody is written to at night, and *stop* ends all of it."
        )
    else:
        yield "Nobody has to answer. Nobody is written to at night, and *stop* ends all of it."
    if any(ask.changeable_until is not None for ask in definition.asks.values()):
        yield "Where a yes becomes a no later on, those who see answers hear who can't come after all, and never why."
    if any(ask.words for ask in definition.asks.values()) or any(
        detail.kind == "words" for detail in definition.details.values()
    ):
        yield _keeping(definition)
    off = calling_off(teller)
    leaving = " ".join([off] if off else _leaving(teller))
    if leaving:
        yield leaving


def _keeping(definition: Definition) -> str:
    asks = [ask for ask in definition.asks.values() if ask.words]
    soon = {KEEP_DAYS if ask.keep_days is None else ask.keep_days for ask in asks if ask.kept_from_answer}
    days = {KEEP_DAYS if ask.keep_days is None else ask.keep_days for ask in asks if not ask.kept_from_answer}
    days |= {
        KEEP_DAYS if detail.keep_days is None else detail.keep_days
        for detail in definition.details.values()
        if detail.kind == "words"
    }
    told = [f"{_days(min(days), max(days))} after the end"] if days else []
    if soon:
        told.append(f"{_days(min(soon), max(soon))} after they wrote it")
    return f"What people write is deleted {joined(told, 'or')}."


def _days(least: int, most: int) -> str:
    return f"{least} days" if least == most else f"{least} to {most} days"


def _leaving(teller: Teller) -> Iterator[str]:
    definition = teller.definition
    if definition.if_starter_leaves is not None:
        yield f"If {teller.starter()} leaves the circle, {leads_to(teller, definition.if_starter_leaves)}."
    elsewhere: dict[str, list[str]] = {}
    for state in definition.states.values():
        if state.if_starter_leaves is not None and not state.final:
            elsewhere.setdefault(state.if_starter_leaves, []).append(quoted(spoken(state.name)))
    for to, states in elsewhere.items():
        yield f"If {teller.starter()} leaves in {joined(states, 'or')}, {leads_to(teller, to)}."
    for part, to in definition.if_leaves.items():
        yield f"If {teller.part(part)} leaves, {leads_to(teller, to)}."


# ── how much it is ───────────────────────────────────────────────────────────


def _week(teller: Teller, week: tuple[Most, ...], in_room: int) -> Iterator[Paragraph]:
    amounts = [(_whose(teller, most.parts), most.count.all) for most in week if most.count.all]
    if in_room:
        amounts.append(("the circle's room", in_room))
    if not amounts:
        yield Paragraph("Nobody gets a message unasked.")
        return
    yield Paragraph("Even if everything happens as fast as it can, one of these brings at most:")
    for count in sorted({count for _, count in amounts}, reverse=True):
        whom = joined(f"to {whose}" for whose, each in amounts if each == count)
        yield Paragraph(f"{number_in_words(count)} message{'' if count == 1 else 's'} {whom}", "item")
    yield Paragraph(_limits(week))
    if goes_round(teller.definition):
        yield Paragraph("Where it goes round again within the week, what comes on the way comes again.")
    yield from _written(teller)


def _written(teller: Teller) -> Iterator[Paragraph]:
    """Whom words of others come to: how many they are depends on how many write."""
    readers: dict[tuple[str, bool], list[str]] = {}
    for ask in teller.definition.asks.values():
        parts = [part for part in ask.seen_by if part not in ("me", "circle")]
        if (ask.words or ask.naming) and parts and not isinstance(ask.to, Room):
            readers.setdefault((teller.parts(parts), ask.unsigned is not None), []).append(
                teller.ask(ask.name)
            )
    for (who, unsigned), asks in readers.items():
        each = (
            "all in one message, or one for each writer where names are shown"
            if unsigned
            else "one for each writer"
        )
        yield Paragraph(f"Besides, answers to {joined(asks, 'or')} come to {who} without a sound: {each}.")


def _limits(week: tuple[Most, ...]) -> str:
    own = "Replies to what somebody writes are not counted. Whoever is several of these gets what comes to each."
    timely = number_in_words(TIMELY_A_WEEK)
    if any(most.waits for most in week):
        beyond = "only a change within a day of something agreed goes beyond it"
        return f"The weekly limit lets {timely} of them make a sound; {beyond}. The rest is quiet, or waits. {own}"
    return f"That keeps within the weekly limit of {timely} that make a sound. {own}"


def _whose(teller: Teller, parts: tuple[str, ...]) -> str:
    if not parts:
        return "each of the others in the circle"
    words = teller.part(parts[0])
    return words if parts[0] in teller.cast else f"each of {words}"
