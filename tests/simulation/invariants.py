"""What always holds, whatever people do and whatever goes wrong: each promise is one function, its docstring says it.

A witness looks after every commit and every message, and once more when the world has healed and come to rest.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from msgspec.structs import replace

from engine.core.decide import decide
from engine.core.decide_desk import decide_desk
from engine.core.definition import Definition, Who
from engine.core.desk import Desk, DeskEvent, DeskFacts, Pass, Reworded, TakenBack
from engine.core.desk_usual import rhythm_of
from engine.core.effect import Decision, Refusal
from engine.core.event import Answered, Commanded, Event, Facts, Left, Started, TookBack
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.schedule import TIMELY_A_DAY, TIMELY_A_WEEK, Go, end_of_quiet, schedule
from engine.core.values import (
    DAY_MS,
    MINUTE_MS,
    SECOND_MS,
    WEEK_MS,
    InstanceId,
    Ms,
    PersonId,
    Persons,
    RowId,
    Words,
)
from engine.runtime.carrying import takes_back
from engine.runtime.ports import Changes, Echo, Line, Unavailable
from tests.privacy.audiences import EVERYBODY, Audiences
from tests.privacy.crowd import Written, playbill
from tests.simulation.homeserver import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.world import World

MARK = re.compile(r"mark\d+x\d+")
SEEN_FOR_MS = 29 * DAY_MS
FORGOTTEN = ":forgotten:"
"""In the row of the last line to somebody who is being forgotten."""


class _Asked(NamedTuple):
    """As much of a prompt as says who may read what answers it."""

    instance: InstanceId
    ask: str


class _Cast(NamedTuple):
    persons: dict[str, PersonId]


class _Stage:
    """The play as `Audiences` looks at one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.store = world.store
        self.catalogue = playbill
        self.changed: list[Snapshot] | None = None
        """While it looks: only these have changed."""

    @property
    def stage(self) -> _Stage:
        return self

    @property
    def cast(self) -> _Cast:
        return _Cast(self._world.store._person_ids)

    def snapshots(self) -> Sequence[Snapshot]:
        return self._world.store.begun() if self.changed is None else self.changed


class _QuickAudiences(Audiences):
    """The same, for files that do not change: to whom a sentence is said is worked out once."""

    _known: ClassVar[dict[tuple[str, str], tuple[Who, ...]]] = {}

    def _said_to(self, definition: Definition, key: str) -> Iterator[Who]:
        known = self._known.get((definition.digest, key))
        if known is None:
            known = self._known[definition.digest, key] = tuple(super()._said_to(definition, key))
        return iter(known)


def _at_once(coroutine: Any) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


