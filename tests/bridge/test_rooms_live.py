"""Rooms as they really are, over the wire: a space as a circle, rooms that are replaced, and the bot put out of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from engine.core.instance import Snapshot
from engine.core.values import CircleId
from tests.demo.play import monday_morning
from tests.world import Member, Message, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

HELLO = "Hello, I'm Hearth"
MAY_I = "May I write to you"


class Place:
    """A running house, its people, and the rooms they make."""

    def __init__(self, here: World, house: RunningHouse) -> None:
        self.here = here
        self.house = house
        self.bot = here.bot.user_id
        self._greeted: set[str] = set()
        self._answered: set[str] = set()

    def __getitem__(self, name: str) -> Member:
        return self.here[name]

    async def circle(self) -> CircleId:
        (circle,) = await self.house.store.circles()
        return circle

    async def snapshots(self) -> list[Snapshot]:
        return list(await self.house.store.open_instances(await self.circle()))

    async def hears(self, name: str, text: str, room: str | None = None) -> Message:
        member = self[name]
        place = room or await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")
        return await member.hears(place, text, sender=self.bot)

    async def tap(self, name: str, text: str, emoji: str, room: str | None = None) -> None:
        found = await self.hears(name, text, room)
        await self[name].react(found.room_id, found.event_id, emoji)

    async def tell(self, name: str, question: str, answer: str) -> None:
        await self.hears(name, question)
        member = self[name]
        room = member.find_dm(self.bot)
        assert room is not None

        def asked_now() -> Message | None:
            found = [m for m in member.read(room) if m.decrypted and question in m.body]
            return found[-1] if found and found[-1].event_id not in self._answered else None

        found = await member.wait_for(asked_now, what=f"{question!r}, another time")
        self._answered.add(found.event_id)
        await member.say(room, answer)

    async def describe_role(
        self, title: str, room: str, holder: str = "@bruno", ends: str = "in 4 months"
    ) -> None:
        """Ana describes a role for somebody to hold, and they take it on."""
        await self["ana"].say(room, f"!hearth role: {title}")
        await self.tell("ana", "for? One sentence", "That nobody is left alone")
        await self.tell("ana", "decide alone", "Everything small")
        await self.tell("ana", "Whom shall I ask", holder)
        await self.tell("ana", "Who might learn it", "none")
        await self.tell("ana", "Until when?", ends)
        name = holder.removeprefix("@")
        if name not in self._greeted:
            self._greeted.add(name)
            await self.tap(name, MAY_I, "✉️")
        await self.tap(name, title, "🌿")

    async def upgrade(self, room: str, *names: str, version: str = "12") -> str:
        """Ana replaces a room; these come along, and the bot is invited."""
        ana = self["ana"]
        answer = await ana.call("POST", f"/rooms/{quote(room)}/upgrade", {"new_version": version})
        new: str = answer["replacement_room"]
        await ana.wait_for(lambda: new in ana.rooms, what="the new room")
        for user_id in (self.bot, *(self[name].user_id for name in names)):
            await ana.invite(new, user_id)
        for name in names:
            member = self[name]
            await member.wait_for(lambda member=member: new in member.rooms, what=f"{name} in the new room")
        return new

    async def moved_to(self, room: str) -> None:
        """Wait until the circle goes by this room; a word in it makes the house look."""
        await self["ana"].wait_for(
            lambda: self.bot in self["ana"].people(room), what="the bot in the new room"
        )
        circle = await self.circle()
        for _ in range(50):
            if await self.house.store.room_of(circle) == room:
                return
            before = len(self["ana"].events(room))
            await self["ana"].say(room, "Here we are")
            await self["ana"].wait_for(lambda before=before: len(self["ana"].events(room)) > before)
        raise AssertionError(f"the circle still goes by {await self.house.store.room_of(circle)}")


OpenPlace = Callable[..., Awaitable[Place]]


@pytest.fixture
async def place(world: OpenWorld, tmp_path: Path) -> AsyncIterator[OpenPlace]:
    async with AsyncExitStack() as stack:

        async def begin(here: World, **circle: Any) -> Place:
            clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
            house = RunningHouse(here, tmp_path, clock)
            house.circle_goes_by(**circle)
            await stack.enter_async_context(house)
            return Place(here, house)

        yield begin


async def make_space(here: World, **rooms: tuple[str, ...]) -> dict[str, str]:
    """Ana makes a space with these rooms in it, in this order; who is in which. The bot is invited everywhere."""
    ana, bot = here["ana"], here.bot.user_id
    made: dict[str, str] = {}
    kind = {"creation_content": {"type": "m.space"}}
    made["space"] = await ana.create_room(name="The village", encrypted=False, invite=[bot], **kind)
    for n, (name, people) in enumerate(rooms.items()):
        invited = [here[each].user_id for each in people]
        made[name] = await ana.create_room(name=name.capitalize(), invite=[bot, *invited])
        for each in people:
            member, room = here[each], made[name]
            await member.wait_for(lambda member=member, room=room: room in member.rooms)
        await add_child(ana, made["space"], made[name], order=chr(ord("a") + n))
    return made


async def add_child(person: Member, space: str, room: str, **content: Any) -> None:
    where = f"/rooms/{quote(space)}/state/m.space.child/{quote(room)}"
    await person.call("PUT", where, {"via": ["hearth.test"]} | content)


def known(member: Member, room: str) -> list[Message]:
    """What the bot has told somebody of what it keeps about them."""
    return [m for m in member.read(room) if m.decrypted and "What I keep about you" in m.body]


async def test_a_space_is_a_circle_and_answers_come_where_somebody_asked(world, place: OpenPlace) -> None:
    here = await world("ana", "bruno", "chen")
    rooms = await make_space(here, kitchen=("bruno",), garden=("bruno", "chen"))
    it = await place(here, room=rooms["space"])
    await it.hears("ana", HELLO, rooms["kitchen"])
    await here["chen"].say(rooms["garden"], "!hearth who holds what")
    await it.hears("chen", "Nobody holds a role here", rooms["garden"])
    assert not [m for m in here["ana"].read(rooms["kitchen"]) if "Nobody holds" in m.body]
    await it.describe_role("Keys", rooms["garden"])
    await it.hears("ana", "Bruno holds a role now", rooms["kitchen"])
    # Chen is in the garden only, and yet of the circle.
    persons = {name: await it.house.store.person(here[name].user_id) for name in ("ana", "bruno", "chen")}
    (role,) = await it.snapshots()
    assert persons["bruno"] in await it.house.store.people_of(role.id)


async def test_who_leaves_one_room_of_a_space_has_not_left_and_who_leaves_all_has(
    world, place: OpenPlace
) -> None:
    here = await world("ana", "bruno")
    rooms = await make_space(here, kitchen=("bruno",), garden=("bruno",))
    it = await place(here, room=rooms["space"])
    await it.hears("ana", HELLO, rooms["kitchen"])
    await it.describe_role("Keys", rooms["kitchen"])
    await it.hears("ana", "Bruno holds a role now", rooms["kitchen"])
    await here["bruno"].leave(rooms["kitchen"])
    await here["ana"].say(rooms["garden"], "!hearth who holds what")
    await it.hears("ana", "Keys", rooms["garden"])
    (role,) = await it.snapshots()
    assert role.state == "shared"
    await here["bruno"].leave(rooms["garden"])
    await here["ana"].say(rooms["kitchen"], "!hearth who holds what")
    await it.hears("ana", "Nobody holds a role here", rooms["kitchen"])


async def test_a_room_that_leaves_the_space_takes_its_people_with_it(world, place: OpenPlace) -> None:
    here = await world("ana", "bruno")
    rooms = await make_space(here, kitchen=(), garden=("bruno",))
    it = await place(here, room=rooms["space"])
    await it.hears("ana", HELLO, rooms["kitchen"])
    await it.describe_role("Keys", rooms["kitchen"])
    await it.hears("ana", "Bruno holds a role now", rooms["kitchen"])
    where = f"/rooms/{quote(rooms['space'])}/state/m.space.child/{quote(rooms['garden'])}"
    await here["ana"].call("PUT", where, {})
    await here["ana"].say(rooms["kitchen"], "!hearth who holds what")
    await it.hears("ana", "Nobody holds a role here", rooms["kitchen"])


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_circle_goes_on_in_the_room_that_its_room_was_upgraded_to(
    world, place: OpenPlace, version: str
) -> None:
    here = await world("ana", "bruno", "chen", invite_bot=True)
    it = await place(here)
    await it.hears("ana", HELLO, here.room)
    circle = await it.circle()
    await it.describe_role("Keys", here.room)
    await it.hears("ana", "Bruno holds a role now", here.room)
    new = await it.upgrade(here.room, "bruno", version=version)
    await it.moved_to(new)
    # Chen has not come along, and still counts: nothing has ended, nobody was welcomed anew, nobody was greeted twice.
    await here["ana"].say(new, "!hearth who holds what")
    await it.hears("ana", "Keys", new)
    assert await it.circle() == circle
    assert not [m for m in here["ana"].read(new) if HELLO in m.body]
    # The house may be started again with either name of the room.
    for room in (here.room, new):
        await it.house.stop()
        it.house.circle_goes_by(room=room)
        await it.house.start()
        assert await it.circle() == circle
    assert [role.state for role in await it.snapshots()] == ["shared"]
    # What is public is written where the circle is now.
    await it["bruno"].leave(here.room)
    await it["bruno"].leave(new)
    await it.hears("ana", "is open", new)


async def test_a_room_that_was_upgraded_while_the_house_slept_is_the_same_circle(
    world, place: OpenPlace
) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    it = await place(here)
    await it.hears("ana", HELLO, here.room)
    circle = await it.circle()
    await it.house.stop()
    new = await it.upgrade(here.room, "bruno")
    # As by an alias in the settings, which the homeserver has moved: the new room is all that is named.
    it.house.circle_goes_by(room=new)
    await it.house.start()
    await it.moved_to(new)
    assert await it.circle() == circle
    await here["ana"].say(new, "!hearth who holds what")
    await it.hears("ana", "Nobody holds a role here", new)
    assert not [m for m in here["ana"].read(new) if HELLO in m.body]


async def test_put_out_of_its_room_the_bot_stays_calm_and_goes_on_when_it_is_asked_back(
    world, place: OpenPlace
) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    it = await place(here)
    ana = here["ana"]
    await it.hears("ana", HELLO, here.room)
    await it.describe_role("Keys", here.room)
    await it.hears("ana", "Bruno holds a role now", here.room)
    for way in ("kick", "ban"):
        await ana.call("POST", f"/rooms/{quote(here.room)}/{way}", {"user_id": it.bot})
        await ana.wait_for(lambda: it.bot not in ana.people(here.room))
        await ana.say(here.room, "!hearth role: Said while the bot was out")
        if way == "ban":
            await ana.call("POST", f"/rooms/{quote(here.room)}/unban", {"user_id": it.bot})
        await ana.invite(here.room, it.bot)
        await ana.wait_for(lambda: it.bot in ana.people(here.room))
        seen = len(ana.read(here.room))
        await ana.say(here.room, "!hearth who holds what")
        await ana.wait_for(
            lambda seen=seen: any("Keys" in m.body for m in ana.read(here.room)[seen:] if m.sender == it.bot)
        )
    assert [role.state for role in await it.snapshots()] == ["shared"]
    assert len([m for m in ana.read(here.room) if HELLO in m.body]) == 1


async def test_somebody_whose_account_is_deactivated_has_left_and_it_is_said_quietly(
    world, place: OpenPlace
) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    it = await place(here)
    await it.hears("ana", HELLO, here.room)
    await it.describe_role("Keys", here.room)
    await it.hears("ana", "Bruno holds a role now", here.room)
    bruno = here["bruno"].account
    await here["bruno"].stop()
    proof = {"type": "m.login.password", "password": bruno.password}
    body = {"auth": {**proof, "identifier": {"type": "m.id.user", "user": bruno.user_id}}}
    here.synapse.request("POST", "/_matrix/client/v3/account/deactivate", body, token=bruno.access_token)
    await it.hears("ana", "is open", here.room)
    assert await it.snapshots() == []


async def test_who_holds_the_role_of_a_steward_looks_after_the_circle(world, place: OpenPlace) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    it = await place(here)
    await it.hears("ana", HELLO, here.room)
    await it.describe_role("Steward", here.room)
    await it.hears("ana", "Bruno holds a role now", here.room)
    bruno = here["bruno"]
    room = bruno.find_dm(it.bot)
    assert room is not None
    answers: list[Message] = []
    # Who holds what is looked up again within two seconds of a change.
    while not any("you look after this circle" in answer.body for answer in answers):
        asked = len(answers)
        await bruno.say(room, "what do you know about me")
        await bruno.wait_for(lambda asked=asked: len(known(bruno, room)) > asked)
        answers = known(bruno, room)
