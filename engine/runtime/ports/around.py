"""What deciding asks of the world around: an ear, the workflows, the people, the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from engine.core.definition import Definition
from engine.core.desk import Desk, Reading
from engine.core.parcel import Target
from engine.core.values import CircleId, Ms, PersonId
from engine.runtime.ports.arrivals import Spoken


class Reader(Protocol):
    """Reads what a message says, at the door, so that nothing further in needs its words."""

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        """What was understood, and the words worth keeping should anyone keep them.

        ``words`` are the command words that would mean something from this person now; ``circles`` the one it was
        said in, or in a 1:1 room all of theirs: no other's workflows are known there. The words
        worth keeping are the message without prefix and quotes, or what stood behind a command;
        ``Command.rest`` is set (to any id) exactly when something did; such a message is read once
        more without ``words``, for all of it should it turn out to be an answer.
        """


class Catalogue(Protocol):
    """The workflows in service in each circle, and every definition that a running instance is pinned to."""

    def in_service(self, name: str, circle: CircleId) -> Definition | None: ...
    def begins(self, circle: CircleId) -> Mapping[str, str]:
        """Command word → workflow name."""

    async def by_digest(self, digest: str) -> Definition | None: ...


class Surroundings(Protocol):
    """What the runtime asks of the world outside at the moment of deciding."""

    async def members(self, circle: CircleId) -> Sequence[PersonId]: ...
    async def circles_of(self, person: PersonId) -> Sequence[CircleId]: ...
    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        """Its safety contacts."""

    def has_outside_help(self, circle: CircleId) -> bool:
        """Whether help from outside is named for it."""

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        """Who looks after it."""

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        """Who holds the role of this title there at present, as its circle may know; or is its understudy."""


class Clock(Protocol):
    """The house's time."""

    def now_ms(self) -> Ms: ...

    def after(self, real_ms: Ms) -> Ms:
        """What ``now_ms()`` will be once this much real time has passed.

        Leases, retries and what a homeserver asks for are real time, however fast the house's runs.
        """

    async def wait_until(self, at_ms: Ms) -> None:
        """Return once ``now_ms() >= at_ms``; may be cancelled."""