class Witness:
    """Sees everything, and remembers what a promise is held against."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.broken: list[str] = []
        self.snapshots: dict[InstanceId, Snapshot] = {}
        """As the journal alone gives them."""
        self.desks: dict[PersonId, Desk] = {}
        self.lines: Counter[str] = Counter()
        self.passed: Counter[tuple[str, ...]] = Counter()
        """What desks have passed on to instances,"""
        self.heard: Counter[tuple[str, ...]] = Counter()
        """and what instances say they have heard."""
        self.unexplained: list[str] = []
        self.decided: Counter[str] = Counter()
        """How often each message, tap or vote was decided at a desk."""
        self.forgotten: list[tuple[str, Ms]] = []
        """Who was erased, and when."""
        self.asked_for: dict[str, set[tuple[InstanceId, str]]] = defaultdict(set)
        """Mark → the questions that it answers; the empty ask: it was said when something began."""
        self.desk_changed_ms: dict[PersonId, Ms] = {}
        self.timely: dict[str, list[Ms]] = defaultdict(list)
        """Room → when messages came there that count against the budget, by the bot's own clock."""
        self.named: dict[InstanceId, set[str | None]] = defaultdict(set)
        """Instance → whom somebody named in it."""
        self._stage = _Stage(world)
        self.audiences = _QuickAudiences(cast("Any", self._stage))

    # ── looking ──────────────────────────────────────────────────────────────

    def after_commit(self, changes: Changes) -> None:
        """Take note of what was committed, then hold it against what always holds."""
        for line in changes.journal:
            self._replay(line)
        for person in changes.desks:
            self.desk_changed_ms[person] = self.world.true_ms()
        self._stage.changed = [snapshot for snapshot, _ in changes.snapshots.values()]
        _at_once(self.audiences.look())
        self._stage.changed = None
        for promise in AFTER_COMMIT:
            self._hold(promise, promise(self, changes))

    def after_seal(self, parcel: Parcel) -> None:
        """Something is about to leave."""
        for promise in BEFORE_SENDING:
            self._hold(promise, promise(self, parcel))

    def after_put(self, standing: Standing) -> None:
        """Something stands in a room."""
        if _is_budgeted(standing.parcel):
            self.timely[standing.room].append(self.world.house_ms())
        for promise in AFTER_PUT:
            self._hold(promise, promise(self, standing))

    def at_rest(self) -> None:
        """The world has healed, and everything had time to come to its end."""
        for promise in AT_REST:
            self._hold(promise, promise(self))

    def forget(self, person: PersonId, name: str) -> None:
        """Somebody was erased, and with them their journal."""
        self.forgotten.append((name, self.world.true_ms()))
        self.desks.pop(person, None)
        self.lines.pop(f"d/{person}", None)

    def fell_over(self, error: BaseException | None) -> None:
        """The process ended by itself: right where the store could not be used, and a defect everywhere else."""
        if error is None or not _is_outage(error):
            self.broken.append(f"the process fell over {error!r}")

    def _hold(self, promise: Callable[..., Iterator[str]], findings: Iterator[str]) -> None:
        self.broken += [f"{promise.__name__}: {finding}" for finding in findings]

    # ── replaying ────────────────────────────────────────────────────────────

    def _replay(self, line: Line) -> None:
        self.lines[line.actor] += 1
        if line.n != self.lines[line.actor]:
            self.broken.append(
                f"the journal of {line.actor} has line {line.n} as its {self.lines[line.actor]}."
            )
        kind, _, key = line.actor.partition("/")
        if kind == "d":
            self._replay_desk(PersonId(key), line)
        else:
            self._replay_instance(InstanceId(key), line)

    def _replay_desk(self, person: PersonId, line: Line) -> None:
        desk = self.desks.get(person) or Desk(person)
        event, facts = cast("DeskEvent", line.event), cast("DeskFacts", line.facts)
        decision = decide_desk(desk, event, facts)
        self.desks[person] = decision.desk
        caused = event.edit if isinstance(event, Reworded) else getattr(event, "event_id", "")
        if caused and not isinstance(event, TakenBack):
            self.decided[caused] += 1
        for effect in decision.effects:
            if isinstance(effect, Pass) and not isinstance(effect.event, Left):
                self.passed[effect.instance, *_told(effect.event, person)] += 1

    def _replay_instance(self, instance: InstanceId, line: Line) -> None:
        event, facts = cast("Event", line.event), cast("Facts", line.facts)
        stored = self.world.store._snapshots.get(instance)
        if stored is None:
            self.unexplained.append(f"{line.actor} has a journal and no snapshot")
            return
        definition = playbill.held(stored.definition)
        assert definition is not None
        before = self.snapshots.get(instance)
        result = decide(definition, before, event, facts)
        said = result.reason if isinstance(result, Refusal) else "decided"
        if said != line.result:
            self.broken.append(f"{line.actor} line {line.n} says {line.result}, replayed {said}")
        if isinstance(result, Decision):
            self.snapshots[instance] = result.snapshot
            self._note_late(instance, before, event, facts)
        if isinstance(event, Answered | TookBack | Commanded):
            people = _at_once(self.world.store.people_of(instance))
            self.heard[instance, *_told(event, people[int(event.by[1:]) - 1])] += 1
        if isinstance(event, Answered) and event.text is not None:
            self._note_words(event.text, instance, event.ask)
        if isinstance(event, Started | Answered):
            values = event.details.values() if isinstance(event, Started) else (event.value,)
            for value in values:
                if isinstance(value, Words):
                    self._note_words(value.text, instance, "")
                if isinstance(value, Persons):
                    people = _at_once(self.world.store.people_of(instance))
                    self.named[instance] |= {
                        self.world.name_of(people[int(ref[1:]) - 1]) for ref in value.who
                    }

    def _note_late(self, instance: InstanceId, before: Snapshot | None, event: Event, facts: Facts) -> None:
        ask = before.asks.get(event.ask) if before is not None and isinstance(event, Answered) else None
        if ask is not None and facts.occurred_ms >= max(ask.closes_ms, ask.changeable_ms):
            self.broken.append(f"i/{instance}: an answer to {ask} counted, given at {facts.occurred_ms}")

    def _note_words(self, text: str, instance: InstanceId, ask: str) -> None:
        kept = self.world.store._texts.get(text)  # type: ignore[call-overload]
        for mark in MARK.findall(kept.body) if kept is not None else ():
            self.asked_for[mark].add((instance, ask))

    def may_read(self, mark: str) -> set[str]:
        """Who may read somebody's words, as the workflow files say."""
        writer = self.world.people.marks[mark]
        allowed = {writer}
        for instance, ask in self.asked_for[mark]:
            if ask:
                prompt = _Asked(instance, ask)
                allowed |= self.audiences.may_read(Written(mark, writer, cast("Any", prompt)))
            else:
                allowed |= self.audiences.may_read_beginning(Written(mark, writer, None))
        return allowed


