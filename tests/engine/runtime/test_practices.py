"""What a circle has in use, what it agrees to take up and to leave off, and what begins by itself with that."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.definition import (
    AskDef,
    Choice,
    Definition,
    DetailDef,
    InUse,
    MoveDef,
    OnCommand,
    OnEnded,
    OnHolds,
    Part,
    PartDef,
    StartDef,
    Starter,
    StateDef,
)
from engine.core.desk import Asked, DeskFacts, Empowered, Heard
from engine.core.event import Ended
from engine.core.values import CircleId, Picked
from engine.runtime.beginnings import comes_round, instance_for
from engine.runtime.ports import Adoption, Changes, Housed, Line, Outcome
from engine.runtime.practices import Practices
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import Shelf, SmallHouse, Village, supper

ASK = AskDef("q", Part("host"), choices=(Choice("well", "🙂"),), seen_by=("host",), sensitive=True)


def small(name: str, *states: StateDef, **more: Any) -> Definition:
    """Its starter, ``host``, is asked how they are; ``on`` ends it."""
    states = states or (StateDef("open", asks=("q",), moves=(MoveDef(OnCommand("on", ("host",)), "over"),)),)
    fields: dict[str, Any] = {"asks": {"q": ASK}, "details": {}, "begins_with": f"{name}"} | more
    return Definition(
        name=name,
        title=name.title(),
        about="",
        digest=f"{name}-{hash(repr((states, fields))):x}",
        parts=(PartDef("host", (Starter(),)),),
        states={s.name: s for s in (*states, StateDef("over", final=True, outcome="over"))},
        start=states[0].name,
        texts={"over": "Over.", "q.say": "Well?", "q.well": "Well", "called": name},
        gaps={},
        **fields,
    )


def practice() -> Definition:
    """Whoever begins it says by one word what the whole circle has agreed on."""
    ways = {"agree": "taken", "part": "left"}
    moves = tuple(MoveDef(OnCommand(word, ("host",)), state) for word, state in ways.items())
    return small(
        "practice",
        StateDef("open", moves=moves),
        StateDef("taken", final=True, outcome="over", brings_in="which"),
        StateDef("left", final=True, outcome="over", takes_out="which"),
        asks={},
        details={name: DetailDef(name, "workflow") for name in ("which", "leaving")},
    )


PULSE = small("pulse", begins_for="present")
WELCOME = small("welcome", begins_for="arriving")
REPAIR = small("repair", needs_contacts=True)
START = frozenset({"supper", "welcome"})


async def opened(
    open_house: OpenHouse, *more: Definition, at_start: frozenset[str] | None = START
) -> SmallHouse:
    house = await open_house("ana", "ben", "chen", at_start=at_start)
    for definition in (practice(), PULSE, WELCOME, *more):
        house.shelf.definitions[definition.digest] = definition
    return house


async def agreed(house: SmallHouse, words: str = "try pulse", by: str = "agree") -> None:
    await house.say("ana", words)
    await house.say("ana", by)
    await house.settle()


def pulses(house: SmallHouse) -> list[str]:
    """For whom a pulse has begun, whatever became of it."""
    names = {
        instance_for(house.village.circle, "pulse", person): name
        for name, person in house.village.persons.items()
    }
    return sorted(names[s.id] for s in house.store.begun() if s.definition == PULSE.digest)


# ── what is in use ───────────────────────────────────────────────────────────


def practices_of(at_start: frozenset[str] | None, village: Village, **more: Any) -> Practices:
    return Practices(Shelf(supper(), practice(), PULSE, REPAIR), village, at_start, **more)


def test_a_new_circle_uses_what_it_starts_with_and_the_way_to_agree_on_more() -> None:
    practices = practices_of(frozenset({"supper", "not in the folder"}), Village())
    assert practices.in_use(CircleId("c")) == ("supper", "practice")
    assert not practices.uses(CircleId("c"), "not in the folder")
    assert practices.offered(CircleId("c")) == ("pulse",)


def test_what_a_circle_agreed_on_counts_in_that_circle_only() -> None:
    practices, here, there = practices_of(frozenset({"supper"}), Village()), CircleId("c"), CircleId("d")
    practices.take_in([Adoption(here, "pulse", True), Adoption(here, "supper", False)])
    assert practices.in_use(here) == ("practice", "pulse")
    assert practices.offered(here) == ("supper",)
    assert practices.in_use(there) == ("supper", "practice")


@pytest.mark.parametrize("at_start", [None, frozenset({"*"}), frozenset({"repair"})])
@pytest.mark.parametrize(
    ("contacts", "outside", "there"), [(2, True, True), (1, True, False), (2, False, False)]
)
def test_what_needs_safety_contacts_stays_off_without_two_of_them_and_help_from_outside(
    at_start: frozenset[str] | None, contacts: int, outside: bool, there: bool
) -> None:
    village, here = Village(), CircleId("c")
    village.helpers = ("dora", "eli")[:contacts]  # type: ignore[assignment]
    village.outside_help = outside
    practices = practices_of(at_start, village)
    assert practices.uses(here, "repair") is there
    assert "repair" not in practices.offered(here)
    practices.take_in([Adoption(here, "repair", False)])
    assert ("repair" in practices.offered(here)) is there
    practices.take_in([Adoption(here, "repair", True)])
    assert practices.uses(here, "repair") is there


def test_nobody_can_leave_off_the_agreeing_itself() -> None:
    practices = practices_of(frozenset(), Village())
    practices.take_in([Adoption(CircleId("c"), "practice", False)])
    assert practices.in_use(CircleId("c")) == ("practice",)


def test_where_nobody_is_real_everything_is_in_use() -> None:
    practices = practices_of(None, Village(), rehearsed=True)
    assert practices.in_use(CircleId("c")) == ("supper", "practice", "pulse", "repair")


# ── agreeing ─────────────────────────────────────────────────────────────────


async def test_what_a_circle_takes_up_is_in_use_from_then_on_and_after_a_restart(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await house.say("ana", "pulse")
    assert await house.snapshots() == []
    await agreed(house)
    assert await house.store.adopted() == {house.village.circle: {"pulse": True}}
    assert house.practices.uses(house.village.circle, "pulse")
    again = Practices(house.shelf, house.village, START)
    await again.recall(house.store)
    assert again.in_use(house.village.circle) == house.practices.in_use(house.village.circle)
    await agreed(house, "leave off pulse", "part")
    assert await house.store.adopted() == {house.village.circle: {"pulse": False}}
    assert not house.practices.uses(house.village.circle, "pulse")


async def test_what_could_not_be_written_was_not_agreed_on(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("ana", "try pulse")
    house.faults.fail("commit", RuntimeError("away"), times=2)
    await house.say("ana", "agree")
    assert not house.practices.uses(house.village.circle, "pulse")
    assert await house.store.adopted() == {}


async def test_people_agree_to_what_they_could_read_also_if_its_file_has_changed_since(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await house.say("ana", "try pulse")
    (snapshot,) = await house.snapshots()
    assert snapshot.details["which"] == Picked(PULSE.digest)
    newer = replace(PULSE, digest="pulse-newer")
    house.shelf.definitions[newer.digest] = newer

    def in_service(name: str, circle: CircleId | None = None) -> Definition | None:
        return newer if name == "pulse" else Shelf.in_service(house.shelf, name)

    house.shelf.in_service = in_service  # type: ignore[method-assign]
    await house.say("ana", "agree")
    assert house.practices.uses(house.village.circle, "pulse")
    assert {s.definition for s in house.store.begun()[1:]} == {"pulse-newer"}


# ── what begins by itself ────────────────────────────────────────────────────


async def test_what_begins_for_those_present_begins_once_for_each_when_it_is_taken_up(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await agreed(house)
    assert pulses(house) == ["ana", "ben", "chen"]
    await agreed(house, "leave off pulse", "part")
    await agreed(house)
    assert pulses(house) == ["ana", "ben", "chen"]


async def test_it_begins_with_the_house_where_a_circle_starts_with_it(open_house: OpenHouse) -> None:
    house = await opened(open_house, at_start=START | {"pulse"})
    await house.submit(Housed(id="intro", occurred_ms=house.now_ms, circle=house.village.circle))
    assert pulses(house) == ["ana", "ben", "chen"]
    assert {s.definition for s in house.store.begun()} == {PULSE.digest}


async def test_once_the_hello_is_long_ago_a_new_beginning_reaches_only_who_has_not_had_theirs(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house, at_start=START | {"pulse"})
    await house.submit(Housed(id="intro", occurred_ms=house.now_ms, circle=house.village.circle))
    await house.settle()
    lines = {s.id: len(await house.store.journal(f"i/{s.id}")) for s in house.store.begun()}
    house.village.persons["dora"] = await house.store.person("@dora:hearth.test")
    again = Housed(id="long after", occurred_ms=house.now_ms, circle=house.village.circle)
    assert await house.submit(again) == [Outcome("seen_before")]
    assert pulses(house) == ["ana", "ben", "chen", "dora"]
    assert {i: len(await house.store.journal(f"i/{i}")) for i in lines} == lines


async def test_whoever_comes_later_gets_theirs_and_nothing_that_is_not_in_use(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.submit(house.moved("chen", joined=True, room=True))
    assert [s.definition for s in house.store.begun()] == [WELCOME.digest]
    await agreed(house)
    house.village.persons["dora"] = await house.store.person("@dora:hearth.test")
    await house.submit(house.moved("dora", joined=True, room=True))
    assert pulses(house) == ["ana", "ben", "chen", "dora"]
    await house.submit(
        house.moved("dora", joined=False, room=True), house.moved("dora", joined=True, room=True)
    )
    assert pulses(house) == ["ana", "ben", "chen", "dora"]


# ── what deciding is told ────────────────────────────────────────────────────


async def heard(house: SmallHouse, words: str, **more: Any) -> tuple[DeskFacts, list[Line]]:
    await house.say("ana", words, **more)
    lines = await house.store.journal(f"d/{house.id('ana')}")
    last = [line for line in lines if isinstance(line.event, Heard)][-1]
    assert isinstance(last.facts, DeskFacts)
    return last.facts, list(lines)


async def test_a_desk_is_told_what_its_circles_use_and_could_use(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    facts, _ = await heard(house, "pulse")
    assert facts.begins == {"supper": "supper", "practice": "practice", "welcome": "welcome"}
    assert facts.uses == {house.village.circle: ("supper", "practice", "welcome")}
    assert facts.offers["pulse"] == PULSE.digest
    assert facts.could_begin["pulse"] == "pulse"
    assert facts.resting == {}
    assert facts.titles["supper"] == supper().digest
    assert facts.discreet == {"pulse", "welcome"}
    plain, _ = await heard(house, "nothing in particular")
    assert (plain.begins, plain.uses, plain.offers, plain.titles) == ({}, {}, {}, {})


async def test_a_desk_is_told_what_waits_for_safety_contacts(open_house: OpenHouse) -> None:
    house = await opened(open_house, REPAIR, at_start=START | {"repair"})
    facts, _ = await heard(house, "repair")
    assert (facts.resting, "repair" in facts.could_begin) == ({"repair": "repair"}, False)
    assert facts.titles["repair"] == REPAIR.digest
    await house.settle()
    assert house.find("ana", "try.waits").words


async def test_in_a_room_only_the_practices_of_its_circle_count(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    other = await house.store.ensure_circle("!other:hearth.test", "Other")
    await house.store.commit(Changes(adoptions=[Adoption(other, "pulse", True)]))
    await house.practices.recall(house.store)
    facts, _ = await heard(house, "try pulse", circle=other, addressed=True)
    assert facts.begins["pulse"] == "pulse"
    assert "pulse" not in facts.offers
    facts, _ = await heard(house, "try pulse", circle=house.village.circle, addressed=True)
    assert "pulse" not in facts.begins
    assert "pulse" in facts.offers


async def test_a_workflow_picked_by_its_name_is_the_one_that_can_be_read_now(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await agreed(house)
    await house.say("ana", "leave off pulse")
    assert house.store.begun()[-1].details["which"] == Picked(PULSE.digest)


async def test_an_instance_is_told_whether_the_circle_uses_what_its_conditions_speak_of(
    open_house: OpenHouse,
) -> None:
    moves = (MoveDef(OnHolds(InUse("pulse")), "over"), MoveDef(OnCommand("go on", ("host",)), "open"))
    asks_back = small("asks_back", StateDef("open", moves=moves), asks={})
    house = await opened(open_house, asks_back, at_start=START | {"asks_back"})
    await house.say("ana", "asks_back")
    (begun,) = await house.snapshots()
    (line,) = await house.store.journal(f"i/{begun.id}")
    assert line.facts.in_use == ()  # type: ignore[union-attr]
    await agreed(house)
    await house.say("ben", "asks_back")
    assert house.store.begun()[-1].state == "over"


async def test_what_is_not_in_use_is_not_started_by_another(open_house: OpenHouse) -> None:
    waits = StateDef(
        "open", starts=(StartDef("pulse"),), moves=(MoveDef(OnEnded("pulse", "not_started"), "over"),)
    )
    leads = small("leads", waits, asks={})
    house = await opened(open_house, leads, at_start=START | {"leads"})
    await house.say("ana", "leads")
    (snapshot,) = house.store.begun()
    assert snapshot.state == "over"
    line = (await house.store.journal(f"i/{snapshot.id}"))[-1]
    assert isinstance(line.event, Ended)
    await agreed(house)
    await house.say("ana", "leads")
    assert house.store.begun()[-1].definition == PULSE.digest


# ── begun by a word, and begun by itself ─────────────────────────────────────


async def test_what_goes_on_with_somebody_is_not_begun_with_them_a_second_time(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await agreed(house)
    assert pulses(house) == ["ana", "ben", "chen"]
    await house.say("ana", "pulse")
    await house.settle()
    assert len(house.store.begun()) == 4
    assert house.find("ana", "begin.goes_on").words
    await house.say("ana", "on")
    await house.say("ana", "pulse")
    await house.settle()
    assert house.store.begun()[-1].definition == PULSE.digest
    assert len(house.store.begun()) == 5
    await house.say("ana", "pulse")
    assert len(house.store.begun()) == 5


def rounds(to: str = "host", **more: Any) -> Definition:
    """Asks somebody how they are, and after a word of theirs once more; it never begins by itself."""
    again = (MoveDef(OnCommand("on", ("host",)), "resting"),)
    back = (MoveDef(OnCommand("back", ("host",)), "open"), MoveDef(OnCommand("end", ("host",)), "over"))
    states = StateDef("open", asks=("q",), moves=again, **more), StateDef("resting", moves=back)
    return small("rounds", *states, asks={"q": replace(ASK, to=Part(to))})


def test_what_asks_its_starter_alone_and_comes_back_to_that_comes_round() -> None:
    assert comes_round(rounds())
    assert not comes_round(PULSE), "it never comes back"
    assert not comes_round(rounds("guests")), "others are asked"
    assert not comes_round(rounds(gather=("when",))), "each is about something of its own"
    assert not comes_round(replace(rounds(), start="resting")), "nobody is asked at first"


async def test_what_comes_round_is_not_begun_twice_also_where_it_never_begins_by_itself(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house, rounds(), at_start=START | {"rounds"})
    for words in ("rounds", "on", "rounds"):
        await house.say("ana", words)
    await house.settle()
    assert len(await house.snapshots()) == 1
    assert house.find("ana", "begin.goes_on").words
    for words in ("end", "rounds"):
        await house.say("ana", words)
    assert len(house.store.begun()) == 2
    await house.say("ben", "rounds")
    assert len(house.store.begun()) == 3


async def test_a_desk_is_told_of_words_that_it_was_given_by_what_began_by_itself(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await agreed(house)
    lines = await house.store.journal(f"d/{house.id('ben')}")
    given = [line.event for line in lines if isinstance(line.event, Empowered)]
    assert [(event.words, event.unbidden) for event in given] == [(("on",), True)]
    for words in ("on", "pulse"):
        await house.say("ben", words)
    lines = await house.store.journal(f"d/{house.id('ben')}")
    assert not [line.event for line in lines if isinstance(line.event, Empowered)][-1].unbidden


async def test_what_somebody_begins_privately_in_their_own_room_is_asked_at_once(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await agreed(house)
    await house.say("ben", "on")
    await house.say("ben", "pulse")
    await house.settle()
    assert house.find("ben", "q.say").words


async def test_somebody_elses_does_not_count_nor_what_never_comes_round(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("ana", "supper @ben")
    await house.say("ana", "supper @ben")
    assert len(await house.snapshots()) == 2
    await agreed(house)
    dora = house.village.persons["dora"] = await house.store.person("@dora:hearth.test")
    await house.submit(house.moved("dora", joined=True))
    await house.say("dora", "pulse")
    assert house.store.begun()[-1].definition == PULSE.digest
    assert (await house.store.people_of(house.store.begun()[-1].id))[0] == dora


async def test_begun_by_a_word_it_answers_and_begun_by_itself_it_keeps_away_from_who_asked_for_that(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await agreed(house)
    by_hand = {s.id: (s.spoken, s.unbidden) for s in house.store.begun()}
    assert set(by_hand.values()) == {(True, False), (False, True)}
    asked = [
        line.event for name in ("ana", "ben") for line in await house.store.journal(f"d/{house.id(name)}")
    ]
    personal = {event.personal for event in asked if isinstance(event, Asked)}
    assert personal == {False}
    await house.say("ana", "on")
    await house.say("ana", "pulse")
    again = [
        line.event
        for line in await house.store.journal(f"d/{house.id('ana')}")
        if isinstance(line.event, Asked)
    ][-1]
    assert (again.urgency, again.personal) == ("reply", True)


async def test_a_workflow_that_another_starts_answers_whoever_led_to_it(open_house: OpenHouse) -> None:
    leads = small(
        "leads",
        StateDef("open", moves=(MoveDef(OnCommand("go", ("host",)), "led"),)),
        StateDef("led", starts=(StartDef("pulse"),), moves=(MoveDef(OnCommand("back", ("host",)), "open"),)),
        asks={},
    )
    house = await opened(open_house, leads, at_start=START | {"leads", "pulse"})
    await house.say("ana", "leads")
    await house.say("ana", "go")
    assert (house.store.begun()[-1].spoken, house.store.begun()[-1].unbidden) == (True, False)
    asked = [line.event for line in await house.store.journal(f"d/{house.id('ana')}")]
    (question,) = [event for event in asked if isinstance(event, Asked)]
    assert question.urgency == "reply"
