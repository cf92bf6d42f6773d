"""What should not come, over the wire: a clear word or a logged reason, and nobody's words in the log."""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from engine.core.instance import Snapshot
from engine.core.values import DAY_MS, HOUR_MS
from tests.demo.play import monday_morning
from tests.world import Member, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import SHIPPED, RunningHouse

MARK = "marigold"
"""Stands in everything people write here, and may stand in no log."""

HELP = "for when you'd like to talk to a human being"


class Logged(logging.Handler):
    """Everything our own code logs, down to the smallest."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def find(self, *parts: str) -> list[str]:
        return [line for line in self.lines if all(part in line for part in parts)]


@pytest.fixture(autouse=True)
def logged() -> Iterator[Logged]:
    """Listens to `bridge` and `engine`; fails a test in which somebody's words or a traceback got into the log."""
    handler = Logged()
    ours = [logging.getLogger(name) for name in ("bridge", "engine")]
    before = [logger.level for logger in ours]
    for logger in ours:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger, level in zip(ours, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert handler.lines
    assert not handler.find(MARK)
    assert not handler.find("Traceback")
    assert not handler.find("ERROR")


class Evening:
    """A running house and its people."""

    def __init__(self, here: World, house: RunningHouse, clock: JumpingClock) -> None:
        self.here = here
        self.house = house
        self.clock = clock
        self.bot = here.bot.user_id

    def __getitem__(self, name: str) -> Member:
        return self.here[name]

    async def room_of(self, name: str) -> str:
        """The 1:1 room of somebody and the bot."""
        member = self[name]
        return await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")

    async def answer(self, name: str, question: str, text: str) -> None:
        room = await self.room_of(name)
        await self[name].hears(room, question, sender=self.bot)
        await self[name].say(room, text)

    async def tap(self, name: str, message: str, emoji: str) -> str:
        room = await self.room_of(name)
        found = await self[name].hears(room, message, sender=self.bot)
        return await self[name].react(room, found.event_id, emoji)

    async def hears(self, name: str, text: str) -> None:
        await self[name].hears(await self.room_of(name), text, sender=self.bot)

    async def invite(self, who: str = "@bruno") -> None:
        """Ana invites to something on Friday evening."""
        await self["ana"].say(self.here.room, f"!hearth invite {who}: Soup and {MARK} at my place.")
        await self.answer("ana", "What is it?", "1")
        await self.answer("ana", "When does it start?", "Friday 19:00")
        await self.answer("ana", "How many need to say yes", "1")
        await self.hears("ana", "Your invitation is out")

    async def later(self, by_ms: int) -> None:
        """Let so much time pass, and everything that is due happen."""
        await self.house.quiet()
        self.clock.jump_to(self.clock.now_ms() + by_ms)
        await self.house.quiet()

    async def snapshots(self) -> list[Snapshot]:
        store = self.house.store
        return [each for circle in await store.circles() for each in await store.open_instances(circle)]

    def heard(self) -> dict[str, list[str]]:
        """Everything the bot has said, to whomever, as it stands now."""
        return {
            f"{name} {room}": [m.body for m in member.read(room) if m.sender == self.bot]
            for name, member in self.here.members.items()
            for room in sorted(member.rooms)
        }


OpenEvening = Callable[..., Awaitable[Evening]]


@pytest.fixture
async def evening(world: OpenWorld, tmp_path: Path) -> AsyncIterator[OpenEvening]:
    async with AsyncExitStack() as stack:

        async def begin(*names: str, workflows: Path = SHIPPED, encrypted: bool = True) -> Evening:
            here = await world(*names, invite_bot=True, encrypted=encrypted)
            clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
            house = RunningHouse(here, tmp_path, clock)
            house.circle_goes_by(workflows=workflows)
            await stack.enter_async_context(house)
            made = Evening(here, house, clock)
            for member in here.members.values():
                await member.hears(here.room, "Hello, I'm Hearth")
            return made

        yield begin


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    """A folder of one's own with the shipped workflows."""
    folder = tmp_path / "workflows"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


# ── too much, too late, not on offer, not asked ──────────────────────────────


async def test_sixty_kilobytes_get_one_kind_line_and_begin_nothing(evening: OpenEvening) -> None:
    it = await evening("ana", encrypted=False)
    flood = (MARK + " ") * (60_000 // (len(MARK) + 1))
    await it["ana"].say(it.here.room, f"!hearth invite everyone: {flood}")
    await it.hears("ana", "That is more than I can carry in one message")
    assert await it.snapshots() == []
    # In their own room, encrypted, so much does not fit into an event; what fits is still too much for an answer.
    await it["ana"].say(it.here.room, "!hearth invite everyone")
    await it.answer("ana", "What is it?", "1")
    await it.answer("ana", "What are you inviting to?", flood[:44_000])
    room = await it.room_of("ana")
    before = it["ana"].read(room)[-1].event_id
    await it["ana"].wait_for(
        lambda: len([m for m in it["ana"].read(room) if "more than I can carry" in m.body]) == 2, what=before
    )
    (snapshot,) = await it.snapshots()
    assert "what" not in snapshot.details
    await it["ana"].say(room, f"Soup and {MARK}.")
    await it.hears("ana", "When does it start?")


async def test_an_emoji_nobody_offered_is_left_alone_and_its_reason_logged(
    evening: OpenEvening, logged: Logged
) -> None:
    it = await evening("ana")
    await it["ana"].say(it.here.room, "!hearth help")
    await it.hears("ana", HELP)
    await it.house.quiet()
    before = it.heard()
    event = await it.tap("ana", "May I write to you", "🦄")
    await it.tap("ana", HELP, "👍")
    await it["ana"].react(it.here.room, it["ana"].read(it.here.room)[0].event_id, "❓")
    await it["ana"].say(await it.room_of("ana"), "who holds what")
    await it.hears("ana", "Nobody holds a role here")
    assert logged.find(event, "ignored", "not on offer")
    after = it.heard()
    assert [after[place][: len(said)] for place, said in before.items()] == list(before.values())
    await it.tap("ana", "May I write to you", "👋")
    await it.hears("ana", "I'll write seldom")


async def test_an_answer_after_closing_gets_a_kind_line_and_changes_nothing(evening: OpenEvening) -> None:
    it = await evening("ana", "bruno")
    await it.invite()
    await it.tap("bruno", "May I write to you", "✉️")
    await it.hears("bruno", "Ana invites you")
    await it.later(5 * DAY_MS)
    await it.hears("ana", "Not joining: 1")
    before = await it.snapshots()
    anas = it.heard()[f"ana {await it.room_of('ana')}"]
    await it.tap("bruno", "Ana invites you", "✅")
    await it.hears("bruno", "This has closed in the meantime")
    assert await it.snapshots() == before
    assert it.heard()[f"ana {await it.room_of('ana')}"] == anas


async def test_an_answer_to_somebody_elses_question_gets_a_kind_line_and_does_not_count(
    evening: OpenEvening,
) -> None:
    it = await evening("ana", "bruno", "chen")
    await it.invite()
    bruno, chen = it["bruno"], it["chen"]
    await it.tap("bruno", "May I write to you", "✉️")
    room = await it.room_of("bruno")
    asked = await bruno.hears(room, "Ana invites you", sender=it.bot)
    await chen.say(it.here.room, "!hearth help")
    await it.hears("chen", HELP)
    before = await it.snapshots()
    # Chen knows the id of Bruno's question, and points at it from the rooms she is in.
    chens = await it.room_of("chen")
    for where in (chens, it.here.room):
        await chen.say(where, "1", reply_to=asked.event_id)
    await chen.wait_for(
        lambda: len([m for m in chen.read(chens) if "nothing changes" in m.body or "left it" in m.body]) == 2,
        what="two kind lines",
    )
    await it.house.quiet()
    assert await it.snapshots() == before
    assert "Chen" not in str(it.heard()[f"ana {await it.room_of('ana')}"])
    await bruno.react(room, asked.event_id, "✅")
    await it.hears("ana", "Coming: Bruno")


# ── strangers ────────────────────────────────────────────────────────────────


async def test_a_strangers_invitation_is_declined_and_the_reason_logged(
    evening: OpenEvening, logged: Logged
) -> None:
    it = await evening("ana")
    mallory = await it.here.add("mallory", in_room=False)
    before = it.heard()
    rooms = [
        await mallory.dm_with(it.bot),
        await mallory.create_room(name=MARK, encrypted=False, invite=[it.bot]),
        await mallory.create_room(preset="public_chat", encrypted=False, invite=[it.bot]),
    ]
    for room in rooms:
        await mallory.send(room, "m.room.message", {"msgtype": "m.text", "body": f"!hearth help {MARK}"})
        await mallory.wait_for(
            lambda room=room: it.bot not in mallory.people(room, invited=True),  # type: ignore[misc]
            what="the invitation declined",
        )
        assert logged.find(room, mallory.user_id, "not among those")
    assert {m.sender for room in rooms for m in mallory.read(room)} == {mallory.user_id}
    assert {place: said for place, said in it.heard().items() if place in before} == before


async def test_a_member_who_opens_a_room_is_answered_there(evening: OpenEvening) -> None:
    it = await evening("ana")
    room = await it["ana"].dm_with(it.bot)
    await it["ana"].wait_for(lambda: it.bot in it["ana"].people(room), what="the bot in the room")
    await it["ana"].say(room, "help")
    await it["ana"].hears(room, HELP, sender=it.bot)
    assert it["ana"].rooms == {it.here.room, room}


async def test_whoever_has_left_the_circle_can_begin_nothing_in_it(evening: OpenEvening) -> None:
    it = await evening("ana", "bruno")
    await it["bruno"].say(it.here.room, "!hearth help")
    await it.hears("bruno", HELP)
    await it["bruno"].leave(it.here.room)
    room = await it.room_of("bruno")
    await it["bruno"].say(room, f"invite everyone: {MARK}")
    await it["bruno"].hears(room, "I don't know of a circle that we are both in", sender=it.bot)
    await it["bruno"].say(room, "who holds what")
    await it["bruno"].say(room, "person")
    await it["bruno"].hears(room, "Nothing is sent", sender=it.bot)
    assert await it.snapshots() == []
    assert len([m for m in it["ana"].read(it.here.room) if m.sender == it.bot]) == 1


# ── workflow files ───────────────────────────────────────────────────────────


async def test_what_runs_on_a_vanished_file_runs_on_and_nothing_new_begins(
    evening: OpenEvening, workflows: Path
) -> None:
    it = await evening("ana", "bruno", workflows=workflows)
    await it.invite()
    await it.tap("bruno", "May I write to you", "✉️")
    await it.hears("bruno", "Ana invites you")
    await it.house.quiet()
    await it.house.stop()
    (workflows / "invitation.yaml").unlink()
    await it.house.start()
    await it["bruno"].say(await it.room_of("bruno"), "I'm coming")
    await it.hears("bruno", "You said: I'm coming")
    await it.hears("ana", "Coming: Bruno")
    await it["ana"].say(await it.room_of("ana"), f"invite @bruno: {MARK}")
    await it.later(4 * DAY_MS)
    await it.hears("ana", "It's on")
    assert [snapshot.state for snapshot in await it.snapshots()] == ["accepted"]
    await it["ana"].say(await it.room_of("ana"), "happened")
    await it.hears("ana", "I hope it went well")


async def test_a_broken_file_is_named_with_its_place_and_the_others_serve(
    evening: OpenEvening, workflows: Path, logged: Logged
) -> None:
    shipped = (workflows / "invitation.yaml").read_text()
    (workflows / "broken.yaml").write_text("name: broken\nstates: [draft\n")
    (workflows / "empty.yaml").write_text("")
    (workflows / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (workflows / "odd.yaml").write_text(shipped.replace("to: accepted", "to: nowhere", 1))
    (workflows / "z_twice.yaml").write_text(shipped)
    it = await evening("ana", workflows=workflows)
    for name in ("broken", "empty", "binary", "odd", "z_twice"):
        assert logged.find("WARNING", f"{name}.yaml:"), name
    assert not logged.find("WARNING", "/role.yaml:")
    await it["ana"].say(it.here.room, "!hearth invite everyone")
    await it.hears("ana", "What is it?")
    assert len(await it.snapshots()) == 1


async def test_without_any_workflow_the_bot_still_helps_and_says_what_it_cannot(
    evening: OpenEvening, tmp_path: Path, logged: Logged
) -> None:
    it = await evening("ana", workflows=tmp_path / "nowhere")
    assert logged.find("WARNING", "nowhere", "cannot be read")
    await it["ana"].say(it.here.room, f"!hearth invite everyone: {MARK}")
    await it.hears("ana", "I don't know that one")
    await it["ana"].say(await it.room_of("ana"), "help")
    await it.hears("ana", HELP)
    await it.later(HOUR_MS)
    assert await it.snapshots() == []