def _told(event: Answered | TookBack | Commanded, person: PersonId) -> tuple[str, ...]:
    """What a person tells an instance, the same on both sides of the door between them."""
    match event:
        case Commanded():
            return "commanded", person, event.word
        case TookBack():
            return "took back", person, event.ask, str(event.round)
        case Answered():
            return "answered", person, event.ask, str(event.round), str(event.choice), str(event.text)


def row_to_come(desk: Desk, row: RowId) -> bool:
    """Whether a question waits behind its knock, or stands in the circle's room."""
    return any(p.row == row and (p.knock is not None or p.shared) for p in desk.prompts)


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_outage(each) for each in error.exceptions)
    return isinstance(error, Unavailable)


def _is_budgeted(parcel: Parcel) -> bool:
    return parcel.urgency == "timely" and not parcel.belongs_below and not takes_back(parcel)


# ── after every commit ───────────────────────────────────────────────────────


def replay_equals_snapshot(witness: Witness, changes: Changes) -> Iterator[str]:
    """What the journal gives, replayed from its first line, is what is stored: instances and desks."""
    store = witness.world.store
    for instance in changes.snapshots:
        if witness.snapshots.get(instance) != store._snapshots[instance]:
            yield f"i/{instance} is stored as {store._snapshots[instance]}, replayed {witness.snapshots.get(instance)}"
    for person in changes.desks:
        if witness.desks.get(person) != store._desks[person]:
            yield f"d/{person} is stored as {store._desks[person]}, replayed {witness.desks.get(person)}"


def the_table_of_timers_follows_the_snapshot(witness: Witness, changes: Changes) -> Iterator[str]:
    """Every moment that an instance waits for, and that has not come, stands in the table too, as it stands there."""
    store, now_ms = witness.world.store, witness.world.house_ms()
    for instance, (snapshot, _) in changes.snapshots.items():
        for name, timer in snapshot.timers.items():
            row = store._timers.get((f"i/{instance}", name))
            if timer.due_ms > now_ms and (
                row is None or (row.due_ms, row.entry) != (timer.due_ms, timer.entry)
            ):
                yield f"i/{instance} waits for {name} at {timer.due_ms}, the table has {row}"
        for actor, name in store._timers:
            if actor == f"i/{instance}" and name not in snapshot.timers:
                yield f"i/{instance} does not wait for {name}, and the table has it"


def every_open_instance_has_a_way_forward(witness: Witness, changes: Changes) -> Iterator[str]:
    """What runs waits for a moment, an answer, a word of somebody's or the end of another: it is never stranded."""
    for snapshot, _ in changes.snapshots.values():
        yield from _stranded(witness, snapshot)


def nothing_that_runs_is_left_stranded(witness: Witness) -> Iterator[str]:
    """Once everything has come to its end, too, whatever still runs has a way forward."""
    for snapshot in witness.world.store.begun():
        yield from _stranded(witness, snapshot)


