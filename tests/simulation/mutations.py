"""The engine broken on purpose, one place at a time, and the promise whose breaking the simulation must notice.

A simulation that passes is worth as much as what it would have found: `test_mutations.py` breaks each of these places
and sees to it that a few seeds are enough. ``python -m tests.simulation --without NAME`` does the same by hand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from engine.core import decide as core_decide
from engine.core import decide_answer, schedule, view
from engine.core.definition import NO
from engine.core.desk import Release
from engine.core.effect import Refusal, SetTimer, Tell
from engine.core.schedule import Go
from engine.core.values import HOUR_MS, Ms
from engine.runtime.batch.desks import Desks
from engine.runtime.batch.held import Held
from engine.runtime.batch.instances import Instances
from engine.runtime.batch.ledger import Ledger
from engine.runtime.bell import Bell
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.ports import BadData, Changes, Conflict, Unavailable
from engine.runtime.practices import Practices
from engine.testing import MemoryStore

Patch = pytest.MonkeyPatch


class Mutation(NamedTuple):
    """What is wrong then, how it is made so, and which promise is broken by it."""

    wrong: str
    make: Callable[[Patch], None]
    promise: str


def _gives_a_new_transaction_each_time(patch: Patch) -> None:
    whole, numbers = Outbox._send, count()

    async def send(self: Any, journey: Any) -> None:
        await whole(self, replace(journey, transaction=f"{journey.transaction}-{next(numbers)}"))

    patch.setattr(Outbox, "_send", send)


def _notes_it_as_sent_before_it_is(patch: Patch) -> None:
    whole = Outbox._send

    async def send(self: Any, journey: Any) -> None:
        await self._cellar.mark_sent(journey.parcel.row, "$soon", self._clock.now_ms())
        await whole(self, journey)

    patch.setattr(Outbox, "_send", send)


def _knows_no_night(patch: Patch) -> None:
    patch.setattr(schedule, "_by_day", lambda parcel, standing, now_ms: Go())


def _knows_no_budget(patch: Patch) -> None:
    patch.setattr(schedule, "budget_frees_at", lambda timely_sent_ms, now_ms: now_ms)


def _keeps_no_line_of_refusals(patch: Patch) -> None:
    whole = Ledger.journal

    def journal(self: Any, actor: str, event: Any, facts: Any, result: str) -> None:
        if actor.startswith("d/") or result == "decided":
            whole(self, actor, event, facts, result)

    patch.setattr(Ledger, "journal", journal)


def _sets_no_timers(patch: Patch) -> None:
    whole = Instances._effect

    async def effect(
        self: Any, instance: Any, definition: Any, cast: Any, circle: Any, made: Any, *more: Any
    ) -> None:
        if not isinstance(made, SetTimer):
            await whole(self, instance, definition, cast, circle, made, *more)

    patch.setattr(Instances, "_effect", effect)


def _tells_the_wrong_person(patch: Patch) -> None:
    whole = Instances._effect

    async def effect(
        self: Any, instance: Any, definition: Any, cast: Any, circle: Any, made: Any, *more: Any
    ) -> None:
        if isinstance(made, Tell) and cast.person(f"p{len(cast._people)}"):
            made = replace(made, who=f"p{len(cast._people)}")
        await whole(self, instance, definition, cast, circle, made, *more)

    patch.setattr(Instances, "_effect", effect)


def _keeps_the_cursor_first(patch: Patch) -> None:
    whole = StraightLine._decide_and_commit

    async def hasty(self: Any, arrivals: Any, kept: Any, broken: Any) -> Any:
        if kept:
            with contextlib.suppress(Unavailable, Conflict):
                await self._house.cellar.commit(Changes(kept=list(kept)))
        return await whole(self, arrivals, kept, broken)

    patch.setattr(StraightLine, "_decide_and_commit", hasty)


def _blames_the_event_for_an_outage(patch: Patch) -> None:
    from engine.runtime.batch import routing

    whole = routing.Batch.decide

    async def blaming(self: Any, arrivals: Any) -> None:
        try:
            await whole(self, arrivals)
        except Unavailable as error:
            raise BadData from error

    patch.setattr(routing.Batch, "decide", blaming)


def _commits_in_two_halves(patch: Patch) -> None:
    whole = MemoryStore.commit

    async def halves(self: Any, changes: Changes) -> None:
        later, changes.parcels = changes.parcels, []
        await whole(self, changes)
        changes.parcels = later
        if len(later) < 3:  # more than that do not find their way any more
            await whole(self, Changes(parcels=later))

    patch.setattr(MemoryStore, "commit", halves)


def _releases_nobody(patch: Patch) -> None:
    whole = Desks._effect

    async def effect(self: Any, person: Any, made: Any, *more: Any) -> None:
        if not isinstance(made, Release):
            await whole(self, person, made, *more)

    patch.setattr(Desks, "_effect", effect)


def _decides_again_what_comes_again(patch: Patch) -> None:
    whole = Held._take

    async def take(self: Any, want: Any, loaded: Any) -> None:
        await whole(self, want, replace(loaded, seen=frozenset()))

    unchecked = MemoryStore._check_conflicts

    def check(self: Any, changes: Changes) -> None:
        seen, changes.seen = changes.seen, {}
        try:
            unchecked(self, changes)
        finally:
            changes.seen = seen

    patch.setattr(Held, "_take", take)
    patch.setattr(MemoryStore, "_check_conflicts", check)


def _takes_nothing_back_of_the_forgotten(patch: Patch) -> None:
    patch.setattr(Ledger, "take_back", lambda self, placed: None)


def _speaks_in_one_room_for_all_circles(patch: Patch) -> None:
    first: list[Any] = []
    whole = Instances._post

    def post(self: Any, instance: Any, cast: Any, circle: Any, effect: Any) -> None:
        if not first or first[0] not in self._house.surroundings._world.circles:
            first[:] = self._house.surroundings._world.circles[:1]
        whole(self, instance, cast, first[0], effect)

    patch.setattr(Instances, "_post", post)


def _writes_down_other_facts(patch: Patch) -> None:
    whole = Ledger.journal

    def journal(self: Any, actor: str, event: Any, facts: Any, result: str) -> None:
        if actor.startswith("i/"):
            facts = replace(facts, now_ms=facts.now_ms + 1)
        whole(self, actor, event, facts, result)

    patch.setattr(Ledger, "journal", journal)


def _overhears_the_bell(patch: Patch) -> None:
    whole = MemoryStore.due_timers

    async def due_timers(self: Any, now_ms: Any, limit: int) -> Any:
        return [timer for timer in await whole(self, now_ms, limit) if not timer.name.startswith("remind")]

    patch.setattr(MemoryStore, "due_timers", due_timers)


def _rings_no_bell(patch: Patch) -> None:
    async def silent(self: Any) -> int:
        return len(await self._cellar.waiting_inbox(1)) and await whole(self)

    whole = Bell.ring_due
    patch.setattr(Bell, "ring_due", silent)
    patch.setattr(Bell, "_next_look_ms", _in_an_hour)


async def _in_an_hour(bell: Any) -> Ms:
    later: Ms = bell._clock.now_ms() + HOUR_MS
    return later


def _lets_moments_pass(patch: Patch) -> None:
    patch.setattr(core_decide, "_come_due", lambda definition, snapshot, event, facts: Refusal("not_now"))


def _forgets_what_was_agreed(patch: Patch) -> None:
    patch.setattr(Practices, "take_in", lambda self, adoptions: None)


def _counts_a_no_as_something(patch: Patch) -> None:
    patch.setattr(view, "travels", lambda answer: answer is not None)


def _tells_of_every_no(patch: Patch) -> None:
    def new_no(turn: Any, ask: Any, who: Any) -> bool:
        state = turn.ask_state(ask.name)
        return state is not None and who in state.answers and state.answers[who].choice == NO

    patch.setattr(decide_answer, "_is_new_no", new_no)


MUTATIONS: dict[str, Mutation] = {
    "one transaction id": Mutation(
        "a message that is sent again travels under another transaction id",
        _gives_a_new_transaction_each_time,
        "no_message_stands_twice",
    ),
    "noted when sent": Mutation(
        "a message is noted as sent before it is",
        _notes_it_as_sent_before_it_is,
        "what_is_noted_as_sent_is_in_its_room",
    ),
    "quiet hours": Mutation(
        "people are written to at night", _knows_no_night, "nobody_is_written_to_in_their_quiet_hours"
    ),
    "budget": Mutation(
        "people are asked for their attention without end", _knows_no_budget, "nobody_is_above_their_budget"
    ),
    "refusals are journalled": Mutation(
        "an answer that was refused leaves no trace",
        _keeps_no_line_of_refusals,
        "every_answer_is_counted_once_or_refused",
    ),
    "timers": Mutation(
        "what an instance waits for is not put into the table",
        _sets_no_timers,
        "the_table_of_timers_follows_the_snapshot",
    ),
    "audience": Mutation(
        "what is for one person is told to another",
        _tells_the_wrong_person,
        "nobody_reads_words_that_are_not_for_them",
    ),
    "cursor": Mutation(
        "the cursor is kept before what came with it is decided",
        _keeps_the_cursor_first,
        "every_event_was_taken_in",
    ),
    "outage": Mutation(
        "while the store cannot be reached, events are set aside",
        _blames_the_event_for_an_outage,
        "every_event_was_taken_in",
    ),
    "one commit": Mutation(
        "what is decided is written, and what is to be said is not",
        _commits_in_two_halves,
        "what_a_desk_has_put_lies_in_the_outbox",
    ),
    "release": Mutation(
        "what waited for somebody goes on waiting when they come",
        _releases_nobody,
        "everything_that_was_due_has_left",
    ),
    "seen": Mutation(
        "what is delivered twice is decided twice",
        _decides_again_what_comes_again,
        "every_answer_is_counted_once_or_refused",
    ),
    "forgetting": Mutation(
        "messages stay with whoever asked to be forgotten",
        _takes_nothing_back_of_the_forgotten,
        "nothing_is_left_with_whoever_was_forgotten",
    ),
    "circles": Mutation(
        "what belongs to one circle is said in the room of another",
        _speaks_in_one_room_for_all_circles,
        "no_circle_sees_anything_of_another",
    ),
    "facts": Mutation(
        "what was decided by is written down otherwise", _writes_down_other_facts, "replay_equals_snapshot"
    ),
    "reminders": Mutation(
        "a reminder is always due and never rings: it is looked for without end",
        _overhears_the_bell,
        "time_goes_on",
    ),
    "bell": Mutation("no timer ever rings", _rings_no_bell, "no_moment_has_passed_unnoticed"),
    "moments": Mutation(
        "moments come, and nothing follows", _lets_moments_pass, "nothing_that_runs_is_left_stranded"
    ),
    "agreements": Mutation(
        "what a circle has agreed on is not known before the next start",
        _forgets_what_was_agreed,
        "what_circles_agreed_on_is_known",
    ),
    "a no is told": Mutation(
        "whoever asked hears of a no", _tells_of_every_no, "a_no_and_a_silence_look_alike"
    ),
    "a no is counted": Mutation(
        "a no is counted where a silence is not", _counts_a_no_as_something, "a_no_and_a_silence_look_alike"
    ),
}


@contextlib.contextmanager
def mutated(name: str | None) -> Iterator[None]:
    """With this place of the engine broken; None: with nothing broken."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            MUTATIONS[name].make(patch)
        yield
