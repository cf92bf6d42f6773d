"""What is somebody's own, and shown to nobody else: what is open with them, what they hold, and what they carried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.views.public import MOST_LINES, Commons, Paragraph
from bridge.views.sight import Matter, Own, Sources, entry, own_of, said, texts_in
from bridge.wording.keys import TITLE
from bridge.wording.render import NO_NEWS, Hearer
from engine.core.carried import Line
from engine.core.carried_order import Afterwards
from engine.core.definition import Carried
from engine.core.desk import Prompt
from engine.core.message import AnySlot, Count, Names, Phrase, Said, When
from engine.core.turn import DETAIL
from engine.core.values import Ms, PersonId
from engine.core.view import called
from engine.runtime.localize import name_phrase

HOLDING: dict[Carried, str] = {"role": "my.roles", "commitment": "my.commitments"}
PEOPLE: dict[Carried, str] = {
    "learns_from": "people.learns_from",
    "feedback_from": "people.feedback_from",
    "answers_to": "people.answers_to",
    "beside": "people.beside",
}
MOST_IN_A_LETTER = 5
"""Lines of one kind in a weekly letter: it is to be read at one glance."""


class Drawer:
    """The views of what is one person's own."""

    def __init__(self, sources: Sources, commons: Commons) -> None:
        self._sources = sources
        self._commons = commons

    async def my(self, person: PersonId, now_ms: Ms) -> list[Paragraph]:
        """Open questions, what they hold, their people, and what else is under way with them."""
        own = await own_of(self._sources, person)
        lines = [*_open(own, now_ms), *private_waiting(own, now_ms)]
        if own.desk.called_by:
            lines.append(Phrase("my.called", slots={"n": Count(len(own.desk.called_by))}))
        found = [[Phrase("my.open"), *lines[:MOST_LINES]]] if lines else []
        held = [line for _, line in own.held()]
        found += _by_kind(held, HOLDING)
        found += _by_kind(held, PEOPLE)
        if running := _running(own, now_ms):
            found.append([Phrase("my.running"), *running])
        return found or [[Phrase("my.none")]]

    async def people(self, person: PersonId) -> list[Paragraph]:
        """Whom they learn from, who gives them tough feedback, to whom they answer, whom they stand beside."""
        own = await own_of(self._sources, person)
        return _by_kind((line for _, line in own.held()), PEOPLE) or [[Phrase("people.none")]]

    async def letter(self, hearer: Hearer, person: PersonId, now_ms: Ms) -> list[Paragraph]:
        """What's on and what is open with them, short, and nothing that is empty."""
        own = await own_of(self._sources, person)
        on, free = await self._commons.news(hearer)
        mine = [*private_waiting(own, now_ms), *_open(own, now_ms)]
        few = [
            _few("on.head", on, "weekly.more_on"),
            _few("on.open", free, "weekly.more_on"),
            _few("my.open", mine, "weekly.more_open"),
        ]
        found = [part for part in few if part]
        return [[Phrase("weekly.head")], *found] if found else [[NO_NEWS]]

    # ── what I carried ───────────────────────────────────────────────────────

    async def carried(self, person: PersonId) -> list[Paragraph]:
        """What they carried, numbered, with who sees each line; of a long list the latest."""
        own = await own_of(self._sources, person)
        lines = await carried_lines(self._sources, own)
        if not lines:
            return [[Phrase("past.none")]]
        earlier = len(lines) - MOST_LINES
        found = [[Phrase("past.head"), *lines[-MOST_LINES:]]]
        if earlier > 0:
            found[0].insert(1, Phrase("past.earlier", slots={"n": Count(earlier)}))
        return [*found, [Phrase("past.how", slots={"n": Count(max(1, earlier + 1))})]]

    async def carried_by(self, person: PersonId, hearer: Hearer) -> list[Paragraph]:
        """What somebody shows of what they carried in a circle of the reader's."""
        circles = set(await self._commons.circles_for(hearer))
        own = await own_of(self._sources, person)
        here = {m.snapshot.id for m in own.matters if m.snapshot.circle in circles}
        lines = [
            entry(await named(self._sources, own, line))
            for line in own.afterwards()
            if line.instance in own.desk.shown and line.instance in here
        ]
        who: dict[str, AnySlot] = {"who": Names((person,))}
        if not lines:
            return [[Phrase("shown.none", slots=who)]]
        return [[Phrase("shown.head", slots=who), *lines[-MOST_LINES:]]]


async def carried_lines(sources: Sources, own: Own) -> list[Phrase]:
    """The lines of ``what I carried``, each with its number and who sees it."""
    lines: list[Phrase] = []
    for n, line in enumerate(own.afterwards(), 1):
        key = "past.line_shown" if line.instance in own.desk.shown else "past.line"
        about = said(await named(sources, own, line))
        lines.append(Phrase(key, slots={"n": Count(n), "about": about}))
    return lines


