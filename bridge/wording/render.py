"""From a message, which is keys and what goes into their gaps, to what a Matrix client shows.

Names, texts and translations are looked up now, when the message leaves, so they are the present ones and
what has been erased is gone. Everything that a person or a file wrote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, assert_never

import msgspec

from bridge.wording.keys import ABOUT, TITLE
from bridge.wording.sentences import Sentences
from bridge.wording.size import MOST_BYTES, cleaned, written_bytes
from bridge.wording.template import Piece, as_html, fill, gaps_in
from bridge.wording.when import write_moment
from engine.core.definition import Definition
from engine.core.limits import USUAL, LimitName
from engine.core.message import (
    AnySlot,
    Count,
    Message,
    NameOfCircle,
    Names,
    Option,
    Phrase,
    Plain,
    Said,
    Text,
    When,
)
from engine.core.schedule import zone
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
LONGEST_BRIEF = 140
"""Characters of a question that stands in a list of others: about two lines on a phone."""
LONGEST_LISTED = 100
"""Characters of a person's text within a view: what stands in a list is a reminder, not the whole of it."""
ENOUGH_SAID = 40
"""Characters of a first paragraph that says by itself what it is about: "Ana invites you." does not."""
BRIEF = ("briefly",)
"""Gaps whose phrase is said in one line, and cut where it is longer than that."""
SENTENCE_ENDS = (".", "?", "!", "…", ":")
_SENTENCES = re.compile(r"\S(?:[^\n]*?(?:(?<!\d)[.!…]|[?])(?=\s)|[^\n]*)")
LISTED = (
    "which_instance.line",
    "which_one.line",
    "which_one.titled",
    "ops.entry",
    "ops.more",
    "ops.help.status",
    "ops.help.retry",
    "ops.help.drop",
    "ops.help.reload",
    "ops.help.help",
)
"""Lines that stand below each other, without a space between them."""
NO_NEWS = Phrase("weekly.quiet")
"""All that a letter says in which there is nothing."""


class Hearer(msgspec.Struct, frozen=True):
    """Who will read a message: a person in their 1:1 room, or (``person`` None) everybody in a circle."""

    person: PersonId | None = None
    matrix_id: str | None = None
    circle: CircleId | None = None
    time_zone: str = "UTC"
    elsewhere: bool = False
    """True: theirs is not their circle's time zone, so that each moment says whose it is."""
    language: str = "en"
    number: str = ""
    """Whom they call in danger; empty: whom the house names."""


class Rendered(msgspec.Struct, frozen=True):
    """What is sent: both forms, always, and the Matrix ids that it may notify (most often none)."""

    body: str
    formatted_body: str
    mentions: tuple[str, ...] = ()
    texts: frozenset[TextId] = frozenset()
    """The texts of people that stand written out in it, also those that a view brought: with them it goes."""
    tells_nothing: bool = False
    """True for a letter of which nobody would miss anything: it says that there is nothing, and no more."""

    def __repr__(self) -> str:
        return f"Rendered({len(self.body)} characters)"


class Document(msgspec.Struct, frozen=True):
    """A text that travels as a file: what the file is called, and what stands in it."""

    filename: str
    text: str
    texts: frozenset[TextId] = frozenset()
    """The texts of people that stand written out in it."""

    def __repr__(self) -> str:
        return f"Document({len(self.text)} characters)"


class Chapter(msgspec.Struct, frozen=True):
    """A part of a document: its heading, and paragraphs of lines."""

    head: Phrase
    paragraphs: tuple[tuple[Phrase, ...], ...] = ()


class House(msgspec.Struct, frozen=True):
    """What the settings say about the bot itself."""

    bot: str
    operator: str
    number: str
    """Whom to call in danger, in words: "112"."""


class NamesOfPeople(Protocol):
    """Tells what a person is called."""

    async def name_of(self, person: PersonId, hearer: Hearer) -> str | None:
        """What this reader knows them as; None for someone who has been erased."""


class TextsKept(Protocol):
    """Finds a free text."""

    async def text(self, text: TextId) -> str | None:
        """The words; None once they are no longer kept."""


class Definitions(Protocol):
    """Finds the definition an instance is pinned to."""

    async def by_digest(self, digest: str) -> Definition | None: ...


