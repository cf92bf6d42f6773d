"""Whom the starter of something has put something to before: gathered from the earlier ones, nothing else of them."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.definition import (
    AskDef,
    AskedLately,
    Choice,
    Definition,
    DetailDef,
    MoveDef,
    NamedIn,
    OnAnswer,
    OnCommand,
    OnGathered,
    Part,
    PartDef,
    Starter,
    StateDef,
)
from engine.core.event import Started
from engine.core.values import DAY_MS, InstanceId, Ms, Ref
from engine.runtime.lately import asked_lately
from engine.runtime.localize import Cast
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import SmallHouse

SIXTY = AskedLately("other", 60 * DAY_MS)


def mend(name: str = "mend", digest: str = "mend-1") -> Definition:
    """``other`` is asked at once, unless they were asked lately: then it waits in ``helped``."""
    yes = (Choice("yes", "✅"),)
    ends = MoveDef(OnCommand("enough", ("one",)), "over")
    states = (
        StateDef(
            "naming",
            gather=("other",),
            moves=(MoveDef(OnGathered(), "helped", when=SIXTY), MoveDef(OnGathered(), "inviting")),
        ),
        StateDef("helped", moves=(ends,)),
        StateDef("inviting", asks=("invited", "beside"), moves=(ends, MoveDef(OnAnswer("invited"), "over"))),
        StateDef("over", final=True, outcome="over"),
    )
    return Definition(
        name=name,
        title="Mend",
        about="",
        digest=digest,
        begins_with=name,
        parts=(
            PartDef("one", (Starter(),)),
            PartDef("other", (NamedIn("other"),)),
            PartDef("helper", (NamedIn("helper"),)),
        ),
        details={"other": DetailDef("other", "people"), "helper": DetailDef("helper", "people", given=True)},
        asks={
            "invited": AskDef("invited", Part("other"), choices=yes, seen_by=("one",)),
            "beside": AskDef("beside", Part("helper"), choices=yes, seen_by=("one",)),
        },
        states={state.name: state for state in states},
        start="naming",
        texts={"invited.say": "?", "beside.say": "?", "over": ".", "called": "mend"},
        gaps={},
    )


async def opened(open_house: OpenHouse, *more: Definition) -> SmallHouse:
    house = await open_house("ana", "ben", "chen")
    for definition in (mend(), *more):
        house.shelf.definitions[definition.digest] = definition
    return house


async def began(house: SmallHouse, who: str, words: str) -> str:
    """In which state what somebody begins stands."""
    await house.say(who, words)
    await house.settle()
    return house.store.begun()[-1].state


async def lately(house: SmallHouse) -> dict[str, dict[Ref, Ms]]:
    """What the latest one was told as it began."""
    (line, *_) = await house.store.journal(f"i/{house.store.begun()[-1].id}")
    assert isinstance(line.event, Started)
    return line.facts.lately  # type: ignore[union-attr]


async def test_a_second_start_toward_the_same_person_knows_of_the_first_also_once_that_is_over(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    assert await began(house, "ana", "mend @ben") == "inviting"
    asked_ms = house.store.begun()[-1].asks["invited"].opened_ms
    await house.say("ana", "enough")
    await house.pass_time(59 * DAY_MS)
    assert await began(house, "ana", "mend @ben") == "helped"
    assert await lately(house) == {"other": {"p2": asked_ms}}
    assert house.store.begun()[0].id not in str(await house.store.journal(f"i/{house.store.begun()[-1].id}"))
    await house.say("ana", "enough")
    await house.pass_time(2 * DAY_MS)
    assert await began(house, "ana", "mend @ben") == "inviting"


async def test_nobody_else_and_nothing_else_counts(open_house: OpenHouse) -> None:
    house = await opened(open_house, mend("make", "make-1"))
    assert await began(house, "ana", "mend @ben") == "inviting"
    assert await began(house, "ana", "mend @chen") == "inviting"
    assert await began(house, "chen", "mend @ben") == "inviting"
    assert await began(house, "ben", "mend @ana") == "inviting"
    assert await began(house, "ana", "make @ben") == "inviting"
    assert await began(house, "ana", "mend @chen") == "helped"


async def test_an_earlier_version_of_the_file_counts_and_what_lies_nowhere_does_not(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    assert await began(house, "ana", "mend @ben") == "inviting"
    newer = mend(digest="mend-2")
    house.shelf.definitions = {newer.digest: newer} | house.shelf.definitions
    assert await began(house, "ana", "mend @ben") == "helped"
    del house.shelf.definitions["mend-1"]
    assert await began(house, "ana", "mend @ben") == "inviting"


async def test_who_was_asked_as_another_part_or_in_another_circle_was_not_asked_as_this_one(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await began(house, "ana", "mend @ben")
    (first,) = house.store.begun()
    cast = Cast((house.id("ana"), house.id("ben")))
    cellar, shelf = house.store, house.shelf
    another = InstanceId("another")

    async def found(
        *parts: str, circle: str = first.circle, instance: InstanceId = another
    ) -> dict[str, object]:
        newer = {first.id: first}
        return dict(
            await asked_lately(instance, mend(), circle, cast, parts, cellar, shelf, newer, {})  # type: ignore[arg-type]
        )

    assert await found("other", "helper") == {"other": {"p2": first.asks["invited"].opened_ms}}
    assert await found("other", circle="elsewhere") == {}
    assert await found("other", instance=first.id) == {}
    assert await found() == {}
    cast = Cast((house.id("ana"),))
    assert await found("other") == {}
    assert cast.added == []


async def test_one_that_is_changed_in_the_same_batch_counts_as_it_stands_there(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await began(house, "ana", "mend @ben")
    (first,) = house.store.begun()
    asked = first.asks["invited"]
    later = replace(
        first, asks={"invited": replace(asked, asked=(Ref("p3"),), opened_ms=asked.opened_ms + 7)}
    )
    cast = Cast((house.id("ana"), house.id("chen")))
    whole = Cast((house.id("ana"), house.id("ben"), house.id("chen")))
    found = await asked_lately(
        InstanceId("another"),
        mend(),
        first.circle,
        cast,
        ("other",),
        house.store,
        house.shelf,
        {first.id: later},
        {first.id: whole},
    )
    assert found == {"other": {"p2": asked.opened_ms + 7}}
