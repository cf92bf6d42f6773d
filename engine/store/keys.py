"""The table of keys. It lies in a file of its own, beside the master key, so that no backup of the database has it:
a key that is deleted here is deleted for every backup too.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Seal(Model):
    """The key of one person, one instance or the house, wrapped by the master key."""

    scope = fields.CharField(max_length=255, primary_key=True)
    wrapped = fields.BinaryField()

    class Meta:
        table = "seals"
