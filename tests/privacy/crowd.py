"""A crowd: a circle in which people do what they please with whatever is asked of them, seeded and repeatable.

Whatever anybody writes in their own words holds a mark of its own, so that it can be found wherever it turns up.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bridge.rehearsal import Stage
from bridge.rehearsal.playbill import Playbill
from engine.core.desk import Desk, Prompt
from engine.core.unsigned import FEWER, NAME
from engine.core.values import DAY_MS, HOUR_MS, Ms, RowId
from engine.runtime.batch import SEED_BITS
from engine.runtime.ports import Clock, Want
from engine.runtime.practices import AGREEING

SHIPPED = Path(__file__).parents[2] / "workflows"
NAMES = ("ana", "bruno", "chen", "dora", "eli", "fay", "gus", "hana", "ivo", "jun")
STEWARD, CONTACTS = "chen", ("dora", "ivo")
NEW = "pulse"
"""What the circle has not taken up yet, where it is to agree on something."""
MARK = re.compile(r"mark\d+x")
PAUSES_MS = (HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS, 8 * DAY_MS, 35 * DAY_MS)
MOMENTS = ("in 4 days", "in 9 days", "in 5 weeks", "in 4 months")
NO_WAYS = 5
MOST_ANSWERS = 60
"""How many answers are given at one moment: one brings up the next question."""

playbill = Playbill.of_folder(SHIPPED)
"""Every workflow that comes with Hearth, read once."""
WORKFLOWS = tuple(sorted(definition.name for definition in playbill.definitions()))


class LotByTheClock(random.Random):
    """Chance that hangs on the moment alone: what is drawn by lot is the same however much was said before."""

    def __init__(self, seed: int, clock: Clock) -> None:
        super().__init__(f"not those of the stage {seed}")
        self._seed = seed
        self._clock = clock

    def getrandbits(self, bits: int) -> int:
        if bits != SEED_BITS:
            return super().getrandbits(bits)
        return random.Random(f"{self._seed} {self._clock.now_ms()}").getrandbits(bits)


class Written(NamedTuple):
    """Words that somebody wrote: their mark, who wrote them, and what for, if they answered a question."""

    mark: str
    who: str
    prompt: Prompt | None


class Deed(NamedTuple):
    """Something that was done, so that it can be done again beside it."""

    who: str
    words: str
    row: RowId | None = None
    """The question it replies to."""
    nth: int | None = None
    """The message in the room that it is a tap on, counted among those that ask something."""
    by_ms: Ms = 0
    """Nothing was done, and so much time passed."""


class Crowd:
    """Build with ``await Crowd.gather("role", seed=7)``; then ``await crowd.carry_on(40)``."""

    def __init__(self, stage: Stage, acting: Sequence[str]) -> None:
        self.stage = stage
        self.acting = tuple(acting)
        self.chance = random.Random(stage.seed)
        self.written: list[Written] = []
        self.did: list[str] = []
        self.deeds: list[Deed] = []
        self._answered: list[tuple[Deed, Prompt]] = []
        self.writing = self.acting
        """Who answers in words of their own, where everybody goes through what lies before them."""
        self.prefers: tuple[str, ...] = ()
        """Choices that are taken wherever they are on offer."""

    @classmethod
    async def gather(cls, workflow: str, seed: int, *, still: Sequence[str] = (), guests: int = 3) -> Crowd:
        """Everybody is there and ``workflow`` has begun; those who keep ``still`` do nothing by themselves.

        ``guests``: how many people are named in its beginning.
        """
        # What begins by itself with everybody would be nearly all that is ever asked.
        on = [d for d in playbill.definitions() if d.begins_for is None or d.name == workflow]
        at_start = frozenset(WORKFLOWS) - {NEW} if workflow == AGREEING else None
        stage = await Stage.set(*NAMES, playbill=on, seed=seed, at_start=at_start)
        stage.line._house.random = LotByTheClock(seed, stage.clock)
        stage.cast.stewarding, stage.cast.safety = (STEWARD,), CONTACTS
        crowd = cls(stage, [name for name in NAMES if name not in still])
        await crowd.begin(workflow, guests)
        return crowd

    def told(self) -> str:
        """What happened, for whoever reads of a broken promise."""
        return "\n".join([f"seed {self.stage.seed}", *self.did])

    async def begin(self, workflow: str, guests: int) -> None:
        """Somebody begins a workflow; one that begins by itself does so with somebody who arrives."""
        definition = playbill.in_service(workflow)
        assert definition is not None
        if definition.begins_for is not None:
            self.acting = (*self.acting, "kim")
            self.did.append("kim comes into the room")
            await self.stage.come_into_the_room("kim")
            return
        if workflow == AGREEING:
            await self._say("ana", f"try {NEW}")
            return
        still = [name for name in NAMES if name not in self.acting]
        others = self.chance.sample(self.acting[1:], guests - len(still))
        named = " ".join(f"@{name}" for name in (*still, *others))
        await self._say("ana", f"{definition.begins_with} {named}: {self._mark('ana', None)}")

    async def carry_on(self, steps: int) -> None:
        """So many times somebody does something, or time passes."""
        for _ in range(steps):
            (act,) = self.chance.choices((self._answer, self._order, self._wait), weights=(66, 10, 24))
            await act()

    async def go_through(self, rounds: int) -> None:
        """So many times everybody answers whatever lies before them, and then time passes until something is due."""
        for _ in range(rounds):
            for _ in range(MOST_ANSWERS):
                answering = [
                    (name, prompt)
                    for name, prompt in await self._lying()
                    if self.stage.postman.event_of(prompt.knock or prompt.row) is not None
                    if prompt.expects != "words" or name in self.writing
                ]
                if not answering:
                    break
                await self.answer(*answering[0])
            next_ms = await self.stage.next_moment_ms()
            if next_ms is not None:
                await self.do(Deed("", "", by_ms=max(0, next_ms - self.stage.now_ms)))

    # ── what people do ───────────────────────────────────────────────────────

    async def desks(self) -> dict[str, Desk]:
        """What lies before each of those who act."""
        persons = self.stage.cast.persons
        loaded = await self.stage.store.load(Want(desks=frozenset(persons.values())))
        return {
            name: loaded.desks[p] for name, p in persons.items() if name in self.acting and p in loaded.desks
        }

    async def _lying(self) -> list[tuple[str, Prompt]]:
        return [
            (name, prompt)
            for name, desk in (await self.desks()).items()
            for prompt in desk.prompts
            if prompt.instance is not None and not prompt.shared and not prompt.sources
        ]

    async def _answer(self) -> None:
        """Somebody whom a question lies open with says something that fits, now and then a no."""
        lying = await self._lying()
        room = [b for b in self.stage.seen(room=True) if b.parcel.target is not None]
        if room and self.chance.random() < 0.15:
            nth = self.chance.randrange(len(room))
            target = room[nth].parcel.target
            emoji = self.chance.choice([e for _, e in target.choices if e] if target is not None else ["🦔"])
            await self.do(Deed(self.chance.choice(self.acting), emoji, nth=nth))
        elif lying:
            newest = self.chance.random() < 0.5
            await self.answer(*(lying[-1] if newest else self.chance.choice(lying)))
        else:
            await self._wait()

    async def answer(self, name: str, prompt: Prompt) -> None:
        """Answer one question in a way that fits it."""
        if prompt.knock is not None:
            await self._say(name, "open")
        if self.stage.postman.event_of(prompt.row) is not None:  # else it has not come yet
            deed = Deed(name, self._fitting(name, prompt), prompt.row)
            self._answered.append((deed, prompt))
            await self.do(deed)

    def _fitting(self, name: str, prompt: Prompt) -> str:
        others = [each for each in self.stage.cast.here if each != name]
        match prompt.expects:
            case "words":
                return self._mark(name, prompt)
            case "moment":
                return self.chance.choice(MOMENTS)
            case "number":
                return str(self.chance.randint(1, 4))
            case "person":
                return (
                    "none" if prompt.optional and self.chance.random() < 0.3 else self.chance.choice(others)
                )
            case "people":
                return ", ".join(self.chance.sample(others, self.chance.choice((1, 3, 4))))
            case _:
                if prompt.words and self.chance.random() < 0.4:
                    return self._mark(name, prompt)
                for n, (choice, _) in enumerate(prompt.choices, 1):
                    if choice in self.prefers:
                        return str(n)
                if self.chance.random() < 0.12:
                    return "No, thanks"
                return str(self.chance.choice((1, 1, self.chance.randint(1, max(1, len(prompt.choices))))))

    def _mark(self, name: str, prompt: Prompt | None) -> str:
        mark = f"mark{len(self.written)}x"
        self.written.append(Written(mark, name, prompt))
        return f"These are my own words, {mark}, and nobody else's."

    async def _order(self) -> None:
        """Somebody uses a word that lies with them, or one of the bot's own."""
        own = ("later", "my", "what's on", "who holds what", "pause for 3 days", "person", "start")
        name = self.chance.choice(self.acting)
        desk = (await self.desks()).get(name)
        held = [word for power in desk.powers.values() for word in power.words] if desk is not None else []
        await self._say(name, self.chance.choice([*held, *held, *own]))

    async def _wait(self) -> None:
        next_ms = await self.stage.next_moment_ms()
        if next_ms is not None and self.chance.random() < 0.7:
            by_ms = max(0, next_ms - self.stage.now_ms)
        else:
            (by_ms,) = self.chance.choices(PAUSES_MS, weights=(4, 5, 8, 5, 3, 1))
        await self.do(Deed("", "", by_ms=by_ms))

    async def _say(self, name: str, words: str) -> None:
        await self.do(Deed(name, words))

    async def do(self, deed: Deed) -> None:
        """Do something, and remember it."""
        self.deeds.append(deed)
        if deed.by_ms or not deed.who:
            self.did.append(f"{deed.by_ms / HOUR_MS:g} hours pass")
            await self.stage.pass_time(deed.by_ms)
        elif deed.nth is not None:
            self.did.append(f"{deed.who} taps {deed.words} in the room")
            asking = [b for b in self.stage.seen(room=True) if b.parcel.target is not None]
            await self.stage.tap_event(deed.who, deed.words, asking[deed.nth].event, room=True)
        else:
            event = self.stage.postman.event_of(deed.row) if deed.row is not None else None
            self.did.append(f"{deed.who} says {deed.words!r}{' as a reply' if event else ''}")
            await self.stage.say(deed.who, deed.words, reply_to=event)

    def chose_their_name(self) -> set[str]:
        """Who said that words of theirs may be shown with their name where too few have written."""
        return {
            deed.who
            for deed, prompt in self._answered
            if prompt.ask.startswith(FEWER) and deed.words.isdecimal()
            if prompt.choices[int(deed.words) - 1][0] == NAME
        }

    # ── somebody who only ever does what is to be silence ────────────────────

    async def decline(self, name: str, chance: random.Random) -> None:
        """One of the ways to say no to whatever was asked last: a word, a number, putting it off, muting, a pause."""
        persons = self.stage.cast.persons
        desk = (await self.stage.store.load(Want(desks=frozenset((persons[name],))))).desks.get(persons[name])
        asked = (
            [p for p in desk.prompts if p.instance is not None and not p.shared] if desk is not None else []
        )
        if not asked:
            return
        prompt = asked[-1]
        event = self.stage.postman.event_of(prompt.row)
        no = next((n for n, (choice, _) in enumerate(prompt.choices, 1) if choice == "no"), None)
        match chance.randrange(NO_WAYS):
            case 0 if event is not None:
                await self.stage.say(name, "No, thanks", reply_to=event)
            case 1 if event is not None and no is not None and len(prompt.choices) > 1:
                await self.stage.say(name, str(no), reply_to=event)
            case 2 if event is not None:
                await self.stage.say(name, "later", reply_to=event)
            case 3:
                await self.stage.say(name, "pause for 3 days")
            case _:
                await self.stage.say(name, "stop")
