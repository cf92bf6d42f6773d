"""Who and what of a backup has no key where it is to be put back: nobody can read that any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core.values import InstanceId, PersonId
from engine.store.copying import AnySide, CannotCopy, holds_keys, mark_of, opened, try_keys
from engine.store.scopes import scope_of_instance, scope_of_person
from engine.store.sides import Lodging
from engine.store.tables import KEY_TABLES, Table

PEOPLE = (("people", "id"), ("desks", "person"), ("texts", "person"))
"""Where people are found, as the store does who erases those without a key when it is opened."""
INSTANCES = ("instances", "id")


@dataclass(frozen=True)
class Keyless:
    """How many have no key, and of how many."""

    people: int
    of_people: int
    instances: int
    of_instances: int

    @property
    def all(self) -> int:
        """People and instances together."""
        return self.people + self.instances

    def __str__(self) -> str:
        """As the middle of a sentence."""
        people = f"{self.people} of {self.of_people} people"
        return f"{people} and of {self.instances} of {self.of_instances} workflows that were begun"


class KeysMissing(CannotCopy):
    """More would be erased than was asked for: perhaps the keys are older than the backup."""

    def __init__(self, where: str, keyless: Keyless) -> None:
        super().__init__(f"{where} has no keys of {keyless}")
        self.keyless = keyless


def require_keys(source: Lodging, target: Lodging, master_key: bytes, erase: int) -> Keyless:
    """Compare a backup with the keys that will count: those of the target, and where there are none its own.

    Args:
        erase: so many people and instances, together, may be without a key.

    Raises:
        KeysMissing: there are more.
        WrongMasterKey: the keys are of another house.
    """
    kept = _of_keys(target) if holds_keys(target) else source
    with opened(Lodging(source.database)) as data, opened(kept) as keys, data.one_moment(), keys.one_moment():
        if not keys.keeps_keys:
            raise CannotCopy(
                f"{data.name} is without keys, and none are here: add --keys with their newest copy"
            )
        mark = mark_of(data)
        if mark is not None:
            try_keys(keys, mark, master_key)
        keyless = _compare(data, {scope for table in KEY_TABLES for scope in _column(keys, table, "scope")})
        where = f"the schema keys of {keys.name}" if kept.is_postgres else str(kept.keys)
    if keyless.all > erase:
        raise KeysMissing(where, keyless)
    return keyless


def _of_keys(target: Lodging) -> Lodging:
    if target.is_postgres:
        return target
    assert target.keys is not None, "keys lie there"
    return Lodging(target.keys, target.keys)


def _compare(data: AnySide, scopes: set[str]) -> Keyless:
    people = {who for name, column in PEOPLE for who in _column(data, _table(name), column) if who}
    without = sum(scope_of_person(PersonId(who)) not in scopes for who in people)
    instances = keyless = 0
    for instance in _column(data, _table(INSTANCES[0]), INSTANCES[1]):
        instances += 1
        keyless += scope_of_instance(InstanceId(instance)) not in scopes
    return Keyless(without, len(people), keyless, instances)


def _table(name: str) -> Table:
    return Table(name, (), frozenset(), None, refers=False)


def _column(side: AnySide, table: Table, column: str) -> Iterator[str]:
    """One column of a table; what else stands there may be large, and is not read."""
    narrow = Table(table.name, (column,), frozenset(), None, refers=False, schema=table.schema)
    for portion in side.rows(narrow):
        yield from (value for (value,) in portion)
