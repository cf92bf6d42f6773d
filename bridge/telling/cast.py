"""Made-up first names for the parts of a workflow that are one person, and who everybody is."""

from __future__ import annotations

from bridge.telling.lexis import capitalised, is_made, is_one, is_trait, joined, part_in_words, spoken
from bridge.telling.names import FIRST_NAMES
from bridge.telling.words import Teller
from engine.core.definition import AnsweredBy, Definition, Part, PartDef, Starter


def cast_of(definition: Definition) -> dict[str, str]:
    """A first name for each part that is one person, as far as the names go.

    The starter has the first; the others come in the order of the file. Whoever is a part by an answer is
    called as they were when they were asked.
    """
    cast: dict[str, str] = {}
    free = iter(FIRST_NAMES)
    starters = [part for part in definition.parts if Starter() in part.sources and len(part.sources) == 1]
    if starters:
        first = next(free)
        cast |= dict.fromkeys((part.name for part in starters), first)
    for part in definition.parts:
        if part.name in cast or not is_one(definition, Part(part.name)):
            continue
        if len(part.answered) > 1:
            continue  # one of several, by their answers
        earlier = _asked_as(definition, part)
        if earlier is not None:
            if earlier in cast:
                cast[part.name] = cast[earlier]
            continue
        name = next(free, None)
        if name is not None:
            cast[part.name] = name
    return cast


def _asked_as(definition: Definition, part: PartDef) -> str | None:
    """The part in which whoever is this one was asked for the answer that makes them it."""
    match part.sources:
        case (AnsweredBy(ask=ask),):
            asked = definition.asks.get(ask)
            return asked.to.name if asked is not None and isinstance(asked.to, Part) else ""
        case _:
            return None


def people_in_words(teller: Teller) -> list[str]:
    """Who takes part, a sentence each."""
    definition = teller.definition
    said = [_beginning(teller)]
    others = [part for part in definition.parts if not part.answered and not _begins(part)]
    answered = [part for part in definition.parts if part.answered and not _begins(part)]
    said += [_one_part(teller, part) for part in others if teller.sources(part) != f"the {spoken(part.name)}"]
    return said + [_answered_part(teller, part) for part in answered if not is_made(part.name)]


def _begins(part: PartDef) -> bool:
    return part.sources == (Starter(),)


def _beginning(teller: Teller) -> str:
    definition = teller.definition
    parts = [part.name for part in definition.parts if _begins(part)]
    called = [f"the {spoken(name)}" for name in parts if name != "starter"]
    who = teller.starter()
    needed = " The circle can take it up once it has two safety contacts and names help from outside."
    needs = needed if definition.needs_contacts else ""
    if definition.begins_for is not None:
        comes = "when somebody comes into the circle's room"
        if definition.begins_for == "present":
            comes = "for each person in the circle, once: for those who are there when the circle takes it up, and"
            comes += " for whoever comes later"
        whose = f": let's say {'for ' if definition.begins_for == 'present' else ''}{who}"
        return f"It begins by itself {comes}{whose}" + (f", {joined(called)}." if called else ".") + needs
    word = f"by writing *{definition.begins_with}*"
    if any(detail.kind == "workflow" for detail in definition.details.values()):
        word = "by writing *try* or *leave off* and the name of a workflow"
    return f"{who} begins it {word}" + (f", and is {joined(called)}." if called else ".") + needs


def _one_part(teller: Teller, part: PartDef) -> str:
    called = f"the {spoken(part.name)}"
    if part.name in teller.cast:
        return f"{teller.cast[part.name]} is {called}: {teller.sources(part)}."
    if teller.part(part.name).startswith("every"):
        return f"{capitalised(called)} means {teller.sources(part)}."
    return (
        f"{capitalised(called)} {'is' if teller.is_one(Part(part.name)) else 'are'} {teller.sources(part)}."
    )


def _answered_part(teller: Teller, part: PartDef) -> str:
    given = tuple((by.ask, choice) for by in part.answered for choice in by.choices)
    said = teller.said(given)
    name = spoken(part.name)
    others = [teller.source(source) for source in part.sources if not isinstance(source, AnsweredBy)]
    if others:
        return f"The {name} are {joined(others)}, and whoever says {said}."
    if part.name in teller.cast:
        who, asked = teller.cast[part.name], teller.definition.asks[given[0][0]]
        return f"Once {who} has said {teller.said(given, by=asked.to)}, {who} is the {name}."
    if is_trait(teller.definition, part.name):
        return f"Whoever says {said} counts as {name}."
    if teller.is_one(Part(part.name)):
        return f"Whoever says {said} is the {name}."
    return f"Whoever says {said} is one of {part_in_words(teller.definition, part.name)}."
