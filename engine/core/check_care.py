"""Care: what a workflow may not do to people, whatever its author meant."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_chart import Chart
from engine.core.check_people import part_of, said_yes_to
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    Choice,
    Circle,
    Definition,
    Everyone,
    OnAnswer,
    OnCommand,
    OneOf,
    Part,
    Room,
    StateDef,
    Who,
)
from engine.core.finding import Finding, Path
from engine.core.phrasing import NO_EMOJI
from engine.core.survey import (
    Clause,
    all_tells,
    answers_in,
    asks_in,
    claims,
    conditions,
    gaps_of,
    looked_at_in,
    read_gap,
    sayings,
)

MOST_CHOICES = 9
LASTING = ("board", "public", "carried")
"""What is read while a state lasts, and not only on entering it."""

ALWAYS_THERE = frozenset({"no", "later", "stop", "person"})
"""What every ask offers by itself."""
OWN_WORDS = ALWAYS_THERE | {
    "help",
    "my",
    "pause",
    "resume",
    "who holds what",
    "what's on",
    "not from",
    "again from",
    "open",
    "hide",
    "export",
    "forget me",
    "what do you know about me",
    "my people",
    "what i carried",
    "what they carried",
    "show",
    "keep to myself",
    "try",
    "leave off",
    "it's me",
    "trust",
    "settings",
    "time zone",
    "quiet hours",
    "no quiet hours",
    "start",
    "language",
    "letter",
    "none",
    "skip",
    "everyone",
    "me",
    "yes",
}
"""Words that always mean something of the bot's own."""

REFUSALS = frozenset(
    {"nope", "not me", "not this time", "i can't", "can't", "i decline", "decline", "i refuse"}
)
"""Answers that are a no in other words."""


def check_words_taken(definition: Definition) -> Iterator[Finding]:
    """Find words, labels and signs that already mean something."""
    for ask in definition.asks.values():
        path: Path = ("asks", ask.name, "answers")
        yield from _choices(definition, path, ask.name, ask.choices, private=True)
    for detail in definition.details.values():
        path = ("details", detail.name, "choices")
        yield from _choices(definition, path, detail.name, detail.choices, private=False)
    if definition.begins_with in OWN_WORDS:
        yield _taken(("begins with",), definition.begins_with)
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, OnCommand) and move.on.word in OWN_WORDS:
                yield _taken(("states", state.name, "moves", str(index), "when"), move.on.word)


def check_no(chart: Chart) -> Iterator[Finding]:
    """Find whatever would show, or depend on, a no before its moment."""
    yield from _mentions_of_no(chart.definition)
    for clause in conditions(chart.definition):
        yield from _too_few_too_early(chart, clause)
    yield from _counted_too_early(chart)
    yield from _those_who_are_left(chart.definition)


# ── words that are taken ─────────────────────────────────────────────────────


def _taken(path: Path, word: str) -> Finding:
    return Finding(
        path,
        "own-word",
        f"`{word}` already means something of the bot's own",
        "choose another word",
        word=word,
    )


def _choices(
    definition: Definition, path: Path, owner: str, choices: tuple[Choice, ...], *, private: bool
) -> Iterator[Finding]:
    if len(choices) > MOST_CHOICES:
        yield Finding(
            path,
            "too-many-choices",
            f"{len(choices)} answers are too many",
            f"offer {MOST_CHOICES} at most",
            word=definition.texts.get(f"{owner}.{choices[MOST_CHOICES].id}", ""),
        )
        return
    seen: dict[str, str] = {}
    for choice in choices:
        where = (*path, choice.id)
        label = definition.texts.get(f"{owner}.{choice.id}", "").casefold().strip(" .!,")
        if private and (choice.id in ALWAYS_THERE or _is_refusal(label)):
            word = choice.id if choice.id in ALWAYS_THERE else label
            yield Finding(
                where,
                "built-in",
                f"every ask brings `{word}` by itself",
                "leave it out; a no is always possible and costs nothing",
                word=label,
            )
        emoji = choice.emoji.replace("\ufe0f", "")
        if emoji == NO_EMOJI.replace("\ufe0f", ""):
            yield Finding(
                where,
                "built-in",
                f"{choice.emoji} is the bot's own sign for no",
                "choose another emoji",
                word=choice.emoji,
            )
        if emoji in seen:
            yield Finding(
                where,
                "same-emoji",
                f"{choice.emoji} also stands for `{seen[emoji]}`",
                "choose another emoji",
                word=choice.emoji,
            )
        seen.setdefault(emoji, choice.id)


def _is_refusal(label: str) -> bool:
    return label in ALWAYS_THERE or label in REFUSALS or label.startswith(("no, ", "no thank"))


# ── a no is seen by nobody ───────────────────────────────────────────────────


def _mentions_of_no(definition: Definition) -> Iterator[Finding]:
    for path, ask in _where_no_is_meant(definition):
        known = definition.asks.get(ask)
        if known is None or NO not in [c.id for c in known.choices]:
            yield Finding(
                path,
                "protected-no",
                f"this would show who said no to `{ask}`",
                "a no and silence are one thing to others; use those who said yes, or `<not joining …>` afterwards",
                word=NO,
            )


