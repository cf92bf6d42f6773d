"""Translations: side files that say a workflow's sentences in another language.

``texts/tea.de.yaml`` beside ``tea.yaml`` mirrors it and holds only its sentences. What it leaves out is said in
the language of the workflow file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from engine.core.check import check
from engine.core.definition import ABOUT_TEXT, TITLE_TEXT, Definition
from engine.core.finding import Path, did_you_mean
from engine.loading.compile import Compiled
from engine.loading.draft import as_list
from engine.loading.labels import in_gap
from engine.loading.moments import Unreadable
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.reader import GAP, place_of, places_of, spaced, split_emoji
from engine.loading.standing import standing
from engine.loading.tree import Items, Map, Node, Text, read_tree

SIDE_FILE = re.compile(r"(?P<stem>.+)\.(?P<language>[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)\.ya?ml")
MOST_LANGUAGES = 20
TOO_LONG = "too-long"


class SideFile(msgspec.Struct, frozen=True):
    """The text of a side file, and how its problems call it."""

    name: str
    language: str
    text: str


class Translated(msgspec.Struct, frozen=True):
    """A side file's sentences by text key, and all that was found in it."""

    texts: dict[str, str]
    problems: tuple[Problem, ...]


def translate(compiled: Compiled, places: Mapping[Path, Place], side: SideFile) -> Translated:
    """Read a side file beside the file it translates; ``places`` are those of that file."""
    ledger = Ledger(side.name)
    root = read_tree(side.text, ledger)
    if root is None:
        return Translated({}, ledger.problems())
    known = _sentences(compiled, places)
    there = places_of(root)
    texts: dict[str, str] = {}
    there_at_all: set[str] = set()
    for path, text in _leaves(root, ()):
        key = known.get(path)
        if key is None:
            _note_unknown(path, text, known, ledger)
            continue
        there_at_all.add(key)
        if (said := _said(compiled, key, text, ledger)) is not None:
            texts[key] = said
    wanted = {key: path for path, key in reversed(known.items()) if key in compiled.said_at}
    for key, path in wanted.items():
        if key not in there_at_all and not (key == "called" and TITLE_TEXT in texts):
            message = f"`{_dotted(path)}` is not translated here; it is said in the language of the file"
            ledger.note(
                place_of(path, there), "untranslated", message, "add it when there is time", "warning"
            )
    texts |= _made(compiled, texts)
    _note_lengths(compiled, side.language, texts, there, ledger)
    return Translated(texts, ledger.problems())


# ── which path is which sentence ─────────────────────────────────────────────


def _sentences(compiled: Compiled, places: Mapping[Path, Place]) -> dict[Path, str]:
    """Path in the file → text key; answers also by their name, and by their place in the list."""
    by_place = {place: key for key, place in compiled.said_at.items()}
    found: dict[Path, str] = {("title",): TITLE_TEXT, ("about",): ABOUT_TEXT}
    count: dict[Path, int] = {}
    for path, place in places.items():
        key = by_place.get(place)
        if key is None or path == ("name",):
            continue
        here = _plain(path)
        found.setdefault(here, key)
        if (len(here) > 1 and here[-2] in ("answers", "choices")) or (
            len(here) == 3 and here[0] == "details"
        ):
            number = count[here[:-1]] = count.get(here[:-1], -1) + 1
            found.setdefault((*here[:-1], str(number)), key)
            found.setdefault((*here[:-1], key.rpartition(".")[2].replace("_", " ")), key)
    return found


def _plain(path: Path) -> Path:
    return tuple(" ".join(piece.replace("_", " ").split()) for piece in path)


def _leaves(node: Node, path: Path) -> Iterator[tuple[Path, Text]]:
    match node:
        case Map(entries=entries):
            for entry in entries:
                yield from _leaves(entry.node, (*path, *_plain((entry.key.value,))))
        case Items(items=items):
            for index, item in enumerate(items):
                yield from _leaves(item, (*path, str(index)))
        case Text():
            if node.value.strip():
                yield path, node


def _dotted(path: Path) -> str:
    return ".".join(path)


def _note_unknown(path: Path, text: Text, known: Mapping[Path, str], ledger: Ledger) -> None:
    message = f"`{_dotted(path)}` is no sentence of the workflow file"
    otherwise = "keep only its sentences: `about`, `ask`, `say`, `answers`, `choices`, `public`, `ends with`"
    hint = did_you_mean(_dotted(path), (_dotted(each) for each in known), otherwise)
    ledger.note(text.place, "unknown-text", message, hint)


# ── the sentences themselves ─────────────────────────────────────────────────


def _said(compiled: Compiled, key: str, text: Text, ledger: Ledger) -> str | None:
    """The sentence with its placeholders by name; None if they are not those of the original."""

    def by_name(found: re.Match[str]) -> str:
        try:
            return f"<{in_gap(compiled.labels, spaced(found[1]))}>"
        except Unreadable:
            return f"<{spaced(found[1])}>"

    said = GAP.sub(by_name, text.value.strip())
    wanted, written = set(compiled.definition.gaps.get(key, ())), set(GAP.findall(said))
    for gap in sorted(wanted - written):
        ledger.note(
            text.place, "placeholder", f"`<{gap}>` is missing here", "say it somewhere, as the original does"
        )
    for gap in sorted(written - wanted):
        listed = ", ".join(f"`<{each}>`" for each in sorted(wanted)) or "none"
        hint = did_you_mean(gap, wanted, f"the original has {listed}")
        ledger.note(text.place, "placeholder", f"`<{gap}>` is not in the original", hint)
    if wanted != written:
        return None
    return split_emoji(said)[1] if _is_label(compiled.definition, key) else said


def _is_label(definition: Definition, key: str) -> bool:
    owner, _, choice = key.rpartition(".")
    held = definition.asks.get(owner) or definition.details.get(owner)
    return held is not None and choice in [each.id for each in held.choices]


def _made(compiled: Compiled, texts: Mapping[str, str]) -> dict[str, str]:
    """The sentences that are made of others: lists of answers, and what a running one is called."""
    definition = compiled.definition
    title = texts.get(TITLE_TEXT, definition.title)
    found = {
        key: as_list(title, {each: texts.get(each, definition.texts.get(each, "")) for each in answers})
        for key, answers in compiled.lists.items()
        if TITLE_TEXT in texts or any(each in texts for each in answers)
    }
    if "called" not in compiled.said_at and TITLE_TEXT in texts:
        found["called"] = title
    return found


def _note_lengths(
    compiled: Compiled, language: str, texts: dict[str, str], there: Mapping[Path, Place], ledger: Ledger
) -> None:
    """What has grown too long for a phone screen by being translated."""
    definition = compiled.definition
    before = {finding.path for finding in check(definition) if finding.code == TOO_LONG}
    spoken = replace(definition, translations={language: texts})
    for finding in check(spoken):
        if finding.code == TOO_LONG and finding.path not in before:
            place = place_of(_there(standing(finding.path, compiled.stands), there), there)
            ledger.note(place, finding.code, finding.message, finding.hint, finding.severity)


def _there(path: Path, there: Mapping[Path, Place]) -> Path:
    """The same path as the side file writes it."""
    return next((each for each in there if _plain(each) == _plain(path)), path)
