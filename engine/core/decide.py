"""Deciding: from a definition, a snapshot, an event and the facts to what comes next.

Pure and synchronous. Production, preview, simulation, tests and the replay of old histories all
run this one function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

from msgspec.structs import replace

from engine.core.definition import KEEP_DAYS, NO, AskDef, Definition, DetailDef, Room
from engine.core.effect import Confirm, Decision, Effect, KeepText, Refusal, Reopen, Settle, Tell, Urgency
from engine.core.event import Answered, Commanded, Due, Ended, Event, Facts, Left, Migrated, Started, TookBack
from engine.core.instance import Answer, AskState, Snapshot, Timer
from engine.core.message import AnySlot, Count, Message, Names, Phrase, Said, Text, When
from engine.core.migrate import migrate
from engine.core.notebook import LONGEST_MS
from engine.core.phrasing import heard_by, label, phrase, seen_by, shown_to, value_slot
from engine.core.starting import is_within
from engine.core.turn import ASK_OPEN_MS, DETAIL, QUESTION, Turn, kept_until_ms
from engine.core.unsigned import DROP, FEWER, NAME, ask_of
from engine.core.values import (
    DAY_MS,
    HOUR_MS,
    AnyValue,
    CircleId,
    InstanceId,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    TextId,
    Words,
)
from engine.core.view import View

REACH_EVERYONE = "everyone"
REACH_NAMED = "named"
FRESH_MS = HOUR_MS
"""How long after somebody has begun something what follows at once is still a reply to them."""
MOST_QUESTIONS = 20
"""Questions one guest may put to the host of one invitation."""


def decide(
    definition: Definition,
    snapshot: Snapshot | None,
    event: Event,
    facts: Facts,
    into: Definition | None = None,
) -> Decision | Refusal:
    """Decide one event of one instance.

    Args:
        definition: the definition the instance is pinned to.
        snapshot: how it stands; None before ``Started``.
        event: what happened; people in it are references within the instance.
        facts: everything else that may be known.
        into: for ``Migrated`` only, the definition it names.

    Returns:
        A new snapshot with its effects, or a refusal that changes nothing.

    Raises:
        UnknownState: the snapshot's state is not in the definition.
        MovesInCircles: the event set off an endless chain of moves.
    """
    if isinstance(event, Started):
        return _start(definition, snapshot, event, facts)
    if snapshot is None:
        return Refusal("not_begun")
    if snapshot.finished_ms is not None:
        return _over(snapshot, event, facts)
    match event:
        case Answered():
            return _answer(definition, snapshot, event, facts)
        case TookBack():
            return _take_back(definition, snapshot, event, facts)
        case Commanded():
            return _command(definition, snapshot, event, facts)
        case Due():
            return _come_due(definition, snapshot, event, facts)
        case Left():
            return _leave(definition, snapshot, event, facts)
        case Ended():
            return _hear_end(definition, snapshot, event, facts)
        case Migrated():
            if into is None:
                return Refusal("does_not_fit")
            return migrate(definition, into, snapshot, event, facts)
        case _:
            assert_never(event)


def _start(
    definition: Definition, snapshot: Snapshot | None, event: Started, facts: Facts
) -> Decision | Refusal:
    if snapshot is not None:
        return Refusal("already_begun")
    blank = Snapshot(
        id=InstanceId(facts.instance),
        circle=CircleId(facts.circle),
        definition=definition.digest,
        state=definition.start,
        started_ms=facts.now_ms,
        starter=event.by,
        details=dict(event.details),
        parent=event.parent,
        depth=event.depth,
        spoken=event.spoken,
        unbidden=event.unbidden,
    )
    # Whom another workflow, or their arrival, made its starter has said nothing yet: nothing is a reply to them.
    actor = event.by if _has_spoken(definition, blank) else None
    view = View(definition, blank, facts)
    fitting = {
        name: value
        for name, value in blank.details.items()
        if name not in definition.details or _may_be_named(view, definition.details[name], value)
    }
    blank = replace(blank, details=fitting)
    turn = Turn(definition, blank, facts, actor)
    turn.enter(definition.start)
    turn.look_again()
    if actor is not None:
        turn.reply_to_beginning()
    return turn.finish_turn()


def _over(snapshot: Snapshot, event: Event, facts: Facts) -> Refusal:
    match event:
        case Answered():
            held = snapshot.asks.get(event.ask)
            said = event if held is None else _with_new_words(held, event)
            return Refusal("over", _not_taken(said, facts, Phrase("closed"), over=True))
        case Commanded():
            return Refusal("over", (_reply(event.by, Phrase("over")),))
        case _:
            return Refusal("over")


def _reply(who: Ref, line: Phrase) -> Tell:
    return Tell(who, Message(lines=(line,)), "reply")


def _not_taken(
    event: Answered, facts: Facts, line: Phrase | None, *, over: bool = False
) -> tuple[Effect, ...]:
    """What follows from an answer that does not count: a kind line, and its words are not kept. On the desk
    the question is over, or lies open as before.
    """
    effects: list[Effect] = []
    if line is not None:
        effects.append(_reply(event.by, line))
    if event.text is not None:
        effects.append(KeepText(event.text, facts.now_ms))
    effects.append((Settle if over else Reopen)(event.by, event.ask, event.round))
    return tuple(effects)


# ── answers ──────────────────────────────────────────────────────────────────


def _answer(definition: Definition, snapshot: Snapshot, event: Answered, facts: Facts) -> Decision | Refusal:
    state = snapshot.asks.get(event.ask)
    if state is None:
        return Refusal("unknown_ask", _not_taken(event, facts, None, over=True))
    state = _as_it_closes(snapshot, event.ask, state)
    turn = Turn(definition, snapshot, facts, event.by)
    refused = _why_not(turn, definition.asks.get(event.ask), state, _with_new_words(state, event), facts)
    if refused is not None:
        return refused
    if _is_no_change(state, event):
        return Refusal("no_change")
    if event.ask.startswith(DETAIL):
        return _answer_detail(turn, state, event)
    if event.ask.startswith(QUESTION):
        return _answer_question(turn, state, event)
    if event.ask.startswith(FEWER):
        return _answer_wish(turn, state, event)
    ask = definition.asks[event.ask]
    if ask.question_to is not None and event.choice is None and event.text is not None:
        return _carry_question(turn, ask, state, event)
    return _count(turn, ask, state, event, snapshot.starter)


def _as_it_closes(snapshot: Snapshot, name: str, state: AskState) -> AskState:
    """A wish closes with its ask, also if that has been moved since."""
    if not name.startswith(FEWER):
        return state
    closes_ms = snapshot.asks[ask_of(name)].closes_ms
    return replace(state, closes_ms=closes_ms, changeable_ms=closes_ms)


def _why_not(
    turn: Turn, ask: AskDef | None, state: AskState, event: Answered, facts: Facts
) -> Refusal | None:
    if ask is not None and isinstance(ask.to, Room):
        if any(event.by in turn.people(part) for part in ask.seen_by):
            # Whoever asks the room does not answer themselves: they are not one of those who take it up.
            return Refusal("not_asked", _not_taken(event, facts, None, over=True))
    elif event.by not in state.asked:
        return Refusal("not_asked", _not_taken(event, facts, Phrase("not_asked"), over=True))
    if state.settled or event.round != state.round or not _in_time(state, event, facts):
        # Somebody in the room who never took it up has nothing lying on their desk that would be settled later.
        in_room = ask is not None and isinstance(ask.to, Room)
        over = state.settled or event.round != state.round or in_room
        return Refusal("closed", _not_taken(event, facts, Phrase("closed"), over=over))
    if event.choice is not None and ask is not None:
        offered = [c.id for c in ask.choices]
        if event.choice not in offered and event.choice != NO:
            return Refusal("unknown_choice", _not_taken(event, facts, Phrase("unknown_choice")))
    if event.value is not None and ask is not None and not _names_somebody(ask, event.value):
        return Refusal("unknown_choice", _not_taken(event, facts, Phrase("need_names")))
    return None


def _is_no_change(state: AskState, event: Answered) -> bool:
    held = state.answers.get(event.by)
    return held is not None and (held.choice, held.text, held.value) == (
        event.choice,
        event.text,
        event.value,
    )


def _with_new_words(state: AskState, event: Answered) -> Answered:
    """The answer without words that stand already, beside another choice: if it does not count, they stay."""
    held = state.answers.get(event.by)
    stands = held is not None and held.text is not None and held.text == event.text
    return replace(event, text=None) if stands else event


def _names_somebody(ask: AskDef, value: AnyValue) -> bool:
    """Whether a value is what an ask wants to hear: people it may name, one of them if one is asked for."""
    if ask.naming is None or not isinstance(value, Persons) or not value.who:
        return False
    return ask.naming == "people" or len(value.who) == 1


def _in_time(state: AskState, event: Answered, facts: Facts) -> bool:
    """An answer counts by when it was given, as long as what it decides is undecided."""
    if state.open and facts.occurred_ms < state.closes_ms:
        return True
    held = state.answers.get(event.by)
    return held is not None and held.was_early and facts.occurred_ms < state.changeable_ms


def _count(turn: Turn, ask: AskDef, state: AskState, event: Answered, starter: Ref) -> Decision:
    early = event.choice is not None and event.choice != NO
    was_early = early or _has_travelled(turn, state, event)
    answer = Answer(
        at_ms=turn.answered_ms(ask.name),
        choice=event.choice,
        text=event.text,
        value=event.value,
        was_early=was_early,
    )
    turn.put_ask_state(ask.name, replace(state, answers={**state.answers, event.by: answer}))
    if event.text is not None:
        turn.emit(KeepText(event.text, kept_until_ms(turn.definition, ask.name, turn.now_ms)))
    mark = turn.mark
    _after_change(turn, ask, event.by)
    # Whoever waits for a place has answered, but has not got what they chose yet. That somebody has written unsigned
    # is for nobody to see yet; and a no that follows no yes moves nothing before its moment, the starter's own aside.
    kept_quiet = state.unsigned or (event.choice == NO and not was_early and state.asked != (starter,))
    if not kept_quiet:
        turn.fire(f"answer:{ask.name}", None if event.by in turn.waiting(ask.name) else event.choice)
    turn.look_again()
    # Only now is it known until when it can be changed; but it is said before anything that follows from it.
    turn.emit_at(mark, Confirm(event.by, ask.name, state.round, _thanks(turn, ask, answer, event.by)))
    turn.follow_wish(ask.name, event.by)
    return turn.finish_turn()


def _has_travelled(turn: Turn, state: AskState, event: Answered | TookBack) -> bool:
    """Whether others have heard of an answer that is now changed. Of a yes that is hidden, or only waits for a
    place, they have not: whoever says no after it has simply said no.
    """
    held = state.answers.get(event.by)
    early = held is not None and held.was_early and state.shown
    return early and event.by not in turn.before.waiting(event.ask)


def _after_change(turn: Turn, ask: AskDef, who: Ref) -> None:
    """Let those who may see it see it. A no that follows nothing, or another no, makes no ripple at all."""
    turn.queue(ask.name, who)
    turn.refresh()
    turn.pass_words_on(ask, who)
    state = turn.ask_state(ask.name)
    if state is None or not state.shown:
        return
    if turn.is_promise(ask.name) and not turn.counts(ask.name, who) and _is_new_no(turn, ask, who):
        _say_gone(turn, ask, who)


def _is_new_no(turn: Turn, ask: AskDef, who: Ref) -> bool:
    """Whether somebody has just said no to what they had said yes to. To take a yes back says nothing yet: it may
    be on its way to another answer.
    """
    held, state = turn.before.ask_state(ask.name), turn.ask_state(ask.name)
    said, says = (each.answers.get(who) if each is not None else None for each in (held, state))
    if says is None or says.choice != NO:
        return False
    taken_back = said is not None and said.was_early and (said.choice, said.text) == (None, None)
    return taken_back or turn.before.counts(ask.name, who)


def _say_gone(turn: Turn, ask: AskDef, who: Ref) -> None:
    state = turn.ask_state(ask.name)
    for part in ask.seen_by:
        for reader in turn.people(part):
            if reader == who:
                continue
            # Within 24 hours it is worth a sound; before that it is there to be read.
            urgency: Urgency = "change" if turn.is_soon(ask.name) else "quiet"
            # What is said without a knock names nobody in a private matter.
            private, named = Phrase("gone.private"), Phrase("gone", slots={"who": Names((who,))})
            line = private if ask.sensitive else named
            turn.tell_person(reader, line, urgency, state.changeable_ms if state is not None else None)


def _thanks(turn: Turn, ask: AskDef, answer: Answer, who: Ref) -> Phrase:
    state = turn.ask_state(ask.name)
    said: AnySlot = Said("no.label")
    if answer.choice != NO:
        said = label(turn.definition, ask.name, answer.choice)
    named = Names(answer.value.who) if isinstance(answer.value, Persons) else None
    if state is None or state.settled:
        if answer.choice is None:
            said = named or (Text(answer.text) if answer.text is not None else said)
        return Phrase("ack.detail", slots={"value": said})
    until = When(state.changeable_ms if answer.was_early else state.closes_ms)
    if answer.choice == NO and not answer.was_early:  # after a yes, somebody does hear that they can't come
        return Phrase("ack.no", slots={"until": until})
    if answer.choice is not None and answer.text is not None and who not in turn.waiting(ask.name):
        seen = _seen(turn, ask, state, who)
        return Phrase("ack.choice_and_words", slots={"choice": said, "seen": seen, "until": until})
    if answer.choice is not None:
        key = "ack.waiting" if who in turn.waiting(ask.name) else "ack.choice"
        return Phrase(key, slots={"choice": said, "until": until})
    if named is not None:
        seen = _seen(turn, ask, state, who)
        return Phrase("ack.named", slots={"named": named, "seen": seen, "until": until})
    if state.unsigned:
        return Phrase("ack.unsigned", slots={"until": until})
    return Phrase("ack.words", slots={"seen": _seen(turn, ask, state, who), "until": until})


def _seen(turn: Turn, ask: AskDef, state: AskState, who: Ref) -> Said:
    shown = state.shown
    seen = seen_by(turn, ask, who) if shown else shown_to(turn, ask, who, turn.shows_ms(ask.name))
    return heard_by(turn.definition, ask, seen)


def _take_back(
    definition: Definition, snapshot: Snapshot, event: TookBack, facts: Facts
) -> Decision | Refusal:
    state = snapshot.asks.get(event.ask)
    if state is None:
        return Refusal("unknown_ask")
    state = _as_it_closes(snapshot, event.ask, state)
    held = state.answers.get(event.by)
    if held is None or (held.choice, held.text, held.value) == (None, None, None):
        return Refusal("no_change")
    if state.settled or event.round != state.round or facts.occurred_ms >= state.changeable_ms:
        return Refusal("closed")
    turn = Turn(definition, snapshot, facts, event.by)
    if event.ask.startswith(DETAIL):
        return _take_back_detail(turn, state, event)
    blank = Answer(at_ms=facts.occurred_ms, was_early=held.was_early)
    answers = {**state.answers, event.by: blank}
    if not _has_travelled(turn, state, event):
        del answers[event.by]
    turn.put_ask_state(event.ask, replace(state, answers=answers))
    until = When(state.closes_ms if state.open else state.changeable_ms)
    line = Phrase("ack.took_back", slots={"until": until})
    turn.emit(Confirm(event.by, event.ask, state.round, line))
    ask = definition.asks.get(event.ask)
    if ask is not None:
        _after_change(turn, ask, event.by)
        turn.follow_wish(ask.name, event.by)
    return turn.finish_turn()


def _take_back_detail(turn: Turn, state: AskState, event: TookBack) -> Decision:
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


# ── a guest's question ───────────────────────────────────────────────────────


def _carry_question(turn: Turn, ask: AskDef, state: AskState, event: Answered) -> Decision | Refusal:
    """A guest wrote words instead of an answer: they are a question for the host, and no answer yet."""
    text = event.text
    hosts = turn.people(ask.question_to or "")
    name, n = f"{QUESTION}{ask.name}:{event.by}", 1
    while turn.ask_state(f"{name}:{n}") is not None:
        n += 1
    if text is None or not hosts or n > MOST_QUESTIONS:
        return Refusal("not_now", _not_taken(event, turn.facts, Phrase("not_now")))
    turn.emit(KeepText(text, turn.now_ms + (ask.keep_days or KEEP_DAYS) * DAY_MS))
    slots: dict[str, AnySlot] = {"who": Names((event.by,)), "text": Text(text)}
    # It is there at once; a sound it makes only where it cannot wait, and once as a reminder.
    urgent = turn.is_promise(ask.name) and turn.is_soon(ask.name)
    urgency: Urgency = "change" if urgent else "quiet"
    message = Message(lines=(Phrase("question_from", slots=slots),), mention=urgent)
    closes_ms = min(state.changeable_ms, turn.now_ms + ASK_OPEN_MS)
    turn.ask_words(f"{name}:{n}", hosts[0], message, closes_ms, urgency)
    line = Phrase("ack.question", slots={"who": Names(hosts[:1])})
    turn.emit(Confirm(event.by, ask.name, state.round, line))
    turn.emit(Reopen(event.by, ask.name, state.round))
    return turn.finish_turn()


def _answer_question(turn: Turn, state: AskState, event: Answered) -> Decision:
    _, _, guest, _ = event.ask.split(":")
    if event.text is None:
        return turn.finish_turn()
    turn.put_ask_state(
        event.ask,
        replace(state, answers={**state.answers, event.by: Answer(turn.facts.occurred_ms, text=event.text)}),
    )
    turn.emit(KeepText(event.text, kept_until_ms(turn.definition, event.ask, turn.now_ms)))
    slots: dict[str, AnySlot] = {"who": Names((event.by,)), "text": Text(event.text)}
    if not turn.is_gone(Ref(guest)):
        turn.tell_person(Ref(guest), Phrase("answer_from", slots=slots), "change")
    thanks = Phrase(
        "ack.words",
        slots={
            "seen": Said("seen.people", slots={"who": Names((guest,))}),
            "until": When(state.changeable_ms),
        },
    )
    turn.emit(Confirm(event.by, event.ask, state.round, thanks))
    return turn.finish_turn()


# ── unsigned answers ─────────────────────────────────────────────────────────


def _answer_wish(turn: Turn, state: AskState, event: Answered) -> Decision | Refusal:
    """What shall happen to somebody's unsigned words if too few write: their name is shown, or they are dropped."""
    if event.choice not in (NAME, DROP):
        return Refusal("unknown_choice", _not_taken(event, turn.facts, Phrase("unknown_choice")))
    answer = Answer(turn.facts.occurred_ms, event.choice)
    turn.put_ask_state(event.ask, replace(state, answers={event.by: answer}))
    line = Phrase(f"fewer.noted_{event.choice}", slots={"until": When(state.closes_ms)})
    turn.emit(Confirm(event.by, event.ask, state.round, line))
    return turn.finish_turn()


