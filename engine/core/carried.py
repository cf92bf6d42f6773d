"""What people carry: read off an instance as it stands, so that no second book is kept (``my``, ``what I carried``)."""

from __future__ import annotations

import msgspec

from engine.core.conditions import holds
from engine.core.definition import Carried, CarriedDef, Definition
from engine.core.instance import Snapshot
from engine.core.message import Phrase
from engine.core.phrasing import phrase, sentence
from engine.core.values import Ref
from engine.core.view import View


class Line(msgspec.Struct, frozen=True):
    """One thing that somebody holds at present, and as what; for their eyes only."""

    kind: Carried
    phrase: Phrase


def lines_carried(definition: Definition, snapshot: Snapshot, who: Ref) -> tuple[Line, ...]:
    """What a person holds in a running instance; nothing once it has ended, or they have left it."""
    state = definition.states.get(snapshot.state)
    if snapshot.finished_ms is not None or state is None or state.final:
        return ()
    view = View(definition, snapshot)
    lines: dict[object, Line] = {}
    for each in definition.carried:
        lasts = not each.states or snapshot.state in each.states
        if each.text is not None and lasts and _is_theirs(view, each, who):
            # Whoever is two of its parts, and would read the same of both, holds it once.
            said = (each.kind, sentence(definition, each.text))
            lines.setdefault(said, Line(each.kind, phrase(view, each.text)))
    return tuple(lines.values())


def line_afterwards(definition: Definition, snapshot: Snapshot, who: Ref) -> Phrase | None:
    """The line under ``what I carried`` of whoever held it when it ended; it names nobody, and is theirs to show.

    What never came so far that they held it gives no line: being asked is not carrying.
    """
    if snapshot.finished_ms is None:
        return None
    view = View(definition, snapshot)
    for each in definition.carried:
        ends_so = not each.after_states or snapshot.state in each.after_states
        was_held = not each.states or any(view.visits(name) for name in each.states)
        if each.after is not None and ends_so and was_held and _is_theirs(view, each, who):
            return phrase(view, each.after)
    return None


def _is_theirs(view: View, each: CarriedDef, who: Ref) -> bool:
    return who in view.people(each.part) and holds(each.when, view.seen)
