"""Holds a recorded history against the code, and against a definition, as they are now; says what is different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from engine.core.definition import Definition
from engine.core.replay import Unreplayable
from tests.replays.history import (
    Came,
    History,
    Journal,
    Tree,
    desk_came,
    desk_lines,
    entries_of,
    first_desk,
    instance_came,
    restored,
    stored_definition,
)

MOST_SHOWN = 6
LONGEST_SHOWN = 300


def differences(history: History) -> list[str]:
    """How a history goes otherwise than recorded, on the definitions it ran on; nothing if it does not."""
    return [line for journal in history.journals for line in of_journal(journal)]


def of_journal(journal: Journal) -> list[str]:
    """The same of one journal."""
    try:
        came = _came(journal)
    except Unreplayable as error:
        return [f"{_called(journal)}: {error}"]
    return list(_told(journal, came, whole=True))


def under(journal: Journal, definition: Definition) -> list[str]:
    """How the history of an instance goes otherwise under another version of its workflow: what it goes through and
    what is counted, not the wording of what is said.
    """
    lines = restored(journal)
    try:
        came = instance_came(entries_of(lines), definition, _known)
    except Unreplayable as error:
        return [f"{_called(journal)}: {error}"]
    return list(_told(journal, came, whole=False))


def with_what_comes_now(journal: Journal) -> Journal:
    """A journal with what comes of each of its lines now."""
    pairs = zip(journal.lines, _came(journal), strict=True)
    return replace(journal, lines=tuple(replace(line, came=came) for line, came in pairs))


def _came(journal: Journal) -> list[Came]:
    lines = restored(journal)
    if journal.actor.startswith("d/"):
        return desk_came(first_desk(journal), desk_lines(lines))
    return instance_came(entries_of(lines), stored_definition(journal.definition), _known)


def _known(digest: str) -> Definition | None:
    try:
        return stored_definition(digest)
    except LookupError:
        return None


def _called(journal: Journal) -> str:
    return f"{journal.actor[:10]}…"


def _told(journal: Journal, came: list[Came], *, whole: bool) -> Iterator[str]:
    told = 0
    for line, now in zip(journal.lines, came, strict=True):
        found = list(_of_line(line.came, now, whole=whole))
        if not found:
            continue
        told += 1
        if told > MOST_SHOWN:
            yield f"{_called(journal)}: and more after that"
            return
        what = str(line.event.get("type", ""))
        for each in found:
            yield f"{_called(journal)} line {line.n} ({what}): {each}"


def _of_line(was: Came, now: Came, *, whole: bool) -> Iterator[str]:
    if was.result != now.result:
        yield f"was {was.result}, is {now.result} now"
        return
    yield from _of_changes(_without_digest(was.changed), _without_digest(now.changed))
    before, after = (_plain(each.effects, whole=whole) for each in (was, now))
    yield from (f"no longer: {each}" for each in before if each not in after)
    yield from (f"new: {each}" for each in after if each not in before)
    if before != after and sorted(before) == sorted(after):
        yield f"in another order: {'; '.join(after)}"


def _of_changes(was: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for path in sorted({*was, *now}):
        if was.get(path) != now.get(path):
            yield f"{path} became {_shown(was, path)}, becomes {_shown(now, path)} now"


def _shown(changes: Mapping[str, object], path: str) -> str:
    return str(changes[path])[:LONGEST_SHOWN] if path in changes else "nothing new"


def _without_digest(changed: Tree) -> Tree:
    return {path: value for path, value in changed.items() if path != "definition"}


def _plain(effects: tuple[str, ...], *, whole: bool) -> list[str]:
    """``whole``: with the mark that stands for everything in it, the exact wording and its definition too."""
    return list(effects) if whole else [each.rpartition(" #")[0] for each in effects]
