"""Deciding: from a definition, a snapshot, an event and the facts to what comes next.

Pure and synchronous. Production, preview, simulation, tests and the replay of old histories all
run this one function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

from msgspec.structs import replace

from engine.core.decide_answer import decide_answer, say_gone, take_back, with_new_words
from engine.core.decide_detail import REACH_EVERYONE, REACH_NAMED, crowd, fits, may_be_named
from engine.core.definition import AskDef, Definition
from engine.core.effect import Decision, Refusal
from engine.core.event import Answered, Commanded, Due, Ended, Event, Facts, Left, Migrated, Started, TookBack
from engine.core.instance import Snapshot, Timer
from engine.core.limits import Reached
from engine.core.message import Count, Phrase
from engine.core.migrate import migrate
from engine.core.phrasing import phrase
from engine.core.refusing import not_taken, reply
from engine.core.turn import Turn
from engine.core.values import HOUR_MS, AnyValue, CircleId, InstanceId, Persons, Picked, Ref, TextId, Words
from engine.core.view import View

FRESH_MS = HOUR_MS
"""How long after somebody has begun something what follows at once is still a reply to them."""


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
            return decide_answer(definition, snapshot, event, facts)
        case TookBack():
            return take_back(definition, snapshot, event, facts)
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
        if name not in definition.details or may_be_named(view, definition.details[name], value)
    }
    kept = _within_limits(definition, fitting, facts)
    blank = replace(blank, details=kept)
    turn = Turn(definition, blank, facts, actor)
    if kept != fitting:
        turn.emit(Reached("people_per_instance"))
        if actor is not None:
            most = Count(facts.limits.people_per_instance)
            turn.tell_person(actor, Phrase("bounds.people.most", slots={"n": most}), "reply")
    turn.enter(definition.start)
    turn.look_again()
    if actor is not None:
        turn.reply_to_beginning()
    return turn.finish_turn()


def _within_limits(definition: Definition, details: dict[str, AnyValue], facts: Facts) -> dict[str, AnyValue]:
    """Without those that hold more people than one instance may reach: they are asked for once more."""
    reach = details.get(definition.reach) if definition.reach is not None else None
    most = facts.limits.people_per_instance
    kept = {name: value for name, value in details.items() if crowd(value, reach, facts) <= most}
    if kept != details and reach == Picked(REACH_EVERYONE) and definition.reach is not None:
        del kept[definition.reach]
    return kept


def _over(snapshot: Snapshot, event: Event, facts: Facts) -> Refusal:
    match event:
        case Answered():
            held = snapshot.asks.get(event.ask)
            said = event if held is None else with_new_words(held, event)
            return Refusal("over", not_taken(said, facts, Phrase("closed"), over=True))
        case Commanded():
            return Refusal("over", (reply(event.by, Phrase("over")),))
        case _:
            return Refusal("over")


# ── commands, moments, leaving ───────────────────────────────────────────────


def _command(
    definition: Definition, snapshot: Snapshot, event: Commanded, facts: Facts
) -> Decision | Refusal:
    if event.word not in snapshot.powers.get(event.by, ()):
        return Refusal("not_yours", (reply(event.by, Phrase("not_yours")),))
    turn = Turn(definition, snapshot, facts, event.by)
    if not turn.fire(f"command:{event.word}"):
        return Refusal("not_now", (reply(event.by, Phrase("not_now")),))
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
            say_gone(turn, ask, event.who)
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


def public_shelves(definition: Definition) -> frozenset[Literal["holds", "on"]]:
    """The public lists on which the line of an instance may stand in one state or another."""
    named = {definition.shelf, *(state.public_shelf for state in definition.states.values())}
    return frozenset(shelf for shelf in named if shelf is not None)


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
