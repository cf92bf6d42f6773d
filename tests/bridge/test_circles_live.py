"""Two circles in one house, each with its own workflow folder, and one person in both: over a real homeserver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.plan import CirclePlan
from engine.core.values import DAY_MS
from tests.bridge.folders.test_librarian import BAD, TEA
from tests.demo.play import monday_morning
from tests.world import Member, Message, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

OVER = (
    TEA.replace("invites you to tea", "puts the kettle on in the shed for you")
    .replace("Drink tea together.", "A break in the shed.")
    .replace("Tea with <host>", "A break in the shed with <host>")
)
"""The same in everything but its words."""
SHIFT = TEA.replace("name: tea", "name: shift").replace("begins with: tea", "begins with: shift")
SHIFT = SHIFT.replace("invites you to tea", "asks you to take a shift").replace("Drink tea", "Share shifts")
HURT = (
    TEA.replace("name: tea", "name: hurt")
    .replace("begins with: tea", "begins with: hurt")
    .replace("listed in: what's on\n", "")
    .replace("    public: Tea with <host>\n", "")
    .replace("invites you to tea.", "would like to talk with you.")
    .replace("    seen by: host\n", "    seen by: host\n    care: sensitive\n")
    .replace("✅ Coming", "Yes, let's talk")
    .replace("Drink tea together.", "Say what hurt.")
)
FOREIGN_IN_THE_GARDEN = ("shed", "shift", "Shift", "Shed", "Rosa", "Schuppen")
FOREIGN_IN_THE_SHED = ("invites you to tea", "Drink tea", "Bruno")


class Town:
    """Ana is in both circles; Bruno in the garden alone, Rosa in the shed alone."""

    def __init__(self, here: World, house: RunningHouse, folders: dict[str, Path], shed: str) -> None:
        self.here = here
        self.house = house
        self.folders = folders
        self.garden = here.room
        self.shed = shed
        self.bot = here.bot.user_id

    def __getitem__(self, name: str) -> Member:
        return self.here[name]

    async def room_of(self, name: str) -> str:
        member = self[name]
        return await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")

    async def hears(self, name: str, text: str) -> Message:
        return await self[name].hears(await self.room_of(name), text, sender=self.bot)

    async def say(self, name: str, text: str) -> str:
        """Write in one's own room."""
        return await self[name].say(await self.room_of(name), text)

    async def next_day(self) -> None:
        """The week's budget allows one unasked message a day."""
        clock = self.house.clock
        assert isinstance(clock, JumpingClock)
        clock.jump_to(clock.now_ms() + DAY_MS)
        await self.house.quiet()

    async def greet(self, *names: str) -> None:
        for name in names:
            hello = await self.hears(name, "May I write to you")
            await self[name].react(hello.room_id, hello.event_id, "👋")

    def read_by(self, name: str) -> str:
        """All that the bot has ever written where this person reads it."""
        member = self[name]
        rooms = [room for room in member.rooms if self.bot in member.people(room)]
        lines = (m.body for room in rooms for m in member.read(room) if m.sender == self.bot)
        return "\n".join(lines)


OpenTown = Callable[..., Awaitable[Town]]


@pytest.fixture
async def town(world: OpenWorld, tmp_path: Path) -> AsyncIterator[OpenTown]:
    async with AsyncExitStack() as stack:

        async def begin(**shed_goes_by: object) -> Town:
            here = await world("ana", "bruno", invite_bot=True)
            rosa = await here.add("rosa", in_room=False)
            shed = await here["ana"].create_room(name="Shed", invite=[here.bot.user_id, rosa.user_id])
            await here["ana"].wait_for(
                lambda: rosa.user_id in here["ana"].people(shed), what="Rosa in the shed"
            )
            folders = {name: tmp_path / name for name in ("garden", "shed")}
            for name, files in (
                ("garden", {"tea": TEA, "hurt": HURT}),
                ("shed", {"tea": OVER, "shift": SHIFT, "hurt": HURT}),
            ):
                folders[name].mkdir()
                for file, text in files.items():
                    (folders[name] / f"{file}.yaml").write_text(text)
            house = RunningHouse(here, tmp_path, JumpingClock(monday_morning(JumpingClock(0).real_now_ms())))
            house.circle_goes_by(workflows=folders["garden"], at_start=None)
            second = CirclePlan(
                room=shed, workflows=folders["shed"], name="shed", outside_help="116 117", **shed_goes_by
            )
            allowed = replace(
                house.plan.allowed, users=house.plan.allowed.users | {here["ana"].user_id, rosa.user_id}
            )
            house.plan = replace(
                house.plan,
                circles=(*house.plan.circles, second),
                workflows=folders["garden"],
                allowed=allowed,
            )
            await stack.enter_async_context(house)
            await asyncio.gather(
                here["bruno"].hears(here.room, "Hearth"), rosa.hears(shed, "Hearth", sender=here.bot.user_id)
            )
            return Town(here, house, folders, shed)

        yield begin


