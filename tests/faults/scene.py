"""A house on a homeserver that can be told to fail, with time that passes only when a test lets it."""

import inspect
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from bridge.matrix.http import Homeserver
from engine.store import TortoiseStore
from tests.fakes import Asked, FakeHomeserver, StandingClock
from tests.fakes.memory import Device
from tests.world import Member, Message, World
from tests.world.house import RunningHouse

T = TypeVar("T")

HELP = "for when you'd like to talk to a human being"
MOST_PER_MINUTE = 60


class Scene:
    """One encrypted room, people with real apps in it, and a real Hearth; made by the fixture `scene`."""

    def __init__(
        self, homeserver: FakeHomeserver, clock: StandingClock, here: World, house: RunningHouse
    ) -> None:
        self.homeserver = homeserver
        self.clock = clock
        self.here = here
        self.house = house
        self.bot = here.bot.user_id
        self._numbers = itertools.count(1)

    def __getitem__(self, name: str) -> Member:
        return self.here[name]

    @property
    def fails(self) -> Callable[..., Any]:
        """`FakeHomeserver.fails` for the bot's requests only."""

        def fails(behaviour: Any, **where: Any) -> Any:
            return self.homeserver.fails(behaviour, by=self.bot, **where)

        return fails

    async def until(self, awaited: Awaitable[T], *, at_most_seconds: float = 900) -> T:
        """Let time pass until this is done."""
        return await self.clock.until(awaited, at_most_seconds=at_most_seconds)

    # ── what people do ───────────────────────────────────────────────────────

    async def settle(self) -> None:
        """The bot is in the room and has said hello there."""
        for member in self.here.members.values():
            await self.until(member.hears(self.here.room, "Hello, I'm Hearth"))

    async def meet(self, name: str) -> str:
        """This person and the bot are in their 1:1 room, and help was shown there; the room's id."""
        member = self[name]
        await member.say(self.here.room, "!hearth help")
        room = await self.until(
            member.wait_for(lambda: member.find_dm(self.bot), what="a 1:1 room with the bot")
        )
        # Others' hello comes first, and each of its choices with it.
        await self.until(member.hears(room, HELP, sender=self.bot))
        await self.clock.pass_time(5)
        return room

    def heard(self, name: str, room: str, text: str = HELP) -> list[Message]:
        """The bot's messages in a room that contain a text, as this person sees them."""
        return [m for m in self[name].read(room) if m.sender == self.bot and text in m.body]

    async def answered(self, name: str, room: str, *, times: int, text: str = HELP) -> None:
        """Let time pass until the bot has said this so many times; more is a failure."""
        member = self[name]
        await self.until(
            member.wait_for(
                lambda: len(self.heard(name, room, text)) >= times, what=f"{times} × {text!r} in {room}"
            )
        )
        await self.clock.pass_time(120)
        assert len(self.heard(name, room, text)) == times
        assert all(message.decrypted for message in member.read(room))

    # ── people without an app ────────────────────────────────────────────────

    def puppet(self, name: str) -> Device:
        """Somebody in the shared room who only says what a test makes them say."""
        memory = self.homeserver.memory
        device = memory.add_device(memory.add_user(name, "secret", name.capitalize()))
        founder = next(iter(self.here.members.values()))
        memory.invite(self.here.room, founder.user_id, device.user_id)
        memory.join(self.here.room, device.user_id)
        self.homeserver.tell_news()
        return device

    def says(self, device: Device, text: str, **content: Any) -> str:
        """A puppet writes into the shared room, in the clear."""
        body = content or {"msgtype": "m.text", "body": text}
        transaction = f"puppet-{next(self._numbers)}"
        event = self.homeserver.memory.send(device, self.here.room, "m.room.message", transaction, body)
        self.homeserver.tell_news()
        return event

    # ── what the homeserver saw ──────────────────────────────────────────────

    def asked(self, at: str = "", *, since_ms: int = 0) -> list[Asked]:
        """The bot's requests."""
        return self.homeserver.asked_by(self.bot, at, since_ms=since_ms)

    def paced(self, since_ms: int, why: str = "", *, at: str = "") -> None:
        """Claim that from then on the bot asked less than once a second on average, in every minute of it."""
        times = [asked.at_ms for asked in self.asked(at, since_ms=since_ms)]
        busiest = max((sum(1 for t in times if at <= t < at + 60_000) for at in times), default=0)
        assert busiest <= MOST_PER_MINUTE, f"{busiest} requests within one minute {why}"

    def stayed_logged_in(self) -> None:
        """Claim that nobody logged the bot out, or in once more."""
        assert not self.asked("/logout")
        devices = self.homeserver.memory.users[self.bot].devices
        assert [device.token for device in devices.values()] == [self.here.bot.access_token]


class Impatient(Homeserver):
    """A homeserver whose answers are waited for as long as real time allows a test: `timeout_seconds` is shortened."""

    seconds = 0.2

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        options["timeout_seconds"] = min(options.get("timeout_seconds", 30.0), self.seconds)
        return await super().request(method, path, **options)


class AtTheDisk:
    """Tells the clock that somebody is at the disk: called, it never answers twice the same while they are."""

    def __init__(self) -> None:
        self._inside = 0
        self._calls = itertools.count()

    def __call__(self) -> int:
        return next(self._calls) if self._inside else -1

    def watch(self, store: TortoiseStore) -> None:
        """Count everybody who goes in and comes out of this store."""
        for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
            if not name.startswith("_"):
                setattr(store, name, self._counted(method))

    def _counted(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*given: Any, **named: Any) -> Any:
            self._inside += 1
            try:
                return await method(*given, **named)
            finally:
                self._inside -= 1

        return counted


MakeScene = Callable[..., Awaitable[Scene]]


def folder_in(tmp_path: Path, name: str) -> Path:
    """A folder of this name, made where there is none."""
    (tmp_path / name).mkdir(exist_ok=True)
    return tmp_path / name
