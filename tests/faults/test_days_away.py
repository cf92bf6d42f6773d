"""Days in which the bot was not there: what people said meanwhile counts once, and nothing is done a second time."""

from tests.faults.scene import MakeScene, Scene
from tests.world import Message

DAYS_SECONDS = 5 * 24 * 3600
VIEW = "Nobody holds a role here at the moment"


async def invited(it: Scene) -> tuple[str, str, Message]:
    """Ana has invited Bruno to something in nine days; the rooms of both, and what he was asked."""
    ana, bruno = it["ana"], it["bruno"]
    await ana.say(it.here.room, "!hearth start")
    anas = await it.until(ana.wait_for(lambda: ana.find_dm(it.bot), what="a room with the bot"))
    await it.until(ana.hears(anas, "I'll write seldom"))
    await bruno.say(it.here.room, "!hearth start")
    brunos = await it.until(bruno.wait_for(lambda: bruno.find_dm(it.bot), what="a room with the bot"))
    await it.until(bruno.hears(brunos, "I'll write seldom"))
    await ana.say(anas, f"invite {bruno.user_id}: Soup at mine")
    for question, said in (("What is it?", "an event"), ("When does it start?", "27 January 19:00")):
        await it.until(ana.hears(anas, question))
        await it.clock.pass_time(5)
        await ana.say(anas, said)
    await it.until(ana.hears(anas, "How many need to say yes"))
    await ana.say(anas, "1")
    asked = await it.until(bruno.hears(brunos, "Soup at mine"), at_most_seconds=4 * 3600)
    await it.clock.pass_time(60)
    return anas, brunos, asked


async def test_what_people_answered_in_days_without_the_bot_counts_and_no_command_is_done_twice(
    scene: MakeScene,
) -> None:
    it = await scene("ana", "bruno")
    anas, brunos, asked = await invited(it)
    await it.until(it.house.stop())
    await it["bruno"].react(brunos, asked.event_id, "✅")
    await it["ana"].say(it.here.room, "!hearth who holds what")
    await it.clock.pass_time(DAYS_SECONDS)
    for _ in range(3):
        await it.until(it.house.start())
        await it.clock.pass_time(120)
        assert "You said: I'm coming" in it["bruno"].message(brunos, asked.event_id).body
        assert len(it.heard("ana", it.here.room, VIEW)) == 1
        assert len(it.heard("ana", anas, "Coming: Bruno")) == 1
        await it.until(it.house.stop())


async def test_an_answer_given_in_time_counts_though_the_bot_was_away_until_after_it_closed(
    scene: MakeScene,
) -> None:
    it = await scene("ana", "bruno")
    anas, brunos, asked = await invited(it)
    await it.until(it.house.stop())
    await it["bruno"].react(brunos, asked.event_id, "✅")
    await it.clock.pass_time(2 * DAYS_SECONDS)
    await it.until(it.house.start())
    await it.clock.pass_time(120)
    assert "You said: I'm coming" in it["bruno"].message(brunos, asked.event_id).body
    assert it.heard("ana", anas, "It's on.")
    assert it.heard("ana", anas, "Coming: Bruno")


async def test_what_was_said_in_a_room_while_the_bot_was_put_out_of_it_is_not_done_on_its_return(
    scene: MakeScene,
) -> None:
    it = await scene("ana", "bruno")
    anas = await it.meet("ana")
    ana, common = it["ana"], it.here.room
    await ana.call("POST", f"/rooms/{common}/kick", {"user_id": it.bot})
    await it.clock.pass_time(60)
    await ana.say(common, "!hearth who holds what")
    await it["bruno"].say(common, "!hearth help")
    await it.clock.pass_time(60)
    for _ in range(2):
        await ana.invite(common, it.bot)
        await it.until(ana.wait_for(lambda: it.bot in ana.people(common)))
        await it.clock.pass_time(120)
        assert it.heard("ana", common, VIEW) == []
        assert it["bruno"].find_dm(it.bot) is None
        await ana.call("POST", f"/rooms/{common}/kick", {"user_id": it.bot})
        await it.clock.pass_time(60)
    await ana.invite(common, it.bot)
    await it.until(ana.wait_for(lambda: it.bot in ana.people(common)))
    await ana.say(common, "!hearth who holds what")
    await it.until(ana.hears(common, VIEW))
    assert it.heard("ana", anas) != []
