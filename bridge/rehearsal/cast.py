"""The made-up people of a rehearsal: what they are called, who is around, and who carries what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.circles.roles import Roles
from bridge.telling.names import FIRST_NAMES
from engine.core.definition import Definition, HolderOf
from engine.core.values import CircleId, PersonId
from engine.testing import MemoryStore

NAMES = tuple(name.lower() for name in FIRST_NAMES)
"""First names of made-up people, in the order in which they come on stage."""


class Cast:
    """Implements what reader, voice and engine ask about people: ``Surroundings``, ``People``, names."""

    def __init__(self, store: MemoryStore, roles: Roles) -> None:
        self.store = store
        self._roles = roles
        self.persons: dict[str, PersonId] = {}
        self.here: dict[str, PersonId] = {}
        """Who is in the circle's room."""
        self.circle = CircleId("")
        self.safety: tuple[str, ...] = ("dora",)
        """The names of the circle's safety contacts; who is not on stage does not count."""
        self.stewarding: tuple[str, ...] = ("chen",)
        """The names of the circle's stewards; the same holds."""
        self.holding: dict[str, tuple[str, ...]] = {}
        """Role → whoever holds it and, if there is one, its understudy, as long as no workflow on stage says so."""

    async def enter(self, name: str) -> PersonId:
        """Bring somebody on stage and into the circle's room."""
        self.here[name] = self.persons[name] = await self.store.person(f"@{name}:hearth.test")
        return self.persons[name]

    async def begin_anew(self, name: str) -> None:
        """Somebody was forgotten: from now on they are a new person, in the room if they were."""
        self.persons[name] = await self.store.person(f"@{name}:hearth.test")
        if name in self.here:
            self.here[name] = self.persons[name]

    def who(self, person: PersonId) -> str:
        """The name by which a rehearsal calls somebody on stage: ``ana``."""
        return next(name for name, known in self.persons.items() if known == person)

    # ── the names of people ──────────────────────────────────────────────────

    def name_of(self, person: PersonId) -> str | None:
        return next((name.capitalize() for name, p in self.persons.items() if p == person), None)

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        plain = name.removeprefix("@").partition(":")[0].strip().lower()
        return self.here.get(plain)

    # ── engine.runtime.ports.Surroundings ────────────────────────────────────

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return list(self.here.values())

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [self.circle] if person in self.here.values() else []

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return self._known(self.safety)

    def has_outside_help(self, circle: CircleId) -> bool:
        return True

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        return self._known(self.stewarding)

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        carried = await self._roles.holders(circle, role, understudy=understudy)
        held = self.holding.get(role, ())
        return carried or self._known(held[1:2] if understudy else held[:1])

    def _known(self, names: Iterable[str]) -> list[PersonId]:
        return [self.persons[name] for name in names if name in self.persons]


def roles_in(definitions: Iterable[Definition]) -> tuple[str, ...]:
    """The roles whose holder or understudy these workflows speak of."""
    sources = (s for definition in definitions for part in definition.parts for s in part.sources)
    return tuple(dict.fromkeys(source.role for source in sources if isinstance(source, HolderOf)))


class NamesOnStage:
    """Implements the voice's ``NamesOfPeople``."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    async def name_of(self, person: PersonId, _hearer: object = None) -> str | None:
        return self._cast.name_of(person)
