"""Doubles of the world outside: a homeserver that can be told to misbehave, and a clock that stands still.

    async with FakeHomeserver(folder) as homeserver, World(["ana"], synapse=homeserver) as here:
        with homeserver.fails(says(500), at="/sendToDevice/", by=here.bot.user_id):
            ...

What the fake promises where nothing is scripted is written down as claims in `test_homeserver_contract.py`,
which the real Synapse has to hold too.
"""

from tests.fakes.clock import StandingClock
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.script import (
    Asked,
    Behaviour,
    changes,
    done_but_says,
    garbles,
    hangs,
    holds,
    limits,
    loses_token,
    resets,
    says,
    shows_page,
)

__all__ = [
    "Asked",
    "Behaviour",
    "FakeHomeserver",
    "StandingClock",
    "changes",
    "done_but_says",
    "garbles",
    "hangs",
    "holds",
    "limits",
    "loses_token",
    "resets",
    "says",
    "shows_page",
]
