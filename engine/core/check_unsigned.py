"""Unsigned answers: only where nobody can tell whose they are (right 13)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_people import asks_behind, most_people
from engine.core.definition import AskDef, Definition, OnAnswer, Room
from engine.core.finding import Finding, Path
from engine.core.survey import asks_in, conditions, gaps_of, read_gap, sayings

FEWEST = 5
MORE_ASKED = 3
"""So many more than k must be asked, or it is put as a named ask."""


def check_unsigned(definition: Definition) -> Iterator[Finding]:
    """Find what would let somebody guess who wrote an unsigned answer."""
    unsigned = {ask.name for ask in definition.asks.values() if ask.unsigned is not None}
    for ask in definition.asks.values():
        if ask.unsigned is not None:
            yield from _put(definition, ask, ask.unsigned)
    if unsigned:
        yield from _counted(definition, unsigned)


def _put(definition: Definition, ask: AskDef, k: int) -> Iterator[Finding]:
    path: Path = ("asks", ask.name, "unsigned")
    if k < FEWEST:
        yield Finding(
            path,
            "unsigned-few",
            f"with {k} answers one can guess who wrote what",
            f"write `unsigned: from {FEWEST} answers`, or more",
        )
    most = most_people(definition, ask.to)
    if most is not None and most < k + MORE_ASKED:
        yield Finding(
            path,
            "unsigned-too-few-asked",
            f"at most {most} {'person is' if most == 1 else 'people are'} asked,"
            f" and {k + MORE_ASKED} are needed so that nobody can guess",
            "leave `unsigned` out, or ask more people",
            rests_on=(("people",),),
        )
    only_words = ask.words and not ask.choices and ask.naming is None and ask.question_to is None
    if isinstance(ask.to, Room) or not only_words:
        yield Finding(
            path,
            "unsigned-not-words",
            "only words that are asked for 1:1 can stay unsigned",
            "write `answers: in words` and nothing beside it, and ask people instead of the room",
        )


def _counted(definition: Definition, unsigned: set[str]) -> Iterator[Finding]:
    for part in definition.parts:
        for by in part.answered:
            if by.ask in unsigned:
                yield _finding(("people", part.name), by.ask, by.ask)
    for clause in conditions(definition):
        for name in sorted(asks_in(clause.condition) & unsigned):
            yield _finding(clause.path, name, name)
    for saying in sayings(definition):
        for written in gaps_of(definition, saying.key):
            gap = read_gap(written)
            behind = asks_behind(definition, gap.name) if gap.kind == "name" else (gap.name,)
            for name in behind:
                if name in unsigned:
                    yield _finding(saying.path, name, written)
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, OnAnswer) and move.on.ask in unsigned:
                path = ("states", state.name, "moves", str(index), "when")
                yield _finding(path, move.on.ask, move.on.ask)


def _finding(path: Path, ask: str, word: str) -> Finding:
    return Finding(
        path,
        "unsigned-counted",
        f"answers to `{ask}` are unsigned, and this would tell who answered, or when",
        f"wait until `{ask}` closes, and let the answers speak for themselves",
        rests_on=(("asks", ask),),
        word=word,
    )
