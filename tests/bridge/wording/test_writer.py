"""What leaves the house is in the language of whoever reads it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from bridge.wording.render import NO_NEWS
from bridge.writer import ParcelWriter
from engine.core.desk import Desk
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.values import RowId
from engine.runtime.ports import Changes, NothingToSay
from engine.testing import ManualClock, MemoryStore
from tests.bridge.wording.test_render import NOW_MS, Circle


class Defaults(NamedTuple):
    """A house whose people and rooms speak Spanish unless they say otherwise."""

    time_zone: str = "Europe/Madrid"
    language: str = "es"


async def written(language: str | None, *, in_room: bool = False) -> str:
    """The first word of help that reaches somebody who has (not) chosen a language."""
    store = MemoryStore()
    circle = await store.ensure_circle("!c:example.org", "Circle")
    person = await store.person("@ana:example.org")
    if language is not None:
        await store.commit(Changes(desks={person: (Desk(person, version=1, language=language), 0)}))
    writer = ParcelWriter(Circle().voice(), store, ManualClock(NOW_MS), Defaults())
    message = Message(lines=(Phrase("no.label"),))
    to = Shared(circle) if in_room else Direct(person)
    return (await writer.write(Parcel(RowId("1"), to, "reply", message))).body


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (None, "No, gracias"),
        ("", "No, gracias"),
        ("de", "Nein, danke"),
        ("en", "No, thanks"),
        ("fr", "No, thanks"),
    ],
)
async def test_each_member_reads_their_own_language_or_that_of_the_house(
    language: str | None, words: str
) -> None:
    assert await written(language) == words


async def test_a_room_reads_the_language_of_the_house_whoever_is_in_it() -> None:
    assert await written("de", in_room=True) == "No, gracias"


async def test_a_letter_that_would_say_nothing_is_not_written() -> None:
    store, circle = MemoryStore(), Circle()
    person = await store.person("@ana:example.org")
    writer = ParcelWriter(circle.voice(), store, ManualClock(NOW_MS), Defaults())
    letter = Parcel(RowId("1"), Direct(person), "quiet", Message(view="letter"))
    circle.shown = [[NO_NEWS]]
    with pytest.raises(NothingToSay):
        await writer.write(letter)
    circle.shown = [[Phrase("weekly.head")]]
    assert (await writer.write(letter)).body == "Tu carta semanal. Nada de lo que trae necesita respuesta."
