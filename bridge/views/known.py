"""``what do you know about me``: what is kept about the reader, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from babel.dates import format_time, get_day_names

from bridge.views.own import part_in
from bridge.views.public import Commons, Paragraph
from bridge.views.sight import Own, Sources, entry, names_somebody, own_of, public_lines
from bridge.wording.keys import TITLE
from bridge.wording.places import place_of
from bridge.wording.render import Hearer
from bridge.wording.sentences import locale_of
from engine.core.desk import Desk, Rhythm
from engine.core.desk_usual import rhythm_of
from engine.core.message import AnySlot, Count, Names, Phrase, Plain, Said, When
from engine.core.values import CircleId, Ms, PersonId

LETTER = "letter"
"""What stands among the muted workflows for the weekly letter."""


class Portrait:
    """What the house keeps about one person, said to them."""

    def __init__(self, sources: Sources, commons: Commons) -> None:
        self._sources = sources
        self._commons = commons

    async def know(self, hearer: Hearer, person: PersonId, now_ms: Ms) -> list[Paragraph]:
        """Who they are here, how they are written to, what runs with them, what is kept, and what others see."""
        own = await own_of(self._sources, person)
        settings = await self.settings(own.desk, hearer, person, now_ms)
        found = [[Phrase("know.head"), *settings]]
        texts = await self._texts(own, person)
        found.append(self._under_way(own, now_ms))
        found.append([*texts, Phrase("know.record")])
        seen = await self.seen(own, hearer, person)
        found.append([Phrase("know.seen"), *seen] if seen else [Phrase("know.seen_nothing")])
        found.append([Phrase("know.not_kept"), Phrase("know.rights")])
        return [part for part in found if part]

    async def settings(self, desk: Desk, hearer: Hearer, person: PersonId, now_ms: Ms) -> Paragraph:
        """Their name, their circles, and everything that they have set."""
        name: dict[str, AnySlot] = {"who": Names((person,)), "id": Plain(hearer.matrix_id or "")}
        lines = [Phrase("know.name", slots=name)]
        circles = await self._commons.circles_for(hearer)
        for circle in circles:
            called = await self._commons.called(circle)
            lines.append(Phrase("know.circle", slots={"circle": called}))
        if not circles:
            lines.append(Phrase("know.no_circle"))
        lines.append(Phrase(f"know.consent.{desk.consent}"))
        lines += _rhythm(desk, rhythm_of(desk, await self._sources.usual(person)), hearer, now_ms)
        lines += _letter(desk, hearer)
        lines += [self._muted(name, circles) for name in desk.muted if name != LETTER]
        if desk.not_from:
            lines.append(Phrase("know.not_from", slots={"who": Names(desk.not_from)}))
        if desk.calls:
            lines.append(Phrase("know.calls", slots={"n": Count(len(desk.calls))}))
        return lines

    def _muted(self, workflow: str, circles: Iterable[CircleId]) -> Phrase:
        found = (self._sources.catalogue.in_service(workflow, circle) for circle in circles)
        definition = next((each for each in found if each is not None), None)
        title = Said(TITLE, definition.digest) if definition is not None else Plain(workflow)
        return Phrase("know.muted", slots={"title": title})

    def _under_way(self, own: Own, now_ms: Ms) -> list[Phrase]:
        lines: list[Phrase] = []
        asked = len(own.waiting(now_ms))
        if asked:
            lines.append(Phrase("know.open", slots={"n": Count(asked)}))
        if private := len(own.waiting_privately(now_ms)):
            lines.append(Phrase("know.private", slots={"n": Count(private)}))
        if plain := len(own.waiting_plainly(now_ms)):
            lines.append(Phrase("know.private_plain", slots={"n": Count(plain)}))
        if running := part_in(own, own.running(), now_ms):
            lines += [Phrase("know.running"), *running]
        return lines

    async def _texts(self, own: Own, person: PersonId) -> Paragraph:
        """How many of their texts are kept, and until when: an end date is known once that has ended."""
        texts = await self._sources.cellar.texts_of(person)
        if not texts:
            return [Phrase("know.no_texts")]
        running = {m.snapshot.id for m in own.running()}
        ends = [text.until_ms for text in texts if text.instance not in running]
        lines: Paragraph = []
        if ends:
            first, last = When(ends[0]), When(ends[-1])
            lines.append(Phrase("know.texts", slots={"n": Count(len(ends)), "first": first, "last": last}))
        if under_way := len(texts) - len(ends):
            lines.append(Phrase("know.texts_running", slots={"n": Count(under_way)}))
        return lines

    async def seen(self, own: Own, hearer: Hearer, person: PersonId) -> Paragraph:
        """What everyone in their circles can see of them here."""
        lines: Paragraph = []
        for circle in await self._commons.circles_for(hearer):
            public = await public_lines(self._sources, circle)
            lines += [entry(line.phrase) for line in public if names_somebody(line.phrase, person)]
            around = self._sources.around
            lines += [Phrase("know.steward")] if person in around.stewards(circle) else []
            lines += [Phrase("know.contact")] if person in around.contacts(circle) else []
        shown = sum(1 for line in own.afterwards() if line.instance in own.desk.shown)
        if shown:
            lines.append(Phrase("know.shown", slots={"n": Count(shown)}))
        return lines


def _rhythm(desk: Desk, rhythm: Rhythm, hearer: Hearer, now_ms: Ms) -> Paragraph:
    """When they are written to, and in which language."""
    locale = locale_of(hearer.language)
    place = place_of(rhythm.time_zone, locale)
    lines = [Phrase("know.no_quiet", slots={"zone": Plain(place)})]
    if rhythm.quiet_from_hour != rhythm.quiet_to_hour:
        begins, ends = (
            Plain(format_time(time(hour % 24), "short", locale=locale))
            for hour in (rhythm.quiet_from_hour, rhythm.quiet_to_hour)
        )
        lines = [Phrase("know.quiet", slots={"begins": begins, "ends": ends, "zone": Plain(place)})]
    if rhythm.paused_until_ms > now_ms:
        lines.append(Phrase("know.pause", slots={"until": When(rhythm.paused_until_ms)}))
    language = locale_of(desk.language or hearer.language).get_language_name(locale) or hearer.language
    return [*lines, Phrase("know.language", slots={"language": Plain(language)})]


def _letter(desk: Desk, hearer: Hearer) -> Paragraph:
    """When the weekly letter comes, for those who get one."""
    if desk.consent != "yes" or LETTER in desk.muted:
        return [Phrase("know.no_letter")]
    day = get_day_names("wide", locale=locale_of(hearer.language))[desk.letter_weekday]
    lines = [Phrase("know.letter", slots={"day": Plain(day)})]
    if desk.silent_letters:
        lines.append(Phrase("know.silent_letters", slots={"n": Count(desk.silent_letters)}))
    return lines