async def test_the_same_word_begins_in_each_circle_what_its_own_folder_says(town: OpenTown) -> None:
    here = await town(language="de")
    await here["ana"].say(here.garden, f"!hearth tea {here['bruno'].user_id}")
    await here.greet("bruno")
    await here.hears("bruno", "invites you to tea")
    await here["ana"].say(here.shed, f"!hearth tea {here['rosa'].user_id}")
    hallo = await here.hears("rosa", "Darf ich dir")
    await here["rosa"].react(hallo.room_id, hallo.event_id, "👋")
    await here.hears("rosa", "puts the kettle on in the shed for you")
    # What only the other circle has is no word here, and not offered.
    await here["bruno"].say(here.garden, f"!hearth shift {here['ana'].user_id}")
    await here.hears("bruno", "I don't know that one")
    await here.say("bruno", "help")
    shown = await here.hears("bruno", "human being")
    assert "*tea*" in shown.body or "tea ·" in shown.body
    await here.say("bruno", "what's on")
    await here.hears("bruno", "Tea with")
    await here.say("rosa", "was läuft")
    await here.hears("rosa", "A break in the shed with")
    await here.say("rosa", "Hilfe")
    await here.hears("rosa", "shift")
    await here.house.quiet()
    for name, foreign in (("bruno", FOREIGN_IN_THE_GARDEN), ("rosa", FOREIGN_IN_THE_SHED)):
        read = here.read_by(name)
        assert [word for word in foreign if word in read] == [], read
    # Better words in one folder reach what is under way there, and nobody elsewhere.
    (here.folders["shed"] / "tea.yaml").write_text(OVER.replace("kettle", "big kettle"))
    here.house.look_again()
    await here["ana"].say(here.garden, "!hearth what's on")
    await here.house.quiet()
    assert "kettle" not in here.read_by("bruno")


async def test_whoever_is_in_both_says_which_circle_and_it_goes_on_with_what_they_said(
    town: OpenTown,
) -> None:
    here = await town()
    await here["ana"].say(here.garden, "!hearth help")
    await here.greet("ana")
    await here.say("ana", "tea")
    asked = await here.hears("ana", "Which one is this for?")
    assert "Shed" in asked.body
    await here.say("ana", "Shed")
    await here.hears("ana", "Whom?")
    await here.say("ana", here["rosa"].user_id)
    await here.greet("rosa")
    await here.hears("rosa", "puts the kettle on in the shed for you")
    # A word that only one of them knows needs no question, nor does one with somebody of one of them.
    await here.say("ana", f"shift {here['rosa'].user_id}")
    await here.house.quiet()
    await here.next_day()
    await here.hears("rosa", "asks you to take a shift")
    # Something private too, by its number, without a reaction anywhere.
    await here.say("ana", "hurt")
    private = await here.hears("ana", "nobody is told that you asked")
    await here.house.quiet()
    assert here["ana"].reactions(private.room_id, private.event_id) == {}
    await here.say("ana", "1")
    await here["ana"].wait_for(
        lambda: sum("Whom?" in m.body for m in here["ana"].read(private.room_id)) == 2, what="whom it is for"
    )
    await here.say("ana", here["bruno"].user_id)
    await here.greet("bruno")
    await here.hears("bruno", "Something private is waiting")
    await here.say("bruno", "open")
    await here.hears("bruno", "would like to talk with you")
    await here.house.quiet()
    assert [w for w in FOREIGN_IN_THE_GARDEN if w in here.read_by("bruno")] == []


async def test_the_stewards_of_one_circle_hear_nothing_of_the_files_of_another(town: OpenTown) -> None:
    here = await town()
    room = await here["rosa"].create_room(name="Stewards of the shed", invite=[here.bot])
    await here.house.stop()
    garden, shed = here.house.plan.circles
    garden = replace(garden, stewards=(here["bruno"].user_id,))
    shed = replace(shed, stewards=(here["rosa"].user_id,), stewards_room=room)
    here.house.plan = replace(here.house.plan, circles=(garden, shed))
    await here.house.start()
    (here.folders["shed"] / "tea.yaml").write_text(BAD)
    here.house.look_again()
    told = await here["rosa"].hears(room, "can't be used as it is now", sender=here.bot)
    assert "Workflow files of *shed*" in told.body
    await here.house.quiet()
    assert "can't be used" not in here.read_by("bruno")
