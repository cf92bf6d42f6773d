"""Between person ids outside and references inside."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.event import Answered, Commanded, Due, Event, Left, Started, TookBack
from engine.core.message import AnySlot, Count, Message, Names, Option, Phrase, Plain, Said, Text, When
from engine.core.values import AnyValue, Moment, Number, PersonId, Persons, Picked, Ref, TextId, Words
from engine.runtime.localize import Cast, localize, name_message, name_phrase
from tests.engine.runtime.small_house import CLOSES_MS, SmallHouse

ids = st.text("0123456789abcdef", min_size=32, max_size=32)
people = st.lists(ids, min_size=1, max_size=12, unique=True)
values: st.SearchStrategy[AnyValue] = st.one_of(
    st.lists(ids, max_size=5).map(lambda who: Persons(tuple(who))),
    st.builds(Words, st.just(TextId("t"))),
    st.builds(Moment, st.integers()),
    st.builds(Number, st.integers()),
    st.builds(Picked, st.just("yes")),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, ids, st.dictionaries(st.sampled_from(["who", "when"]), values)),
    st.builds(Answered, st.just("rsvp"), st.just(1), ids, st.none(), st.none(), st.none() | values),
    st.builds(TookBack, st.just("rsvp"), st.just(1), ids),
    st.builds(Commanded, st.just("cancel"), ids),
    st.builds(Due, st.just("at:00"), st.just(1)),
    st.builds(Left, ids),
)
slots: st.SearchStrategy[AnySlot] = st.deferred(
    lambda: st.one_of(
        st.lists(ids, max_size=3).map(lambda who: Names(tuple(who))),
        st.builds(Said, st.just("key"), st.none(), st.dictionaries(st.sampled_from("ab"), slots, max_size=2)),
        st.builds(Text, st.just(TextId("t"))),
        st.builds(When, st.integers()),
        st.builds(Count, st.integers()),
        st.builds(Plain, st.just("word")),
    )
)
phrases = st.builds(
    Phrase, st.just("k"), st.none(), st.dictionaries(st.sampled_from("abc"), slots, max_size=3)
)
messages = st.builds(
    Message,
    lines=st.lists(phrases, max_size=2).map(tuple),
    options=st.lists(st.builds(Option, st.just("yes"), st.just("✅"), phrases), max_size=2).map(tuple),
    footer=st.lists(phrases, max_size=2).map(tuple),
    view=st.none() | st.just("my"),
    mention=st.booleans(),
    sensitive=st.booleans(),
)


class _Inward:
    """Looks at a cast the other way round, to turn ids into references with the same function."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    def person(self, known: str) -> PersonId:
        return PersonId(self._cast.ref(known))


def found_in(value: object, names: list[str]) -> list[str]:
    written = msgspec.json.encode(value).decode()
    return [name for name in names if name in written]


def test_everybody_gets_the_next_reference_and_keeps_it() -> None:
    cast = Cast((PersonId("ana"), PersonId("ben")))
    assert (cast.ref("ben"), cast.ref("chen"), cast.ref("dora"), cast.ref("chen")) == ("p2", "p3", "p4", "p3")
    assert cast.added == [("p3", "chen"), ("p4", "dora")]
    assert [cast.person(f"p{n}") for n in range(1, 5)] == ["ana", "ben", "chen", "dora"]


def test_a_forgotten_persons_place_stays_empty_and_is_not_given_to_the_next() -> None:
    cast = Cast((PersonId("ana"), PersonId(""), PersonId("chen")))
    assert cast.person("p2") == ""
    assert cast.ref("dora") == "p4"


@given(people, events)
def test_no_person_id_is_left_in_a_localized_event(known: list[str], event: Event) -> None:
    cast = Cast(tuple(PersonId(p) for p in known))
    inside = localize(event, cast)
    everybody = [*known, *(person for _, person in cast.added)]
    assert found_in(inside, everybody) == []
    assert type(inside) is type(event)


@given(events)
def test_a_localized_event_names_the_same_people(event: Event) -> None:
    cast = Cast(())
    inside = localize(event, cast)
    back = Cast(tuple(PersonId(f"p{n}") for n in range(1, 40)))
    names = {str(back.ref(f"p{n}")): cast.person(f"p{n}") for n in range(1, len(cast.added) + 1)}
    written = msgspec.json.encode(inside).decode()
    for ref in sorted(names, key=len, reverse=True):
        written = written.replace(f'"{ref}"', f'"{names[ref]}"')
    assert msgspec.json.decode(written, type=type(event)) == event


@given(messages)
def test_a_message_turned_inward_and_named_again_is_the_same(message: Message) -> None:
    cast = Cast(())
    inside = name_message(message, _Inward(cast))  # type: ignore[arg-type]
    assert found_in(inside, [person for _, person in cast.added]) == []
    assert name_message(inside, cast) == message


def test_a_phrase_without_gaps_stays_the_very_same() -> None:
    plain = Phrase("k")
    assert name_phrase(plain, Cast(())) is plain


@pytest.mark.parametrize("willing", [True, False])
async def test_nothing_an_instance_keeps_names_a_person(willing: bool) -> None:
    house = await SmallHouse.open("ana", "ben", "chen", "dora")
    if not willing:
        await house.say("chen", "not from @ana")
    instance = await house.begun()
    tap = await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    await house.settle()
    await house.remove("ben", tap)
    await house.submit(house.moved("chen", joined=False, room=True))
    snapshots = [await house.snapshot()]
    await house.pass_time(CLOSES_MS)
    snapshots.append(await house.snapshot())
    for name in ("ben", "dora"):
        await house.say(name, "lovely bread")
    snapshots.append(await house.snapshot())
    everybody = [str(p) for p in house.village.persons.values()]
    names = [*everybody, *(f"@{n}" for n in house.village.persons)]
    for snapshot in snapshots:
        assert found_in(snapshot, names) == []
    journal = await house.store.journal(f"i/{instance}")
    assert len(journal) >= 5
    for line in journal:
        assert found_in((line.event, line.facts, line.result), names) == []
    rows = [row for row in await house.store.due_timers(2**60, 99) if row.actor == f"i/{instance}"]
    assert found_in(rows, names) == []
    assert found_in(await house.store.journal(f"d/{house.id('ben')}"), ["lovely bread"]) == []
    people_ = await house.store.people_of(instance)
    assert people_[0] == house.id("ana")
    assert set(people_) == set(everybody)
    assert Ref("p1") == snapshots[0].starter
    await house.close()
