"""What every bot that is measured is given."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import quote

import msgspec

from bench.bots import BotConfig
from bridge.matrix.session import Session
from tests.world import Account, Synapse


def config_of(
    account: Account, room: str, folder: Path, workflows: Path, people: tuple[str, ...] = ()
) -> BotConfig:
    """What a bot with this account starts with."""
    session = Session(account.homeserver, account.user_id, account.device_id, account.access_token)
    secret = secrets.token_bytes(32)
    return BotConfig(str(folder), session, account.password, room, secret, str(workflows), people)


def write_down(config: BotConfig) -> Path:
    """Make the bot's folder and lay what it starts with there."""
    folder = Path(config.folder)
    folder.mkdir(exist_ok=True)
    path = folder / "config.json"
    path.write_bytes(msgspec.json.encode(config))
    return path


def make_room(synapse: Synapse, founder: Account, bot: Account) -> str:
    """A room that the bot is in, without encryption: its circle's."""
    body = {"preset": "private_chat", "invite": [bot.user_id]}
    room = synapse.request("POST", "/_matrix/client/v3/createRoom", body, token=founder.access_token)
    where = f"/_matrix/client/v3/rooms/{quote(room['room_id'])}/join"
    synapse.request("POST", where, {}, token=bot.access_token)
    return str(room["room_id"])
