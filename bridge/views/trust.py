"""How to be sure that it is really the bot: its device, the fingerprint of its key, and comparing by emoji."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.core.message import Phrase, Plain

GROUP = 4
"""Characters of a fingerprint that are read in one breath."""


class OwnDevice(msgspec.Struct, frozen=True):
    """The device the bot writes from; ``signed``: its owner has vouched for it, so that no app warns of it."""

    device_id: str
    fingerprint: str
    signed: bool


Mirror = Callable[[], OwnDevice]
"""Tells how the bot's own device stands at present."""


def trust_view(mirror: Mirror | None) -> list[list[Phrase]]:
    """The device as it is, and how to compare; only the latter where there is no device."""
    how = [Phrase("trust.how"), Phrase("trust.beyond")]
    if mirror is None:
        return [how]
    own = mirror()
    slots = {"device": Plain(own.device_id), "key": Plain(in_groups(own.fingerprint))}
    state = Phrase("trust.signed" if own.signed else "trust.unsigned")
    return [[Phrase("trust.device", slots=dict(slots)), state], how]


def in_groups(key: str) -> str:
    """A key as people compare it: in groups of four characters."""
    return " ".join(key[start : start + GROUP] for start in range(0, len(key), GROUP))
