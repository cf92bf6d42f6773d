"""How a rehearsal looks on a terminal: who wrote what to whom, what changed, and who sees it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from bridge.cli.speech import say
from bridge.rehearsal.play import Play
from bridge.rehearsal.spectator import OPENED, ROOM, Happening
from engine.core.definition import Definition
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, Ms

WIDTH = 80
INDENT = "  "
BOLD, DIM, BLUE, GREEN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[34m", "\x1b[32m", "\x1b[0m"


class Viewer:
    """Shows a play: as a chat as it goes, or (``json``) as a list of objects, one list when the play is over."""

    def __init__(self, definition: Definition, output: str, environ: Mapping[str, str]) -> None:
        self.output = output
        self._definition = definition
        coloured = output == "text" and sys.stdout.isatty() and not environ.get("NO_COLOR")
        self.chat = Chat(0, coloured=coloured)
        self._shown: list[Happening] = []

    def open(self, play: Play) -> None:
        """Say who is there and what time it is."""
        if self.output == "json":
            return
        now_ms = play.stage.now_ms
        self.chat.start(now_ms)
        here = listed([name.capitalize() for name in play.stage.cast.here])
        say(self.chat.paint(self._definition.title, BOLD))
        for row in textwrap.wrap(self._definition.about, WIDTH):
            say(row)
        say()
        for row in textwrap.wrap(f"It is {day(now_ms)}. In the circle: {here}. Nobody here is real.", WIDTH):
            say(row)

    def show(self, play: Play, happenings: Sequence[Happening]) -> None:
        """Show what has happened."""
        if self.output == "json":
            self._shown += happenings
            return
        for line in self.chat.lines(happenings):
            say(line)

    def end(self, play: Play) -> None:
        """A script is over: where it has skipped on to."""
        if self.output == "text":
            for line in self.chat.lapse(play.stage.now_ms):
                say(line)

    def tell(self, text: str) -> None:
        """Say something about the play."""
        if self.output == "text":
            for row in textwrap.wrap(text, WIDTH):
                say(self.chat.paint(row, DIM))

    def undo(self, play: Play, shown: int) -> None:
        """The last act is undone: the play stands as it did before; ``shown`` happenings of it never were."""
        if shown:
            del self._shown[-shown:]
        self.chat.start(play.stage.now_ms)

    def close(self) -> None:
        """The play is over."""
        if self.output == "json":
            say(msgspec.json.format(msgspec.json.encode(as_objects(self._shown))).decode())


class Chat:
    """Puts happenings into lines; knows what time it last said, so that it says it only when it moves."""

    def __init__(self, now_ms: Ms, *, coloured: bool) -> None:
        self._at_ms = now_ms
        self._coloured = coloured

    def start(self, now_ms: Ms) -> None:
        """From here on, it is this time."""
        self._at_ms = now_ms

    def paint(self, text: str, *codes: str) -> str:
        """Text in colour, if there is any."""
        return f"{''.join(codes)}{text}{PLAIN}" if self._coloured and text else text

    def lines(self, happenings: Sequence[Happening]) -> list[str]:
        """What happened; a time is said where there is something below it."""
        lines: list[str] = []
        seen = [each for each in happenings if each.kind != "reaction"]
        for at_ms, group in groupby(seen, key=lambda each: each.at_ms):
            lines += self._time(at_ms)
            for same in _together(list(group)):
                lines += self._block(same)
        return lines

    def lapse(self, now_ms: Ms) -> list[str]:
        """The time that has passed without anything to see."""
        lines = self._time(now_ms)
        return [*lines, self.paint("Up to here there is nothing more to see.", DIM)] if lines else []

    def _time(self, at_ms: Ms) -> list[str]:
        if at_ms <= self._at_ms:
            return []
        passed, self._at_ms = span(at_ms - self._at_ms), at_ms
        return ["", self.paint(f"{f'── {day(at_ms)} · {passed} later ':─<{WIDTH}}", DIM)]

    def _block(self, same: Sequence[Happening]) -> Iterator[str]:
        first = same[0]
        match first.kind:
            case "said":
                where = ", in the room" if first.about == ROOM else ""
                yield ""
                yield from self._hanging(f"{first.who.capitalize()}{where}: ", first.text)
            case "did":
                yield ""
                yield f"{self.paint(first.who.capitalize(), BOLD, GREEN)} {first.text}"
            case "answer":
                yield from _wrapped(f"({audience_of(first)})", INDENT, self)
            case "state":
                yield ""
                yield self.paint(f"[{first.about}: {first.way}]", DIM)
            case "message":
                yield from self._letter(f"to {_whom(same)}", first.text.split("\n"), first.about)
            case "edit":
                yield from self._letter(f"to {_whom(same)}, changed", _changed(first))
            case "poll" if first.about == OPENED:
                answers = " · ".join(filter(None, first.text.splitlines()))
                yield from _wrapped(f"(as a poll too: {answers})", INDENT, self)
            case "poll":
                yield from _wrapped("(its poll is closed)", INDENT, self)
            case "broken":
                yield ""
                yield f"Hearth itself could not go on here: {first.text}. Please report it."
            case _:
                return

    def _hanging(self, head: str, text: str) -> Iterator[str]:
        rows = [row for line in text.split("\n") for row in textwrap.wrap(line, WIDTH - len(INDENT)) or [""]]
        if len(rows) == 1 and len(head) + len(rows[0]) <= WIDTH:
            yield self.paint(head, BOLD, GREEN) + rows[0]
            return
        yield self.paint(head.rstrip(), BOLD, GREEN)
        yield from (f"{INDENT}{row}".rstrip() for row in rows)

    def _letter(self, head: str, lines: Sequence[str], replies_to: str = "") -> Iterator[str]:
        yield ""
        yield INDENT + self.paint(head, BOLD, BLUE)
        if replies_to:
            yield INDENT + self.paint(f"│ ↩ {replies_to}", DIM)
        for line in lines:
            for row in textwrap.wrap(line, WIDTH - 4) or [""]:
                yield f"{INDENT}{self.paint('│', DIM)} {row}".rstrip()


def audience_of(answer: Happening) -> str:
    """Who sees an answer, in a few words."""
    match answer.seen:
        case "nobody":
            return "a no: seen by nobody"
        case "turned" if answer.seen_by:
            names = listed([name.capitalize() for name in answer.seen_by])
            return f"{names} {'hears' if len(answer.seen_by) == 1 else 'hear'} that it is a yes no longer"
        case "used":
            return "goes into what is asked and told"
        case "circle":
            seen = "seen by everyone in the circle"
        case _:
            names = listed([name.capitalize() for name in answer.seen_by])
            seen = f"seen by {names}" if names else "seen by nobody else"
    if answer.unsigned:
        seen += ", without a name, once enough have come"
    elif answer.later and answer.seen_by:
        seen += ", later"
    return seen


def _together(happenings: Sequence[Happening]) -> Iterator[list[Happening]]:
    """The same message to several people is shown once, unless something else came to one of them before it."""
    letters: dict[tuple[str, ...], int] = {}
    latest: dict[str, int] = {}
    order: list[list[Happening]] = []
    for each in happenings:
        if each.kind not in ("message", "edit", "poll"):
            order.append([each])
            letters.clear()
            continue
        key = (each.kind, *(_changed(each) if each.kind == "edit" else (each.about, each.text)))
        if letters.get(key, -1) <= latest.get(each.who, -1):
            letters[key] = len(order)
            order.append([])
        order[letters[key]].append(each)
        latest[each.who] = letters[key]
    yield from order


def _changed(edit: Happening) -> list[str]:
    """The lines of a message that read otherwise now."""
    before = set(edit.was.split("\n"))
    return [line for line in edit.text.split("\n") if line.strip() and line not in before] or [
        "(shorter now)"
    ]


def _whom(letters: Sequence[Happening]) -> str:
    if letters[0].who == ROOM:
        return "everyone, in the room"
    return listed(sorted(each.who.capitalize() for each in letters))


def _wrapped(text: str, indent: str, chat: Chat) -> Iterator[str]:
    for row in textwrap.wrap(text, WIDTH - len(indent)):
        yield indent + chat.paint(row, DIM)


def listed(names: Sequence[str]) -> str:
    """``Ana, Bruno and Chen``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def day(at_ms: Ms) -> str:
    """``Monday 18 January 2027, 10:00``."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%A} {at.day} {at:%B %Y, %H:%M}"


def span(ms: Ms) -> str:
    """``3 days and 9 hours``: the two largest parts of a length of time."""
    parts: list[str] = []
    for unit_ms, word in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
        count, ms = divmod(ms, unit_ms)
        if count and len(parts) < 2:
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    return listed(parts) or "a moment"


def as_objects(happenings: Sequence[Happening]) -> list[Mapping[str, object]]:
    """Happenings for machines: `at`, `who`, `kind`, `text`, `seen_by`, and `about` where there is something."""
    return [
        {
            "at": f"{datetime.fromtimestamp(each.at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "who": each.who,
            "kind": each.kind,
            "text": each.text,
            "seen_by": list(each.seen_by),
            **({"about": each.about} if each.about else {}),
        }
        for each in happenings
    ]
