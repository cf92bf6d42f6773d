"""What is said when something does not count."""

from __future__ import annotations

from engine.core.effect import Effect, KeepText, Refusal, Reopen, Settle, Tell
from engine.core.event import Answered, Facts
from engine.core.limits import LimitName, Reached
from engine.core.message import Message, Phrase
from engine.core.values import Ref


def reply(who: Ref, line: Phrase) -> Tell:
    """One line, said at once."""
    return Tell(who, Message(lines=(line,)), "reply")


def not_taken(
    event: Answered, facts: Facts, line: Phrase | None, *, over: bool = False
) -> tuple[Effect, ...]:
    """What follows from an answer that does not count: a kind line, and its words are not kept. On the desk
    the question is over, or lies open as before.
    """
    effects: list[Effect] = []
    if line is not None:
        effects.append(reply(event.by, line))
    if event.text is not None:
        effects.append(KeepText(event.text, facts.now_ms))
    effects.append((Settle if over else Reopen)(event.by, event.ask, event.round))
    return tuple(effects)


def beyond(limit: LimitName, event: Answered, facts: Facts, line: Phrase) -> Refusal:
    """An answer that a limit keeps from counting; whoever gave it hears which bounds there are."""
    return Refusal(limit, (*not_taken(event, facts, line), Reached(limit)))
