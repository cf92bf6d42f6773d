"""Reading a message: command, choice, moment, people, number, or simply words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from bridge.reading.address import unwrapped
from bridge.reading.choices import Offered, beginning, chosen
from bridge.reading.commands import UNKNOWN, Ordered, Setting, mistyped, ordered
from bridge.reading.moments import Moments
from bridge.reading.people import People, named
from bridge.reading.plainly import bare_number, plainly, without_politeness
from bridge.wording.sentences import Sentences
from bridge.wording.size import fits
from bridge.wording.template import Piece, fill
from bridge.wording.vocabulary import Vocabulary
from engine.core.decide_desk import plain_yes
from engine.core.definition import Definition
from engine.core.desk import Command, Desk, Prompt, Reading
from engine.core.message import Message, Names, Phrase
from engine.core.parcel import Target
from engine.core.values import Ms, PersonId, RowId
from engine.runtime.ports import Spoken

MOST_LABEL_LETTERS = 400
"""A message longer than this is no choice, list of people or moment; it is words."""


class DefinitionsHeld(Protocol):
    """The definitions that are in memory."""

    def held(self, digest: str) -> Definition | None: ...


class Ear:
    """Implements `engine.runtime.ports.Reader`: what it understands never carries a person's words."""

    def __init__(
        self,
        people: People,
        definitions: DefinitionsHeld,
        names: Sequence[str],
        vocabulary: Vocabulary | None = None,
        sentences: Sentences | None = None,
    ) -> None:
        self._people = people
        self._definitions = definitions
        self._names = tuple(names)
        self._vocabulary = vocabulary or Vocabulary.load()
        self._sentences = sentences or Sentences.load()
        self._moments = Moments(self._vocabulary.language, self._vocabulary.moments)

    def read(
        self, spoken: Spoken, desk: Desk, target: Target | None, words: Iterable[str], now_ms: Ms
    ) -> tuple[Reading, str]:
        """What a message says, and the words worth keeping: all of it, or what stood behind a command."""
        call = unwrapped(spoken.body, self._names, is_reply=spoken.reply_to is not None)
        text = call.words
        if not fits(text):
            return Reading(too_long=True), ""
        moment = partial(self._moment, desk=desk, now_ms=now_ms)
        setting = Setting(
            tuple(words), spoken.mentions, spoken.person, self._people, self._vocabulary, moment
        )
        addressed = spoken.addressed or call.addressed
        if not text.strip():
            return (Reading(command=Command("help")) if addressed else Reading()), ""
        order = ordered(text, setting)
        if len(text) > MOST_LABEL_LETTERS:
            return _told(order, text, Reading())
        reading = self._reading(text, spoken, desk, target, moment(text), is_order=order is not None)
        if order is not None or _says_something(reading):
            return _told(order, text, reading)
        command = self._unknown(text, spoken, target, setting, addressed)
        return msgspec.structs.replace(reading, command=command), text

    def _reading(
        self,
        text: str,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        moment_ms: Ms | None,
        *,
        is_order: bool,
    ) -> Reading:
        said = self._vocabulary.said
        listed = named(text, spoken.mentions, spoken.person, self._people, said)
        whole = without_politeness(plainly(text), said.polite)
        asks_for_people = any(p.expects == "people" and not p.settled for p in desk.prompts)
        return Reading(
            picks=self._picks(text, desk, target, is_order=is_order),
            moment_ms=moment_ms,
            people=listed.people if listed.clear else (),
            everyone=listed.everyone and listed.clear,
            number=self._number(text, whole),
            empty=whole in said.nothing,
            declines=whole in said.no,
            found=listed.people if asks_for_people and not listed.clear else (),
        )

    def _unknown(
        self, text: str, spoken: Spoken, target: Target | None, setting: Setting, addressed: bool
    ) -> Command | None:
        command = mistyped(text, setting) if addressed or spoken.circle is None else None
        if command is None and addressed and spoken.circle is not None and target is None:
            command = Command(UNKNOWN)
        return command

    def _moment(self, text: str, desk: Desk, now_ms: Ms) -> Ms | None:
        plain = without_politeness(plainly(text), self._vocabulary.said.polite)
        return self._moments.read(plain, now_ms, desk.rhythm.time_zone)

    def _number(self, text: str, whole: str) -> int | None:
        number = bare_number(text)
        if number is not None:
            return number
        first, _, behind = whole.partition(" ")
        if behind.count(" ") > 0 or any(letter.isdigit() for letter in behind):
            return None
        return (
            int(first) if first.isascii() and first.isdecimal() and len(first) < 10 else self._spelled(first)
        )

    def _spelled(self, word: str) -> int | None:
        return self._vocabulary.said.numbers.get(word)

    # ── choices ──────────────────────────────────────────────────────────────

    def _picks(self, text: str, desk: Desk, target: Target | None, *, is_order: bool) -> dict[RowId, str]:
        said = self._vocabulary.said
        picks: dict[RowId, str] = {}
        for prompt in desk.prompts:
            choice = self._choice(text, prompt, is_order=is_order) if not prompt.settled else None
            if choice is not None:
                picks[prompt.row] = choice
        if target is not None and all(prompt.row != target.row for prompt in desk.prompts):
            choice = chosen(text, [Offered(choice_id, emoji) for choice_id, emoji in target.choices], said)
            if choice is not None:
                picks[target.row] = choice
        return picks

    def _choice(self, text: str, prompt: Prompt, *, is_order: bool) -> str | None:
        """The choice that a message names, in whichever language its labels are there.

        The beginning of a label will do where it cannot be a command or an answer in words.
        """
        said = self._vocabulary.said
        offered = [self._offered(prompt, language) for language in self._languages(prompt.message)]
        for labels in offered:
            choice = chosen(text, labels, said)
            if choice is not None:
                return choice
        if prompt.expects != "choice" or prompt.shared or is_order:
            return None
        if prompt.words:
            return plain_yes(text, prompt.choices)
        found = {choice for labels in offered if (choice := beginning(text, labels, said)) is not None}
        return found.pop() if len(found) == 1 else plain_yes(text, prompt.choices)

    def _languages(self, message: Message) -> tuple[str, ...]:
        """The languages of a question's labels, the file's own (here nameless) first."""
        digests = dict.fromkeys(o.label.digest for o in message.options if o.label.digest is not None)
        held = [
            definition for digest in digests if (definition := self._definitions.held(digest)) is not None
        ]
        return ("", *dict.fromkeys(language for definition in held for language in definition.translations))

    def _offered(self, prompt: Prompt, language: str) -> list[Offered]:
        labels = {option.id: self._label(option.label, language) for option in prompt.message.options}
        return [Offered(choice, emoji, labels.get(choice, "")) for choice, emoji in prompt.choices]

    def _label(self, phrase: Phrase, language: str) -> str:
        if phrase.digest is not None:
            definition = self._definitions.held(phrase.digest)
            if definition is None:
                return ""
            translated = definition.translations.get(language, {})
            return translated.get(phrase.key) or definition.texts.get(phrase.key, "")
        names = {
            gap: Piece.of(", ".join(self._people.name_of(PersonId(p)) or "" for p in slot.who))
            for gap, slot in phrase.slots.items()
            if isinstance(slot, Names)
        }
        try:
            return fill(self._sentences.text(phrase.key), names).plain
        except KeyError:
            return ""  # a label written by a newer version: its number and emoji still work


def _says_something(reading: Reading) -> bool:
    return msgspec.structs.replace(reading, found=()) != Reading()


def _told(order: Ordered | None, text: str, reading: Reading) -> tuple[Reading, str]:
    if order is None:
        return reading, text
    command = Reading(
        command=order.command,
        picks=reading.picks,
        moment_ms=reading.moment_ms,
        people=reading.people,
        everyone=reading.everyone,
        number=reading.number,
        empty=reading.empty,
        declines=reading.declines,
        found=reading.found,
    )
    return command, order.words if order.command.rest is not None else text
