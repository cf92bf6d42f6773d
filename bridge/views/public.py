"""What everyone in a circle may see: who holds what, what's on, what can be begun, and what could be taken up."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.views.sight import Public, Sources, entry, public_lines
from bridge.wording.keys import HELP, TITLE
from bridge.wording.render import LONGEST_NAME, Hearer, in_one_line
from bridge.wording.vocabulary import spoken_as
from engine.core.definition import ABOUT_TEXT, TITLE_TEXT, Definition
from engine.core.message import AnySlot, Count, Names, Phrase, Plain, Said
from engine.core.values import CircleId
from engine.runtime.practices import AGREEING

Paragraph = list[Phrase]

MOST_BEGINNINGS = 8
MOST_LINES = 40
"""Lines of one list; of a longer one, how many more there are."""
LONGEST_ABOUT = 60
"""Characters: one line, or hardly more, on a phone."""
LONGEST_OFFER = 160
"""Characters of what somebody decides by, whether to ask everyone for it."""
SHIPPED = {("invitation", "invite"): "help.invite", ("role", "role"): "help.role"}
"""(workflow, the words that begin it) → the line of a workflow that comes with Hearth."""
_AFTER_SENTENCE = re.compile(r"(?<=[.!?…])\s")
_CLAUSE_END = re.compile(r"[,;:–—]\s")


class Commons:
    """The views of what a circle shares."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def circles_for(self, hearer: Hearer) -> Sequence[CircleId]:
        """The circles of which this reader may see what is public there."""
        if hearer.circle is not None:
            return [hearer.circle]
        if hearer.person is None:
            return ()
        return await self._sources.around.circles_of(hearer.person)

    async def called(self, circle: CircleId) -> AnySlot:
        """What a circle is called; a room's bare id is no name."""
        kept = await self._sources.cellar.circles()
        name = in_one_line(self._sources.circle_name(circle) or kept.get(circle, ""), LONGEST_NAME)
        return Said("views.your_circle") if not name or name.startswith("!") else Plain(name)

    async def heading(self, circle: CircleId, circles: Sequence[CircleId]) -> Paragraph:
        """A circle's name above what is said of it, where there is more than one."""
        if len(circles) < 2:
            return []
        return [Phrase("views.circle", slots={"circle": await self.called(circle)})]

    # ── who holds what, what's on ────────────────────────────────────────────

    async def holds(self, hearer: Hearer) -> list[Paragraph]:
        """The roles of each circle with their terms, those that are open, and who looks after it."""
        found: list[Paragraph] = []
        circles = await self.circles_for(hearer)
        for circle in circles:
            lines = await public_lines(self._sources, circle)
            held, free = _on_shelf(lines, "holds"), _open(lines)
            first = await self.heading(circle, circles)
            first += [Phrase("holds.head"), *held] if held else [Phrase("holds.none")]
            found += [first, *_under("holds.open", free)]
            if keepers := self._keepers(circle):
                found.append(keepers)
        return found or [[Phrase("holds.none")]]

    def _keepers(self, circle: CircleId) -> Paragraph:
        around = self._sources.around
        groups = {"holds.stewards": around.stewards(circle), "holds.contacts": around.contacts(circle)}
        return [Phrase(key, slots={"who": Names(tuple(who))}) for key, who in groups.items() if who]

    async def on(self, hearer: Hearer) -> list[Paragraph]:
        """Invitations, needs and proposals of each circle, and its open roles."""
        found: list[Paragraph] = []
        circles = await self.circles_for(hearer)
        for circle in circles:
            lines = await public_lines(self._sources, circle)
            here = [*_under("on.head", _on_shelf(lines, "on")), *_under("on.open", _open(lines))]
            if here:
                here[0] = [*await self.heading(circle, circles), *here[0]]
                found += here
        return found or [[Phrase("on.none")]]

    async def news(self, hearer: Hearer) -> tuple[list[Phrase], list[Phrase]]:
        """For the letter, over all circles: what is on, and which roles are open."""
        on: list[Phrase] = []
        free: list[Phrase] = []
        for circle in await self.circles_for(hearer):
            lines = await public_lines(self._sources, circle)
            on += _on_shelf(lines, "on")
            free += _open(lines)
        return on, free

    # ── what can be begun, and taken up ──────────────────────────────────────

    async def help(self, hearer: Hearer) -> list[Paragraph]:
        """A human being comes first, then what can be begun here, then the bot's own words."""
        person, *own = (Phrase(key) for key in HELP)
        return [[person, *await self._beginnings(hearer), *own]]

    async def _beginnings(self, hearer: Hearer) -> Paragraph:
        circles = await self.circles_for(hearer)
        catalogue, in_use = self._sources.catalogue, self._sources.in_use
        begun: dict[tuple[str, str], Definition] = {}
        for circle in circles:
            used = set(in_use.in_use(circle)) - {AGREEING}
            for word, name in catalogue.begins(circle).items():
                definition = catalogue.in_service(name, circle) if name in used else None
                if definition is not None and definition.begins_for is None:
                    begun.setdefault((word, name), definition)
        found = [(word, definition) for (word, _), definition in begun.items()]
        found.sort(key=lambda each: (each[1].name, each[0]) not in SHIPPED)
        lines = [_beginning(word, d, hearer.language) for word, d in found[:MOST_BEGINNINGS]]
        more = len(found) - len(lines)
        return [*lines, Phrase("help.more", slots={"n": Count(more)})] if more else lines

    async def trying(self, hearer: Hearer) -> list[Paragraph]:
        """What each circle could take up, what it has in use, and what is off, with why."""
        found: list[Paragraph] = []
        circles = await self.circles_for(hearer)
        for circle in circles:
            found += await self._trying(circle, circles, hearer.language)
        return found or [[Phrase("trying.no_circle")]]

    async def _trying(self, circle: CircleId, circles: Sequence[CircleId], language: str) -> list[Paragraph]:
        in_use, catalogue = self._sources.in_use, self._sources.catalogue
        served = [
            definition
            for name in dict.fromkeys(catalogue.begins(circle).values())
            if (definition := catalogue.in_service(name, circle))
        ]
        used = {*in_use.in_use(circle), AGREEING}
        offered = set(in_use.offered(circle)) - used
        first = await self.heading(circle, circles)
        if offered:
            lines = [_tried(d, language) for d in served if d.name in offered]
            first += [Phrase("trying.head"), *_limited(lines)]
            how = [[Phrase("trying.how")]]
        else:
            first.append(Phrase("trying.none"))
            how = []
        running = [_used(d, language) for d in served if d.name in used and d.name != AGREEING]
        sheltered = [
            _titled("trying.needs", d)
            for d in served
            if d.needs_contacts and d.name not in used and d.name not in offered
        ]
        return [first, *how, *_under("trying.in_use", running), *_under("trying.off", sheltered)]