# ── details ──────────────────────────────────────────────────────────────────


def _answer_detail(turn: Turn, state: AskState, event: Answered) -> Decision | Refusal:
    detail = turn.definition.details[event.ask.removeprefix(DETAIL)]
    if event.choice == NO and NO not in (choice.id for choice in detail.choices):
        return _decline_detail(turn, state, event)
    value = _detail_value(turn, detail.name, event)
    if value is None or (isinstance(value, Nothing) and not detail.optional):
        needed = "need_people" if detail.kind == "people" else "unknown_choice"
        return Refusal("unknown_choice", _not_taken(event, turn.facts, Phrase(needed)))
    if detail.not_past and isinstance(value, Moment) and value.at_ms <= turn.now_ms:
        return Refusal("not_now", _not_taken(event, turn.facts, Phrase("moment_past")))
    if not fits(detail, value):
        return Refusal("not_now", _not_taken(event, turn.facts, _what_fits(detail)))
    if not _may_be_named(turn, detail, value):
        return Refusal("not_now", _not_taken(event, turn.facts, Phrase("somebody_else")))
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


def _decline_detail(turn: Turn, state: AskState, event: Answered) -> Decision | Refusal:
    """Somebody would rather not: to everybody else, that is as if they had not answered."""
    if event.by == turn.starter:
        return Refusal("unknown_choice", _not_taken(event, turn.facts, Phrase("unknown_choice")))
    if any(answer.choice != NO for answer in state.answers.values()):
        turn.drop_detail(event.ask.removeprefix(DETAIL))
    answer = Answer(turn.facts.occurred_ms, NO)
    turn.put_ask_state(event.ask, replace(state, answers={event.by: answer}))
    line = Phrase("ack.no", slots={"until": When(state.closes_ms)})
    turn.emit(Confirm(event.by, event.ask, state.round, line))
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


