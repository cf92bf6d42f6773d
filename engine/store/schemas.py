"""The two halves of the store, each with migrations of its own: what is kept, and the keys that open it."""

from __future__ import annotations

import pkgutil
from collections.abc import Set as AbstractSet

from engine.store import key_migrations, migrations
from engine.store.database import NewerSchema

CELLAR = "cellar"
KEYS = "keys"
MODELS = {CELLAR: "engine.store.models", KEYS: "engine.store.keys"}
MIGRATIONS = {CELLAR: migrations, KEYS: key_migrations}


def known(app: str) -> frozenset[str]:
    """The migrations of this version."""
    return frozenset(module.name for module in pkgutil.iter_modules(MIGRATIONS[app].__path__))


def refuse_newer(app: str, applied: AbstractSet[str], where: str) -> None:
    """Raise NewerSchema if a database has had migrations that are not known here."""
    unknown = sorted(applied - known(app))
    if unknown:
        raise NewerSchema(
            f"{where} has tables of a newer version ({', '.join(unknown)}); "
            "run that version, or restore a backup made before it"
        )
