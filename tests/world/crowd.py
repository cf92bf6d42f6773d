"""Many people at once, each with one encrypted device and a 1:1 room with the bot, but without an app that runs.

For questions of number: their devices have keys, so that the bot can write to them; nobody reads what it writes.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import quote

import vodozemac

from bridge.matrix.http import Homeserver, RateLimited
from tests.world.synapse import Account

AT_ONCE = 8
ONE_TIME_KEYS = 5
ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
V3 = "/_matrix/client/v3"


class Registers(Protocol):
    """A homeserver of ours, real or not."""

    async def register(self, name: str, *, display_name: str | None = None) -> Account: ...


@dataclass(frozen=True)
class Guest:
    """Somebody with a device, and the 1:1 room they share with the bot."""

    account: Account
    room: str

    @property
    def user_id(self) -> str:
        return self.account.user_id


class Crowd:
    """People by the hundred; made with `gather`, and closed when done."""

    def __init__(self, homeserver: Homeserver, guests: list[Guest]) -> None:
        self.guests = guests
        self._homeserver = homeserver

    @classmethod
    async def gather(cls, synapse: Registers, bot: Account, size: int, name: str = "guest") -> Self:
        """Register so many, give each a device with keys and a 1:1 room that the bot has joined and marked."""
        homeserver = await Homeserver.connect(bot.homeserver)
        places = asyncio.Semaphore(AT_ONCE)

        async def make(n: int) -> Guest:
            async with places:
                return await _guest(homeserver, await synapse.register(f"{name}{n}"), bot)

        guests = await asyncio.gather(*(make(n) for n in range(size)))
        marks = {guest.user_id: [guest.room] for guest in guests}
        where = f"{V3}/user/{quote(bot.user_id)}/account_data/m.direct"
        await homeserver.authorised(bot.access_token).request("PUT", where, body=marks)
        return cls(homeserver, list(guests))

    async def say(self, guest: Guest, text: str) -> int:
        """Write to the bot, unencrypted; when that was, in milliseconds."""
        at_ms = time.time_ns() // 1_000_000
        where = f"{V3}/rooms/{quote(guest.room)}/send/m.room.message/{secrets.token_hex(8)}"
        content = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        await self._as(guest).request("PUT", where, body=content)
        return at_ms

    async def heard(self, guest: Guest, bot: Account) -> list[dict[str, Any]]:
        """What the bot wrote to them, the newest first, as the homeserver has it."""
        where = f"{V3}/rooms/{quote(guest.room)}/messages"
        page = await self._as(guest).request("GET", where, query={"dir": "b", "limit": "100"})
        said = ("m.room.encrypted", "m.reaction")
        return [e for e in page["chunk"] if e["sender"] == bot.user_id and e["type"] in said]

    def _as(self, guest: Guest) -> Homeserver:
        return self._homeserver.authorised(guest.account.access_token)

    async def close(self) -> None:
        await self._homeserver.close()


async def _guest(homeserver: Homeserver, account: Account, bot: Account) -> Guest:
    mine, its = homeserver.authorised(account.access_token), homeserver.authorised(bot.access_token)
    await mine.request("POST", f"{V3}/keys/upload", body=_keys(account))
    room = {
        "preset": "private_chat",
        "is_direct": True,
        "invite": [bot.user_id],
        "initial_state": [ENCRYPTED],
        "power_level_content_override": {"users_default": 0},
    }
    room_id = (await mine.request("POST", f"{V3}/createRoom", body=room))["room_id"]
    await _patiently(its, f"{V3}/rooms/{quote(room_id)}/join")
    return Guest(account, room_id)


async def _patiently(homeserver: Homeserver, where: str) -> None:
    while True:
        try:
            await homeserver.request("POST", where)
            return
        except RateLimited as limited:
            await asyncio.sleep((limited.retry_after_ms or 1_000) / 1000)


def _keys(account: Account) -> dict[str, Any]:
    """The device's keys and some one-time keys, signed, as `/keys/upload` wants them."""
    olm = vodozemac.Account()
    olm.generate_one_time_keys(ONE_TIME_KEYS)

    def signed(bare: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        signature = olm.sign(text.encode()).to_base64()
        return {**bare, "signatures": {account.user_id: {f"ed25519:{account.device_id}": signature}}}

    device = {
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "device_id": account.device_id,
        "user_id": account.user_id,
        "keys": {
            f"curve25519:{account.device_id}": olm.curve25519_key.to_base64(),
            f"ed25519:{account.device_id}": olm.ed25519_key.to_base64(),
        },
    }
    one_time = {
        f"signed_curve25519:{name}": signed({"key": key.to_base64()})
        for name, key in olm.one_time_keys.items()
    }
    return {"device_keys": signed(device), "one_time_keys": one_time}
