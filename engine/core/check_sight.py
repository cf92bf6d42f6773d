"""Who sees what: an answer reaches nobody but those the prompt named, and a private matter stays one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from engine.core.check_care import LASTING
from engine.core.check_chart import Chart
from engine.core.check_people import asks_behind, part_of
from engine.core.definition import (
    AnsweredBy,
    AskDef,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OnAnswer,
    OneOf,
    Part,
    Room,
    Source,
    Starter,
    Stewards,
    Who,
)
from engine.core.finding import Finding, Path
from engine.core.survey import Gap, asks_in, conditions, gaps_of, looked_at_in, read_gap, sayings

KEYCAP = "\u20e3"
LONGEST_SENSITIVE_DAYS = 90


def check_sight(chart: Chart) -> Iterator[Finding]:
    """Find answers that would be seen by others than those the prompt names."""
    definition = chart.definition
    for ask in definition.asks.values():
        yield from _in_the_room(definition, ask)
        if ask.sensitive:
            yield from _sensitive(definition, ask)
    yield from _readers(definition)
    yield from _handed_on(definition)
    yield from _told_by_conditions(chart)
    yield from _recorded(definition)
    yield from _hidden(chart)


# ── the room ─────────────────────────────────────────────────────────────────


def _in_the_room(definition: Definition, ask: AskDef) -> Iterator[Finding]:
    path: Path = ("asks", ask.name, "seen by")
    in_room = isinstance(ask.to, Room)
    for seer in ask.seen_by if not (in_room or _decides_openly(definition, ask)) else ():
        if seer == "circle" or _is_everyone(definition, seer):
            yield Finding(
                path,
                "room-sees-private",
                f"`{ask.name}` is asked privately, and the whole room would see the answers",
                "name the one part that needs to see them, or ask it in the room with `to: room`",
                word=seer,
            )
    if in_room and "circle" not in ask.seen_by:
        yield Finding(
            path,
            "room-sees-all",
            "what is tapped in the room is seen by everyone there",
            "write `seen by: circle`, or ask each person with `to: everyone`",
        )
    if in_room and (ask.words or ask.question_to is not None or ask.naming is not None):
        key = "question to" if ask.question_to is not None else "also" if ask.choices else "answers"
        yield Finding(
            ("asks", ask.name, key),
            "room-words",
            "in the room there is one tap, and no words",
            "ask for words 1:1",
        )
    if "me" in ask.seen_by and len(ask.seen_by) > 1:
        yield Finding(path, "me-and-others", "`me` means nobody else", "leave out `me`, or everybody else")


def _decides_openly(definition: Definition, ask: AskDef) -> bool:
    """Whether whoever began it chooses how it goes on, and knows by the question that the circle hears of it."""
    part = part_of(definition, ask.to.name) if isinstance(ask.to, Part) else None
    return part is not None and part.sources == (Starter(),) and not ask.sensitive


def _is_everyone(definition: Definition, name: str) -> bool:
    part = part_of(definition, name)
    return part is not None and any(isinstance(source, Everyone) for source in part.sources)


# ── sensitive questions ──────────────────────────────────────────────────────


def _sensitive(definition: Definition, ask: AskDef) -> Iterator[Finding]:
    path: Path = ("asks", ask.name)
    if isinstance(ask.to, Room):
        yield Finding(
            (*path, "care"),
            "room-sensitive",
            "a sensitive question is never asked in the room",
            "ask it 1:1: there it knocks first",
        )
    if ask.question_to is not None:
        yield Finding(
            (*path, "question to"),
            "sensitive-no-knock",
            "words written to a sensitive question would be carried to somebody without a knock",
            "leave `question to` out; ask for words with `also: in words`",
        )
    if (ask.words or ask.naming is not None) and ask.seen_by != ("me",):
        yield Finding(
            (*path, "seen by"),
            "sensitive-no-knock",
            f"what is written to `{ask.name}` would be shown to others without a knock",
            "write `seen by: me`, or leave the words out and offer answers to choose from",
        )
    if ask.places is not None:
        yield Finding(
            (*path, "places"),
            "sensitive-no-knock",
            "a waiting list for a sensitive question would write to people without a knock",
            "leave `places` out",
        )
    for choice in ask.choices:
        if KEYCAP not in choice.emoji:
            yield Finding(
                (*path, "answers", choice.id),
                "sensitive-reaction",
                f"{choice.emoji} would invite a reaction, and reactions are not encrypted",
                "leave the sign out; a sensitive question is answered by a number or in words",
            )
    for seer in ask.seen_by:
        if seer not in ("me", "circle") and not _is_close(definition, seer):
            yield Finding(
                (*path, "seen by"),
                "sensitive-seen",
                f"answers to `{ask.name}` are sensitive, and `{seer}` may be people whom nobody chose for this",
                "write `seen by: me`, or a part that was named for it",
                word=seer,
            )
    if ask.keep_days is not None and ask.keep_days > LONGEST_SENSITIVE_DAYS:
        yield Finding(
            (*path, "keep"),
            "consent-recorded",
            f"words said to a sensitive question are kept for {ask.keep_days} days",
            f"keep them {LONGEST_SENSITIVE_DAYS} days or fewer",
        )


def _is_close(definition: Definition, name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether everybody in a part began it, or was named for it."""
    part = part_of(definition, name)
    if part is None:
        return True  # said elsewhere
    return name in seen or all(_is_chosen(definition, source, seen | {name}) for source in part.sources)


