"""The tables. Whatever could tell what somebody said lies in a ``sealed`` column; ids, moments, states lie open.

A ``circle`` that is null means: every circle, or none in particular. A class's first line goes into the database as a
comment, where Tortoise takes a semicolon for the end of the statement.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

ID = 255
"""Room for a Matrix id, the longest id that is kept."""


class Circle(Model):
    """The people of one room or space."""

    id = fields.CharField(max_length=ID, primary_key=True)
    room = fields.CharField(max_length=ID, unique=True)
    name = fields.TextField()

    class Meta:
        table = "circles"


class Person(Model):
    """The one place where a person's Matrix id stands, sealed. It is found by a keyed hash of it."""

    id = fields.CharField(max_length=ID, primary_key=True)
    fingerprint = fields.CharField(max_length=64, unique=True)
    sealed = fields.BinaryField()

    class Meta:
        table = "people"


class DirectRoom(Model):
    """A 1:1 room into which a parcel was sealed, and the circle it was about."""

    room = fields.CharField(max_length=ID, primary_key=True)
    person = fields.CharField(max_length=ID, db_index=True)
    circle: fields.ForeignKeyNullableRelation[Circle] = fields.ForeignKeyField(
        "cellar.Circle", related_name=False, null=True, on_delete=fields.SET_NULL
    )

    class Meta:
        table = "direct_rooms"


