"""A house of Hearth's for tests of the command line: an account, its circle's room, and a folder set up by `init`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bridge.command import Outcome, hearth
from tests.world import Account, Synapse

MEGOLM = {"algorithm": "m.megolm.v1.aes-sha2"}
ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": MEGOLM}


@dataclass(frozen=True)
class Ground:
    """What an operator has before Hearth comes: an account for the bot, people, and a room they are in."""

    synapse: Synapse
    bot: Account
    steward: Account
    contact: Account
    room: str
    alias: str

    def answers(self, **others: str) -> dict[str, str]:
        """What `hearth init --unattended` is told in the environment; `others` go before."""
        given = {
            "HEARTH_INIT_SERVER": self.synapse.url,
            "HEARTH_INIT_PASSWORD": self.bot.password,
            "HEARTH_HOMESERVER_USER_ID": self.bot.user_id,
            "HEARTH_CIRCLE_ROOMS": self.alias,
            "HEARTH_CIRCLE_STEWARDS": self.steward.user_id,
            "HEARTH_SAFETY_CONTACTS": f"Ana <{self.steward.user_id}>, {self.contact.user_id}",
            "HEARTH_SAFETY_OUTSIDE_HELP": "112",
            "HEARTH_HOUSE_OPERATOR": "Ana",
            "HEARTH_HTTP_PORT": "0",
        }
        return {name: value for name, value in {**given, **others}.items() if value}

    def call(self, method: str, path: str, body: Any = None, *, of: Account | None = None) -> dict[str, Any]:
        """A request of one of the accounts (the steward's unless said)."""
        return self.synapse.request(
            method, f"/_matrix/client/v3{path}", body, token=(of or self.steward).access_token
        )


async def lay_ground(synapse: Synapse, *, invite: bool = True, encrypted: bool = True) -> Ground:
    """Register fresh accounts and make a room; the bot is invited unless said."""
    number = synapse.next_number()
    bot = await synapse.register(f"hearth{number}")
    steward = await synapse.register(f"ana{number}")
    contact = await synapse.register(f"ben{number}")
    made = synapse.request(
        "POST",
        "/_matrix/client/v3/createRoom",
        {
            "preset": "private_chat",
            "name": "Circle",
            "room_alias_name": f"circle{number}",
            "invite": [bot.user_id] if invite else [],
            "initial_state": [ENCRYPTED] if encrypted else [],
        },
        token=steward.access_token,
    )
    alias = f"#circle{number}:{bot.user_id.partition(':')[2]}"
    return Ground(synapse, bot, steward, contact, made["room_id"], alias)


@dataclass(frozen=True)
class SetUp:
    """A folder that `hearth init` filled, and the recovery key it showed."""

    ground: Ground
    folder: Path
    recovery_key: str

    async def hearth(self, command: str, *arguments: str | Path, **variables: str) -> Outcome:
        """Run a command on this folder."""
        return await hearth(command, "--folder", self.folder, *arguments, **variables)


async def set_up(ground: Ground, folder: Path, **others: str) -> SetUp:
    """Run `hearth init --unattended`."""
    done = await hearth("init", "--unattended", "--folder", folder, **ground.answers(**others))
    assert done.status == 0, done.text
    return SetUp(ground, folder, recovery_key_in(done.out))


def recovery_key_in(text: str) -> str:
    """The recovery key that was shown; it must be there exactly once."""
    (shown,) = re.findall(
        r"^\s+((?:[1-9A-HJ-NP-Za-km-z]{4} ){11}[1-9A-HJ-NP-Za-km-z]{4})$", text, re.MULTILINE
    )
    return str(shown)
