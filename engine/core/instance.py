"""An instance: one running workflow, as one frozen snapshot.

People stand here as references (``p1``) and texts as ids, so that a snapshot by itself tells
nobody's name and nobody's words.
"""

from __future__ import annotations

import msgspec

from engine.core.values import AnyValue, CircleId, InstanceId, Ms, Ref, RowId, TextId


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person last said to an ask, and when they said it."""

    at_ms: Ms
    choice: str | None = None
    text: TextId | None = None
    value: AnyValue | None = None
    was_early: bool = False
    """True once they had given an answer that travels early (a yes or a maybe), whatever they say now."""


class AskState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An ask that has been put: whom it was put to (frozen when it opened) and what came back."""

    round: int
    opened_ms: Ms
    closes_ms: Ms
    changeable_ms: Ms
    asked: tuple[Ref, ...] = ()
    answers: dict[Ref, Answer] = {}
    open: bool = True
    """False once no new answer is taken; given ones may still change until ``changeable_ms``."""
    settled: bool = False
    """True once nothing can change any more."""
    row: RowId | None = None
    """The outbox row of the one message in the room, for an open ask."""
    unsigned: int = 0
    """k, if it was put as an unsigned ask; 0: answers stand with their names."""
    shown: bool = True
    """False while its answers are hidden from everybody but those who gave them."""
    released: int = 0
    """How many unsigned answers were shown; their link to who wrote them is gone."""
    texts: tuple[TextId, ...] = ()
    """The released answers, under ids of their own."""


class Timer(msgspec.Struct, frozen=True):
    """A moment the instance waits for; ``entry`` is the state entry it belongs to."""

    due_ms: Ms
    entry: int


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything an instance knows. ``version`` counts the events that changed it."""

    id: InstanceId
    circle: CircleId
    definition: str
    """The digest of the definition it is pinned to."""
    state: str
    version: int = 0
    entry: int = 0
    """Counts state entries; a timer of an earlier entry is stale."""
    entered_ms: Ms = 0
    started_ms: Ms = 0
    starter: Ref = Ref("p1")
    details: dict[str, AnyValue] = {}
    asks: dict[str, AskState] = {}
    timers: dict[str, Timer] = {}
    powers: dict[Ref, tuple[str, ...]] = {}
    """Which command words each person has here at present."""
    boards: tuple[str, ...] = ()
    gone: tuple[Ref, ...] = ()
    """People who have left; nothing is asked of them any more."""
    finished_ms: Ms | None = None
    visits: dict[str, int] = {}
    """State → how often it has been entered."""
    groups: dict[str, tuple[Ref, ...]] = {}
    """Part → whom it was found to be when something was last put to it, for parts whose people lie outside."""
    parent: InstanceId | None = None
    """The instance that started it, and hears of its end."""
    children: dict[InstanceId, str] = {}
    """Instances it has started and that have not ended, with their workflow's name."""
    ended: dict[str, str] = {}
    """Workflow → the final state of the one it started, if that ended before anything here waited for it."""
    started: tuple[Ms, ...] = ()
    """When it started others, within the last day."""
    depth: int = 0
    """See ``Started``: what keeps workflows from starting one another for ever."""
    spoken: bool = False
    """See ``Started``: its starter had just said something that it followed from."""
    unbidden: bool = False
    """See ``Started``: it began by itself, so that no question to its starter is one that somebody invites them to."""
