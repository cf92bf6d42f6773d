"""The state machine of a definition: one ``transitions.Machine`` per definition, never per instance.

The machine holds states and moves only. A throwaway cursor walks it for one decision; it was
never added as a model, so nothing is kept of it. Guards are bound callables: no text of a
workflow file ever reaches ``transitions`` as a callback, which would import and call it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never, cast

from transitions import EventData, Machine

from engine.core.conditions import Scene, holds
from engine.core.definition import (
    AtMoment,
    Definition,
    MoveDef,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    Trigger,
)

_MOST_MACHINES = 256


class UnknownState(Exception):
    """A stored state that the definition does not have: a person must look at this instance."""


class _Cursor:
    """Where one decision stands; thrown away afterwards."""

    __slots__ = ("move", "state")

    def __init__(self, state: str) -> None:
        self.state = state
        self.move: MoveDef | None = None


class Ways:
    """The moves of a definition, ready to be asked which one a trigger takes."""

    def __init__(self, definition: Definition) -> None:
        self._machine = Machine(
            model=None,
            states=list(definition.states),
            initial=definition.start,
            auto_transitions=False,
            send_event=True,
            ignore_invalid_triggers=True,
        )
        for state in definition.states.values():
            for index, move in enumerate(state.moves):
                self._machine.add_transition(
                    trigger=trigger_name(move.on, index),
                    source=[state.name],  # as a list: a lone "*" would mean every state
                    dest=move.to,
                    conditions=[partial(_may_take, move)],
                    before=[partial(_take, move)],
                )

    def next_move(self, state: str, trigger: str, scene: Scene, choice: str | None = None) -> MoveDef | None:
        """The first move out of ``state`` that this trigger may take, or None.

        Raises:
            UnknownState: the definition has no such state.
        """
        if state not in self._machine.states:
            raise UnknownState(state)
        event = self._machine.events.get(trigger)
        if event is None or state not in event.transitions:
            return None
        cursor = _Cursor(state)
        event.trigger(cast(Any, cursor), scene=scene, choice=choice)
        return cursor.move


def trigger_name(on: Trigger, index: int) -> str:
    """The machine's name for a trigger; the prefix keeps it apart from attribute names."""
    match on:
        case AtMoment():
            return f"at:{index:02}"
        case OnCommand(word=word):
            return f"command:{word}"
        case OnAnswer(ask=ask):
            return f"answer:{ask}"
        case OnClosed(ask=ask):
            return f"closed:{ask}"
        case OnGathered():
            return "gathered"
        case OnHolds():
            return "changed"
        case OnEnded(workflow=workflow):
            return f"ended:{workflow}"
        case _:
            assert_never(on)


def _may_take(move: MoveDef, event: EventData) -> bool:
    if isinstance(move.on, OnAnswer) and move.on.choice not in (None, event.kwargs["choice"]):
        return False
    if isinstance(move.on, OnEnded) and move.on.state not in (None, event.kwargs["choice"]):
        return False
    if isinstance(move.on, OnHolds) and not holds(move.on.condition, event.kwargs["scene"]):
        return False
    return holds(move.when, event.kwargs["scene"])


def _take(move: MoveDef, event: EventData) -> None:
    cast(_Cursor, event.model).move = move


_ways: dict[str, Ways] = {}


def ways_of(definition: Definition, build: Callable[[Definition], Ways] = Ways) -> Ways:
    """The ways of a definition, built once per digest; the digest covers all that they depend on."""
    found = _ways.get(definition.digest)
    if found is None:
        if len(_ways) >= _MOST_MACHINES:
            _ways.clear()
        found = _ways[definition.digest] = build(definition)
    return found
