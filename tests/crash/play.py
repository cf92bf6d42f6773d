"""The play: people who invite, answer and change their minds, and who see only what a person would see.

Each round is one invitation with a life of its own. What people last said is written down here, to be compared
with what the house made of it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol, TypeVar

from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, Ms
from tests.crash.clock import SharedClock
from tests.crash.lives import Lives
from tests.crash.look import Look
from tests.world import World
from tests.world.member import Member
from tests.world.timeline import Message

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
EARLIER_MS = 90 * MINUTE_MS
LONG_MS = 400 * DAY_MS
INTRODUCTION = "runs for this circle"
HELLO = "May I write to you"
COMING, MAYBE, NO = "coming", "maybe", "no"
EMOJI = {COMING: "✅", MAYBE: "🤔", NO: "✖️"}
NUMBER = {COMING: "1", MAYBE: "2", NO: "3"}
SHOWN = {
    COMING: "You said: I'm coming.",
    MAYBE: "You said: Maybe.",
    NO: "You said: No, thanks.",
    None: "Taken back.",
}
WEIGHTS = (5, 5, 3, 1, 1, 2)
"""How the kills of a round are spread over its stages: where most happens, most lives end."""

PEOPLE = ("ana", "bruno", "chen", "dora", "eva", "finn", "gia", "hugo", "ida", "jon", "kim", "lena")
ROUNDS_PER_FIRST_TIME = 3
"""How many rounds there are for one more person, so that the bot writes to somebody for the first time now and then."""

MOST_MOMENTS = 60
"""Moments a house may still wait for when its one invitation is over, its last words spread over the weeks."""

# What a guest does, one step after another: tap, type a number, edit what was typed, or take the last tap back.
MANNERS: tuple[tuple[tuple[str, str | None], ...], ...] = (
    (("tap", COMING),),
    (("tap", MAYBE), ("tap", COMING)),
    (("tap", COMING), ("tap", NO)),
    (("tap", COMING), ("untap", None)),
    (("tap", COMING), ("tap", NO), ("untap", COMING)),
    (("type", COMING), ("edit", NO)),
    (("type", NO), ("edit", MAYBE), ("tap", COMING)),
    (("tap", NO), ("type", COMING)),
    (),
)


@dataclass
class Round:
    """One invitation, as those in it remember it."""

    title: str
    host: str
    guests: tuple[str, ...]
    enough: int
    ending: str
    monday_ms: Ms
    manners: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    said: dict[str, str | None] = field(default_factory=dict)
    """What each guest last said to the personal invitation; None: taken back."""
    said_times: Counter[str] = field(default_factory=Counter)
    unsure_times: Counter[str] = field(default_factory=Counter)
    """How many of the times each person said something the house may have slept through, and what undid it as well."""
    in_room: dict[str, bool] = field(default_factory=dict)
    """Whose hand is up in the room."""
    in_room_times: Counter[str] = field(default_factory=Counter)
    prompts: dict[str, str] = field(default_factory=dict)
    """The event of each guest's invitation."""

    @property
    def coming(self) -> set[str]:
        return {n for n, said in self.said.items() if said == COMING} | {
            n for n, up in self.in_room.items() if up
        }

    @property
    def states(self) -> list[str]:
        """Every state the invitation goes through."""
        if len(self.coming) < self.enough:
            return ["draft", "open", "few_so_far", "too_few"]
        if self.ending == "cancel":
            return ["draft", "open", "accepted", "cancelled"]
        return ["draft", "open", "accepted", "delivered", "feedback", "closed"]


