"""The tables of a community as they are copied: read off the models, so that a new one cannot be left behind."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from tortoise import fields
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from engine.store import keys, models
from engine.store.schemas import KEYS


@dataclass(frozen=True)
class Table:
    """One table. ``columns`` are in a fixed order, whatever order the database has them in."""

    name: str
    columns: tuple[str, ...]
    flags: frozenset[str]
    """Columns of yes and no, which SQLite keeps as 1 and 0."""
    numbered: str | None
    """The column that the database numbers by itself."""
    refers: bool
    """Whether it refers to another table, whose rows have to be there before."""
    schema: str = ""

    @property
    def quoted(self) -> str:
        """Its name as SQL has it."""
        return f'"{self.schema}"."{self.name}"' if self.schema else f'"{self.name}"'

    @property
    def selected(self) -> str:
        """Its columns as SQL has them."""
        return ", ".join(f'"{column}"' for column in self.columns)


def _tables_in(module: ModuleType, schema: str) -> tuple[Table, ...]:
    found = (kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Model))
    tables = [_table(kind, schema) for kind in found if kind is not Model]
    return tuple(sorted(tables, key=lambda table: (table.refers, table.name)))


def _table(model: type[Model], schema: str) -> Table:
    columns: set[str] = set()
    flags: set[str] = set()
    refers = False
    for name, field in model._meta.fields_map.items():
        if isinstance(field, ForeignKeyFieldInstance):
            refers = True
            columns.add(field.source_field or f"{name}_id")
        else:
            columns.add(field.source_field or name)
            if isinstance(field, fields.BooleanField):
                flags.add(field.source_field or name)
    numbered = model._meta.db_pk_column if model._meta.pk.generated else None
    return Table(
        model._meta.db_table, tuple(sorted(columns)), frozenset(flags), numbered or None, refers, schema
    )


CELLAR_TABLES = _tables_in(models, "")
"""Every table of the data, those that others refer to first."""
KEY_TABLES = _tables_in(keys, KEYS)
"""The keys, which lie in a file or a schema of their own."""