def _may_be_named(view: View, detail: DetailDef, value: AnyValue) -> bool:
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


# ── commands, moments, leaving ───────────────────────────────────────────────


def _command(
    definition: Definition, snapshot: Snapshot, event: Commanded, facts: Facts
) -> Decision | Refusal:
    if event.word not in snapshot.powers.get(event.by, ()):
        return Refusal("not_yours", (_reply(event.by, Phrase("not_yours")),))
    turn = Turn(definition, snapshot, facts, event.by)
    if not turn.fire(f"command:{event.word}"):
        return Refusal("not_now", (_reply(event.by, Phrase("not_now")),))
    return turn.finish_turn()


def _come_due(definition: Definition, snapshot: Snapshot, event: Due, facts: Facts) -> Decision | Refusal:
    timer = snapshot.timers.get(event.timer)
    if timer is None or timer.entry != event.entry or timer.due_ms > facts.now_ms:
        return Refusal("stale_timer")
    actor = _who_has_begun(definition, snapshot, timer, facts)
    turn = Turn(definition, snapshot, facts, actor)
    turn.forget_timer(event.timer)
    kind, _, rest = event.timer.partition(":")
    if kind == "at":
        turn.fire(event.timer)
        turn.look_again()
        if actor is not None:
            turn.reply_to_beginning()
        return turn.finish_turn()
    name = rest.rpartition(":")[0]
    match kind:
        case "close":
            turn.close_ask(name)
            if not turn.fire(f"closed:{name}"):
                turn.refresh()  # what was hidden until it closed
        case "show":
            turn.show_answers(name)
            turn.refresh()
        case "fix":
            turn.settle_ask(name)
        case _:  # again
            turn.ask_again(name)
    return turn.finish_turn()


