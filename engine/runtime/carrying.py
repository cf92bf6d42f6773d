"""Which texts stand written out in a message once it has been sent, so that they are taken back with their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.core.message import AnySlot, Message, Phrase, Said, Text
from engine.core.parcel import Parcel
from engine.core.values import TextId


def takes_back(parcel: Parcel) -> bool:
    """Whether a parcel is no message, but takes one back that stands in the room."""
    return parcel.redacts is not None or parcel.redacts_event is not None


def texts_in(message: Message) -> frozenset[TextId]:
    """Every text that a message will carry: in its lines, its choices and its footer, however deep."""
    return frozenset(text for phrase in _phrases(message) if phrase.slots for text in _in_slots(phrase.slots))


def _phrases(message: Message) -> Iterator[Phrase]:
    yield from message.lines
    yield from message.footer
    for option in message.options:
        yield option.label
    if message.occasion is not None:
        yield message.occasion.about


def _in_slots(slots: Mapping[str, AnySlot]) -> Iterator[TextId]:
    for slot in slots.values():
        if isinstance(slot, Text):
            yield slot.text
        elif isinstance(slot, Said):
            yield from _in_slots(slot.slots)