def _on_shelf(lines: Sequence[Public], shelf: str) -> Paragraph:
    return [entry(line.phrase) for line in lines if line.shelf == shelf and not line.is_open]


def _open(lines: Sequence[Public]) -> Paragraph:
    return [entry(line.phrase) for line in lines if line.is_open]


def _under(head: str, lines: Paragraph) -> list[Paragraph]:
    """Lines under their heading; nothing for none."""
    return [[Phrase(head), *_limited(lines)]] if lines else []


def _limited(lines: Paragraph) -> Paragraph:
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], Phrase("views.more", slots={"n": Count(more)})]


def _used(definition: Definition, language: str) -> Phrase:
    """Something that is in use, with the words that begin it, or that it begins by itself."""
    if definition.begins_for is not None:
        return _titled("trying.by_itself", definition)
    word = Plain(spoken_as(definition.begins_with, language))
    return Phrase("trying.used", slots={"title": Said(TITLE, definition.digest), "word": word})


def _titled(key: str, definition: Definition) -> Phrase:
    return Phrase(key, slots={"title": Said(TITLE, definition.digest)})


def _tried(definition: Definition, language: str) -> Phrase:
    about = Plain(_about(definition, language, LONGEST_OFFER))
    return Phrase("trying.line", slots={"title": Said(TITLE, definition.digest), "about": about})


def _beginning(word: str, definition: Definition, language: str) -> Phrase:
    shipped = SHIPPED.get((definition.name, word))
    if shipped is not None:
        return Phrase(shipped)
    about = Plain(_about(definition, language, LONGEST_ABOUT))
    return Phrase("help.begin", slots={"word": Plain(spoken_as(word, language)), "about": about})


def _about(definition: Definition, language: str, most: int) -> str:
    """What a workflow is about: its first sentence; of a long one, the first half at least."""
    translated = definition.translations.get(language, {})
    about = translated.get(ABOUT_TEXT) or definition.about or translated.get(TITLE_TEXT) or definition.title
    first = _AFTER_SENTENCE.split(" ".join(about.split()), maxsplit=1)[0]
    first = first.removesuffix(".")
    if len(first) <= most:
        return first
    ends = [found.start() for found in _CLAUSE_END.finditer(first, most // 2, most)]
    return f"{first[: ends[-1]]}…" if ends else in_one_line(first, most)
