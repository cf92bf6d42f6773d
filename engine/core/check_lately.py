"""Asked lately: what a workflow may do with whom its starter has put something to before."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_people import part_of
from engine.core.definition import AskedLately, Definition, NotThat, Part, Starter, Who
from engine.core.finding import Finding
from engine.core.survey import Clause, claims, conditions, sayings

READ = ("ask", "question", "tell", "board", "public")
"""Sentences that reach somebody by themselves."""


def check_lately(definition: Definition) -> Iterator[Finding]:
    """Find conditions on earlier questions that never hold, or by which others than the starter would hear of them."""
    for clause in conditions(definition):
        for claim in claims(clause.condition):
            if isinstance(claim, AskedLately):
                yield from _never(definition, clause, claim)
                yield from _told(definition, clause, claim)


def _never(definition: Definition, clause: Clause, claim: AskedLately) -> Iterator[Finding]:
    asked = any(ask.to == Part(claim.part) for ask in definition.asks.values())
    tells = any(detail.asked == claim.part for detail in definition.details.values())
    if part_of(definition, claim.part) is not None and not asked and not tells:
        yield Finding(
            clause.path,
            "nobody-asked",
            f"nothing is ever put to `{claim.part}` here, so it was never asked",
            "name a part that an ask is put to",
            word=claim.part,
        )


def _told(definition: Definition, clause: Clause, claim: AskedLately) -> Iterator[Finding]:
    """That somebody was asked before is between them and the starter: nothing said to others depends on it."""
    if clause.kind == "move":
        yield from _moves(definition, clause, claim)
        return
    ask = definition.asks.get(clause.ask or "")
    reader = ask.to if ask is not None else clause.reader
    if clause.kind not in ("ask", "tell") or not _is_starter(definition, reader):
        yield _finding(clause, claim, "what others see, or what happens by itself, would depend on it")


def _moves(definition: Definition, clause: Clause, claim: AskedLately) -> Iterator[Finding]:
    moves = [move for state in definition.states.values() for move in state.moves]
    here = definition.states[clause.state or ""].moves[clause.move or 0]
    if not all(_is_starter(definition, tell.to) for tell in here.tells):
        yield _finding(clause, claim, "this move tells it to others")
    leading = [move for move in moves if move.to == here.to]
    depends = all(
        move.when is not None and any(isinstance(each, AskedLately) for each in claims(move.when))
        for move in leading
    )
    others = [
        saying
        for saying in sayings(definition)
        if saying.state == here.to
        and saying.move is None
        and saying.kind in READ
        and not _is_starter(definition, saying.reader)
    ]
    # Whoever hears something because they were not asked before learns nothing that they do not know.
    denied = clause.condition == NotThat(claim)
    if here.to != definition.start and depends and others and not denied:
        yield _finding(clause, claim, f"`{here.to}` is reached in no other way, and speaks to others")


def _finding(clause: Clause, claim: AskedLately, why: str) -> Finding:
    return Finding(
        clause.path,
        "told-of-others",
        f"whether `{claim.part}` was asked before is known to the starter alone; {why}",
        "let a move depend on it, or what is said to or asked of the starter",
        word=claim.part,
    )


def _is_starter(definition: Definition, who: Who | None) -> bool:
    part = part_of(definition, who.name) if isinstance(who, Part) else None
    return part is not None and part.sources == (Starter(),)
