"""A room's own rotation settings are honoured, as an independent client sees them."""

from __future__ import annotations

import pytest

from bridge.matrix.clock import SystemClock

HOUR_MS = 3_600_000
ENCRYPTION = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "rotation_period_msgs": 2,
    "rotation_period_ms": HOUR_MS,
}


class ShiftedClock(SystemClock):
    """Real time, some of it skipped."""

    shift_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.shift_ms


@pytest.mark.synapse
async def test_a_rooms_key_turns_after_the_messages_and_the_time_that_the_room_names(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    clock = ShiftedClock()
    bot = await listen(here.bot, clock=clock)
    ana = here["ana"]
    encryption = {"type": "m.room.encryption", "state_key": "", "content": ENCRYPTION}
    made = await ana.call(
        "POST",
        "/createRoom",
        {"preset": "private_chat", "initial_state": [encryption], "invite": [here.bot.user_id]},
    )
    room = str(made["room_id"])
    await bot.until(lambda: room in bot.client.rooms)
    await ana.wait_for(lambda: here.bot.user_id in ana.people(room))
    sessions = []
    for n in range(5):
        if n == 4:
            clock.shift_ms += HOUR_MS
        sealed = await bot.client.sender.seal(
            room, "m.room.message", {"msgtype": "m.text", "body": f"number {n}"}, f"t{n}"
        )
        sessions.append(sealed.content["session_id"])
        event_id = await bot.client.sender.put(sealed)
        assert (await ana.sees(room, event_id)).body == f"number {n}"
    first, second, third, fourth, fifth = sessions
    assert first == second != third == fourth
    assert fifth not in (first, third), "an hour has passed"
    assert not ana.undecryptable
