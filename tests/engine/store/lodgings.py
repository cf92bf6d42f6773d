"""Places to copy from and to, with something in every table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from engine.store import keys, models
from engine.store.sides import Lodging, Row
from engine.store.tables import CELLAR_TABLES, KEY_TABLES, Table

TABLES = (*CELLAR_TABLES, *KEY_TABLES)
CIRCLE = "circle 11 ü"


def _kinds() -> dict[tuple[str, str], str]:
    """Table and column → what kind of value lies there."""
    found: dict[tuple[str, str], str] = {}
    for model in (each for module in (models, keys) for each in vars(module).values()):
        if isinstance(model, type) and issubclass(model, Model) and model is not Model:
            for name, field in model._meta.fields_map.items():
                if isinstance(field, ForeignKeyFieldInstance):
                    found[model._meta.db_table, field.source_field or f"{name}_id"] = "circle"
                else:
                    found.setdefault((model._meta.db_table, name), type(field).__name__)
    return found


KINDS = _kinds()


def files(folder: Path, name: str = "hearth") -> Lodging:
    """An SQLite file and its keys in a folder."""
    return Lodging(folder / f"{name}.db", folder / f"{name}.keys")


@contextmanager
def connected(lodging: Lodging) -> Iterator[Any]:
    """A connection of the driver itself, with the keys where SQL finds them as ``keys``."""
    if lodging.is_postgres:
        with psycopg.connect(str(lodging.database)) as db:
            yield db
        return
    with closing(sqlite3.connect(lodging.path)) as file, file:
        file.execute("ATTACH ? AS keys", (str(lodging.keys),))
        yield file


def tell(lodging: Lodging, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Carry out one statement behind everybody's back."""
    with connected(lodging) as db:
        text: Any = statement
        if lodging.is_postgres:
            text = statement.replace("%", "%%").replace("?", "%s").encode()
        cursor = db.execute(text, values)
        return list(cursor.fetchall()) if cursor.description else []


def contents(lodging: Lodging) -> dict[str, list[Row]]:
    """Every row of every table, sorted; yes and no as numbers."""
    found: dict[str, list[Row]] = {}
    for table in TABLES:
        rows = tell(lodging, f"SELECT {table.selected} FROM {table.quoted}")  # noqa: S608
        plain = [tuple(int(each) if isinstance(each, bool) else each for each in row) for row in rows]
        found[table.name] = sorted(plain, key=repr)
    return found


def remove_what_was_made_up(lodging: Lodging) -> None:
    """Take out again what ``fill_every_table`` put in: nobody could open it."""
    for table in reversed(TABLES):
        texts = [each for each in table.columns if KINDS[table.name, each] in ("CharField", "TextField")]
        made_up = " OR ".join(f"\"{column}\" LIKE '% 1_ ü'" for column in texts) or "id IN (11, 12)"
        tell(lodging, f"DELETE FROM {table.quoted} WHERE {made_up}")  # noqa: S608


def fill_every_table(lodging: Lodging) -> None:
    """Two rows into every table, whatever it is called, beside those that are there."""
    with connected(lodging) as db:
        for table in TABLES:
            for number in (11, 12):
                values = [_value(lodging, table, column, number) for column in table.columns]
                places = ", ".join("%s" if lodging.is_postgres else "?" for _ in values)
                text: Any = f"INSERT INTO {table.quoted} ({table.selected}) VALUES ({places})"  # noqa: S608
                db.execute(text.encode() if lodging.is_postgres else text, values)


def _value(lodging: Lodging, table: Table, column: str, number: int) -> object:
    match KINDS[table.name, column]:
        case "circle":
            return CIRCLE
        case "BooleanField":
            return number % 2 == 0 if lodging.is_postgres else number % 2
        case "BinaryField":
            return bytes([0, 255, number])
        case "IntField":
            return number
        case "BigIntField":
            return number if column == table.numbered else 1_795_400_000_000 + number
        case _ if (table.name, column) == ("circles", "id"):
            return f"circle {number} ü"
        case _ if column in ("urgency", "status"):
            return f"{number}"
        case _:
            return f"{column} {number} ü"
