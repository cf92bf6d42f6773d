"""`hearth preview --explore`: what a walk along every branch came to, in plain sentences."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence

import msgspec

from bridge.cli.chat import WIDTH, listed
from bridge.cli.speech import Status, say
from bridge.rehearsal.explore import Explored, Halted, Most, explore
from bridge.rehearsal.playbill import Playbill
from bridge.telling.readable import readable
from engine.core.definition import Definition

SECONDS_BETWEEN = 0.2
MOST_TOLD = 12
"""Steps of a way that are told; of a longer one the last."""


class Told(msgspec.Struct, frozen=True):
    """One sentence of the result; ``is_wrong`` if it is something to mend."""

    kind: str
    text: str
    about: str = ""
    is_wrong: bool = False


class _Counter:
    """One line on a terminal that says how far it is; nothing where nobody looks on."""

    def __init__(self) -> None:
        self._is_seen = sys.stderr.isatty()
        self._written = ""
        self._next_s = 0.0

    def went(self, steps: int) -> None:
        """Say it anew, a few times a second."""
        now_s = time.monotonic()
        if not self._is_seen or now_s < self._next_s:
            return
        self._next_s = now_s + SECONDS_BETWEEN
        self._write(f"Walking along every branch: {steps} so far …")

    def clear(self) -> None:
        """Leave the line empty."""
        if self._written:
            self._write("")

    def _write(self, text: str) -> None:
        print(f"\r{text.ljust(len(self._written))}", end="" if text else "\r", file=sys.stderr, flush=True)
        self._written = text


def explore_and_tell(definition: Definition, playbill: Playbill, output: str) -> Status:
    """Walk every branch and say what was found; PROBLEMS if something is wrong."""
    counter = _Counter()
    try:
        explored = asyncio.run(explore(definition, playbill, went=counter.went))
    finally:
        counter.clear()
    sentences = list(told(explored, definition))
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode([_object(sentence) for sentence in sentences])).decode())
    else:
        for sentence in sentences:
            mark = "✗ " if sentence.is_wrong else "· "
            for row in textwrap.wrap(mark + sentence.text, WIDTH, subsequent_indent="  "):
                say(row)
    return Status.PROBLEMS if explored.is_wrong else Status.OK


def _object(sentence: Told) -> dict[str, object]:
    return {
        "at": None,
        "who": "",
        "kind": sentence.kind,
        "text": sentence.text,
        "seen_by": [],
        "about": sentence.about,
        "is_wrong": sentence.is_wrong,
    }


def told(explored: Explored, definition: Definition) -> Iterator[Told]:
    """What was found, sentence by sentence: what is wrong first."""
    for broken in explored.broken:
        yield Told("broken", f"Hearth itself could not go on somewhere: {broken}.", is_wrong=True)
    for end in explored.dead_ends:
        where = f"A dead end in “{readable(definition, end.state)}”"
        text = f"{where}: it is still open, and nothing can happen any more. {_way(end)}"
        yield Told("dead_end", text, end.state, is_wrong=True)
    yield from _missed(explored, definition)
    for end in explored.stays:
        text = f"In “{readable(definition, end.state)}” it stays for ever, unless somebody says something. {_way(end)}"
        yield Told("stays", text, end.state)
    if explored.is_well:
        yield Told(
            "well", "Every question reaches somebody, every state is reached, and there is no dead end."
        )
    if explored.endings:
        endings = listed([f"“{readable(definition, state)}”" for state in explored.endings])
        yield Told("endings", f"It ends in {endings}.")
    else:
        yield Told("endings", "It never ends." if explored.is_whole else "It did not end within the bound.")
    yield Told("most_messages", f"Whoever begins it gets {_most(explored.starter)}.", "starter")
    yield Told("most_messages", f"Anybody else gets {_most(explored.others)}.", "others")
    yield Told("walked", _walked(explored))


def _missed(explored: Explored, definition: Definition) -> Iterator[Told]:
    """Questions that reached nobody, and states that were not reached: wrong only if every branch was walked."""
    is_wrong = explored.is_whole
    for name in (*explored.never_asked, *explored.never_asked_details):
        how = "never reaches anybody" if is_wrong else "reached nobody within the bound"
        yield Told("never_asked", f"The question `{name}` {how}.", name, is_wrong=is_wrong)
    for state in explored.never_reached:
        how = "is never reached" if is_wrong else "was not reached within the bound"
        yield Told("never_reached", f"“{readable(definition, state)}” {how}.", state, is_wrong=is_wrong)


def _way(end: Halted) -> str:
    if not end.path:
        return "That is where it begins."
    steps: Sequence[str] = end.path[-MOST_TOLD:]
    return f"One way there: {'… → ' if len(steps) < len(end.path) else ''}{' → '.join(steps)}."


def _most(spans: tuple[Most, Most]) -> str:
    day, week = spans
    if week.everything == 0:
        return "no message at all"
    text = f"at most {_messages(day.everything)} in a day and {week.everything} in a week"
    if (day.unasked, week.unasked) == (day.everything, week.everything):
        return text
    return f"{text}; without replies to what they have just said, {day.unasked} and {week.unasked}"


def _messages(n: int) -> str:
    return f"{n} message{'' if n == 1 else 's'}"


def _walked(explored: Explored) -> str:
    text = f"{explored.steps} branches were walked"
    if explored.stopped_by is None and not explored.cut:
        return f"{text}: all there are, for these people, answers and moments."
    left = []
    if explored.stopped_by == "steps":
        left.append("that is the bound")
    if explored.stopped_by == "seconds":
        left.append("then the time was up")
    if explored.cut:
        left.append(f"at {explored.cut} moments some were left out")
    return f"{text}; {', and '.join(left)}. What is new is walked first; not every variation was."
