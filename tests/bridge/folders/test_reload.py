"""A workflow file is changed while a real house runs: over a real homeserver, with real people and their apps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from engine.core.event import Migrated
from engine.core.instance import Snapshot
from engine.core.values import DAY_MS
from engine.loading.load import load_definition
from engine.runtime.ports import Changes, ToInstance
from tests.bridge.folders.test_librarian import BAD, TEA
from tests.demo.play import monday_morning
from tests.world import Member, Message, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

WITH_MAYBE = TEA.replace("coming: ✅ Coming\n", "coming: ✅ Coming\n      maybe: 🤔 Maybe\n")
KINDER = WITH_MAYBE.replace("invites you to tea", "would be glad to have tea with you")


class Afternoon:
    """A running house with a workflow folder of its own, some people, and the stewards' room."""

    def __init__(self, here: World, house: RunningHouse, folder: Path, stewards_room: str) -> None:
        self.here = here
        self.house = house
        self.folder = folder
        self.stewards_room = stewards_room
        self.bot = here.bot.user_id

    def __getitem__(self, name: str) -> Member:
        return self.here[name]

    async def room_of(self, name: str) -> str:
        member = self[name]
        return await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")

    async def hears(self, name: str, text: str) -> Message:
        return await self[name].hears(await self.room_of(name), text, sender=self.bot)

    async def tap(self, name: str, message: str, emoji: str) -> None:
        found = await self.hears(name, message)
        await self[name].react(await self.room_of(name), found.event_id, emoji)

    async def told(self, text: str) -> Message:
        """What the stewards read in their room."""
        return await self["ana"].hears(self.stewards_room, text, sender=self.bot)

    def write(self, text: str) -> None:
        (self.folder / "tea.yaml").write_text(text)

    async def running(self) -> list[Snapshot]:
        store = self.house.store
        return [each for circle in await store.circles() for each in await store.open_instances(circle)]


OpenAfternoon = Callable[..., Awaitable[Afternoon]]


@pytest.fixture
async def afternoon(world: OpenWorld, tmp_path: Path) -> AsyncIterator[OpenAfternoon]:
    async with AsyncExitStack() as stack:

        async def begin(*names: str) -> Afternoon:
            here = await world(*names, invite_bot=True)
            folder = tmp_path / "workflows"
            folder.mkdir()
            (folder / "tea.yaml").write_text(TEA)
            room = await here["ana"].create_room(name="Stewards", invite=[here.bot.user_id])
            clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
            house = RunningHouse(here, tmp_path, clock)
            house.circle_goes_by(
                workflows=folder, stewards=(here["ana"].user_id,), stewards_room=room, at_start=None
            )
            await stack.enter_async_context(house)
            for name in names:
                await here[name].hears(here.room, "runs for this circle")
            return Afternoon(here, house, folder, room)

        yield begin


async def test_a_file_is_changed_while_somebody_is_invited_by_it(afternoon: OpenAfternoon) -> None:
    here = await afternoon("ana", "bruno", "chen")
    await here["ana"].say(here.here.room, "!hearth tea @bruno")
    await here.tap("bruno", "May I write to you", "👋")
    first = await here.hears("bruno", "Ana invites you to tea.")
    assert "Maybe" not in first.body

    here.write(WITH_MAYBE)
    told = await here.told("the changed *tea.yaml* serves new ones now")
    assert "1 that everyone can see is running on the version before" in told.body
    assert "In this room I tell you what becomes of workflow files" in "".join(
        message.body for message in here["ana"].read(here.stewards_room)
    )

    await here["ana"].say(here.here.room, "!hearth tea @chen")
    await here.tap("chen", "May I write to you", "👋")
    second = await here.hears("chen", "Ana invites you to tea.")
    assert "Maybe" in second.body, "a new one runs on the new version"

    await here.tap("bruno", "Ana invites you to tea.", "✅")
    await here.hears("bruno", "You said: Coming.")
    old, new = await here.running()
    assert old.definition != new.definition, "the one that was running runs on as it began"

    here.write(BAD)
    refused = await here.told("can't be used as it is now")
    assert "The version before stays in service." in refused.body
    assert "tea.yaml:27:13 unknown state `doone` (also in line 33); did you mean `done`?" in refused.body

    here.write(KINDER)
    await here.told("is in order again")
    await here["bruno"].say(here.here.room, "!hearth tea @ana")
    await here.tap("ana", "May I write to you", "👋")
    await here.hears("ana", "Bruno would be glad to have tea with you.")
    assert {snapshot.definition for snapshot in await here.running()} == {old.definition, new.definition}

    # And once more from the start: nothing is told twice.
    before = [message.body for message in here["ana"].read(here.stewards_room)]
    await here.house.stop()
    await here.house.start()
    await here.house.quiet()
    assert [message.body for message in here["ana"].read(here.stewards_room)] == before


async def test_what_is_under_way_is_moved_to_another_version_by_the_running_house(
    afternoon: OpenAfternoon,
) -> None:
    here = await afternoon("ana", "bruno")
    await here["ana"].say(here.here.room, "!hearth tea @bruno")
    await here.tap("bruno", "May I write to you", "👋")
    await here.hears("bruno", "Ana invites you to tea.")
    (running,) = await here.running()
    target = load_definition(WITH_MAYBE)
    assert not isinstance(target, tuple)

    await here.house.store.put_definition(target, WITH_MAYBE)
    event = Migrated(target.digest, running.state)
    moving = ToInstance(
        id="migrate:tea>0", occurred_ms=here.house.clock.now_ms(), instance=running.id, event=event
    )
    await here.house.store.commit(Changes(inbox=[moving]))
    await here["ana"].say(here.here.room, "!hearth help")  # anything wakes the house
    await here.hears("ana", "for when you'd like to talk to a human being")

    async def is_moved() -> bool:
        (found,) = await here.running()
        return found.definition == target.digest

    async def moved() -> bool | None:
        return True if await is_moved() else None

    await _until(here, moved)
    assert len([m for m in here["bruno"].read(await here.room_of("bruno")) if "invites you" in m.body]) == 1
    await here.tap("bruno", "Ana invites you to tea.", "✅")
    await here.hears("bruno", "You said: Coming.")
    here.house.clock.jump_to(here.house.clock.now_ms() + 6 * DAY_MS)  # type: ignore[attr-defined]
    await here.house.quiet()
    assert await here.running() == []


async def _until(here: Afternoon, found: Callable[[], Awaitable[bool | None]]) -> None:
    """Wait for the house to rest, again and again, until something is so."""
    for _ in range(50):
        await here.house.quiet()
        if await found():
            return
        await here["ana"].say(here.here.room, "!hearth help")
        await here.house.quiet()
    raise AssertionError("it was never moved")
