"""Details: what fits into one, and what an answer to one leads to."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core.definition import NO, DetailDef
from engine.core.effect import Confirm, Decision, KeepText, Refusal
from engine.core.event import Answered, Facts, TookBack
from engine.core.instance import Answer, AskState
from engine.core.message import AnySlot, Count, Phrase, When
from engine.core.notebook import LONGEST_MS
from engine.core.phrasing import value_slot
from engine.core.refusing import beyond, not_taken
from engine.core.starting import is_within
from engine.core.turn import DETAIL, Turn
from engine.core.values import AnyValue, Moment, Nothing, Number, Persons, Picked, Words
from engine.core.view import View

REACH_EVERYONE = "everyone"
REACH_NAMED = "named"


def answer_detail(turn: Turn, state: AskState, event: Answered) -> Decision | Refusal:
    """Take what somebody gave for a detail."""
    detail = turn.definition.details[event.ask.removeprefix(DETAIL)]
    if event.choice == NO and NO not in (choice.id for choice in detail.choices):
        return _decline_detail(turn, state, event)
    value = _detail_value(turn, detail.name, event)
    if value is None or (isinstance(value, Nothing) and not detail.optional):
        needed = "need_people" if detail.kind == "people" else "unknown_choice"
        return Refusal("unknown_choice", not_taken(event, turn.facts, Phrase(needed)))
    most = turn.facts.limits.people_per_instance
    if crowd(value, event.value, turn.facts) > most:
        line = Phrase("bounds.people.most", slots={"n": Count(most)})
        return beyond("people_per_instance", event, turn.facts, line)
    if detail.not_past and isinstance(value, Moment) and value.at_ms <= turn.now_ms:
        return Refusal("not_now", not_taken(event, turn.facts, Phrase("moment_past")))
    if not fits(detail, value):
        return Refusal("not_now", not_taken(event, turn.facts, _what_fits(detail)))
    if not may_be_named(turn, detail, value):
        return Refusal("not_now", not_taken(event, turn.facts, Phrase("somebody_else")))
    turn.set_detail(detail.name, value)
    if isinstance(value, Words):
        turn.emit(KeepText(value.text, turn.now_ms + LONGEST_MS))
    answer = Answer(turn.facts.occurred_ms, event.choice, event.text, event.value)
    turn.put_ask_state(event.ask, replace(state, answers={event.by: answer}))
    slot = value_slot(turn.definition, detail.name, value)
    turn.emit(Confirm(event.by, event.ask, state.round, Phrase("ack.detail", slots={"value": slot})))
    turn.gather_on()
    turn.time_moves()
    return turn.finish_turn()


def crowd(value: AnyValue, said: AnyValue | None, facts: Facts) -> int:
    """How many people a detail would hold: whoever says "everyone" means those who are in the room now."""
    if said == Picked(REACH_EVERYONE) and value == Persons(()):
        return len(facts.room)
    return len(value.who) if isinstance(value, Persons) else 0


def _decline_detail(turn: Turn, state: AskState, event: Answered) -> Decision | Refusal:
    """Somebody would rather not: to everybody else, that is as if they had not answered."""
    if event.by == turn.starter:
        return Refusal("unknown_choice", not_taken(event, turn.facts, Phrase("unknown_choice")))
    if any(answer.choice != NO for answer in state.answers.values()):
        turn.drop_detail(event.ask.removeprefix(DETAIL))
    answer = Answer(turn.facts.occurred_ms, NO)
    turn.put_ask_state(event.ask, replace(state, answers={event.by: answer}))
    line = Phrase("ack.no", slots={"until": When(state.closes_ms)})
    turn.emit(Confirm(event.by, event.ask, state.round, line))
    return turn.finish_turn()


def take_back_detail(turn: Turn, state: AskState, event: TookBack) -> Decision:
    """The one who was asked removed what they had given: it is asked anew."""
    detail = turn.definition.details[event.ask.removeprefix(DETAIL)]
    if state.answers[event.by].choice == NO:
        turn.put_ask_state(event.ask, replace(state, answers={}))
        line = Phrase("ack.took_back", slots={"until": When(state.closes_ms)})
        turn.emit(Confirm(event.by, event.ask, state.round, line))
        return turn.finish_turn()
    turn.settle_ask(event.ask)
    turn.drop_detail(detail.name)
    turn.gather_on()
    return turn.finish_turn()


def _detail_value(turn: Turn, name: str, event: Answered) -> AnyValue | None:
    detail = turn.definition.details[name]
    match detail.kind:
        case "choice":
            offered = [c.id for c in detail.choices]
            return Picked(event.choice) if event.choice in offered else None
        case "words":
            return Words(event.text) if event.text is not None else _nothing(event)
        case "people" | "person":
            reach = turn.definition.reach
            if event.value == Picked(REACH_EVERYONE) and reach is not None:
                turn.set_detail(reach, Picked(REACH_EVERYONE))
                return Persons(())
            if detail.kind == "people" and isinstance(event.value, Persons):
                others = tuple(ref for ref in dict.fromkeys(event.value.who) if ref != event.by)
                return Persons(others) if others else None
            return event.value if isinstance(event.value, Persons) else _nothing(event)
        case "moment" | "number":
            return event.value
        case "workflow":
            return None  # it comes with the beginning, and nobody is ever asked for it
        case _:
            assert_never(detail.kind)


def fits(detail: DetailDef, value: AnyValue) -> bool:
    """Whether a detail may hold this: as many people, or a number, as lie between its bounds."""
    match value:
        case Persons(who=who):
            return is_within(detail, len(who))
        case Number(n=n):
            return is_within(detail, n)
        case _:
            return True


def may_be_named(view: View, detail: DetailDef, value: AnyValue) -> bool:
    """Whether nobody is named here who holds a part that this detail leaves out."""
    left_out = {ref for part in detail.but for ref in view.named(part)}
    return not isinstance(value, Persons) or left_out.isdisjoint(value.who)


def _what_fits(detail: DetailDef) -> Phrase:
    kind = "number" if detail.kind == "number" else "people"
    if detail.least is not None and detail.least == detail.most:
        return Phrase(f"bounds.{kind}.exactly", slots={"n": Count(detail.least)})
    if detail.least is not None and detail.most is not None:
        slots: dict[str, AnySlot] = {"least": Count(detail.least), "most": Count(detail.most)}
        return Phrase(f"bounds.{kind}.between", slots=slots)
    bound, n = ("most", detail.most) if detail.least is None else ("least", detail.least)
    return Phrase(f"bounds.{kind}.{bound}", slots={"n": Count(n or 0)})


def _nothing(event: Answered) -> AnyValue | None:
    return event.value if isinstance(event.value, Nothing) else None