def _stranded(witness: Witness, snapshot: Snapshot) -> Iterator[str]:
    if snapshot.finished_ms is not None:
        return
    definition = playbill.held(snapshot.definition)
    assert definition is not None
    if snapshot.state not in definition.states or definition.states[snapshot.state].final:
        yield f"i/{snapshot.id} of {definition.name} runs in {snapshot.state}"
        return
    waits = any(actor == f"i/{snapshot.id}" for actor, _ in witness.world.store._timers)
    words = any(words for who, words in snapshot.powers.items() if who not in snapshot.gone)
    answers = any(ask.open and set(ask.asked) - set(snapshot.gone) for ask in snapshot.asks.values())
    if not (waits or words or answers or definition.states[snapshot.state].gather or snapshot.children):
        yield f"i/{snapshot.id} of {definition.name} is stranded in {snapshot.state}"


def what_a_desk_has_put_lies_in_the_outbox(witness: Witness, changes: Changes) -> Iterator[str]:
    """A question that a desk remembers has been laid in the outbox, in the same commit."""
    outbox = witness.world.store._outbox
    for person, (desk, _) in changes.desks.items():
        for row in desk.prompt_rows():
            if row not in outbox and not row_to_come(desk, row):
                yield f"{row} lies on the desk of {witness.world.name_of(person)} and not in the outbox"


# ── before something leaves ──────────────────────────────────────────────────


def nobody_is_written_to_in_their_quiet_hours(witness: Witness, parcel: Parcel) -> Iterator[str]:
    """What nobody waits for leaves neither in quiet hours nor in a pause, nor to who asked not to be written to."""
    makes_a_sound = not (parcel.belongs_below or parcel.urgency in ("reply", "safety", "post"))
    if not isinstance(parcel.to, Direct) or takes_back(parcel) or not makes_a_sound:
        return
    world, person = witness.world, parcel.to.person
    desk = world.store._desks.get(person)
    slack_ms = 60 * SECOND_MS * world.script.pace
    changed_ms = max(
        witness.desk_changed_ms.get(person, 0), world.people.moved_ms.get(world.name_of(person), 0)
    )
    if desk is None or world.true_ms() - changed_ms < slack_ms:
        return  # it was judged by the desk as it was
    now_ms = world.house_ms()
    rhythm = rhythm_of(desk, world.usual(person))
    if parcel.urgency != "hello" and desk.consent == "stopped":
        yield f"{world.name_of(person)} asked not to be written to, and {parcel.row} is"
    if parcel.urgency != "hello" and now_ms < rhythm.paused_until_ms:
        yield f"{world.name_of(person)} pauses, and {parcel.row} leaves"
    for_long = end_of_quiet(rhythm, now_ms) is not None and end_of_quiet(rhythm, now_ms - slack_ms)
    if parcel.urgency != "quiet" and for_long and not world.clock_was_set_within(slack_ms):
        yield f"it is night for {world.name_of(person)}, and {parcel.row} ({parcel.urgency}) leaves"


# ── after every message ──────────────────────────────────────────────────────


def no_message_stands_twice(witness: Witness, standing: Standing) -> Iterator[str]:
    """Each row of the outbox becomes one event in its room, never two."""
    again = [
        s.event for s in witness.world.homeserver.rooms[standing.room] if s.parcel.row == standing.parcel.row
    ]
    if len(again) > 1:
        yield f"{standing.parcel.row} stands in {standing.room} as {again}"
    first = witness.world.homeserver.by_row[standing.parcel.row]
    if first.room != standing.room:
        yield f"{standing.parcel.row} stands in {first.room} and in {standing.room}"


def nothing_stands_that_was_never_laid_in_the_outbox(witness: Witness, standing: Standing) -> Iterator[str]:
    """Whatever is read was committed first."""
    store = witness.world.store
    gone = isinstance(standing.parcel.to, Direct) and standing.parcel.to.person not in store._people
    if standing.parcel.row not in store._outbox and not gone:
        yield f"{standing.parcel.row} is in {standing.room} and not in the outbox"


