"""From a text key to a phrase: which values go into its gaps. No words are found here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, assert_never

from engine.core.definition import (
    ABOUT_TEXT,
    KEEP_DAYS,
    NO,
    TITLE_TEXT,
    AskDef,
    Choice,
    Definition,
    DetailDef,
    NamedBy,
    OwnText,
    Part,
)
from engine.core.message import AnySlot, Count, Message, Names, Option, Phrase, Plain, Said, Text, When
from engine.core.values import AnyValue, Moment, Ms, Nothing, Number, Persons, Picked, Ref, Words

NO_EMOJI = "✖️"


class Known(Protocol):
    """What a gap can be filled from."""

    @property
    def definition(self) -> Definition: ...
    @property
    def seen(self) -> Known:
        """The same without the answers that are still hidden."""

    def people(self, part: str) -> tuple[Ref, ...]: ...
    def named(self, part: str) -> tuple[Ref, ...]: ...
    def detail(self, name: str) -> AnyValue | None: ...
    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]: ...
    def who_turned(self, ask: str) -> tuple[Ref, ...]: ...
    def not_joining(self, ask: str) -> int: ...
    def waiting(self, ask: str) -> tuple[Ref, ...]: ...


def is_written(definition: Definition, key: str) -> bool:
    """Whether there is a sentence for a text key: the file's own, or one of the bot's in its place."""
    return key in definition.texts or key in definition.own


def phrase(known: Known, key: str) -> Phrase:
    """The phrase for one of the definition's texts, its gaps filled as things stand. Where the file has no
    sentence of its own, it is the bot's that stands there.
    """
    definition, known = known.definition, known.seen
    if key in definition.texts or key not in definition.own:
        slots = {gap: _slot(known, gap) for gap in definition.gaps.get(key, ())}
        return Phrase(key=key, digest=definition.digest, slots=slots)
    own = definition.own[key]
    filled: dict[str, AnySlot] = {gap: _slot(known, placeholder) for gap, placeholder in own.gaps}
    return Phrase(own.key, slots=filled | _own_words(definition, own))


def sentence(definition: Definition, key: str) -> tuple[object, ...]:
    """All that a text key says, in every language: two keys that say the same read the same."""
    translated = tuple(texts.get(key) for texts in definition.translations.values())
    texts, own = definition.texts.get(key), definition.own.get(key)
    return texts, own if texts is None else None, definition.gaps.get(key, ()), translated


def label(definition: Definition, owner: str, choice: str | None) -> Said:
    """What a choice of an ask or of a detail is called."""
    key = f"{owner}.{choice}"
    if key in definition.texts or key not in definition.own:
        return Said(key, definition.digest)
    own = definition.own[key]
    return Said(own.key, slots=_own_words(definition, own))


def _own_words(definition: Definition, own: OwnText) -> dict[str, AnySlot]:
    """The words that the file itself gives to one of the bot's sentences; its title in the reader's language."""
    return {
        gap: Said(TITLE_TEXT, definition.digest) if word == TITLE_TEXT else Plain(word)
        for gap, word in own.words
    }


def _slot(known: Known, gap: str) -> AnySlot:
    head, _, rest = gap.partition(" ")
    if gap.startswith("number of "):
        ask, _, choice = gap.removeprefix("number of ").partition(".")
        return Count(len(known.who_said(ask, choice)))
    if gap.startswith("not joining "):
        return Count(known.not_joining(gap.removeprefix("not joining ")))
    if gap.startswith("number waiting for "):
        return Count(len(known.waiting(gap.removeprefix("number waiting for "))))
    if head == "gone" and rest:
        return Names(known.who_turned(rest))
    if head == "about" and rest:
        return _about(known.detail(rest))
    if "." in gap:
        ask, _, choice = gap.partition(".")
        return Names(known.who_said(ask, choice))
    if gap in known.definition.details:
        return value_slot(known.definition, gap, known.detail(gap))
    return Names(known.named(gap))


def value_slot(definition: Definition, detail: str, value: AnyValue | None) -> AnySlot:
    """How the value of a detail is said."""
    match value:
        case None | Nothing():
            return Said("nothing")
        case Words(text=text):
            return Text(text)
        case Moment(at_ms=at_ms):
            return When(at_ms)
        case Persons(who=who):
            return Names(who)
        case Number(n=n):
            return Count(n)
        case Picked(choice=digest) if definition.details[detail].kind == "workflow":
            return Said(TITLE_TEXT, digest)
        case Picked(choice=choice):
            return label(definition, detail, choice)
        case _:
            assert_never(value)


def _about(value: AnyValue | None) -> Said:
    """What the workflow that a detail holds is about, in its own words."""
    return Said(ABOUT_TEXT, value.choice) if isinstance(value, Picked) else Said("nothing")


def options(
    definition: Definition, owner: str, choices: Sequence[Choice], *, with_no: bool
) -> tuple[Option, ...]:
    """The choices of an ask or a detail, with the no that every private ask brings."""
    offered: list[Option] = []
    for choice in choices:
        said = label(definition, owner, choice.id)
        offered.append(Option(choice.id, choice.emoji, Phrase(said.key, said.digest, said.slots)))
    if with_no:
        offered.append(Option(NO, NO_EMOJI, Phrase("no.label")))
    return tuple(offered)


def seen_by(known: Known, ask: AskDef, reader: Ref | None) -> Said:
    """Who sees an answer, said to ``reader``."""
    if ask.seen_by == ("me",):
        return Said("seen.me")
    if "circle" in ask.seen_by:
        return Said("seen.circle")
    filled = _filled_by(known.definition, ask)
    # Who is in a part because of this very ask is told to nobody before the answers are shown.
    parts = {
        part: (known.seen if part in filled else known).people(part) for part in ask.seen_by if part != "me"
    }
    joining = not filled.isdisjoint(parts)
    if reader is not None and not joining and all(set(people) == {reader} for people in parts.values()):
        return Said("seen.me")
    who = tuple(dict.fromkeys(ref for people in parts.values() for ref in people if ref != reader))
    if joining:
        return Said("seen.joining") if not who else Said("seen.people_joining", slots={"who": Names(who)})
    return Said("seen.people", slots={"who": Names(who)})


def _filled_by(definition: Definition, ask: AskDef) -> frozenset[str]:
    """The parts that people come into by their answer to this ask."""
    return frozenset(
        part.name for part in definition.parts if any(each.ask == ask.name for each in part.answered)
    )


def heard_by(definition: Definition, ask: AskDef, seen: Said) -> Said:
    """Who sees an answer, and who is asked because of it: whoever is named to it, but not by whom."""
    if ask.naming is None:
        return seen
    found = (part.name for part in definition.parts if NamedBy(ask.name) in part.sources)
    named = {name for name in found if name not in ask.seen_by}
    asked = any(isinstance(each.to, Part) and each.to.name in named for each in definition.asks.values())
    return Said("seen.named", slots={"seen": seen}) if asked and "circle" not in ask.seen_by else seen


def shown_to(known: Known, ask: AskDef, reader: Ref | None, shows_ms: Ms | None) -> Said:
    """Who sees an answer, and until when it is hidden from them; ``shows_ms`` if that is a moment."""
    seen = seen_by(known, ask, reader)
    if ask.hidden is None or seen == Said("seen.me"):
        return seen
    if ask.hidden.until_closed:
        return Said("seen.after_closing", slots={"seen": seen})
    if shows_ms is not None:
        return Said("seen.after", slots={"seen": seen, "until": When(shows_ms)})
    return Said("seen.once_shown", slots={"seen": seen})


def private_ask(
    known: Known, ask: AskDef, reader: Ref, closes_ms: Ms, *, unsigned: int = 0, shows_ms: Ms | None = None
) -> Message:
    """A question as one person will see it 1:1.

    ``unsigned``: k, if it is put as an unsigned ask; ``shows_ms``: when hidden answers are shown, if that is
    a moment.
    """
    lines = [phrase(known, f"{ask.name}.say")]
    slots: dict[str, AnySlot] = {"until": When(closes_ms)}
    if unsigned:
        # Said before anything is written, and it stays above the answer (right 13).
        readers = tuple(dict.fromkeys(ref for part in ask.seen_by for ref in known.people(part)))
        lines.append(Phrase("unsigned", slots={"who": Names(readers), "n": Count(unsigned)}))
    else:
        slots["seen"] = shown_to(known, ask, reader, shows_ms)
    if ask.words and ask.choices:
        lines.append(Phrase("words_welcome"))
    foot = _foot(ask, slots.get("seen"), unsigned=unsigned)
    if isinstance(seen := slots.get("seen"), Said):
        slots["seen"] = heard_by(known.definition, ask, seen)
    return Message(
        lines=tuple(lines),
        options=options(known.definition, ask.name, ask.choices, with_no=True),
        footer=(Phrase(foot, slots=slots), *_keeping(ask)),
        mention=True,
        sensitive=ask.sensitive,
        poll=ask.poll,
    )


def detail_question(known: Known, detail: DetailDef, closes_ms: Ms | None) -> Message:
    """The question for a detail; ``closes_ms`` only for somebody who did not begin it, and so may say no."""
    foot = "footer.optional" if detail.optional else "footer.detail"
    slots: dict[str, AnySlot] = {}
    if closes_ms is not None:
        foot, slots = f"{foot}_asked", {"until": When(closes_ms)}
    with_no = closes_ms is not None and all(choice.id != NO for choice in detail.choices)
    return Message(
        lines=(phrase(known, detail.name),),
        options=options(known.definition, detail.name, detail.choices, with_no=with_no),
        footer=(Phrase(foot, slots=slots), *_keeping(detail)),
        mention=True,
    )


def _keeping(asked: AskDef | DetailDef) -> tuple[Phrase, ...]:
    """Before anything is written, how long it is kept (right 11)."""
    if isinstance(asked, DetailDef):
        takes_words, key = asked.kind == "words", "footer.kept"
    else:
        takes_words = asked.words
        key = "footer.kept_from_answer" if asked.kept_from_answer else "footer.kept"
    return (Phrase(key, slots={"n": Count(asked.keep_days or KEEP_DAYS)}),) if takes_words else ()


def _foot(ask: AskDef, seen: AnySlot | None, *, unsigned: int) -> str:
    """The one quiet line under a question: whichever has to be said here."""
    mine = seen == Said("seen.me")
    if unsigned:
        return "footer.unsigned"
    if ask.sensitive:
        foot = "footer.sensitive_poll" if ask.poll else "footer.sensitive"
        return f"{foot}_mine" if mine else foot
    if ask.unsigned and not mine:
        return "footer.named"
    return "footer.mine" if mine else "footer.ask"


def room_ask(
    known: Known,
    ask: AskDef,
    closes_ms: Ms,
    *,
    closed: bool = False,
    changeable_ms: Ms | None = None,
    outcome: Phrase | None = None,
) -> Message:
    """An open question as the room sees it, with those who have taken it up so far.

    ``closed``: nobody can take it up any more; ``changeable_ms``: but until then, whoever has may still change
    their mind; ``outcome``: how all of it has ended.
    """
    known = known.seen
    lines = [phrase(known, f"{ask.name}.say")]
    for choice in ask.choices:
        who = known.who_said(ask.name, choice.id)
        if who:
            said = label(known.definition, ask.name, choice.id)
            lines.append(Phrase("room.taken", slots={"label": said, "who": Names(who)}))
    waiting = known.waiting(ask.name) if not closed or changeable_ms is not None else ()
    if waiting and "circle" in ask.seen_by:
        lines.append(Phrase("room.waiting_names", slots={"who": Names(waiting)}))
    elif waiting:
        lines.append(Phrase("room.waiting", slots={"n": Count(len(waiting))}))
    foot = Phrase("footer.room", slots={"until": When(closes_ms)})
    if closed and changeable_ms is not None:
        foot = Phrase("room.closed_but", slots={"until": When(changeable_ms)})
    elif closed:
        foot = outcome or Phrase("room.closed")
    return Message(
        lines=tuple(lines),
        options=() if closed else options(known.definition, ask.name, ask.choices, with_no=False),
        footer=(foot,),
        poll=ask.poll and not closed,
    )
