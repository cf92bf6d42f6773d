"""The script of a play: what people do and what goes wrong, made from a seed, and small enough to be read."""

from __future__ import annotations

import random
from typing import NamedTuple

from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Ms
from engine.runtime.practices import AGREEING
from tests.privacy.crowd import WORKFLOWS, playbill

NAMES = ("ana", "bruno", "chen", "dora", "eli", "fay", "gus", "hana")
BEGINNING_BY_THEMSELVES = frozenset(d.name for d in playbill.definitions() if d.begins_for is not None)
MOST_GUESTS = 4
SOMEBODY = "somebody"
"""Stands for anyone before whom a question lies."""


class Item(NamedTuple):
    """One thing that happens: somebody acts (``who``), or something goes wrong for a while (``by_ms``)."""

    n: int
    at_ms: Ms
    """Since the curtain rose."""
    kind: str
    who: str = ""
    what: str = ""
    by_ms: Ms = 0

    def __str__(self) -> str:
        days, rest_ms = divmod(self.at_ms, DAY_MS)
        hours, rest_ms = divmod(rest_ms, HOUR_MS)
        at = f"day {days} {hours:02}:{rest_ms // MINUTE_MS:02}:{rest_ms % MINUTE_MS / 1000:06.3f}"
        lasts = f" for {self.by_ms / MINUTE_MS:g} min" if self.by_ms else ""
        return f"{at}  #{self.n} {self.who or 'the world'}: {self.kind} {self.what}{lasts}"


class Script(NamedTuple):
    """A whole play. What is drawn by lot in it depends on ``seed`` and on each item's own number alone."""

    seed: int
    circles: tuple[tuple[str, ...], ...]
    """The people of each circle."""
    workflows: tuple[str, ...]
    """What both circles have in use at the start."""
    pace: int
    """How many times faster than real time the house's runs."""
    days: int
    items: tuple[Item, ...]
    still: str = ""
    """Who does nothing by themselves, in a play that is held against another."""

    def __str__(self) -> str:
        circles = "; ".join(", ".join(circle) for circle in self.circles)
        head = f"seed {self.seed}: {circles}. In use: {', '.join(self.workflows)}. {self.days} days, pace {self.pace}"
        return "\n".join([head, *map(str, self.items)])


GAPS_MS = (0, 2 * SECOND_MS, MINUTE_MS, 20 * MINUTE_MS, 2 * HOUR_MS, 7 * HOUR_MS, DAY_MS)
ACTS = {
    "answer": 45,
    "everybody answers": 8,
    "tap": 8,
    "again": 6,
    "edit": 5,
    "remove": 4,
    "vote": 3,
    "words": 5,
    "order": 8,
    "open": 3,
    "later": 2,
    "nonsense": 2,
    "pause": 1,
    "stop": 1,
    "start": 3,
    "settings": 1,
    "leave circle": 1,
    "come circle": 2,
    "leave room": 1,
    "come": 2,
    "forget me": 1,
    "yes to forget": 1,
}
TROUBLES = {
    "unavailable": 4,
    "full disk": 2,
    "slow store": 3,
    "conflicts": 3,
    "crash": 8,
    "kill": 5,
    "too many": 3,
    "deaf": 3,
    "mute": 3,
    "answers lost": 4,
    "slow sends": 3,
    "late": 4,
    "twice": 4,
    "clock": 3,
}
LASTS_MS = (20 * SECOND_MS, 3 * MINUTE_MS, 20 * MINUTE_MS, 3 * HOUR_MS)


