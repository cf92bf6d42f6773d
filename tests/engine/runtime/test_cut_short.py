"""Forgetting and fading, ended at every boundary of store and postman and begun again: the end is the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, cast

import pytest

from engine.core.values import DAY_MS
from engine.runtime.bell import Bell
from engine.runtime.housekeeping import fade
from engine.runtime.outbox import Outbox
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.runtime.test_private_answers import round_of, texts_in, write

BOUNDARIES = ("commit", "claim", "seal", "mark_sent", "postpone", "bury", "forget", "put", "let_go")
FEWEST = {"forget": 40, "fade": 8}
"""Boundaries that each of them crosses at least, so that it is seen if nothing is cut short any more."""


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


class Scythe:
    """Counts boundaries, before and after each call that leaves something behind; at one of them everything ends."""

    def __init__(self, strikes_at: int) -> None:
        self._left = strikes_at
        self.struck = asyncio.Event()
        self.crossed = 0

    def cross(self) -> None:
        self.crossed += 1
        self._left -= 1
        if self._left == 0:
            self.struck.set()
        if self.struck.is_set():
            raise Killed

    def over(self, port: Any) -> Any:
        return _Mortal(port, self)


class _Mortal:
    def __init__(self, port: Any, scythe: Scythe) -> None:
        self._port, self._scythe = port, scythe

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in BOUNDARIES:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._scythe.cross()
            result = await found(*args, **kwargs)
            self._scythe.cross()
            return result

        return call


async def busy() -> SmallHouse:
    """Ana has asked Ben and Chen in words, and has read both."""
    house = await SmallHouse.open("ana", "ben", "chen")
    definition = round_of("talk", keep_days=30)
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "talk @ben @chen")
    await house.settle()
    await write(house, "ben", "chen")
    return house


def again(house: SmallHouse, scythe: Scythe) -> SmallHouse:
    """Another life over the same store and the same rooms; it knows nothing that was not kept."""
    other = SmallHouse(store=house.store, seed=house.chance.randrange(2**32))
    other.postman, other.village, other.shelf, other.clock = (
        house.postman,
        house.village,
        house.shelf,
        house.clock,
    )
    other.reader, other._events = house.reader, house._events
    other.cellar, other.carrier = scythe.over(house.store), scythe.over(house.postman)
    other.line = other.another_line()
    other.bell = Bell(other.cellar, other.line, other.clock)
    other.outbox = Outbox(other.cellar, other.carrier, other.clock, other.chance)
    other.line.start()
    return other


Deed = Callable[[SmallHouse], Awaitable[object]]


async def live(house: SmallHouse, deed: Deed) -> bool:
    """Do it, and whatever follows; False if it was cut short."""
    writer = cast("asyncio.Task[None]", house.line._task)
    doing = asyncio.create_task(_all_of(house, deed))
    await asyncio.wait([doing, writer], return_when=asyncio.FIRST_COMPLETED)
    ended = doing.done() and doing.exception() is None
    for task in (doing, writer):
        task.cancel()
    results = await asyncio.gather(doing, writer, return_exceptions=True)
    assert all(r is None or isinstance(r, Killed | asyncio.CancelledError) for r in results), results
    return ended


async def _all_of(house: SmallHouse, deed: Deed) -> None:
    await house.outbox.settle()
    await deed(house)
    await house.settle()


async def cut_everywhere(
    build: Callable[[], Awaitable[tuple[SmallHouse, Deed]]], check: Callable[[SmallHouse], Awaitable[None]]
) -> int:
    """End it at the first boundary, at the second, and so on; how many there are."""
    for n in count(1):
        first, deed = await build()
        await first.line.stop()
        scythe = Scythe(n)
        if await live(again(first, scythe), deed):
            await check(first)
            return scythe.crossed
        await first.clock.advance(10 * 60_000)  # its leases end
        assert await live(again(first, Scythe(0)), deed)
        await check(first)
    raise AssertionError


def redactions(house: SmallHouse) -> Counter[str]:
    return Counter(str(b.parcel.redacts) for b in house.postman.brought if b.parcel.redacts is not None)


@pytest.mark.timeout(120)
async def test_wherever_forgetting_is_cut_short_its_end_is_the_same() -> None:
    said: dict[str, Any] = {}

    async def build() -> tuple[SmallHouse, Deed]:
        house = await busy()
        await house.pass_time(8 * DAY_MS)
        await house.say("ben", "forget me")
        await house.settle()
        yes, person = house.spoken("ben", "forget"), house.id("ben")
        texts = {text.id for text in await house.store.texts_of(person)}
        mine = {b.parcel.row for b in house.seen("ben")}
        shown = {b.parcel.row for b in house.seen("ana") if set(texts_in([b])) & texts}
        assert shown
        said.update(person=person, must=mine | shown)
        return house, lambda life: life.submit(yes)

    async def check(house: SmallHouse) -> None:
        person = said["person"]
        assert await house.store.matrix_id(person) is None
        assert await house.store.leaving() == []
        assert set(house.postman.gone) == {person}
        back = redactions(house)
        assert set(back.values()) == {1}
        assert back.keys() >= {str(row) for row in said["must"]}
        assert Counter(house.words("ben"))["forget.done"] == 1

    assert await cut_everywhere(build, check) >= FEWEST["forget"]


@pytest.mark.timeout(120)
async def test_wherever_fading_is_cut_short_its_end_is_the_same() -> None:
    said: dict[str, Any] = {}

    async def build() -> tuple[SmallHouse, Deed]:
        house = await busy()
        await house.pass_time(50 * DAY_MS)
        texts = await house.store.ended_texts(house.now_ms, 9)
        assert len(texts) == 2
        said["texts"] = texts
        said["rows"] = {str(placed.row) for placed in await house.store.rows_carrying(texts)}
        assert said["rows"]
        return house, lambda life: fade(life.cellar, life.line, life.clock)

    async def check(house: SmallHouse) -> None:
        assert [await house.store.text(text) for text in said["texts"]] == [None, None]
        assert redactions(house) == Counter(said["rows"])

    assert await cut_everywhere(build, check) >= FEWEST["fade"]
