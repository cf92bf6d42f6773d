"""From a message, which is keys and what goes into their gaps, to what a Matrix client shows.

Names, texts and translations are looked up now, when the message leaves, so they are the present ones and
what has been erased is gone. Everything that a person or a file wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import msgspec
from babel.lists import format_list

from bridge.wording.keys import ABOUT, HELP, TITLE
from bridge.wording.sentences import Sentences
from bridge.wording.size import MOST_BYTES, cleaned, written_bytes
from bridge.wording.template import Piece, as_html, fill, gaps_in
from bridge.wording.when import write_moment
from engine.core.definition import Definition
from engine.core.message import AnySlot, Count, Message, Names, Option, Phrase, Plain, Said, Text, When
from engine.core.values import CircleId, Ms, PersonId, TextId

LONGEST_NAME = 80
KEYCAP = "\u20e3"
"""What makes a sign such as 1️⃣ out of a digit."""
DEEPEST = 4
"""Phrases within phrases: a choice within an acknowledgement is two."""
DEADLINES = ("until",)
"""Gaps whose moment is said as "tomorrow 18:00" when it is that near."""
TEXT_BUDGETS = (40_000, 12_000, 4_000, 1_500, 500, 150)
"""Characters each person's text may keep, tried one after another until the message fits."""
VIEWS = ("my", "who holds what", "what's on", "help")


class Hearer(msgspec.Struct, frozen=True):
    """Who will read a message: a person in their 1:1 room, or (``person`` None) everybody in a circle."""

    person: PersonId | None = None
    matrix_id: str | None = None
    circle: CircleId | None = None
    time_zone: str = "UTC"
    language: str = "en"


class Rendered(msgspec.Struct, frozen=True):
    """What is sent: both forms, always, and the Matrix ids that it may notify (most often none)."""

    body: str
    formatted_body: str
    mentions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Rendered({len(self.body)} characters)"


class House(msgspec.Struct, frozen=True):
    """What the settings say about the bot itself."""

    bot: str
    operator: str
    number: str
    """Whom to call in danger, in words: "112"."""


class NamesOfPeople(Protocol):
    """Tells what a person is called."""

    async def name_of(self, person: PersonId) -> str | None:
        """The display name; None for someone who has been erased."""


class TextsKept(Protocol):
    """Finds a free text."""

    async def text(self, text: TextId) -> str | None:
        """The words; None once they are no longer kept."""


class Definitions(Protocol):
    """Finds the definition an instance is pinned to."""

    async def by_digest(self, digest: str) -> Definition | None: ...


class Views(Protocol):
    """Gathers what a live view shows at this moment, as far as this reader may see it."""

    async def lines(self, view: str, hearer: Hearer) -> Sequence[Phrase]:
        """The entries of ``my``, ``who holds what`` or ``what's on``; none means there is nothing to show.

        For ``help``, what can be begun here. For ``my``, private matters come as one ``my.private`` with their number.
        """


class Unsayable(Exception):
    """A message that cannot be put into words; says which key. A bug of whoever composed it."""


