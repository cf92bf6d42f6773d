"""The people of a play: each item of the script is one thing that one of them does, whatever lies before them then."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.core.desk import Desk, Prompt
from engine.core.desk_table import FORGET
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, CircleId, Ms
from engine.runtime.ports import AnyArrival, Moved, Reacted, Removed, Spoken, Voted
from tests.privacy.crowd import playbill
from tests.simulation.homeserver import Standing
from tests.simulation.reader import BOOM
from tests.simulation.script import NAMES, SOMEBODY, Item

if TYPE_CHECKING:
    from tests.simulation.world import World

OWN_WORDS = ("my", "what's on", "who holds what", "help", "settings", "person", "my people", "hide", "export")
MOMENTS_MS = (2 * DAY_MS, 5 * DAY_MS, 20 * DAY_MS)
SOON_MS = (0, 0, SECOND_MS, 20 * SECOND_MS)
LATE_MS = (MINUTE_MS, HOUR_MS, 9 * HOUR_MS)


class People:
    """Knows what everybody has said so far."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._said: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """Name → their events in their own room, with what they said."""
        self._events: Counter[int] = Counter()
        self._marked: Counter[int] = Counter()
        self.booms: set[str] = set()
        """What nobody can read."""
        self.moved_ms: dict[str | None, Ms] = {}
        """When somebody last came or left."""
        self.marks: dict[str, str] = {}
        """Mark → who wrote it."""
        self._acts: dict[str, Callable[[Item, random.Random], str]] = {
            "answer": self._answer,
            "everybody answers": self._everybody,
            "again": self._again,
            "tap": self._tap,
            "edit": self._edit,
            "decline": self._decline,
            "remove": self._remove,
            "vote": self._vote,
            "words": self._words,
            "order": self._order,
            "nonsense": self._nonsense,
            "begin": self._begin,
            "try": lambda item, _: self._say(item, f"cmd=try|workflow={item.what}"),
            "start": lambda item, _: self._say(item, "cmd=start"),
            "stop": self._stop,
            "pause": self._pause,
            "open": lambda item, _: self._say(item, "cmd=open"),
            "later": lambda item, _: self._say(item, "cmd=later"),
            "settings": self._settings,
            "forget me": lambda item, _: self._say(item, f"cmd={FORGET}"),
            "yes to forget": lambda item, _: self._say(item, "pick=forget"),
            "come": lambda item, _: self._move(item, f"d/{item.who}", joined=True),
            "leave room": lambda item, _: self._move(item, f"d/{item.who}", joined=False),
            "come circle": lambda item, _: self._move(item, self._a_circle(item), joined=True),
            "leave circle": lambda item, _: self._move(item, self._a_circle(item), joined=False),
        }

    def knows(self, kind: str) -> bool:
        return kind in self._acts

    def act(self, item: Item) -> str:
        """Let somebody do something; what came of it, for the trace."""
        chance = random.Random(f"{self._world.script.seed} {item.n} {item.kind}")
        if item.who == SOMEBODY:
            asked = [name for name in self._acting() if self._fresh(name)]
            item = item._replace(who=chance.choice(asked or self._acting()))
        return f"{item.who} {self._acts[item.kind](item, chance)}"

    def _acting(self) -> list[str]:
        return [name for name in NAMES if name != self._world.script.still]

    # ── what lies before somebody ────────────────────────────────────────────

    def _desk(self, name: str) -> Desk | None:
        return self._world.desk_of(name)

    def _lying(self, name: str) -> list[Prompt]:
        """Questions that this person can see in their room, whether they have answered or not."""
        desk = self._desk(name)
        seen = self._world.homeserver.standing
        return [
            p
            for p in (desk.prompts if desk is not None else ())
            if not p.shared
            and (seen(p.row) is not None or (p.knock is not None and seen(p.knock) is not None))
        ]

    def _in_circles(self, name: str) -> Iterator[tuple[int, Standing]]:
        """What asks something in the rooms of somebody's circles."""
        for n in range(len(self._world.script.circles)):
            if name in self._world.homeserver.members[f"s/{n}"]:
                for standing in self._world.homeserver.rooms[f"s/{n}"]:
                    if standing.parcel.target is not None:
                        yield n, standing

    def _a_circle(self, item: Item) -> str:
        mine = [n for n, names in enumerate(self._world.script.circles) if item.who in names]
        return f"s/{mine[item.n % len(mine)]}" if mine else "s/0"

    def _others(self, name: str, prompt: Prompt) -> list[str]:
        """The people of the circle to which a question belongs."""
        snapshot = self._world.store._snapshots.get(prompt.instance) if prompt.instance is not None else None
        number = self._world.circles.index(snapshot.circle) if snapshot is not None else 0
        return sorted(set(self._world.script.circles[number]) - {name})

    # ── doing ────────────────────────────────────────────────────────────────

    def _next_event(self, item: Item) -> str:
        self._events[item.n] += 1
        return f"$p{item.n}.{self._events[item.n]}"

    def _hear(self, arrival: AnyArrival, item: Item) -> None:
        """Most of it the bot hears at once, some of it late."""
        chance = random.Random(f"{self._world.script.seed} {item.n} delay")
        late = self._world.weather.strikes("late", self._world.true_ms())
        after_ms = int(chance.choice(LATE_MS if late else SOON_MS) * chance.random())
        self._world.homeserver.hear(arrival, item.who, after_ms)

    def _say(
        self,
        item: Item,
        body: str,
        *,
        reply_to: str | None = None,
        edits: str | None = None,
        circle: int | None = None,
    ) -> str:
        event = self._next_event(item)
        arrival = Spoken(
            id=event,
            occurred_ms=self._world.true_ms(),
            person=item.who,  # type: ignore[arg-type]  # a name, until the bot has looked it up
            body=body,
            reply_to=reply_to,
            edits=edits,
            circle=None if circle is None else CircleId(str(circle)),
            addressed=circle is not None,
        )
        self._hear(arrival, item)
        if circle is None and edits is None:
            self._said[item.who].append((event, body))
        return f"says {body!r} {'as a reply' if reply_to else ''}{'as an edit' if edits else ''}"

    def _react(self, item: Item, target: str, emoji: str, circle: int | None = None) -> str:
        event = self._next_event(item)
        arrival = Reacted(
            id=event,
            occurred_ms=self._world.true_ms(),
            person=item.who,  # type: ignore[arg-type]
            target=target,
            emoji=emoji,
            circle=None if circle is None else CircleId(str(circle)),
        )
        self._hear(arrival, item)
        self._said[item.who].append((event, ""))
        return f"taps {emoji} on {target}"

    def _move(self, item: Item, room: str, *, joined: bool) -> str:
        members = self._world.homeserver.members[room]
        if (item.who in members) == joined:
            return "nothing to do"
        (members.add if joined else members.discard)(item.who)
        self.moved_ms[item.who] = self._world.true_ms()
        kind, _, number = room.partition("/")
        arrival = Moved(
            id=self._next_event(item),
            occurred_ms=self._world.true_ms(),
            person=item.who,  # type: ignore[arg-type]
            joined=joined,
            circle=CircleId(number) if kind == "s" else None,
        )
        self._hear(arrival, item)
        return f"{'comes into' if joined else 'leaves'} {room}"

    def _mark(self, item: Item) -> str:
        self._marked[item.n] += 1
        mark = f"mark{item.n}x{self._marked[item.n]}"
        self.marks[mark] = item.who
        return mark

    # ── answers ──────────────────────────────────────────────────────────────

    def _fresh(self, name: str) -> list[Prompt]:
        """What this person has not answered yet, and could."""
        return [p for p in self._lying(name) if p.instance is not None and not p.sources]

    def _everybody(self, item: Item, chance: random.Random) -> str:
        """Most of those who were asked something answer it, within a few minutes."""
        asked = [name for name in self._acting() if self._fresh(name) and chance.random() < 0.7]
        return ", ".join(f"{name} {self._answer(item._replace(who=name), chance)}" for name in asked)

    def _answer(self, item: Item, chance: random.Random) -> str:
        lying = [p for p in self._lying(item.who) if p.instance is not None]
        fresh = self._fresh(item.who) or lying
        if not fresh:
            return self._tap(item, chance)
        return self._reply(item, fresh[-1] if chance.random() < 0.4 else chance.choice(fresh), chance)

    def _again(self, item: Item, chance: random.Random) -> str:
        answered = [p for p in self._lying(item.who) if p.sources]
        return self._reply(item, chance.choice(answered), chance) if answered else "nothing to say again"

    def _reply(self, item: Item, prompt: Prompt, chance: random.Random) -> str:
        standing = self._world.homeserver.standing(prompt.row)
        if standing is None:
            return self._say(item, "cmd=open")
        emoji = [e for _, e in prompt.choices if e]
        if emoji and not prompt.words and chance.random() < 0.35:
            return self._react(item, standing.event, chance.choice(emoji))
        reply_to = standing.event if chance.random() < 0.7 else None
        return self._say(item, self._fitting(item, prompt, chance), reply_to=reply_to)

    def _decline(self, item: Item, chance: random.Random) -> str:
        """One of the ways to say no to what was asked last: a word, a choice, putting it off, muting, a pause."""
        lying = [p for p in self._lying(item.who) if p.instance is not None]
        prompt = lying[-1] if lying else None
        standing = self._world.homeserver.standing(prompt.row) if prompt is not None else None
        way = chance.choice(("no=", "no=", "pick=no", "pick=no", "cmd=later", "cmd=pause", "cmd=stop"))
        if way == "cmd=pause":
            return self._say(item, f"{way}|until={self._world.true_ms() + 2 * DAY_MS}")
        if way == "cmd=stop":
            return self._say(item, way) if chance.random() < 0.2 else "thinks of saying stop"
        if prompt is None or standing is None:
            return "was asked nothing"
        if way == "pick=no" and (len(prompt.choices) < 2 or "no" not in dict(prompt.choices)):
            way = "no="
        return self._say(item, way, reply_to=standing.event)

    def _fitting(self, item: Item, prompt: Prompt, chance: random.Random) -> str:
        others = self._others(item.who, prompt)
        if prompt.optional and chance.random() < 0.3:
            return "none="
        match prompt.expects:
            case "words":
                return f"words={self._mark(item)}"
            case "moment":
                return f"at={self._world.true_ms() + chance.choice(MOMENTS_MS)}"
            case "number":
                return f"number={chance.randint(1, 4)}"
            case "person":
                return f"people={chance.choice(others)}"
            case "people":
                return f"people={' '.join(chance.sample(others, min(len(others), chance.choice((1, 3, 4)))))}"
            case _:
                if (prompt.words and chance.random() < 0.4) or not prompt.choices:
                    return f"words={self._mark(item)}"
                if chance.random() < 0.12:
                    return "no="
                first, (choice, _) = prompt.choices[0], chance.choice(prompt.choices)
                picked = first[0] if chance.random() < 0.5 else choice
                more = f"|words={self._mark(item)}" if prompt.words and chance.random() < 0.2 else ""
                return f"pick={picked}{more}"

    def _tap(self, item: Item, chance: random.Random) -> str:
        asking = list(self._in_circles(item.who))
        if not asking:
            return "nothing to tap on"
        n, standing = chance.choice(asking[-3:])
        target = standing.parcel.target
        emoji = [e for _, e in target.choices if e] if target is not None else []
        return self._react(item, standing.event, chance.choice(emoji or ["🦔"]), n)

    def _vote(self, item: Item, chance: random.Random) -> str:
        polls = [s for s in self._world.homeserver.rooms[f"d/{item.who}"] if s.parcel.polls is not None]
        if not polls:
            return "no poll"
        poll = chance.choice(polls[-3:])
        target = poll.parcel.target
        options = [choice for choice, _ in target.choices] if target is not None else []
        answers = (chance.choice(options),) if options and chance.random() < 0.8 else ()
        event = self._next_event(item)
        arrival = Voted(
            id=event,
            occurred_ms=self._world.true_ms(),
            person=item.who,  # type: ignore[arg-type]
            target=poll.event,
            answers=answers,
        )
        self._hear(arrival, item)
        return f"votes {answers}"

    def _edit(self, item: Item, chance: random.Random) -> str:
        said = [(event, body) for event, body in self._said[item.who] if body]
        if not said:
            return "nothing to edit"
        event, body = said[-1] if chance.random() < 0.7 else chance.choice(said)
        if "words=" in body and chance.random() < 0.6:
            return self._say(item, f"words={self._mark(item)}", edits=event)
        choices = [choice for p in self._lying(item.who) for choice, _ in p.choices]
        new = f"pick={chance.choice(choices)}" if choices and chance.random() < 0.8 else "cmd=later"
        return self._say(item, new, edits=event)

    def _remove(self, item: Item, chance: random.Random) -> str:
        said = self._said[item.who]
        if not said:
            return "nothing to remove"
        event, _ = said.pop(-1 if chance.random() < 0.7 else chance.randrange(len(said)))
        arrival = Removed(
            id=self._next_event(item),
            occurred_ms=self._world.true_ms(),
            person=item.who,  # type: ignore[arg-type]
            event=event,
        )
        self._hear(arrival, item)
        return f"removes {event}"

    # ── words and orders ─────────────────────────────────────────────────────

    def _words(self, item: Item, chance: random.Random) -> str:
        circle = self._a_circle(item) if chance.random() < 0.2 else None
        number = None if circle is None else int(circle.partition("/")[2])
        return self._say(item, f"words={self._mark(item)}", circle=number)

    def _order(self, item: Item, chance: random.Random) -> str:
        desk = self._desk(item.who)
        held = [word for power in desk.powers.values() for word in power.words] if desk is not None else []
        return self._say(item, f"cmd={chance.choice([*held, *held, *OWN_WORDS])}")

    def _nonsense(self, item: Item, chance: random.Random) -> str:
        if chance.random() < 0.3:
            said = self._say(item, f"words={BOOM}")
            self.booms.add(self._said[item.who][-1][0])
            return said
        return self._say(
            item, chance.choice(("cmd=fly", "pick=nothing", "people=nobody", "number=7", "words= "))
        )

    def _begin(self, item: Item, chance: random.Random) -> str:
        name, *named = item.what.split()
        definition = playbill.in_service(name)
        assert definition is not None
        body = f"cmd={definition.begins_with}|people={' '.join(named)}|words={self._mark(item)}"
        return self._say(item, body)

    def _stop(self, item: Item, chance: random.Random) -> str:
        workflow = chance.choice(("", "", f"|workflow={chance.choice(self._world.script.workflows)}"))
        return self._say(item, f"cmd=stop{workflow}")

    def _pause(self, item: Item, chance: random.Random) -> str:
        days: Ms = chance.choice((1, 3, 10)) * DAY_MS
        return self._say(item, f"cmd=pause|until={self._world.true_ms() + days}")

    def _settings(self, item: Item, chance: random.Random) -> str:
        return self._say(
            item,
            chance.choice(
                (
                    "cmd=time zone|zone=Pacific/Auckland",
                    "cmd=quiet|hours=23",
                    "cmd=no quiet hours",
                    "cmd=not from|people=ana",
                )
            ),
        )