def _who_has_begun(definition: Definition, snapshot: Snapshot, timer: Timer, facts: Facts) -> Ref | None:
    """Who has said a moment ago what this timer follows from: a first state may be over as soon as it is entered."""
    at_once = timer.entry == 1 and timer.due_ms <= snapshot.started_ms
    is_fresh = facts.now_ms - snapshot.started_ms < FRESH_MS
    return snapshot.starter if at_once and is_fresh and _has_spoken(definition, snapshot) else None


def _has_spoken(definition: Definition, snapshot: Snapshot) -> bool:
    """Whether it began with something that its starter said; those of before that was noted began by their word."""
    return snapshot.spoken or (snapshot.parent is None and definition.begins_for is None)


def _hear_end(definition: Definition, snapshot: Snapshot, event: Ended, facts: Facts) -> Decision | Refusal:
    if event.child not in snapshot.children:
        return Refusal("no_change")
    turn = Turn(definition, snapshot, facts, None)
    turn.hear_end(event.child, event.state)
    return turn.finish_turn()


def _leave(definition: Definition, snapshot: Snapshot, event: Left, facts: Facts) -> Decision | Refusal:
    if event.who in snapshot.gone:
        return Refusal("no_change")
    turn = Turn(definition, snapshot, facts, None)
    held = [part for part in definition.if_leaves if event.who in turn.people(part)]
    promised = _promised(turn, event.who)
    turn.drop_person(event.who)
    orphaned = [definition.if_leaves[part] for part in held if not turn.people(part)]
    ending = turn.state.if_starter_leaves or definition.if_starter_leaves
    if event.who == snapshot.starter and ending is not None:
        orphaned.insert(0, ending)
    if orphaned:
        turn.enter(orphaned[0])  # which says what there is to say
    else:
        for ask in promised:
            _say_gone(turn, ask, event.who)
        turn.ask_on()
        turn.empower()
        turn.refresh()
    return turn.finish_turn()


