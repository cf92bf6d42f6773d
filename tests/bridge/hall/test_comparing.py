"""News of comparing keys reaches the desk of whoever compares, each piece once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.hall.comparing import ComparingDesk, mirror_of
from bridge.matrix import verification
from bridge.views.trust import OwnDevice
from engine.core.desk import Compared, Comparing
from engine.core.values import PersonId
from engine.runtime.ports import ToDesk, Unavailable

VERA = "@vera:hearth.test"
SHOWN = verification.Comparing(VERA, "t1", (1, 2, 3, 4, 5, 6, 7), (1000, 2000, 3000))


class Line:
    """Keeps what is handed in."""

    def __init__(self) -> None:
        self.taken: list[ToDesk] = []

    async def submit(self, arrivals: list[ToDesk]) -> None:
        self.taken += arrivals


class People:
    """Knows everybody, as long as the database answers."""

    def __init__(self) -> None:
        self.away = False

    async def learn(self, user_id: str) -> PersonId:
        if self.away:
            raise Unavailable("the database is locked")
        return PersonId(f"person {user_id}")


@pytest.fixture
def desk() -> tuple[ComparingDesk, Line, People]:
    line, people = Line(), People()
    clock: Any = SimpleNamespace(now_ms=lambda: 42)
    straight: Any = line
    return ComparingDesk(straight, people, clock), line, people


async def test_what_is_shown_and_how_it_ended_are_two_pieces_of_news_and_each_has_one_name(
    desk: tuple[ComparingDesk, Line, People],
) -> None:
    told, line, _ = desk
    for news in (SHOWN, SHOWN, verification.Compared(VERA, "t1", "same")):
        await told.tell(news)
    first, again, over = line.taken
    assert first == again
    assert first.id != over.id
    assert (first.person, first.occurred_ms) == (f"person {VERA}", 42)
    assert first.event == Comparing(SHOWN.emoji, SHOWN.decimals)
    assert over.event == Compared("same")
    assert VERA not in first.id


async def test_without_the_database_a_comparison_comes_to_nothing_and_the_house_goes_on(
    desk: tuple[ComparingDesk, Line, People], caplog: pytest.LogCaptureFixture
) -> None:
    told, line, people = desk
    people.away = True
    await told.tell(SHOWN)
    assert line.taken == []
    assert "is lost" in caplog.text
    people.away = False
    await asyncio.wait_for(told.tell(SHOWN), 1)
    assert len(line.taken) == 1


def test_the_mirror_shows_the_device_as_it_is_at_that_moment() -> None:
    signed: set[str] = set()
    client: Any = SimpleNamespace(
        session=SimpleNamespace(user_id="@hearth:hearth.test", device_id="D"),
        cipher=SimpleNamespace(
            machine=SimpleNamespace(signing_key="KEY"),
            trust=SimpleNamespace(is_signed=lambda _user, device: device in signed),
        ),
    )
    look = mirror_of(client)
    assert look() == OwnDevice("D", "KEY", signed=False)
    signed.add("D")
    assert look().signed
