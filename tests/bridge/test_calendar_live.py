"""Whoever says yes gets the date for their calendar, and gets it taken out again, over a real homeserver."""

from __future__ import annotations

from pathlib import Path

import icalendar

from tests.demo.play import monday_morning
from tests.world import Member, Message, OpenWorld
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

MOST_MOMENTS = 40


async def own_room(member: Member, room: str, bot: str) -> str:
    """The 1:1 room of somebody who has said that they may be written to."""
    await member.say(room, "!hearth start")
    own = await member.wait_for(lambda: member.find_dm(bot), what="a 1:1 room with the bot")
    await member.hears(own, "I'll write seldom", sender=bot)
    return own


async def date_in(member: Member, message: Message) -> tuple[icalendar.Calendar, icalendar.Event]:
    assert message.msgtype == "m.file"
    calendar = icalendar.Calendar.from_ical(await member.open_file(message))
    (event,) = calendar.walk("VEVENT")
    return calendar, event


async def test_a_date_comes_into_the_calendar_of_whoever_said_yes_and_is_taken_out_when_it_is_called_off(
    world: OpenWorld, tmp_path: Path
) -> None:
    here = await world("ana", "bruno", "chen", invite_bot=True)
    ana, bruno, chen, bot = here["ana"], here["bruno"], here["chen"], here.bot.user_id
    clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
    async with RunningHouse(here, tmp_path, clock) as house:
        rooms = {member: await own_room(member, here.room, bot) for member in (ana, bruno, chen)}
        await ana.say(rooms[ana], f"invite {bruno.user_id} {chen.user_id}: Soup at mine")
        for question, said in (
            ("What is it?", "an event"),
            ("When does it start?", "Friday 19:00"),
            ("How many need to say yes", "1"),
        ):
            await ana.hears(rooms[ana], question, sender=bot)
            await ana.say(rooms[ana], said)
        asked = await bruno.hears(rooms[bruno], "Soup at mine", sender=bot)
        await bruno.react(rooms[bruno], asked.event_id, "✅")
        await bruno.hears(rooms[bruno], "You said: I'm coming", sender=bot)
        await chen.say(rooms[chen], "no")
        await chen.hears(rooms[chen], "You said: No, thanks", sender=bot)

        for _ in range(MOST_MOMENTS):
            await house.quiet()
            if house_says(bruno, rooms[bruno], "For your calendar"):
                break
            moment_ms = await house.next_moment_ms()
            assert moment_ms is not None
            clock.jump_to(moment_ms)
        told = await bruno.hears(rooms[bruno], "For your calendar", sender=bot)
        calendar, event = await date_in(bruno, told)
        assert calendar["method"] == "PUBLISH"
        assert (str(event["summary"]), event.start.hour, event.start.weekday()) == ("Soup at mine", 19, 4)
        assert told.content["filename"] == "Soup at mine.ics"
        assert told.content["info"]["mimetype"] == "text/calendar"

        await ana.say(rooms[ana], "cancel")
        off = await bruno.hears(rooms[bruno], "takes it out of your calendar", sender=bot)
        calendar, gone = await date_in(bruno, off)
        assert (calendar["method"], gone["uid"], gone["status"]) == ("CANCEL", event["uid"], "CANCELLED")
        assert gone["sequence"] > event["sequence"]
        await house.quiet()
        assert not house_says(chen, rooms[chen], "calendar"), "a no hears nothing more of it"


def house_says(member: Member, room: str, text: str) -> list[Message]:
    return [message for message in member.read(room) if text in message.body]