def _promised(turn: Turn, who: Ref) -> list[AskDef]:
    """What somebody's yes still stands for, of what is yet to begin and others may see; asks that are counted
    together are one.
    """
    found: dict[str, AskDef] = {}
    for name, ask in turn.definition.asks.items():
        state = turn.ask_state(name)
        if state is None or state.settled or state.unsigned or not state.shown or not turn.is_promise(name):
            continue
        stands = any(who in turn.who_said(name, choice.id) for choice in ask.choices)
        if stands and turn.now_ms < state.changeable_ms and found.keys().isdisjoint(turn.linked(name)):
            found[name] = ask
    return list(found.values())


def public_line(definition: Definition, snapshot: Snapshot) -> Phrase | None:
    """The one line about an instance that its whole circle may see now; None if there is none."""
    state = definition.states.get(snapshot.state)
    if state is None or snapshot.finished_ms is not None:
        return None
    view = View(definition, snapshot)
    key = view.public_key()
    return phrase(view, key) if key is not None else None


def public_shelf(definition: Definition, snapshot: Snapshot) -> Literal["holds", "on"] | None:
    """The public list to which the line of an instance belongs as it stands; None if to no list."""
    state = definition.states.get(snapshot.state)
    own = state.public_shelf if state is not None else None
    return own or definition.shelf


