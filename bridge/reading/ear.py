"""Reading a message: command, choice, moment, people, number, or simply words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from bridge.reading.address import unwrapped
from bridge.reading.choices import Offered, beginning, chosen, chosen_alone
from bridge.reading.commands import UNKNOWN, Ordered, Setting, mistyped, ordered
from bridge.reading.fillings import DefinitionsHeld
from bridge.reading.moments import Moments
from bridge.reading.people import People, named
from bridge.reading.plainly import bare_number, plainly, without_politeness, without_thanks
from bridge.wording.sentences import ENGLISH, Sentences
from bridge.wording.size import fits
from bridge.wording.template import Piece, fill
from bridge.wording.vocabulary import SaidWords, Vocabulary, together, understood_by
from engine.core.decide_desk import plain_yes
from engine.core.desk import Command, Desk, Prompt, Reading, Rhythm
from engine.core.desk_reading import IT_IS_ME
from engine.core.desk_table import options_of
from engine.core.desk_usual import EVERYBODY, rhythm_of
from engine.core.limits import USUAL
from engine.core.message import Message, NameOfCircle, Names, Phrase
from engine.core.parcel import Target
from engine.core.values import CircleId, Ms, PersonId, RowId
from engine.runtime.ports import Spoken

MOST_LABEL_LETTERS = 400
"""A message longer than this is no choice, list of people or moment; it is words."""

MOST_DIGITS = 10
"""Fewer than these make a number that somebody means."""


class Tongue(NamedTuple):
    """What one language brings to understanding a person."""

    vocabulary: Vocabulary
    sentences: Sentences
    moments: Moments


class Listening(NamedTuple):
    """How somebody is understood: every language, their own first, and the words of all of them together."""

    tongues: tuple[Tongue, ...]
    together: Vocabulary

    @property
    def said(self) -> SaidWords:
        return self.together.said


@functools.cache
def _tongue(language: str) -> Tongue:
    vocabulary = Vocabulary.load(language)
    return Tongue(
        vocabulary, Sentences.load(language), Moments(language, vocabulary.moments, vocabulary.said.numbers)
    )


@functools.cache
def listening_to(language: str) -> Listening:
    """How somebody is understood whose language this is."""
    vocabularies = understood_by(language)
    return Listening(tuple(_tongue(each.language) for each in vocabularies), together(vocabularies))


class Ear:
    """Implements `engine.runtime.ports.Reader`: what it understands never carries a person's words."""

    def __init__(
        self,
        people: People,
        definitions: DefinitionsHeld,
        names: Sequence[str],
        vocabulary: Vocabulary | None = None,
        *,
        language: str | Callable[[Sequence[CircleId]], str] = ENGLISH,
        within: Callable[[Sequence[CircleId]], DefinitionsHeld] | None = None,
        among: Callable[[Sequence[CircleId]], People] | None = None,
        circle_name: Callable[[CircleId], str | None] = lambda _circle: None,
        usual: Callable[[Sequence[CircleId]], Rhythm] = lambda _circles: EVERYBODY,
        text_bytes: int = USUAL.text_bytes,
    ) -> None:
        """``language`` is the house's, or that of these circles, for people who have not chosen one; with a
        ``vocabulary``, nothing else is understood. ``within``: what is in service in these circles; ``among``: their
        people; None: all of it. ``usual``: when people of these circles are written to who have not chosen otherwise.
        ``text_bytes``: how long a message may be.
        """
        self._usual_in = usual
        self._text_bytes = text_bytes
        self._people = people
        self._definitions = definitions
        self._names = tuple(names)
        self._language_in = language if callable(language) else lambda _circles: language
        self._within = within or (lambda _circles: definitions)
        self._among = among or (lambda _circles: people)
        self._circle_name = circle_name
        self._only = None
        if vocabulary is not None:
            self._only = Listening((_tongue(vocabulary.language),), vocabulary)

    def _people_for(self, spoken: Spoken) -> People:
        return self._people if spoken.circle is None else self._among((spoken.circle,))

    def _listening(self, desk: Desk) -> Listening:
        return self._only or listening_to(desk.language)

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        """What a message says, and the words worth keeping: all of it, or what stood behind a command."""
        if not desk.language:
            desk = msgspec.structs.replace(desk, language=self._language_in(circles))
        call = unwrapped(spoken.body, self._names, is_reply=spoken.reply_to is not None)
        text = call.words
        if not fits(text, self._text_bytes):
            return Reading(too_long=True), ""
        listening = self._listening(desk)
        zone = rhythm_of(desk, self._usual_in(circles)).time_zone
        moment = partial(_moment, listening=listening, zone=zone, now_ms=now_ms)
        setting = Setting(
            tuple(words),
            spoken.mentions,
            spoken.person,
            self._people_for(spoken),
            self._within(circles),
            listening.together,
            tuple(tongue.vocabulary for tongue in listening.tongues),
            moment,
        )
        addressed = spoken.addressed or call.addressed
        if not text.strip():
            return (Reading(command=Command("help")) if addressed else Reading()), ""
        order = _as_it_came(ordered(text, setting), spoken)
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
        said = self._listening(desk).said
        listed = named(text, spoken.mentions, spoken.person, self._people_for(spoken), said)
        whole = without_politeness(plainly(text), said.polite)
        asks_for_people = any(p.expects == "people" and not p.settled for p in desk.prompts)
        picks = self._picks(text, desk, target, is_order=is_order)
        return Reading(
            picks=picks,
            moment_ms=moment_ms,
            people=listed.people if listed.clear else (),
            everyone=listed.everyone and listed.clear,
            number=_number(text, whole, said),
            empty=whole in said.nothing,
            declines=whole in said.no,
            thanks=bool(whole) and not without_thanks(whole, said.thanks),
            found=listed.people if asks_for_people and not listed.clear else (),
            worded=tuple(p.row for p in desk.prompts if p.row in picks and self._says_more(text, p, desk)),
        )

    def _unknown(
        self, text: str, spoken: Spoken, target: Target | None, setting: Setting, addressed: bool
    ) -> Command | None:
        command = mistyped(text, setting) if addressed or spoken.circle is None else None
        if command is None and addressed and spoken.circle is not None and target is None:
            command = Command(UNKNOWN)
        return command

    # ── choices ──────────────────────────────────────────────────────────────

    def _picks(self, text: str, desk: Desk, target: Target | None, *, is_order: bool) -> dict[RowId, str]:
        said = self._listening(desk).said
        picks: dict[RowId, str] = {}
        for prompt in desk.prompts:
            choice = self._choice(text, prompt, desk, is_order=is_order) if not prompt.settled else None
            if choice is not None:
                picks[prompt.row] = choice
        if target is not None and all(prompt.row != target.row for prompt in desk.prompts):
            offered = self._offered_by(target, desk)
            choice = next(
                (found for each in offered if (found := chosen(text, each, said)) is not None), None
            )
            if choice is not None:
                picks[target.row] = choice
        return picks

    def _choice(self, text: str, prompt: Prompt, desk: Desk, *, is_order: bool) -> str | None:
        """The choice that a message names, in whichever language its labels are there.

        The beginning of a label will do where it cannot be a command or an answer in words.
        """
        said = self._listening(desk).said
        offered = self._in_every_language(prompt, desk)
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

    def _says_more(self, text: str, prompt: Prompt, desk: Desk) -> bool:
        """Whether words stand beside the choice that a message names, where words are welcome."""
        if not prompt.words or prompt.expects != "choice":
            return False
        said = self._listening(desk).said
        offered = self._in_every_language(prompt, desk)
        alone = any(chosen_alone(text, labels, said) is not None for labels in offered)
        return not alone and plain_yes(text, prompt.choices) is None

    def _offered_by(self, target: Target, desk: Desk) -> list[list[Offered]]:
        """The choices of a question that lies on no desk, such as one in a shared room, in each language."""
        if len(target.labels) != len(target.choices):  # sent before labels were kept with it
            return [[Offered(choice, emoji) for choice, emoji in target.choices]]
        options = options_of(target)
        return [
            [Offered(option.id, option.emoji, self._label(option.label, *each)) for option in options]
            for each in self._languages(Message(options=options), self._listening(desk))
        ]

    def _in_every_language(self, prompt: Prompt, desk: Desk) -> list[list[Offered]]:
        """The choices of a question, in each language that its labels are there."""
        listening = self._listening(desk)
        return [self._offered(prompt, *each) for each in self._languages(prompt.message, listening)]

    def _languages(self, message: Message, listening: Listening) -> Sequence[tuple[str, Sentences]]:
        """The languages of a question's labels, the person's own first: in each, the file's and the bot's own words.

        The file's own language has no name here.
        """
        digests = dict.fromkeys(o.label.digest for o in message.options if o.label.digest is not None)
        held = [
            definition for digest in digests if (definition := self._definitions.held(digest)) is not None
        ]
        own = {tongue.vocabulary.language: tongue.sentences for tongue in listening.tongues}
        first = listening.tongues[0]
        of_files = (language for definition in held for language in definition.translations)
        named = dict.fromkeys((first.vocabulary.language, "", *own, *of_files))
        return [(language, own.get(language, first.sentences)) for language in named]

    def _offered(self, prompt: Prompt, language: str, sentences: Sentences) -> list[Offered]:
        labels = {
            option.id: self._label(option.label, language, sentences) for option in prompt.message.options
        }
        return [Offered(choice, emoji, labels.get(choice, "")) for choice, emoji in prompt.choices]

    def _label(self, phrase: Phrase, language: str, sentences: Sentences) -> str:
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
        names |= {
            gap: Piece.of(self._circle_name(slot.circle) or str(slot.nth))
            for gap, slot in phrase.slots.items()
            if isinstance(slot, NameOfCircle)
        }
        try:
            return fill(sentences.text(phrase.key), names).plain
        except KeyError:
            return ""  # a label written by a newer version: its number and emoji still work


