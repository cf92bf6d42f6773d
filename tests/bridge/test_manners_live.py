"""A guest's manners over the real thing: a homeserver, encrypted clients, a database, a house.

One house and one circle; one claim after another, with the workflows that come with Hearth.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from engine.core.values import HOUR_MS
from tests.bridge.live import Town, town_of
from tests.world import Synapse

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = ("ana", "bruno", "chen", "dora", "eli")
AT_START = ("invitation",)
LETTER = "Your weekly letter"
MOST_LOOKS = 50
DISHES = {"ana": "Soup by the pond.", "bruno": "Plum cake in the barn.", "dora": "Tea under the lime tree."}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(synapse: Synapse, tmp_path_factory: pytest.TempPathFactory, seed: int) -> AsyncIterator[Town]:
    folder: Path = tmp_path_factory.mktemp("manners")
    async with town_of(synapse, PEOPLE, folder, seed, in_use=AT_START) as here:
        for name in PEOPLE:
            await here.say(name, "!hearth help", room=True)
        await here.greet(*PEOPLE)
        yield here


def hour_in(town: Town, zone: str) -> int:
    return datetime.fromtimestamp(town.now_ms / 1000, ZoneInfo(zone)).hour


# ── what is one's own to set ─────────────────────────────────────────────────


async def test_time_zone_and_quiet_hours_are_set_by_a_word_repeated_and_shown_with_what_changes_them(
    town: Town,
) -> None:
    await town.say("chen", "time zone Vienna")
    answer = await town.hears("chen", "I go by the time of Vienna")
    assert f"{hour_in(town, 'Europe/Vienna')}:" in answer.body
    await town.say("chen", "quiet from 10pm to 7am")
    await town.hears("chen", "quiet for you from 22:00 to 7:00")
    await town.say("chen", "letter on Friday")
    await town.say("chen", "stop invitation")
    await town.say("chen", "settings")
    shown = (await town.hears("chen", "the words that change it")).body
    for said in (
        "Time of Vienna",
        "*time zone Berlin*",
        "Quiet from 22:00 to 07:00",
        "*no quiet hours*",
        "Weekly letter on Friday",
        "*stop letter*",
        "Nothing from",
        "*pause until Monday*",
        "*language German*",
    ):
        assert said in shown, said
    await town.say("chen", "start invitation")


async def test_a_place_that_is_not_known_is_asked_for_kindly_and_near_ones_are_named(town: Town) -> None:
    await town.say("chen", "time zone USA")
    near = await town.hears("chen", "Perhaps one of these")
    assert "New York, Chicago" in near.body
    await town.say("chen", "time zone Atlantis")
    await town.hears("chen", "Which place's time shall I go by?")


async def test_in_another_language_everything_is_said_and_understood_there(town: Town) -> None:
    await town.say("eli", "Sprache Deutsch")
    await town.say("eli", "Zeitzone New York")
    await town.hears("eli", "richte ich mich nach der Zeit von New York")
    await town.say("eli", "Ruhezeit von 22 bis 8 Uhr")
    await town.hears("eli", "Ruhe für dich von 22:00 bis 8:00")
    await town.say("eli", "keine Ruhezeit")
    await town.hears("eli", "keine Ruhezeit")
    await town.say("eli", "Sprache Englisch")
    back = await town.hears("eli", "from now on I write to you in English")
    last = [message.event_id for message in town.seen("eli")][-1]
    assert back.event_id == last, "each was understood at once, and nothing was asked back"


async def test_a_question_waits_for_the_morning_of_whoever_it_is_for(town: Town) -> None:
    now = hour_in(town, "Europe/Vienna")
    await town.say("chen", f"quiet from {now}:00 to {(now + 3) % 24}:00")
    await town.begin("ana", "invite @chen: a walk to the mill.", "An event", town.day(6), "1")
    assert not town.seen("chen", "a walk to the mill")
    await town.pass_days(2 / 24)
    assert not town.seen("chen", "a walk to the mill")
    await town.until(lambda: town.seen("chen", "a walk to the mill"), days=1)
    assert hour_in(town, "Europe/Vienna") == (now + 3) % 24
    await town.say("chen", "no quiet hours")
    asked = town.seen("chen", "a walk to the mill")[-1]
    await town.say("chen", "I'm coming", to=asked)


# ── read ─────────────────────────────────────────────────────────────────────


async def test_what_was_said_is_shown_as_read_one_to_one_and_in_the_room_to_nobody(town: Town) -> None:
    room = await town.room_of("dora")
    said = await town.say("dora", "help")
    await town.hears("dora", "*settings*")

    async def receipts(where: str) -> dict[str, Any]:
        only = {"room": {"rooms": [where], "timeline": {"limit": 1}}, "presence": {"limit": 0}}
        answer = await town["dora"].call("GET", f"/sync?timeout=0&filter={quote(json.dumps(only))}")
        shown: dict[str, Any] = {}
        for event in answer["rooms"]["join"][where]["ephemeral"]["events"]:
            if event["type"] == "m.receipt":
                shown |= event["content"]
        return shown

    async def is_read() -> bool:
        return town.bot in (await receipts(room)).get(said, {}).get("m.read", {})

    looks = 0
    while not await is_read():
        looks += 1
        assert looks < MOST_LOOKS
    in_room = await receipts(town.world.room)
    assert not [event for event, kinds in in_room.items() if town.bot in kinds.get("m.read", {})]


# ── several questions ────────────────────────────────────────────────────────


async def test_what_waits_for_the_budget_comes_with_the_letter_and_is_answered_one_by_one(town: Town) -> None:
    await town.monday()
    for name, dish in DISHES.items():
        await town.begin(name, f"invite @eli: {dish}", "An event", town.day(20), "1")
    assert len([dish for dish in DISHES.values() if town.seen("eli", dish)]) == 1, "one asks for attention"
    await town.until(lambda: all(town.seen("eli", dish) for dish in DISHES.values()), days=8)
    letter = town.seen("eli", LETTER)[-1]
    messages = [message.event_id for message in town.seen("eli")]
    asked = {name: town.seen("eli", dish)[0] for name, dish in DISHES.items()}
    with_it = [a for a in asked.values() if messages.index(a.event_id) > messages.index(letter.event_id)]
    assert with_it, "the letter stands above what came with it"
    assert f"{len(with_it)} question" in letter.body
    assert "further up" not in letter.body
    assert all(not a.content.get("m.mentions", {}).get("user_ids") for a in with_it), "without a sound"

    await town.say("eli", "I'm coming")
    which = await town.hears("eli", "Which one is it for?")
    assert all(f"{n}. " in which.body for n in (1, 2, 3))
    await town.say("eli", "2")
    await town.rest()
    await town.all_arrived()
    coming = [name for name, dish in DISHES.items() if town.seen(name, "Coming: Eli")]
    assert len(coming) == 1
    other = next(name for name in DISHES if name not in coming)
    await town.say("eli", "I'm coming", to=asked[other])
    await town.hears(other, "Coming: Eli")


# ── reminders after days away ────────────────────────────────────────────────


async def test_a_house_that_was_off_for_days_brings_up_what_was_put_off_one_by_one_and_by_day(
    town: Town,
) -> None:
    await town.monday()
    await town.say("dora", "time zone UTC")
    for name, what in (("ana", "a book about bees"), ("bruno", "a game of chess"), ("chen", "a choir")):
        await town.begin(name, f"invite @dora: {what}.", "An event", town.day(28), "1")
    await town.until(
        lambda: len([1 for w in ("bees", "chess", "choir") if town.seen("dora", w)]) == 3, days=10
    )
    for what in ("bees", "chess", "choir"):
        await town.say("dora", "later", to=town.seen("dora", what)[0])
    await town.lives.hold()
    town.lives.jump_to(town.now_ms + 5 * 24 * HOUR_MS + 17 * HOUR_MS)
    town.lives.go_on()
    hours: list[int] = []

    def reminded() -> bool:
        found = len([m for m in town.seen("dora") if m.body.startswith("Open until")])
        while len(hours) < found:
            hours.append(datetime.fromtimestamp(town.now_ms / 1000, UTC).hour)
        return found == 3

    await town.until(reminded, days=4)
    assert all(9 <= hour < 21 for hour in hours), hours
