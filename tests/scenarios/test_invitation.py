"""The invitation, as its people live it."""

from __future__ import annotations

from engine.core.values import DAY_MS, HOUR_MS
from tests.scenarios.stage import Stage


async def test_x() -> None:
    stage = await Stage.set("ana", "bruno", "chen", "dora")
    await stage.say("ana", "invite everyone and @chen, @dora: Soup and songs at my place", room=True)
    print("ANA:", stage.words("ana"))
    await stage.say("ana", "1")
    print("ANA:", stage.words("ana"))
    await stage.say("ana", "Friday 19:00")
    await stage.say("ana", "2")
    print("ANA:", stage.words("ana"))
    print("ROOM:", stage.words(room=True))
    print("CHEN:", stage.words("chen"))
    print(stage.outcomes)
    await stage.strike()
    assert 0
