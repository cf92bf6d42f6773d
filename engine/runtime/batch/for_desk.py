"""What an instance wants of a person, as that person's desk hears it."""

from __future__ import annotations

from typing import assert_never

from engine.core.definition import Definition
from engine.core.desk import Asked, Boarded, Confirmed, DeskEvent, Empowered, Helped, Reopened, Settled, Told
from engine.core.effect import Ask, Confirm, Empower, Help, Reopen, Settle, Show, Tell
from engine.core.values import InstanceId
from engine.runtime.localize import Cast, name_message, name_phrase
from engine.runtime.practices import is_private


def for_desk(
    instance: InstanceId,
    definition: Definition,
    cast: Cast,
    effect: Ask | Settle | Reopen | Confirm | Tell | Show | Empower | Help,
    *,
    unbidden: bool,
) -> DeskEvent:
    """The same with people as the house knows them. ``unbidden``: the instance began by itself."""
    starter = cast.person("p1")
    match effect:
        case Ask():
            return Asked(
                instance=instance,
                workflow=definition.name,
                starter=starter,
                ask=effect.ask,
                round=effect.round,
                message=name_message(effect.message, cast),
                expects=effect.expects,
                words=effect.words,
                closes_ms=effect.closes_ms,
                changeable_ms=effect.changeable_ms,
                urgency=effect.urgency,
                personal=effect.personal,
                optional=effect.optional,
                question_to=effect.question_to,
                reminds=effect.reminds,
                sensitive=effect.sensitive,
            )
        case Settle():
            return Settled(instance, effect.ask, effect.round)
        case Reopen():
            return Reopened(instance, effect.ask, effect.round)
        case Confirm():
            return Confirmed(instance, effect.ask, effect.round, name_phrase(effect.line, cast))
        case Tell():
            message = name_message(effect.message, cast)
            return Told(instance, starter, message, effect.urgency, effect.useful_until_ms)
        case Show():
            message = name_message(effect.message, cast)
            return Boarded(instance, effect.board, message, starter, effect.urgency)
        case Help():
            return Helped(instance, starter)
        case Empower():
            about = name_phrase(effect.about, cast)
            by_itself = unbidden and cast.person(effect.who) == starter
            return Empowered(instance, effect.words, about, is_private(definition), by_itself)
        case _:
            assert_never(effect)
