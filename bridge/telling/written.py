"""A definition as its author wrote it: dates that steps keep for themselves are said by what they stand for."""

from __future__ import annotations

import re

from msgspec.structs import replace

from bridge.telling.readable import is_made_of_steps
from engine.core.definition import AtMoment, Definition, Hidden, MomentExpr, MoveDef

_OWN_DATE = re.compile(r"reply_by(_\d+)?")


def as_written(definition: Definition) -> Definition:
    """The same workflow, ``until: 3 days before meeting`` in place of the date that steps make of it."""
    if not is_made_of_steps(definition):
        return definition
    stands = {
        name: detail.default_moment
        for name, detail in definition.details.items()
        if detail.default_moment is not None and _OWN_DATE.fullmatch(name)
    }

    def plain(moment: MomentExpr | None) -> MomentExpr | None:
        return stands.get(moment.base, moment) if moment is not None and not moment.offset_ms else moment

    def moved(move: MoveDef) -> MoveDef:
        moment = plain(move.on.moment) if isinstance(move.on, AtMoment) else None
        return replace(move, on=AtMoment(moment)) if moment is not None else move

    return replace(
        definition,
        details={name: detail for name, detail in definition.details.items() if name not in stands},
        asks={
            name: replace(
                ask,
                until=plain(ask.until),
                changeable_until=plain(ask.changeable_until),
                hidden=Hidden(plain(ask.hidden.until), ask.hidden.until_closed)
                if ask.hidden is not None
                else None,
            )
            for name, ask in definition.asks.items()
        },
        states={
            name: replace(state, moves=tuple(map(moved, state.moves)))
            for name, state in definition.states.items()
        },
    )