class Views(Protocol):
    """Gathers what a live view or a document shows at this moment, as far as this reader may see it."""

    async def paragraphs(self, view: str, hearer: Hearer, now_ms: Ms) -> Sequence[Sequence[Phrase]]:
        """A view's paragraphs, each of at least one line; where there is nothing to show, they say so kindly
        (in a letter by `NO_NEWS` alone).

        Raises `Unsayable` for a view that nobody knows.
        """

    async def chapters(self, document: str, hearer: Hearer, now_ms: Ms) -> Sequence[Chapter]:
        """A document's chapters; the first one's heading is the title of all of it.

        Raises `Unsayable` for a document that nobody knows.
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
        circle_name: Callable[[CircleId], str | None] = lambda _circle: None,
        file_bytes: int = USUAL.file_bytes,
        on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None,
    ) -> None:
        """``circle_name``: what a circle is called at present; None for one without a name. ``file_bytes``: how long a
        document may be; ``on_limit`` hears when one is cut short.
        """
        self.circle_name = circle_name
        self._file_bytes = file_bytes
        self._on_limit = on_limit
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
        view = await self._views.paragraphs(message.view, hearer, now_ms) if message.view else ()
        most_bytes = MOST_BYTES // 2 if as_edit else MOST_BYTES
        whole, texts = Piece("", ""), frozenset[TextId]()
        for budget in TEXT_BUDGETS:
            speech = _Speech(self, sentences, hearer, now_ms, budget)
            whole, texts = await speech.compose(message, view), frozenset(speech.texts)
            if written_bytes(whole) <= most_bytes:
                break
        else:
            whole = _cut(whole, most_bytes, sentences)
        mentions = (hearer.matrix_id,) if message.mention and hearer.matrix_id else ()
        tells_nothing = [*view] == [[NO_NEWS]] and not (message.lines or message.options or message.footer)
        return Rendered(whole.plain, whole.html, mentions, texts, tells_nothing)

    def _sentences(self, language: str) -> Sentences:
        if language not in self._languages:
            self._languages[language] = self._load(language)
        return self._languages[language]

    async def document(self, name: str, hearer: Hearer, now_ms: Ms) -> Document:
        """Write out a document for one reader, at this moment: plain text under headings, all of it.

        What lies beyond the longest file is left out, and the text says so at its end.

        Raises `Unsayable` for a document, or a key, that nobody knows.
        """
        sentences = self._sentences(hearer.language)
        speech = _Speech(self, sentences, hearer, now_ms, self._file_bytes)
        parts: list[str] = []
        for n, chapter in enumerate(await self._views.chapters(name, hearer, now_ms)):
            head = " ".join((await speech.phrase(chapter.head)).plain.split())
            parts.append(f"{head}\n{('-' if n else '=') * len(head)}")
            parts += [await speech.together(lines) for lines in chapter.paragraphs]
        text = "\n\n".join(parts) + "\n"
        written = text.encode()
        if len(written) > self._file_bytes:
            self._on_limit("file_bytes", 1)
            kept = written[: self._file_bytes].decode(errors="ignore")
            text = f"{kept}…\n\n{sentences.text('document.cut')}\n"
        day = datetime.fromtimestamp(now_ms / 1000, zone(hearer.time_zone)).date()
        return Document(f"hearth-{day.isoformat()}.txt", text, frozenset(speech.texts))

    # what speaking needs
    @property
    def house(self) -> Mapping[str, Piece]:
        """The gaps that the settings fill."""
        return self._house

    async def name_of(self, person: str, hearer: Hearer) -> str | None:
        return await self._names.name_of(PersonId(person), hearer) if person else None

    async def words_of(self, text: TextId) -> str | None:
        return await self._texts.text(text)

    async def definition(self, digest: str) -> Definition | None:
        return await self._definitions.by_digest(digest)


class _Speech:
    """One message being said to one reader, each text of a person kept to ``budget`` characters."""

    def __init__(self, voice: Voice, sentences: Sentences, hearer: Hearer, now_ms: Ms, budget: int) -> None:
        self._voice = voice
        self._sentences = sentences
        self._hearer = hearer
        self._now_ms = now_ms
        self._budget = budget
        self._in_a_list = False
        self.texts: set[TextId] = set()
        """Those that were written out."""

    async def compose(self, message: Message, view: Sequence[Sequence[Phrase]]) -> Piece:
        blocks = [await self._lines(lines) for lines in _listed_together(message.lines)]
        self._in_a_list = True
        blocks += [await self._lines(paragraph) for paragraph in view]
        self._in_a_list = False
        if message.options:
            blocks.append(await self._options(message.options))
        if message.footer:
            foot = Piece.joined([await self.phrase(part) for part in message.footer], " · ", " · ")
            blocks.append(_foot(foot))
        return Piece("\n\n".join(block.plain for block in blocks), "".join(block.html for block in blocks))

    async def _lines(self, lines: Sequence[Phrase]) -> Piece:
        """Lines of one paragraph, one below the other."""
        return _paragraph(Piece.joined([await self.phrase(line) for line in lines], "\n", "<br>"))

    async def together(self, lines: Sequence[Phrase]) -> str:
        """Lines of one paragraph, in plain text."""
        return "\n".join([(await self.phrase(line)).plain for line in lines])

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
        if self._hearer.number and not phrase.digest:
            filled["number"] = Piece.of(self._hearer.number)
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
                near = gap in DEADLINES
                placed = self._hearer.person is None or self._hearer.elsewhere
                zone = self._hearer.time_zone
                return Piece.of(
                    write_moment(at_ms, self._now_ms, zone, self._sentences, near=near, placed=placed)
                )
            case Count(n=n):
                return Piece.of(str(n))
            case Plain(word=word):
                return Piece.of(cleaned(word))
            case NameOfCircle(circle=circle, nth=nth):
                name = self._voice.circle_name(circle)
                return (
                    Piece.of(cleaned(name)) if name else fill(self._unnamed(nth), {"n": Piece.of(str(nth))})
                )
            case Said():
                said = await self.phrase(slot, depth + 1)
                return _in_brief(said) if gap in BRIEF else said
            case _:
                assert_never(slot)

    def _unnamed(self, nth: int) -> str:
        return self._sentences.text("which_circle.unnamed", nth)

    async def _names(self, who: Sequence[str]) -> str:
        if not who:
            return self._sentences.text("names.nobody")
        names: list[str] = []
        for person in who:
            name = " ".join(cleaned(await self._voice.name_of(person, self._hearer) or "").split())
            names.append(_shortened(name, LONGEST_NAME) or self._sentences.text("names.left"))
        return self._sentences.listed(names)

    async def _text(self, text: TextId) -> Piece:
        words = await self._voice.words_of(text)
        if words is None:
            return Piece.of(self._sentences.text("text.gone"))
        self.texts.add(text)
        words = cleaned(words).strip()
        if self._in_a_list:
            return Piece.of(in_one_line(words, LONGEST_LISTED))
        over = len(words) - self._budget
        if over <= 0:
            return Piece.of(words)
        return _clipped(words[: self._budget], over, self._sentences)


def _where(phrase: Phrase | Said) -> str:
    return f"{phrase.key!r}" if phrase.digest is None else f"{phrase.key!r} of {phrase.digest[:12]}"


def _listed_together(lines: Sequence[Phrase]) -> Sequence[Sequence[Phrase]]:
    """The paragraphs of a message: each line is one, but those of a list stand together."""
    found: list[list[Phrase]] = []
    for line in lines:
        is_listed = line.digest is None and line.key in LISTED
        if is_listed and found and found[-1][-1].key in LISTED:
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _paragraph(piece: Piece) -> Piece:
    return Piece(piece.plain, f"<p>{piece.html}</p>")


def _foot(piece: Piece) -> Piece:
    return Piece(piece.plain, f"<p><sub>{piece.html}</sub></p>")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def in_one_line(text: str, most: int) -> str:
    """A text without line breaks, cut after a word where it has more than ``most`` characters."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    kept = line[:most].rpartition(" ")[0] or line[: most - 1]
    return f"{kept.rstrip(' ,;:–—-')}…"


