"""Who is meant, and what sets a move off, as a file writes it."""

from __future__ import annotations

import re

from engine.core.definition import (
    AnsweredBy,
    Circle,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnGathered,
    Part,
    PartDef,
    Room,
    Starter,
    Trigger,
    Who,
)
from engine.loading.moments import Unreadable

NAME = re.compile(r"[a-z][a-z0-9_]*")
_N = r"[a-z][a-z0-9_]*"
_ANSWERED = re.compile(
    rf"(?:(?:those who|and) +)?(?:answered +)?(?P<choices>{_N}(?: +or +{_N})*) +to +(?P<ask>{_N})"
)
_NAMED = re.compile(rf"named +in +(?P<detail>{_N})")
_EVERYONE = re.compile(rf"everyone(?: +but +(?P<but>{_N}(?: +(?:and|or) +{_N})*))?")
_WRITES = re.compile(rf"(?P<who>{_N}(?: +or +{_N})*) +writes +(?P<word>\S+(?: +\S+){{0,2}})")
_ANSWER = re.compile(rf"answered +(?:(?P<choice>{_N}) +to +)?(?P<ask>{_N})")
_CLOSES = re.compile(rf"(?P<ask>{_N}) +closes")

PART_HINT = "write `starter`, `named in <detail>` or `those who answered <answer> to <ask>`"
WHO_HINT = "write a part, `room`, `everyone`, `everyone but <part>` or `those who answered <answer> to <ask>`"
TRIGGER_HINT = (
    "write `everything is gathered`, `<part> writes <word>`, `answered <answer> to <ask>`, `answered <ask>`"
    " or `<ask> closes`"
)


def read_answered(text: str) -> tuple[AnsweredBy, ...] | None:
    """Read ``those who answered coming to personal, coming or maybe to again``; None if it is nothing like it."""
    if not text.startswith(("those who answered ", "answered ")):
        return None
    found: list[AnsweredBy] = []
    for piece in text.split(","):
        matched = _ANSWERED.fullmatch(piece.strip())
        if matched is None:
            return None
        found.append(AnsweredBy(matched["ask"], tuple(re.split(r" +or +", matched["choices"]))))
    return tuple(found)


def read_part(name: str, text: str) -> PartDef:
    """Read how a part is filled.

    Raises:
        Unreadable: in none of the three ways.
    """
    if text == "starter":
        return PartDef(name, (Starter(),))
    if found := _NAMED.fullmatch(text):
        return PartDef(name, (NamedIn(found["detail"]),))
    answered = read_answered(text)
    if answered is not None:
        return PartDef(name, answered)
    raise Unreadable("part", f"`{text}` does not say who that is", PART_HINT)


def read_who(text: str) -> Who:
    """Read whom an ask or a tell is for.

    Raises:
        Unreadable: it names nobody.
    """
    if text == "room":
        return Room()
    if found := _EVERYONE.fullmatch(text):
        return Circle(but=tuple(re.split(r" +(?:and|or) +", found["but"])) if found["but"] else ())
    answered = read_answered(text)
    if answered is not None:
        if len(answered) == 1:
            return answered[0]
        raise Unreadable(
            "who", "this names answers to several asks", "give them a name under `people` and use it here"
        )
    if NAME.fullmatch(text):
        return Part(text)
    raise Unreadable("who", f"`{text}` names nobody", WHO_HINT)


def read_trigger(text: str) -> Trigger:
    """Read what sets a move off, other than a moment.

    Raises:
        Unreadable: nothing that happens here.
    """
    if text in ("everything is gathered", "all is gathered"):
        return OnGathered()
    if found := _WRITES.fullmatch(text):
        return OnCommand(found["word"].lower(), tuple(re.split(r" +or +", found["who"])))
    if found := _ANSWER.fullmatch(text):
        return OnAnswer(found["ask"], found["choice"])
    if found := _CLOSES.fullmatch(text):
        return OnClosed(found["ask"])
    raise Unreadable("trigger", f"`{text}` is nothing that can happen here", TRIGGER_HINT)
