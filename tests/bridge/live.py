"""A real house in a process of its own, nine people with encrypted clients, and the days going by.

One homeserver, one house and one database for everything that is played in it; the house may be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from bridge.matrix.session import Session
from engine.core.values import DAY_MS, Ms
from engine.store.sealing import KeyRing
from tests.crash.child import SHIPPED, Config
from tests.crash.clock import SharedClock
from tests.crash.lives import Lives
from tests.crash.look import Look
from tests.demo.play import monday_morning
from tests.world import Member, Message, Synapse, World

HELLO = "May I write to you"
KNOCK = "Something private is waiting"
PATIENCE_SECONDS = 30.0
MOST_MOMENTS = 120

SEALED = (
    "SELECT 'instances/' || id, 'i/' || id, sealed FROM instances",
    "SELECT 'desks/' || person, 'p/' || person, sealed FROM desks",
    "SELECT 'people/' || id, 'p/' || id, sealed FROM people",
    """SELECT 'journal/' || actor || '/' || n, iif(actor LIKE 'i/%', actor, 'p/' || substr(actor, 3)), sealed
        FROM journal""",
    "SELECT 'texts/' || id, iif(person = '', 'i/' || instance, 'p/' || person), sealed FROM texts",
    "SELECT 'outbox/' || row, scope, parcel FROM outbox",
    "SELECT 'outbox/' || row || '/sealed', scope, sealed FROM outbox WHERE sealed IS NOT NULL",
    "SELECT 'inbox/' || id, scope, sealed FROM inbox",
    "SELECT 'quarantine/' || id, scope, sealed FROM quarantine",
    "SELECT 'bridge/' || kind || '/' || key, 'house', sealed FROM bridge",
)
"""Every sealed column: the place it is sealed for, whose key opens it, what is sealed."""


LETTERS = "SELECT min(due_at) FROM timers WHERE name = 'letter'"


class Days(Look):
    """Looks at every moment that comes, weekly letters too."""

    def next_moment_ms(self) -> Ms | None:
        ((letter_ms,),) = self._select(LETTERS)
        moments = (super().next_moment_ms(), letter_ms)
        return min((moment for moment in moments if moment is not None), default=None)


class Town:
    """People and a house; whatever somebody does is waited for until the house has taken it in."""

    def __init__(self, world: World, lives: Lives, config: Config) -> None:
        self.world = world
        self.lives = lives
        self.config = config
        self.bot = world.bot.user_id
        self.look = Days(config.database)
        self._greeted: set[str] = set()

    def __getitem__(self, name: str) -> Member:
        return self.world[name]

    @property
    def now_ms(self) -> Ms:
        return self.lives.clock.now_ms()

    async def settle_anew(self, **changes: Any) -> None:
        """Stop the house and start it with other settings, as whoever runs it would."""
        await self.rest()
        await self.lives.stop()
        await self.lives.__aexit__(None, None, None)
        self.config = replace(self.config, **changes)
        self.lives = Lives(self.config, self.lives.clock, random.Random(self.now_ms))
        await self.lives.__aenter__()
        await self.lives.until(lambda: self.lives.starts_seconds, lambda: "a house that is ready")

    # ── doing ────────────────────────────────────────────────────────────────

    async def say(self, name: str, text: str, *, room: bool = False, to: Message | None = None) -> str:
        """Write in one's room with the house, or in everybody's."""
        place = self.world.room if room else await self.room_of(name)
        return await self._do(self[name].say(place, text, reply_to=to.event_id if to else None))

    async def tap(self, name: str, message: Message, emoji: str) -> str:
        return await self._do(self[name].react(message.room_id, message.event_id, emoji))

    async def untap(self, name: str, message: Message, reaction: str) -> None:
        await self._do(self[name].redact(message.room_id, reaction))

    async def _do(self, doing: Awaitable[str]) -> str:
        event = await doing
        await self.rest((event,))
        return event

    async def begin(self, name: str, words: str, *answers: str) -> None:
        """Begin a workflow in the room and give the details it asks for, one after another."""
        asked = {message.event_id for message in self.seen(name)}
        await self.say(name, f"!hearth {words}", room=True)
        await self.greet(name)
        for answer in answers:
            await self.all_arrived()
            question = [m for m in self.seen(name) if m.event_id not in asked and HELLO not in m.body][-1]
            asked.add(question.event_id)
            await self.say(name, answer, to=question)
        await self.all_arrived()

    async def greet(self, *names: str) -> None:
        """Let these people be known to the house and write to them, once."""
        new = [name for name in names if name not in self._greeted]
        self._greeted.update(new)
        hellos = await asyncio.gather(*(self.hears(name, HELLO) for name in new))
        await asyncio.gather(*(self.tap(name, hello, "👋") for name, hello in zip(new, hellos, strict=True)))

    async def private(self, name: str, text: str) -> Message:
        """The newest private question with these words; where it has knocked, it is asked for."""

        def waiting() -> Message | None:
            found = [m for m in self.seen(name) if KNOCK in m.body or text in m.body]
            return found[-1] if found else None

        await self.all_arrived()
        here = await self[name].wait_for(waiting, what=f"{name} hearing a knock, or {text!r}")
        if text in here.body:
            return here
        shown = self.seen(name, text)
        await self.say(name, "open")
        return await self.hears(name, text, after=shown[-1].event_id if shown else None)

    # ── seeing ───────────────────────────────────────────────────────────────

    async def room_of(self, name: str) -> str:
        member = self[name]
        return await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")

    def seen(self, name: str, text: str = "", *, room: bool = False) -> list[Message]:
        """What this person reads of the bot with these words in it, oldest first."""
        place = self.world.room if room else self[name].find_dm(self.bot)
        messages = self[name].read(place) if place else []
        return [m for m in messages if m.sender == self.bot and m.decrypted and text in m.body]

    async def hears(self, name: str, text: str, *, room: bool = False, after: str | None = None) -> Message:
        """The newest message of the bot with these words; with ``after``, another than that event."""

        def heard() -> Message | None:
            found = self.seen(name, text, room=room)
            return found[-1] if found and found[-1].event_id != after else None

        return await self[name].wait_for(heard, what=f"{name} reading {text!r}")

    async def kept_at_server(self, name: str, room: str) -> dict[str, dict[str, Any]]:
        """What the homeserver still has of a room, event by event, as this person may fetch it."""
        found: dict[str, dict[str, Any]] = {}
        token = ""
        while True:
            page = await self[name].call("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=100{token}")
            found |= {event["event_id"]: event for event in page["chunk"]}
            if "end" not in page:
                return found
            token = f"&from={quote(page['end'])}"

    async def all_arrived(self) -> None:
        """Wait until everybody sees everything that was sent to a room they are in."""
        sent = [(row.room, row.event) for row in self.look.rows() if row.status == "sent"]
        for member in self.world.members.values():

            def arrived(member: Member = member) -> bool:
                here = {(room, event.event_id) for room in member.rooms for event in member.events(room)}
                return {one for one in sent if one[0] in member.rooms} <= here and not member.undecryptable

            await member.wait_for(arrived, what="everything that was sent")

    def rows(self, statement: str) -> list[Any]:
        """A look into the database."""
        with closing(sqlite3.connect(f"file:{self.config.database}?mode=ro", uri=True)) as db:
            return db.execute(statement).fetchall()

    def running(self) -> list[str]:
        """The names of the workflows that are under way."""
        found = "SELECT d.name FROM instances i JOIN definitions d ON d.digest = i.definition WHERE i.open"
        return sorted(name for (name,) in self.rows(found))

    def opened(self) -> list[tuple[str, str, bytes]]:
        """Every sealed row, opened with its key: its place, whose key opened it, and what it holds."""
        with closing(sqlite3.connect(self.config.database.with_suffix(".keys"))) as db:
            ring = KeyRing(self.config.secret)
            keys = {scope: ring.key(scope, wrapped) for scope, wrapped in db.execute("SELECT * FROM seals")}
        found = [(place, scope, sealed) for each in SEALED for place, scope, sealed in self.rows(each)]
        return [(place, scope, keys[scope].open(sealed, place)) for place, scope, sealed in found]

    # ── waiting, and letting time go by ──────────────────────────────────────

    async def rest(self, done: Iterable[str] = ()) -> None:
        """Wait until the house has taken these events in and nothing is due or under way."""
        events = tuple(done)

        def resting() -> bool:
            return not self.look.unseen(events) and not self.look.under_way(self.now_ms)

        def missing() -> str:
            return f"a quiet house; unseen {self.look.unseen(events)}, {self.look.under_way(self.now_ms)}"

        await self.lives.until(resting, missing, PATIENCE_SECONDS)

    async def until(self, is_over: Callable[[], object], days: float = 30) -> None:
        """Let time go by, stopping wherever anything is due, until something is so."""
        end_ms = self.now_ms + int(days * DAY_MS)
        for _ in range(MOST_MOMENTS):
            await self.rest()
            await self.all_arrived()
            if is_over():
                return
            next_ms = self.look.next_moment_ms()
            if next_ms is None or next_ms > end_ms:
                break
            self.lives.jump_to(next_ms)
        raise AssertionError(f"it has not come about; the house waits for {self.look.waits()}")

    async def pass_days(self, days: float) -> None:
        """Let time go by, stopping wherever anything is due."""
        end_ms = self.now_ms + int(days * DAY_MS)
        while (next_ms := self.look.next_moment_ms()) is not None and next_ms <= end_ms:
            self.lives.jump_to(next_ms)
            await self.rest()
        self.lives.jump_to(end_ms)
        await self.rest()
        await self.all_arrived()

    async def monday(self) -> None:
        """Go on to a Monday, ten o'clock, on which nobody has been written to for a week."""
        target_ms = monday_morning(self.now_ms + 8 * DAY_MS)
        await self.pass_days((target_ms - self.now_ms) / DAY_MS)

    def day(self, days: int, hour: int = 19) -> str:
        """A day from today on as people write it, with its hour."""
        at = datetime.fromtimestamp((self.now_ms + days * DAY_MS) / 1000, UTC)
        return f"{at.day} {at:%B %Y} {hour}:00"