def _in_brief(piece: Piece) -> Piece:
    plain = in_brief(piece.plain, LONGEST_BRIEF)
    return piece if plain == piece.plain else Piece.of(plain)


def in_brief(text: str, most: int) -> str:
    """What a message asks, in one line: its first question with what stands before it. Where that is too long, the
    first paragraph that says enough, or as many whole sentences as go in; where not even one does, it is cut after a
    word.
    """
    brief = enough = ""
    for found in _SENTENCES.finditer(text):
        space = "" if not brief else " " if brief.endswith(SENTENCE_ENDS) else " · "
        longer = f"{brief}{space}{' '.join(found[0].split())}"
        if len(longer) > most:
            break
        brief = longer
        ends_paragraph = text.startswith("\n\n", found.end()) and not brief.endswith(":")
        if brief.endswith("?"):
            return brief
        if ends_paragraph and len(brief) >= ENOUGH_SAID:
            enough = enough or brief
    brief = enough or brief
    return brief if brief and not brief.endswith(":") else in_one_line(text, most)


def _clipped(kept: str, over: int, sentences: Sentences) -> Piece:
    gaps = {"text": Piece.of(kept.rstrip()), "n": Piece.of(str(over))}
    return fill(sentences.text("text.clipped", over), gaps)


def _cut(whole: Piece, most_bytes: int, sentences: Sentences) -> Piece:
    """The last resort: as much of the plain text as fits, without any form."""
    keep = most_bytes // 20  # every character may take 12 bytes of JSON in the body, and more as HTML
    short = _clipped(whole.plain[:keep], len(whole.plain) - keep, sentences)
    return Piece(short.plain, as_html(short.plain))