class Voice:
    """Renders messages. Sentences of other languages are loaded when first needed, and kept."""

    def __init__(
        self,
        house: House,
        *,
        names: NamesOfPeople,
        texts: TextsKept,
        definitions: Definitions,
        views: Views,
        sentences: Callable[[str], Sentences] = Sentences.load,
    ) -> None:
        self._house = {
            "bot": Piece.of(house.bot),
            "operator": Piece.of(house.operator),
            "number": Piece.of(house.number),
        }
        self._names = names
        self._texts = texts
        self._definitions = definitions
        self._views = views
        self._load = sentences
        self._languages: dict[str, Sentences] = {}

    async def render(
        self, message: Message, hearer: Hearer, now_ms: Ms, *, as_edit: bool = False
    ) -> Rendered:
        """Put a message into words for one reader, at this moment; never longer than one event can carry.

        ``as_edit``: it will be sent as an edit, which carries its text twice.

        Raises `Unsayable` for a key that nobody knows or a gap that nothing fills.
        """
        sentences = self._sentences(hearer.language)
        view = await self._view(message.view, hearer) if message.view else ()
        most_bytes = MOST_BYTES // 2 if as_edit else MOST_BYTES
        whole = Piece("", "")
        for budget in TEXT_BUDGETS:
            speech = _Speech(self, sentences, hearer, now_ms, budget)
            whole = await speech.compose(message, view)
            if written_bytes(whole) <= most_bytes:
                break
        else:
            whole = _cut(whole, most_bytes, sentences)
        mentions = (hearer.matrix_id,) if message.mention and hearer.matrix_id else ()
        return Rendered(whole.plain, whole.html, mentions)

    async def ack(self, message: Message, line: Phrase, hearer: Hearer, now_ms: Ms) -> Rendered:
        """The message that was sent, with a confirmation in place of its foot; it notifies nobody again."""
        return await self.render(acknowledged(message, line), hearer, now_ms, as_edit=True)

    def _sentences(self, language: str) -> Sentences:
        if language not in self._languages:
            self._languages[language] = self._load(language)
        return self._languages[language]

    async def _view(self, view: str, hearer: Hearer) -> tuple[Phrase, ...]:
        if view == "help":
            # A human being comes first, then what can be begun here, then the bot's own words.
            person, *own = (Phrase(key) for key in HELP)
            return (person, *await self._views.lines(view, hearer), *own)
        if view not in VIEWS:
            raise Unsayable(f"no view is called {view!r}; there are {', '.join(VIEWS)}")
        section = {"my": "my", "who holds what": "holds", "what's on": "on"}[view]
        lines = tuple(await self._views.lines(view, hearer))
        if not lines:
            return (Phrase(f"{section}.none"),)
        return (Phrase("my.open" if section == "my" else f"{section}.head"), *lines)

    # what speaking needs
    @property
    def house(self) -> Mapping[str, Piece]:
        """The gaps that the settings fill."""
        return self._house

    async def name_of(self, person: str) -> str | None:
        return await self._names.name_of(PersonId(person)) if person else None

    async def words_of(self, text: TextId) -> str | None:
        return await self._texts.text(text)

    async def definition(self, digest: str) -> Definition | None:
        return await self._definitions.by_digest(digest)


def acknowledged(message: Message, line: Phrase) -> Message:
    """The same message with a confirmation in place of its foot."""
    return msgspec.structs.replace(message, footer=(line,), mention=False)


