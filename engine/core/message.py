"""What is to be said, before anyone has found the words: a key and what goes into its gaps.

Rendering happens when a message is sent, so a name, a translation or a text that has
since been erased is always the present one. Nothing here carries free text.
"""

from __future__ import annotations

import msgspec

from engine.core.values import CircleId, InstanceId, Ms, TextId


class Slot(msgspec.Struct, frozen=True, tag_field="is"):
    """What fills one ``<placeholder>``."""


class Names(Slot, frozen=True, tag="names"):
    """The names of people, as their circle knows them; refs inside an instance, person ids outside."""

    who: tuple[str, ...]


class Text(Slot, frozen=True, tag="text"):
    """A free text, fetched and unsealed at sending; erased texts read as such."""

    text: TextId


class When(Slot, frozen=True, tag="when"):
    """A moment, written out in the reader's own time zone."""

    at_ms: Ms


class Count(Slot, frozen=True, tag="count"):
    """A whole number."""

    n: int


class Said(Slot, frozen=True, tag="said"):
    """Another phrase inside this one: a choice's label, an audience, a word of the bot's own."""

    key: str
    digest: str | None = None
    slots: dict[str, AnySlot] = {}


class Plain(Slot, frozen=True, tag="plain"):
    """A word of the house's own vocabulary, such as a command; never a person's words."""

    word: str


class NameOfCircle(Slot, frozen=True, tag="circle"):
    """What a circle is called when it is said; ``nth`` is its place among those that are spoken of, for one without
    a name.
    """

    circle: CircleId
    nth: int


AnySlot = Names | Text | When | Count | Said | Plain | NameOfCircle


class Phrase(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sentence to say.

    ``digest`` names the definition whose texts hold ``key``; ``None`` means the bot's own sentences.
    """

    key: str
    digest: str | None = None
    slots: dict[str, AnySlot] = {}


class Option(msgspec.Struct, frozen=True):
    """A choice as it was offered, kept with the prompt: later edits cannot change its meaning."""

    id: str
    emoji: str
    label: Phrase


class Occasion(msgspec.Struct, frozen=True):
    """A date to put into a calendar: when, what it is called, and which one it is.

    ``told_ms`` is when it was told, so that a calendar knows the newest; ``called_off``: it is to be taken out.
    """

    at_ms: Ms
    about: Phrase
    instance: InstanceId
    told_ms: Ms
    called_off: bool = False


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message: its sentences, its choices, and the one quiet line at the foot.

    ``view`` names a live view (``my``, ``who holds what``) that is written out when the message is sent.
    """

    lines: tuple[Phrase, ...] = ()
    options: tuple[Option, ...] = ()
    footer: tuple[Phrase, ...] = ()
    view: str | None = None
    mention: bool = False
    """True for a prompt that should notify the person it is for."""
    sensitive: bool = False
    """True: views show only that there is a private matter."""
    poll: bool = False
    """True: its choices are offered as a poll below it, in place of reactions."""
    occasion: Occasion | None = None
    """The date of which a file for the reader's calendar goes along."""
