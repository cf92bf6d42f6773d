"""What people carry: what they find under ``my`` meanwhile, and what they may show of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.telling.lexis import capitalised, joined, sentence
from bridge.telling.onward import called
from bridge.telling.quoting import Paragraph, excerpt, is_said_of_one, provided
from bridge.telling.readable import is_made_of_steps
from bridge.telling.words import Teller
from engine.core.definition import Carried, CarriedDef, Part

_HELD: dict[Carried, str] = {
    "role": "under *my*, as a role",
    "commitment": "under *my*, as a commitment",
    "learns_from": "under *my people*, as someone to learn from",
    "feedback_from": "under *my people*, as someone who gives tough feedback",
    "answers_to": "under *my people*, as someone to answer to",
    "beside": "under *my people*, as someone to stand beside",
}


def what_is_carried(teller: Teller) -> Iterator[Paragraph]:
    """Each thing that people hold, in one paragraph."""
    for carried in teller.definition.carried:
        words = [*_meanwhile(teller, carried), *_afterwards(teller, carried)]
        if words:
            yield Paragraph(" ".join(words))


def _meanwhile(teller: Teller, carried: CarriedDef) -> Iterator[str]:
    if carried.text is None:
        return
    line = excerpt(sentence(teller.definition, carried.text), teller)
    lasts = carried.states and not is_made_of_steps(teller.definition)
    when = f"in {_states(teller, carried.states)}, " if lasts else "as long as it runs, "
    who = teller.part(carried.part)
    finds = "finds" if is_said_of_one(teller, Part(carried.part)) else "find"
    yield capitalised(
        f"{when}{provided(teller, carried.when)}{who} {finds} it {_HELD[carried.kind]}: {line}."
    )


def _afterwards(teller: Teller, carried: CarriedDef) -> Iterator[str]:
    if carried.after is None:
        return
    line = excerpt(sentence(teller.definition, carried.after), teller)
    ends = carried.after_states and not is_made_of_steps(teller.definition)
    when = f"after {_states(teller, carried.after_states)}" if ends else "after the end"
    only = provided(teller, carried.when) if carried.text is None else ""
    who = f"for {teller.part(carried.part)} " if carried.text is None else ""
    yield capitalised(
        f"{only}{when} it stays {who}under *what I carried*, theirs to show or to keep: {line}."
    )


def _states(teller: Teller, names: tuple[str, ...]) -> str:
    return joined((called(teller, name) for name in names), "or")
