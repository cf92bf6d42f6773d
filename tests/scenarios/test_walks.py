"""Random walks: random people do random things at random times, and every promise holds after each step."""

from __future__ import annotations

import os
import random

import pytest

from bridge.rehearsal import Line, Stage
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS
from engine.runtime.ports import Want
from tests.scenarios import promises
from tests.scenarios.conftest import set_stage
from tests.scenarios.test_invitation import invite

NAMES = ("ana", "bruno", "chen", "dora")
SEEDS = int(os.environ.get("HEARTH_WALKS", "24"))
STEPS = 60
BEGINNINGS = (
    "invite everyone: A walk along the river on Sunday",
    "invite everyone and @chen, @dora: Soup and songs at my place",
    "invite @bruno, @chen: A reading group that meets on Mondays",
    "invite",
    "role",
)
FITTING = {
    "words": ("Kitchen and garden keeper", "A small thing that matters", "Is there a lift in the house?"),
    "moment": ("in 3 days", "in 9 days", "in 3 weeks", "in 30 hours", "in 4 months", "yesterday 10:00"),
    "people": ("Bruno and Chen", "Bruno, Chen and Dora", "everyone", "Ana and Bruno"),
    "person": ("Bruno", "Chen", "me", "none"),
    "number": ("1", "1", "2", "3"),
    "choice": ("1", "1", "1", "2", "3", "no"),
}
"""What somebody who listens would say, by what is expected of them."""
ANSWERS = (
    *("1", "2", "3", "4", "yes", "no", "maybe", "none", "me", "everyone"),
    *("Bruno", "Chen and Dora", "Ana", "Dora", "Nobody I know"),
    *("Friday 19:00", "in 3 weeks", "in 5 hours", "in 4 months", "in 12 months"),
    *("yesterday 10:00", "whenever it suits"),
    *("Kitchen and garden keeper", "Is there a lift in the house?", "The key is under the mat."),
)
COMMANDS = (
    *(
        "cancel",
        "happened",
        "postpone",
        "rest",
        "handover",
        "later",
        "my",
        "help",
        "what's on",
        "who holds what",
    ),
    *("cancel 2", "person", "pause for 3 days", "stop", "start", "not from Ana", "hapened"),
)
PAUSES_MS = (MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS, 9 * DAY_MS, 40 * DAY_MS)


class Walk:
    """One stage and the chance that moves its people."""

    def __init__(self, stage: Stage, names: tuple[str, ...] = NAMES) -> None:
        self.stage = stage
        self.names = names
        self.chance = random.Random(stage.seed)
        self.events: list[tuple[str, str]] = []
        self.did: list[str] = []
        self.weights = {
            self.fit: 50,
            self.wait: 18,
            self.tap: 12,
            self.use_power: 2,
            self.tap_room: 6,
            self.order: 6,
            self.answer: 5,
            self.begin: 3,
            self.edit: 3,
            self.remove: 3,
            self.move: 1,
        }

    async def step(self) -> None:
        """Somebody does something, or time passes."""
        name = self.chance.choice(self.names)
        (act,) = self.chance.choices(list(self.weights), weights=list(self.weights.values()))
        await act(name)

    async def begin(self, name: str) -> None:
        await self.say(name, self.chance.choice(BEGINNINGS), room=self.chance.random() < 0.7)

    async def answer(self, name: str) -> None:
        seen = [b for b in self.stage.seen(name) if b.parcel.target is not None]
        reply_to = self.chance.choice(seen).event if seen and self.chance.random() < 0.4 else None
        await self.say(name, self.chance.choice(ANSWERS), reply_to=reply_to)

    async def fit(self, name: str) -> None:
        """Somebody whom a question is open with answers it."""
        loaded = await self.stage.store.load(Want(desks=frozenset(self.stage.cast.persons.values())))
        asked = [
            (who, prompt)
            for who, person in self.stage.cast.persons.items()
            if who in self.names and person in loaded.desks
            for prompt in loaded.desks[person].prompts
            if prompt.instance is not None and not prompt.shared and not prompt.sources
        ]
        if not asked:
            return await self.wait(name)
        who, prompt = self.chance.choice(asked)
        event = self.stage.postman.event_of(prompt.row)
        await self.say(who, self.chance.choice(FITTING[prompt.expects]), reply_to=event)
        return None

    async def use_power(self, name: str) -> None:
        """Somebody uses a command word they have."""
        loaded = await self.stage.store.load(Want(desks=frozenset(self.stage.cast.persons.values())))
        held = [
            (who, word)
            for who, person in self.stage.cast.persons.items()
            if who in self.names and person in loaded.desks
            for power in loaded.desks[person].powers.values()
            for word in power.words
        ]
        if held:
            await self.say(*self.chance.choice(held))
        else:
            await self.wait(name)

    async def order(self, name: str) -> None:
        await self.say(name, self.chance.choice(COMMANDS), room=self.chance.random() < 0.2)

    async def say(self, name: str, words: str, *, room: bool = False, reply_to: str | None = None) -> None:
        self.did.append(
            f"{name} says {words!r}{' in the room' if room else ''}{' as a reply' if reply_to else ''}"
        )
        self.events.append((name, await self.stage.say(name, words, room=room, reply_to=reply_to)))

    async def tap(self, name: str) -> None:
        await self._tap(name, room=False)

    async def tap_room(self, name: str) -> None:
        await self._tap(name, room=True)

    async def _tap(self, name: str, *, room: bool) -> None:
        where = self.stage.seen(room=True) if room else self.stage.seen(name)
        asking = [b for b in where if b.parcel.target is not None][-6:]
        if not asking:
            return
        brought = self.chance.choice(asking)
        offered = (
            [emoji for _, emoji in brought.parcel.target.choices if emoji] if brought.parcel.target else []
        )
        emoji = self.chance.choice([*offered, "🦔"])
        self.did.append(f"{name} taps {emoji} on {brought.words[:50]!r}")
        self.events.append((name, await self.stage.tap_event(name, emoji, brought.event, room=room)))

    async def edit(self, _: str) -> None:
        if self.events:
            name, event = self.chance.choice(self.events[-8:])
            words = self.chance.choice(ANSWERS)
            self.did.append(f"{name} edits {event} to {words!r}")
            await self.stage.say(name, words, edits=event)

    async def remove(self, _: str) -> None:
        if self.events:
            name, event = self.chance.choice(self.events[-8:])
            self.did.append(f"{name} removes {event}")
            await self.stage.remove(name, event)

    async def move(self, name: str) -> None:
        if name in self.stage.cast.here and self.chance.random() < 0.4:
            self.did.append(f"{name} leaves the circle")
            await self.stage.leave(name)
        elif name not in self.stage.cast.here:
            self.did.append(f"{name} comes back")
            await self.stage.come_back(name)

    async def wait(self, _: str) -> None:
        (by_ms,) = self.chance.choices(PAUSES_MS, weights=(2, 3, 4, 6, 8, 6, 2, 1))
        self.did.append(f"{by_ms / HOUR_MS:g} hours pass")
        await self.stage.pass_time(by_ms)

    async def again(self) -> None:
        """What happened last arrives once more, and nothing changes."""
        if self.stage.last is None:
            return
        before = await self._everything()
        outcome = await self.stage.submit(self.stage.last)
        assert outcome.kind == "seen_before"
        assert await self._everything() == before

    async def _everything(self) -> object:
        desks = await self.stage.store.load(Want(desks=frozenset(self.stage.cast.persons.values())))
        return self.stage.snapshots(), dict(desks.desks), self.stage.diaries()


