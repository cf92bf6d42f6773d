"""Moving an instance to another version of its workflow: whether that is possible, and what follows from it.

Nothing is said to anyone just because an instance is moved. What lies open goes on as it was promised; what the
new version asks in the present state and the old one did not is asked; what it knows nothing of is settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from engine.core.audience import Audience, answer_readers, is_within, shown
from engine.core.definition import KEEP_DAYS, NO, AskDef, Definition, DetailDef, Room, StateDef
from engine.core.effect import Decision, DropTimer, Effect, KeepText, Refusal, SetTimer
from engine.core.event import Facts, Migrated
from engine.core.instance import AskState, Snapshot, Timer
from engine.core.sources import lot_key, sought_parts
from engine.core.turn import DETAIL, QUESTION, Turn, days_kept, is_kept_from_answer
from engine.core.unsigned import FEWER, ask_of
from engine.core.values import DAY_MS, AnyValue, Moment, Number, Persons, Picked, TextId, Words

KINDS: dict[str, type] = {
    "words": Words,
    "moment": Moment,
    "person": Persons,
    "people": Persons,
    "number": Number,
    "choice": Picked,
    "workflow": Picked,
}


class Obstacle(msgspec.Struct, frozen=True):
    """Why an instance cannot be moved; ``what`` names a state, an ask, a detail or a placeholder."""

    code: Literal[
        "no_such_state",
        "final_state",
        "ask_gone",
        "answer_gone",
        "ask_changed",
        "seen_by_more",
        "kept_longer",
        "detail_gone",
        "detail_changed",
        "detail_missing",
        "shown_to_more",
        "listed",
        "handed_over",
    ]
    what: str


def obstacles(old: Definition, new: Definition, snapshot: Snapshot, state: str) -> tuple[Obstacle, ...]:
    """Everything that keeps an instance from standing in a state of another version; empty if it can."""
    target = new.states.get(state)
    if target is None:
        return (Obstacle("no_such_state", state),)
    if target.final:
        return (Obstacle("final_state", state),)
    found = (
        *_in_asks(old, new, snapshot),
        *_in_details(old, new, snapshot, target),
        *_in_sentences(old, new, snapshot),
        *_in_starts(old, new),
    )
    return tuple(dict.fromkeys(found))


def migrate(
    old: Definition, new: Definition, snapshot: Snapshot, event: Migrated, facts: Facts
) -> Decision | Refusal:
    """Move an instance from the version it is pinned to, ``old``, to ``new``.

    In a state of the same name it goes on from where it is; in another one it is as if it had come there now,
    except that what that state tells on entering is not told.
    """
    if snapshot.definition == new.digest:
        return Refusal("no_change")
    if event.to != new.digest or obstacles(old, new, snapshot, event.state):
        return Refusal("does_not_fit")
    state = new.states[event.state]
    moved = _moved(old, new, snapshot, state, facts)
    turn = Turn(new, moved, facts, None)
    for text, days in _dropped_texts(old, new, snapshot):
        turn.emit(KeepText(text, facts.now_ms + days * DAY_MS))
    for name, timer in moved.timers.items():
        if snapshot.timers.get(name) != timer:
            turn.emit(SetTimer(name, timer.due_ms, timer.entry))
    for name, held in moved.asks.items():
        if not held.settled and not _stays(name, held, state):
            turn.settle_ask(name)
    _go_on(turn, state, moved, arrived=snapshot.state != state.name)
    decision = turn.finish_turn()
    return replace(decision, effects=(*decision.effects, *_drop_timers(snapshot, decision)))


def _go_on(turn: Turn, state: StateDef, moved: Snapshot, *, arrived: bool) -> None:
    """Ask what this state asks and nobody has been asked yet, and wait for its moments."""
    for part in sought_parts(turn.definition):
        if part.name not in moved.groups:
            turn.find(part.name)
    for name in state.shows if arrived else ():
        turn.show_answers(name)
    if state.gather:
        turn.gather_on()
    else:
        turn.fill_defaults()
    if turn.state is not state:
        return  # nothing was missing, and it has gone further
    for name in state.asks:
        held = moved.asks.get(name)
        ask = turn.definition.asks[name]
        is_new = held is None or (arrived and held.settled)
        if is_new and ask.every_ms is None:
            turn.open_ask(ask)
    turn.time_moves()
    turn.empower()
    turn.refresh()
    turn.recall_ends()
    turn.look_again()


def _moved(old: Definition, new: Definition, snapshot: Snapshot, state: StateDef, facts: Facts) -> Snapshot:
    """The snapshot as the new version can read it, before anything follows from that."""
    arrived = snapshot.state != state.name
    entry = snapshot.entry + arrived
    asks = {name: held for name, held in snapshot.asks.items() if _owner(name) in _known(new, name)}
    details = {name: value for name, value in snapshot.details.items() if name in new.details}
    groups = {name for part in new.parts for name in (part.name, lot_key(part))}
    visits = dict(snapshot.visits)
    if arrived:
        visits[state.name] = visits.get(state.name, 0) + 1
    return replace(
        snapshot,
        definition=new.digest,
        state=state.name,
        entry=entry,
        entered_ms=facts.now_ms if arrived else snapshot.entered_ms,
        visits=visits,
        details=details,
        asks=asks,
        groups={group: who for group, who in snapshot.groups.items() if group in groups},
        boards=tuple(board for board in snapshot.boards if _reads_the_same(old, new, board)),
        timers=_timers(new, snapshot, state, asks, entry, facts),
    )


def _timers(
    new: Definition,
    snapshot: Snapshot,
    state: StateDef,
    asks: dict[str, AskState],
    entry: int,
    facts: Facts,
) -> dict[str, Timer]:
    """What is promised about open asks stays; the moments of the state are reckoned anew, by ``time_moves``."""
    timers: dict[str, Timer] = {}
    for name, timer in snapshot.timers.items():
        kind, _, rest = name.partition(":")
        if kind not in ("at", "again") and rest.rpartition(":")[0] in asks:
            timers[name] = timer
    for name in state.asks:
        every_ms = new.asks[name].every_ms
        if every_ms is not None:
            again = f"again:{name}:0"
            timers[again] = snapshot.timers.get(again) or Timer(facts.now_ms + every_ms, entry)
    return timers


def _drop_timers(snapshot: Snapshot, decision: Decision) -> Iterator[Effect]:
    dropped = {effect.name for effect in decision.effects if isinstance(effect, DropTimer)}
    for name in snapshot.timers.keys() - decision.snapshot.timers.keys() - dropped:
        yield DropTimer(name)


def _stays(name: str, held: AskState, state: StateDef) -> bool:
    if name.startswith((QUESTION, FEWER)):
        return True  # two people are talking; a wish goes when its ask goes
    if name.startswith(DETAIL):
        unanswered = all(answer.choice == NO for answer in held.answers.values())
        return name.removeprefix(DETAIL) in state.gather and held.open and unanswered
    return name in state.asks or name in state.keeps


def _reads_the_same(old: Definition, new: Definition, board: str) -> bool:
    """Whether a message that is kept up to date needs no other words; if it does, it is written anew by an edit."""
    key = board.rpartition("/")[0].rpartition("#")[0]
    if board.startswith("words:"):
        return True
    return all(
        old_one.get(key) == new_one.get(key)
        for old_one, new_one in ((old.texts, new.texts), (old.gaps, new.gaps), (old.own, new.own))
    )


def _owner(name: str) -> str:
    """The ask or detail that something put to somebody belongs to."""
    if name.startswith(FEWER):
        return ask_of(name)
    if name.startswith(QUESTION):
        return name.removeprefix(QUESTION).partition(":")[0]
    return name.removeprefix(DETAIL)


def _known(definition: Definition, name: str) -> dict[str, AskDef] | dict[str, DetailDef]:
    return definition.details if name.startswith(DETAIL) else definition.asks


def _dropped_texts(old: Definition, new: Definition, snapshot: Snapshot) -> Iterator[tuple[TextId, int]]:
    """Words that the new version has no place for, and how many days from now they were to be kept; and those that
    it keeps from when they were written, which it does not speak of again in the end.
    """
    for name, value in snapshot.details.items():
        if isinstance(value, Words) and name not in new.details:
            yield value.text, old.details[name].keep_days or KEEP_DAYS
    for name, held in snapshot.asks.items():
        there = _owner(name) in _known(new, name)
        if is_kept_from_answer(old, name) or (there and not is_kept_from_answer(new, name)):
            continue
        days = days_kept(new if there else old, name)
        texts = [answer.text for answer in held.answers.values() if answer.text is not None]
        yield from ((text, days) for text in (*texts, *held.texts))


# ── what stands in the way ───────────────────────────────────────────────────


def _in_asks(old: Definition, new: Definition, snapshot: Snapshot) -> Iterator[Obstacle]:
    for name, held in snapshot.asks.items():
        owner = _owner(name)
        if owner not in _known(new, name):
            if not held.settled:
                yield Obstacle("detail_gone" if name.startswith(DETAIL) else "ask_gone", owner)
            continue
        before, after = old.asks.get(owner), new.asks.get(owner)
        if name.startswith(DETAIL) or before is None or after is None:
            continue
        if not _takes_the_same(before, after, held):
            yield Obstacle("ask_changed", owner)
        if not _offers_enough(before, after, held):
            yield Obstacle("answer_gone", owner)
        if not _all_within(new, answer_readers(new, owner), answer_readers(old, owner)):
            yield Obstacle("seen_by_more", owner)
        longer = (after.keep_days or KEEP_DAYS) > (before.keep_days or KEEP_DAYS)
        if longer or (before.kept_from_answer and not after.kept_from_answer):
            yield Obstacle("kept_longer", owner)


def _takes_the_same(before: AskDef, after: AskDef, held: AskState) -> bool:
    """Whether what was promised with a question still holds: where it is asked, in which form, hidden until when."""
    same = isinstance(before.to, Room) == isinstance(after.to, Room) and before.naming == after.naming
    hidden = held.shown or before.hidden == after.hidden
    unsigned = not held.unsigned or before.unsigned == after.unsigned
    words = held.settled or not before.words or after.words
    return same and hidden and unsigned and words and (after.sensitive or not before.sensitive)


def _offers_enough(before: AskDef, after: AskDef, held: AskState) -> bool:
    """Whether every answer that was given, or may still be, is known."""
    given = {answer.choice for answer in held.answers.values()} - {None, NO}
    offered = set() if held.settled else {choice.id for choice in before.choices}
    return given | offered <= {choice.id for choice in after.choices}


def _in_details(old: Definition, new: Definition, snapshot: Snapshot, target: StateDef) -> Iterator[Obstacle]:
    later = _gathered_from(new, target)
    for name, detail in new.details.items():
        value = snapshot.details.get(name)
        if value is None:
            optional = detail.optional or detail.given or name == new.reach
            default = (detail.default_choice, detail.default_moment, detail.default_number) != (None,) * 3
            if not (optional or default or name in later):
                yield Obstacle("detail_missing", name)
            continue
        if not _holds(detail, value):
            yield Obstacle("detail_changed", name)
        before = old.details.get(name)
        if (
            isinstance(value, Words)
            and before is not None
            and (detail.keep_days or KEEP_DAYS) > (before.keep_days or KEEP_DAYS)
        ):
            yield Obstacle("kept_longer", name)


def _holds(detail: DetailDef, value: AnyValue) -> bool:
    if isinstance(value, Picked):
        return detail.kind in ("people", "choice", "workflow") and (
            not detail.choices or value.choice in {choice.id for choice in detail.choices}
        )
    return isinstance(value, KINDS[detail.kind]) or detail.optional


def _gathered_from(definition: Definition, start: StateDef) -> frozenset[str]:
    """The details that are asked for in a state or any that can follow it."""
    reached, waiting = {start.name}, [start]
    while waiting:
        for move in waiting.pop().moves:
            if move.to not in reached:
                reached.add(move.to)
                waiting.append(definition.states[move.to])
    return frozenset(name for state in reached for name in definition.states[state].gather)


def _in_sentences(old: Definition, new: Definition, snapshot: Snapshot) -> Iterator[Obstacle]:
    before = shown(old)
    for what, audience in shown(new).items():
        if what in new.details and what not in snapshot.details:
            continue  # nobody has said it yet; it will be asked for under the new version
        if _is_unasked(what, new, snapshot):
            continue
        if not _all_within(new, audience, before.get(what, frozenset())):
            yield Obstacle("shown_to_more", what) if what else Obstacle("listed", new.name)


def _is_unasked(what: str, new: Definition, snapshot: Snapshot) -> bool:
    """Whether a placeholder shows answers to an ask that has not been put yet, or who gave them."""
    asks = [
        name
        for name in new.asks
        if what.endswith(f" {name}") or f" {name}." in f" {what}" or f"ask={name!r}" in what
    ]
    return bool(asks) and all(name not in snapshot.asks for name in asks)


def _in_starts(old: Definition, new: Definition) -> Iterator[Obstacle]:
    def handed(definition: Definition) -> set[tuple[str, str]]:
        return {
            (start.workflow, what)
            for state in definition.states.values()
            for start in state.starts
            for what, _ in start.hands
        }

    for _, what in sorted(handed(new) - handed(old)):
        yield Obstacle("handed_over", what)


def _all_within(definition: Definition, audience: Audience, known: Audience) -> bool:
    return all(is_within(definition, reader, known) for reader in audience)
