"""Who is meant, and what sets a move off, as a file writes it."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from engine.core.definition import (
    AnsweredBy,
    Circle,
    Contacts,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OneOf,
    OnGathered,
    Part,
    Room,
    Source,
    Starter,
    Stewards,
    Trigger,
    Who,
)
from engine.loading.grammar import KINDS
from engine.loading.labels import NO_LABELS, Labels
from engine.loading.moments import Unreadable

NAME = re.compile(r"[a-z][a-z0-9_]*")
_N = r"[a-z][a-z0-9_]*"
_AND = re.compile(r" +(?:and|or) +| *, *")
_LIST = rf"{_N}(?:(?: +(?:and|or) +| *, *){_N})*"
_NAMED = re.compile(rf"named +in +(?P<detail>{_N})")
_NAMED_BY = re.compile(rf"named +(?:by|in) +(?:the +)?answers +to +(?P<ask>{_N})")
_CHOSEN = re.compile(rf"(?P<one>one +)?chosen +by +(?P<by>{_N})")
_EVERYONE = re.compile(rf"everyone(?: +but +(?P<but>{_LIST}))?")
_HOLDS = re.compile(r"(?P<what>holder|understudy) +of +(?P<role>\S.*)")
_ONE_OF = re.compile(rf"one +of +(?P<part>{_N})(?: *,? +(?:but +)?not +(?P<but>{_LIST}))?")
_ANSWERED = re.compile(rf"(?:those +who +answered|answered|{_N} +who +answered) +")
_AGAIN = re.compile(rf"(?:and +)?(?:{_ANSWERED.pattern})?")
_TO = re.compile(rf" +to +(?P<ask>{_N})")
_WRITES = re.compile(rf"(?P<who>{_N}(?: +or +{_N})*) +writes +(?P<word>\S+(?: +\S+){{0,2}})")
_CLOSES = re.compile(rf"(?P<ask>{_N}) +closes")
_ENDS = re.compile(rf"(?P<workflow>[A-Za-z][\w -]*?) +ends(?: +as +(?P<state>{_N}))?")

SOURCES: tuple[tuple[str, str], ...] = (
    ("starter", "Whoever began it. If no part says so, a part called `starter` is there by itself."),
    ("chosen by host", "People whom the part `host` is asked for; the question comes by itself."),
    ("one chosen by host", "One person whom the part `host` is asked for."),
    ("mentioned", "Those named in the starting command; nobody is asked for them."),
    ("named in guests", "The people that the detail `guests` names."),
    ("everyone", "Everybody in the circle's room."),
    ("everyone but host", "Everybody in the circle's room except a part."),
    ("those who answered Count me in to invited", "Those whose answer stands so, at the moment it matters."),
    ("named by answers to nominate", "The people named in the answers to an ask with `answers: a person`."),
    ("holder of facilitation", "Whoever holds the role of this title at present."),
    ("understudy of facilitation", "Whoever is learning the role of this title at present."),
    ("stewards", "The stewards of the circle."),
    ("safety contacts", "The safety contacts of the circle."),
    ("one of readers, not host", "One person of a part, found by chance each time an ask to it opens."),
)
"""How a part is filled: an example of each way, and what it means."""

WHO: tuple[tuple[str, str], ...] = (
    ("host", "A part: each of its people, 1:1."),
    ("room", "One message in the circle's room, which everybody sees."),
    ("everyone", "Each person in the circle's room, 1:1."),
    ("everyone but host", "Each person in the circle's room except a part, 1:1."),
    ("those who answered Count me in to invited", "Those whose answer stands so."),
    ("readers who answered Count me in", "The same; the last ask before it that offers this answer."),
)
"""Whom an ask or a tell is for: an example of each way, and what it means."""

TRIGGERS: tuple[tuple[str, str], ...] = (
    ("everything is gathered", "Every detail under `gather` is there."),
    (
        "host writes cancel",
        "Someone of the part wrote this word. `host or holder writes rest` lets two parts.",
    ),
    ("answered Count me in to invited", "Somebody gave this answer."),
    ("answered invited", "Somebody answered; a no is heard only where the starter alone was asked."),
    ("invited closes", "The ask has closed, with whatever came."),
    ("as soon as coming is at least 5", "A condition holds; looked at after everything that happens."),
    ("decision ends", "A workflow that this one started has ended."),
    ("decision ends as decided", "It has ended in this final state; `not_started` if it could not begin."),
)
"""What sets a move off, other than a moment."""

_BEGINNINGS = (
    *("one chosen by", "chosen by", "named by answers to", "named in", "those who answered", "everyone but"),
    *(
        "holder of",
        "understudy of",
        "one of",
        "safety contacts",
        "stewards",
        "mentioned",
        "everyone",
        "starter",
    ),
)
_NEARLY = 0.8
PART_HINT = "write for example `starter`, `chosen by host`, `everyone but host` or `those who answered yes to invited`"
WHO_HINT = "write a part, `room`, `everyone`, `everyone but <part>` or `those who answered <answer> to <ask>`"
TRIGGER_HINT = (
    "write `everything is gathered`, `<part> writes <word>`, `answered <answer> to <ask>`, `answered <ask>`,"
    " `<ask> closes`, `as soon as <condition>` or `<workflow> ends`"
)


class Chosen(msgspec.Struct, frozen=True):
    """A source that brings a detail of the part's own name: whom somebody is asked for, or who was mentioned."""

    kind: Literal["people", "person"]
    by: str | None = None
    """The part that is asked; None: nobody, they come with the starting command."""