def _is_chosen(definition: Definition, source: Source, seen: frozenset[str]) -> bool:
    match source:
        case Starter() | NamedIn() | NamedBy():
            return True
        case AnsweredBy(ask=name):
            ask = definition.asks.get(name)
            return ask is None or (isinstance(ask.to, Part) and _is_close(definition, ask.to.name, seen))
        case OneOf(part=name):
            return _is_close(definition, name, seen)
        case Everyone() | HolderOf() | Stewards() | Contacts():
            return False
        case _:
            assert_never(source)


def _told_by_conditions(chart: Chart) -> Iterator[Finding]:
    """What is said under a condition tells that it holds."""
    definition = chart.definition
    for clause in conditions(definition):
        if clause.reader is None:
            continue
        reader = _reader(clause.reader)
        lasting = clause.kind in LASTING
        states = looked_at_in(definition, clause)
        shown = frozenset(definition.asks).intersection(
            *(chart.shown_at(state, clause.move, lasting=lasting) for state in states)
        )
        for name in sorted(asks_in(clause.condition)):
            ask = definition.asks.get(name)
            if ask is None:
                continue
            if ask.sensitive and not reader & {*ask.seen_by} and not _is_asked(ask, clause.reader):
                yield Finding(
                    clause.path,
                    "sensitive-seen",
                    f"whoever reads this would learn what was answered to `{name}`, which is sensitive",
                    f"say it to those who see the answers: {_named(ask)}",
                    rests_on=(("asks", name),),
                    word=name,
                )
            elif ask.hidden is not None and name not in shown:
                yield _too_soon(clause.path, name, name)


def _is_asked(ask: AskDef, reader: Who) -> bool:
    return reader == ask.to


def _recorded(definition: Definition) -> Iterator[Finding]:
    """What somebody agreed to in a sensitive matter stands nowhere once it is over."""
    sensitive = {ask.name for ask in definition.asks.values() if ask.sensitive}
    for saying in sayings(definition):
        if saying.kind not in ("outcome", "public"):
            continue
        for written in gaps_of(definition, saying.key):
            for name in _asks_behind(definition, read_gap(written)):
                if name in sensitive:
                    yield _record(saying.path, name, written)
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            on = move.on
            target = definition.states.get(move.to)
            if (
                isinstance(on, OnAnswer)
                and on.choice is not None
                and on.ask in sensitive
                and definition.asks[on.ask].seen_by == ("me",)
                and target is not None
                and target.final
            ):
                path = ("states", state.name, "moves", str(index), "when")
                yield _record(path, on.ask, on.choice)


def _record(path: Path, ask: str, word: str) -> Finding:
    return Finding(
        path,
        "consent-recorded",
        f"how `{ask}` was answered would be on record, and it is a sensitive question",
        "let it end in the same way whatever was answered",
        rests_on=(("asks", ask),),
        word=word,
    )


# ── sentences ────────────────────────────────────────────────────────────────


def _readers(definition: Definition) -> Iterator[Finding]:
    """Nobody reads in a sentence what they may not see as an answer."""
    for saying in sayings(definition):
        reader = _reader(saying.reader)
        for written in gaps_of(definition, saying.key):
            for name in _asks_behind(definition, read_gap(written)):
                ask = definition.asks.get(name)
                if ask is not None and not reader & {*ask.seen_by} and "circle" not in ask.seen_by:
                    yield Finding(
                        saying.path,
                        "wider-audience",
                        f"`<{written}>` would show answers to `{name}` to people who may not see them",
                        f"they are seen by {_named(ask)}; say it to them, or leave it out",
                        rests_on=(("asks", name),),
                        word=written,
                    )


def _handed_on(definition: Definition) -> Iterator[Finding]:
    """Whoever starts another workflow may know who is handed over to it."""
    own = next((part.name for part in definition.parts if Starter() in part.sources), "starter")
    for state in definition.states.values():
        for index, start in enumerate(state.starts):
            for here, _ in start.hands:
                for name in () if here in definition.details else asks_behind(definition, here):
                    ask = definition.asks.get(name)
                    if ask is not None and not {start.by or own, "circle"} & {*ask.seen_by}:
                        yield Finding(
                            ("states", state.name, "starts", str(index), "hand over"),
                            "wider-audience",
                            f"`{here}` would carry answers to `{name}` to people who may not see them",
                            f"they are seen by {_named(ask)}; hand over something else, or let them start it",
                            rests_on=(("asks", name),),
                            word=here,
                        )


def _named(ask: AskDef) -> str:
    return ", ".join(f"`{part}`" for part in ask.seen_by)


def _reader(who: Who) -> set[str]:
    return {who.name} if isinstance(who, Part) else {"circle"}


def _asks_behind(definition: Definition, gap: Gap) -> tuple[str, ...]:
    return asks_behind(definition, gap.name) if gap.kind == "name" else (gap.name,)


# ── hidden answers ───────────────────────────────────────────────────────────


def _hidden(chart: Chart) -> Iterator[Finding]:
    definition = chart.definition
    for saying in sayings(definition):
        if saying.kind in ("board", "carried"):
            continue  # they show them once they are shown
        lasting = saying.kind not in ("tell", "outcome", "ask", "label", "afterwards")
        shown = chart.shown_at(saying.state, saying.move, lasting=lasting)
        for written in gaps_of(definition, saying.key):
            gap = read_gap(written)
            names = () if gap.kind == "not joining" else _asks_behind(definition, gap)
            for name in names:
                ask = definition.asks.get(name)
                if ask is not None and ask.hidden is not None and name not in shown:
                    yield _too_soon(saying.path, name, written)


def _too_soon(path: Path, ask: str, word: str) -> Finding:
    return Finding(
        path,
        "shown-too-early",
        f"answers to `{ask}` are still hidden when this is said",
        "say it after they are shown, or take `hidden until` away",
        rests_on=(("asks", ask), ("states",)),
        word=word,
    )
