"""``export``: everything that is kept about the reader, as one document to read."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.views.known import Portrait
from bridge.views.own import carried_lines, part_in
from bridge.views.public import Commons
from bridge.views.record import Exchange, Reply, record_of
from bridge.views.sight import Matter, Own, Sources, entry, own_of, said
from bridge.wording.keys import TITLE
from bridge.wording.render import Chapter, Hearer
from engine.core.message import Count, Names, Phrase, Said, Text, When
from engine.core.values import InstanceId, Ms, PersonId, TextId
from engine.runtime.ports import TextKept

EXPORT = "export"
WITH_REFLECTIONS = "export with reflections"
"""The two documents: without, and with, what the reader answered for their own eyes only."""

Lines = tuple[Phrase, ...]


class Exporter:
    """Writes out everything about one person."""

    def __init__(self, sources: Sources, commons: Commons, portrait: Portrait) -> None:
        self._sources = sources
        self._commons = commons
        self._portrait = portrait

    async def chapters(
        self, hearer: Hearer, person: PersonId, now_ms: Ms, *, reflections: bool
    ) -> list[Chapter]:
        """All chapters; without ``reflections`` the first says how many answers are left out."""
        own = await own_of(self._sources, person)
        record = await record_of(self._sources, person)
        kept = {text.id: text for text in await self._sources.cellar.texts_of(person)}
        hidden = [] if reflections else [each for each in record if each.only_mine and each.replies]
        shown = [each for each in record if each not in hidden]
        settings = await self._portrait.settings(own.desk, hearer, person, now_ms)
        return [
            Chapter(Phrase("document.title"), (_made(now_ms, len(hidden)),)),
            Chapter(Phrase("document.settings"), (tuple(settings),)),
            *await self._held(own, hearer, person, now_ms),
            *await self._in_use(hearer),
            *_calls(own),
            Chapter(Phrase("document.asked"), self._asked(shown, kept, now_ms)),
            *await self._texts(own, record, kept),
            _elsewhere(),
        ]

    async def _held(self, own: Own, hearer: Hearer, person: PersonId, now_ms: Ms) -> list[Chapter]:
        parts = {
            "document.seen": await self._portrait.seen(own, hearer, person),
            "document.held": [entry(line.phrase) for _, line in own.held()],
            "document.running": part_in(own, own.running(), now_ms),
            "document.carried": await carried_lines(self._sources, own),
        }
        return [Chapter(Phrase(head), (tuple(lines),)) for head, lines in parts.items() if lines]

    async def _in_use(self, hearer: Hearer) -> list[Chapter]:
        found: list[Chapter] = []
        catalogue = self._sources.catalogue
        for circle in await self._commons.circles_for(hearer):
            in_use = self._sources.in_use.in_use(circle)
            served = [catalogue.in_service(name, circle) for name in in_use]
            lines = tuple(entry(Phrase(TITLE, each.digest)) for each in served if each is not None)
            head = Phrase("document.in_use", slots={"circle": await self._commons.called(circle)})
            found += [Chapter(head, (lines,))] if lines else []
        return found

    def _asked(
        self, record: Iterable[Exchange], kept: dict[TextId, TextKept], now_ms: Ms
    ) -> tuple[Lines, ...]:
        found = tuple(_exchange(each, kept, now_ms) for each in record)
        return found or ((Phrase("document.asked_nothing"),),)

    async def _texts(self, own: Own, record: list[Exchange], kept: dict[TextId, TextKept]) -> list[Chapter]:
        """The words of theirs that belong to no answer, whether it stands above or is left out."""
        above = frozenset[TextId]().union(*(each.texts for each in record))
        matters = {m.snapshot.id: m for m in own.matters}
        rest = tuple((_text(text, matters),) for text in kept.values() if text.id not in above)
        return [Chapter(Phrase("document.texts"), rest)] if rest else []


def _made(now_ms: Ms, hidden: int) -> Lines:
    made = Phrase("document.made", slots={"when": When(now_ms)})
    return (made, Phrase("document.left_out", slots={"n": Count(hidden)})) if hidden else (made,)


def _calls(own: Own) -> list[Chapter]:
    lines = tuple(
        Phrase(
            "document.call_taken" if call.answered else "document.call",
            slots={"who": Names((call.contact,)), "when": When(call.at_ms)},
        )
        for call in own.desk.calls
    )
    return [Chapter(Phrase("document.private"), (lines,))] if lines else []


def _exchange(each: Exchange, kept: dict[TextId, TextKept], now_ms: Ms) -> Lines:
    """A question with its choices, and what was answered, each with its day."""
    title = Said(TITLE, each.digest)
    if each.asked is None:
        head = [Phrase("document.in_room", slots={"title": title})]
    else:
        head = [Phrase("document.question", slots={"when": When(each.at_ms), "title": title})]
        head += each.asked.message.lines
        head += [
            Phrase("document.option", slots={"about": said(option.label)})
            for option in each.asked.message.options
        ]
    answers = [line for reply in each.replies for line in _reply(reply, kept, each.keep_days)]
    if not answers and each.asked is not None:
        is_open = each.asked.closes_ms > now_ms
        ends = When(each.asked.closes_ms)
        answers = [
            Phrase("document.still_open", slots={"ends": ends}) if is_open else Phrase("document.silent")
        ]
    return (*head, *answers)


def _reply(reply: Reply, kept: dict[TextId, TextKept], keep_days: int | None) -> list[Phrase]:
    when = When(reply.at_ms)
    lines: list[Phrase] = []
    if reply.said is not None:
        lines.append(Phrase("document.answered", slots={"when": when, "answer": reply.said}))
    if reply.text is not None and reply.text not in kept:
        lines.append(Phrase("document.wrote_gone", slots={"when": when}))
    elif reply.text is not None:
        lines.append(_wrote(when, Text(reply.text), kept[reply.text].until_ms, keep_days))
    return lines or [Phrase("document.took_back", slots={"when": when})]


def _wrote(when: When, text: Text, until_ms: Ms, keep_days: int | None) -> Phrase:
    if keep_days is None:
        return Phrase("document.wrote", slots={"when": when, "text": text, "ends": When(until_ms)})
    return Phrase("document.wrote_running", slots={"when": when, "text": text, "n": Count(keep_days)})


def _text(text: TextKept, matters: dict[InstanceId, Matter]) -> Phrase:
    ends, words = When(text.until_ms), Text(text.id)
    matter = matters.get(text.instance) if text.instance is not None else None
    if matter is None:
        return Phrase("document.text_alone", slots={"ends": ends, "text": words})
    title = Said(TITLE, matter.definition.digest)
    if matter.snapshot.finished_ms is None:
        return Phrase("document.text_running", slots={"title": title, "text": words})
    return Phrase("document.text", slots={"title": title, "ends": ends, "text": words})


def _elsewhere() -> Chapter:
    lines = ("document.others", "document.unsigned", "document.record")
    return Chapter(Phrase("document.elsewhere"), (tuple(Phrase(key) for key in lines),))
