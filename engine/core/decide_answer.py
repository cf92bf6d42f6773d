"""Answers: which count, what they change, and what is said back."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.decide_detail import answer_detail, take_back_detail
from engine.core.definition import KEEP_DAYS, NO, AskDef, Definition, Room
from engine.core.effect import Confirm, Decision, KeepText, Refusal, Reopen, Urgency
from engine.core.event import Answered, Facts, TookBack
from engine.core.instance import Answer, AskState, Snapshot
from engine.core.message import AnySlot, Count, Message, Names, Phrase, Said, Text, When
from engine.core.phrasing import heard_by, label, seen_by, shown_to
from engine.core.refusing import beyond, not_taken
from engine.core.turn import ASK_OPEN_MS, DETAIL, QUESTION, Turn, kept_until_ms
from engine.core.unsigned import DROP, FEWER, NAME, ask_of
from engine.core.values import DAY_MS, AnyValue, Persons, Ref


def decide_answer(
    definition: Definition, snapshot: Snapshot, event: Answered, facts: Facts
) -> Decision | Refusal:
    """Take an answer to any question of an instance."""
    state = snapshot.asks.get(event.ask)
    if state is None:
        return Refusal("unknown_ask", not_taken(event, facts, None, over=True))
    state = _as_it_closes(snapshot, event.ask, state)
    turn = Turn(definition, snapshot, facts, event.by)
    refused = _why_not(turn, definition.asks.get(event.ask), state, with_new_words(state, event), facts)
    if refused is not None:
        return refused
    if _is_no_change(state, event):
        return Refusal("no_change")
    if event.ask.startswith(DETAIL):
        return answer_detail(turn, state, event)
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
            return Refusal("not_asked", not_taken(event, facts, None, over=True))
    elif event.by not in state.asked:
        return Refusal("not_asked", not_taken(event, facts, Phrase("not_asked"), over=True))
    if state.settled or event.round != state.round or not _in_time(state, event, facts):
        # Somebody in the room who never took it up has nothing lying on their desk that would be settled later.
        in_room = ask is not None and isinstance(ask.to, Room)
        over = state.settled or event.round != state.round or in_room
        return Refusal("closed", not_taken(event, facts, Phrase("closed"), over=over))
    if event.choice is not None and ask is not None:
        offered = [c.id for c in ask.choices]
        if event.choice not in offered and event.choice != NO:
            return Refusal("unknown_choice", not_taken(event, facts, Phrase("unknown_choice")))
    if event.value is not None and ask is not None and not _names_somebody(ask, event.value):
        return Refusal("unknown_choice", not_taken(event, facts, Phrase("need_names")))
    return None


def _is_no_change(state: AskState, event: Answered) -> bool:
    held = state.answers.get(event.by)
    return held is not None and (held.choice, held.text, held.value) == (
        event.choice,
        event.text,
        event.value,
    )


def with_new_words(state: AskState, event: Answered) -> Answered:
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
        say_gone(turn, ask, who)


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


def say_gone(turn: Turn, ask: AskDef, who: Ref) -> None:
    """Let those who saw somebody's yes hear that they will not be there."""
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


def take_back(
    definition: Definition, snapshot: Snapshot, event: TookBack, facts: Facts
) -> Decision | Refusal:
    """Take an answer back, as far as it may still be changed."""
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
        return take_back_detail(turn, state, event)
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


# ── a guest's question ───────────────────────────────────────────────────────


def _carry_question(turn: Turn, ask: AskDef, state: AskState, event: Answered) -> Decision | Refusal:
    """A guest wrote words instead of an answer: they are a question for the host, and no answer yet."""
    text = event.text
    hosts = turn.people(ask.question_to or "")
    name, n = f"{QUESTION}{ask.name}:{event.by}", 1
    while turn.ask_state(f"{name}:{n}") is not None:
        n += 1
    if text is None or not hosts:
        return Refusal("not_now", not_taken(event, turn.facts, Phrase("not_now")))
    most = turn.facts.limits.questions_per_guest
    if n > most:
        line = Phrase("limit.guest", slots={"n": Count(most)})
        return beyond("questions_per_guest", event, turn.facts, line)
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
        return Refusal("unknown_choice", not_taken(event, turn.facts, Phrase("unknown_choice")))
    answer = Answer(turn.facts.occurred_ms, event.choice)
    turn.put_ask_state(event.ask, replace(state, answers={event.by: answer}))
    line = Phrase(f"fewer.noted_{event.choice}", slots={"until": When(state.closes_ms)})
    turn.emit(Confirm(event.by, event.ask, state.round, line))
    return turn.finish_turn()
