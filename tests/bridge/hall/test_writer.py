"""What leaves the house is in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.hall.writer import LONGEST_QUESTION, ParcelWriter, shortened
from bridge.wording.render import NO_NEWS
from engine.core.desk import Desk, Rhythm
from engine.core.message import Message, Option, Phrase, When
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.values import DAY_MS, CircleId, PersonId, RowId
from engine.runtime.ports import Changes, NothingToSay, Undeliverable
from engine.testing import ManualClock, MemoryStore
from tests.bridge.wording.test_render import NOW_MS, Circle


class House:
    """A house whose people and rooms speak Spanish unless they say otherwise; somebody's circle is ``theirs``."""

    def __init__(self, theirs: CircleId | None = None) -> None:
        self.theirs = theirs

    def time_zone(self, circles: Sequence[CircleId]) -> str:
        return "Europe/Madrid"

    def language(self, circles: Sequence[CircleId]) -> str:
        return "de" if self.theirs in circles else "es"

    def outside_help(self, circles: Sequence[CircleId]) -> str:
        return "116 117" if self.theirs in circles else ""

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [] if self.theirs is None else [self.theirs]


async def written(language: str | None, *, in_room: bool = False) -> str:
    """The first word of help that reaches somebody who has (not) chosen a language."""
    store = MemoryStore()
    circle = await store.ensure_circle("!c:example.org", "Circle")
    person = await store.person("@ana:example.org")
    if language is not None:
        await store.commit(Changes(desks={person: (Desk(person, version=1, language=language), 0)}))
    writer = ParcelWriter(Circle().voice(), store, ManualClock(NOW_MS), House(), House())
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
    writer = ParcelWriter(circle.voice(), store, ManualClock(NOW_MS), House(), House())
    letter = Parcel(RowId("1"), Direct(person), "quiet", Message(view="letter"))
    circle.shown = [[NO_NEWS]]
    with pytest.raises(NothingToSay):
        await writer.write(letter)
    circle.shown = [[Phrase("weekly.head")]]
    assert (await writer.write(letter)).body == "Tu carta semanal. Nada de lo que trae necesita respuesta."


async def test_a_moment_says_whose_it_is_to_whoever_lives_by_another_time_than_their_circle() -> None:
    store = MemoryStore()
    here, away = await store.person("@ana:example.org"), await store.person("@ben:example.org")
    await store.commit(
        Changes(
            desks={
                person: (Desk(person, version=1, language="en", rhythm=Rhythm(time_zone=zone)), 0)
                for person, zone in ((here, "Europe/Madrid"), (away, "America/Bogota"))
            }
        )
    )
    writer = ParcelWriter(Circle().voice(), store, ManualClock(NOW_MS), House(), House())
    noted = Message(lines=(Phrase("ack.detail", slots={"value": When(NOW_MS + DAY_MS)}),))
    at_home, elsewhere = [
        (await writer.write(Parcel(RowId("1"), Direct(person), "reply", noted))).body
        for person in (here, away)
    ]
    assert at_home.startswith("Noted: ")
    assert "Bogot" in elsewhere
    assert "Bogot" not in at_home
    assert "Madrid" not in at_home


async def test_a_poll_is_written_in_the_language_of_whoever_votes_with_a_short_question() -> None:
    store = MemoryStore()
    person = await store.person("@ana:example.org")
    writer = ParcelWriter(Circle().voice(), store, ManualClock(NOW_MS), House(), House())
    options = (Option("yes", "✅", Phrase("hello.yes")), Option("no", "", Phrase("no.label")))
    message = Message(lines=(Phrase("hello"),), options=options, poll=True)
    ballot = await writer.ballot(Parcel(RowId("2"), Direct(person), "timely", message, polls=RowId("1")))
    assert ballot.answers[1] == ("no", "No, gracias")
    assert ballot.answers[0][1].startswith("✅ ")
    assert len(ballot.question) <= LONGEST_QUESTION
    assert ballot.question.endswith("…")
    assert "\n" not in ballot.question
    assert ballot.text.endswith("2. No, gracias")
    unsayable = Message(lines=(Phrase("no_such_key"),), options=options, poll=True)
    with pytest.raises(Undeliverable):
        await writer.ballot(Parcel(RowId("3"), Direct(person), "timely", unsayable, polls=RowId("1")))


def test_a_long_word_is_cut_where_it_has_to_be() -> None:
    assert shortened("x" * 20, 10) == "x" * 9 + "…"
    assert shortened("one two  three", 10) == "one two…"
    assert shortened("one\ntwo", 10) == "one two"


async def test_whoever_has_chosen_nothing_reads_the_language_and_the_number_of_their_own_circle() -> None:
    store, circle = MemoryStore(), CircleId("theirs")
    person = await store.person("@ana:example.org")
    house = House(circle)
    writer = ParcelWriter(Circle().voice(), store, ManualClock(NOW_MS), house, house)
    for to, words in (
        (Direct(person), "116 117"),
        (Shared(circle), "116 117"),
        (Shared(CircleId("x")), "112"),
    ):
        message = Message(lines=(Phrase("person.outside"),))
        written = await writer.write(Parcel(RowId("1"), to, "reply", message))
        assert words in written.body
    no = Message(lines=(Phrase("no.label"),))
    assert (await writer.write(Parcel(RowId("1"), Direct(person), "reply", no))).body == "Nein, danke"