def read_answered(text: str, labels: Labels) -> tuple[AnsweredBy, ...] | None:
    """Read ``those who answered coming to personal, coming or maybe to again``; None if it is nothing like it.

    Raises:
        Unreadable: an answer without an ask that cannot be told.
    """
    begun = _ANSWERED.match(text)
    if begun is None:
        return None
    found: list[AnsweredBy] = []
    at = begun.end()
    while True:
        at, answered = _one_answered(text, at, labels)
        found.append(answered)
        rest = re.compile(r" *(?:,|and\b) *").match(text, at)
        if rest is None:
            break
        again = _AGAIN.match(text, rest.end())
        at = again.end() if again else rest.end()
    if text[at:].strip():
        return None
    return tuple(found)


def _one_answered(text: str, at: int, labels: Labels) -> tuple[int, AnsweredBy]:
    """Answers joined by ``or``, and the ask they are given to."""
    begun, written = at, []
    while True:
        answer = labels.named_in(text, at)
        written.append(answer.strip())
        at += len(answer)
        if not text.startswith(" or ", at):
            break
        at += len(" or ")
    to = _TO.match(text, at)
    ask = to["ask"] if to else labels.ask_of(written[0], begun)
    return (to.end() if to else at), AnsweredBy(ask, tuple(labels.id_of(ask, each) for each in written))


def read_sources(text: str, labels: Labels = NO_LABELS) -> tuple[Source | Chosen, ...]:
    """Read where people come from.

    Raises:
        Unreadable: in none of the known ways.
    """
    match text:
        case "starter":
            return (Starter(),)
        case "mentioned":
            return (Chosen("people"),)
        case "stewards" | "the stewards":
            return (Stewards(),)
        case "safety contacts" | "the safety contacts":
            return (Contacts(),)
        case _:
            pass
    if found := _CHOSEN.fullmatch(text):
        return (Chosen("person" if found["one"] else "people", found["by"]),)
    if found := _NAMED_BY.fullmatch(text):
        return (NamedBy(found["ask"]),)
    if found := _NAMED.fullmatch(text):
        return (NamedIn(found["detail"]),)
    if found := _EVERYONE.fullmatch(text):
        return (Everyone(_listed(found["but"])),)
    if found := _ONE_OF.fullmatch(text):
        return (OneOf(found["part"], _listed(found["but"])),)
    if found := _HOLDS.fullmatch(text):
        return (HolderOf(found["role"].strip(), found["what"] == "understudy"),)
    answered = read_answered(text, labels)
    if answered is not None:
        return answered
    if any(text.partition(",")[0] == kind for kind, _ in KINDS):
        raise Unreadable("part", f"`{text}` is what a detail holds, no part", "write it under `details:`")
    near = _like(text)
    hint = f"did you mean `{near}`?" if near else PART_HINT
    raise Unreadable("part", f"`{text}` does not say who that is", hint)


def _like(text: str) -> str | None:
    """The same with its beginning put right, where it is nearly one of the known ones."""
    words = text.split()
    begun = {begins: " ".join(words[: len(begins.split())]) for begins in _BEGINNINGS}
    likeness = {begins: SequenceMatcher(None, begins, here).ratio() for begins, here in begun.items()}
    best = max(likeness, key=lambda begins: likeness[begins])
    if likeness[best] < _NEARLY or begun[best] == best:
        return None
    return " ".join((best, *words[len(best.split()) :]))


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(_AND.split(text)) if text else ()


def read_who(text: str, labels: Labels = NO_LABELS) -> Who:
    """Read whom an ask or a tell is for.

    Raises:
        Unreadable: it names nobody.
    """
    if text == "room":
        return Room()
    if found := _EVERYONE.fullmatch(text):
        return Circle(but=_listed(found["but"]))
    answered = read_answered(text, labels)
    if answered is not None:
        if len(answered) == 1:
            return answered[0]
        raise Unreadable(
            "who", "this names answers to several asks", "give them a name under `people` and use it here"
        )
    if NAME.fullmatch(text):
        return Part(text)
    raise Unreadable("who", f"`{text}` names nobody", WHO_HINT)


def read_trigger(text: str, labels: Labels = NO_LABELS) -> Trigger:
    """Read what sets a move off, other than a moment or a condition.

    Raises:
        Unreadable: nothing that happens here.
    """
    if text in ("everything is gathered", "all is gathered"):
        return OnGathered()
    if found := _WRITES.fullmatch(text):
        return OnCommand(found["word"].lower(), tuple(re.split(r" +or +", found["who"])))
    if text.startswith("answered "):
        return _read_answer(text, labels)
    if found := _CLOSES.fullmatch(text):
        return OnClosed(found["ask"])
    if found := _ENDS.fullmatch(text):
        return OnEnded(workflow_name(found["workflow"]), found["state"])
    raise Unreadable("trigger", f"`{text}` is nothing that can happen here", TRIGGER_HINT)


def workflow_name(written: str) -> str:
    """The name of another workflow: ``Book club`` is ``book_club``."""
    return re.sub(r"[^a-z0-9]+", "_", written.strip().lower()).strip("_")


def _read_answer(text: str, labels: Labels) -> OnAnswer:
    rest = text.removeprefix("answered ").strip()
    if rest in labels.asks or (NAME.fullmatch(rest) and labels.at(rest, 0) is None):
        return OnAnswer(rest, None)
    at = text.index(rest)
    end, answered = _one_answered(text, at, labels)
    if text[end:].strip() or len(answered.choices) > 1:
        raise Unreadable("trigger", f"`{text}` is nothing that can happen here", TRIGGER_HINT)
    return OnAnswer(answered.ask, answered.choices[0])
