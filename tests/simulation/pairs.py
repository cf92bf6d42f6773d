"""Two plays that differ in one thing: in one somebody keeps silent, in the other the same person says no, in every way
there is. Nobody else may be able to tell one from the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import zip_longest

from engine.core.values import HOUR_MS, MINUTE_MS, SECOND_MS
from tests.simulation.script import Item, Script, write_script
from tests.simulation.world import Entry, Played, play

DECLINES = 30
ASKING_MANY = ("invitation", "invitation", "decision", "role", "retrospective", "case_clinic", "nomination")
"""Where a no is worth most: one of these is begun in every such play."""
FIRST_DECLINE = 10_000
"""The numbers of what is only in one of the two plays begin here."""
LAST = 9_999
"""Both plays end with this: they are of one length."""
STAYS = ("kill",)
"""What may go wrong in both at the same moment, whatever else happens."""
AT_MOST_APART_MS = 5 * SECOND_MS


def write_pair(seed: int) -> tuple[Script, Script]:
    """The play with a silence, and the one with a no."""
    chance = random.Random(f"pair {seed}")
    whole = write_script(seed, always=(chance.choice(ASKING_MANY),))
    circle = chance.choice(whole.circles)
    # Neither steward nor contact nor holder of a role, whom others may see to be there or not, and in one circle only.
    still = circle[3]
    begun = [
        Item(0, 0, "come", still),
        Item(0, 1_000, "come circle", still),
        Item(0, MINUTE_MS, "start", still),
    ]
    items = [
        _asking(item, still, circle)
        for item in whole.items
        if item.who != still and (item.who or item.kind in STAYS)
    ]
    silent = whole._replace(items=tuple(sorted([*begun, *items], key=lambda item: item.at_ms)), still=still)
    asked_ms = [item.at_ms for item in items]
    declines = [
        Item(FIRST_DECLINE + n, chance.choice(asked_ms) + chance.randrange(1, 6 * HOUR_MS), "decline", still)
        for n in range(DECLINES)
    ]
    end = Item(LAST, max(item.at_ms for item in (*items, *declines)), "nothing")
    both = sorted([*silent.items, *declines], key=lambda item: item.at_ms)
    return silent._replace(items=(*silent.items, end)), silent._replace(items=(*both, end))


def _asking(item: Item, still: str, circle: tuple[str, ...]) -> Item:
    """Whatever begins is begun with the one who keeps still, where it can be."""
    if item.kind != "begin" or item.who not in circle or still in item.what.split():
        return item
    name, *named = item.what.split()
    return item._replace(what=" ".join([name, still, *named[:-1]]))


def tell_apart(silent: Played, declined: Played) -> Iterator[str]:
    """What somebody else could notice: a no and a silence look alike to every observer but whoever said it."""
    still = silent.script.still
    for room in sorted(silent.diaries.keys() | declined.diaries.keys()):
        if room == f"d/{still}":
            continue
        # What comes at one moment has no order that anybody made.
        pages = zip_longest(*(sorted(played.diaries.get(room, ())) for played in (silent, declined)))
        for one, other in pages:
            if one is None or other is None or _differ(one, other):
                yield f"a_no_and_a_silence_look_alike: {room} reads {one} where {still} is silent, else {other}"
                break


def _differ(one: Entry, other: Entry) -> bool:
    return one.what != other.what or abs(one.at_ms - other.at_ms) > AT_MOST_APART_MS


def play_pair(seed: int, dropped: frozenset[int] = frozenset()) -> Played:
    """Both plays, as the second with what told them apart among its findings; without the items that are dropped."""
    silent, declined = (
        play(
            script._replace(items=tuple(item for item in script.items if item.n not in dropped or not item.n))
        )
        for script in write_pair(seed)
    )
    found = () if silent.broken or declined.broken else tuple(tell_apart(silent, declined))
    return declined._replace(broken=(*silent.broken, *declined.broken, *found))


def play_kept(script: Script) -> Played:
    """The pair of a script's seed, without what that script leaves out."""
    whole = {item.n for each in write_pair(script.seed) for item in each.items}
    return play_pair(script.seed, frozenset(whole - {item.n for item in script.items}))
