"""A draft: what the parts of one file's compilation share, and the small readings they all need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import msgspec

from engine.core.definition import (
    KEEP_DAYS,
    AnsweredBy,
    Condition,
    DetailDef,
    MomentExpr,
    OwnText,
    TellDef,
    Who,
)
from engine.core.finding import Path, did_you_mean
from engine.loading.conditions import read_condition
from engine.loading.grammar import SECTIONS, SHELVES
from engine.loading.labels import Labels, in_gap
from engine.loading.moments import Unreadable, read_days, read_kept, read_moment
from engine.loading.people import read_who
from engine.loading.problem import Ledger, Place
from engine.loading.reader import Fields, Reader
from engine.loading.tree import Node, Text

IN_WORDS = "in words"
LIKE_BOOLEANS = ("yes", "no", "on", "off", "true", "false", "y", "n")
"""What other programs would take for more than words."""


class Draft:
    """A file on its way to a definition. ``labels`` are the answers that can be spoken of where it stands."""

    def __init__(self, ledger: Ledger, labels: Labels) -> None:
        self.read = Reader(ledger, self._gap)
        self.labels = labels
        self.counted: dict[str, tuple[AnsweredBy, ...]] = {}
        self.only_answers: dict[str, tuple[AnsweredBy, ...]] = {}
        """The parts that are filled by answers, and those by nothing but answers."""
        self.details: dict[str, DetailDef] = {}
        self.own: dict[str, OwnText] = {}
        self.title = ""
        self.lists: dict[str, Listing] = {}
        """Text key of a list → what stands in it."""
        self.twins: dict[str, str] = {}
        """An ask of a step → the one that takes its place where there is another date."""
        self.meant: dict[str, str] = {}
        """What was made, a question or a part filled by answers → what a file calls it."""
        self.respoken: dict[str, tuple[str, dict[str, str]]] = {}
        """Text key → the text key whose sentence stands there, and which of its placeholders are others there."""
        self.written: dict[str, tuple[str, ...]] = {}
        """Text key → the placeholders its author wrote, where they have been changed."""
        self.reach: str | None = None
        self.starter = "starter"
        self.parts: tuple[str, ...] = ()
        self.keep_days = KEEP_DAYS
        self.stands: dict[Path, Path] = {}
        """Where in the file something stands that has another place in the definition."""
        self.steps: dict[str, int] = {}
        """A state that was made of a step → the step's number."""

    def _gap(self, gap: str) -> str:
        try:
            return in_gap(self.labels, gap)
        except Unreadable:
            return gap

    # ── small readings ───────────────────────────────────────────────────────

    def fields(self, section: str, node: Node | None, place: Place) -> Fields:
        """The keys of one place of the grammar."""
        known = SECTIONS[section]
        return self.read.fields(node, known.known, place, known.needed)

    def name(self, fields: Fields, key: str) -> str | None:
        """One name."""
        text = self.read.word(fields.node(key))
        return text.value.strip() if text else None

    def flag(self, fields: Fields, key: str, word: str) -> bool:
        """Whether a key is there that knows one word only."""
        text = self.read.text(fields.node(key))
        if text is not None and text.value.strip() != word:
            meant = text.value.strip().lower() in LIKE_BOOLEANS
            message = (
                f"`{text.value}` is a word like any other here"
                if meant
                else f"`{text.value}` is not known here"
            )
            hint = f"write `{key}: {word}`, or leave the line out" if meant else f"write `{key}: {word}`"
            self.read.note(text.place, "word", message, hint)
        return text is not None

    def moment(self, fields: Fields, key: str) -> MomentExpr | None:
        """A moment."""
        return self.read.parse(fields.node(key), self.read_moment)

    def read_moment(self, text: str) -> MomentExpr:
        """Read a moment; what cannot be read is answered with the dates that this file has.

        Raises:
            Unreadable: it is none.
        """
        return read_moment(text, self.dates(), "opening" if self.labels.latest else "entering")

    def dates(self) -> tuple[str, ...]:
        """The dates among the details, as far as they have been read."""
        return tuple(name for name, detail in self.details.items() if detail.kind == "moment")

    def days(self, fields: Fields, key: str = "keep") -> int | None:
        """A number of days."""
        return self.read.parse(fields.node(key), read_days)

    def kept(self, fields: Fields) -> tuple[int | None, bool]:
        """For how many days words are kept, and whether they count from the answer."""
        return self.read.parse(fields.node("keep"), read_kept) or (None, False)

    def condition(self, node: Node | None) -> Condition | None:
        """A condition."""
        return self.read.parse(node, partial(read_condition, counted=self.counted, labels=self.labels))

    def who(self, node: Node | None) -> Who | None:
        """Whom something is for."""
        return self.read.parse(node, partial(read_who, labels=self.labels))

    def tells(self, key: str, node: Node | None) -> tuple[TellDef, ...]:
        """What is said without asking."""
        found: list[TellDef] = []
        for index, item in enumerate(self.read.items(node)):
            tell = self.fields("tell", item, item.place)
            who = self.who(tell.node("to"))
            text = self.read.sentence(f"{key}.{index + 1}", tell.node("say"))
            if who is not None and text is not None:
                found.append(TellDef(who, text, self.condition(tell.node("if")), *self.calendar(tell)))
        return tuple(found)

    def calendar(self, tell: Fields) -> tuple[str | None, bool]:
        """The date that goes along as a file for the calendar, and whether it is called off."""
        at, off = self.name(tell, "calendar"), tell.node("called off")
        if off is not None and at is None:
            self.read.note(
                off.place, "calendar", "there is no date to call off", "name it: `calendar: starts`"
            )
        return at, self.flag(tell, "called off", "yes")

    def shelf(self, node: Node | None) -> Literal["holds", "on"] | None:
        """A public list."""

        def read(text: str) -> Literal["holds", "on"]:
            if text not in SHELVES:
                known = " and ".join(f"`{each}`" for each in SHELVES)
                raise Unreadable(
                    "shelf", f"there is no list `{text}`", did_you_mean(text, SHELVES, f"{known} are known")
                )
            return SHELVES[text]

        return self.read.parse(node, read)

    def says(self, node: Node | None, word: str) -> bool:
        """Whether exactly this stands here."""
        return isinstance(node, Text) and node.value.strip() == word

    # ── the bot's own sentences ──────────────────────────────────────────────

    def speak(
        self,
        key: str,
        sentence: str,
        gaps: tuple[tuple[str, str], ...] = (),
        words: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """Put one of the bot's own sentences under a text key; returns the key."""
        self.own[key] = OwnText(sentence, gaps, words)
        if gaps:
            self.read.gaps[key] = tuple(dict.fromkeys(placeholder for _, placeholder in gaps))
        return key

    def list_up(self, key: str, answers: tuple[str, ...], date: str | None = None) -> None:
        """Put a list of answers, and who gave each, under a text key; ``date``: the one that it is about."""
        self.lists[key] = listing = Listing(answers, date)
        texts = self.read.texts
        self.read.texts[key] = as_list(self.title, {each: texts.get(each, "") for each in answers}, listing)
        self.read.gaps[key] = (*((date,) if date is not None else ()), *answers)


class Listing(msgspec.Struct, frozen=True):
    """A list of answers and who gave each: text keys of the answers, and the date that it is about."""

    answers: tuple[str, ...]
    date: str | None = None


def as_list(title: str, labels: Mapping[str, str], listing: Listing) -> str:
    """A title, and below it each label with those who gave this answer."""
    head = f"*{title}*" if listing.date is None else f"*{title}* · <{listing.date}>"
    return "\n".join((head, *(f"{labels[answer]}: <{answer}>" for answer in listing.answers)))