def _where_no_is_meant(definition: Definition) -> Iterator[tuple[Path, str]]:
    for clause in conditions(definition):
        for claim in claims(clause.condition):
            yield from ((clause.path, ask) for ask, choice in answers_in(claim) if choice == NO)
    for part in definition.parts:
        yield from ((("people", part.name), by.ask) for by in part.answered if NO in by.choices)
    for who, path in _addressed(definition):
        if isinstance(who, AnsweredBy) and NO in who.choices:
            yield path, who.ask
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, OnAnswer) and move.on.choice == NO:
                yield ("states", state.name, "moves", str(index), "when"), move.on.ask
    for saying in sayings(definition):
        for gap in map(read_gap, gaps_of(definition, saying.key)):
            if gap.choice == NO:
                yield saying.path, gap.name


def _addressed(definition: Definition) -> Iterator[tuple[Who, Path]]:
    for ask in definition.asks.values():
        yield ask.to, ("asks", ask.name, "to")
    for tell, path in all_tells(definition):
        yield tell.to, (*path, "to")
    for state in definition.states.values():
        for index, who in enumerate(state.help_to):
            yield who, ("states", state.name, "show help to", str(index))


def _too_few_too_early(chart: Chart, clause: Clause) -> Iterator[Finding]:
    """Only a yes travels early: what wants few of them waits until the ask has closed."""
    names = asks_in(clause.condition, negative=True)
    states = [chart.states[name] for name in looked_at_in(chart.definition, clause)]
    for name in sorted(names & {*chart.definition.asks}):
        for state in states:
            if state.name in chart.reached and name not in _closed_by_then(chart, clause, state):
                yield Finding(
                    clause.path,
                    "protected-no",
                    f"before `{name}` has closed, this would depend on who has not said yes",
                    f"look at it once `{name}` has closed, or turn it round: `is at least` depends on a yes alone",
                    rests_on=(("asks", name), ("states",)),
                    word=name,
                )
                break


def _closed_by_then(chart: Chart, clause: Clause, state: StateDef) -> frozenset[str]:
    if clause.kind == "as soon as":
        return chart.closed_at(state.name, None, lasting=True)
    ask = chart.definition.asks.get(clause.ask or "")
    comes_later = ask is not None and ask.every_ms is not None
    return chart.closed_at(state.name, clause.move, lasting=comes_later or clause.kind in LASTING)


def _counted_too_early(chart: Chart) -> Iterator[Finding]:
    """How many are not joining is said only after an ask has closed, and never in a board."""
    definition = chart.definition
    for saying in sayings(definition):
        for written in gaps_of(definition, saying.key):
            gap = read_gap(written)
            if gap.kind != "not joining" or gap.name not in definition.asks:
                continue
            lasting = saying.kind not in ("tell", "outcome", "afterwards")
            closed = chart.closed_at(saying.state, saying.move, lasting=lasting)
            if saying.kind == "board" or gap.name not in closed:
                yield Finding(
                    saying.path,
                    "protected-no",
                    f"`<{written}>` would show a no before its moment",
                    f"say it once, in a `tell` after `{gap.name}` has closed",
                    rests_on=(("asks", gap.name), ("states",)),
                    word=written,
                )


def _those_who_are_left(definition: Definition) -> Iterator[Finding]:
    """Whoever was asked, less those who said yes, are those who declined: nobody speaks of them or to them."""
    for part in definition.parts:
        for source in part.sources:
            match source:
                case Everyone(but=but):
                    yield from _left_over(definition, ("people", part.name), but, None)
                case OneOf(part=among, but=but):
                    yield from _left_over(definition, ("people", part.name), but, among)
                case _:
                    pass
    for who, path in _addressed(definition):
        if isinstance(who, Circle):
            yield from _left_over(definition, path, who.but, None)


def _left_over(
    definition: Definition, path: Path, but: tuple[str, ...], among: str | None
) -> Iterator[Finding]:
    """What is left of a part (None: of everyone) without some who answered, if all of it was asked."""
    for name in but:
        known = [each for each in said_yes_to(definition, name) if each in definition.asks]
        for behind in known:
            ask = definition.asks[behind]
            if _is_for_everyone(definition, ask) if among is None else ask.to == Part(among):
                yield Finding(
                    path,
                    "singled-out",
                    f"these would be exactly those who did not say yes to `{behind}`",
                    "a no is left in peace; speak to those who said yes, or to everyone",
                    rests_on=(("asks", behind),),
                    word=name,
                )


def _is_for_everyone(definition: Definition, ask: AskDef) -> bool:
    if isinstance(ask.to, Room | Circle):
        return True
    part = part_of(definition, ask.to.name) if isinstance(ask.to, Part) else None
    return part is not None and any(isinstance(source, Everyone) for source in part.sources)