def begin_details(
    definition: Definition,
    people: tuple[str, ...],
    *,
    everyone: bool,
    words: TextId | None,
    given: Mapping[str, AnyValue] | None = None,
) -> dict[str, AnyValue]:
    """What a beginning command already says: people go to the first detail that takes people,
    words to the first that takes words, ``everyone`` to the detail named by ``reach``. What is ``given`` beyond that,
    the workflow that ``try`` speaks of, goes to the detail of its name, if that takes a workflow.
    """
    details = {
        name: value
        for name, value in (given or {}).items()
        if name in definition.details and definition.details[name].kind == "workflow"
    }
    has_people = has_words = False
    for name, detail in definition.details.items():
        if detail.kind in ("people", "person") and people and not has_people:
            has_people = True
            one_too_many = detail.kind == "person" and len(people) != 1
            if fits(detail, Persons(people)) and not one_too_many:
                details[name] = Persons(people)  # otherwise they are asked for once more, with what would fit
        elif detail.kind == "people" and everyone and not people:
            details[name] = Persons(())
        elif detail.kind == "words" and words is not None and not has_words:
            details[name], has_words = Words(words), True
    if definition.reach is not None and (everyone or people):
        details[definition.reach] = Picked(REACH_EVERYONE if everyone else REACH_NAMED)
    return details
