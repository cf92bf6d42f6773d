"""Translations: side files that say a workflow's sentences in another language.

``texts/tea.de.yaml`` beside ``tea.yaml`` mirrors it and holds only its sentences. What it leaves out is said in
the language of the workflow file.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from engine.core.check import check
from engine.core.definition import ABOUT_TEXT, TITLE_TEXT, Definition
from engine.core.finding import Path, did_you_mean, nearest
from engine.loading.compile import Compiled
from engine.loading.draft import as_list
from engine.loading.labels import in_gap
from engine.loading.moments import Unreadable
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.reader import GAP, place_of, places_of, spaced, split_emoji
from engine.loading.standing import standing
from engine.loading.tree import Items, Map, Node, Text, read_tree
from engine.loading.twice import in_other_gaps

SIDE_FILE = re.compile(r"(?P<stem>.+)\.(?P<language>[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)\.ya?ml")
MOST_LANGUAGES = 20
TOO_LONG = "too-long"
NAMED = 3
"""Of what is not translated, so much is named."""
LATER = "add what is missing when there is time"


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
    root = read_tree(side.text, ledger, "start with `title: …`, and go on as the workflow file does")
    if root is None:
        return Translated({}, ledger.problems())
    known = _sentences(compiled, places)
    there = places_of(root)
    texts: dict[str, str] = {}
    there_at_all: set[str] = set()
    for written, text in _leaves(root, ()):
        path = _plain(written)
        key = known.get(path)
        if key is None:
            near = _note_unknown(written, known, places, there, ledger)
            there_at_all |= {each for other, each in known.items() if near and other[: len(near)] == near}
            continue
        there_at_all.add(key)
        if (said := _said(compiled, key, text, ledger)) is not None:
            texts[key] = said
    _note_missing(compiled, places, there_at_all, there, ledger)
    texts |= _made(compiled, texts)
    _note_lengths(compiled, side.language, texts, there, ledger)
    return Translated(texts, ledger.problems())


def _note_missing(
    compiled: Compiled,
    places: Mapping[Path, Place],
    found: Container[str],
    there: Mapping[Path, Place],
    ledger: Ledger,
) -> None:
    """Note what is not there, once, where the first of it would stand: after what stands before it in the workflow
    file.
    """
    by_place = {place: key for key, place in compiled.said_at.items()}
    wanted: dict[str, Path] = {}
    for path, place in places.items():
        key = by_place.get(place)
        if key is not None:
            wanted.setdefault(key, ("title",) if path == ("name",) else path)
    here, first = Place(), None
    missing: list[str] = []
    for key, path in sorted(wanted.items(), key=lambda each: _order(compiled.said_at[each[0]])):
        around = next((at for n in range(len(path), 0, -1) if (at := _at(path[:n], there)) is not None), None)
        here = max(here, around or here, key=_order)
        if key in found or (key == "called" and TITLE_TEXT in found):
            continue
        first = first or here
        missing.append(_dotted(path))
    if first is not None:
        ledger.note(first, "untranslated", *_untranslated(missing, len(wanted)), "warning")


def _untranslated(missing: list[str], wanted: int) -> tuple[str, str]:
    """How much is not translated, with the first places; and what helps."""
    named = [f"`{path}`" for path in missing[:NAMED]]
    if len(missing) == 1:
        return f"{named[0]} is not translated here; it is said in the language of the file", LATER
    rest = len(missing) - len(named)
    listed = (
        ", ".join(named) + f" and {rest} more" if rest else " and ".join((", ".join(named[:-1]), named[-1]))
    )
    said = "they are said in the language of the file"
    return f"{len(missing)} of {wanted} texts are not translated here: {listed}; {said}", LATER


def _order(place: Place) -> tuple[int, int]:
    return place.line, place.column


def _at(path: Path, there: Mapping[Path, Place]) -> Place | None:
    return there.get(_there(path, there))


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
                yield from _leaves(entry.node, (*path, " ".join(entry.key.value.split())))
        case Items(items=items):
            for index, item in enumerate(items):
                yield from _leaves(item, (*path, str(index)))
        case Text():
            if node.value.strip():
                yield path, node


def _dotted(path: Path) -> str:
    return ".".join(path)


def _note_unknown(
    written: Path,
    known: Mapping[Path, str],
    places: Mapping[Path, Place],
    there: Mapping[Path, Place],
    ledger: Ledger,
) -> Path | None:
    """Note the first name on a path that the workflow file does not have there; returns the path that was meant."""
    path = _plain(written)
    begun = {each[:n] for each in known for n in range(len(each) + 1)}
    length = next((n for n in range(1, len(path)) if path[:n] not in begun), len(path))
    if path in begun:
        inside = ", ".join(
            f"`{each}`" for each in dict.fromkeys(k[len(path)] for k in known if k[: len(path)] == path)
        )
        message = f"`{_dotted(written)}` holds more than one text in the workflow file"
        ledger.note(
            place_of(written, there), "unknown-text", message, f"write it as it stands there, with {inside}"
        )
        return path
    siblings = {each[-1]: each for each in begun if len(each) == length and each[:-1] == path[: length - 1]}
    near = nearest(path[length - 1], (each for each in siblings if not each.isdigit()))
    hint = "keep only its sentences: `about`, `ask`, `say`, `answers`, `choices`, `public`, `ends with`"
    if near is not None:
        as_written = next(
            (each[length - 1] for each in places if _plain(each)[:length] == siblings[near]), near
        )
        hint = f"did you mean `{as_written}`?"
    message = f"`{_dotted(written[:length])}` is no sentence of the workflow file"
    ledger.note(place_of(written[:length], there), "unknown-text", message, hint)
    return siblings[near] if near is not None else None


# ── the sentences themselves ─────────────────────────────────────────────────


def _said(compiled: Compiled, key: str, text: Text, ledger: Ledger) -> str | None:
    """The sentence with its placeholders by name; None if they are not those of the original."""

    def by_name(found: re.Match[str]) -> str:
        try:
            return f"<{in_gap(compiled.labels, spaced(found[1]))}>"
        except Unreadable:
            return f"<{spaced(found[1])}>"

    said = GAP.sub(by_name, text.value.strip())
    gaps = compiled.written.get(key, compiled.definition.gaps.get(key, ()))
    wanted, written = set(gaps), set(GAP.findall(said))
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
        key: as_list(
            title,
            {each: texts.get(each, definition.texts.get(each, "")) for each in listing.answers},
            listing,
        )
        for key, listing in compiled.lists.items()
        if TITLE_TEXT in texts or any(each in texts for each in listing.answers)
    }
    if "called" not in compiled.said_at and TITLE_TEXT in texts:
        found["called"] = title
    said = {**texts, **found}
    for key, (source, gaps) in compiled.respoken.items():
        if source in said:
            found[key] = in_other_gaps(said[source], gaps)
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