def _moment(text: str, listening: Listening, zone: str, now_ms: Ms) -> Ms | None:
    """The moment a text names: in the person's own language, or else in one whose own words it uses."""
    plain = without_politeness(plainly(text), listening.said.polite)
    for n, tongue in enumerate(listening.tongues):
        found = tongue.moments.read(plain, now_ms, zone, only_if_own=n > 0)
        if found is not None:
            return found
    return None


def _number(text: str, whole: str, said: SaidWords) -> int | None:
    number = bare_number(text)
    if number is not None:
        return number
    first, _, behind = whole.partition(" ")
    if behind.count(" ") > 0 or any(letter.isdigit() for letter in behind):
        return None
    if first.isascii() and first.isdecimal() and len(first) < MOST_DIGITS:
        return int(first)
    return said.numbers.get(first)


def _says_something(reading: Reading) -> bool:
    return msgspec.structs.replace(reading, found=()) != Reading()


def _as_it_came(order: Ordered | None, spoken: Spoken) -> Ordered | None:
    """Who somebody is, is not taken from what was written without their keys."""
    if order is None or not spoken.in_clear or order.command.word != IT_IS_ME:
        return order
    return msgspec.structs.replace(order, command=msgspec.structs.replace(order.command, in_clear=True))


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
        worded=reading.worded,
        thanks=reading.thanks,
    )
    return command, order.words if order.command.rest is not None else text