async def _from_nothing(walk: Walk) -> None:
    await walk.begin("ana")


async def _from_an_invitation(walk: Walk) -> None:
    guests = ", ".join(f"@{name}" for name in walk.stage.cast.persons if name != "ana")
    await invite(walk.stage, f"everyone and {guests}", starts="in 5 days", enough="2")
    await walk.stage.say("bruno", "yes")


async def _from_a_role(walk: Walk) -> None:
    for words in ("role", "Kitchen keeper", "Keep the kitchen stocked.", "Spend a little.", "Bruno", "Chen"):
        await walk.stage.say("ana", words)
    await walk.stage.say("ana", walk.chance.choice(("in 4 months", "in 5 weeks")))
    await walk.stage.say("bruno", "gladly")
    await walk.stage.say("chen", "gladly")


PRELUDES = (_from_nothing, _from_an_invitation, _from_a_role)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_people_do_every_promise_holds(seed: int) -> None:
    stage = await set_stage(*NAMES, seed=seed)
    walk = Walk(stage)
    await PRELUDES[seed % len(PRELUDES)](walk)
    try:
        for _ in range(STEPS):
            await walk.step()
            await walk.again()
            await promises.check(stage)
        promises.check_prompts(stage)
        await stage.pass_time(500 * DAY_MS)
        await promises.check(stage)
        assert not [s.state for s in stage.snapshots() if s.finished_ms is None], "something never ends"
    except Exception as broken:
        raise AssertionError("\n".join([f"seed {seed}", *walk.did])) from broken
    finally:
        await stage.strike()


async def _play_beside(seed: int, does: str) -> tuple[dict[str, list[Line]], list[str]]:
    """What the others see of a walk, in which Eli only ever does what is to be silence."""
    stage = await set_stage(*NAMES, "eli", seed=seed)
    walk = Walk(stage, NAMES)
    eli = random.Random(seed)
    try:
        await PRELUDES[1 + seed % 2](walk)
        for _ in range(40):
            if does == "no" and eli.random() < 0.3:
                await _say_no(stage, eli)
            await walk.step()
        return stage.diaries(but="eli"), walk.did
    finally:
        await stage.strike()


async def _say_no(stage: Stage, eli: random.Random) -> None:
    """One of the ways to say no to the latest question: a tap, a word, putting it off, or taking it back again."""
    asking = [
        b for b in stage.seen("eli") if b.parcel.target is not None and b.parcel.target.instance is not None
    ]
    if not asking:
        return
    target = asking[-1].event
    match eli.randrange(5):
        case 0:
            await stage.tap_event("eli", "✖️", target)
        case 1:
            await stage.say("eli", "No, thanks", reply_to=target)
        case 2:
            await stage.say("eli", "later", reply_to=target)
        case 3:
            await stage.remove("eli", await stage.tap_event("eli", "✖️", target))
        case _:
            await stage.say("eli", "pause for 3 days")


@pytest.mark.parametrize("seed", range(SEEDS // 2))
async def test_in_any_play_a_no_is_silence_to_everyone_else(seed: int) -> None:
    silent, did = await _play_beside(seed, "nothing")
    said_no, _ = await _play_beside(seed, "no")
    for name, lines in silent.items():
        assert said_no[name] == lines, "\n".join([f"seed {seed}: {name} can tell", *did])
