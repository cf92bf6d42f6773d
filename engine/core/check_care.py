"""Care: what a workflow may not do to people, whatever its author meant."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_flow import USUAL_UNTIL
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    Choice,
    CountOf,
    Definition,
    EveryoneSaid,
    OnAnswer,
    OnCommand,
    Part,
    Room,
    Who,
)
from engine.core.finding import Finding, Path
from engine.core.phrasing import NO_EMOJI
from engine.core.survey import Gap, all_tells, claims, conditions, read_gap, sayings

SCREEN_LENGTH = 600
"""Characters that fit a phone screen, choices included."""
MOST_CHOICES = 9

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
    "open",
    "hide",
    "export",
    "forget me",
    "what do you know about me",
    "none",
    "skip",
    "everyone",
    "me",
    "yes",
}
"""Words that always mean something of the bot's own."""


def check_care(definition: Definition) -> Iterator[Finding]:
    """Find what breaks the care rules."""
    yield from _own_words(definition)
    yield from _protected_no(definition)
    yield from _audiences(definition)
    yield from _readers(definition)
    yield from _end_dates(definition)
    yield from _lengths(definition)
    for ask in definition.asks.values():
        yield from _answerable(ask)


# ── words that are taken ─────────────────────────────────────────────────────


def _own_words(definition: Definition) -> Iterator[Finding]:
    for ask in definition.asks.values():
        yield from _choices(definition, ("asks", ask.name, "answers"), ask.name, ask.choices, private=True)
    for detail in definition.details.values():
        yield from _choices(
            definition, ("details", detail.name, "choices"), detail.name, detail.choices, private=False
        )
    if definition.begins_with in OWN_WORDS:
        yield _taken(("begins with",), definition.begins_with)
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, OnCommand) and move.on.word in OWN_WORDS:
                yield _taken(("states", state.name, "moves", str(index), "when"), move.on.word)


def _taken(path: Path, word: str) -> Finding:
    return Finding(
        path, "own-word", f"`{word}` already means something of the bot's own", "choose another word"
    )


def _choices(
    definition: Definition, path: Path, owner: str, choices: tuple[Choice, ...], *, private: bool
) -> Iterator[Finding]:
    if len(choices) > MOST_CHOICES:
        yield Finding(
            path, "too-many-choices", f"{len(choices)} answers are too many", f"offer {MOST_CHOICES} at most"
        )
    seen: dict[str, str] = {}
    for choice in choices:
        where = (*path, choice.id)
        label = definition.texts.get(f"{owner}.{choice.id}", "").casefold().strip(" .!,")
        if private and (choice.id in ALWAYS_THERE or label in ALWAYS_THERE):
            word = choice.id if choice.id in ALWAYS_THERE else label
            yield Finding(
                where,
                "built-in",
                f"every ask brings `{word}` by itself",
                "leave it out; a no is always possible and costs nothing",
            )
        emoji = choice.emoji.replace("\ufe0f", "")
        if emoji == NO_EMOJI.replace("\ufe0f", ""):
            yield Finding(
                where, "built-in", f"{choice.emoji} is the bot's own sign for no", "choose another emoji"
            )
        if emoji in seen:
            yield Finding(
                where, "same-emoji", f"{choice.emoji} also stands for `{seen[emoji]}`", "choose another emoji"
            )
        seen.setdefault(emoji, choice.id)


# ── a no is seen by nobody ───────────────────────────────────────────────────


def _protected_no(definition: Definition) -> Iterator[Finding]:
    for path, ask in _mentions_of_no(definition):
        known = definition.asks.get(ask)
        if known is None or NO not in [c.id for c in known.choices]:
            yield Finding(
                path,
                "protected-no",
                f"this would show who said no to `{ask}`",
                "a no and silence are one thing to others; use those who said yes, or `<not joining …>` afterwards",
            )


def _mentions_of_no(definition: Definition) -> Iterator[tuple[Path, str]]:
    for condition, path in conditions(definition):
        for claim in claims(condition):
            match claim:
                case CountOf(terms=terms):
                    yield from ((path, ask) for ask, choice in terms if choice == NO)
                case EveryoneSaid(ask=ask, choice=choice) if choice == NO:
                    yield path, ask
                case _:
                    pass
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
        for gap in map(read_gap, definition.gaps.get(saying.key, ())):
            if gap.choice == NO:
                yield saying.path, gap.name


