"""One workflow starts another: what becomes of it, told from the outside."""

from __future__ import annotations

from engine.core.decide import decide
from engine.core.definition import (
    AskDef,
    AtMoment,
    Definition,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnAnswer,
    OnCommand,
    OnEnded,
    Part,
    PartDef,
    StartDef,
    Starter,
    StateDef,
    TellDef,
)
from engine.core.effect import Decision
from engine.core.event import Ended
from engine.core.instance import Snapshot
from engine.core.limits import USUAL
from engine.core.values import DAY_MS, Persons, Words
from engine.runtime.ports import Conflict
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.store.goods import let_end

A_WEEK = MomentExpr("entering", 7 * DAY_MS)


def definition(
    name: str, *states: StateDef, asks: tuple[AskDef, ...] = (), **details: DetailDef
) -> Definition:
    """Begins with its name; its starter is ``host``, and ``guests`` are whom it names."""
    over = (StateDef("over", final=True, outcome="over"), StateDef("alone", final=True, outcome="over"))
    return Definition(
        name=name,
        title=name,
        about="",
        digest=f"{name}-{hash(repr((states, details))):x}",  # what is worked out of a definition is held by it
        begins_with=name,
        parts=(PartDef("host", (Starter(),)), PartDef("guests", (NamedIn("guests"),))),
        details=details,
        asks={ask.name: ask for ask in asks},
        states={state.name: state for state in (*states, *over)},
        start=states[0].name,
        texts={"over": "Over.", "heard": "It has ended.", "q.say": "Well?"},
        gaps={},
    )


GUESTS, NOTE = DetailDef("guests", "people"), DetailDef("note", "words", keep_days=1)


def plan(start: StartDef, *, moves: tuple[MoveDef, ...] = ()) -> Definition:
    """A plan that starts something, and ends when that has ended."""
    return definition(
        "plan",
        StateDef(
            "open",
            starts=(start,),
            moves=(
                *moves,
                MoveDef(OnEnded(start.workflow, "not_started"), "alone"),
                MoveDef(OnEnded(start.workflow), "over", tells=(TellDef(Part("host"), "heard"),)),
                MoveDef(AtMoment(A_WEEK), "over"),
            ),
        ),
        guests=GUESTS,
        note=NOTE,
    )


def talk() -> Definition:
    """Its guests are asked in words what they think; any of them ends it."""
    ask = AskDef("q", Part("guests"), words=True, seen_by=("host",))
    return definition(
        "talk",
        StateDef(
            "open",
            asks=("q",),
            moves=(
                MoveDef(OnAnswer("q"), "over"),
                MoveDef(OnCommand("enough", ("host",)), "over"),
                MoveDef(AtMoment(A_WEEK), "over"),
            ),
        ),
        asks=(ask,),
        guests=GUESTS,
        topic=DetailDef("topic", "words", keep_days=30),
        when=DetailDef("when", "moment"),
    )


TALK = StartDef("talk", hands=(("guests", "guests"), ("note", "topic"), ("host", "when")))


def holding(house: SmallHouse, *definitions: Definition) -> None:
    house.shelf.definitions |= {each.digest: each for each in definitions}


async def by_name(house: SmallHouse, name: str) -> Snapshot:
    (found,) = [s for s in await house.snapshots() if s.definition.startswith(f"{name}-")]
    return found


async def test_the_other_begins_with_what_fits_and_the_first_hears_of_its_end(house: SmallHouse) -> None:
    holding(house, plan(TALK), talk())
    await house.say("ana", "plan @ben @chen what we cook")
    await house.settle()
    first, other = await by_name(house, "plan"), await by_name(house, "talk")
    assert first.children == {other.id: "talk"}
    assert (other.parent, other.depth) == (first.id, 1)
    assert set(other.details) == {"guests", "topic"}
    assert house.words("ben") == house.words("chen") == ["q.say"]
    await house.say("ben", "let us cook soup")
    await house.settle()
    assert await house.snapshots() == []
    assert house.words("ana")[-1] == "heard"
    ends = [line for line in await house.store.journal(f"i/{first.id}") if isinstance(line.event, Ended)]
    assert [(line.event, line.result) for line in ends] == [(Ended(other.id, "talk", "over"), "decided")]


async def test_its_people_get_references_of_their_own(house: SmallHouse) -> None:
    holding(house, plan(StartDef("talk", by="guests", hands=(("host", "guests"),))), talk())
    await house.say("ana", "plan @ben")
    await house.settle()
    other = await by_name(house, "talk")
    assert await house.store.people_of(other.id) == (house.id("ben"), house.id("ana"))
    assert other.details["guests"] == Persons(("p2",))
    assert house.words("ana") == ["begun", "q.say"]


async def test_words_handed_over_are_kept_by_the_end_date_of_each(house: SmallHouse) -> None:
    holding(house, plan(TALK, moves=(MoveDef(OnCommand("enough", ("host",)), "over"),)), talk())
    await house.say("ana", "plan @ben soup")
    first, other = await by_name(house, "plan"), await by_name(house, "talk")
    mine, theirs = first.details["note"], other.details["topic"]
    assert isinstance(mine, Words)
    assert isinstance(theirs, Words)
    assert mine != theirs
    await house.settle()
    await house.say("ben", "yes, soup")
    await let_end(house.store, house.now_ms + 2 * DAY_MS)
    assert await house.store.text(mine.text) is None
    assert await house.store.text(theirs.text) == "soup"
    await house.store.forget(house.id("ana"))
    assert await house.store.text(theirs.text) is None


