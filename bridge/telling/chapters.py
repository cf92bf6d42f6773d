"""One state, told: what is said and asked on entering it, who sees what comes, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bridge.telling.asking import details_asked, question
from bridge.telling.lexis import capitalised, joined, named, quoted, sentence, spoken
from bridge.telling.onward import called, ways_onward
from bridge.telling.quoting import Paragraph, as_read, excerpt, is_said_of_one, provided, told
from bridge.telling.words import Teller
from engine.core.definition import BoardDef, Part, StartDef, StateDef

_SHELVES = {"holds": "*who holds what*", "on": "*what's on*"}
_BOARD_LENGTH = 120


def chapter(teller: Teller, state: StateDef, known: set[str]) -> Iterator[Paragraph]:
    """What happens in a state that is no end, in the order in which people would notice it.

    ``known``: questions and lines that earlier chapters have told in full; this one adds its own.
    """
    for tell in state.tells:
        yield Paragraph(told(teller, tell))
    yield from _shown(teller, state)
    yield from details_asked(teller, state, known)
    for name in state.asks:
        yield from question(teller, teller.definition.asks[name], known)
    for line in (*_boards(teller, state.board), *_public(teller, state)):
        # What stays as it was is told where it begins.
        if line not in known:
            known.add(line)
            yield Paragraph(line)
    for start in state.starts:
        yield Paragraph(_start(teller, start))
    yield from ways_onward(teller, state)


def ending(teller: Teller, state: StateDef) -> Paragraph:
    """An end: how it ended, and who hears what."""
    outcome = sentence(teller.definition, state.outcome) if state.outcome else ""
    name = capitalised(called(teller, state.name).strip("“”"))
    said = [f"{name}: {quoted(as_read(outcome, teller))}"]
    said += [told(teller, tell, most=90) for tell in state.tells]
    said += _in_use(state)
    return Paragraph(" ".join(said), "item")


# ── told and shown ───────────────────────────────────────────────────────────


def _shown(teller: Teller, state: StateDef) -> Iterator[Paragraph]:
    for name in state.shows:
        yield Paragraph(f"Now what was answered to {teller.ask(name)} is shown to those who may see it.")
    yield from map(Paragraph, _in_use(state))
    for who in state.help_to:
        are = "is" if is_said_of_one(teller, who) else "are"
        yield Paragraph(
            capitalised(f"{teller.who(who)} {are} shown where to find help, as *person* shows it.")
        )


def _in_use(state: StateDef) -> Iterator[str]:
    if state.brings_in is not None:
        yield f"From here on {_spoken_of(state.brings_in)} is in use in the circle."
    if state.takes_out is not None:
        yield f"From here on {_spoken_of(state.takes_out)} is in use no longer."


def _spoken_of(detail: str) -> str:
    return f"the workflow that {quoted(spoken(detail))} stands for"


def _boards(teller: Teller, boards: Iterable[BoardDef]) -> Iterator[str]:
    for board in boards:
        has = "has" if teller.is_one(Part(board.to)) else "have"
        lines = " / ".join(sentence(teller.definition, board.text).splitlines())
        who = f"{provided(teller, board.when)}{teller.part(board.to)} {has}"
        words = excerpt(lines, teller, _BOARD_LENGTH)
        yield capitalised(f"{who} one message that is kept up to date without a sound: {words}")


def _public(teller: Teller, state: StateDef) -> Iterator[str]:
    definition = teller.definition
    where = _SHELVES.get(state.public_shelf or definition.shelf or "")
    if state.public is None or where is None:
        return
    line = excerpt(sentence(definition, state.public), teller)
    said = capitalised(f"{provided(teller, state.public_when)}everyone in the circle sees in {where}: {line}")
    if state.public_otherwise is not None and state.public_when is not None:
        said += f" Otherwise: {excerpt(sentence(definition, state.public_otherwise), teller)}"
    yield said


def _start(teller: Teller, start: StartDef) -> str:
    who = teller.part(start.by) if start.by is not None else teller.starter()
    handed = [
        f"{named(here)} as {named(there)}" if here != there else named(here) for here, there in start.hands
    ]
    passed = f", and is handed {joined(handed)}" if handed else ""
    return capitalised(
        f"{provided(teller, start.when)}*{spoken(start.workflow)}* is started in the name of {who}{passed}."
    )