class _Speech:
    """One message being said to one reader, each text of a person kept to ``budget`` characters."""

    def __init__(self, voice: Voice, sentences: Sentences, hearer: Hearer, now_ms: Ms, budget: int) -> None:
        self._voice = voice
        self._sentences = sentences
        self._hearer = hearer
        self._now_ms = now_ms
        self._budget = budget

    async def compose(self, message: Message, view: Sequence[Phrase]) -> Piece:
        blocks = [_paragraph(await self.phrase(line)) for line in message.lines]
        if view:
            lines = [await self.phrase(line) for line in view]
            blocks.append(_paragraph(Piece.joined(lines, "\n", "<br>")))
        if message.options:
            blocks.append(await self._options(message.options))
        if message.footer:
            foot = Piece.joined([await self.phrase(part) for part in message.footer], " · ", " · ")
            blocks.append(_foot(foot))
        return Piece("\n\n".join(block.plain for block in blocks), "".join(block.html for block in blocks))

    async def _options(self, options: Sequence[Option]) -> Piece:
        labels: list[Piece] = []
        for option in options:
            label = await self.phrase(option.label)
            # A number's own sign would stand beside the number.
            signed = option.emoji and (len(options) == 1 or KEYCAP not in option.emoji)
            emoji = Piece.of(f"{cleaned(option.emoji)} " if signed else "")
            labels.append(Piece.joined((emoji, label)))
        if len(labels) == 1:
            return _paragraph(labels[0])
        plain = "\n".join(f"{n}. {label.plain}" for n, label in enumerate(labels, 1))
        return Piece(plain, f"<ol>{''.join(f'<li>{label.html}</li>' for label in labels)}</ol>")

    async def phrase(self, phrase: Phrase | Said, depth: int = 0) -> Piece:
        if depth > DEEPEST:
            raise Unsayable(f"{_where(phrase)}: phrases stand within phrases more than {DEEPEST} deep")
        template, named = await self._template(phrase)
        filled: dict[str, Piece] = {} if phrase.digest else dict(self._voice.house)
        for gap in named:
            if gap in phrase.slots:
                filled[gap] = await self._slot(gap, phrase.slots[gap], depth)
            elif gap not in filled:
                raise Unsayable(f"{_where(phrase)}: nothing fills the gap <{gap}>")
        return fill(template, filled)

    async def _template(self, phrase: Phrase | Said) -> tuple[str, tuple[str, ...]]:
        """The sentence of a phrase and the names of its gaps."""
        if phrase.digest is None:
            count = next((slot.n for slot in phrase.slots.values() if isinstance(slot, Count)), None)
            try:
                text = self._sentences.text(phrase.key, count)
            except KeyError:
                raise Unsayable(f"{_where(phrase)}: no sentence has this key") from None
            return text, gaps_in(text)
        definition = await self._voice.definition(phrase.digest)
        if definition is None:
            raise Unsayable(f"{_where(phrase)}: no definition has this digest")
        key, texts = phrase.key, definition.texts | {TITLE: definition.title, ABOUT: definition.about}
        if key not in texts:
            raise Unsayable(f"{_where(phrase)}: {definition.name} has no text of this key")
        translated = definition.translations.get(self._hearer.language, {})
        return translated.get(key, texts[key]), definition.gaps.get(key, ())

    async def _slot(self, gap: str, slot: AnySlot, depth: int) -> Piece:
        match slot:
            case Names(who=who):
                return Piece.of(await self._names(who))
            case Text(text=text):
                return await self._text(text)
            case When(at_ms=at_ms):
                near, placed = gap in DEADLINES, self._hearer.person is None
                zone = self._hearer.time_zone
                return Piece.of(
                    write_moment(at_ms, self._now_ms, zone, self._sentences, near=near, placed=placed)
                )
            case Count(n=n):
                return Piece.of(str(n))
            case Plain(word=word):
                return Piece.of(cleaned(word))
            case Said():
                return await self.phrase(slot, depth + 1)
            case _:
                assert_never(slot)

    async def _names(self, who: Sequence[str]) -> str:
        if not who:
            return self._sentences.text("names.nobody")
        names: list[str] = []
        for person in who:
            name = " ".join(cleaned(await self._voice.name_of(person) or "").split())
            names.append(_shortened(name, LONGEST_NAME) or self._sentences.text("names.left"))
        return format_list(names, locale=self._sentences.locale)

    async def _text(self, text: TextId) -> Piece:
        words = await self._voice.words_of(text)
        if words is None:
            return Piece.of(self._sentences.text("text.gone"))
        words = cleaned(words).strip()
        over = len(words) - self._budget
        if over <= 0:
            return Piece.of(words)
        return _clipped(words[: self._budget], over, self._sentences)


def _where(phrase: Phrase | Said) -> str:
    return f"{phrase.key!r}" if phrase.digest is None else f"{phrase.key!r} of {phrase.digest[:12]}"


def _paragraph(piece: Piece) -> Piece:
    return Piece(piece.plain, f"<p>{piece.html}</p>")


def _foot(piece: Piece) -> Piece:
    return Piece(piece.plain, f"<p><sub>{piece.html}</sub></p>")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _clipped(kept: str, over: int, sentences: Sentences) -> Piece:
    gaps = {"text": Piece.of(kept.rstrip()), "n": Piece.of(str(over))}
    return fill(sentences.text("text.clipped", over), gaps)


def _cut(whole: Piece, most_bytes: int, sentences: Sentences) -> Piece:
    """The last resort: as much of the plain text as fits, without any form."""
    keep = most_bytes // 20  # every character may take 12 bytes of JSON in the body, and more as HTML
    short = _clipped(whole.plain[:keep], len(whole.plain) - keep, sentences)
    return Piece(short.plain, as_html(short.plain))
