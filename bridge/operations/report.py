"""What the stewards are told about the house itself: composed from what is there, without people, rooms or words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bridge.operations.orders import TAKE_A_NUMBER, WORDS, Word, spelled
from engine.core.limits import LimitName
from engine.core.message import AnySlot, Count, Message, Phrase, Plain, Said, When
from engine.core.values import Ms
from engine.runtime.ports import Counts, Trouble

MOST_SHOWN = 8
"""Troubles written out in one message; the rest is a number."""
LONGEST_WHY = 160

ASIDE, GIVEN_UP, GAP, PUT_OUT = "aside", "given_up", "gap", "put_out"
KINDS = (ASIDE, GIVEN_UP, GAP, PUT_OUT)

WHAT: Mapping[str, str] = {
    "Spoken": "ops.what.said",
    "Reacted": "ops.what.reaction",
    "Voted": "ops.what.vote",
    "Removed": "ops.what.removed",
    "Moved": "ops.what.moved",
    "Rung": "ops.what.rung",
    "ToInstance": "ops.what.step",
    "ToDesk": "ops.what.step",
    "post": "ops.what.post",
}
"""Kind of an event, or urgency of a message, → what stewards know it as."""

_NAMES = re.compile(
    r"[@!#$][^\s/,;:]+:[^\s/,;]+|%(?:21|23|24|40)[^\s/]+|\$[\w-]{10,}|![\w-]{20,}|\b[0-9a-f]{16,}\b"
)
"""Matrix ids of people, rooms (those of version 12 name no server) and events, also inside a path, and our own ids."""


class Untold(msgspec.Struct, frozen=True):
    """What has not been told yet. ``gaps`` and ``put_out``: Matrix ids of rooms, of which only the number is told."""

    aside: tuple[Trouble, ...] = ()
    given_up: tuple[Trouble, ...] = ()
    gaps: tuple[str, ...] = ()
    put_out: tuple[str, ...] = ()
    restored_ms: Ms | None = None
    """Of which moment the database is, if a backup was put back."""
    limits: tuple[LimitName, ...] = ()
    """Limits that were reached, by their names."""


def report(untold: Untold, language: str | None) -> Message | None:
    """What there is to tell; None if nothing. ``language``: of the room, where orders are taken; None: they are not."""
    troubles = (*untold.aside, *untold.given_up)
    lines: list[Phrase] = []
    if untold.restored_ms is not None:
        lines.append(Phrase("ops.restored", slots={"at": When(untold.restored_ms)}))
    if untold.aside:
        lines.append(Phrase("ops.aside", slots={"n": Count(len(untold.aside))}))
        lines += _listed(untold.aside)
    if untold.given_up:
        lines.append(Phrase("ops.given_up", slots={"n": Count(len(untold.given_up))}))
        lines += _listed(untold.given_up)
    if untold.gaps:
        lines.append(Phrase("ops.gap", slots={"n": Count(len(untold.gaps))}))
    if untold.put_out:
        lines.append(Phrase("ops.put_out", slots={"n": Count(len(untold.put_out))}))
    if untold.limits:
        lines.append(Phrase("ops.limits"))
        lines += [_limit(name) for name in untold.limits]
    if troubles and language is not None:
        first = troubles[0].id
        retry, drop = (Plain(f"{spelled(word, language)} {first}") for word in TAKE_A_NUMBER)
        lines.append(Phrase("ops.how", slots={"retry": retry, "drop": drop}))
    elif troubles:
        lines.append(Phrase("ops.how_elsewhere"))
    return Message(lines=tuple(lines)) if lines else None


def _limit(name: LimitName) -> Phrase:
    return Phrase("ops.limit", slots={"what": Said(f"ops.limit.{name}"), "id": Plain(name)})


def _listed(troubles: Sequence[Trouble]) -> Iterator[Phrase]:
    for trouble in troubles[-MOST_SHOWN:]:
        slots: dict[str, AnySlot] = {
            "id": Plain(trouble.id),
            "at": When(trouble.at_ms),
            "what": Said(what_of(trouble)),
            "why": Plain(nameless(trouble.why)),
        }
        yield Phrase("ops.entry", slots=slots)
    if len(troubles) > MOST_SHOWN:
        yield Phrase("ops.more", slots={"n": Count(len(troubles) - MOST_SHOWN)})


def what_of(trouble: Trouble) -> str:
    """The key of what it is, as stewards know it."""
    if trouble.id.startswith("m"):
        return WHAT.get(trouble.what, "ops.what.letter")
    return WHAT.get(trouble.what, "ops.what.other")


def nameless(why: str) -> str:
    """A reason without the ids of people, rooms and events that a homeserver's answer may name."""
    text = _NAMES.sub("…", why)
    return text if len(text) <= LONGEST_WHY else f"{text[: LONGEST_WHY - 1].rstrip()}…"


class Standing(msgspec.Struct, frozen=True):
    """How things stand. ``done_ms``: when all that is due will have left, if anyone can tell."""

    counts: Counts
    troubles: tuple[Trouble, ...] = ()
    done_ms: Ms | None = None
    unreadable: int = 0
    refused_files: int = 0


def status(standing: Standing, language: str | None) -> Message:
    """The answer to ``status``.

    What runs is not counted: some of it is known only to those who are in it. Nor what waits for its time: in a quiet
    house one more of it says that somebody has paused.
    """
    counts = standing.counts
    due = sum(pile.due for pile in counts.outbox.values())
    lines: list[Phrase] = []
    if due and standing.done_ms is not None:
        lines.append(Phrase("ops.leaving_until", slots={"n": Count(due), "until": When(standing.done_ms)}))
    elif due:
        lines.append(Phrase("ops.leaving", slots={"n": Count(due)}))
    else:
        lines.append(Phrase("ops.calm"))
    for key, number in (
        ("ops.overdue", counts.timers_due),
        ("ops.unreadable", standing.unreadable),
        ("ops.files", standing.refused_files),
    ):
        if number:
            lines.append(Phrase(key, slots={"n": Count(number)}))
    aside = tuple(trouble for trouble in standing.troubles if trouble.id.startswith("e"))
    given_up = tuple(trouble for trouble in standing.troubles if trouble.id.startswith("m"))
    told = report(Untold(aside, given_up), language)
    lines += told.lines if told is not None else (Phrase("ops.nothing"),)
    return Message(lines=tuple(lines))


def orders_known(language: str) -> Message:
    """The answer to ``help``, and to what was not understood."""
    lines = [Phrase("ops.help")]
    lines += [Phrase(f"ops.help.{word}", slots={"word": _shown(word, language)}) for word in WORDS]
    return Message(lines=tuple(lines))


def _shown(word: Word, language: str) -> Plain:
    return Plain(spelled(word, language))
