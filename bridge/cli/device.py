"""How the bot's device stands with its owner, looked at without changing anything."""

import random
from collections.abc import Mapping

from bridge.matrix.client import MatrixClient
from bridge.matrix.clock import SystemClock
from bridge.matrix.cross_signing import DeviceState
from bridge.matrix.crypto_store import ACCOUNT
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.settings import Settings


async def device_state_of(
    homeserver: Homeserver, settings: Settings, rows: Mapping[tuple[str, str], bytes]
) -> DeviceState:
    """The device's state, from what is remembered (`rows`) and what the homeserver shows; nothing is kept or sent."""
    secrets = settings.secrets
    if (ACCOUNT, secrets.device_id) not in rows:
        return DeviceState.NOT_UPLOADED
    session = Session(
        settings.homeserver.url, settings.homeserver.user_id, secrets.device_id, secrets.access_token
    )
    client = MatrixClient(
        session,
        homeserver,
        MemoryKeeper(dict(rows)),
        rows,
        pickle_secret=secrets.pickle_key,
        alias_salt=secrets.alias_salt,
        allowed=Allowed(),
        clock=SystemClock(),
        chance=random.SystemRandom(),
    )
    try:
        return await client.cross_signing.device_state()
    finally:
        await client.sender.close()
