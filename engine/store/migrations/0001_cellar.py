"""The first tables; written by ``tortoise makemigrations``."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Awaited",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("row", fields.CharField(db_index=True, max_length=255)),
                ("forerunner", fields.CharField(db_index=True, max_length=255)),
            ],
            options={
                "table": "awaited",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "A waiting parcel (``row``) may not leave before ``forerunner`` has been sent, and is gone once it has.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BridgeRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("kind", fields.CharField(max_length=255)),
                ("key", fields.CharField(max_length=64)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "bridge",
                "app": "cellar",
                "unique_together": (("kind", "key"),),
                "pk_attr": "id",
                "table_description": "What the bridge remembers: keys, rooms, the sync cursor. A row is found by a keyed hash of its key.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Circle",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("room", fields.CharField(unique=True, max_length=255)),
                ("name", fields.TextField(unique=False)),
            ],
            options={
                "table": "circles",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "The people of one room or space.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Definition",
            fields=[
                ("digest", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                (
                    "circle",
                    fields.ForeignKeyField(
                        "cellar.Circle",
                        source_field="circle_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("name", fields.CharField(db_index=True, max_length=255)),
                ("language_version", fields.IntField()),
                ("source", fields.TextField(unique=False)),
                ("compiled", fields.BinaryField()),
            ],
            options={
                "table": "definitions",
                "app": "cellar",
                "pk_attr": "digest",
                "table_description": "A workflow as it was when its first instance began.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DeskRow",
            fields=[
                ("person", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("version", fields.BigIntField()),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "desks",
                "app": "cellar",
                "pk_attr": "person",
                "table_description": "What lies before one person. ``version`` is the fence between writers.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DirectRoom",
            fields=[
                ("room", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("person", fields.CharField(db_index=True, max_length=255)),
                (
                    "circle",
                    fields.ForeignKeyField(
                        "cellar.Circle",
                        source_field="circle_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
            ],
            options={
                "table": "direct_rooms",
                "app": "cellar",
                "pk_attr": "room",
                "table_description": "A 1:1 room into which a parcel was sealed, and the circle it was about.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HouseMark",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "house",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "One row, sealed with the key of the house: tells whether the key file belongs to this database.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="InboxEvent",
            fields=[
                ("seq", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("id", fields.CharField(unique=True, max_length=255)),
                ("scope", fields.CharField(max_length=255)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "inbox",
                "app": "cellar",
                "pk_attr": "seq",
                "table_description": "An event on its way from one actor to another.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Instance",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                (
                    "circle",
                    fields.ForeignKeyField(
                        "cellar.Circle",
                        source_field="circle_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("definition", fields.CharField(max_length=255)),
                ("state", fields.CharField(max_length=255)),
                ("version", fields.BigIntField()),
                ("entry", fields.BigIntField()),
                ("open", fields.BooleanField()),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "instances",
                "app": "cellar",
                "indexes": [Index(fields=["circle_id", "open"])],
                "pk_attr": "id",
                "table_description": "One running workflow. ``version`` is the fence between writers.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="JournalLine",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("actor", fields.CharField(max_length=255)),
                ("n", fields.BigIntField()),
                ("at", fields.BigIntField()),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "journal",
                "app": "cellar",
                "unique_together": (("actor", "n"),),
                "pk_attr": "id",
                "table_description": "One thing that happened to an actor (``i/<instance>`` or ``d/<person>``).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutboxRow",
            fields=[
                ("seq", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("row", fields.CharField(unique=True, max_length=255)),
                ("transaction_id", fields.CharField(unique=True, max_length=255)),
                ("lane", fields.CharField(max_length=255)),
                ("scope", fields.CharField(max_length=255)),
                ("person", fields.CharField(null=True, max_length=255)),
                (
                    "circle",
                    fields.ForeignKeyField(
                        "cellar.Circle",
                        source_field="circle_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("about", fields.CharField(null=True, max_length=255)),
                ("urgency", fields.CharField(max_length=16)),
                ("is_reaction", fields.BooleanField()),
                ("is_budgeted", fields.BooleanField()),
                ("status", fields.CharField(max_length=16)),
                ("not_before", fields.BigIntField()),
                ("due_at", fields.BigIntField(null=True)),
                ("lease_until", fields.BigIntField(null=True)),
                ("nudged", fields.BooleanField()),
                ("attempts", fields.IntField()),
                ("parcel", fields.BinaryField()),
                ("sealed", fields.BinaryField(null=True)),
                ("room", fields.CharField(null=True, max_length=255)),
                ("event_id", fields.CharField(null=True, db_index=True, max_length=255)),
                ("ended_at", fields.BigIntField(null=True)),
                ("why", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "outbox",
                "app": "cellar",
                "indexes": [Index(fields=["status", "due_at"]), Index(fields=["person", "status"])],
                "pk_attr": "seq",
                "table_description": "A parcel. ``lane`` is the room whose order it keeps, ``seq`` its place in it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PartRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("instance", fields.CharField(max_length=255)),
                ("ref", fields.CharField(max_length=255)),
                ("person", fields.CharField(db_index=True, max_length=255)),
            ],
            options={
                "table": "parts",
                "app": "cellar",
                "unique_together": (("instance", "ref"),),
                "pk_attr": "id",
                "table_description": "Who stands behind ``p1`` in one instance, empty once that person has been forgotten.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Person",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("fingerprint", fields.CharField(unique=True, max_length=64)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "people",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "The one place where a person's Matrix id stands, sealed. It is found by a keyed hash of it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quarantined",
            fields=[
                ("seq", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("id", fields.CharField(unique=True, max_length=255)),
                ("at", fields.BigIntField()),
                ("error", fields.TextField(unique=False)),
                ("scope", fields.CharField(max_length=255)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "quarantine",
                "app": "cellar",
                "pk_attr": "seq",
                "table_description": "An arrival that could not be decided.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Seen",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("at", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "seen",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "An arrival that has been dealt with.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TextLeaf",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("person", fields.CharField(db_index=True, max_length=255)),
                ("instance", fields.CharField(null=True, db_index=True, max_length=255)),
                ("until", fields.BigIntField(db_index=True)),
                ("sealed", fields.BinaryField()),
            ],
            options={
                "table": "texts",
                "app": "cellar",
                "pk_attr": "id",
                "table_description": "A free text, held here and nowhere else.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TimerRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("actor", fields.CharField(max_length=255)),
                ("name", fields.CharField(max_length=255)),
                ("entry", fields.BigIntField()),
                ("due_at", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "timers",
                "app": "cellar",
                "unique_together": (("actor", "name"),),
                "pk_attr": "id",
                "table_description": "A moment an actor waits for.",
            },
            bases=["Model"],
        ),
    ]