@contextlib.asynccontextmanager
async def town_of(
    synapse: Synapse,
    people: Sequence[str],
    folder: Path,
    seed: int,
    *,
    workflows: Path = SHIPPED,
    in_use: tuple[str, ...] | None = None,
) -> AsyncIterator[Town]:
    """A town on a Monday morning, where the bot has said hello in the room; nothing is ever set aside there."""
    async with World(people, synapse=synapse, invite_bot=True) as world:
        config = config_of(world, folder, workflows, in_use)
        clock = SharedClock(monday_morning(SharedClock(0).real_now_ms()))
        here = Town(world, Lives(config, clock, random.Random(seed)), config)
        await here.lives.__aenter__()
        try:
            await here.lives.until(lambda: here.lives.starts_seconds, lambda: "a house that is ready")
            await here.hears(people[0], "runs for this circle", room=True)
            yield here
            await here.rest()
            await here.all_arrived()
            assert not here.rows("SELECT error FROM quarantine"), "nothing was set aside in all that time"
            await here.lives.stop()
        finally:
            await here.lives.__aexit__(None, None, None)


def config_of(world: World, folder: Path, workflows: Path, in_use: tuple[str, ...] | None = None) -> Config:
    """What stays the same over all lives of the house; ``in_use``: what its circle starts with, None: everything."""
    bot = world.bot
    session = Session(world.homeserver, bot.user_id, bot.device_id, bot.access_token)
    members = tuple(member.user_id for member in world.members.values())
    secret = secrets.token_bytes(32)
    return Config(
        str(folder), session, bot.password, world.room, members, secret, str(workflows), in_use=in_use
    )