def nothing_stands_that_had_been_withdrawn(witness: Witness, standing: Standing) -> Iterator[str]:
    """What was withdrawn before it had been sealed is never read."""
    row = witness.world.store._outbox.get(standing.parcel.row)
    if row is not None and row.status == "dropped":
        yield f"{standing.parcel.row} is in {standing.room}, though it had been let go of: {row.why}"


def nobody_is_above_their_budget(witness: Witness, standing: Standing) -> Iterator[str]:
    """At most one message a day, and two a week, ask for somebody's attention without their having asked for it."""
    if not _is_budgeted(standing.parcel):
        return
    now_ms = witness.world.house_ms()
    for most, span_ms in ((TIMELY_A_DAY, DAY_MS), (TIMELY_A_WEEK, WEEK_MS)):
        recent = [at for at in witness.timely[standing.room] if now_ms - span_ms < at <= now_ms]
        if len(recent) > most:
            yield f"{standing.room} had {len(recent)} within {span_ms // DAY_MS} days: {standing.parcel.row}"


def nobody_reads_words_that_are_not_for_them(witness: Witness, standing: Standing) -> Iterator[str]:
    """Somebody's words stand only where whoever wrote them was told that they would."""
    kind, _, reader = standing.room.partition("/")
    for mark in {mark for words in standing.words for mark in MARK.findall(words)}:
        allowed = witness.may_read(mark)
        if EVERYBODY not in allowed and (kind == "s" or reader not in allowed):
            yield f"{mark} of {witness.world.people.marks[mark]} for {sorted(allowed)} stands in {standing.room}"


def no_circle_sees_anything_of_another(witness: Witness, standing: Standing) -> Iterator[str]:
    """What belongs to one circle is read in its room, by its people and by whom one of them named, and nowhere else."""
    world, parcel = witness.world, standing.parcel
    snapshot = world.store._snapshots.get(parcel.about) if parcel.about is not None else None
    if snapshot is None:
        return
    if isinstance(parcel.to, Shared) and parcel.to.circle != snapshot.circle:
        yield f"{standing.room} reads of an instance of another circle: {parcel.row}"
    number = world.circles.index(snapshot.circle)
    reader = standing.room.partition("/")[2]
    belongs = reader in world.script.circles[number] or reader in witness.named[snapshot.id]
    if isinstance(parcel.to, Direct) and not belongs:
        yield f"{standing.room} was never in circle {number}, and reads of it: {parcel.row}"


# ── when the world has healed ────────────────────────────────────────────────


def everything_that_was_due_has_left(witness: Witness) -> Iterator[str]:
    """Nothing waits that could leave; nothing is on its way for ever; nothing was given up."""
    world = witness.world
    store, now_ms = world.store, world.house_ms()
    calm_ms = 2 * MINUTE_MS * world.script.pace
    for row in store._waiting.values():
        key = row.parcel.row
        if row.lease_until_ms is not None and row.lease_until_ms < now_ms - calm_ms:
            yield f"{key} is still on its way"
        elif row.due_ms is not None and row.due_ms < now_ms - calm_ms and not row.awaits:
            yield f"{key} waits since {(now_ms - row.due_ms) / MINUTE_MS:g} min: {row.why}"
        if row.awaits - store._waiting.keys():
            yield f"{key} waits for what will never be sent"
        if (
            row.due_ms is None
            and row.lease_until_ms is None
            and not row.awaits
            and isinstance(row.parcel.to, Direct)
        ):
            name, person = world.name_of(row.parcel.to.person), row.parcel.to.person
            standing = _at_once(store.standing(person, now_ms, world.usual(person)))
            present = name in world.homeserver.members[f"d/{name}"]
            if isinstance(schedule(row.parcel, replace(standing, present=present), now_ms), Go):
                yield f"{key} could leave and waits for nothing that will come: {row.why}"
    for row in store._outbox.values():
        if row.status == "dead":
            yield f"{row.parcel.row} was given up: {row.why}"


def what_is_noted_as_sent_is_in_its_room(witness: Witness) -> Iterator[str]:
    """Once the world has healed, each row that was to be sent is in its room, under the event that was noted."""
    homeserver = witness.world.homeserver
    for row in witness.world.store._outbox.values():
        standing = homeserver.standing(row.parcel.row)
        if row.status == "sent" and (standing is None or standing.event != row.event):
            yield f"{row.parcel.row} is noted as {row.event}, and stands as {standing.event if standing else None}"
        if row.status != "sent" and standing is not None:
            yield f"{row.parcel.row} stands in {standing.room} and is noted as {row.status}"


