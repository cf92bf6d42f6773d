"""Messages that wait for the ledger at the same time are made durable together, and each fails by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bridge.matrix.keep import MemoryKeeper, NotCommitted, Row
from bridge.matrix.megolm import ROOM_SESSION

ROOMS = 4


class Stubborn(MemoryKeeper):
    """A keeper that refuses ratchets as often as it is told to, and knows whose it kept together."""

    refuses = 0

    def __init__(self) -> None:
        super().__init__()
        self.ratchets: list[list[str]] = []

    async def commit(self, rows: Sequence[Row]) -> None:
        if turned := [row.key for row in rows if row.kind == ROOM_SESSION]:
            if self.refuses:
                self.refuses -= 1
                raise NotCommitted("the disk is full")
            self.ratchets.append(turned)
        await super().commit(rows)


@pytest.mark.synapse
async def test_messages_for_several_rooms_share_one_commit(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    keeper = Stubborn()
    bot = await listen(here.bot, keeper=keeper)
    ana = here["ana"]
    sender = bot.client.sender
    rooms = [await encrypted_room(ana, here.bot.user_id, bot) for _ in range(ROOMS)]

    def words(n: int, turn: str) -> dict[str, str]:
        return {"msgtype": "m.text", "body": f"{turn} {n}"}

    for n, room in enumerate(rooms):
        await sender.deliver(room, "m.room.message", words(n, "first"), f"first{n}")

    async def seal_all(turn: str) -> list[object]:
        seals = (
            sender.seal(room, "m.room.message", words(n, turn), f"{turn}{n}") for n, room in enumerate(rooms)
        )
        return list(await asyncio.gather(*seals, return_exceptions=True))

    keeper.ratchets.clear()
    sealed = await seal_all("second")
    assert len(keeper.ratchets) < ROOMS
    assert sorted(room for together in keeper.ratchets for room in together) == sorted(rooms)
    for n, (room, each) in enumerate(zip(rooms, sealed, strict=True)):
        event_id = await sender.put(each)
        assert (await ana.sees(room, event_id)).body == f"second {n}"

    keeper.refuses = 1
    assert any(isinstance(each, NotCommitted) for each in await seal_all("third")), "these may not be sent"
    for n, (room, each) in enumerate(zip(rooms, await seal_all("fourth"), strict=True)):
        event_id = await sender.put(each)
        assert (await ana.sees(room, event_id)).body == f"fourth {n}"
    assert not ana.undecryptable


async def encrypted_room(ana, bot_id: str, bot) -> str:
    encryption = {
        "type": "m.room.encryption",
        "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }
    made = await ana.call(
        "POST",
        "/createRoom",
        {"preset": "private_chat", "initial_state": [encryption], "invite": [bot_id]},
    )
    room = str(made["room_id"])
    await bot.until(lambda: room in bot.client.rooms)
    await ana.wait_for(lambda: bot_id in ana.people(room))
    return room
