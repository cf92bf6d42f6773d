"""The audience filter: worlds that differ only in what a reader may not see read the same to them, in every view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine.core.values import DAY_MS
from tests.bridge.views.a_circle import MENDING, Circle, fit, keeping

NAMES = ("ana", "bruno", "chen", "dora")
Secret = Callable[[Circle], Awaitable[None]]


async def nothing(circle: Circle) -> None:
    """Nothing happens beyond what happens in both worlds."""


async def begins_to_mend(circle: Circle) -> None:
    """Bruno begins something private about Ana, and has not asked for anything to be put to her."""
    await circle.mends("bruno", "Ana", "She was late, and I was hurt.")


async def mends_with_another(circle: Circle) -> None:
    await circle.mends("bruno", "Dora", "It was something else.", goes_on=True)
    await circle.say("dora", "open")


async def declines(circle: Circle) -> None:
    await circle.answer("chen", "Would you learn it", "no")


async def pauses_and_stops(circle: Circle) -> None:
    await circle.say("chen", "pause until 1 March 2027", "not from ana", "stop")


async def prepares(circle: Circle) -> None:
    """Bruno has begun to describe something, and has not shared it yet."""
    await circle.say("bruno", "keeping")
    await circle.answer("bruno", "called?", "The cellar")


async def reflects(circle: Circle) -> None:
    await circle.answer("bruno", "noticed", "The hinge creaks.")


async def carried_and_kept_to_oneself(circle: Circle) -> None:
    """What Bruno shares ends, and he shows it to nobody."""
    await circle.say("bruno", "over")


async def was_over_by_itself(circle: Circle) -> None:
    await reflects(circle)
    await circle.say("bruno", "over")


async def asked_for_somebody(circle: Circle) -> None:
    await circle.lay("bruno", calls=(), called_by=(circle.id("chen"),))
    await circle.lay("bruno", letter_weekday=4, language="de", muted=("keeping",))


SECRETS: dict[str, tuple[Secret, Secret, tuple[str, ...]]] = {
    # what differs → one world, the other, and who must not be able to tell
    "a matter that only names them": (nothing, begins_to_mend, ("ana", "chen", "dora")),
    "a matter of two others": (nothing, mends_with_another, ("ana", "chen")),
    "a no and a silence": (nothing, declines, ("ana", "bruno", "dora")),
    "a pause, a stop and not from": (nothing, pauses_and_stops, ("ana", "bruno", "dora")),
    "a no and a stop": (declines, pauses_and_stops, ("ana", "bruno", "dora")),
    "something that is not shared yet": (nothing, prepares, ("ana", "chen", "dora")),
    "what somebody wrote for themselves": (nothing, reflects, ("ana", "chen", "dora")),
    "what somebody carried": (carried_and_kept_to_oneself, was_over_by_itself, ("ana", "chen", "dora")),
    "somebody's settings and calls": (nothing, asked_for_somebody, ("ana", "chen", "dora")),
}


async def world(secret: Secret) -> Circle:
    circle = await Circle.gather(*NAMES)
    await circle.keeps("ana", "The keys", "Bruno", "Chen")
    await circle.keeps("bruno", "The garden", "Dora")
    await secret(circle)
    return circle


@pytest.mark.parametrize("what", SECRETS)
@pytest.mark.parametrize("days", [0, 3, 40])
async def test_two_worlds_that_differ_only_in_what_a_reader_may_not_see_read_the_same(
    what: str, days: int
) -> None:
    one, other, readers = SECRETS[what]
    first, second = await world(one), await world(other)
    for circle in (first, second):
        await circle.stage.pass_time(days * DAY_MS)
    for reader in readers:
        seen, seen_too = await first.everything(reader), await second.everything(reader)
        for view, text in seen.items():
            assert text == seen_too[view], f"{reader} can tell by {view!r}"


async def test_whoever_asked_to_be_spared_somebody_reads_nothing_of_what_they_began() -> None:
    spared, asked = await world(nothing), await world(nothing)
    for circle in (spared, asked):
        await circle.say("ana", "not from bruno")
        await circle.stage.pass_time(DAY_MS)
    await asked.mends("bruno", "Ana", "She was late.", goes_on=True)
    assert await asked.everything("ana") == await spared.everything("ana")


async def test_what_only_knocked_is_counted_and_not_called_by_its_name() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.mends("bruno", "Ana", "She was late.", goes_on=True)
    shut = await circle.everything("ana")
    assert "1 private matter; *open* shows it" in shut["my"]
    for view in ("my", "my people", "know", "letter", "export", "export with reflections"):
        assert "Bruno" not in shut[view], view
        assert "something between" not in shut[view], view


async def test_what_only_knocked_is_not_under_way_even_where_some_of_it_is_public() -> None:
    listed = MENDING.replace("called:", "listed in: what's on\ncalled:")
    circle = await Circle.gather("ana", "bruno", definitions=(keeping, fit(listed)))
    await circle.mends("bruno", "Ana", "She was late.", goes_on=True)
    assert "something with" not in "".join((await circle.everything("ana")).values())
    await circle.say("ana", "open")
    assert "· Mending: something with Ana" in await circle.reads("ana", "my")


TYPED = {
    "my": "my",
    "my people": "my people",
    "what I carried": "what i carried",
    "what do you know about me": "know",
    "who holds what": "who holds what",
    "what's on": "what's on",
    "try": "try",
    "help": "help",
}


@pytest.mark.parametrize("words", TYPED)
async def test_each_view_is_what_its_words_bring(words: str) -> None:
    circle = await world(carried_and_kept_to_oneself)
    await circle.say("bruno", words)
    brought = circle.stage.seen("bruno")[-1].words
    read = await circle.reads("bruno", TYPED[words])
    assert brought.replace("You are Bruno, .", "You are Bruno, @bruno:hearth.test.") == read


async def test_the_number_that_was_read_is_the_line_that_is_shown() -> None:
    circle = await world(carried_and_kept_to_oneself)
    await circle.stage.pass_time(DAY_MS)
    await circle.keeps("bruno", "The cellar", "Dora")
    await circle.say("bruno", "over", "what I carried", "show 2")
    assert await circle.reads_of("chen", "bruno") == "What Bruno shows of what they carried:\n· *The cellar*"
    await circle.say("chen", "what @bruno carried")
    assert circle.stage.seen("chen")[-1].words.endswith("· *The cellar*")
    await circle.say("bruno", "keep to myself 2")
    assert (await circle.reads_of("chen", "bruno")).startswith("Bruno shows nothing here.")