def every_event_was_taken_in(witness: Witness) -> Iterator[str]:
    """Whatever people did was decided; what could not be is set aside, and nothing else is."""
    world = witness.world
    store = world.store
    for arrival in world.homeserver.timeline:
        old = arrival.occurred_ms < world.true_ms() - SEEN_FOR_MS + abs(world.most_skewed_ms)
        if not isinstance(arrival, Echo) and arrival.id not in store._seen and not old:
            yield f"{arrival!r} was never decided"
    for key, aside in store._set_aside.items():
        if key not in world.people.booms:
            yield f"{aside.arrival!r} was set aside: {aside.error}"
    if store._inbox:
        yield f"{list(store._inbox)} wait in the inbox"


def every_answer_is_counted_once_or_refused(witness: Witness) -> Iterator[str]:
    """What a desk passed on was heard by its instance exactly as often, and stands in its journal with a result."""
    begun = witness.world.store._snapshots
    for key in witness.passed.keys() | witness.heard.keys():
        told, heard = witness.passed[key], witness.heard[key]
        if told != heard and key[0] in begun:
            yield f"{key} was passed on {told} times and heard {heard} times"
    for event, times in witness.decided.items():
        if times > 1:
            yield f"{event} was decided {times} times"
    yield from witness.unexplained


def no_moment_has_passed_unnoticed(witness: Witness) -> Iterator[str]:
    """Every timer that came due has rung."""
    world = witness.world
    late_ms = 3 * MINUTE_MS * world.script.pace
    for timer in world.store._timers.values():
        if timer.due_ms < world.house_ms() - late_ms:
            yield f"{timer} has not rung for {(world.house_ms() - timer.due_ms) / MINUTE_MS:g} min"


def nothing_is_left_with_whoever_was_forgotten(witness: Witness) -> Iterator[str]:
    """Whoever asked to be forgotten keeps nothing of ours in their room but the line that says that it is done."""
    rooms = witness.world.homeserver.rooms
    for name, at_ms in witness.forgotten:
        room = rooms[f"d/{name}"]
        taken_back = {standing.parcel.redacts for standing in room}
        for standing in room:
            parcel = standing.parcel
            is_message = not takes_back(parcel) and parcel.reacts is None and FORGOTTEN not in parcel.row
            if standing.at_ms < at_ms and is_message and parcel.row not in taken_back:
                yield f"{parcel.row} still stands in {standing.room}"


def what_circles_agreed_on_is_known(witness: Witness) -> Iterator[str]:
    """The process in memory and the store agree on what each circle has in use."""
    process = witness.world.process
    known = {} if process is None else process.practices._agreed
    stored = _at_once(witness.world.store.adopted())
    if {circle: dict(agreed) for circle, agreed in stored.items()} != known:
        yield f"the store has {stored}, the process {known}"


AFTER_COMMIT = (
    replay_equals_snapshot,
    the_table_of_timers_follows_the_snapshot,
    every_open_instance_has_a_way_forward,
    what_a_desk_has_put_lies_in_the_outbox,
)
BEFORE_SENDING = (nobody_is_written_to_in_their_quiet_hours,)
AFTER_PUT = (
    no_message_stands_twice,
    nothing_stands_that_was_never_laid_in_the_outbox,
    nothing_stands_that_had_been_withdrawn,
    nobody_is_above_their_budget,
    nobody_reads_words_that_are_not_for_them,
    no_circle_sees_anything_of_another,
)
AT_REST = (
    everything_that_was_due_has_left,
    what_is_noted_as_sent_is_in_its_room,
    every_event_was_taken_in,
    every_answer_is_counted_once_or_refused,
    no_moment_has_passed_unnoticed,
    nothing_that_runs_is_left_stranded,
    nothing_is_left_with_whoever_was_forgotten,
    what_circles_agreed_on_is_known,
)
PROMISES = (*AFTER_COMMIT, *BEFORE_SENDING, *AFTER_PUT, *AT_REST)