class Definition(Model):
    """A workflow as it was when its first instance began."""

    digest = fields.CharField(max_length=ID, primary_key=True)
    circle: fields.ForeignKeyNullableRelation[Circle] = fields.ForeignKeyField(
        "cellar.Circle", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    name = fields.CharField(max_length=ID, db_index=True)
    language_version = fields.IntField()
    source = fields.TextField()
    compiled = fields.BinaryField()

    class Meta:
        table = "definitions"


class Instance(Model):
    """One running workflow. ``version`` is the fence between writers."""

    id = fields.CharField(max_length=ID, primary_key=True)
    circle_id: str
    circle: fields.ForeignKeyRelation[Circle] = fields.ForeignKeyField(
        "cellar.Circle", related_name=False, on_delete=fields.RESTRICT
    )
    definition = fields.CharField(max_length=ID)
    state = fields.CharField(max_length=ID)
    version = fields.BigIntField()
    entry = fields.BigIntField()
    open = fields.BooleanField()
    sealed = fields.BinaryField()

    class Meta:
        table = "instances"
        indexes = (Index(fields=["circle_id", "open", "definition"]),)


class PartRow(Model):
    """Who stands behind ``p1`` in one instance, empty once that person has been forgotten."""

    id = fields.BigIntField(primary_key=True, generated=True)
    instance = fields.CharField(max_length=ID)
    ref = fields.CharField(max_length=ID)
    person = fields.CharField(max_length=ID, db_index=True)

    class Meta:
        table = "parts"
        unique_together = (("instance", "ref"),)


class DeskRow(Model):
    """What lies before one person. ``version`` is the fence between writers."""

    person = fields.CharField(max_length=ID, primary_key=True)
    version = fields.BigIntField()
    sealed = fields.BinaryField()

    class Meta:
        table = "desks"


class JournalLine(Model):
    """One thing that happened to an actor (``i/<instance>`` or ``d/<person>``)."""

    id = fields.BigIntField(primary_key=True, generated=True)
    actor = fields.CharField(max_length=ID)
    n = fields.BigIntField()
    at = fields.BigIntField()
    sealed = fields.BinaryField()

    class Meta:
        table = "journal"
        unique_together = (("actor", "n"),)


class Seen(Model):
    """An arrival that has been dealt with."""

    id = fields.CharField(max_length=ID, primary_key=True)
    at = fields.BigIntField(db_index=True)

    class Meta:
        table = "seen"


class InboxEvent(Model):
    """An event on its way from one actor to another."""

    seq = fields.BigIntField(primary_key=True, generated=True)
    id = fields.CharField(max_length=ID, unique=True)
    scope = fields.CharField(max_length=ID)
    sealed = fields.BinaryField()

    class Meta:
        table = "inbox"


class TimerRow(Model):
    """A moment an actor waits for."""

    id = fields.BigIntField(primary_key=True, generated=True)
    actor = fields.CharField(max_length=ID)
    name = fields.CharField(max_length=ID)
    entry = fields.BigIntField()
    due_at = fields.BigIntField()
    claimed_until = fields.BigIntField(null=True)

    class Meta:
        table = "timers"
        unique_together = (("actor", "name"),)
        indexes = (Index(fields=["due_at", "actor", "name"]),)


class OutboxRow(Model):
    """A parcel. ``lane`` is the room whose order it keeps, ``seq`` its place in it.

    ``status`` is one of waiting, sent, dropped and dead. ``nudged``: its person was released while it
    was leased. ``sealed`` is what was encrypted for the room, sealed once more. ``rank``: see ``engine.core.rank``.
    ``tried_since``: when one that was tried in vain was due at first; NULL again once its time is chosen anew.
    """

    seq = fields.BigIntField(primary_key=True, generated=True)
    row = fields.CharField(max_length=ID, unique=True)
    transaction_id = fields.CharField(max_length=ID, unique=True)
    lane = fields.CharField(max_length=ID)
    scope = fields.CharField(max_length=ID)
    person = fields.CharField(max_length=ID, null=True)
    circle: fields.ForeignKeyNullableRelation[Circle] = fields.ForeignKeyField(
        "cellar.Circle", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    about = fields.CharField(max_length=ID, null=True)
    urgency = fields.CharField(max_length=16)
    is_reaction = fields.BooleanField()
    is_budgeted = fields.BooleanField()
    rank = fields.IntField(db_default=3)
    status = fields.CharField(max_length=16)
    not_before = fields.BigIntField()
    due_at = fields.BigIntField(null=True)
    lease_until = fields.BigIntField(null=True)
    nudged = fields.BooleanField()
    attempts = fields.IntField()
    parcel = fields.BinaryField()
    sealed = fields.BinaryField(null=True)
    room = fields.CharField(max_length=ID, null=True)
    event_id = fields.CharField(max_length=ID, null=True, db_index=True)
    ended_at = fields.BigIntField(null=True)
    why = fields.TextField(null=True)
    tried_since = fields.BigIntField(null=True)

    class Meta:
        table = "outbox"
        indexes = (Index(fields=["status", "due_at"]), Index(fields=["person", "status"]))


class Awaited(Model):
    """A waiting parcel (``row``) may not leave before ``forerunner`` has been sent, and is gone once it has."""

    id = fields.BigIntField(primary_key=True, generated=True)
    row = fields.CharField(max_length=ID, db_index=True)
    forerunner = fields.CharField(max_length=ID, db_index=True)

    class Meta:
        table = "awaited"


class TextLeaf(Model):
    """A free text, held here and nowhere else."""

    id = fields.CharField(max_length=ID, primary_key=True)
    person = fields.CharField(max_length=ID, db_index=True)
    instance = fields.CharField(max_length=ID, null=True, db_index=True)
    until = fields.BigIntField(db_index=True)
    sealed = fields.BinaryField()

    class Meta:
        table = "texts"


class HouseMark(Model):
    """Sealed with the key of the house: the first row tells whether the key file belongs to this database, the second
    that it is known of every message which texts it carries.
    """

    id = fields.IntField(primary_key=True)
    sealed = fields.BinaryField()

    class Meta:
        table = "house"


class Quarantined(Model):
    """An arrival that could not be decided."""

    seq = fields.BigIntField(primary_key=True, generated=True)
    id = fields.CharField(max_length=ID, unique=True)
    at = fields.BigIntField()
    error = fields.TextField()
    scope = fields.CharField(max_length=ID)
    sealed = fields.BinaryField()

    class Meta:
        table = "quarantine"


class BridgeRow(Model):
    """What the bridge remembers: keys, rooms, the sync cursor. A row is found by a keyed hash of its key."""

    id = fields.BigIntField(primary_key=True, generated=True)
    kind = fields.CharField(max_length=ID)
    key = fields.CharField(max_length=64)
    sealed = fields.BinaryField()

    class Meta:
        table = "bridge"
        unique_together = (("kind", "key"),)


class Carried(Model):
    """A text that stands written out in a message, until the message is to be taken back."""

    id = fields.BigIntField(primary_key=True, generated=True)
    row = fields.CharField(max_length=ID, db_index=True)
    text = fields.CharField(max_length=ID, db_index=True)

    class Meta:
        table = "carried"


class TakenBack(Model):
    """A parcel (``by``) that takes back a message, or with an empty ``row`` something its person wrote."""

    by = fields.CharField(max_length=ID, primary_key=True)
    row = fields.CharField(max_length=ID, db_index=True)

    class Meta:
        table = "taken_back"


class Adopted(Model):
    """Whether a circle agreed to use a workflow, or agreed to leave it off."""

    id = fields.BigIntField(primary_key=True, generated=True)
    circle_id: str
    circle: fields.ForeignKeyRelation[Circle] = fields.ForeignKeyField(
        "cellar.Circle", related_name=False, on_delete=fields.CASCADE
    )
    workflow = fields.CharField(max_length=ID)
    in_use = fields.BooleanField()

    class Meta:
        table = "adopted"
        unique_together = (("circle_id", "workflow"),)


class Leaving(Model):
    """A person who asked to be forgotten, until they are."""

    person = fields.CharField(max_length=ID, primary_key=True)

    class Meta:
        table = "leaving"


class Speaker(Model):
    """Which process has the lease on a bot account, by the database's own clock."""

    account = fields.CharField(max_length=ID, primary_key=True)
    holder = fields.CharField(max_length=ID)
    epoch = fields.BigIntField()
    since = fields.BigIntField()
    until = fields.BigIntField()
    moves = fields.BigIntField()
    heard = fields.BooleanField(default=False)

    class Meta:
        table = "speakers"
