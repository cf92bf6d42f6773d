"""How much of anything there may be: one value, with a name and a default for each.

Nothing here is a wish: each limit is far beyond what a community does on a busy day, and keeps a mistake, or somebody
who means ill, from taking the house away from everybody else. What happens at each of them stands in the handbook for
operators, under "Limits".
"""

from __future__ import annotations

from typing import Literal

import msgspec

LimitName = Literal[
    "begun_per_person",
    "people_per_instance",
    "prompts_per_instance",
    "questions_per_person",
    "questions_per_guest",
    "started_per_day",
    "started_in_a_row",
    "text_bytes",
    "file_bytes",
    "tries_per_message",
    "waiting_per_room",
    "rooms",
    "invitations",
    "hook_calls_per_minute",
]
"""What a journal, a metric and the stewards' room call a limit; the name of its setting too."""


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limits that may be set. A default is part of what a journal means that does not name it: it may grow, and
    what it allows in an old history is what it allowed then, or more.
    """

    begun_per_person: int = 100
    """Workflows under way that one person began."""
    people_per_instance: int = 5_000
    """People whom one ask is put to, or who are named in one detail."""
    prompts_per_instance: int = 10_000
    """Questions of one instance that lie before people at once."""
    questions_per_person: int = 200
    """Questions of others that lie before one person at once."""
    questions_per_guest: int = 20
    """Questions that one guest may put to the host about one invitation."""
    started_per_day: int = 24
    """Workflows that one instance may start within a day."""
    started_in_a_row: int = 6
    """Workflows that may start one another, each within a day of its own beginning."""
    text_bytes: int = 40_000
    """What a person writes in one message, with the letters and the markup that it takes to show it."""
    file_bytes: int = 7 * 1024 * 1024
    """A file that the bot makes for somebody."""
    tries_per_message: int = 40
    """Attempts to deliver one message before it is given up."""
    waiting_per_room: int = 1_000
    """Messages that wait for one room."""
    rooms: int = 10_000
    """Rooms that the bot is in, beyond which it follows no invitation."""
    invitations: int = 200
    """Invitations to the bot that wait for an answer."""
    hook_calls_per_minute: int = 30
    """Requests that one webhook may make, and as many at once."""

    @property
    def for_deciding(self) -> Limits:
        """Those that decisions go by, and a journal keeps where they are not the usual ones; ``USUAL`` itself if they
        are, which is how an encoder knows that there is nothing to write.
        """
        these = Limits(
            begun_per_person=self.begun_per_person,
            people_per_instance=self.people_per_instance,
            prompts_per_instance=self.prompts_per_instance,
            questions_per_person=self.questions_per_person,
            questions_per_guest=self.questions_per_guest,
            started_per_day=self.started_per_day,
            started_in_a_row=self.started_in_a_row,
        )
        return USUAL if these == USUAL else these


USUAL = Limits()
"""The limits of a house whose settings name none."""


class Reached(msgspec.Struct, frozen=True, tag="reached"):
    """A limit kept something from happening, or cut it short: it is counted, and whoever looks after the house hears
    of it, without whose it was.
    """

    limit: LimitName
