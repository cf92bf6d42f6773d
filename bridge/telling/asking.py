"""What people are asked: the details that a workflow needs, and its questions with their terms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bridge.telling.lexis import (
    capitalised,
    duration_in_words,
    is_asked_anew,
    joined,
    label,
    named,
    number_in_words,
    quoted,
    sentence,
    spoken,
)
from bridge.telling.quoting import Paragraph, as_read, excerpt, is_said_of_one, provided
from bridge.telling.readable import readable
from bridge.telling.words import Teller, moment_in_words, until_in_words
from engine.core.definition import AskDef, DetailDef, Part, Room, StateDef
from engine.core.turn import ASK_OPEN_MS

_COUNTS_NO_MORE = "What was answered to the earlier question counts no more."

# ── details ──────────────────────────────────────────────────────────────────


def details_asked(teller: Teller, state: StateDef, told: set[str]) -> Iterator[Paragraph]:
    """What is asked for in a state before it goes on."""
    definition = teller.definition
    details = [definition.details[name] for name in state.gather if name in definition.details]
    for asked, group in groupby(details, key=lambda detail: detail.asked):
        who = teller.part(asked) if asked else teller.starter()
        held = list(group)
        if len(held) == 1:
            once_more = f"{who} is asked once more for {named(held[0].name)}."
            words = f"{who} is asked for {named(held[0].name)}: {_detail(teller, held[0])}."
            yield Paragraph(capitalised(once_more if f"detail {held[0].name}" in told else words))
            told.add(f"detail {held[0].name}")
            continue
        yield Paragraph(capitalised(f"{who} is asked, one thing at a time:"))
        for detail in held:
            told.add(f"detail {detail.name}")
            yield Paragraph(f"{spoken(detail.name)}: {_detail(teller, detail)}", "item")


def _detail(teller: Teller, detail: DetailDef) -> str:
    """A detail as it is asked for, and what is expected."""
    definition = teller.definition
    own_words = detail.name in definition.texts and detail.name not in definition.own
    expected = _expected(teller, detail)
    return (
        f"{excerpt(sentence(definition, detail.name), teller, 100)} ({expected})" if own_words else expected
    )


def _expected(teller: Teller, detail: DetailDef) -> str:
    if detail.kind == "choice":
        labels = (label(teller.definition, detail.name, choice.id) for choice in detail.choices)
        expected = joined(map(quoted, labels), "or")
    else:
        expected = {
            "words": "in words",
            "moment": "a day and time",
            "person": "a person",
            "people": "people",
            "number": "a number",
            "workflow": "a workflow",
        }[detail.kind]
    expected += _bounds(detail)
    if detail.but:
        expected += f", but not {joined((teller.who(Part(part)) for part in detail.but), 'or')}"
    return f"{expected}; it may be left open" if detail.optional else expected


def _bounds(detail: DetailDef) -> str:
    least, most = detail.least, detail.most
    if least is not None and most is not None:
        between = f"{number_in_words(least)} to {number_in_words(most)}"
        return f", {number_in_words(least) if least == most else between}"
    if least is not None:
        return f", at least {number_in_words(least)}"
    return f", at most {number_in_words(most)}" if most is not None else ""


def unasked(teller: Teller) -> Iterator[str]:
    """Details that nobody is asked for, and what they are then."""
    definition = teller.definition
    gathered = {name for state in definition.states.values() for name in state.gather}
    for detail in definition.details.values():
        if detail.name in gathered:
            continue
        called = capitalised(named(detail.name))
        if "_" in detail.name:
            called = quoted(capitalised(spoken(detail.name)))
        if detail.name == definition.reach:
            yield f"In place of names, {teller.starter()} may write *everyone*: then it is for everyone in the circle."
        elif (default := _default(teller, detail)) is not None:
            yield f"{called} is {default}, without being asked for."
        elif detail.kind == "workflow":
            yield f"{quoted(capitalised(spoken(detail.name)))} is the workflow that is named in the beginning."
        elif detail.given and detail.kind not in ("person", "people"):
            yield f"{called} comes with the beginning, or stays open."


def _default(teller: Teller, detail: DetailDef) -> str | None:
    if detail.default_moment is not None:
        return moment_in_words(detail.default_moment)
    if detail.default_number is not None:
        return number_in_words(detail.default_number)
    if detail.default_choice is not None:
        return quoted(label(teller.definition, detail.name, detail.default_choice))
    return None


# ── asks ─────────────────────────────────────────────────────────────────────


def question(teller: Teller, ask: AskDef, told: set[str]) -> Iterator[Paragraph]:
    """A question in its own words, what may be answered, who sees it, and how long it is open."""
    definition = teller.definition
    if f"ask {ask.name}" in told:
        yield Paragraph(
            capitalised(f"{provided(teller, ask.when)}{_is_asked(teller, ask)}, in the same words as before.")
        )
        return
    told.add(f"ask {ask.name}")
    if is_asked_anew(ask):
        yield Paragraph(
            capitalised(f"{_is_asked(teller, ask)}, in the same words as before. {_COUNTS_NO_MORE}")
        )
        return
    by_name = f" ({quoted(readable(teller.definition, ask.name))})" if teller.is_called_by_name(ask) else ""
    yield Paragraph(capitalised(f"{provided(teller, ask.when)}{_is_asked(teller, ask)}{by_name}:"))
    yield Paragraph(as_read(sentence(definition, f"{ask.name}.say").strip(), teller), "quoted")
    yield Paragraph(" ".join(_terms(teller, ask)))


def _is_asked(teller: Teller, ask: AskDef) -> str:
    again = f"every {duration_in_words(ask.every_ms).removeprefix('a ')} " if ask.every_ms else ""
    if isinstance(ask.to, Room):
        return f"{again}the circle's room is asked, in one message"
    one = teller.is_one(ask.to)
    is_asked = "is asked" if is_said_of_one(teller, ask.to) else "are asked"
    alone = "" if one else ", each in private"
    return f"{again}{teller.who(ask.to)} {is_asked}{alone}"


def _terms(teller: Teller, ask: AskDef) -> Iterator[str]:
    in_room = isinstance(ask.to, Room)
    yield f"{_offered(teller, ask)}."
    if ask.sensitive:
        yield "Because it is sensitive, a knock comes first; it is read with *open*, and never answered by a reaction."
    if ask.poll:
        yield "The answers are offered as a poll as well."
    yield f"{capitalised(teller.audience(ask))}."
    if ask.unsigned is not None:
        yield f"If fewer than {number_in_words(ask.unsigned + 3)} are asked, it is asked with names, and says so."
    if ask.places is not None:
        yield _places(teller, ask)
    if ask.question_to is not None and not in_room:
        yield f"A question written there is carried to {teller.part(ask.question_to)}, and the answer back."
    open_until = until_in_words(ask.until, ASK_OPEN_MS)
    if ask.changeable_until is not None and ask.changeable_until != ask.until:
        changeable = until_in_words(ask.changeable_until, ASK_OPEN_MS)
        yield f"It is open {open_until}, and what was said can change {changeable}."
    else:
        yield f"It is open {open_until}."
    if any(not is_asked_anew(teller.definition.asks[earlier]) for earlier in ask.replaces):
        yield _COUNTS_NO_MORE


def _offered(teller: Teller, ask: AskDef) -> str:
    labels = [quoted(label(teller.definition, ask.name, choice.id)) for choice in ask.choices]
    if isinstance(ask.to, Room):
        return f"Anyone there can answer {joined(labels, 'or')}" if labels else "Anyone there can answer"
    if ask.naming is not None:
        return f"The answer is {'the name of a person' if ask.naming == 'person' else 'names of people'}, or a no"
    if not labels:
        return "The answer is in one's own words, or a no"
    ways = [*labels, "words of one's own"] if ask.words else labels
    return f"The answers are {joined([*ways, 'a no'], 'or')}"


def _places(teller: Teller, ask: AskDef) -> str:
    places = f"as many places as {named(str(ask.places))} says"
    if isinstance(ask.places, int):
        places = f"{number_in_words(ask.places)} places"
    first = quoted(label(teller.definition, ask.name, ask.choices[0].id)) if ask.choices else "it"
    return f"There are {places} for {first}; who comes later waits, and moves up when one comes free."
