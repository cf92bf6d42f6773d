"""What the stewards are told about workflow files: composed from what they were told before and what there is now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bridge.wording.keys import TITLE
from engine.core.message import Count, Message, Phrase, Plain, Said
from engine.loading.catalogue import Inventory
from engine.loading.folder import TEXTS
from engine.loading.problem import Problem

MOST_PROBLEMS = 6
"""Problems written out in one message; the rest is a number."""
MOST_NEWS = 12
LONGEST_FOUND = 240
LONGEST_HINT = 160


class Served(msgspec.Struct, frozen=True):
    """What a file serves."""

    name: str
    digest: str


class Register(msgspec.Struct, frozen=True):
    """How things stood when the stewards were last told; kept, so that nothing is told twice or forgotten."""

    served: dict[str, Served] = {}
    """File → what it serves."""
    refused: dict[str, str] = {}
    """File → what was in it, as a digest, when it was refused."""
    told: int = 0
    """How many messages there have been; the next one's number is one more."""
    rooms: tuple[str, ...] = ()
    """The stewards' rooms in which the bot has said who it is."""

    @property
    def names(self) -> dict[str, str]:
        """Name → the digest that served it."""
        return {served.name: served.digest for served in self.served.values()}


def register_of(inventory: Inventory, look: Mapping[str, str], folder: Path, before: Register) -> Register:
    """How things stand now; ``look`` is file → digest of what is in it."""
    served = {file: Served(d.name, d.digest) for file, d in inventory.by_file.items()}
    refused: dict[str, str] = {}
    for problem in inventory.problems:
        if problem.severity == "error":
            file = shown(problem.file, folder)
            refused.setdefault(file, look.get(file) or hashlib.sha256(problem.message.encode()).hexdigest())
    return msgspec.structs.replace(before, served=served, refused=refused)


def bulletin(
    before: Register, after: Register, inventory: Inventory, folder: Path, running: Mapping[str, int]
) -> Message | None:
    """What there is to tell; None if nothing.

    ``running``: name → how many that everybody can see run on an earlier version.
    """
    problems = _problems(before, after, inventory, folder)
    news = tuple(_news(before, after, inventory, running))
    lines = (*problems, *news[:MOST_NEWS])
    if len(news) > MOST_NEWS:
        lines = (*lines, Phrase("files.more_news", slots={"n": Count(len(news) - MOST_NEWS)}))
    return Message(lines=lines) if lines else None


def shown(file: str, folder: Path) -> str:
    """A file as stewards know it: its path within the workflow folder."""
    path = Path(file)
    return (
        path.relative_to(folder).as_posix() if path != folder and path.is_relative_to(folder) else path.name
    )


def _problems(before: Register, after: Register, inventory: Inventory, folder: Path) -> tuple[Phrase, ...]:
    fresh = [file for file, content in after.refused.items() if before.refused.get(file) != content]
    lines: list[Phrase] = []
    left = MOST_PROBLEMS
    for file in fresh[:MOST_PROBLEMS]:
        found = [p for p in inventory.problems if p.severity == "error" and shown(p.file, folder) == file]
        if file in inventory.by_file:
            lines.append(Phrase("files.refused", slots={"file": Plain(file)}))
        elif file.startswith(f"{TEXTS}/"):
            lines.append(Phrase("files.translation", slots={"file": Plain(file)}))
        else:
            lines.append(Phrase("files.unfit", slots={"file": Plain(file)}))
        lines += [_problem(problem, folder) for problem in found[:left]]
        if len(found) > left:
            lines.append(Phrase("files.more", slots={"n": Count(len(found) - left)}))
        left = max(1, left - len(found))
    if len(fresh) > MOST_PROBLEMS:
        lines.append(Phrase("files.more_news", slots={"n": Count(len(fresh) - MOST_PROBLEMS)}))
    return tuple(lines)


def _problem(problem: Problem, folder: Path) -> Phrase:
    place = f"{shown(problem.file, folder)}:{problem.line}:{problem.column}"
    found = Plain(_cut(problem.message, LONGEST_FOUND))
    if not problem.hint:
        return Phrase("files.problem_plain", slots={"place": Plain(place), "found": found})
    helps = Plain(_cut(problem.hint, LONGEST_HINT))
    return Phrase("files.problem", slots={"place": Plain(place), "found": found, "helps": helps})


def _news(
    before: Register, after: Register, inventory: Inventory, running: Mapping[str, int]
) -> Iterator[Phrase]:
    was, told = before.names, set[str]()
    for file, definition in inventory.by_file.items():
        title = Said(TITLE, definition.digest)
        known = was.get(definition.name)
        named = Plain(file)
        if known is None:
            word = Plain(definition.begins_with)
            yield Phrase("files.new", slots={"title": title, "file": named, "word": word})
        elif known != definition.digest:
            n = running.get(definition.name, 0)
            if n:
                yield Phrase("files.changed", slots={"title": title, "file": named, "n": Count(n)})
            else:
                yield Phrase("files.changed_only", slots={"title": title, "file": named})
        elif file in before.refused and file not in after.refused:
            yield Phrase("files.mended", slots={"title": title, "file": named})
        told.add(definition.name)
    for served in before.served.values():
        if served.name not in told:
            yield Phrase("files.gone", slots={"title": Said(TITLE, served.digest)})


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
