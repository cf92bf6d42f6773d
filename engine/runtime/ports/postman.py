"""Who brings parcels into their rooms, and how they say that they cannot."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.core.parcel import Parcel
from engine.core.values import Ms, PersonId, TextId


class KeptBack(Exception):
    """Not to be sent before something about its person changes, of which the outbox hears as a release."""


class Sent(msgspec.Struct, frozen=True):
    """It is in the room, under this event id."""

    event: str


class Sealed(msgspec.Struct, frozen=True):
    """What was encrypted, and the texts of people that stand written out in it."""

    content: bytes
    texts: frozenset[TextId] = frozenset()
    """Also those that its parcel does not name, because a view brought them."""


class Postman(Protocol):
    """Brings one parcel into its Matrix room."""

    async def room_for(self, parcel: Parcel) -> str:
        """The room it goes to; a 1:1 room is made (once) if there is none."""

    async def is_present(self, person: PersonId) -> bool:
        """Whether the person is in their 1:1 room; making it and inviting them counts as not yet."""

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        """Render and encrypt; everything the room's members need to read it has been shared and kept.

        Raises ``NothingToSay`` for a letter in which nothing would stand any more.
        """

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        """Send what was sealed; the same transaction sends it once.

        Where the homeserver may have forgotten the transaction (long ago, or another device), the
        room is searched for it first. Raises ``SealedElsewhere`` if another device sealed it and it is not there.
        """

    async def find(self, room: str, transaction: str) -> Sent | None:
        """What was sent under this transaction, by whichever device, if it lies in the room; None if it does not."""

    async def let_go(self, person: PersonId) -> None:
        """Leave the 1:1 room of somebody who is about to be forgotten, and keep nothing that leads to them.

        Doing it again does no harm. Raises ``TryLater`` if it cannot be done now.
        """


class TryLater(Exception):
    """A parcel cannot leave now; ``after_ms`` says how long to wait at least, if anyone said so.

    ``why`` is a short reason without anybody's words.
    """

    def __init__(self, why: str, after_ms: Ms | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after_ms = after_ms


class Paced(TryLater):
    """The homeserver wants us slower: nobody's fault, and no attempt in vain."""


class Undeliverable(Exception):
    """A parcel can never be delivered as it is."""


class SealedElsewhere(Exception):
    """What was sealed is another device's, whose keys must not be used any more: it is to be sealed anew."""


class NothingToSay(Exception):
    """What a parcel was to tell is over by now, and there is nothing else in it: it is dropped, and no fault."""
