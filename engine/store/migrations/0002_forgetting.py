"""What forgetting and taking up workflows need: which message carries which text, and what was agreed on."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("cellar", "0001_cellar")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Adopted",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "circle",
                    fields.ForeignKeyField(
                        "cellar.Circle",
                        source_field="circle_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("workflow", fields.CharField(max_length=255)),
                ("in_use", fields.BooleanField()),
            ],
            options={
                "table": "adopted",
                "app": "cellar",
                "unique_together": (("circle_id", "workflow"),),
                "pk_attr": "id",
                "table_description": "Whether a circle agreed to use a workflow, or agreed to leave it off.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Carried",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("row", fields.CharField(db_index=True, max_length=255)),
                ("text", fields.CharField(db_index=True, max_length=255)),
            ],
            options={
                "table": "carried",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "A text that stands written out in a message, until the message is to be taken back.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Leaving",
            fields=[
                ("person", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
            ],
            options={
                "table": "leaving",
                "app": "cellar",
                "pk_attr": "person",
                "table_description": "A person who asked to be forgotten, until they are.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TakenBack",
            fields=[
                ("by", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("row", fields.CharField(db_index=True, max_length=255)),
            ],
            options={
                "table": "taken_back",
                "app": "cellar",
                "pk_attr": "by",
                "table_description": "A parcel (``by``) that takes back a message, or with an empty ``row`` something its person wrote.",
            },
            bases=["Model"],
        ),
    ]