async def named(sources: Sources, own: Own, line: Afterwards) -> Phrase:
    """A line of what somebody carried; once none of its words are kept any more, what kind of thing it was."""
    texts = texts_in(line.phrase.slots)
    if not texts or any([await sources.cellar.text(text) is not None for text in texts]):
        return line.phrase
    digest = next(m.definition.digest for m in own.matters if m.snapshot.id == line.instance)
    return Phrase("past.nameless", slots={"title": Said(TITLE, digest)})


# ── what is open, and under way ──────────────────────────────────────────────


def _open(own: Own, now_ms: Ms) -> list[Phrase]:
    digests = {m.snapshot.id: m.definition.digest for m in own.matters}
    return [
        _question(prompt, digests.get(prompt.instance) if prompt.instance is not None else None)
        for prompt in own.waiting(now_ms)
        if prompt.message.lines
    ]


def _question(prompt: Prompt, digest: str | None) -> Phrase:
    """A question in brief; what somebody is asked for a beginning of theirs, with what that is."""
    first = prompt.message.lines[0]
    briefly = said(first)
    if first.digest is None and first.key == "question_from":
        briefly = Said("my.question", slots=first.slots)  # without how to answer it
    slots: dict[str, AnySlot] = {"briefly": briefly, "until": When(prompt.closes_ms)}
    if digest is None or not prompt.ask.startswith(DETAIL):
        return Phrase("my.line", slots=slots)
    return Phrase("my.detail", slots=slots | {"title": Said(TITLE, digest)})


def private_waiting(own: Own, now_ms: Ms) -> list[Phrase]:
    """That something private waits, opened or not, and nothing of what it is."""
    lines: list[Phrase] = []
    if private := len(own.waiting_privately(now_ms)):
        lines.append(Phrase("my.private", slots={"n": Count(private)}))
    if plain := len(own.waiting_plainly(now_ms)):
        lines.append(Phrase("my.private_plain", slots={"n": Count(plain)}))
    return lines


def _running(own: Own, now_ms: Ms) -> list[Phrase]:
    """What they have in hand besides all that stands above it."""
    above = {instance for instance, _ in own.held()}
    in_hand = {*own.desk.powers, *(p.instance for p in own.desk.prompts if not p.sources)}
    matters = [m for m in own.running() if m.snapshot.id in in_hand and m.snapshot.id not in above]
    return part_in(own, [m for m in matters if m.is_private or m.snapshot.id in own.desk.powers], now_ms)


def part_in(own: Own, matters: Iterable[Matter], now_ms: Ms) -> list[Phrase]:
    """What runs with somebody in it, each under one line; private matters are only counted.

    One that somebody has command words for is called as it is among them, after what kind of thing it is; others by
    that alone: what it is called may hold words that are not for everybody who was asked.
    """
    counted = {p.instance for p in (*own.waiting_privately(now_ms), *own.waiting_plainly(now_ms))}
    lines: list[Phrase] = []
    private = 0
    for matter in matters:
        has_words = matter.snapshot.id in own.desk.powers
        line = _named(matter) if has_words else entry(Phrase(TITLE, matter.definition.digest))
        if matter.is_private:
            private += matter.snapshot.id not in counted
        elif line not in lines:
            lines.append(line)
    over = len(lines) - MOST_LINES
    if over > 0:
        lines = [*lines[:MOST_LINES], Phrase("views.more", slots={"n": Count(over)})]
    if private:
        lines.append(Phrase("my.private_running", slots={"n": Count(private)}))
    return lines


def _named(matter: Matter) -> Phrase:
    """What kind of thing an instance is, and what it is called at present, if that holds anything of its own."""
    about = name_phrase(called(matter.definition, matter.snapshot), matter.cast)
    title = Phrase(TITLE, matter.definition.digest)
    has_name = about.digest is not None and Said("nothing") not in about.slots.values()
    if has_name and about.slots:
        return Phrase("views.named", slots={"title": said(title), "about": said(about)})
    return entry(about if has_name else title)


def _by_kind(lines: Iterable[Line], heads: dict[Carried, str]) -> list[Paragraph]:
    held = tuple(lines)
    found: list[Paragraph] = []
    for kind, head in heads.items():
        mine = [entry(line.phrase) for line in held if line.kind == kind]
        if mine:
            found.append([Phrase(head), *mine[:MOST_LINES]])
    return found


def _few(head: str, lines: Sequence[Phrase], more: str) -> Paragraph:
    over = len(lines) - MOST_IN_A_LETTER
    rest = [Phrase(more, slots={"n": Count(over)})] if over > 0 else []
    return [Phrase(head), *lines[:MOST_IN_A_LETTER], *rest] if lines else []
