"""A tool of somebody's reports and begins for them over a real homeserver; they hear of it, and it is done once."""

from __future__ import annotations

from pathlib import Path

from bridge.http import Hooks
from bridge.http.hooks import Answer, Beginning, Hook, Report
from tests.demo.play import monday_morning
from tests.world import OpenWorld
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

ONLY = """\
name: walk
about: Walk together.
begins with: walk
called: <what>
people:
  host: starter
  guests: named in guests
details:
  guests:
    ask: Whom?
    type: people
  what:
    ask: Where to?
    type: words
    keep: 30 days
asks:
  coming:
    to: guests
    say: "<host> asks: <what>"
    answers: [Count me in]
    seen by: host
    until: 3 days after opening
states:
  draft:
    gather: [guests, what]
    moves:
      - when: everything is gathered
        to: open
      - at: 7 days after entering
        to: over
  open:
    asks: coming
    board:
      to: host
      say: "Walking: <coming.count_me_in>. *happened* when you are back."
    moves:
      - when: host writes happened
        to: over
      - at: 9 days after entering
        to: over
  over:
    tell:
      to: host
      say: Welcome back.
    ends with: It happened.
"""


async def test_a_tool_begins_and_reports_for_somebody_who_hears_of_it(
    world: OpenWorld, tmp_path: Path
) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    ana, bruno, bot = here["ana"], here["bruno"], here.bot.user_id
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "walk.yaml").write_text(ONLY)
    hook = Hook("calendar", ana.user_id, ("walk", "happened"), "secret")
    stranger = Hook("other", "@nobody:hearth.test", ("walk",), "secret")
    house = RunningHouse(here, tmp_path, JumpingClock(monday_morning(JumpingClock(0).real_now_ms())))
    house.circle_goes_by(workflows=tmp_path / "workflows", at_start=None)
    house.hooks = Hooks((hook, stranger))
    async with house:
        for member in (ana, bruno):
            await member.say(here.room, "!hearth start")
        rooms = {m: await m.wait_for(lambda m=m: m.find_dm(bot), what="a 1:1 room") for m in (ana, bruno)}  # type: ignore[misc]
        for member, room in rooms.items():
            await member.hears(room, "I'll write seldom", sender=bot)
        errands = house.hooks.errands
        assert errands is not None

        begin = Beginning("b1", "walk", (bruno.user_id,), words="Up to the old mill")
        assert await errands.carry_out(hook, begin) == Answer("done")
        await bruno.hears(rooms[bruno], "Ana asks: Up to the old mill", sender=bot)
        await ana.hears(
            rooms[ana], "*calendar*, a tool that may write for you, has just written: *walk*.", sender=bot
        )
        assert await errands.carry_out(hook, begin) == Answer("again")

        (running,) = await house.store.open_instances(next(iter(await house.store.circles())))
        report = Report("r1", "happened", f"{running.id}@hearth")
        unknown = await errands.carry_out(hook, Report("r0", "happened", "0@hearth"))
        assert unknown.outcome == "nothing"
        assert (
            await errands.carry_out(hook, Report("r2", "fly", f"{running.id}@hearth"))
        ).outcome == "refused"
        assert (await errands.carry_out(stranger, begin)).outcome == "refused"
        assert await errands.carry_out(hook, report) == Answer("done")
        await ana.hears(rooms[ana], "Welcome back.", sender=bot)

        # What was taken is not taken again, also after a restart, and nothing was done twice.
        await house.stop()
        assert house.hooks.errands is None
        await house.start()
        errands = house.hooks.errands
        assert errands is not None
        assert await errands.carry_out(hook, report) == Answer("again")
        assert await errands.carry_out(hook, begin) == Answer("again")
        await house.quiet()
        asked = [m for m in bruno.read(rooms[bruno]) if "Up to the old mill" in m.body and m.sender == bot]
        assert len(asked) == 1