def write_script(seed: int, *, always: tuple[str, ...] = ()) -> Script:
    """The play of a seed; these workflows are ``always`` in use and begun, besides those that the seed chooses."""
    chance = random.Random(f"script {seed}")
    names = list(NAMES)
    chance.shuffle(names)
    both = chance.randint(1, 2)
    circles = (tuple(names[: 4 + both]), tuple(names[4:]))
    chosen = _workflows(seed, chance)
    workflows = tuple(dict.fromkeys((*chosen, *always)))
    days = chance.choice((2, 5, 8, 14, 30))
    items = _begin(circles, chosen, always, chance)
    span_ms, at_ms = days * DAY_MS, max(item.at_ms for item in items)
    acts = chance.randint(20, 45)
    scale = span_ms / acts / (5 * HOUR_MS)
    kinds, weights = list(ACTS), list(ACTS.values())
    while at_ms < span_ms and len(items) < 100:
        at_ms += int(chance.choice(GAPS_MS) * max(scale, 0.3) * (0.2 + chance.random()))
        kind, who = chance.choices(kinds, weights)[0], chance.choice(NAMES)
        if kind == "answer" and chance.random() < 0.8:
            who = SOMEBODY
        items.append(Item(0, at_ms, kind, who))
        if kind == "forget me" and chance.random() < 0.7:
            items.append(Item(0, at_ms + 10 * MINUTE_MS, "yes to forget", who))
        if chance.random() < 0.25:  # the same person again at once
            at_ms += chance.choice((0, SECOND_MS))
            items.append(Item(0, at_ms, chance.choice(("edit", "remove", "again", "answer")), who))
    items += _troubles([item.at_ms for item in items], chance)
    items.sort(key=lambda item: item.at_ms)  # of one moment, in the order in which it was written
    numbered = tuple(item._replace(n=n) for n, item in enumerate(items))
    pace = max(1, days * 24 * 60 // chance.choice((120, 240, 480)))
    return Script(seed, circles, workflows, pace, days, numbered)


def _workflows(seed: int, chance: random.Random) -> tuple[str, ...]:
    """Two to four of those that come with Hearth; over the seeds each comes first equally often."""
    first = WORKFLOWS[seed % len(WORKFLOWS)]
    others = [name for name in WORKFLOWS if name != first]
    chosen = {first, *chance.sample(others, chance.randint(1, 3))}
    if chance.random() < 0.3:
        chosen |= set(WORKFLOWS) - BEGINNING_BY_THEMSELVES
    return tuple(sorted(chosen - {AGREEING})) + (AGREEING,) * (AGREEING in chosen)


def _begin(
    circles: tuple[tuple[str, ...], ...],
    chosen: tuple[str, ...],
    always: tuple[str, ...],
    chance: random.Random,
) -> list[Item]:
    items = [Item(0, n * 1_000, "come", name) for n, name in enumerate(NAMES) if chance.random() < 0.9]
    items += [Item(0, item.at_ms + MINUTE_MS, "start", item.who) for item in items if chance.random() < 0.9]
    at_ms = 5 * MINUTE_MS
    for name in (*always, *chance.sample(chosen, min(len(chosen), 4))):
        for _ in range(chance.randint(1, 2)):
            at_ms += int(chance.choice(GAPS_MS[:5]) * chance.random())
            circle = chance.choice(circles)
            starter = chance.choice(circle)
            if name in always:
                items += [Item(0, 0, "come", starter), Item(0, MINUTE_MS, "start", starter)]
            if name == AGREEING:
                items.append(Item(0, at_ms, "try", starter, chance.choice(WORKFLOWS)))
                continue
            others = [each for each in circle if each != starter]
            named = chance.sample(others, chance.randint(1, min(MOST_GUESTS, len(others))))
            items.append(Item(0, at_ms, "begin", starter, " ".join([name, *named])))
            asked = 7 if name in always else chance.randint(0, 5)  # what it is about, where and when
            items += [Item(0, at_ms + n * MINUTE_MS, "answer", starter) for n in range(1, asked + 1)]
    return items


def _troubles(acts_ms: list[Ms], chance: random.Random) -> list[Item]:
    """Misfortune likes company: most of it comes while somebody does something."""
    kinds, weights = list(TROUBLES), list(TROUBLES.values())
    found = []
    for _ in range(chance.randint(3, 12)):
        kind = chance.choices(kinds, weights)[0]
        before_ms = chance.choice((0, 0, SECOND_MS, MINUTE_MS, HOUR_MS))
        at_ms, by_ms = max(0, chance.choice(acts_ms) - before_ms), chance.choice(LASTS_MS)
        what = ""
        if (
            kind == "crash"
        ):  # at that many-th call to the outside from then on, before or after it took effect
            what = f"{chance.choice((1, 2, 3, 5, 8, 13, 30))} {chance.choice(('before', 'after'))}"
        elif kind == "clock":
            what = str(chance.choice((-1, 1)) * chance.choice((MINUTE_MS, HOUR_MS, 10 * HOUR_MS, 3 * DAY_MS)))
        found.append(Item(0, at_ms, kind, "", what, by_ms))
    return found
