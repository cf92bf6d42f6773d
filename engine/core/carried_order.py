"""``what I carried``, in its order: the number that ``show 2`` means is the number that was read.

Whoever lists these lines and whoever hears a number of them asks here, so that both count alike.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.core.carried import line_afterwards
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.message import Phrase
from engine.core.values import InstanceId, Ms, Ref


class Afterwards(msgspec.Struct, frozen=True):
    """One line of ``what I carried``; its number is its place in the list, from 1. People in it are references."""

    instance: InstanceId
    ended_ms: Ms
    phrase: Phrase


def afterwards_in_order(ended: Iterable[tuple[Definition, Snapshot, Ref]]) -> tuple[Afterwards, ...]:
    """What a person carried, whatever ended first coming first; ``Ref`` is who they are in that instance.

    An instance that is still running, or in which they only stand, gives no line.
    """
    found: list[Afterwards] = []
    for definition, snapshot, who in ended:
        if snapshot.finished_ms is None or not took_part(definition, snapshot, who):
            continue
        line = line_afterwards(definition, snapshot, who)
        if line is not None:
            found.append(Afterwards(snapshot.id, snapshot.finished_ms, line))
    return tuple(sorted(found, key=lambda line: (line.ended_ms, line.instance)))


def took_part(definition: Definition, snapshot: Snapshot, who: Ref) -> bool:
    """Whether somebody began an instance, or has answered something in it.

    Standing in it is not enough: a matter may name people to whom nothing has been put, and none of
    whose views may tell them that there is such a matter. Whom another instance, or their arrival, made
    the starter has begun it once something was put to them.
    """
    if any(who in ask.answers for ask in snapshot.asks.values()):
        return True
    if who != snapshot.starter:
        return False
    began = snapshot.parent is None and definition.begins_for is None
    return began or any(who in ask.asked for ask in snapshot.asks.values())
