"""Who looks after the circles, or is a safety contact, by a role with a term: read from the store, for the doctor."""

from __future__ import annotations

import msgspec

from bridge.circles.roles import Kind, Roles
from bridge.cli.enrol import opened_store
from bridge.settings import Settings
from engine.core.definition import Definition
from engine.core.values import Ms
from engine.runtime.ports import Cellar


class Term(msgspec.Struct, frozen=True):
    """A term of somebody's, by their Matrix id."""

    kind: Kind
    user_id: str
    ends_ms: Ms


class _Pinned:
    """The definitions that what runs is pinned to."""

    def __init__(self, cellar: Cellar) -> None:
        self._cellar = cellar

    async def by_digest(self, digest: str) -> Definition | None:
        return await self._cellar.definition(digest)


async def terms_of(settings: Settings) -> list[Term]:
    """Every term in every circle, the one that ends first coming first."""
    database = settings.database
    found: list[Term] = []
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        roles = Roles(store, _Pinned(store))
        for circle in await store.circles():
            for office in await roles.offices(circle):
                user_id = await store.matrix_id(office.person)
                if user_id is not None:
                    found.append(Term(office.kind, user_id, office.ends_ms))
    return sorted(found, key=lambda term: (term.ends_ms, term.user_id))