def _addressed(definition: Definition) -> Iterator[tuple[Who, Path]]:
    for ask in definition.asks.values():
        yield ask.to, ("asks", ask.name, "to")
    for tell, path in all_tells(definition):
        yield tell.to, (*path, "to")


# ── audiences ────────────────────────────────────────────────────────────────


def _audiences(definition: Definition) -> Iterator[Finding]:
    for ask in definition.asks.values():
        path: Path = ("asks", ask.name, "seen by")
        in_room = isinstance(ask.to, Room)
        if not in_room and "circle" in ask.seen_by:
            yield Finding(
                path,
                "room-sees-private",
                f"`{ask.name}` is asked privately, and the whole room would see the answers",
                "name the one part that needs to see them, or ask it in the room with `to: room`",
            )
        if in_room and "circle" not in ask.seen_by:
            yield Finding(
                path,
                "room-sees-all",
                "what is tapped in the room is seen by everyone there",
                "write `seen by: circle`, or ask each person with `to: everyone`",
            )
        if in_room and (ask.words or ask.question_to is not None):
            yield Finding(
                ("asks", ask.name),
                "room-words",
                "in the room there is one tap, and no words",
                "ask for words 1:1",
            )
        if in_room and ask.sensitive:
            yield Finding(
                ("asks", ask.name),
                "room-sensitive",
                "a sensitive question is never asked in the room",
                "ask it 1:1",
            )
        if "me" in ask.seen_by and len(ask.seen_by) > 1:
            yield Finding(
                path, "me-and-others", "`me` means nobody else", "leave out `me`, or everybody else"
            )


def _readers(definition: Definition) -> Iterator[Finding]:
    """Nobody reads in a sentence what they may not see as an answer."""
    by_part = {part.name: tuple(by.ask for by in part.answered) for part in definition.parts}
    for saying in sayings(definition):
        reader = _reader(saying.reader)
        for written in definition.gaps.get(saying.key, ()):
            for name in _asks_behind(read_gap(written), by_part):
                ask = definition.asks.get(name)
                if ask is not None and not reader & {*ask.seen_by} and "circle" not in ask.seen_by:
                    yield Finding(
                        saying.path,
                        "wider-audience",
                        f"`<{written}>` would show answers to `{name}` to people who may not see them",
                        f"they are seen by {', '.join(f'`{p}`' for p in ask.seen_by)}; say it to them, or leave it out",
                        rests_on=(("asks", name),),
                    )


def _reader(who: Who) -> set[str]:
    return {who.name} if isinstance(who, Part) else {"circle"}


def _asks_behind(gap: Gap, by_part: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return by_part.get(gap.name, ()) if gap.kind == "name" else (gap.name,)


# ── keeping, length, answers ─────────────────────────────────────────────────


def _end_dates(definition: Definition) -> Iterator[Finding]:
    hint = "add for example `keep: 90 days`; they count from the day the workflow ends"
    for detail in definition.details.values():
        if detail.kind == "words" and detail.keep_days is None:
            path = ("details", detail.name)
            yield Finding(
                path, "no-end-date", f"the words of `{detail.name}` are kept without an end date", hint
            )
    for ask in definition.asks.values():
        if (ask.words or ask.question_to is not None) and ask.keep_days is None:
            path = ("asks", ask.name)
            yield Finding(
                path, "no-end-date", f"words said to `{ask.name}` are kept without an end date", hint
            )


def _lengths(definition: Definition) -> Iterator[Finding]:
    texts = definition.texts
    labels = {
        f"{ask.name}.say": sum(len(texts.get(f"{ask.name}.{c.id}", "")) + 4 for c in ask.choices)
        for ask in definition.asks.values()
    }
    for saying in sayings(definition):
        length = len(texts.get(saying.key, "")) + labels.get(saying.key, 0)
        if length > SCREEN_LENGTH:
            yield Finding(
                saying.path,
                "too-long",
                f"{length} characters are more than a phone screen holds",
                f"say it in {SCREEN_LENGTH} or fewer, answers included",
            )


def _answerable(ask: AskDef) -> Iterator[Finding]:
    path: Path = ("asks", ask.name)
    if not ask.choices and not ask.words:
        yield Finding(
            path, "no-answer", f"`{ask.name}` cannot be answered", "add `answers:`, or `answers: in words`"
        )
    until = ask.until or USUAL_UNTIL
    if ask.every_ms is not None and until.base == "opening" and until.offset_ms > ask.every_ms:
        yield Finding(
            (*path, "every"),
            "overlapping",
            f"`{ask.name}` would be asked again while it is still open",
            "let it close sooner",
        )