async def test_one_that_is_not_in_service_counts_as_ended_without_having_begun(house: SmallHouse) -> None:
    holding(house, plan(StartDef("nowhere")))
    await house.say("ana", "plan @ben")
    assert await house.snapshots() == []
    (line,) = [
        line
        for line in [entry for lines in house.store._journal.values() for entry in lines.values()]
        if isinstance(line.event, Ended)
    ]
    assert line.event.state == "not_started"


async def test_nobody_to_begin_it_is_heard_the_same_way(house: SmallHouse) -> None:
    holding(house, plan(StartDef("talk", by="guests")), talk())
    await house.say("ana", "plan")
    assert await house.snapshots() == []


async def test_somebody_who_was_forgotten_begins_nothing(house: SmallHouse) -> None:
    start = StateDef("open", moves=(MoveDef(OnCommand("enough", ("host",)), "next"),))
    then = StateDef(
        "next", starts=(StartDef("talk", by="guests"),), moves=(MoveDef(OnEnded("talk"), "over"),)
    )
    holding(house, definition("plan", start, then, guests=GUESTS), talk())
    await house.say("ana", "plan @ben")
    await house.store.forget(house.id("ben"))
    await house.say("ana", "enough")
    assert await house.snapshots() == []
    assert await house.store.quarantined() == []


async def test_whoever_has_stopped_hears_nothing_of_what_is_begun_in_their_name(house: SmallHouse) -> None:
    asks_when = definition(
        "talk",
        StateDef("open", gather=("when",), moves=(MoveDef(AtMoment(A_WEEK), "over"),)),
        when=DetailDef("when", "moment"),
    )
    holding(house, plan(StartDef("talk", by="guests")), asks_when)
    await house.say("ben", "stop")
    await house.settle()
    before = house.words("ben")
    await house.say("ana", "plan @ben")
    await house.settle()
    assert (await by_name(house, "talk")).starter == "p1"
    assert house.words("ben") == before


async def test_the_same_event_twice_or_a_conflict_in_between_begins_it_once(house: SmallHouse) -> None:
    holding(house, plan(TALK), talk())
    arrival = house.spoken("ana", "plan @ben")
    house.faults.fail("commit", Conflict("somebody else"))
    for _ in range(2):
        await house.submit(arrival)
    assert len(await house.snapshots()) == 2
    await house.settle()
    assert house.words("ben") == ["q.say"]


async def test_a_finished_first_one_hears_nothing_any_more(house: SmallHouse) -> None:
    holding(house, plan(TALK, moves=(MoveDef(OnCommand("cancel", ("host",)), "over"),)), talk())
    await house.say("ana", "plan @ben")
    first = await by_name(house, "plan")
    await house.say("ana", "cancel")
    await house.settle()
    await house.say("ben", "let us talk")
    await house.settle()
    assert await house.snapshots() == []
    last = (await house.store.journal(f"i/{first.id}"))[-1]
    assert (type(last.event), last.result) == (Ended, "over")


async def test_two_that_start_each_other_come_to_rest(house: SmallHouse) -> None:
    waits = (MoveDef(AtMoment(A_WEEK), "over"),)
    ping = definition("ping", StateDef("open", starts=(StartDef("pong"),), moves=waits))
    pong = definition("pong", StateDef("open", starts=(StartDef("ping"),), moves=waits))
    holding(house, ping, pong)
    await house.say("ana", "ping")
    for _ in range(5):
        await house.settle()
    assert len(await house.snapshots()) == USUAL.started_in_a_row + 1
    assert await house.store.quarantined() == []


async def test_help_is_shown_with_those_who_may_be_told(house: SmallHouse) -> None:
    waits = (MoveDef(AtMoment(A_WEEK), "over"),)
    holding(
        house, definition("plan", StateDef("open", help_to=(Part("guests"),), moves=waits), guests=GUESTS)
    )
    house.village.helpers = (house.id("chen"),)
    await house.say("ana", "plan @ben")
    await house.settle()
    shown = house.find("ben", "person.answer").parcel
    assert [option.id for option in shown.message.options] == [
        f"contact:{house.id('chen')}",
        "outside",
        "nobody",
    ]
    assert (shown.urgency, house.words("chen"), house.words("ana")) == ("safety", [], ["begun"])


async def test_a_journal_of_it_decides_the_same_again(house: SmallHouse) -> None:
    holding(house, plan(TALK), talk())
    await house.say("ana", "plan @ben soup")
    await house.settle()
    for snapshot in await house.snapshots():
        again: Snapshot | None = None
        for line in await house.store.journal(f"i/{snapshot.id}"):
            decided = decide(house.shelf.definitions[snapshot.definition], again, line.event, line.facts)  # type: ignore[arg-type]
            assert isinstance(decided, Decision)
            again = decided.snapshot
        assert again == snapshot