def people_for(rounds: int) -> tuple[str, ...]:
    """Who takes part in a play of so many rounds."""
    return PEOPLE[: 4 + rounds // ROUNDS_PER_FIRST_TIME]


class Mortal(Protocol):
    """What keeps a house going that dies again and again, as far as a play has to know of it."""

    clock: SharedClock

    def allow(self, kills: int) -> None:
        """That many more times something is to die."""

    def spare(self) -> None:
        """Nothing is to die any more."""

    async def hold(self) -> None:
        """End everything from outside, and let nothing begin until `go_on`."""

    def go_on(self) -> None:
        """Let it begin again."""

    def jump_to(self, house_ms: Ms) -> None:
        """Move the house's time."""

    async def until(
        self, predicate: Callable[[], object], what: Callable[[], str], seconds: float = 60.0
    ) -> None:
        """Wait until the predicate holds."""


class Play:
    """Some people and a house that keeps dying."""

    def __init__(self, world: World, lives: Mortal, look: Look, chance: random.Random) -> None:
        self.world = world
        self.rounds: list[Round] = []
        self._lives = lives
        self._look = look
        self._chance = chance
        self._taps: dict[str, list[str]] = {}
        self._typed: dict[str, str] = {}
        self._done: dict[str, str] = {}
        """Every event of a person that the house has yet to take in, as far as is known here, and what it was."""
        self._greeted: set[str] = set()
        self.helped: Counter[str] = Counter()
        """How often each person asked the bot what it can do; each time is answered once."""

    async def come_in(self) -> None:
        """The bot accepts its invitation and says who it is: before that nobody speaks to it."""
        founder = next(iter(self.world.members.values()))
        await self._hears_in_room(founder, INTRODUCTION)
        await self.settle()

    # ── one round ────────────────────────────────────────────────────────────

    async def round(self, kills: int) -> None:
        """One invitation from its beginning to its end, with so many kills spread over it."""
        round_ = self._begin_round()
        stages = (
            self._invite,
            self._answer_first,
            self._change_minds,
            self._remind,
            self._close_replies,
            self._end,
        )
        for share, stage in zip(_shared_out(kills, WEIGHTS), stages, strict=True):
            self._lives.allow(share)
            await asyncio.gather(stage(round_), self._ask_for_help())
            await self.settle()

    def _begin_round(self) -> Round:
        number = len(self.rounds)
        names = list(self.world.members)
        host = names[number % 3]
        others = self._chance.sample([name for name in names if name != host], len(names) - 1)
        strangers = [name for name in others if name not in self._greeted]
        known = [name for name in others if name in self._greeted]
        # At the beginning everybody is a stranger; later one now and then, so that there are always first times.
        guests = strangers[:1] + known + strangers[1:]
        if number and number % ROUNDS_PER_FIRST_TIME:
            guests = known + strangers
        guests = guests[:2] if number else strangers[:2]
        round_ = Round(
            title=f"Soup and songs, evening {number + 1}",
            host=host,
            guests=tuple(guests),
            enough=self._chance.choice((1, 1, 2)),
            ending=self._chance.choice(("time", "happened", "cancel")),
            monday_ms=_a_monday_after(self._lives.clock.now_ms()),
        )
        manners = self._chance.sample(MANNERS, len(guests))
        round_.manners = {guest: list(steps) for guest, steps in zip(guests, manners, strict=True)}
        self.rounds.append(round_)
        self._taps.clear()
        self._typed.clear()
        return round_

    async def _invite(self, round_: Round) -> None:
        # Half an hour before the quiet hours end: the host is answered, and what goes to the guests has to wait.
        self._lives.jump_to(round_.monday_ms - EARLIER_MS)
        host, named = self.world[round_.host], " and ".join(f"@{guest}" for guest in round_.guests)
        known = {message.event_id for message in self._from_bot(host)}
        words = f"!hearth invite everyone and {named}: {round_.title}"
        await self._do(host.say(self.world.room, words))
        asked = await self._hears(host, "What is it?", known)
        await self._do(host.react(asked.room_id, asked.event_id, "📅"))
        asked = await self._hears(host, "When does it start?", known)
        await self._do(host.say(asked.room_id, "Friday 19:00"))
        asked = await self._hears(host, "How many need to say yes", known)
        await self._do(host.say(asked.room_id, str(round_.enough)))
        await self._hears(host, "Your invitation is out", known)
        self._lives.jump_to(round_.monday_ms)

    async def _answer_first(self, round_: Round) -> None:
        for guest in round_.guests:
            await self._greet(guest)
            prompt = await self._hears(self.world[guest], f"invites you.\n\n{round_.title}")
            round_.prompts[guest] = prompt.event_id
        await asyncio.gather(*(self._step(round_, guest) for guest in round_.guests))

    async def _change_minds(self, round_: Round) -> None:
        async def all_steps(guest: str) -> None:
            while round_.manners[guest]:
                await self._step(round_, guest)

        others = [n for n in self.world.members if n not in (round_.host, *round_.guests)]
        others = self._chance.sample(others, 1)
        await asyncio.gather(
            *(all_steps(guest) for guest in round_.guests),
            *(self._raise_hand(round_, name) for name in others),
        )

    async def _step(self, round_: Round, guest: str, *, looks: bool = True) -> None:
        """The next thing this guest does about their invitation."""
        if not round_.manners[guest]:
            return
        how, choice = round_.manners[guest].pop(0)
        member, prompt = self.world[guest], round_.prompts[guest]
        room = self._direct(member)
        assert room is not None
        if how == "tap":
            tapped = await self._do(member.react(room, prompt, EMOJI[str(choice)]))
            self._taps.setdefault(guest, []).append(tapped)
        elif how == "type":
            self._typed[guest] = await self._do(member.say(room, NUMBER[str(choice)], reply_to=prompt))
        elif how == "edit":
            await self._do(member.edit(room, self._typed[guest], NUMBER[str(choice)]))
        elif not await self._untap(member, room):
            round_.unsure_times[guest] += 2
        round_.said[guest] = choice
        round_.said_times[guest] += 1
        if looks and self._chance.random() < 0.5:
            # A person who looks before going on; the others are quicker than any answer.
            await self._acknowledged(member, prompt, choice)

    async def _untap(self, member: Member, room: str) -> bool:
        """Take the last tap back; False if the house may never have known of it, because it was down meanwhile."""
        name = next(n for n, m in self.world.members.items() if m is member)
        tapped = self._taps[name].pop()
        patient = self._chance.random() < 0.5
        if patient:
            await self._lives.until(
                lambda: not self._look.unseen([tapped]), lambda: f"{tapped} being taken in", PATIENCE_SECONDS
            )
        known = not self._look.unseen([tapped])
        await self._do(member.redact(room, tapped))
        self._done.pop(tapped, None)
        return known

    async def _raise_hand(self, round_: Round, name: str) -> None:
        member = self.world[name]
        asked = await self._hears_in_room(member, f"invites everyone here.\n\n{round_.title}")
        for up in (True, False, True)[: self._chance.randint(0, 3)]:
            if up:
                tapped = await self._do(member.react(self.world.room, asked.event_id, "🙋"))
                self._taps.setdefault(name, []).append(tapped)
            elif not await self._untap(member, self.world.room):
                round_.unsure_times[name] += 2
            round_.in_room[name] = up
            round_.in_room_times[name] += 1

    async def _remind(self, round_: Round) -> None:
        await self._until_the_house_is(round_.monday_ms, days=2, hours=19, minutes=5)

    async def _close_replies(self, round_: Round) -> None:
        """The last answer comes while the house is down, in time; the time to answer passes; then it wakes up."""
        late = [guest for guest in round_.guests if round_.said.get(guest) in (COMING, MAYBE)]
        await self._lives.hold()
        if late:
            guest = self._chance.choice(late)
            # A number, because nobody can tap the same choice twice.
            round_.manners[guest].append(("type", NO if round_.said[guest] == COMING else COMING))
            await self._step(round_, guest, looks=False)
        self._lives.jump_to(self._moment(round_.monday_ms, days=3, hours=19, minutes=5))
        self._lives.go_on()

    async def _end(self, round_: Round) -> None:
        expected = round_.states
        host = self.world[round_.host]
        room = self._direct(host)
        assert room is not None
        if round_.ending in ("cancel", "happened") and "too_few" not in expected:
            await self._do(host.say(room, round_.ending))
            await self.settle()
        for _ in range(MOST_MOMENTS):
            at_ms = self._look.next_moment_ms()
            if at_ms is None:
                return
            self._lives.jump_to(at_ms)
            await self._at_rest()
        raise AssertionError(f"after {MOST_MOMENTS} moments the house still waits: {self._look.waits()}")

    async def _ask_for_help(self) -> None:
        """Somebody wants to know something in between."""
        name = self._chance.choice(sorted(self.world.members))
        room = self._direct(self.world[name])
        if room is not None and name in self._greeted:
            self.helped[name] += 1
            await self._do(self.world[name].say(room, "help"))

    async def talk(self) -> None:
        """When all is over everybody can still be read: by the bot, by each other, and from a new device."""
        for name in sorted(self.world.members):
            member = self.world[name]
            said = await member.say(self.world.room, f"{name} is still here")
            await asyncio.gather(
                *(other.sees(self.world.room, said) for other in self.world.members.values())
            )
            room = self._direct(member)
            if room is not None:
                self.helped[name] += 1
                await self._do(member.say(room, "help"))
        await self.settle()
        first = min(self.world.members)
        device = await self.world.add(f"{first}'s other app", new_device_of=first)
        known = {message.event_id for message in self._from_bot(device, self.world.room)}
        await self._do(device.say(self.world.room, "!hearth what's on"))

        def answered() -> bool:
            return any(m.event_id not in known for m in self._from_bot(device, self.world.room))

        await self._beside(device.wait_for(answered, PATIENCE_SECONDS, what="an answer on the other app"))
        await device.forget()
        del self.world.members[f"{first}'s other app"]
        await self.settle()

    async def long_after(self, lives: Lives, kills: int) -> set[str]:
        """More than a year later all words have reached their end date; the rows of the messages that held them."""
        self._lives = lives
        await lives.until(
            lambda: lives.starts_seconds, lambda: "the first life of a year later", PATIENCE_SECONDS
        )
        carrying = self._look.carrying()
        lives.allow(kills)
        lives.jump_to(lives.clock.now_ms() + LONG_MS)

        def faded() -> bool:
            return not self._look.to_fade(lives.clock.now_ms())

        await lives.until(
            faded, lambda: f"fading: {self._look.to_fade(lives.clock.now_ms())}", PATIENCE_SECONDS
        )
        lives.spare()
        await self.settle()
        await lives.stop()
        return carrying

    # ── waiting ──────────────────────────────────────────────────────────────

    async def settle(self) -> None:
        """Until everything done was taken in, nothing is due, and everybody sees what was sent."""
        await self._at_rest()
        for name in list(self.world.members):
            if await self._greet(name):
                await self._at_rest()
        await self._everything_arrives()

    async def _at_rest(self) -> None:
        def resting() -> bool:
            return not self._look.unseen(self._done) and not self._look.under_way(self._lives.clock.now_ms())

        def missing() -> str:
            unseen = {event: self._done[event] for event in self._look.unseen(self._done)}
            open_ = self._look.under_way(self._lives.clock.now_ms())
            return f"a quiet house; not taken in yet: {unseen}; under way: {open_}"

        await self._lives.until(resting, missing, PATIENCE_SECONDS)
        self._done.clear()  # the house forgets in time what it has taken in

    async def _everything_arrives(self) -> None:
        sent = [(row.room, row.event) for row in self._look.rows() if row.status == "sent"]
        for member in self.world.members.values():

            def arrived(member: Member = member) -> bool:
                here = {(room, event.event_id) for room in member.rooms for event in member.events(room)}
                mine = {(room, event) for room, event in sent if room in member.rooms}
                return mine <= here and not member.undecryptable

            await self._beside(member.wait_for(arrived, PATIENCE_SECONDS, what="everything that was sent"))

    async def _until_the_house_is(self, monday_ms: Ms, *, days: int, hours: int, minutes: int = 0) -> None:
        self._lives.jump_to(self._moment(monday_ms, days=days, hours=hours, minutes=minutes))
        await self._at_rest()

    def _moment(self, monday_ms: Ms, *, days: int, hours: int, minutes: int) -> Ms:
        midnight_ms = monday_ms - 10 * HOUR_MS
        return midnight_ms + (days * 24 + hours) * HOUR_MS + minutes * MINUTE_MS

    async def _beside(self, waiting: Awaitable[T]) -> T:
        """Wait for what a person waits for, unless the house fails for good meanwhile."""
        task = asyncio.ensure_future(waiting)
        watching = asyncio.create_task(self._lives.until(task.done, lambda: "a person", PATIENCE_SECONDS * 2))
        await asyncio.wait({task, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            watching.result()
        watching.cancel()
        return task.result()

    # ── doing and seeing ─────────────────────────────────────────────────────

    async def _do(self, sending: Awaitable[str]) -> str:
        event = await sending
        self._done[event] = getattr(sending, "__qualname__", "")
        return event

    async def _greet(self, name: str) -> bool:
        """Answer the bot's first question, once, as soon as it is there; True if that was now."""
        member = self.world[name]
        if name in self._greeted:
            return False
        room = self._direct(member)
        if room is None and not self._is_written_to(name):
            return False
        hello = await self._hears(member, HELLO)
        self._greeted.add(name)
        await self._do(member.react(hello.room_id, hello.event_id, "👋"))
        return True

    def _is_written_to(self, name: str) -> bool:
        return any(name in round_.guests for round_ in self.rounds)

    def _direct(self, member: Member) -> str | None:
        return member.find_dm(self.world.bot.user_id)

    def _from_bot(self, member: Member, room: str | None = None) -> list[Message]:
        room = room or self._direct(member)
        if room is None:
            return []
        return [m for m in member.read(room) if m.sender == self.world.bot.user_id and m.decrypted]

    async def _hears(self, member: Member, words: str, known: Iterable[str] = ()) -> Message:
        """The newest message of the bot in this person's own room with these words as it was first sent."""
        return await self._beside(
            member.wait_for(
                _newest(lambda: self._from_bot(member), words, set(known)), PATIENCE_SECONDS, what=words
            )
        )

    async def _hears_in_room(self, member: Member, words: str) -> Message:
        found = _newest(lambda: self._from_bot(member, self.world.room), words, set())
        return await self._beside(member.wait_for(found, PATIENCE_SECONDS, what=words))

    async def _acknowledged(self, member: Member, prompt: str, choice: str | None) -> None:
        room = self._direct(member)
        assert room is not None

        def shown() -> bool:
            message = member.message(room, prompt)
            return message is not None and SHOWN[choice] in message.body

        await self._beside(member.wait_for(shown, PATIENCE_SECONDS, what=f"{SHOWN[choice]!r} under {prompt}"))


def _newest(
    messages: Callable[[], list[Message]], words: str, known: set[str]
) -> Callable[[], Message | None]:
    def find() -> Message | None:
        for message in reversed(messages()):
            if message.event_id not in known and words in str(message.original.get("body", "")):
                return message
        return None

    return find


def _shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """A number in whole parts by weight, that sum to it."""
    ends = [total * sum(weights[: n + 1]) // sum(weights) for n in range(len(weights))]
    return [end - start for start, end in pairwise([0, *ends])]


def _a_monday_after(now_ms: Ms) -> Ms:
    """The first Monday, 10:00 UTC, more than a week away: by then nobody has been written to for a week."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    day = (now + timedelta(days=14 - now.weekday())).replace(hour=10, minute=0, second=0, microsecond=0)
    return int(day.timestamp() * 1000)
