"""What the live views show: nothing of private matters, and what can be begun."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bridge.views import LONGEST_ABOUT, MOST_BEGINNINGS, HouseViews
from bridge.wording.render import Hearer, House, Voice
from engine.core.definition import ABOUT_TEXT, Definition
from engine.core.desk import Desk, Prompt
from engine.core.message import Count, Message, Phrase, Plain
from engine.core.values import CircleId, InstanceId, PersonId, RowId
from engine.runtime.ports import Changes, NewParcel
from engine.testing import MemoryStore
from tests.engine.runtime.small_house import Shelf, Village
from tests.engine.store.goods import parcel

PRIVATE = Message(lines=(Phrase("private.say", "d"),), sensitive=True)
PLAIN = Message(lines=(Phrase("rsvp.say", "d"),))


def prompt(row: str, message: Message, knock: str | None = None) -> Prompt:
    """A question to somebody; ``knock``: it has not been opened yet."""
    return Prompt(
        row=RowId(row),
        instance=InstanceId("1" * 32),
        ask=row,
        round=1,
        choices=(),
        expects="words",
        words=True,
        closes_ms=10,
        changeable_ms=10,
        message=message,
        knock=RowId(knock) if knock else None,
    )


async def test_my_counts_private_matters_opened_or_not_and_says_nothing_of_them() -> None:
    store = MemoryStore()
    await store.ensure_circle("!circle:hearth.test", "Circle")
    ana = await store.person("@ana:hearth.test")
    prompts = (
        prompt("plain", PLAIN),
        prompt("opened", PRIVATE),
        prompt("shut", PRIVATE, knock="knock1"),
        prompt("not there yet", PRIVATE, knock="knock2"),
    )
    rows = ("plain", "opened", "knock1", "knock2")
    parcels = [NewParcel(parcel(row, ana), f"t{row}", 0) for row in rows]
    await store.commit(Changes(desks={ana: (Desk(ana, 1, prompts=prompts), 0)}, parcels=parcels))
    for row in rows[:-1]:
        await store.mark_sent(RowId(row), f"${row}", 1)
    village = Village()
    village.circle = CircleId("c")
    lines = await HouseViews(store, Shelf(), village).lines("my", Hearer(person=ana))
    assert lines == [Phrase("rsvp.say", "d"), Phrase("my.private", slots={"n": Count(2)})]


def workflow(name: str, begins_with: str = "", about: str = "", **more: Any) -> Definition:
    return Definition(
        name, name.title(), about, f"d:{name}", begins_with or name, (), {}, {}, {}, "s", {}, {}, **more
    )


def views(*definitions: Definition) -> HouseViews:
    return HouseViews(MemoryStore(), Shelf(*definitions), Village())


def beginning(word: str, about: str) -> Phrase:
    return Phrase("help.begin", slots={"word": Plain(word), "about": Plain(about)})


ANA = Hearer(person=PersonId("ana"))
LONG = "Cook together, each bringing a dish that somebody in the family used to make. No more than twelve."


async def test_help_names_what_can_be_begun_here_those_that_everyone_knows_first() -> None:
    shelf = views(
        workflow("potluck", about="Bring a dish, all of you. It is on a Friday."),
        workflow("role", about="Describe a role."),
        workflow("invitation", "invite"),
    )
    assert await shelf.lines("help", ANA) == [
        Phrase("help.role"),
        Phrase("help.invite"),
        beginning("potluck", "Bring a dish, all of you"),
    ]


async def test_help_does_not_speak_of_an_invitation_where_there_is_none() -> None:
    assert await views().lines("help", ANA) == []
    gather = workflow("invitation", "gather", "Gather people")
    assert await views(gather).lines("help", ANA) == [beginning("gather", "Gather people")]


async def test_help_says_what_something_is_about_in_one_line_of_the_readers_language() -> None:
    (line,) = await views(workflow("cook", about=LONG)).lines("help", ANA)
    assert line == beginning("cook", "Cook together, each bringing a dish that somebody in the…")
    assert len("Cook together, each bringing a dish that somebody in the…") <= LONGEST_ABOUT
    cook = workflow("cook", about=LONG, translations={"de": {ABOUT_TEXT: "Zusammen kochen."}})
    assert await views(cook).lines("help", replace(ANA, language="de")) == [
        beginning("cook", "Zusammen kochen")
    ]
    assert await views(workflow("cook")).lines("help", ANA) == [beginning("cook", "Cook")]


async def test_help_fits_a_phone_however_much_can_be_begun() -> None:
    shelf = views(*(workflow(f"work{n}", about=LONG) for n in range(30)))
    lines = await shelf.lines("help", ANA)
    assert len(lines) == MOST_BEGINNINGS + 1
    assert lines[-1] == Phrase("help.more", slots={"n": Count(30 - MOST_BEGINNINGS)})
    store = MemoryStore()
    voice = Voice(
        House("Hearth", "Dora", "112"), names=Nobody(), texts=store, definitions=Shelf(), views=shelf
    )
    shown = (await voice.render(Message(view="help"), ANA, 0)).body.splitlines()
    assert shown[0].startswith("*person*")
    assert shown[1].startswith("*work0* · Cook together")
    assert len(shown) <= 20
    assert sum(map(len, shown)) <= 1200


class Nobody:
    """Implements the voice's ``NamesOfPeople``: nobody is known."""

    async def name_of(self, person: PersonId) -> str | None:
        return None
