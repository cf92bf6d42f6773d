"""How the bot's device stands with its owner, looked at without changing anything."""

import random
from collections.abc import Mapping

import msgspec

from bridge.matrix.backup import BackupState
from bridge.matrix.client import MatrixClient
from bridge.matrix.clock import SystemClock
from bridge.matrix.cross_signing import DeviceState
from bridge.matrix.crypto_store import ACCOUNT
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.settings import Settings


class Standing(msgspec.Struct, frozen=True):
    """How the device stands, and the fingerprint of its key; empty where it has none yet."""

    state: DeviceState
    fingerprint: str = ""
    backup: BackupState = BackupState.NONE


async def standing_of(
    homeserver: Homeserver, settings: Settings, rows: Mapping[tuple[str, str], bytes]
) -> Standing:
    """How it stands, from what is remembered (`rows`) and what the homeserver shows; nothing is kept or sent."""
    secrets = settings.secrets
    if (ACCOUNT, secrets.device_id) not in rows:
        return Standing(DeviceState.NOT_UPLOADED)
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
        state = await client.cross_signing.device_state()
        return Standing(state, client.cipher.machine.signing_key, await client.backup.look())
    finally:
        await client.sender.close()
