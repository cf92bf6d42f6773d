"""A small world on this machine: a real Synapse, people with encrypted clients, a room they share.

    async with World(members=["ana", "bruno"]) as world:
        await world["ana"].say(world.room, "Shall we meet on Sunday?")
        heard = await world["bruno"].hears(world.room, "Sunday")

Tests and the demo stand on it. Nothing here knows Hearth: the bot's account is registered, but its client
is the real one, started by whoever needs it.
"""

from tests.world.member import Member
from tests.world.synapse import Account, HomeserverRefusal, Synapse, SynapseFailure
from tests.world.timeline import Edit, Message, Tap
from tests.world.world import OpenWorld, World

__all__ = [
    "Account",
    "Edit",
    "HomeserverRefusal",
    "Member",
    "Message",
    "OpenWorld",
    "Synapse",
    "SynapseFailure",
    "Tap",
    "World",
]
