"""The first tables; written by ``tortoise makemigrations``."""

# ruff: noqa: D101, N999, RUF012 - generated

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Seal",
            fields=[
                ("scope", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("wrapped", fields.BinaryField()),
            ],
            options={
                "table": "seals",
                "app": "keys",
                "pk_attr": "scope",
                "table_description": "The key of one person, one instance or the house, wrapped by the master key.",
            },
            bases=["Model"],
        ),
    ]
